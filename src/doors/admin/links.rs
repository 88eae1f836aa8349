//! `POST /api/v1/audience/links`: which listener an exchange's or another's id means.

use axum::extract::{Request, State};
use axum::response::Response;

use super::api::Api;
use super::house::Listeners;
use super::lines::Batch;
use super::refusal::Refusal;
use super::upload::{Judge, upload};
use super::verdict::{Judged, Verdict, text_of};
use crate::knowledge::audience::read_link;

pub async fn post(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let judge = Links { line_max_bytes: api.limits().line_max_bytes };
    upload(api, request, judge).await
}

struct Links {
    line_max_bytes: usize,
}

impl Judge for Links {
    fn judge(&mut self, batch: &Batch, _: &dyn Listeners) -> Judged {
        let mut judged = Judged::default();
        for (line, bytes) in batch.iter() {
            let read = text_of(line, bytes, self.line_max_bytes)
                .map_err(|fault| Verdict::refused(line, "", &[fault]))
                .and_then(|text| {
                    read_link(text).map_err(|faults| Verdict::refused(line, text, &faults))
                });
            match read {
                Ok(change) => {
                    judged.changes.push(change);
                    judged.verdicts.push(Verdict::taken(line, 1));
                }
                Err(refused) => judged.verdicts.push(refused),
            }
        }
        judged
    }
}

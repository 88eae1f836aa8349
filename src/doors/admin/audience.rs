//! `POST /api/v1/audience`: listeners, one JSON object a line.
//!
//! Lines are read against a snapshot of the vocabulary, without a lock; only those with new words
//! are read a second time, where the vocabulary grows, all of a batch at once. Cold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::response::Response;

use super::api::Api;
use super::house::Listeners;
use super::lines::Batch;
use super::refusal::Refusal;
use super::upload::{Judge, upload};
use super::verdict::{Judged, Verdict, text_of};
use crate::base::units::time::Clock;
use crate::knowledge::audience::{Known, LineReader, NewWord, Providers};
use crate::market::vocabulary::Vocabulary;

/// How old a snapshot may grow: taking one copies the vocabulary if it has grown.
const SNAPSHOT_AGE: Duration = Duration::from_millis(500);

pub async fn post(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    let judge = Profiles {
        providers: Arc::clone(&api.providers),
        clock: Arc::clone(&api.clock),
        line_max_bytes: api.limits().line_max_bytes,
        snapshot: (Instant::now(), api.listeners.words().snapshot()),
    };
    upload(api, request, judge).await
}

struct Profiles {
    providers: Arc<Providers>,
    clock: Arc<dyn Clock>,
    line_max_bytes: usize,
    snapshot: (Instant, Arc<Vocabulary>),
}

/// A line that waits for its words: where it stands among the verdicts and the changes.
struct Waiting<'b> {
    text: &'b str,
    verdict: usize,
    change: usize,
    words: Vec<NewWord>,
}

impl Judge for Profiles {
    fn judge(&mut self, batch: &Batch, house: &dyn Listeners) -> Judged {
        if self.snapshot.0.elapsed() > SNAPSHOT_AGE {
            self.snapshot = (Instant::now(), house.words().snapshot());
        }
        let now = self.clock.now();
        let known =
            Known { vocabulary: &self.snapshot.1, providers: &self.providers, now, refused: &[] };
        let mut reader = LineReader::new(known);
        let mut judged = Judged::default();
        let mut waiting = Vec::new();
        for (line, bytes) in batch.iter() {
            let text = match text_of(line, bytes, self.line_max_bytes) {
                Ok(text) => text,
                Err(fault) => {
                    judged.verdicts.push(Verdict::refused(line, "", &[fault]));
                    continue;
                }
            };
            let (verdict, change) = (judged.verdicts.len(), judged.changes.len());
            match reader.read(text, &mut judged.changes) {
                Err(faults) => judged.verdicts.push(Verdict::refused(line, text, &faults)),
                Ok(words) => {
                    let made = judged.changes.len() - change;
                    judged.verdicts.push(Verdict::taken(line, made));
                    if !words.is_empty() {
                        waiting.push(Waiting { text, verdict, change, words });
                    }
                }
            }
        }
        if waiting.is_empty() {
            judged
        } else {
            house.words().grow(|v| late(known, waiting, judged, v))
        }
    }
}

/// Gives the words their ids, and reads the lines that waited for them.
fn late(
    known: Known<'_>,
    waiting: Vec<Waiting<'_>>,
    mut judged: Judged,
    vocabulary: &mut Vocabulary,
) -> Judged {
    let mut refused = Vec::new();
    let mut lines = Vec::with_capacity(waiting.len());
    for Waiting { text, verdict, change, words } in waiting {
        for word in words {
            if let Err(why) = vocabulary.intern(word.dimension, &word.text) {
                refused.push((word, why.to_string()));
            }
        }
        lines.push((text, verdict, change));
    }
    let mut reader = LineReader::new(Known { vocabulary, refused: &refused, ..known });
    let mut early = std::mem::take(&mut judged.changes).into_iter();
    let mut taken = 0;
    for (text, verdict, change) in lines {
        judged.changes.extend(early.by_ref().take(change - taken));
        taken = change;
        let verdict: &mut Verdict = &mut judged.verdicts[verdict];
        let before = judged.changes.len();
        match reader.read(text, &mut judged.changes) {
            // All words that can have an id have one now.
            Ok(_) => verdict.changes = judged.changes.len() - before,
            Err(faults) => *verdict = Verdict::refused(verdict.line, text, &faults),
        }
    }
    judged.changes.extend(early);
    judged
}

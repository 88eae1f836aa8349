//! How are lines taken that come faster than they can be kept? Read, judged, submitted, answered,
//! a few batches at once and in order.
//!
//! Called by the resources that take lines; cold. A line is answered `ok` when it is durable, not
//! before; a client that goes away leaves what was submitted. The status is decided with the first
//! batch: 400 where that was all and none of it was taken, else 200 and an answer to each line.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::answers::{Answers, Gone, reply, stream};
use super::api::{Api, Meters};
use super::house::{Durable, Listeners, Unsubmitted};
use super::lines::{Batch, Lines};
use super::query::Query;
use super::refusal::Refusal;
use super::verdict::{Judged, Verdict};
use crate::knowledge::audience::Change;

/// Batches that are submitted and not yet durable.
const IN_FLIGHT: usize = 4;

/// How soon changes that found no room are submitted again.
const AGAIN: Duration = Duration::from_millis(5);

/// How long the first batch may find no room.
const FIRST_PATIENCE: Duration = Duration::from_millis(500);

/// What reads the lines of one kind.
pub trait Judge: Send + 'static {
    fn judge(&mut self, batch: &Batch, house: &dyn Listeners) -> Judged;
}

/// What is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    Faults,
}

/// Takes an upload.
pub async fn upload(
    api: Api,
    request: Request,
    mut judge: impl Judge,
) -> Result<Response, Refusal> {
    let query = Query::read(request.uri(), &["answers"])?;
    let wanted = match query.get("answers") {
        None | Some("all") => Wanted::All,
        Some("faults") => Wanted::Faults,
        Some(_) => {
            return Err(Refusal::bad_request("answers is \"all\" or \"faults\"").at("answers"));
        }
    };
    let place = api.upload_place()?;
    let (head, body) = request.into_parts();
    let mut lines = Lines::new(&head.headers, body, api.limits(), api.closing.clone())?;
    let first = lines.next().await?;
    let mut judged = judge.judge(&first, &*api.listeners);
    let parts = judged.parts();
    let verdicts = judged.verdicts;
    if first.last && !verdicts.iter().any(Verdict::is_taken) {
        return nothing_taken(&api, &verdicts);
    }
    let durable = submit_all(&*api.listeners, parts, FIRST_PATIENCE).await?;
    let idle = Duration::from_millis(api.limits().idle_timeout_ms);
    let (answers, response) = stream(StatusCode::OK, api.limits().answers_max_bytes, idle);
    let (steps, queue) = mpsc::channel(IN_FLIGHT);
    let telling = tell(answers, queue, wanted, Arc::clone(&api.meters));
    let task = async move {
        let reading = async move {
            let first = (Step { verdicts, durable }, first.last);
            read(&mut lines, &mut judge, first, (&*api.listeners, steps, idle)).await;
        };
        tokio::join!(reading, telling);
        drop(place);
    };
    #[expect(clippy::disallowed_methods, reason = "one task an upload, not a named loop")]
    tokio::spawn(task);
    Ok(response)
}

/// A batch on its way to being durable.
struct Step {
    verdicts: Vec<Verdict>,
    durable: Durable,
}

type Steps = mpsc::Sender<Result<Step, Refusal>>;

/// Reads to the end, or until nobody is told any more.
async fn read(
    lines: &mut Lines,
    judge: &mut impl Judge,
    first: (Step, bool),
    (house, steps, idle): (&dyn Listeners, Steps, Duration),
) {
    let (step, mut last) = first;
    let mut step = Ok(step);
    loop {
        let ended = last || step.is_err();
        if steps.send(step).await.is_err() || ended {
            return;
        }
        step = match lines.next().await {
            Ok(batch) => {
                last = batch.last;
                let mut judged = judge.judge(&batch, house);
                let parts = judged.parts();
                let verdicts = judged.verdicts;
                // The runtime has one thread: others get their turn between two batches.
                tokio::task::yield_now().await;
                let from = verdicts.first().map_or(0, |verdict| verdict.line);
                let durable = submit_all(house, parts, idle).await;
                durable.map(|durable| Step { verdicts, durable }).map_err(|why| why.at_line(from))
            }
            Err(refusal) => {
                let line = lines.number() + 1;
                Err(refusal.at_line(line))
            }
        };
    }
}

/// Submits part after part.
async fn submit_all(
    house: &dyn Listeners,
    parts: Vec<Vec<Change>>,
    patience: Duration,
) -> Result<Durable, Refusal> {
    let mut all = Vec::with_capacity(parts.len());
    for part in parts {
        all.push(submit(house, part, patience).await?);
    }
    if all.len() == 1 {
        return Ok(all.remove(0));
    }
    Ok(Box::pin(async {
        for durable in all {
            durable.await?;
        }
        Ok(())
    }))
}

/// Submits as soon as there is room.
pub async fn submit(
    house: &dyn Listeners,
    mut changes: Vec<Change>,
    patience: Duration,
) -> Result<Durable, Refusal> {
    if changes.is_empty() {
        return Ok(Box::pin(ready(Ok(()))));
    }
    let until = Instant::now() + patience;
    loop {
        changes = match house.submit(changes) {
            Ok(durable) => return Ok(durable),
            Err(Unsubmitted::Busy(_)) if Instant::now() >= until => {
                let error = "more changes wait than can be kept";
                let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error);
                return Err(refusal.with_mend("send the rest again later").retry_after_s(1));
            }
            Err(Unsubmitted::Busy(changes)) => changes,
            Err(Unsubmitted::Full(why)) => {
                return Err(Refusal::new(StatusCode::INSUFFICIENT_STORAGE, why));
            }
            Err(Unsubmitted::Never(why)) => {
                return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why));
            }
        };
        sleep(AGAIN).await;
    }
}

async fn tell(
    mut answers: Answers,
    mut queue: mpsc::Receiver<Result<Step, Refusal>>,
    wanted: Wanted,
    meters: Arc<Meters>,
) {
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    let mut broken = None;
    while let Some(step) = queue.recv().await {
        let step = match step {
            Ok(step) => step,
            Err(refusal) => {
                broken = Some(refusal);
                break;
            }
        };
        let kept = step.durable.await;
        let bad = step.verdicts.iter().filter(|verdict| !verdict.is_taken()).count() as u64;
        let good = step.verdicts.len() as u64 - bad;
        meters.refused.increment(bad);
        meters.tell_barred(&step.verdicts);
        refused += bad;
        if let Err(why) = kept {
            let line = step.verdicts.first().map_or(0, |verdict| verdict.line);
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why);
            broken = Some(refusal.at_line(line).with_mend("send this line and the rest again"));
            break;
        }
        meters.accepted.increment(good);
        accepted += good;
        if say(&mut answers, &step.verdicts, wanted).await.is_err() {
            return;
        }
    }
    let done = broken.is_none();
    let summary = |out: &mut Vec<u8>| {
        let broken = broken.as_ref().map(|refusal| json!(refusal));
        summary(done, accepted, refused, broken, out);
    };
    // Nobody is left to tell where this fails.
    let _ = answers.add(summary).await;
    let _ = answers.flush().await;
}

async fn say(answers: &mut Answers, verdicts: &[Verdict], wanted: Wanted) -> Result<(), Gone> {
    for verdict in verdicts {
        if wanted == Wanted::All || !verdict.is_taken() {
            answers.add(|out| verdict.write(out)).await?;
        }
    }
    answers.flush().await
}

fn summary(
    done: bool,
    accepted: u64,
    refused: u64,
    broken: Option<serde_json::Value>,
    out: &mut Vec<u8>,
) {
    let mut line = json!({ "done": done, "accepted": accepted, "refused": refused });
    if let (Some(serde_json::Value::Object(broken)), Some(line)) = (broken, line.as_object_mut()) {
        line.extend(broken);
    }
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}

/// All that came was at fault: 400, with an answer to each line all the same.
fn nothing_taken(api: &Api, verdicts: &[Verdict]) -> Result<Response, Refusal> {
    if verdicts.is_empty() {
        let mend = "send one JSON object a line";
        return Err(Refusal::bad_request("the body has no line").with_mend(mend));
    }
    api.meters.refused.increment(verdicts.len() as u64);
    api.meters.tell_barred(verdicts);
    let mut out = Vec::new();
    for verdict in verdicts {
        verdict.write(&mut out);
    }
    summary(true, 0, verdicts.len() as u64, None, &mut out);
    Ok(reply(StatusCode::BAD_REQUEST, out.into()))
}

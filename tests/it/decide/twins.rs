//! The same request as protobuf must end alike: the same outcome, winners and markup; and what is
//! kept of it must replay.

use std::sync::LazyLock;

use interlude::flows::decide::record::record;
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::{Received, decide};
use interlude::market::openrtb::Wire;
use interlude::market::outcome::Outcome;
use interlude::offer::delivery::{Answers, Live, Recorder};
use prost_reflect::MessageDescriptor;
use prost_reflect::prost::Message;
use serde_json::Value;

use super::kept_differs;
use super::world::Scene;
use crate::wire::message;

pub fn protobuf(request: &Value) -> Vec<u8> {
    static REQUEST: LazyLock<MessageDescriptor> =
        LazyLock::new(|| message::descriptor("BidRequest"));
    message::encode(request, &REQUEST).encode_to_vec()
}

/// Decides the request's protobuf and says where it comes to something else than its JSON did.
pub fn differs<'s>(
    body: &[u8],
    json: &Received<'_>,
    scene: &Scene,
    live: impl Live<'s>,
    (outcome, of_json): (Outcome, &Scratch),
) -> Vec<String> {
    let received = Received { wire: Wire::Protobuf, body, ..*json };
    let (mut scratch, mut answers) = (Scratch::new(), Answers::new());
    let mut live = Recorder::new(live, &mut answers);
    let ended = decide(&received, &scene.world, &mut live, scene.at, &mut scratch);
    let kept = record(&received, &scene.world, scene.at, (ended, &answers), &scratch);
    let mut faults = Vec::new();
    if ended != outcome {
        faults.push(format!("as protobuf it ends as {}, not {}", ended.label(), outcome.label()));
    }
    if winners(&scratch) != winners(of_json) || !scratch.markup().eq(of_json.markup()) {
        faults.push(format!("as protobuf {:?} win", winners(&scratch)));
    }
    let replayed = kept_differs(&kept, body, scene, &scratch);
    faults.extend(replayed.map(|fault| format!("as protobuf {fault}")));
    faults
}

/// Slot, line, creative, deal and price of each winner.
pub fn winners(scratch: &Scratch) -> Vec<(u16, u32, u32, Option<u16>, String)> {
    let winners = scratch.made().winners.iter().map(|winner| {
        let c = &winner.candidate;
        (c.slot, c.line.0, c.creative.0, c.deal, c.price.to_string())
    });
    winners.collect()
}

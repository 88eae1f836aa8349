//! Where is it sold, and which break is it? The facts of the market, of the request and the slot.
//!
//! Called by [`opportunity`](super::opportunity) once a request and by the flow once a slot; hot.

use crate::market::exchange::Exchange;
use crate::market::facts::Facts;
use crate::market::openrtb::request::Request;
use crate::market::slot::Slot;
use crate::market::vocabulary::{Dimension, Vocabulary};

/// Exchange, publisher and app: of a site, its domain.
pub fn set(request: &Request<'_>, exchange: &Exchange, vocabulary: &Vocabulary, facts: &mut Facts) {
    let mut set = |dimension, text: Option<&str>| {
        if let Some(text) = text {
            facts.set(dimension, vocabulary.find(dimension, text));
        }
    };
    set(Dimension::Exchange, Some(&exchange.key));
    set(Dimension::Publisher, request.publisher().and_then(|publisher| publisher.id));
    let of_app = request.app.as_ref().and_then(|app| app.bundle.or(app.domain).or(app.id));
    let of_site = request.site.as_ref().and_then(|site| site.domain.or(site.id));
    set(Dimension::App, of_app.or(of_site));
}

/// The facts that differ from slot to slot: feed, deals, the break's position, the pod's place.
pub fn set_slot(slot: &Slot<'_>, vocabulary: &Vocabulary, facts: &mut Facts) {
    facts.next_slot();
    let audio = slot.audio;
    if let Some(feed) = audio.feed {
        facts.set(Dimension::Feed, vocabulary.coded(Dimension::Feed, feed));
    }
    let deals = slot.deals.iter();
    facts
        .set(Dimension::Deal, deals.filter_map(|offer| vocabulary.find(Dimension::Deal, offer.id)));
    let position = audio.startdelay.map(|delay| match delay {
        0 => "pre",
        -2 => "post",
        _ => "mid",
    });
    if let Some(position) = position {
        let value = vocabulary.find(Dimension::BreakPosition, position);
        facts.set(Dimension::BreakPosition, value);
    }
    // `slotinpod` since 2.6, `sequence` before it (§3.2.8): 1 is the first, −1 the last; what the
    // seller leaves open (0, 2) is not known.
    let place = match (audio.slotinpod, audio.sequence) {
        (Some(1), _) | (None, Some(1)) => Some("first"),
        (Some(-1), _) => Some("last"),
        (None, Some(2..)) => Some("middle"),
        _ => None,
    };
    if let Some(place) = place {
        facts.set(Dimension::PodPlace, vocabulary.find(Dimension::PodPlace, place));
    }
}

//! All bid requests of the corpus through the whole bid path, against the demo's catalogue.
//!
//! An audio request ends as 200 or 204, any other as 204 (or 400 where it has a strict fault, by
//! name in the wire's list), an invalid one as 400 or 204, and nothing ends as a defect of ours. Of
//! the audio requests that any fitting creative could serve, at least 85 in a hundred get a bid by
//! a line that asks for the content, the audience, the moment or the place; each of the others is
//! named here with its reason.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use interlude::app::config::Config;
use interlude::app::run::{Foundation, make_demo};
use interlude::base::units::time::Moment;
use interlude::flows::decide::explain::explain;
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::world::World;
use interlude::flows::decide::{Circumstance, Received};
use interlude::flows::notice::ticket_keys;
use interlude::knowledge::catalog::model::Expr;
use interlude::market::openrtb::Wire;
use interlude::market::outcome::{NoBid, Outcome};
use interlude::offer::delivery::{self, Book};

use super::wire::corpus;
use crate::shared;

/// Why an audio request can be served by no creative, however it fits: there is no audio in it, or
/// none in a form that is written today (DAAST, wrappers); or it is sold to others alone (a
/// private auction without a deal of ours, a list of seats without ours).
const UNSERVABLE: [NoBid; 5] = [
    NoBid::NotAudio,
    NoBid::FormatUnsupported,
    NoBid::CurrencyUnsupported,
    NoBid::NoDealMatches,
    NoBid::SeatBlocked,
];

/// Audio requests that a fitting creative could serve and that still get no bid, and why.
const WITHOUT_BID: [(&str, &str); 2] = [
    ("prebid-alkimi-ex-simple-audio-7fdedf.json", "wants 32 to 128 kbps; the spots have 24"),
    ("prebid-alkimi-ex-simple-audio-in-1825e2.json", "wants 32 to 128 kbps; the spots have 24"),
];

struct Demo {
    world: World,
    _folder: tempfile::TempDir,
}

impl Demo {
    fn new() -> Demo {
        let folder = tempfile::tempdir().unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        let mut config = Config::load(&file).unwrap();
        if let Some(demo) = &mut config.demo {
            demo.listeners = 1_000;
        }
        make_demo(&mut config, folder.path(), &mut |_, _| {}).unwrap();
        let keys = ticket_keys(&config.notice.tickets, folder.path()).unwrap();
        let foundation = Foundation::lay(&config, folder.path(), keys).unwrap();
        Demo { world: foundation.build().unwrap().world, _folder: folder }
    }

    /// How a request ends, and whether a line with a clause bids.
    fn ends(&self, body: &[u8], scratch: &mut Scratch) -> (Outcome, bool, String) {
        let world = &self.world;
        let exchange = world.exchange_named("demo").unwrap();
        let received = Received::new(exchange, Wire::Json, body);
        // A Monday, 18:30 in UTC.
        let moment = Moment::from_unix_s(1_795_458_600);
        let at = Circumstance { moment, coin: world.coin };
        let book = Arc::new(Book::new(&delivery::Config::default()));
        let desk = book.desk(&world.catalog, None).unwrap();
        let explained = explain(&received, world, &mut desk.live(), at, scratch);
        let outcome = scratch.made().outcome.unwrap();
        let with_clause = scratch
            .made()
            .winners
            .iter()
            .any(|winner| asks(&world.catalog.line(winner.candidate.line).targeting));
        let offers = explained.slots.iter().map(|slot| slot.offer.as_str());
        (outcome, with_clause, offers.collect::<Vec<_>>().join("; "))
    }
}

/// Whether an expression has a clause at all; every dimension but those of the sale is one of
/// content, audience, moment or place.
fn asks(expr: &Expr) -> bool {
    use interlude::market::vocabulary::Dimension::{App, Deal, Exchange, Publisher};
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().any(asks),
        Expr::Not(inner) => asks(inner),
        Expr::Leaf(leaf) => !matches!(leaf.dimension, Exchange | Publisher | App | Deal),
    }
}

#[test]
fn audio_requests_get_bids_from_the_demo() {
    let (demo, mut scratch) = (Demo::new(), Scratch::new());
    let (mut servable, mut served, mut faults) = (0, 0, Vec::new());
    for path in corpus::files(&shared("bidrequests/audio")) {
        let (name, body) = (corpus::name(&path), fs::read(&path).unwrap());
        let (outcome, with_clause, offer) = demo.ends(&body, &mut scratch);
        match outcome {
            Outcome::Malformed(_) => {
                let known = corpus::AUDIO_REFUSED.iter().any(|(file, ..)| *file == name);
                if !known {
                    faults.push(format!("{name}: 400 ({})", outcome.label()));
                }
            }
            Outcome::NoBid(NoBid::Internal) => faults.push(format!("{name}: a defect of ours")),
            Outcome::NoBid(reason) if UNSERVABLE.contains(&reason) => {}
            Outcome::Bid if with_clause => {
                servable += 1;
                served += 1;
            }
            _ => {
                servable += 1;
                if !WITHOUT_BID.iter().any(|(file, _)| *file == name) {
                    faults.push(format!("{name}: {} ({offer})", outcome.label()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{served} of {servable}\n{}", faults.join("\n"));
    assert!(served * 100 >= servable * 85, "{served} of {servable} get a bid");
    println!("{served} of {servable} servable audio requests get a bid by a line with a clause");
}

#[test]
fn requests_without_audio_get_no_bid() {
    let (demo, mut scratch) = (Demo::new(), Scratch::new());
    for path in corpus::files(&shared("bidrequests/nonaudio")) {
        let (name, body) = (corpus::name(&path), fs::read(&path).unwrap());
        match demo.ends(&body, &mut scratch).0 {
            Outcome::NoBid(reason) => assert_ne!(reason, NoBid::Internal, "{name}"),
            Outcome::Malformed(_) => {
                assert!(corpus::NONAUDIO_REFUSED.iter().any(|(file, ..)| *file == name), "{name}");
            }
            Outcome::Bid => panic!("{name}: a bid"),
        }
    }
}

#[test]
fn invalid_requests_get_no_bid() {
    let (demo, mut scratch) = (Demo::new(), Scratch::new());
    for path in corpus::files(&shared("bidrequests/invalid")) {
        let (name, body) = (corpus::name(&path), fs::read(&path).unwrap());
        let strict = corpus::INVALID_REFUSED.iter().any(|(file, ..)| *file == name);
        match demo.ends(&body, &mut scratch).0 {
            Outcome::Malformed(_) => assert!(strict, "{name}: 400 without a strict fault"),
            outcome => assert!(!strict && outcome != Outcome::NoBid(NoBid::Internal), "{name}"),
        }
    }
}

//! Does the demo world sell? Its requests are decided as in production, without sockets.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::base::units::ids::ListenerKey;
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;
use crate::flows::decide::coin::Coin;
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::world::{Parts, World};
use crate::flows::decide::{Circumstance, Received, decide};
use crate::knowledge::audience::{Audience, AudienceBuilder, Profile, parse_line};
use crate::knowledge::catalog::{self, model::Catalog};
use crate::knowledge::enrich::{listener, place};
use crate::market::exchange::{Exchange, Rates};
use crate::market::openrtb::Wire;
use crate::market::ticket::TicketKeys;
use crate::market::vocabulary::Vocabulary;
use crate::offer::delivery::{self, Book};

const LISTENERS: u32 = 3_000;

/// 2026-01-05, a Monday; 14:00 UTC.
const MONDAY: Moment = Moment::from_unix_s(1_767_621_600);

fn rates() -> Rates {
    let rates = [("USD", 10_000), ("EUR", 10_800), ("GBP", 12_700), ("JPY", 66)]
        .map(|(code, worth)| (Currency::parse(code).unwrap(), worth));
    Rates::new("demo", rates)
}

fn catalog(vocabulary: &mut Vocabulary) -> Catalog {
    let folder = tempfile::tempdir().unwrap();
    for file in world(1) {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.bytes).unwrap();
    }
    let files = [folder.path().to_owned()];
    catalog::load(&files, vocabulary, &rates(), &catalog::Limits::default()).unwrap()
}

fn audience(vocabulary: &mut Vocabulary) -> Audience {
    let (listeners, mut builder) = (Listeners::new(1), AudienceBuilder::default());
    let mut bytes = Vec::new();
    for index in 0..u64::from(LISTENERS) {
        let listener = listeners.at(index);
        let line = parse_line(&listener.json_line(), vocabulary).unwrap();
        bytes.clear();
        line.encode(vocabulary, &mut bytes).unwrap();
        let profile = Profile::checked(&bytes, vocabulary.len()).unwrap();
        builder.add(ListenerKey::of(&listener.id), profile);
    }
    builder.build()
}

#[test]
fn the_demo_world_sells_to_nearly_all_and_with_many_lines() {
    let mut vocabulary = Vocabulary::new();
    let catalog = Arc::new(catalog(&mut vocabulary));
    let book = Arc::new(Book::new(&delivery::Config::default()));
    let desk = book.desk(&catalog.lines).unwrap();
    let parts = Parts {
        audience: Arc::new(audience(&mut vocabulary)),
        catalog: catalog.clone(),
        vocabulary: Arc::new(vocabulary),
        exchanges: vec![Exchange::standard("demo")].into(),
        rates: Arc::new(rates()),
        atlas: Arc::new(place::Atlas::open(&place::Config::default()).unwrap()),
        keys: Arc::new(TicketKeys::new(1, [(1, &[7_u8; 32][..])]).unwrap()),
        public_url: "http://127.0.0.1:8080".into(),
        coin: Coin::new(1),
        listeners: listener::Config::default(),
    };
    let world = World::assemble(parts, None);
    let requests = Requests::new(1, LISTENERS);
    let exchange = world.exchange_named("demo").unwrap();
    let (mut scratch, mut ends, mut won) = (Scratch::new(), BTreeMap::new(), BTreeMap::new());
    const COUNT: u64 = 4_000;
    for index in 0..COUNT {
        // A week in steps: every hour of every day comes up.
        let moment = MONDAY.plus_s((index * 151) as i64);
        let at = Circumstance { moment, coin: world.coin };
        let body = requests.json(index, moment);
        let received = Received { exchange, wire: Wire::Json, body: &body };
        let outcome = decide(&received, &world, &mut desk.live(), at, &mut scratch);
        *ends.entry(outcome.label()).or_insert(0_u64) += 1;
        for winner in &scratch.made().winners {
            *won.entry(catalog.line(winner.candidate.line).key.clone()).or_insert(0_u64) += 1;
            book.release(winner.bid, catalog.line(winner.candidate.line).id, true);
        }
    }
    let bids = ends.get("bid").copied().unwrap_or(0);
    assert!(bids * 100 >= COUNT * 85, "{bids} of {COUNT}: {ends:?}");
    assert!(bids < COUNT, "some requests cannot be filled by design");
    assert!(won.len() * 10 >= catalog.lines.len() * 8, "{} lines won: {won:?}", won.len());
}

//! Does the demo world sell? Its requests are decided as in production, without sockets.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stage::Stage;
use super::*;
use crate::base::units::time::Moment;
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::world::{Parts, World};
use crate::flows::decide::{Circumstance, Received, decide};
use crate::market::openrtb::Wire;
use crate::offer::delivery::{self, Book};

const LISTENERS: u32 = 3_000;

/// 2026-01-05, a Monday; 14:00 UTC.
const MONDAY: Moment = Moment::from_unix_s(1_767_621_600);

fn parts() -> Parts {
    let folder = tempfile::tempdir().unwrap();
    for file in world(1) {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.bytes).unwrap();
    }
    Stage::of_files(&[folder.path().to_owned()]).with_listeners(1, LISTENERS).parts()
}

#[test]
fn the_demo_world_sells_to_nearly_all_and_with_many_lines() {
    let parts = parts();
    let catalog = parts.catalog.clone();
    let book = Arc::new(Book::new(&delivery::Config::default()));
    let desk = book.desk(&catalog, None).unwrap();
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
        let received = Received::new(exchange, Wire::Json, &body);
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
    assert!(won.len() * 10 >= catalog.counts.lines * 8, "{} lines won: {won:?}", won.len());
}

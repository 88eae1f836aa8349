//! What would a day of requests look like? Seeded listeners, requests and a world to sell to.
//!
//! Used by the demo, later by forecast, simulator and load test; cold, allocates freely. All of
//! it is a function of a seed and an index: the same request whoever asks for it, and when.
//! Names of services, artists and brands are made up; domains end in `.example`.

pub mod lines;

pub mod catalogs;

mod devices;

mod music;

mod places;

mod listeners;

pub mod multitude;

mod requests;

mod mp3;

mod spots;

pub mod auctions;

pub mod pacing;

mod world;

pub mod stage;

pub use listeners::{Listener, ListenerLines, Listeners};
pub use requests::Requests;
pub use world::{WorldFile, world};

use crate::base::stdx::rng::Rng;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The generator of one element of a series.
fn series(seed: u64, name: &str, index: u64) -> Rng {
    let of_series = xxh3_64_with_seed(name.as_bytes(), seed);
    Rng::new(xxh3_64_with_seed(&index.to_le_bytes(), of_series))
}

/// One of a list that is never empty.
fn pick<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.below(items.len())]
}

/// One of a list that is never empty, by weight.
fn weighted<'a, T>(rng: &mut Rng, items: &'a [T], weight: impl Fn(&T) -> u32) -> &'a T {
    let total: u32 = items.iter().map(&weight).sum();
    let mut point = rng.below(total as usize) as u32;
    for item in items {
        let own = weight(item);
        if point < own {
            return item;
        }
        point -= own;
    }
    &items[items.len() - 1]
}

/// The lines of a table, without remarks.
fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

#[cfg(test)]
mod consent_tests;

#[cfg(test)]
mod tests;

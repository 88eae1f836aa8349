//! Where can decisions be tried out? A world of given campaigns with fixed keys, rates and coin.
//!
//! For tests and benches of `decide` and what stands around it; cold. Each changes in the
//! [`Parts`] what it is about and leaves the rest. A stage that cannot be set up panics.

#![allow(clippy::expect_used, reason = "what is tried out on no stage tells nothing")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Listeners;
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;
use crate::flows::decide::coin::Coin;
use crate::flows::decide::world::Parts;
use crate::knowledge::audience::{
    Audience, Change, GenerationBuilder, Profile, Providers, Suppression, read_growing,
};
use crate::knowledge::catalog::{self, model::Catalog};
use crate::knowledge::enrich::{listener, place};
use crate::market::exchange::{Exchange, Rates};
use crate::market::marks::Marks;
use crate::market::outcome::Refusal;
use crate::market::ticket::TicketKeys;
use crate::market::vocabulary::Vocabulary;
use crate::offer::delivery::{Ask, Hold, Live, Pace};

/// Sells what some campaign files say, on the standard exchange `demo`.
pub struct Stage {
    vocabulary: Vocabulary,
    catalog: Catalog,
    audience: Audience,
}

impl Stage {
    /// Of one campaign file's text, such as [`super::catalogs::campaign_file`] makes.
    pub fn of_text(text: &str) -> Stage {
        let (mut vocabulary, limits) = (Vocabulary::new(), catalog::Limits::default());
        let file = Path::new("made.json");
        let report = catalog::inspect_text(file, text, &mut vocabulary, &rates(), &limits);
        let catalog = report.catalog.unwrap_or_else(|faults| panic!("{faults}"));
        Stage { vocabulary, catalog, audience: Audience::empty() }
    }

    /// Of campaign files and folders.
    pub fn of_files(files: &[PathBuf]) -> Stage {
        let (mut vocabulary, limits) = (Vocabulary::new(), catalog::Limits::default());
        let catalog = catalog::load(files, &mut vocabulary, &rates(), &limits);
        let catalog = catalog.unwrap_or_else(|faults| panic!("{faults}"));
        Stage { vocabulary, catalog, audience: Audience::empty() }
    }

    /// The first so many listeners of a seed are known.
    pub fn with_listeners(mut self, seed: u64, count: u32) -> Stage {
        let (listeners, mut builder) = (Listeners::new(seed), GenerationBuilder::default());
        let (nobody, moment) = (Providers::default(), Moment::default());
        for index in 0..u64::from(count) {
            let text = listeners.at(index).json_line();
            let changes = read_growing(&text, &mut self.vocabulary, &nobody, moment);
            for change in changes.expect("a listener") {
                let Change::Put { key, profile } = change else { continue };
                let profile = Profile::checked(&profile, self.vocabulary.len());
                builder.add(key, profile.expect("a profile"));
            }
        }
        self.audience = Audience::of(builder.build());
        self
    }

    pub fn parts(self) -> Parts {
        let atlas = place::Atlas::open(&place::Config::default()).expect("the zones");
        let keys = TicketKeys::new(1, [(1, &[7_u8; 32][..])], Marks::new(&[7; 32])).expect("a key");
        Parts {
            catalog: Arc::new(self.catalog),
            vocabulary: Arc::new(self.vocabulary),
            audience: Arc::new(self.audience),
            suppression: Arc::new(Suppression::empty(*keys.marks())),
            exchanges: vec![Exchange::standard("demo")].into(),
            rates: Arc::new(rates()),
            atlas: Arc::new(atlas),
            keys: Arc::new(keys),
            public_url: "https://ads.example".into(),
            coin: Coin::new(11),
            listeners: listener::Config::default(),
            privacy: Arc::default(),
            providers: Arc::default(),
        }
    }
}

/// A live half that grants everything: what a decision costs without the desk.
pub struct Granting;

impl Live<'_> for Granting {
    fn may_bid(&mut self, _: &Ask) -> Result<Pace, Refusal> {
        Ok(Pace::FULL)
    }

    fn hold(&mut self, _: &Hold) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Four currencies, their worth in billionths of a dollar.
fn rates() -> Rates {
    let rates = [
        ("USD", 1_000_000_000),
        ("EUR", 1_100_000_000),
        ("GBP", 1_300_000_000),
        ("JPY", 6_500_000),
    ];
    let rates = rates.map(|(code, worth)| (Currency::parse(code).expect("a code"), worth));
    Rates::new("stage", rates)
}

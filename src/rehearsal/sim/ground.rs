//! What does every seed's world stand on? Words, zones, rates and keys; made once, shared.

use std::path::Path;
use std::sync::Arc;

use super::Broken;
use super::plan::Plan;
use crate::base::units::money::Currency;
use crate::knowledge::catalog::{self, model::Catalog};
use crate::knowledge::enrich::place;
use crate::market::exchange::Rates;
use crate::market::marks::Marks;
use crate::market::ticket::TicketKeys;
use crate::market::vocabulary::Vocabulary;

/// What every seed's world shares; made once.
#[derive(Clone)]
pub struct Ground {
    vocabulary: Arc<Vocabulary>,
    pub atlas: Arc<place::Atlas>,
    pub rates: Arc<Rates>,
    pub keys: Arc<TicketKeys>,
}

impl Ground {
    pub fn new() -> Result<Ground, Broken> {
        let worth = [
            ("USD", 1_000_000_000),
            ("EUR", 1_100_000_000),
            ("GBP", 1_300_000_000),
            ("JPY", 6_500_000),
        ];
        let rates = worth.iter().filter_map(|&(code, worth)| Some((Currency::parse(code)?, worth)));
        let keys = TicketKeys::new(1, [(1, &[7_u8; 32][..])], Marks::new(&[9; 32]));
        Ok(Ground {
            vocabulary: Arc::new(Vocabulary::new()),
            atlas: Arc::new(place::Atlas::open(&place::Config::default()).map_err(Broken::of)?),
            rates: Arc::new(Rates::new("simulated", rates)),
            keys: Arc::new(keys.map_err(Broken::of)?),
        })
    }

    pub fn catalog(&self, plan: &Plan) -> Result<(Catalog, Vocabulary), Broken> {
        let mut vocabulary = Vocabulary::clone(&self.vocabulary);
        let (file, limits) = (Path::new("simulated.json"), catalog::Limits::default());
        let report =
            catalog::inspect_text(file, &plan.text(), &mut vocabulary, &self.rates, &limits);
        Ok((report.catalog.map_err(Broken::of)?, vocabulary))
    }
}

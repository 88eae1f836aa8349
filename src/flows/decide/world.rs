//! What does a request see? One immutable value, published whole.
//!
//! Built by `app::run` when the catalog, the audience or the configuration changes (cold), read
//! by every decision (hot). Publishing moves pointers: what did not change is shared.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use crate::base::units::ids::LineIx;
use crate::flows::decide::coin::Coin;
use crate::knowledge::audience::{Audience, Providers, Suppression};
use crate::knowledge::catalog::model::Catalog;
use crate::knowledge::catalog::search_order;
use crate::knowledge::enrich::listener;
use crate::knowledge::enrich::place::Atlas;
use crate::market::exchange::{Exchange, ExchangeIx, Rates};
use crate::market::privacy::Policy;
use crate::market::ticket::TicketKeys;
use crate::market::vocabulary::Vocabulary;
use crate::offer::creative::PublicUrl;
use crate::offer::targeting::{Fresh, Index};

/// What a world is put together from; everything is shared, nothing copied.
#[derive(Clone)]
pub struct Parts {
    pub catalog: Arc<Catalog>,
    pub vocabulary: Arc<Vocabulary>,
    pub audience: Arc<Audience>,
    /// What listeners have refused.
    pub suppression: Arc<Suppression>,
    pub exchanges: Arc<[Exchange]>,
    pub rates: Arc<Rates>,
    pub atlas: Arc<Atlas>,
    pub keys: Arc<TicketKeys>,
    /// The base of every URL that we hand out, without a slash at its end.
    pub public_url: Arc<str>,
    pub coin: Coin,
    pub listeners: listener::Config,
    pub privacy: Arc<Policy>,
    /// Third parties whose segments listeners have.
    pub providers: Arc<Providers>,
}

#[derive(Clone)]
pub struct World {
    /// Names the contents: equal catalogs, exchanges and rates have equal versions. Listeners
    /// come and go without a new version: a record keeps the profile it was made with.
    pub version: u64,
    /// What the version was when every line had its place anew: the base that an edited world
    /// shares, kept beside it for replay. The version itself unless the catalog was edited.
    pub base_version: u64,
    pub index: Arc<Index>,
    hosted_secure: bool,
    parts: Parts,
}

impl World {
    /// Compiles the catalog's targeting: all of it, or what `before` has not just so.
    pub fn assemble(parts: Parts, before: Option<&World>) -> World {
        let index = match before {
            Some(world) if Arc::ptr_eq(&world.catalog, &parts.catalog) => world.index.clone(),
            Some(world) if world.catalog.shares_base(&parts.catalog) => {
                Arc::new(edited(&world.index, &parts))
            }
            _ => {
                let base = Index::build(parts.catalog.base_lines());
                Arc::new(if parts.catalog.is_edited() { edited(&base, &parts) } else { base })
            }
        };
        let base = PublicUrl::parse(&parts.public_url);
        let hosted_secure = base.is_ok_and(|base| base.is_secure());
        let version = |catalog| version(catalog, &parts);
        let (version, base_version) =
            (version(parts.catalog.version), version(parts.catalog.base_version));
        World { version, base_version, index, hosted_secure, parts }
    }

    /// The same world before other listeners.
    pub fn with_audience(&self, audience: Arc<Audience>) -> World {
        let mut world = self.clone();
        world.parts.audience = audience;
        world
    }

    /// The same world after what listeners have refused since.
    pub fn with_suppression(&self, suppression: Arc<Suppression>) -> World {
        let mut world = self.clone();
        world.parts.suppression = suppression;
        world
    }

    /// The same world with words that were added since. No line of it asks for them, so the
    /// index holds as it is.
    pub fn with_vocabulary(&self, vocabulary: Arc<Vocabulary>) -> World {
        let mut world = self.clone();
        world.parts.vocabulary = vocabulary;
        world
    }

    /// The same world with other keys to sign its tickets.
    pub fn with_keys(&self, keys: Arc<TicketKeys>) -> World {
        let mut world = self.clone();
        world.parts.keys = keys;
        world
    }

    pub fn exchange(&self, ix: ExchangeIx) -> &Exchange {
        &self.exchanges[usize::from(ix.0)]
    }

    /// The row of an exchange's key: the path segment of its endpoint.
    pub fn exchange_named(&self, key: &str) -> Option<ExchangeIx> {
        let place = self.exchanges.iter().position(|row| row.key == key)?;
        u16::try_from(place).ok().map(ExchangeIx)
    }

    /// Whether what stands under our public URL may be part of secure markup.
    pub fn hosted_secure(&self) -> bool {
        self.hosted_secure
    }
}

impl std::ops::Deref for World {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// The index of a base with what the catalog has beside it.
fn edited(base: &Index, parts: &Parts) -> Index {
    let catalog = &parts.catalog;
    let lines = catalog.base_lines();
    let fresh = catalog.fresh_lines().iter().map(|line| {
        let place = lines.partition_point(|other| search_order(other) < search_order(line));
        Fresh { targeting: &line.targeting, before: LineIx(place as u32) }
    });
    base.edit(catalog.gone(), &fresh.collect::<Vec<_>>())
}

fn version(catalog: u64, parts: &Parts) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(&catalog.to_le_bytes());
    hash.update(format!("{:?}{:?}{:?}", parts.exchanges, parts.rates, parts.privacy).as_bytes());
    hash.update(parts.public_url.as_bytes());
    hash.update(&[parts.listeners.min_confidence_pct]);
    let distress = parts.vocabulary.enabled_distress();
    if !distress.is_empty() {
        hash.update(&[distress.bits()]);
    }
    hash.digest()
}

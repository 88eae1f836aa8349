//! What is known of this listener? Everything, with where it came from and what it was used for.
//!
//! Asked by the listener through commands and the API; cold. Only what stands under his own key
//! and mark is read, so that there is nothing of others to leave out.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::name::{Named, named};
use super::rule::{Met, met};
use super::told::{Origin, Refusals, moment};
use super::{Fault, Stores};
use crate::base::units::ids::LineId;
use crate::base::units::redacted::redacted;
use crate::base::units::time::Moment;
use crate::flows::decide::again::seen;
use crate::flows::decide::world::World;
use crate::knowledge::audience::{Act, Audience, Deed, Profile, Purpose, Segment};
use crate::knowledge::catalog::model::{Catalog, Line};
use crate::market::vocabulary::{SIGNAL_KINDS, SignalKind, ValueId};
use crate::offer::records::{DecisionRecord, Sample};

/// Decisions that are told one by one, the newest; all are counted.
const DECISIONS_MAX: usize = 1000;

/// Everything; `Serialize` for machines, [`page`](super::page) for people.
#[derive(Clone, PartialEq, Serialize)]
pub struct Export {
    pub made_at: String,
    pub listener: Listener,
    /// By the kind of signal.
    pub profile: Vec<KindKnown>,
    pub refusals: Refusals,
    pub links: Links,
    /// Impressions that are counted for frequency caps and reach.
    pub heard: Vec<Heard>,
    pub decisions: Decisions,
    /// What was done under these rights.
    pub acts: Vec<ActTold>,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// What the profile stands under: `key:` and this names the listener in commands and the API.
    pub key: String,
    pub known: bool,
    pub note: &'static str,
}

redacted!(Export, KindKnown, Known, Links, Heard, Decisions, Decision, AdChosen, Listener);

const NOTE: &str = "We keep no id of yours. Your profile stands under a one-way hash of the id \
                    that we were told it by; caps, decisions and refusals under a keyed hash of \
                    that, which is of no use without our secret.";

#[derive(Clone, PartialEq, Serialize)]
pub struct KindKnown {
    pub kind: &'static str,
    /// In the listener's words.
    pub what: &'static str,
    pub values: Vec<Known>,
}

#[derive(Clone, PartialEq, Serialize)]
pub struct Known {
    pub dimension: &'static str,
    pub value: String,
    /// How sure we are, in percent.
    pub confidence_pct: u8,
    /// `None`: until it is replaced or erased.
    pub expires: Option<String>,
    /// It is not used any more, and goes with the next clean-up.
    pub has_expired: bool,
    pub from: Origin,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Links {
    /// One-way hashes of ids elsewhere.
    pub hashes: Vec<String>,
    pub note: &'static str,
}

const LINKS_NOTE: &str = "Ids of exchanges, shared ids or hashed addresses that lead to your \
                          profile. We keep a one-way hash of each, not the id.";

#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Heard {
    pub at: String,
    #[serde(flatten)]
    pub line: LineTold,
}

/// A line as the catalog names it; only its number where it is sold no more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LineTold {
    pub line: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertiser: Option<String>,
}

#[derive(Clone, PartialEq, Serialize)]
pub struct Decisions {
    /// Of which it can be told that they were about this listener: those that were sampled.
    pub kept: u64,
    pub told: Vec<Decision>,
    pub note: &'static str,
}

const DECISIONS_NOTE: &str = "Of each decision we keep a record that does not say whose it was. \
                              Only a sample keeps what was known, sealed with a key of your own, \
                              and only of that sample can we tell that it was about you.";

#[derive(Clone, PartialEq, Serialize)]
pub struct Decision {
    pub at: String,
    pub request: String,
    pub outcome: &'static str,
    /// What of the profile was read for it.
    pub profile_read: Vec<String>,
    pub ads: Vec<AdChosen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Clone, PartialEq, Serialize)]
pub struct AdChosen {
    pub bid: String,
    #[serde(flatten)]
    pub line: LineTold,
    /// The facts that its rule was met by.
    pub facts_used: Vec<Met>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ActTold {
    pub at: String,
    pub deed: &'static str,
    pub who: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusals: Option<Refusals>,
}

/// Everything that is known of a listener; kept in the trail.
pub fn export(
    stores: &dyn Stores,
    listener: &str,
    (now, who): (Moment, &str),
) -> Result<Export, Fault> {
    let (audience, suppression) = (stores.audience(), stores.suppression());
    let named = named(listener, (&audience, &suppression), &stores.kept().sources())?;
    let acts = acts(stores, &named)?;
    keep(stores, Deed::Exported, &named, (now, who))?;
    let catalog = stores.catalog();
    let profile = audience.profile_for(Purpose::Rights, named.key);
    let lines = Lines::of(catalog.as_deref());
    let heard = stores.kept().heard(named.mark)?;
    let said = named.said(&suppression);
    Ok(Export {
        made_at: moment(now),
        listener: Listener {
            key: format!("{:032x}", named.key.0),
            known: profile.is_some(),
            note: NOTE,
        },
        profile: profile.map_or_else(Vec::new, |profile| known(stores, profile, now)),
        refusals: said.into(),
        links: links(&audience, &named),
        heard: heard
            .into_iter()
            .map(|(line, at)| Heard { at: moment(at), line: lines.told(line) })
            .collect(),
        decisions: decisions(stores, &named)?,
        acts,
    })
}

/// Writes an act of a listener down.
pub fn keep(
    stores: &dyn Stores,
    deed: Deed,
    named: &Named,
    (at, who): (Moment, &str),
) -> Result<(), Fault> {
    let (who, others) = (who.to_owned(), Vec::new());
    stores.keep(&Act { at, deed, mark: named.mark, others, who })
}

fn acts(stores: &dyn Stores, named: &Named) -> Result<Vec<ActTold>, Fault> {
    let mut acts = Vec::new();
    stores.kept().trail(&mut |act| {
        if act.mark == named.mark || named.others.contains(&act.mark) {
            acts.push(ActTold::of(act));
        }
    })?;
    Ok(acts)
}

impl ActTold {
    pub fn of(act: &Act) -> ActTold {
        let refusals = match act.deed {
            Deed::Said(said) | Deed::Erased(said) => Some(said.into()),
            _ => None,
        };
        ActTold { at: moment(act.at), deed: act.deed.word(), who: act.who.clone(), refusals }
    }
}

fn known(stores: &dyn Stores, profile: Profile<'_>, now: Moment) -> Vec<KindKnown> {
    let (vocabulary, providers) = (stores.vocabulary(), stores.providers());
    let one = |segment: Segment| Known {
        dimension: vocabulary.dimension(segment.value).name(),
        value: vocabulary.text(segment.value).to_owned(),
        confidence_pct: segment.confidence_pct,
        expires: (!segment.never_expires()).then(|| moment(segment.expires)),
        has_expired: segment.expires <= now,
        from: Origin::of(segment.value, &vocabulary, &providers),
    };
    let kind = |value: ValueId| SignalKind::of(vocabulary.dimension(value));
    let rows = SIGNAL_KINDS.iter().map(|row| KindKnown {
        kind: row.name,
        what: row.words,
        values: profile
            .segments()
            .filter(|segment| kind(segment.value) == Some(row.kind))
            .map(one)
            .collect(),
    });
    rows.filter(|row| !row.values.is_empty()).collect()
}

fn links(audience: &Audience, named: &Named) -> Links {
    let own = audience.links().filter(|(_, key)| *key == named.key);
    let hashes = own.map(|(link, _)| format!("{:032x}", link.0)).collect();
    Links { hashes, note: LINKS_NOTE }
}

/// Lines by their number.
pub struct Lines<'c>(HashMap<LineId, (&'c Line, &'c Catalog)>);

impl<'c> Lines<'c> {
    pub fn of(catalog: Option<&'c Catalog>) -> Lines<'c> {
        let of = |catalog: &'c Catalog| catalog.lines().map(move |(_, line)| (line, catalog));
        let lines = catalog.into_iter().flat_map(of);
        Lines(lines.map(|(line, catalog)| (line.id, (line, catalog))).collect())
    }

    pub fn get(&self, line: LineId) -> Option<&'c Line> {
        self.0.get(&line).map(|(line, _)| *line)
    }

    pub fn told(&self, line: LineId) -> LineTold {
        match self.0.get(&line) {
            Some((line, catalog)) => LineTold {
                line: if line.name.is_empty() { line.key.clone() } else { line.name.clone() },
                advertiser: Some(catalog.advertiser(line.advertiser).name.clone()),
            },
            None => LineTold { line: format!("{:016x}", line.0), advertiser: None },
        }
    }
}

fn decisions(stores: &dyn Stores, named: &Named) -> Result<Decisions, Fault> {
    let (mut kept, mut newest) = (0, std::collections::VecDeque::new());
    stores.kept().decisions(named.mark, &mut |record, sample| {
        kept += 1;
        if newest.len() == DECISIONS_MAX {
            newest.pop_front();
        }
        newest.push_back((*record, sample.request.to_vec(), sample.profile.to_vec()));
    })?;
    // Each world is asked for once.
    let mut worlds: BTreeMap<u64, Result<World, Fault>> = BTreeMap::new();
    let told = newest.iter().map(|(record, request, profile)| {
        let world = worlds
            .entry(record.world)
            .or_insert_with(|| stores.kept().world(record).map(|(world, _)| world));
        decision(record, Sample { request, profile }, world.as_ref().ok())
    });
    Ok(Decisions { kept, told: told.collect(), note: DECISIONS_NOTE })
}

fn decision(record: &DecisionRecord, sample: Sample<'_>, world: Option<&World>) -> Decision {
    let mut told = Decision {
        at: moment(record.moment),
        request: record.request.text().to_owned(),
        outcome: record.outcome.label(),
        profile_read: Vec::new(),
        ads: Vec::new(),
        note: None,
    };
    let lines = Lines::of(world.map(|world| &*world.catalog));
    let mut ads: Vec<AdChosen> = record
        .winners
        .as_slice()
        .iter()
        .map(|winner| AdChosen {
            bid: format!("{:016x}", winner.bid.0),
            line: lines.told(winner.line),
            facts_used: Vec::new(),
        })
        .collect();
    let Some(world) = world else {
        told.note = Some("the lines of that time are kept no longer".to_owned());
        return Decision { ads, ..told };
    };
    let mut profile_read = Vec::new();
    let seen = seen(record, sample, world, &mut |_, profile, facts| {
        let vocabulary = &world.vocabulary;
        for segment in profile.iter().flat_map(|profile| profile.segments()) {
            let dimension = vocabulary.dimension(segment.value).name();
            profile_read.push(format!("{dimension}: {}", vocabulary.text(segment.value)));
        }
        for (ad, winner) in ads.iter_mut().zip(record.winners.as_slice()) {
            if let Some(line) = lines.get(winner.line) {
                ad.facts_used = met(&line.targeting, facts, vocabulary);
            }
        }
    });
    let note = seen.err().map(|why| why.to_string());
    Decision { profile_read, ads, note, ..told }
}

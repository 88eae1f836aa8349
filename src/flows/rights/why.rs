//! Why did I hear this? A decision record in plain words.
//!
//! Built on the explanation that the decision's own code gives when it is made again from its
//! record; cold.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::export::{LineTold, Lines, keep};
use super::name::{Named, named};
use super::rule::{Met, met, words};
use super::told::{Origin, moment};
use super::{Fault, Stores};
use crate::base::units::redacted::redacted;
use crate::base::units::time::Moment;
use crate::flows::decide::again::{explained, seen};
use crate::flows::decide::explain::Explanation;
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::world::World;
use crate::knowledge::audience::{Deed, Profile};
use crate::market::privacy::Denial;
use crate::market::vocabulary::ValueId;
use crate::offer::delivery::Sleep;
use crate::offer::records::{DecisionRecord, Sample};

/// Alternatives that are told one by one.
const ALTERNATIVES_MAX: usize = 20;

/// Decisions of one question.
const FOUND_MAX: usize = 100;

/// One decision, explained; `Display` is for people.
#[derive(Clone, PartialEq, Serialize)]
pub struct Why {
    pub at: String,
    pub request: String,
    pub exchange: Option<String>,
    pub outcome: &'static str,
    /// What was permitted, in words.
    pub permitted: Option<String>,
    pub ads: Vec<AdWhy>,
    pub alternatives: Vec<Alternative>,
    /// Further ones, by what became of them.
    pub more: BTreeMap<&'static str, usize>,
    /// What cannot be told, and why not.
    pub untold: Option<String>,
}

#[derive(Clone, PartialEq, Serialize)]
pub struct AdWhy {
    pub bid: String,
    #[serde(flatten)]
    pub line: LineTold,
    /// The rule of the line.
    pub rule: Option<String>,
    /// The facts of the listener that met it.
    pub yours: Vec<Yours>,
    /// Those of the music, the moment, the device and the offer.
    pub others: Vec<Met>,
}

#[derive(Clone, PartialEq, Serialize)]
pub struct Yours {
    #[serde(flatten)]
    pub fact: Met,
    /// Where the profile has it from; `None`: the request itself said it.
    pub from: Option<Origin>,
}

redacted!(Why, AdWhy, Yours);

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Alternative {
    pub line: String,
    pub advertiser: String,
    pub became: &'static str,
    pub detail: String,
}

/// Explains the decisions that a bid's number or a request's id names; those of one listener
/// where he is named. The question is kept in the trail then.
pub fn why(
    stores: &dyn Stores,
    asked: &str,
    listener: Option<&str>,
    (now, who): (Moment, &str),
) -> Result<Vec<Why>, Fault> {
    let asked = asked.trim_ascii();
    let bid = Some(asked).filter(|text| text.len() == 16);
    let bid = bid.and_then(|text| u64::from_str_radix(text, 16).ok());
    let wanted = |record: &DecisionRecord| {
        let winners = record.winners.as_slice();
        record.request.text() == asked || winners.iter().any(|winner| Some(winner.bid.0) == bid)
    };
    let found = match listener {
        Some(listener) => of_listener(stores, &name(stores, listener)?, &wanted, (now, who))?,
        None => of_anybody(stores, &wanted)?,
    };
    if found.is_empty() {
        let kept = "sampled decisions are known as a listener's, all others by their bid alone";
        return Err(Fault::NotFound(format!("no decision of \"{asked}\" is kept; {kept}")));
    }
    let mut scratch = Scratch::new();
    Ok(found.iter().map(|found| found.told(stores, &mut scratch)).collect())
}

fn name(stores: &dyn Stores, listener: &str) -> Result<Named, Fault> {
    let (audience, suppression) = (stores.audience(), stores.suppression());
    named(listener, (&audience, &suppression), &stores.kept().sources())
}

/// A record, with what was kept for it.
struct Found {
    record: DecisionRecord,
    /// Request and profile, or why they are not there.
    sample: Result<(Vec<u8>, Vec<u8>), &'static str>,
}

fn of_listener(
    stores: &dyn Stores,
    named: &Named,
    wanted: &dyn Fn(&DecisionRecord) -> bool,
    at: (Moment, &str),
) -> Result<Vec<Found>, Fault> {
    keep(stores, Deed::Explained, named, at)?;
    let mut found = Vec::new();
    stores.kept().decisions(named.mark, &mut |record, sample| {
        if found.len() < FOUND_MAX && wanted(record) {
            let sample = Ok((sample.request.to_vec(), sample.profile.to_vec()));
            found.push(Found { record: *record, sample });
        }
    })?;
    Ok(found)
}

fn of_anybody(
    stores: &dyn Stores,
    wanted: &dyn Fn(&DecisionRecord) -> bool,
) -> Result<Vec<Found>, Fault> {
    let mut found = Vec::new();
    stores.kept().find(wanted, &mut |record, sample| {
        if found.len() < FOUND_MAX {
            let sample = sample.map(|sample| (sample.request.to_vec(), sample.profile.to_vec()));
            found.push(Found { record: *record, sample });
        }
    })?;
    Ok(found)
}

impl Found {
    fn told(&self, stores: &dyn Stores, scratch: &mut Scratch) -> Why {
        let record = &self.record;
        let mut why = Why {
            at: moment(record.moment),
            request: record.request.text().to_owned(),
            exchange: None,
            outcome: record.outcome.label(),
            permitted: None,
            ads: Vec::new(),
            alternatives: Vec::new(),
            more: BTreeMap::new(),
            untold: None,
        };
        let (world, sleep) = match stores.kept().world(record) {
            Ok(found) => found,
            Err(fault) => {
                why.untold = Some(format!("the lines of that time: {fault}"));
                why.ads = ads(record, None);
                return why;
            }
        };
        why.ads = ads(record, Some(&world));
        match &self.sample {
            Err(reason) => why.untold = Some(format!("the facts and the alternatives: {reason}")),
            Ok((request, profile)) => {
                let sample = Sample { request, profile };
                why.untold =
                    self.again(sample, stores, (&world, sleep.as_ref()), &mut why, scratch);
            }
        }
        why
    }

    /// Tells what the decision made again tells; `Some`: why it cannot.
    fn again(
        &self,
        sample: Sample<'_>,
        stores: &dyn Stores,
        at: (&World, Option<&Sleep>),
        why: &mut Why,
        scratch: &mut Scratch,
    ) -> Option<String> {
        let (world, _) = at;
        let lines = Lines::of(Some(&world.catalog));
        let seen = seen(&self.record, sample, world, &mut |opportunity, profile, facts| {
            why.permitted = Some(permitted(opportunity.permissions.denial()));
            for (ad, winner) in why.ads.iter_mut().zip(self.record.winners.as_slice()) {
                let Some(line) = lines.get(winner.line) else { continue };
                for fact in met(&line.targeting, facts, &world.vocabulary) {
                    if fact.kind.is_none() {
                        ad.others.push(fact);
                    } else {
                        let has = |value: &ValueId| has(profile, *value);
                        let from = fact
                            .id
                            .filter(has)
                            .map(|value| Origin::of(value, &world.vocabulary, &stores.providers()));
                        ad.yours.push(Yours { fact, from });
                    }
                }
            }
        });
        if let Err(fault) = seen {
            return Some(fault.to_string());
        }
        match explained(&self.record, sample, at, scratch) {
            Ok(explanation) => alternatives(&explanation, why),
            Err(fault) => return Some(format!("the alternatives: {fault}")),
        }
        None
    }
}

fn has(profile: Option<Profile<'_>>, value: ValueId) -> bool {
    profile.is_some_and(|profile| profile.segments().any(|segment| segment.value == value))
}

fn ads(record: &DecisionRecord, world: Option<&World>) -> Vec<AdWhy> {
    let lines = Lines::of(world.map(|world| &*world.catalog));
    let rule = |line| {
        let (line, world) = (lines.get(line)?, world?);
        Some(words(&line.targeting, &world.vocabulary))
    };
    let winners = record.winners.as_slice().iter();
    let told = winners.map(|winner| AdWhy {
        bid: format!("{:016x}", winner.bid.0),
        line: lines.told(winner.line),
        rule: rule(winner.line),
        yours: Vec::new(),
        others: Vec::new(),
    });
    told.collect()
}

fn permitted(denial: Option<Denial>) -> String {
    match denial {
        None => "everything that we ask for".to_owned(),
        Some(denial) => format!("less than everything: {}", denial.label().replace('_', " ")),
    }
}

fn alternatives(explanation: &Explanation, why: &mut Why) {
    why.exchange = Some(explanation.exchange.clone());
    let all = explanation.slots.iter().flat_map(|slot| &slot.lines);
    let mut others: Vec<_> = all.filter(|line| line.verdict != "won").collect();
    // Who came closest goes first.
    others.sort_by_key(|line| (line.verdict != "outbid", line.line.clone()));
    others.dedup_by_key(|line| (line.line.clone(), line.verdict));
    for line in others {
        if why.alternatives.len() < ALTERNATIVES_MAX {
            why.alternatives.push(Alternative {
                line: if line.name.is_empty() { line.line.clone() } else { line.name.clone() },
                advertiser: line.advertiser.clone(),
                became: line.verdict,
                detail: line.detail.clone(),
            });
        } else {
            *why.more.entry(line.verdict).or_default() += 1;
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, request {}", self.at, self.request)?;
        if let Some(permitted) = &self.permitted {
            writeln!(f, "Permitted: {permitted}.")?;
        }
        if self.ads.is_empty() {
            writeln!(f, "We offered no ad ({}).", self.outcome.replace('_', " "))?;
        }
        for ad in &self.ads {
            write!(f, "\nWe offered \"{}\"", ad.line.line)?;
            if let Some(advertiser) = &ad.line.advertiser {
                write!(f, " of {advertiser}")?;
            }
            writeln!(f, " (bid {}).", ad.bid)?;
            if let Some(rule) = &ad.rule {
                writeln!(f, "  Its rule: {rule}.")?;
            }
            write_facts(ad, self.untold.is_some(), f)?;
        }
        if !self.alternatives.is_empty() {
            writeln!(f, "\nWhat else could have played:")?;
        }
        for other in &self.alternatives {
            let Alternative { line, advertiser, became, detail } = other;
            let became = became.replace('_', " ");
            let stop = if detail.is_empty() { "" } else { ": " };
            writeln!(f, "  \"{line}\" of {advertiser}: {became}{stop}{detail}")?;
        }
        for (became, count) in &self.more {
            writeln!(f, "  and {count} more: {}", became.replace('_', " "))?;
        }
        if let Some(untold) = &self.untold {
            writeln!(f, "\nNot told: {untold}.")?;
        }
        Ok(())
    }
}

fn write_facts(ad: &AdWhy, untold: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if untold {
        return Ok(());
    }
    if ad.yours.is_empty() {
        writeln!(f, "  Nothing about you was needed for it.")?;
    } else {
        writeln!(f, "  What about you it was chosen by:")?;
    }
    for Yours { fact, from } in &ad.yours {
        let name = fact.dimension.replace('_', " ");
        let from = from.as_ref().map_or("the request itself", |from| from.name.as_str());
        let kind = fact.kind.unwrap_or_default();
        writeln!(f, "    {name}: {}, from {from} (to refuse: {kind})", fact.value)?;
    }
    if !ad.others.is_empty() {
        let all = ad.others.iter();
        let all = all.map(|met| format!("{}: {}", met.dimension.replace('_', " "), met.value));
        writeln!(f, "  What else: {}.", all.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}

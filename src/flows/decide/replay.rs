//! Would it be decided the same today? A record with its request, decided again.
//!
//! Called by `interlude replay` and by tests; cold. The world must be the one of the record; what
//! `live` answered then is given back, the profile that was read then is read again, and what was
//! permitted then is permitted: the signals that said so are not kept.

use std::sync::Arc;

use bumpalo::Bump;
use thiserror::Error;

use crate::base::units::ids::ListenerKey;
use crate::flows::decide::record::record;
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::world::World;
use crate::flows::decide::{Circumstance, Received, decide, sources};
use crate::knowledge::audience::{Audience, GenerationBuilder, Profile};
use crate::knowledge::enrich::{self, Ruling};
use crate::market::exchange::ExchangeIx;
use crate::market::facts::Facts;
use crate::market::openrtb::{self, Wire};
use crate::market::outcome::{NoBid, Outcome};
use crate::market::vocabulary::Suppressed;
use crate::offer::delivery::{Divergence, Recorded, Sleep};
use crate::offer::records::{DecisionRecord, Sample};

/// Where a replay came to something else.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Difference {
    #[error("the world is {now:016x}, the record was made in {then:016x}")]
    World { then: u64, now: u64 },
    #[error("the world has no exchange of the record's key")]
    Exchange,
    #[error("the recorded profile cannot be read: {0}")]
    Profile(String),
    #[error("question {} of live differs: asked {:?}, recorded {:?}", .0.at, .0.asked, .0.recorded)]
    Live(Divergence),
    #[error("{field} was {then}, is {now}")]
    Field { field: &'static str, then: String, now: String },
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Equal,
    /// It ended outside of the decision (too late, no room to record), where the clock and the
    /// load have their say.
    NotPure,
    /// It passed over sleeping lines, and which these were is kept no longer.
    SleepForgotten,
    Differs(Vec<Difference>),
}

/// Decides `kept` again from the bytes of its request, in the world and with the lines asleep that
/// it names, and says whether anything differs.
pub fn replay(
    kept: &DecisionRecord,
    sample: Sample<'_>,
    (world, asleep): (&World, Option<&Sleep>),
    at: Circumstance,
    scratch: &mut Scratch,
) -> Verdict {
    if matches!(kept.outcome, Outcome::NoBid(NoBid::DeadlinePassed | NoBid::Internal)) {
        return Verdict::NotPure;
    }
    if world.version != kept.world {
        let (then, now) = (kept.world, world.version);
        return Verdict::Differs(vec![Difference::World { then, now }]);
    }
    let asleep = asleep.filter(|sleep| sleep.epoch == kept.answers.asleep);
    if kept.answers.asleep != 0 && asleep.is_none() {
        return Verdict::SleepForgotten;
    }
    let (received, world) = match as_then(kept, sample, world, at) {
        Ok(then) => then,
        Err(difference) => return Verdict::Differs(vec![difference]),
    };
    let mut live = Recorded::new(&kept.answers, asleep);
    let outcome = decide(&received, &world, &mut live, at, scratch);
    let now = record(&received, &world, at, (outcome, &kept.answers), scratch);
    let mut differences = compare(kept, &now);
    if let Err(divergence) = live.finish() {
        differences.insert(0, Difference::Live(divergence));
    }
    if differences.is_empty() { Verdict::Equal } else { Verdict::Differs(differences) }
}

/// What was permitted and refused then.
pub fn ruling(kept: &DecisionRecord) -> Option<Ruling> {
    let (permissions, suppressed) = (kept.permissions()?, Suppressed::recorded(kept.suppressed)?);
    Some(Ruling { permissions, suppressed })
}

/// What came in, and the world with the one listener in it, as they were at a decision.
pub(super) fn as_then<'s>(
    kept: &DecisionRecord,
    sample: Sample<'s>,
    world: &World,
    at: Circumstance,
) -> Result<(Received<'s>, World), Difference> {
    let exchange = exchange(kept, world).ok_or(Difference::Exchange)?;
    let wire = if kept.wire & 1 == 1 { Wire::Protobuf } else { Wire::Json };
    let received = Received::new(exchange, wire, sample.request);
    let received = Received { gpc: kept.wire & 2 != 0, ruling: ruling(kept), ..received };
    let world = with_profile(&received, sample.profile, world, at)?;
    Ok((received, world))
}

/// The row of the record: its index where the key agrees, else wherever the key stands now.
fn exchange(kept: &DecisionRecord, world: &World) -> Option<ExchangeIx> {
    let hash = |key: &str| xxhash_rust::xxh3::xxh3_64(key.as_bytes());
    let place = world.exchanges.iter().position(|row| hash(&row.key) == kept.exchange_key)?;
    u16::try_from(place).ok().map(ExchangeIx)
}

/// The world with just the one profile that was read then, under the key that the request gives.
fn with_profile(
    received: &Received<'_>,
    profile: &[u8],
    world: &World,
    at: Circumstance,
) -> Result<World, Difference> {
    let unread = world.with_audience(Arc::new(Audience::empty()));
    if profile.is_empty() {
        return Ok(unread);
    }
    let Some(listener) = listener(received, &unread, at) else { return Ok(unread) };
    let profile = Profile::checked(profile, world.vocabulary.len());
    let profile = profile.map_err(|fault| Difference::Profile(fault.to_string()))?;
    let mut builder = GenerationBuilder::default();
    builder.add(listener, profile);
    Ok(world.with_audience(Arc::new(Audience::of(builder.build()))))
}

/// The listener that the request itself names and lets be used.
fn listener(received: &Received<'_>, world: &World, at: Circumstance) -> Option<ListenerKey> {
    let arena = Bump::new();
    let request = openrtb::decode(received.wire, received.body, &arena).ok()?;
    let sources = sources(world, received);
    let mut facts = Facts::new();
    let request = arena.alloc(request);
    let seen = enrich::opportunity(request, &sources, at.moment, &arena, &mut facts);
    seen.ok().and_then(|(opportunity, _)| opportunity.listener)
}

fn compare(then: &DecisionRecord, now: &DecisionRecord) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut field = |field, then: String, now: String| {
        if then != now {
            differences.push(Difference::Field { field, then, now });
        }
    };
    field("outcome", then.outcome.label().to_owned(), now.outcome.label().to_owned());
    field("request id", then.request.text().to_owned(), now.request.text().to_owned());
    field("coin", format!("{:016x}", then.coin), format!("{:016x}", now.coin));
    field("listener", then.listener.to_string(), now.listener.to_string());
    field("counts", format!("{:?}", then.counts), format!("{:?}", now.counts));
    field("winners", format!("{:?}", then.winners), format!("{:?}", now.winners));
    field("answer", format!("{:016x}", then.answer_hash), format!("{:016x}", now.answer_hash));
    differences
}

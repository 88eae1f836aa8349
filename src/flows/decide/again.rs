//! What was known, and what was weighed, when a recorded decision was made? For the listener.
//!
//! Called by `flows::rights`; cold. As in [`replay`](super::replay), whose halves it shares, the
//! world must be the one of the record.

use bumpalo::Bump;

use crate::flows::decide::explain::{Explanation, explain};
use crate::flows::decide::replay::{Difference, as_then};
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::world::World;
use crate::flows::decide::{Circumstance, sources};
use crate::knowledge::audience::Profile;
use crate::knowledge::enrich;
use crate::market::facts::Facts;
use crate::market::openrtb;
use crate::market::opportunity::Opportunity;
use crate::offer::delivery::{Recorded, Sleep};
use crate::offer::records::{DecisionRecord, Sample};

/// Gets what `enrich` made of the request and of what was known then.
pub type See<'v> = &'v mut dyn FnMut(&Opportunity<'_>, Option<Profile<'_>>, &Facts);

/// Shows the facts of a recorded decision's first slot.
pub fn seen(
    kept: &DecisionRecord,
    sample: Sample<'_>,
    world: &World,
    with: See<'_>,
) -> Result<(), Difference> {
    let at = Circumstance { moment: kept.moment, coin: world.coin };
    let (received, world) = as_then(kept, sample, world, at)?;
    let arena = Bump::new();
    let Ok(request) = openrtb::decode(received.wire, received.body, &arena) else { return Ok(()) };
    let request = arena.alloc(request);
    let sources = sources(&world, &received);
    let mut facts = Facts::new();
    let seen = enrich::opportunity(request, &sources, at.moment, &arena, &mut facts);
    if let Ok((opportunity, profile)) = seen {
        if let Some(slot) = opportunity.slots.first() {
            enrich::set_slot(slot, &world.vocabulary, &mut facts);
        }
        with(&opportunity, profile, &facts);
    }
    Ok(())
}

/// The decision with all its reasons, from what `live` answered then.
pub fn explained(
    kept: &DecisionRecord,
    sample: Sample<'_>,
    (world, asleep): (&World, Option<&Sleep>),
    scratch: &mut Scratch,
) -> Result<Explanation, Difference> {
    let at = Circumstance { moment: kept.moment, coin: world.coin };
    let (received, world) = as_then(kept, sample, world, at)?;
    let asleep = asleep.filter(|sleep| sleep.epoch == kept.answers.asleep);
    let mut live = Recorded::new(&kept.answers, asleep);
    Ok(explain(&received, &world, &mut live, at, scratch))
}

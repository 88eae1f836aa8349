//! When do generations become one, and how?
//!
//! Driven by intake's background thread (cold): [`Merge::due`] says which, [`Merge::run`] makes
//! the one of them, [`Merge::done`] puts it in their place. All three are pure.
//!
//! Generations stand newest first with sizes s₀, s₁, … A generation rests while it is at least
//! [`RATIO`] times as large as all newer ones together; else it and all newer ones become one. So
//! with N listeners and s changes a generation a lookup asks at most about 2 + log₅(N / 4s) of
//! them, half of that on the average, and what is overridden is at most a quarter of what is held.
//! At 10⁷ listeners and 25,000 changes: five generations at most, three on the average, and eleven
//! records read by merges for each change (`docs/audience.md`).

use std::ops::Range;
use std::sync::Arc;

use crate::base::units::ids::ListenerKey;
use crate::base::units::time::Moment;
use crate::market::vocabulary::ValueId;

use super::audience::{Audience, is_cut};
use super::generation::{Entry, Generation, GenerationBuilder};
use super::generation::{newest_links, newest_listeners, target};
use super::links::LinkKey;
use super::profile::{Profile, Segment, encode};

/// How many times larger than all newer ones together a generation is that may rest.
pub const RATIO: usize = 4;

/// The most generations at rest; while a large merge runs, new ones gather in front of it.
pub const GENERATIONS_MAX: usize = 6;

/// Records between two rests of a merge: about a millisecond.
const STRETCH: usize = 16 * 1024;

/// Which segments a merge leaves out: those that had ended by the moment, but for `kept` values
/// ([`minor_ages`](super::minor_ages)).
#[derive(Clone, Copy, Debug)]
pub struct Past {
    pub moment: Moment,
    pub kept: [ValueId; 2],
}

/// Neighbouring generations that shall become one.
#[derive(Clone, Debug)]
pub struct Merge {
    /// Newest first.
    inputs: Vec<Arc<Generation>>,
    /// Nothing is beneath them: nothing need be said to be gone.
    bottom: bool,
}

impl Merge {
    /// What is to be merged now, if anything; never what `running` merges already.
    pub fn due(audience: &Audience, running: Option<&Merge>) -> Option<Merge> {
        let generations = audience.generations();
        let taken = running.and_then(|merge| merge.place(audience));
        let free = taken.map_or(generations.len(), |range| range.start);
        let sizes: Vec<usize> = generations[..free].iter().map(|each| each.len()).collect();
        Merge::of(audience, 0..due(&sizes)?)
    }

    /// All generations into one; `None` where there is only one, or none.
    pub fn whole(audience: &Audience) -> Option<Merge> {
        Merge::of(audience, 0..audience.generations().len())
    }

    /// All generations anew, be there only one: what is past leaves them. `None`: nobody is there.
    pub fn purge(audience: &Audience) -> Option<Merge> {
        let inputs = audience.generations().to_vec();
        (!inputs.is_empty()).then_some(Merge { inputs, bottom: true })
    }

    pub(super) fn of(audience: &Audience, range: Range<usize>) -> Option<Merge> {
        let generations = audience.generations();
        let bottom = range.end == generations.len();
        let inputs = generations.get(range)?.to_vec();
        (inputs.len() > 1).then_some(Merge { inputs, bottom })
    }

    /// Whether it is that one.
    pub(super) fn is(&self, other: &Merge) -> bool {
        match (self.inputs.first(), other.inputs.first()) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Listeners and links that it reads; what it costs is in proportion.
    pub fn records(&self) -> usize {
        self.inputs.iter().map(|generation| generation.len()).sum()
    }

    /// The one generation that says what the inputs say. Calls `rest` about every millisecond, so
    /// that the caller can leave the core to others.
    pub fn run(&self, past: Past, rest: &mut dyn FnMut()) -> Generation {
        let mut out = GenerationBuilder::ascending(
            self.inputs.iter().map(|input| input.listeners.len()).sum(),
            self.inputs.iter().map(|input| input.links.len()).sum(),
        );
        let (mut segments, mut bytes) = (Vec::new(), Vec::new());
        let inputs = || self.inputs.iter().map(Arc::as_ref);
        for (n, (_, record)) in newest_listeners(inputs()).enumerate() {
            if n % STRETCH == STRETCH - 1 {
                rest();
            }
            let Entry { profile, cut } = Entry::of(record);
            let cut = cut && !self.bottom;
            if profile.is_none() && self.bottom {
                continue;
            }
            let profile = profile.map(|profile| past.left(profile, &mut segments, &mut bytes));
            out.entry(ListenerKey(record.key), Entry { profile, cut });
        }
        for (n, (input, record)) in newest_links(inputs()).enumerate() {
            if n % STRETCH == STRETCH - 1 {
                rest();
            }
            let leads = target(record).filter(|&key| !is_cut(&self.inputs[..input], key));
            if leads.is_some() || !self.bottom {
                out.link(LinkKey(record.key), leads);
            }
        }
        out.build()
    }

    /// The audience with `merged` in the place of the inputs; `None` where they do not stand in
    /// it any more.
    pub fn done(&self, audience: &Audience, merged: Arc<Generation>) -> Option<Audience> {
        self.place(audience).map(|range| audience.replaced(range, merged))
    }

    fn place(&self, audience: &Audience) -> Option<Range<usize>> {
        let first = self.inputs.first()?;
        let generations = audience.generations();
        let start = generations.iter().position(|each| Arc::ptr_eq(each, first))?;
        let range = start..start + self.inputs.len();
        let stand = generations.get(range.clone())?;
        stand.iter().zip(&self.inputs).all(|(a, b)| Arc::ptr_eq(a, b)).then_some(range)
    }
}

/// How many of the newest generations shall become one.
fn due(sizes: &[usize]) -> Option<usize> {
    let mut newer = 0;
    let mut merging = 1;
    for (n, &size) in sizes.iter().enumerate() {
        if size < newer * RATIO {
            merging = n + 1;
        }
        newer += size;
    }
    if merging == 1 && sizes.len() > GENERATIONS_MAX {
        merging = sizes.len() - GENERATIONS_MAX + 1;
    }
    (merging > 1).then_some(merging)
}

impl Past {
    /// The profile without what is past; its own bytes where nothing is.
    fn left<'p>(
        &self,
        profile: Profile<'p>,
        segments: &mut Vec<Segment>,
        bytes: &'p mut Vec<u8>,
    ) -> Profile<'p> {
        let holds = |s: &Segment| s.expires > self.moment || self.kept.contains(&s.value);
        if profile.segments().all(|segment| holds(&segment)) {
            return profile;
        }
        segments.clear();
        segments.extend(profile.segments().filter(holds));
        match encode(segments, bytes) {
            Ok(()) => Profile::trusted(bytes),
            // Fewer than were there cannot be too many.
            Err(_) => profile,
        }
    }
}

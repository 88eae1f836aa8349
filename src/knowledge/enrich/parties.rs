//! Which of what third parties know may be used for this request? Hot.
//!
//! A profile leaves here without the segments of those who have no basis of their own, before
//! anything is made of it; so no fact, no record and no sample has them.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use super::Sources;
use crate::knowledge::audience::{Profile, Segment};
use crate::market::privacy::Signals;

/// The profile as it may be used. Of a decision that is made again the record has kept no other.
pub fn lawful<'b>(
    profile: Profile<'b>,
    sources: &Sources<'_>,
    signals: &Signals<'_>,
    arena: &'b Bump,
) -> Profile<'b> {
    let request = signals.request;
    let said = request.user.as_ref().is_some_and(|user| user.consent.is_some())
        || request.regs.is_some_and(|regs| regs.gpp.is_some());
    if sources.ruling.is_some() || sources.providers.is_empty() || !said {
        return profile;
    }
    let provider =
        |segment: &Segment| sources.providers.place_of(segment.value, sources.vocabulary);
    // Each is asked about once, and only those that the profile names.
    let mut named = ArenaVec::with_capacity_in(sources.providers.len(), arena);
    named.resize(sources.providers.len(), false);
    profile.segments().filter_map(|segment| provider(&segment)).for_each(|at| named[at] = true);
    let mut refused = named;
    for (refused, provider) in refused.iter_mut().zip(sources.providers.iter()) {
        *refused = *refused && !provider.party.may_be_used(signals, sources.privacy);
    }
    if !refused.contains(&true) {
        return profile;
    }
    profile.retained(arena, |segment| provider(segment).is_none_or(|at| !refused[at]))
}

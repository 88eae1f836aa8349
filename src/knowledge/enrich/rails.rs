//! Who is a minor by what the request says, and which moments may not be used? Hot.
//!
//! Called by [`opportunity`](super::opportunity) once per request, whatever it permits.

use crate::knowledge::audience::minor_ages;
use crate::market::facts::Facts;
use crate::market::openrtb::request::Request;
use crate::market::privacy::{Grant, Permissions};
use crate::market::vocabulary::{DISTRESS_DIMENSION, DistressMoments, Suppressed, Vocabulary};

/// Whether a segment of `user.data` is one that the config calls an age under 18. The Audience
/// Taxonomy has none, so nothing is looked up unless the config names one.
pub fn is_said_minor(request: &Request<'_>, vocabulary: &Vocabulary) -> bool {
    if !vocabulary.has_minor_segments() {
        return false;
    }
    let minor = minor_ages(vocabulary);
    let data = request.user.as_ref().map_or(&[][..], |user| user.data);
    let mut segments = data
        .iter()
        .flat_map(|provider| provider.segment.iter().map(move |segment| (provider, segment)));
    segments.any(|(provider, segment)| {
        let known = provider.segtax.zip(segment.id);
        let value = known.and_then(|(taxonomy, id)| vocabulary.segment(taxonomy, id));
        value.is_some_and(|(_, value)| minor.contains(&value))
    })
}

/// The moments of distress that this listener lets be used, of those that the operator enables:
/// none for a minor, and none where the profile may not be read.
pub fn usable(
    permissions: Permissions,
    suppressed: Suppressed,
    vocabulary: &Vocabulary,
) -> DistressMoments {
    if suppressed.minor || !permissions.may(Grant::ReadProfile) {
        return DistressMoments::NONE;
    }
    suppressed.opted_in.and(vocabulary.enabled_distress())
}

/// Takes all other moments of distress from the facts, whoever told them; which they were.
pub fn withhold(
    usable: DistressMoments,
    vocabulary: &Vocabulary,
    facts: &mut Facts,
) -> DistressMoments {
    let mut withheld = DistressMoments::NONE;
    facts.retain(DISTRESS_DIMENSION, |value| match vocabulary.distress(value) {
        Some(moment) if !usable.has(moment) => {
            withheld = withheld.with(moment);
            false
        }
        _ => true,
    });
    withheld
}

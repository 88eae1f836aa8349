//! What counts of one listener? The values that `enrich` would state of the profile, in one list.
//!
//! Filled for each listener of a sample or a scan; cold, but millions of times.

use crate::knowledge::audience::{PROFILE_DIMENSIONS, Profile};
use crate::knowledge::enrich::listener;
use crate::market::vocabulary::ValueId;

use super::{Reading, is_of_the_listener};

/// The dimensions that count, as bits, and those of them that are unknown rather than empty where
/// a profile says nothing of them.
const COUNTED: u64 = bits(false);
const UNSURE: u64 = bits(true);

const fn bits(unsure: bool) -> u64 {
    let (mut bits, mut at) = (0, 0);
    while at < PROFILE_DIMENSIONS.len() {
        let dimension = PROFILE_DIMENSIONS[at];
        if is_of_the_listener(dimension) && !(unsure && listener::profile_knows(dimension)) {
            bits |= 1 << dimension.index();
        }
        at += 1;
    }
    bits
}

/// One listener after the other; the memory is kept.
#[derive(Default)]
pub struct Person {
    values: Vec<ValueId>,
}

impl Person {
    /// The listener's values, ancestors and "unknown" among them, each once. `false`, and no
    /// values, for a minor.
    pub fn read(&mut self, profile: Profile<'_>, reading: &Reading<'_>) -> bool {
        self.values.clear();
        if listener::is_minor(profile, reading.vocabulary) {
            return false;
        }
        let mut missing = UNSURE;
        for segment in profile.segments() {
            let dimension = reading.vocabulary.dimension(segment.value);
            let bit = 1 << dimension.index();
            let takes = reading.listeners.takes(segment, reading.moment);
            if COUNTED & bit == 0 || !takes || reading.vocabulary.is_special(segment.value) {
                continue;
            }
            missing &= !bit;
            // Of two children of one genre the second finds it there.
            self.push(segment.value);
            for parent in reading.vocabulary.parents(segment.value) {
                self.push(parent);
            }
        }
        while missing != 0 {
            self.values.push(ValueId(missing.trailing_zeros()));
            missing &= missing - 1;
        }
        true
    }

    fn push(&mut self, value: ValueId) {
        if !self.values.contains(&value) {
            self.values.push(value);
        }
    }

    pub fn values(&self) -> &[ValueId] {
        &self.values
    }

    /// `wanted` is sorted.
    pub fn has_one_of(&self, wanted: &[ValueId]) -> bool {
        self.values.iter().any(|value| wanted.binary_search(value).is_ok())
    }
}

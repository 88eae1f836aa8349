//! Which listeners stand for all, and what is known of them? The coordinated sample.
//!
//! A listener's key is a hash, so those with the lowest keys are as good as drawn by lot, and an
//! audience shows them first. A listener's place is the rank of the key: which listeners are in
//! the sample depends on no order of arrival, no time and no node, the first places of a sample
//! are a smaller sample of the same kind, and samples of parts of the listeners unite to that of
//! all. For each value there is the set of places that have it: a bit column, or a sorted
//! list where that is shorter. Built in the background ([`keeper`](super::keeper)); cold, but of
//! millions: two looks at each listener of the sample.

use crate::base::units::time::Moment;
use crate::knowledge::audience::Audience;
use crate::market::vocabulary::ValueId;

use super::Reading;
use super::keeper::Pace;
use super::person::Person;

/// What is known of a listener on average at most, in values: beyond it the sample holds fewer
/// listeners rather than take more memory.
const VALUES_EACH_MAX: usize = 32;

/// Listeners between two breaths.
const STRIDE: usize = 4_096;

/// A random part of all listeners, or everybody; immutable.
pub struct Sample {
    pub(super) listeners: u64,
    pub(super) as_of: Moment,
    /// How many places there are.
    pub(super) places: usize,
    /// Who is no minor.
    pub(super) adults: Box<[u64]>,
    /// By value id.
    sets: Box<[Set]>,
    /// All columns, each `words` long.
    columns: Box<[u64]>,
    /// All lists: their length, then the places, ascending. The first word belongs to none.
    lists: Box<[u32]>,
    words: usize,
}

/// Nothing, the number of a column, or the start of a list, in one word.
#[derive(Clone, Copy, Default)]
struct Set(u32);

const COLUMN: u32 = 1 << 31;

/// The places that have a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Places<'s> {
    Column(&'s [u64]),
    List(&'s [u32]),
}

/// What a sample is made of, for metrics and benches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stats {
    pub listeners: u64,
    pub sampled: usize,
    pub columns: usize,
    /// Places in lists.
    pub listed: usize,
    pub bytes: usize,
}

impl Sample {
    /// `sample_max`: at most so many listeners are in it. `None` when `pace` ended it.
    pub fn build(
        audience: &Audience,
        reading: &Reading<'_>,
        sample_max: usize,
        pace: &mut Pace<'_>,
    ) -> Option<Sample> {
        let most = sample_max.min(audience.len());
        let (places, tallies) = tally(audience, reading, most, pace)?;
        let mut sample = Sample::laid_out(&tallies, places);
        sample.listeners = audience.len() as u64;
        sample.as_of = reading.moment;
        sample.fill(audience, reading, pace)?;
        Some(sample)
    }

    /// Room for so many places of each value.
    fn laid_out(tallies: &[u32], places: usize) -> Sample {
        let words = places.div_ceil(64);
        let (mut columns, mut listed) = (0, 1_u32);
        let sets = tallies.iter().map(|&tally| match tally as usize {
            0 => Set::default(),
            thin if thin * 4 <= words * 8 => {
                let start = listed;
                listed += 1 + tally;
                Set(start)
            }
            _ => {
                columns += 1;
                Set(COLUMN | (columns - 1))
            }
        });
        let sets = sets.collect();
        Sample {
            listeners: 0,
            as_of: Moment::default(),
            places,
            adults: vec![0; words].into(),
            sets,
            columns: vec![0; columns as usize * words].into(),
            lists: vec![0; listed as usize].into(),
            words,
        }
    }

    fn fill(
        &mut self,
        audience: &Audience,
        reading: &Reading<'_>,
        pace: &mut Pace<'_>,
    ) -> Option<()> {
        let mut person = Person::default();
        for (place, (_, profile)) in audience.iter().take(self.places).enumerate() {
            if place.is_multiple_of(STRIDE) {
                pace.keep()?;
            }
            if !person.read(profile, reading) {
                continue;
            }
            let (word, bit) = (place / 64, 1 << (place % 64));
            self.adults[word] |= bit;
            for value in person.values() {
                let Some(&Set(set)) = self.sets.get(value.index()) else { continue };
                if set & COLUMN != 0 {
                    self.columns[(set & !COLUMN) as usize * self.words + word] |= bit;
                } else {
                    let start = set as usize;
                    self.lists[start] += 1;
                    self.lists[start + self.lists[start] as usize] = place as u32;
                }
            }
        }
        Some(())
    }

    /// `None` where nobody has the value.
    pub(super) fn places(&self, value: ValueId) -> Option<Places<'_>> {
        let &Set(set) = self.sets.get(value.index())?;
        let at = (set & !COLUMN) as usize;
        match set {
            0 => None,
            column if column & COLUMN != 0 => {
                Some(Places::Column(&self.columns[at * self.words..(at + 1) * self.words]))
            }
            _ => Some(Places::List(&self.lists[at + 1..=at + self.lists[at] as usize])),
        }
    }

    /// The moment of the build: what had expired by then is absent.
    pub fn as_of(&self) -> Moment {
        self.as_of
    }

    pub fn stats(&self) -> Stats {
        let columns = self.columns.len().checked_div(self.words).unwrap_or(0);
        let lists = self.sets.iter().filter(|set| set.0 != 0 && set.0 & COLUMN == 0).count();
        Stats {
            listeners: self.listeners,
            sampled: self.places,
            columns,
            listed: self.lists.len() - 1 - lists,
            bytes: size_of_val(&*self.adults)
                + size_of_val(&*self.sets)
                + size_of_val(&*self.columns)
                + size_of_val(&*self.lists),
        }
    }
}

/// How many places there are, and how many each value has. What would take more memory than is
/// meant for the sample is left out.
fn tally(
    audience: &Audience,
    reading: &Reading<'_>,
    most: usize,
    pace: &mut Pace<'_>,
) -> Option<(usize, Vec<u32>)> {
    let mut tallies = vec![0; reading.vocabulary.len()];
    let mut person = Person::default();
    let mut left = most * VALUES_EACH_MAX;
    for (place, (_, profile)) in audience.iter().take(most).enumerate() {
        if place.is_multiple_of(STRIDE) {
            pace.keep()?;
        }
        if !person.read(profile, reading) {
            continue;
        }
        if person.values().len() > left {
            return Some((place, tallies));
        }
        left -= person.values().len();
        for value in person.values() {
            if let Some(tally) = tallies.get_mut(value.index()) {
                *tally += 1;
            }
        }
    }
    Some((most, tallies))
}

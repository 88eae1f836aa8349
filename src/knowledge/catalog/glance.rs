//! What tells most lines apart from a slot? The few bytes of a line that a search looks at first.
//!
//! Made with the [`Catalog`](super::stock::Catalog) (cold), read for every line that a search comes
//! to (hot): a line, its creatives and its advertiser lie far apart in memory, and of those that
//! targeting lets through half have no spot of the slot's length.

use super::layered::Layered;
use super::model::{Creative, Flight, Line};

/// One line at a glance.
#[derive(Debug, Clone, Copy)]
pub struct Glance {
    /// As the line's.
    pub price_bound: i64,
    pub flight: Flight,
    pub paused: bool,
    /// As the line's.
    pub open: bool,
    lengths: Lengths,
}

/// Lengths that are told apart; a line with more is looked at closely.
const LENGTHS: usize = 4;

/// How long the spots of a line are, in milliseconds; the first `count` of them, `None`: many.
#[derive(Debug, Clone, Copy)]
struct Lengths {
    ms: [u32; LENGTHS],
    count: Option<u8>,
}

impl Glance {
    pub(super) fn of(line: &Line, creatives: &Layered<Creative>) -> Glance {
        let spots = line.creatives.iter().map(|ix| creatives[ix.index()].duration_ms);
        Glance {
            price_bound: line.price_bound,
            flight: line.flight,
            paused: line.paused,
            open: line.open,
            lengths: Lengths::of(spots),
        }
    }

    /// Whether a spot of the line may be of a length that is taken; a line without spots has none
    /// that is not.
    pub fn may_last(&self, takes: impl FnMut(u32) -> bool) -> bool {
        let Some(count) = self.lengths.count else { return true };
        count == 0 || self.lengths.ms[..usize::from(count)].iter().copied().any(takes)
    }
}

impl Lengths {
    fn of(spots: impl Iterator<Item = u32>) -> Lengths {
        let mut lengths = Lengths { ms: [0; LENGTHS], count: Some(0) };
        for ms in spots {
            let Some(count) = lengths.count.map(usize::from) else { break };
            if lengths.ms[..count].contains(&ms) {
                continue;
            }
            match lengths.ms.get_mut(count) {
                Some(place) => (*place, lengths.count) = (ms, Some(count as u8 + 1)),
                None => lengths.count = None,
            }
        }
        lengths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_refuse_what_no_spot_has_and_nothing_else() {
        let may = |spots: &[u32], taken: u32| {
            let lengths = Lengths::of(spots.iter().copied());
            let flight = Flight::ALWAYS;
            let glance = Glance { price_bound: 0, flight, paused: false, open: true, lengths };
            glance.may_last(|ms| ms == taken)
        };
        assert!(may(&[15_000, 30_000, 15_000], 30_000));
        assert!(!may(&[15_000, 30_000], 20_000));
        assert!(may(&[1, 2, 3, 4], 4) && !may(&[1, 2, 3, 4], 5));
        assert!(may(&[1, 2, 3, 4, 5], 6), "too many to tell");
        assert!(may(&[], 6), "what has no spot is refused for that");
    }
}

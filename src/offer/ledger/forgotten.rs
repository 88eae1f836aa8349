//! Which bids can be told of no more, though their tickets might come? When those tickets expire.
//!
//! A bid is forgotten when its ticket is long over. Should the clock be set back behind that, the
//! ticket is good again, and whoever remembers nothing of it would charge it anew. So of what is
//! forgotten the expiries are kept, as a few stretches: a bid that is not known, whose ticket
//! expires within one, may have been charged before. Stretches rather than the latest: while a
//! clock is a day ahead, bids of tomorrow come and go, and today's are none of them. Kept by the
//! ledger and by `flows::notice`; warm.

use crate::base::units::time::Moment;

/// More are not told apart: the two that are closest become one.
const STRETCHES: usize = 8;
/// Expiries closer than this are of one stretch.
const NEAR_S: i64 = 3600;

/// When the tickets of forgotten bids expire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// First and last expiry, both included; ascending, apart.
    stretches: Vec<(Moment, Moment)>,
}

impl Forgotten {
    /// A bid with this expiry is not remembered any more.
    pub fn note(&mut self, expires: Moment) {
        let at = self.stretches.partition_point(|&(_, last)| last.plus_s(NEAR_S) < expires);
        match self.stretches.get_mut(at) {
            Some((first, last)) if first.plus_s(-NEAR_S) <= expires => {
                (*first, *last) = ((*first).min(expires), (*last).max(expires));
                self.join(at);
            }
            _ => self.stretches.insert(at, (expires, expires)),
        }
        if self.stretches.len() > STRETCHES {
            let apart = |pair: &[(Moment, Moment)]| pair[1].0.unix_us - pair[0].1.unix_us;
            let closest =
                (0..self.stretches.len() - 1).min_by_key(|&at| apart(&self.stretches[at..]));
            self.merge(closest.unwrap_or(0));
        }
    }

    /// Whether a bid that expires then may be one of them.
    pub fn may_hold(&self, expires: Moment) -> bool {
        let at = self.stretches.partition_point(|&(_, last)| last < expires);
        self.stretches.get(at).is_some_and(|&(first, _)| first <= expires)
    }

    pub(super) fn stretches(&self) -> &[(Moment, Moment)] {
        &self.stretches
    }

    /// As they were; `None`: no stretches are so.
    pub(super) fn of(stretches: Vec<(Moment, Moment)>) -> Option<Forgotten> {
        let ascend = stretches.iter().all(|(first, last)| first <= last)
            && stretches.windows(2).all(|pair| pair[0].1 < pair[1].0);
        (ascend && stretches.len() <= STRETCHES).then_some(Forgotten { stretches })
    }

    /// A stretch that grew may have come near the next one.
    fn join(&mut self, at: usize) {
        let next = self.stretches.get(at + 1);
        if next.is_some_and(|next| next.0 <= self.stretches[at].1.plus_s(NEAR_S)) {
            self.merge(at);
        }
    }

    fn merge(&mut self, at: usize) {
        let (_, last) = self.stretches.remove(at + 1);
        self.stretches[at].1 = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::stdx::rng::Rng;

    fn at(s: i64) -> Moment {
        Moment::from_unix_s(s)
    }

    #[test]
    fn tomorrow_is_not_today() {
        let mut forgotten = Forgotten::default();
        assert!(!forgotten.may_hold(at(0)));
        for s in [1000, 1600, 400, 90_000, 90_600] {
            forgotten.note(at(s));
        }
        assert_eq!(forgotten.stretches, [(at(400), at(1600)), (at(90_000), at(90_600))]);
        for (s, held) in [(399, false), (400, true), (999, true), (1600, true), (1601, false)] {
            assert_eq!(forgotten.may_hold(at(s)), held, "{s}");
        }
        assert!(!forgotten.may_hold(at(89_999)) && forgotten.may_hold(at(90_300)));
        assert!(!forgotten.may_hold(at(90_601)));
    }

    #[test]
    fn a_stretch_that_reaches_the_next_becomes_one_with_it() {
        let mut forgotten = Forgotten::default();
        for s in [0, 7200, 3600] {
            forgotten.note(at(s));
        }
        assert_eq!(forgotten.stretches, [(at(0), at(7200))]);
    }

    #[test]
    fn nothing_that_was_noted_is_lost_and_room_is_bounded() {
        for seed in 0..50 {
            let (mut rng, mut forgotten) = (Rng::new(seed), Forgotten::default());
            let mut all = Vec::new();
            for _ in 0..200 {
                let s = rng.between(0, 20) as i64 * 86_400 + rng.between(0, 9000) as i64;
                forgotten.note(at(s));
                all.push(at(s));
                assert!(all.iter().all(|&expires| forgotten.may_hold(expires)), "seed {seed}");
            }
            assert!(forgotten.stretches.len() <= STRETCHES);
            let again = Forgotten::of(forgotten.stretches.clone());
            assert_eq!(again, Some(forgotten));
        }
        assert_eq!(Forgotten::of(vec![(at(2), at(1))]), None);
        assert_eq!(Forgotten::of(vec![(at(0), at(2)), (at(1), at(3))]), None);
    }
}

//! Which moments of a life may be used only where everybody agreed? The operator by name, and
//! each listener for themselves; never a minor's.
//!
//! A closed list; hot as a set of bits.

/// A moment in which a person is easily hurt. The discriminant is its bit in
/// [`DistressMoments`], which is on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum DistressMoment {
    Bereavement = 0,
    Illness = 1,
    BreakUp = 2,
}

impl DistressMoment {
    pub const ALL: [DistressMoment; 3] =
        [DistressMoment::Bereavement, DistressMoment::Illness, DistressMoment::BreakUp];

    pub const fn name(self) -> &'static str {
        match self {
            DistressMoment::Bereavement => "bereavement",
            DistressMoment::Illness => "illness",
            DistressMoment::BreakUp => "break-up",
        }
    }

    pub fn named(name: &str) -> Option<DistressMoment> {
        DistressMoment::ALL.into_iter().find(|moment| moment.name() == name)
    }
}

/// A set of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct DistressMoments(u8);

impl DistressMoments {
    pub const NONE: DistressMoments = DistressMoments(0);

    #[inline]
    pub const fn has(self, moment: DistressMoment) -> bool {
        self.0 & (1 << moment as u8) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub const fn with(self, moment: DistressMoment) -> DistressMoments {
        DistressMoments(self.0 | 1 << moment as u8)
    }

    #[must_use]
    pub const fn without(self, moment: DistressMoment) -> DistressMoments {
        DistressMoments(self.0 & !(1 << moment as u8))
    }

    /// What both agree to.
    #[must_use]
    pub const fn and(self, other: DistressMoments) -> DistressMoments {
        DistressMoments(self.0 & other.0)
    }

    pub fn moments(self) -> impl Iterator<Item = DistressMoment> {
        DistressMoment::ALL.into_iter().filter(move |&moment| self.has(moment))
    }

    /// As they stand on disk.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// `None`: bits that no version has written.
    pub const fn of_bits(bits: u8) -> Option<DistressMoments> {
        let known = bits >> DistressMoment::ALL.len() == 0;
        if known { Some(DistressMoments(bits)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits_lead_back() {
        let mut all = DistressMoments::NONE;
        for moment in DistressMoment::ALL {
            assert_eq!(DistressMoment::named(moment.name()), Some(moment));
            assert!(!all.has(moment));
            all = all.with(moment);
        }
        assert_eq!(all.moments().count(), 3);
        assert_eq!(DistressMoments::of_bits(all.bits()), Some(all));
        assert_eq!(DistressMoments::of_bits(8), None);
        assert_eq!(all.and(DistressMoments::NONE), DistressMoments::NONE);
        assert!(!all.without(DistressMoment::Illness).has(DistressMoment::Illness));
    }
}

//! What may be done with a listener? The grants, the set of them, and the token for a profile.
//!
//! Values are made only in this room and can but be narrowed elsewhere; hot, `Copy`.

use super::denial::Denial;

/// One thing that a request permits or not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Grant {
    /// Answer at all, if only to the music: genre, mood, playlist, coarse place, local hour.
    Answer,
    /// Look at ids of the person or the device, and follow links between them.
    UseId,
    /// Read the profile, and what the request itself tells of the person.
    ReadProfile,
    /// Learn from what was heard.
    WriteProfile,
    /// Use a place finer than the region: city, postal code, point.
    PrecisePlace,
    /// Count by listener how often something was heard.
    CountCaps,
    /// Hand segments of the listener on to others.
    ShareSegments,
    /// Tell this listener's impressions from another's in measurement; without it, sums only.
    Measure,
}

impl Grant {
    pub const ALL: [Grant; 8] = [
        Grant::Answer,
        Grant::UseId,
        Grant::ReadProfile,
        Grant::WriteProfile,
        Grant::PrecisePlace,
        Grant::CountCaps,
        Grant::ShareSegments,
        Grant::Measure,
    ];

    /// The word in explanations and in `interlude consent`.
    pub const fn label(self) -> &'static str {
        match self {
            Grant::Answer => "answer",
            Grant::UseId => "use_id",
            Grant::ReadProfile => "read_profile",
            Grant::WriteProfile => "write_profile",
            Grant::PrecisePlace => "precise_place",
            Grant::CountCaps => "count_caps",
            Grant::ShareSegments => "share_segments",
            Grant::Measure => "measure",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of grants; made only in this room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Grants(u8);

impl Grants {
    pub const ALL: Grants = Grants(u8::MAX);
    pub const NONE: Grants = Grants(0);
    /// The music without the person.
    pub const CONTEXT: Grants = Grants(Grant::Answer.bit());

    pub const fn has(self, grant: Grant) -> bool {
        self.0 & grant.bit() != 0
    }

    pub const fn with(self, grant: Grant) -> Grants {
        Grants(self.0 | grant.bit())
    }

    pub const fn and(self, other: Grants) -> Grants {
        Grants(self.0 & other.0)
    }

    pub const fn without(self, grant: Grant) -> Grants {
        Grants(self.0 & !grant.bit())
    }
}

/// What one request permits. Made only by [`permissions`](super::permissions()); everything else
/// can but read it, or narrow it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Permissions {
    grants: Grants,
    denial: Option<Denial>,
}

/// Says that a profile may be read: the bid path's key to
/// [`Audience::profile`](crate::knowledge::audience::Audience::profile). Made nowhere but by
/// [`Permissions::profile_read`].
#[derive(Clone, Copy, Debug)]
pub struct ProfileRead(());

impl Permissions {
    pub(super) const FULL: Permissions = Permissions { grants: Grants::ALL, denial: None };

    pub const fn may(self, grant: Grant) -> bool {
        self.grants.has(grant)
    }

    /// Everything is granted.
    pub const fn full(self) -> bool {
        self.grants.0 == u8::MAX
    }

    /// The first signal that took something away.
    pub const fn denial(self) -> Option<Denial> {
        self.denial
    }

    /// The right to read the profile, for those who have it.
    pub const fn profile_read(self) -> Option<ProfileRead> {
        if self.may(Grant::ReadProfile) { Some(ProfileRead(())) } else { None }
    }

    /// As a decision record keeps it: the grants' bits, and one more than the denial's number
    /// above them.
    pub const fn word(self) -> u16 {
        let denial = match self.denial {
            None => 0,
            Some(denial) => denial as u16 + 1,
        };
        denial << 8 | self.grants.0 as u16
    }

    /// What a record says was permitted. For replaying it and for nothing else: what the signals
    /// were is not kept. `None` of what is no such word.
    pub fn recorded(word: u16) -> Option<Permissions> {
        let (grants, denial) = (Grants(word as u8), usize::from(word >> 8));
        let denial = match denial.checked_sub(1) {
            None => None,
            Some(number) => Some(*Denial::ALL.get(number)?),
        };
        (denial.is_some() || grants == Grants::ALL).then_some(Permissions { grants, denial })
    }

    /// The same, narrowed: the listener is a minor (DESIGN §7: no profile use at all). A denial
    /// that stood before keeps its reason.
    pub const fn of_minor(self) -> Permissions {
        self.narrowed(Grants::CONTEXT, Denial::Minor)
    }

    /// The same, narrowed: the listener has said no to everything.
    pub const fn of_opted_out(self) -> Permissions {
        self.narrowed(Grants::CONTEXT, Denial::OptedOut)
    }

    /// The same without one grant more.
    pub const fn without(self, grant: Grant, denial: Denial) -> Permissions {
        self.narrowed(Grants::ALL.without(grant), denial)
    }

    pub(super) const fn narrowed(self, to: Grants, denial: Denial) -> Permissions {
        let grants = self.grants.and(to);
        let denial = match self.denial {
            None if grants.0 != self.grants.0 => Some(denial),
            before => before,
        };
        Permissions { grants, denial }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_a_set() {
        for (index, grant) in Grant::ALL.into_iter().enumerate() {
            assert_eq!(grant as usize, index);
            let less = Permissions::FULL.without(grant, Denial::Minor);
            for other in Grant::ALL {
                assert_eq!(less.may(other), other != grant);
                assert!(Permissions::FULL.may(other));
            }
            assert_eq!(less.denial(), Some(Denial::Minor));
            assert!(!less.full() && Permissions::FULL.full());
            // The first reason stays, and what is taken twice is gone.
            let still = less.without(grant, Denial::Coppa);
            assert_eq!((still, still.denial()), (less, Some(Denial::Minor)));
        }
    }

    #[test]
    fn a_word_keeps_all_of_it() {
        let full = Permissions::FULL;
        for denial in Denial::ALL {
            for given in [full, full.without(Grant::UseId, denial), full.of_minor()] {
                assert_eq!(Permissions::recorded(given.word()), Some(given));
            }
        }
        let unknown = (Denial::ALL.len() as u16 + 1) << 8 | 1;
        assert_eq!(Permissions::recorded(unknown), None);
        assert_eq!(Permissions::recorded(1), None, "less than everything has its reason");
    }

    #[test]
    fn only_who_may_read_has_the_token() {
        assert!(Permissions::FULL.profile_read().is_some());
        assert!(Permissions::FULL.of_minor().profile_read().is_none());
        let all_but_it = Permissions::FULL.without(Grant::ReadProfile, Denial::RegsAbsent);
        assert!(all_but_it.profile_read().is_none());
    }
}

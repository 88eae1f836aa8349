//! What has one listener said about all this? The noes, and the few yeses.
//!
//! Looked up by `enrich` for every request that names a listener, kept with the decision; hot.

use super::{DistressMoments, OptOuts};

/// What one listener has refused, and agreed to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Suppressed {
    pub opted_out: OptOuts,
    /// Said to be under 18: no id, no profile.
    pub minor: bool,
    /// Moments of distress that this listener lets be used, where the operator enables them.
    pub opted_in: DistressMoments,
}

impl Suppressed {
    pub const NONE: Suppressed =
        Suppressed { opted_out: OptOuts::NONE, minor: false, opted_in: DistressMoments::NONE };

    /// Of one person under two names: every no counts, and only a yes that both say.
    #[must_use]
    pub const fn or(self, other: Suppressed) -> Suppressed {
        Suppressed {
            opted_out: self.opted_out.or(other.opted_out),
            minor: self.minor || other.minor,
            opted_in: self.opted_in.and(other.opted_in),
        }
    }

    /// As it stands in records and journals.
    pub const fn word(self) -> u32 {
        let [low, high] = self.opted_out.bits().to_le_bytes();
        u32::from_le_bytes([low, high, self.minor as u8, self.opted_in.bits()])
    }

    /// `None`: bits that no version has written.
    pub fn recorded(word: u32) -> Option<Suppressed> {
        let [low, high, minor, opted_in] = word.to_le_bytes();
        Some(Suppressed {
            opted_out: OptOuts::of_bits(u16::from_le_bytes([low, high]))?,
            minor: match minor {
                0 => false,
                1 => true,
                _ => return None,
            },
            opted_in: DistressMoments::of_bits(opted_in)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DistressMoment, SignalKind};
    use super::*;

    fn suppressed(kind: SignalKind) -> Suppressed {
        Suppressed { opted_out: OptOuts::NONE.with(kind), ..Suppressed::NONE }
    }

    #[test]
    fn of_two_names_every_no_counts() {
        let agreed = DistressMoments::NONE.with(DistressMoment::Illness);
        let one = Suppressed { opted_in: agreed, ..suppressed(SignalKind::Mood) };
        let other = Suppressed { minor: true, ..suppressed(SignalKind::Place) };
        let both = one.or(other);
        assert!(both.opted_out.has(SignalKind::Mood) && both.opted_out.has(SignalKind::Place));
        assert!(both.minor && both.opted_in.is_empty());
        for one in [one, other, both, Suppressed::NONE] {
            assert_eq!(Suppressed::recorded(one.word()), Some(one));
        }
        assert_eq!(Suppressed::recorded(2 << 16), None);
    }
}

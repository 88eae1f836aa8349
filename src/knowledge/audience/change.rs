//! What may happen to a listener? One change, as intake takes, keeps and applies it.
//!
//! Made by the admin door, by import and by providers (cold), and checked there once: what stands
//! in the journal has passed [`Change::check`].

use thiserror::Error;

use crate::base::units::ids::ListenerKey;
use crate::base::units::redacted::redacted;
use crate::market::vocabulary::ValueId;

use super::links::LinkKey;
use super::profile::{Profile, ProfileFault, SEGMENTS_MAX, Segment};

/// One change of one listener, or of one link.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// The profile is this, whatever it was.
    Put {
        key: ListenerKey,
        profile: Box<[u8]>,
    },
    /// The profile gets these segments: one of a value that it has replaces that one. Makes a
    /// listener who was not known.
    Add {
        key: ListenerKey,
        segments: Vec<Segment>,
    },
    /// The profile loses these values. A listener who is not known stays so.
    Remove {
        key: ListenerKey,
        values: Vec<ValueId>,
    },
    /// Nothing is known any more, and no link leads there; later changes begin anew.
    Erase {
        key: ListenerKey,
    },
    /// The id leads to this listener, known or not, whoever it led to before.
    Link {
        link: LinkKey,
        key: ListenerKey,
    },
    Unlink {
        link: LinkKey,
    },
}

redacted!(Change);

/// Why a change cannot be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ChangeFault {
    #[error(transparent)]
    Profile(#[from] ProfileFault),
    #[error("one change may add at most {SEGMENTS_MAX} segments, this one has {0}")]
    TooManySegments(usize),
    #[error("a segment's confidence is {0}, not within 1 to 100")]
    Confidence(u8),
    #[error("value {} is not in the vocabulary", .0.0)]
    UnknownValue(ValueId),
}

impl Change {
    /// Whether it can be applied under a vocabulary of so many values.
    pub fn check(&self, vocabulary_len: usize) -> Result<(), ChangeFault> {
        let known = |value: ValueId| {
            let fault = ChangeFault::UnknownValue(value);
            if value.index() < vocabulary_len { Ok(()) } else { Err(fault) }
        };
        match self {
            Change::Put { profile, .. } => {
                Profile::checked(profile, vocabulary_len)?;
                Ok(())
            }
            Change::Add { segments, .. } if segments.len() > SEGMENTS_MAX => {
                Err(ChangeFault::TooManySegments(segments.len()))
            }
            Change::Add { segments, .. } => segments.iter().try_for_each(|segment| {
                let sure = segment.confidence_pct;
                if !(1..=100).contains(&sure) {
                    return Err(ChangeFault::Confidence(sure));
                }
                known(segment.value)
            }),
            // A value that nobody knows is in no profile: removing it is done at once.
            Change::Remove { .. } => Ok(()),
            Change::Erase { .. } | Change::Link { .. } | Change::Unlink { .. } => Ok(()),
        }
    }

    /// The listener that it is about; an unlinking is about none.
    pub const fn key(&self) -> Option<ListenerKey> {
        match self {
            Change::Put { key, .. }
            | Change::Add { key, .. }
            | Change::Remove { key, .. }
            | Change::Erase { key }
            | Change::Link { key, .. } => Some(*key),
            Change::Unlink { .. } => None,
        }
    }
}

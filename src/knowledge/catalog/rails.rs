//! May a line ask for this value? Special categories, moments of distress and minors are refused.
//!
//! Asked by [`clause`](super::clause) for each value of a clause; cold. What is refused, and the
//! reasons, stand in [`Barred`]; a profile that may not be used for somebody is nobody's reason to
//! hear an ad, whether a clause wants those who have it or those who do not.

use super::lexicon::{Lexicon, NOBODYS};
use super::values::Complaint;
use crate::market::vocabulary::{AGE_BANDS, Barred, Dimension, ValueId};

/// Whether they stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rails {
    Up,
    /// For the archive of a world that was served under other rules: it is only replayed.
    Archived,
}

/// The age from which listeners may be targeted.
pub const FULL_AGE: u8 = 18;

/// `wanted`: the clause is true of those who have the value.
pub fn check(
    rails: Rails,
    vocabulary: &Lexicon<'_>,
    (value, text): (ValueId, &str),
    wanted: bool,
) -> Result<(), Complaint> {
    if rails == Rails::Archived || value == NOBODYS {
        return Ok(());
    }
    if let Some(why) = vocabulary.barred(value) {
        return Err(complaint(vocabulary.dimension(value), text, why));
    }
    let of_minors = AGE_BANDS.iter().filter(|band| band.from < FULL_AGE);
    if wanted && of_minors.into_iter().any(|band| vocabulary.age(band.from) == value) {
        return Err(self::of_minors());
    }
    Ok(())
}

pub fn complaint(dimension: Dimension, text: &str, why: Barred) -> Complaint {
    let message = format!("nobody is targeted by {} `{text}`: {why}", dimension.name());
    Complaint::mend(message, why.mend())
}

pub fn of_minors() -> Complaint {
    let message = format!("nobody under {FULL_AGE} is targeted (DSA art. 28(2))");
    Complaint::mend(message, format!("write `min: {FULL_AGE}`, or bands from 18-20 on"))
}

//! With what are campaign files read? The words, rates and limits of whoever asks.
//!
//! Given to [`sheets`](super::sheets); cold.

use std::sync::Arc;

use super::lexicon::Lexicon;
use super::limits::Limits;
use super::model::Expr;
use super::values::Complaint;
use crate::base::units::ids::LineId;
use crate::market::exchange::Rates;
use crate::market::vocabulary::{Vocabulary, Words};

/// With what files are read.
pub struct Reading<'a> {
    pub tongue: Tongue<'a>,
    pub rates: &'a Rates,
    pub limits: &'a Limits,
    /// An archive names hosted media by hash, without the file.
    pub archived: bool,
    /// Who has counted the listeners; nobody where none are at hand.
    pub headcount: Option<&'a dyn Headcount>,
}

/// Knows whether enough listeners meet what a line asks of them.
pub trait Headcount {
    /// What is wrong where too few do.
    fn complaint(&self, line: LineId, targeting: &Expr) -> Option<Complaint>;
}

/// Who gives ids to words.
pub enum Tongue<'a> {
    Own(&'a mut Vocabulary),
    /// With what was known when the reading began.
    Shared(&'a Words, Arc<Vocabulary>),
}

impl Tongue<'_> {
    /// The words that a whole process shares; nobody waits for the end of the reading.
    pub fn of(words: &Words) -> Tongue<'_> {
        Tongue::Shared(words, words.snapshot())
    }

    pub(super) fn lexicon(&mut self) -> Lexicon<'_> {
        match self {
            Tongue::Own(vocabulary) => Lexicon::Growing(vocabulary),
            Tongue::Shared(words, known) => Lexicon::Shared(known, words),
        }
    }

    pub(super) fn speak<R>(&self, work: impl FnOnce(&Vocabulary) -> R) -> R {
        match self {
            Tongue::Own(vocabulary) => work(vocabulary),
            Tongue::Shared(words, _) => work(&words.snapshot()),
        }
    }
}

//! With what are campaign files read? The words, rates and limits of whoever asks.
//!
//! Given to [`sheets`](super::sheets); cold.

use super::limits::Limits;
use crate::market::exchange::Rates;
use crate::market::vocabulary::{Vocabulary, Words};

/// With what files are read.
pub struct Reading<'a> {
    pub tongue: Tongue<'a>,
    pub rates: &'a Rates,
    pub limits: &'a Limits,
    /// An archive names hosted media by hash, without the file.
    pub archived: bool,
}

/// Who gives ids to words.
pub enum Tongue<'a> {
    Own(&'a mut Vocabulary),
    Shared(&'a Words),
}

impl Tongue<'_> {
    pub(super) fn grow<R>(&mut self, work: impl FnOnce(&mut Vocabulary) -> R) -> R {
        match self {
            Tongue::Own(vocabulary) => work(vocabulary),
            Tongue::Shared(words) => words.grow(work),
        }
    }

    pub(super) fn speak<R>(&self, work: impl FnOnce(&Vocabulary) -> R) -> R {
        match self {
            Tongue::Own(vocabulary) => work(vocabulary),
            Tongue::Shared(words) => work(&words.snapshot()),
        }
    }
}

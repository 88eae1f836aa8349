//! May reading a word give it an id? Those of a campaign file get one, those of a draft do not.
//!
//! Asked by [`clause`](super::clause) for each word; cold.

use std::ops::Deref;

use crate::market::vocabulary::{Dimension, InternFault, ValueId, Vocabulary, Words};

/// Where a clause's words are looked up.
pub enum Lexicon<'v> {
    /// New words of open dimensions get ids.
    Growing(&'v mut Vocabulary),
    /// As well, in the words that a whole process shares: those that were known at the start, and
    /// where the others get their ids, one at a time, as others wait meanwhile.
    Shared(&'v Vocabulary, &'v Words),
    /// A draft's words: whoever asks what an expression would do leaves no trace.
    Fixed(&'v Vocabulary),
}

/// The value of a draft's word that nobody has used before: nobody has it.
pub const NOBODYS: ValueId = ValueId(u32::MAX);

impl Deref for Lexicon<'_> {
    type Target = Vocabulary;

    fn deref(&self) -> &Vocabulary {
        match self {
            Lexicon::Growing(vocabulary) => vocabulary,
            Lexicon::Shared(vocabulary, _) | Lexicon::Fixed(vocabulary) => vocabulary,
        }
    }
}

impl Lexicon<'_> {
    /// The same once more, for a part of what is read.
    pub fn again(&mut self) -> Lexicon<'_> {
        match self {
            Lexicon::Growing(vocabulary) => Lexicon::Growing(vocabulary),
            Lexicon::Shared(known, words) => Lexicon::Shared(known, words),
            Lexicon::Fixed(vocabulary) => Lexicon::Fixed(vocabulary),
        }
    }

    pub fn intern(&mut self, dimension: Dimension, text: &str) -> Result<ValueId, InternFault> {
        match self {
            Lexicon::Growing(vocabulary) => vocabulary.intern(dimension, text),
            Lexicon::Shared(known, words) => match known.look_up(dimension, text)? {
                Some(value) => Ok(value),
                None => words.grow(|vocabulary| vocabulary.intern(dimension, text)),
            },
            Lexicon::Fixed(vocabulary) => {
                vocabulary.look_up(dimension, text).map(|value| value.unwrap_or(NOBODYS))
            }
        }
    }
}

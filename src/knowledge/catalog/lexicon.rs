//! May reading a word give it an id? Those of a campaign file get one, those of a draft do not.
//!
//! Asked by [`clause`](super::clause) for each word; cold.

use std::ops::Deref;

use crate::market::vocabulary::{Dimension, InternFault, ValueId, Vocabulary};

/// Where a clause's words are looked up.
pub enum Lexicon<'v> {
    /// New words of open dimensions get ids.
    Growing(&'v mut Vocabulary),
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
            Lexicon::Fixed(vocabulary) => vocabulary,
        }
    }
}

impl Lexicon<'_> {
    pub fn intern(&mut self, dimension: Dimension, text: &str) -> Result<ValueId, InternFault> {
        match self {
            Lexicon::Growing(vocabulary) => vocabulary.intern(dimension, text),
            Lexicon::Fixed(vocabulary) => {
                vocabulary.look_up(dimension, text).map(|value| value.unwrap_or(NOBODYS))
            }
        }
    }
}

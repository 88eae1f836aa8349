//! How does the store become an audience? At start and after an import, whole; cold.
//!
//! The store is read and let go, so that an import can run beside a server. A store that was
//! written under another vocabulary is refused: its numbers would mean other words.

use std::path::Path;

use thiserror::Error;

use crate::market::vocabulary::{ValueId, Vocabulary};

use super::audience::Audience;
use super::generation::GenerationBuilder;
use super::profile::{Profile, ProfileFault};
use super::store::{FILE, RedbStore, Store, StoreFault};

/// The note that names the newest value of the vocabulary that profiles were written under.
const VOCABULARY_NOTE: &str = "vocabulary";

#[derive(Debug, Error)]
pub enum LoadFault {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error("the profile at place {place} of the store is damaged: {fault}")]
    Damaged { place: usize, fault: ProfileFault },
    #[error(
        "the listeners were imported under a vocabulary of {theirs} values, this one has {ours} \
         or others; put back the vocabulary.log that belongs to this audience.redb, or import again"
    )]
    OtherVocabulary { theirs: usize, ours: usize },
}

/// Everybody in the data folder's store; nobody where there is none.
pub fn load(data: &Path, vocabulary: &Vocabulary) -> Result<Audience, LoadFault> {
    match RedbStore::open(&data.join(FILE))? {
        Some(store) => load_from(&store, vocabulary),
        None => Ok(Audience::empty()),
    }
}

/// As [`load`], from any store.
pub fn load_from(store: &dyn Store, vocabulary: &Vocabulary) -> Result<Audience, LoadFault> {
    check_vocabulary(store, vocabulary)?;
    let mut builder = GenerationBuilder::default();
    let mut damage = None;
    store.scan(&mut |key, bytes| match Profile::checked(bytes, vocabulary.len()) {
        Ok(profile) => {
            builder.add(key, profile);
            true
        }
        Err(fault) => {
            damage = Some(LoadFault::Damaged { place: builder.len(), fault });
            false
        }
    })?;
    damage.map_or_else(|| Ok(Audience::of(builder.build())), Err)
}

/// Whether this vocabulary is the one that profiles were written under, or has grown from it.
pub fn check_vocabulary(store: &dyn Store, vocabulary: &Vocabulary) -> Result<(), LoadFault> {
    let Some(note) = store.note(VOCABULARY_NOTE)? else { return Ok(()) };
    let theirs = note.first_chunk::<4>().map_or(0, |len| u32::from_le_bytes(*len) as usize);
    let fits = theirs <= vocabulary.len() && note == newest(vocabulary, theirs);
    let ours = vocabulary.len();
    if fits { Ok(()) } else { Err(LoadFault::OtherVocabulary { theirs, ours }) }
}

/// Writes down under which vocabulary the store's profiles were written.
pub fn note_vocabulary(store: &mut dyn Store, vocabulary: &Vocabulary) -> Result<(), StoreFault> {
    store.set_note(VOCABULARY_NOTE, &newest(vocabulary, vocabulary.len()))
}

/// How many values there are, and which is the last of them: ids are only ever appended, so
/// two vocabularies with the same are the same up to there.
fn newest(vocabulary: &Vocabulary, len: usize) -> Vec<u8> {
    let mut note = (len as u32).to_le_bytes().to_vec();
    if let Some(last) = len.checked_sub(1) {
        let last = ValueId(last as u32);
        note.extend_from_slice(vocabulary.dimension(last).name().as_bytes());
        note.push(b' ');
        note.extend_from_slice(vocabulary.text(last).as_bytes());
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::ids::ListenerKey;
    use crate::market::vocabulary::Dimension;

    fn artists(names: &[&str]) -> Vocabulary {
        let mut vocabulary = Vocabulary::new();
        for name in names {
            vocabulary.intern(Dimension::Artist, name).unwrap();
        }
        vocabulary
    }

    #[test]
    fn a_store_is_read_under_its_own_vocabulary_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let written_under = artists(&["Muse", "Björk"]);
        let mut store = RedbStore::create(&path).unwrap();
        note_vocabulary(&mut store, &written_under).unwrap();
        store.upsert_batch(&[(ListenerKey(1), Profile::EMPTY.bytes())]).unwrap();
        drop(store);
        for (vocabulary, fits) in [
            (artists(&["Muse", "Björk"]), true),
            (artists(&["Muse", "Björk", "Air"]), true),
            (artists(&["Muse"]), false),
            (artists(&["Muse", "Air"]), false),
            (Vocabulary::new(), false),
        ] {
            match load(folder.path(), &vocabulary) {
                Ok(audience) => assert!(fits && audience.len() == 1),
                Err(LoadFault::OtherVocabulary { .. }) => assert!(!fits),
                Err(fault) => panic!("{fault}"),
            }
        }
    }

    #[test]
    fn damage_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = RedbStore::create(&folder.path().join(FILE)).unwrap();
        store
            .upsert_batch(&[
                (ListenerKey(1), Profile::EMPTY.bytes()),
                (ListenerKey(2), b"\x01\x05"),
            ])
            .unwrap();
        drop(store);
        let fault = load(folder.path(), &Vocabulary::new()).unwrap_err();
        assert!(
            matches!(fault, LoadFault::Damaged { place: 1, fault: ProfileFault::Truncated }),
            "{fault}"
        );
    }

    #[test]
    fn no_store_is_nobody() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path(), &Vocabulary::new()).unwrap().is_empty());
    }
}

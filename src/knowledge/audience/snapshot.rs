//! How does an audience come back in seconds? One file of all that is living, checked whole.
//!
//! Written by the store now and then, read at start; cold. Whoever writes it says up to which
//! change it goes (`sequence`), and whoever reads it takes on from there.
//!
//! ```text
//! head    magic 8 · version 4 · values 4 · vocabulary mark 8 · sequence 8 ·
//!         listeners 8 · their buckets 8 · links 8 · their buckets 8 · blocks 8 · xxh3 of these 8
//! block   kind 4 (1 listeners, 2 links) · length 4 · xxh3 of the bytes, seeded by the block's
//!         number 8 · a chunk as a generation holds it (see `table`)
//! ```
//! All numbers are little endian. Blocks become the generation's chunks as they are, so loading
//! takes no more memory than what it makes; the slots are made anew.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::market::vocabulary::Vocabulary;

use super::audience::Audience;
use super::filling::{Chunks, Filling};
use super::generation::Generation;
use super::record::Under;
use super::table::Record;

/// The snapshot's name in the store's folder.
pub const FILE: &str = "audience.snapshot";

const MAGIC: [u8; 8] = *b"ILAUDNCE";
const VERSION: u32 = 1;
const HEAD: usize = 80;
const BLOCK_HEAD: usize = 16;
const LISTENERS: u32 = 1;
const LINKS: u32 = 2;

/// What a snapshot holds.
#[derive(Debug)]
pub struct Snapshot {
    pub generation: Generation,
    /// What the writer gave: the last change that is in it.
    pub sequence: u64,
}

#[derive(Debug, Error)]
pub enum SnapshotFault {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is a snapshot of version {version}, this build reads {VERSION}; import again")]
    Version { path: PathBuf, version: u32 },
    #[error(
        "{path} is damaged at byte {offset}: {what}; put back a copy of its folder, or remove the \
         folder and import again"
    )]
    Damaged { path: PathBuf, offset: u64, what: &'static str },
    #[error(
        "{path} was written under a vocabulary of {theirs} values, this one has {ours} or others; \
         put back the vocabulary.log that belongs to it, or remove its folder and import again"
    )]
    OtherVocabulary { path: PathBuf, theirs: u32, ours: u32 },
}

/// Writes all living listeners and links to `path`, by way of a file beside it: what stood there
/// stays whole until the new one is. Asks `go_on` after each block, and ends with a fault where
/// it says no. Returns the file's bytes.
pub fn write(
    path: &Path,
    audience: &Audience,
    (sequence, vocabulary): (u64, &Vocabulary),
    go_on: &mut dyn FnMut() -> bool,
) -> Result<u64, SnapshotFault> {
    let beside = beside(path);
    let made = File::create(&beside).and_then(|file| {
        let mut blocks = Blocks { file, blocks: 0, bytes: 0, go_on };
        blocks.all(audience, sequence, vocabulary)?;
        std::fs::rename(&beside, path)?;
        // The new name is durable with its folder.
        match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => File::open(folder)?.sync_all()?,
            None => File::open(".")?.sync_all()?,
        }
        Ok(blocks.bytes)
    });
    made.map_err(|source| {
        let _ = std::fs::remove_file(&beside);
        SnapshotFault::Io { path: path.to_owned(), source }
    })
}

/// Where a snapshot stands until it is whole.
pub(super) fn beside(path: &Path) -> PathBuf {
    path.with_extension("snapshot.new")
}

struct Blocks<'g> {
    file: File,
    blocks: u64,
    bytes: u64,
    go_on: &'g mut dyn FnMut() -> bool,
}

impl Blocks<'_> {
    fn all(
        &mut self,
        audience: &Audience,
        sequence: u64,
        vocabulary: &Vocabulary,
    ) -> io::Result<()> {
        self.file.write_all(&[0; HEAD])?;
        let mut listeners = Filling::new(audience.len());
        for (key, profile) in audience.iter() {
            listeners.push(Record { key: key.0, cut: false, body: profile.bytes() });
            self.flush(LISTENERS, &mut listeners)?;
        }
        listeners.close();
        self.flush(LISTENERS, &mut listeners)?;
        // Those that are overridden count, too: no harm but a shorter bucket.
        let most = audience.generations().iter().map(|each| each.links.len()).sum();
        let mut links = Filling::new(most);
        for (link, key) in audience.links() {
            links.push(Record { key: link.0, cut: false, body: &key.0.to_le_bytes() });
            self.flush(LINKS, &mut links)?;
        }
        links.close();
        self.flush(LINKS, &mut links)?;
        let Under { values, mark } = Under::of(vocabulary);
        let mut head = Vec::with_capacity(HEAD);
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&VERSION.to_le_bytes());
        head.extend_from_slice(&values.to_le_bytes());
        let counts = [&listeners, &links].map(|of| [of.len() as u64, of.buckets() as u64]);
        let [[listeners, of_listeners], [links, of_links]] = counts;
        for word in [mark, sequence, listeners, of_listeners, links, of_links, self.blocks] {
            head.extend_from_slice(&word.to_le_bytes());
        }
        head.extend_from_slice(&xxh3_64(&head).to_le_bytes());
        self.file.rewind()?;
        self.file.write_all(&head)?;
        self.bytes += HEAD as u64;
        self.file.sync_all()
    }

    fn flush(&mut self, kind: u32, filling: &mut Filling) -> io::Result<()> {
        while let Some(block) = filling.take() {
            self.file.write_all(&kind.to_le_bytes())?;
            self.file.write_all(&(block.len() as u32).to_le_bytes())?;
            self.file.write_all(&xxh3_64_with_seed(&block, self.blocks).to_le_bytes())?;
            self.file.write_all(&block)?;
            // The journal's own syncs need not wait for a gigabyte that is on its way to the disk.
            self.file.sync_data()?;
            if !(self.go_on)() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.blocks += 1;
            self.bytes += (BLOCK_HEAD + block.len()) as u64;
        }
        Ok(())
    }
}

/// Reads a snapshot; `None` where there is none. What is damaged anywhere is refused whole.
pub fn read(path: &Path, vocabulary: &Vocabulary) -> Result<Option<Snapshot>, SnapshotFault> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SnapshotFault::Io { path: path.to_owned(), source }),
    };
    let len = match file.metadata() {
        Ok(about) => about.len(),
        Err(source) => return Err(SnapshotFault::Io { path: path.to_owned(), source }),
    };
    let mut reading = Reading { path, file, len, offset: 0 };
    reading.all(vocabulary).map(Some)
}

struct Reading<'p> {
    path: &'p Path,
    file: File,
    len: u64,
    offset: u64,
}

impl Reading<'_> {
    fn all(&mut self, vocabulary: &Vocabulary) -> Result<Snapshot, SnapshotFault> {
        let head = self.take(HEAD)?;
        let word = |at: usize| number(&head, at);
        if head[..8] != MAGIC {
            return Err(self.damaged(0, "it does not begin as a snapshot does"));
        }
        let (version, theirs) = (word(8) as u32, (word(8) >> 32) as u32);
        if version != VERSION {
            return Err(SnapshotFault::Version { path: self.path.to_owned(), version });
        }
        if word(72) != xxh3_64(&head[..72]) {
            return Err(self.damaged(0, "the head's checksum differs"));
        }
        let ours = vocabulary.len() as u32;
        if !(Under { values: theirs, mark: word(16) }).fits(vocabulary) {
            let path = self.path.to_owned();
            return Err(SnapshotFault::OtherVocabulary { path, theirs, ours });
        }
        let mut listeners = Chunks::new(word(40) as usize);
        let mut links = Chunks::new(word(56) as usize);
        for number in 0..word(64) {
            self.block(number, &mut listeners, &mut links)?;
        }
        if self.file.read(&mut [0]).map_err(|source| self.io(source))? > 0 {
            return Err(self.damaged(self.offset, "bytes stand behind the last block"));
        }
        let generation = Generation { listeners: listeners.build(), links: links.build(), cuts: 0 };
        let held = (generation.listeners.len() as u64, generation.links.len() as u64);
        if held != (word(32), word(48)) {
            return Err(self.damaged(32, "it holds others than the head counts"));
        }
        Ok(Snapshot { generation, sequence: word(24) })
    }

    fn block(
        &mut self,
        nth: u64,
        listeners: &mut Chunks,
        links: &mut Chunks,
    ) -> Result<(), SnapshotFault> {
        let at = self.offset;
        let head = self.take(BLOCK_HEAD)?;
        let (kind, len) = (number(&head, 0) as u32, (number(&head, 0) >> 32) as usize);
        let bytes = self.take(len)?;
        if number(&head, 8) != xxh3_64_with_seed(&bytes, nth) {
            return Err(self.damaged(at, "a block's checksum differs"));
        }
        let pushed = match kind {
            LISTENERS => listeners.push(bytes, |record| !record.cut && !record.is_gone()),
            LINKS => links.push(bytes, |record| !record.cut && record.body.len() == 16),
            _ => return Err(self.damaged(at, "a block is of no known kind")),
        };
        let place = |offset: usize| at + (BLOCK_HEAD + offset) as u64;
        pushed.map_err(|offset| self.damaged(place(offset), "a bucket is not in its form"))
    }

    fn take(&mut self, len: usize) -> Result<Box<[u8]>, SnapshotFault> {
        if len as u64 > self.len - self.offset {
            return Err(self.damaged(self.len, "it ends too soon"));
        }
        let mut bytes = Vec::with_capacity(len);
        let read = (&mut self.file).take(len as u64).read_to_end(&mut bytes);
        read.map_err(|source| self.io(source))?;
        if bytes.len() < len {
            return Err(self.damaged(self.offset + bytes.len() as u64, "it ends too soon"));
        }
        self.offset += len as u64;
        Ok(bytes.into())
    }

    fn io(&self, source: io::Error) -> SnapshotFault {
        SnapshotFault::Io { path: self.path.to_owned(), source }
    }

    fn damaged(&self, offset: u64, what: &'static str) -> SnapshotFault {
        SnapshotFault::Damaged { path: self.path.to_owned(), offset, what }
    }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    word.map_or(0, |word| u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::base::units::ids::ListenerKey;
    use crate::knowledge::audience::{
        Entry, GenerationBuilder, LinkKey, Profile, Purpose, Segment, encode,
    };
    use crate::market::vocabulary::{Dimension, ValueId};

    fn profile(n: u32) -> Vec<u8> {
        let segment = |i| Segment {
            value: ValueId(n % 5000 + i),
            confidence_pct: 80,
            expires: Segment::NEVER,
        };
        let mut bytes = Vec::new();
        encode(&mut (0..n % 5).map(segment).collect(), &mut bytes).unwrap();
        bytes
    }

    /// Two generations, the newer of which takes away from the older.
    fn audience(listeners: u32) -> Audience {
        let key = |n: u32| ListenerKey::of(&n.to_string());
        let mut older = GenerationBuilder::default();
        for n in 0..listeners {
            older.add(key(n), Profile::checked(&profile(n), 10_000).unwrap());
            older.link(LinkKey::of("demo", &n.to_string()), Some(key(n)));
        }
        let mut newer = GenerationBuilder::default();
        newer.entry(key(0), Entry { profile: None, cut: true });
        newer.add(key(1), Profile::EMPTY);
        newer.link(LinkKey::of("demo", "1"), None);
        Audience::of(older.build()).with(Arc::new(newer.build()))
    }

    fn written(audience: &Audience) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let bytes = write(&path, audience, (77, &Vocabulary::new()), &mut || true).unwrap();
        assert_eq!(bytes, std::fs::metadata(&path).unwrap().len());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing beside it");
        (folder, path)
    }

    #[test]
    fn what_is_written_is_read() {
        // The last makes several blocks.
        for listeners in [0, 1, 2, 50, 120_000] {
            let audience = audience(listeners);
            let (_folder, path) = written(&audience);
            let snapshot = read(&path, &Vocabulary::new()).unwrap().unwrap();
            assert_eq!(snapshot.sequence, 77);
            let again = Audience::of(snapshot.generation);
            assert_eq!(again.len(), audience.len());
            assert!(again.iter().eq(audience.iter()));
            assert!(again.links().eq(audience.links()));
            for (key, profile) in audience.iter() {
                assert_eq!(again.profile_for(Purpose::Upkeep, key), Some(profile));
            }
            // Written anew it replaces what stood there.
            write(&path, &again, (78, &Vocabulary::new()), &mut || true).unwrap();
            assert_eq!(read(&path, &Vocabulary::new()).unwrap().unwrap().sequence, 78);
        }
    }

    #[test]
    fn a_writing_that_is_stopped_leaves_what_stood_there() {
        let (folder, path) = written(&audience(50));
        let before = std::fs::read(&path).unwrap();
        let stopped = write(&path, &audience(9), (78, &Vocabulary::new()), &mut || false);
        assert!(stopped.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing beside it");
    }

    #[test]
    fn none_is_none_and_another_vocabulary_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join(FILE), &Vocabulary::new()).unwrap().is_none());
        let artist = |name: &str| {
            let mut vocabulary = Vocabulary::new();
            vocabulary.intern(Dimension::Artist, name).unwrap();
            vocabulary
        };
        let mut grown = artist("Muse");
        grown.intern(Dimension::Artist, "Air").unwrap();
        let path = folder.path().join(FILE);
        write(&path, &audience(5), (1, &artist("Muse")), &mut || true).unwrap();
        for (vocabulary, fits) in [
            (artist("Muse"), true),
            (grown, true),
            (artist("Air"), false),
            (Vocabulary::new(), false),
        ] {
            match read(&path, &vocabulary) {
                Ok(snapshot) => assert!(fits && snapshot.is_some()),
                Err(SnapshotFault::OtherVocabulary { .. }) => assert!(!fits),
                Err(fault) => panic!("{fault}"),
            }
        }
    }

    #[test]
    fn damage_tells_its_place_and_its_mend() {
        let (_folder, path) = written(&audience(50));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[HEAD + BLOCK_HEAD + 3] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let fault = read(&path, &Vocabulary::new()).unwrap_err().to_string();
        assert!(
            fault.contains("damaged at byte 80: a block's checksum differs; put back"),
            "{fault}"
        );
        bytes[8] = 9;
        std::fs::write(&path, &bytes).unwrap();
        let fault = read(&path, &Vocabulary::new()).unwrap_err();
        assert!(matches!(fault, SnapshotFault::Version { version: 9, .. }), "{fault}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Any cut, any flipped bit and anything appended is refused.
        #[test]
        fn no_damage_goes_unseen(at in any::<prop::sample::Index>(), bit in 0..8u32, how in 0..3) {
            let (_folder, path) = written(&audience(40));
            let mut bytes = std::fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            match how {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << bit,
                _ => bytes.extend_from_slice(&[0; 20][..1 + at % 20]),
            }
            std::fs::write(&path, &bytes).unwrap();
            prop_assert!(read(&path, &Vocabulary::new()).is_err());
        }
    }
}

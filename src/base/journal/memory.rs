//! What if the machine stops now, or the disk fails? A disk in memory that does as it is told.
//!
//! For the simulator and for tests. Bytes are volatile until they are synced, names until their
//! folder is. [`MemoryDisk::crash`] leaves what was synced, and of the rest what the seed says:
//! each 512-byte sector of the old or the new bytes or none, each name there or not. Writers of
//! before the crash write nothing any more.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::stdx::rng::Rng;

use super::disk::{Disk, DiskFile, Lock};

const SECTOR: usize = 512;

/// What is done to a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Create,
    Append,
    Rewrite,
    Read,
    List,
    Write,
    Sync,
    Truncate,
    Rename,
    Remove,
    SyncDir,
}

/// A disk in memory; clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: Vec<Content>,
    /// As programs see them.
    names: BTreeMap<PathBuf, usize>,
    /// As a crash would leave them.
    durable_names: BTreeMap<PathBuf, usize>,
    /// Crashes so far.
    boots: u64,
    ops: u64,
    writes: u64,
    faults: Vec<Fault>,
    capacity: Option<u64>,
}

#[derive(Clone, Default)]
struct Content {
    /// As programs see it.
    bytes: Vec<u8>,
    /// So many of them are durable …
    synced: usize,
    /// … and behind those stood this before a cut that is not durable.
    cut: Vec<u8>,
    /// A sync failed when the file ended here: what is between, no later sync makes durable.
    lost: Vec<(usize, usize)>,
}

struct Fault {
    op: Option<Op>,
    nth: u64,
    lasting: bool,
    kind: io::ErrorKind,
}

impl MemoryDisk {
    pub fn new() -> MemoryDisk {
        MemoryDisk::default()
    }

    /// The machine stops and starts again.
    pub fn crash(&self, seed: u64) {
        let mut state = self.state();
        let mut rng = Rng::new(seed);
        let State { files, names, durable_names, boots, faults, .. } = &mut *state;
        let mut left = BTreeMap::new();
        let known: Vec<PathBuf> = names.keys().chain(durable_names.keys()).cloned().collect();
        for path in known {
            let (old, new) = (durable_names.get(&path), names.get(&path));
            if let Some(&file) = if rng.below(2) == 0 { old } else { new } {
                left.insert(path, file);
            }
        }
        files.iter_mut().for_each(|file| file.crash(&mut rng));
        *durable_names = left.clone();
        *names = left;
        faults.clear();
        *boots += 1;
    }

    /// Operations so far, of one kind or of all.
    pub fn ops(&self) -> u64 {
        self.state().ops
    }

    /// Bytes that were written so far.
    pub fn written(&self) -> u64 {
        self.state().writes
    }

    /// The `nth` operation from now on (1 is the next), of one kind or of all, fails; `lasting`:
    /// and all behind it. Until a crash or [`MemoryDisk::heal`].
    pub fn fail(&self, op: Option<Op>, nth: u64, lasting: bool, kind: io::ErrorKind) {
        self.state().faults.push(Fault { op, nth, lasting, kind });
    }

    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// Bytes that all files together may have.
    pub fn limit(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Bytes of all files that have a name.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// What a file holds from now on, durably, whatever it held; it is made where it is missing.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let file = state.names.get(path).copied().unwrap_or(state.files.len());
        let content = Content { bytes: bytes.to_vec(), synced: bytes.len(), ..Content::default() };
        match state.files.get_mut(file) {
            Some(known) => *known = content,
            None => state.files.push(content),
        }
        state.names.insert(path.to_owned(), file);
        state.durable_names.insert(path.to_owned(), file);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, file: usize, boots: u64) -> Box<dyn DiskFile> {
        Box::new(Handle { disk: self.clone(), file, boots })
    }
}

impl State {
    /// Counts an operation; its fault, if it is to fail.
    fn op(&mut self, op: Op) -> io::Result<()> {
        self.ops += 1;
        let mut verdict = Ok(());
        for fault in &mut self.faults {
            if fault.op.is_some_and(|only| only != op) {
                continue;
            }
            fault.nth = fault.nth.saturating_sub(1);
            if fault.nth == 0 {
                verdict = Err(io::Error::new(fault.kind, format!("{op:?} fails as told")));
                if !fault.lasting {
                    fault.nth = u64::MAX;
                }
            }
        }
        verdict
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn used(&self) -> u64 {
        self.names.values().map(|&file| self.files[file].bytes.len() as u64).sum()
    }
}

impl Content {
    fn truncate(&mut self, len: usize) {
        if len < self.synced {
            let mut cut = self.bytes[len..self.synced].to_vec();
            cut.append(&mut self.cut);
            (self.cut, self.synced) = (cut, len);
        }
        self.bytes.resize(len, 0);
        self.lost.retain_mut(|(from, to)| {
            *to = len.min(*to);
            from < to
        });
    }

    fn sync(&mut self) {
        self.synced = self.bytes.len();
        self.cut.clear();
    }

    fn crash(&mut self, rng: &mut Rng) {
        let old = [&self.bytes[..self.synced], &self.cut].concat();
        let (shorter, longer) = {
            let (a, b) = (old.len(), self.bytes.len());
            (a.min(b), a.max(b))
        };
        // What was not synced may have reached the disk in any part, and so may its length.
        let fate = rng.below(4);
        let len = match fate {
            0 => old.len(),
            1 => self.bytes.len(),
            _ => shorter + rng.below(longer - shorter + 1),
        };
        let mut left = vec![0; len];
        for (sector, out) in left.chunks_mut(SECTOR).enumerate() {
            let at = sector * SECTOR;
            let source = match if fate < 2 { fate } else { rng.below(3) } {
                0 => &old,
                1 => &self.bytes,
                _ => continue,
            };
            let there = source.get(at..).unwrap_or_default();
            let there = &there[..there.len().min(out.len())];
            out[..there.len()].copy_from_slice(there);
        }
        // What was synced and is not being cut stands whatever befell the rest of its sector.
        let stands = self.synced.min(len);
        left[..stands].copy_from_slice(&self.bytes[..stands]);
        for &(from, to) in &self.lost {
            if rng.below(2) == 0 {
                left[from.min(len)..to.min(len)].fill(0);
            }
        }
        *self = Content { synced: len, bytes: left, ..Content::default() };
    }
}

impl Disk for MemoryDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.op(Op::Create)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        state.files.push(Content::default());
        state.names.insert(path.to_owned(), file);
        Ok(self.open(file, state.boots))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.op(Op::Append)?;
        Ok(self.open(state.file(path)?, state.boots))
    }

    fn rewrite(&self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let file = state.file(path)?;
        state.op(Op::Rewrite)?;
        let content = &mut state.files[file];
        let from = usize::try_from(at).map_err(io::Error::other)?;
        let place = content.bytes.get_mut(from..from + bytes.len());
        place.ok_or(io::ErrorKind::InvalidInput)?.copy_from_slice(bytes);
        content.lost.retain(|(lost, _)| *lost < from);
        content.sync();
        Ok(())
    }

    fn read(&self, path: &Path, from: u64, most: u64) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        state.op(Op::Read)?;
        let bytes = &state.files[state.file(path)?].bytes;
        let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes[place(from)..place(from.saturating_add(most))].to_vec())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let mut state = self.state();
        state.op(Op::List)?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.cloned().collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.op(Op::Rename)?;
        let file = state.file(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.op(Op::Remove)?;
        state.file(path)?;
        state.names.remove(path);
        Ok(())
    }

    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.op(Op::SyncDir)?;
        let State { names, durable_names, .. } = &mut *state;
        durable_names.retain(|path, _| path.parent() != Some(dir));
        let inside = names.iter().filter(|(path, _)| path.parent() == Some(dir));
        durable_names.extend(inside.map(|(path, &file)| (path.clone(), file)));
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Option<Lock>> {
        Ok(Some(Lock::NOBODY_ELSE))
    }
}

struct Handle {
    disk: MemoryDisk,
    file: usize,
    boots: u64,
}

impl Handle {
    /// The disk, if it is still that of before.
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        match state.boots == self.boots {
            true => Ok(state),
            false => Err(io::Error::other("the machine has stopped since")),
        }
    }
}

impl DiskFile for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state()?;
        let mut told = state.op(Op::Write);
        let room = state.capacity.map_or(u64::MAX, |most| most.saturating_sub(state.used()));
        let mut written = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        match told {
            // A write that fails may have written a part.
            Err(_) => written = written.min(bytes.len() / 2),
            Ok(()) if written < bytes.len() => {
                told = Err(io::Error::new(io::ErrorKind::StorageFull, "no space left, as told"));
            }
            Ok(()) => {}
        }
        state.writes += written as u64;
        state.files[self.file].bytes.extend_from_slice(&bytes[..written]);
        told
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state()?;
        let told = state.op(Op::Sync);
        let content = &mut state.files[self.file];
        match told {
            Ok(()) => content.sync(),
            // The pages are marked clean: no later sync writes them.
            Err(_) => content.lost.push((content.synced, content.bytes.len())),
        }
        told
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.state()?;
        state.op(Op::Truncate)?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        state.files[self.file].truncate(len);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.files[self.file].bytes.len() as u64)
    }
}

//! Whose key opens it? One random key for each listener of whom samples are kept, in one file.
//!
//! ```text
//! keys/listeners.keys   head "ILKEYS" 0 1, then slots of 64 bytes:
//!   kind u8 · nought u8 ×3 · last used u32, days · whose u64 · key's number u64 · key 32
//!   · nought u32 · crc32c u32                      a slot of noughts is free
//! ```
//! Records name a key by its random number, never the listener; only the slot binds the two.
//! Forgetting is writing noughts over the slot, durably: number and key are gone, what they
//! sealed is noise, and no other place says whose it was. A slot whose checksum does not hold is
//! one that a crash left half written or half forgotten, and is made free when the file is
//! opened. Used by the writer's thread and by erasures; cold.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::journal::{DiskFile, Folder, Lock};
use crate::base::units::ids::ListenerMark;

/// Where the keys are, in the data folder.
pub const FOLDER: &str = "keys";
const FILE: &str = "listeners.keys";
const HEAD: [u8; SLOT] = {
    let mut head = [0; SLOT];
    let magic = b"ILKEYS\0\x01";
    let mut at = 0;
    while at < magic.len() {
        head[at] = magic[at];
        at += 1;
    }
    head
};
const SLOT: usize = 64;
/// A slot tells its last use to this many days: not each day is written for each listener.
const USE_DAYS: u32 = 7;
/// When more keys than this go at once, the others are written anew beside them.
const ONE_BY_ONE: usize = 64;

/// Whose key it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Holder {
    Listener(ListenerMark),
    /// Everybody of one day (since 1970) whom nothing names.
    Nobody(u32),
}

/// A key's number: says nothing of whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyId(pub(super) u64);

/// A key with its number. Never printed.
#[derive(Clone)]
pub(super) struct SealKey {
    pub id: KeyId,
    pub key: [u8; 32],
}

/// All keys, open for writing; one process's.
pub struct Vault {
    folder: Folder,
    max: usize,
    state: Mutex<State>,
    _lock: Lock,
}

struct State {
    file: Box<dyn DiskFile>,
    slots: Vec<Option<Slot>>,
    of: HashMap<Holder, usize>,
    free: Vec<usize>,
    random: File,
    /// Something was appended since the last sync.
    unsynced: bool,
    /// An append failed: what is behind the last slot is unknown, and nothing is appended.
    torn: bool,
}

#[derive(Clone)]
struct Slot {
    holder: Holder,
    last_day: u32,
    seal: SealKey,
}

impl Vault {
    /// Opens the keys of a data folder; makes them where there are none. `max`: most keys.
    pub fn open(data: &Path, max: usize) -> io::Result<Vault> {
        let vault = Vault::on(Folder::from(&data.join(FOLDER)), max)?;
        restrict(&data.join(FOLDER))?;
        Ok(vault)
    }

    /// As [`Vault::open`], of a folder of any disk.
    pub fn on(folder: Folder, max: usize) -> io::Result<Vault> {
        let disk = folder.disk();
        disk.make_dir(folder.path())?;
        let lock = disk.lock(folder.path())?;
        let lock =
            lock.ok_or_else(|| io::Error::other("the keys are in use by another process"))?;
        let path = folder.path().join(FILE);
        match disk.read(&path, 0, SLOT as u64) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => folder.replace(FILE, &HEAD)?,
            read => check_head(&read?)?,
        }
        let mut file = disk.append(&path)?;
        let bytes = disk.read(&path, 0, u64::MAX)?;
        let (slots, odd) = bytes[SLOT..].as_chunks::<SLOT>();
        if !odd.is_empty() {
            // An append that a crash cut off: its key has sealed nothing.
            file.truncate((bytes.len() - odd.len()) as u64)?;
            file.sync()?;
        }
        let mut state = State {
            file,
            slots: Vec::with_capacity(slots.len()),
            of: HashMap::new(),
            free: Vec::new(),
            random: File::open("/dev/urandom")?,
            unsynced: false,
            torn: false,
        };
        for (at, bytes) in slots.iter().enumerate() {
            let slot = Slot::read(bytes);
            if slot.is_none() && *bytes != [0; SLOT] {
                disk.rewrite(&path, place(at), &[0; SLOT])?;
            }
            state.put(slot);
        }
        Ok(Vault { folder, max, state: Mutex::new(state), _lock: lock })
    }

    /// The key of a holder, who gets one where there is none. `None`: there are as many as may
    /// be. Not to be used before [`Vault::sync`].
    pub(super) fn key(&self, holder: Holder, day: u32) -> io::Result<Option<SealKey>> {
        let mut state = self.state();
        if let Some(&at) = state.of.get(&holder) {
            let Some(slot) = &mut state.slots[at] else { return Ok(None) };
            let seal = slot.seal.clone();
            if slot.last_day.saturating_add(USE_DAYS) <= day {
                let used = Slot { last_day: day, ..slot.clone() };
                self.write(at, &used.bytes())?;
                *slot = used;
            }
            return Ok(Some(seal));
        }
        let mut random = [0; 40];
        state.random.read_exact(&mut random)?;
        let (id, key) = random.split_at(8);
        let id = KeyId(u64::from_le_bytes(std::array::from_fn(|i| id[i])));
        let seal = SealKey { id, key: std::array::from_fn(|i| key[i]) };
        let slot = Slot { holder, last_day: day, seal: seal.clone() };
        if let Some(&at) = state.free.last() {
            self.write(at, &slot.bytes())?;
            state.free.pop();
            state.of.insert(holder, at);
            state.slots[at] = Some(slot);
            return Ok(Some(seal));
        }
        if state.torn || state.slots.len() >= self.max {
            return Ok(None);
        }
        let written = state.file.write(&slot.bytes());
        state.torn |= written.is_err();
        written?;
        state.unsynced = true;
        state.put(Some(slot));
        Ok(Some(seal))
    }

    /// Makes the keys that were given out durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.unsynced {
            state.file.sync()?;
            state.unsynced = false;
        }
        Ok(())
    }

    /// Destroys a listener's key; `false`: there is none. When it returns, no file has it. After
    /// an error it may or may not be gone: ask again.
    pub fn forget(&self, mark: ListenerMark) -> io::Result<bool> {
        let mut state = self.state();
        let Some(&at) = state.of.get(&Holder::Listener(mark)) else { return Ok(false) };
        self.write(at, &[0; SLOT])?;
        state.clear(at);
        Ok(true)
    }

    /// Destroys the keys that nothing was sealed with since a day: what they sealed is gone.
    /// Returns how many.
    pub(super) fn retire(&self, before_day: u32) -> io::Result<usize> {
        let mut state = self.state();
        let is_old = |slot: &Slot| slot.last_day.saturating_add(USE_DAYS) < before_day;
        let old: Vec<usize> = (0..state.slots.len())
            .filter(|&at| state.slots[at].as_ref().is_some_and(is_old))
            .collect();
        if old.len() > ONE_BY_ONE {
            let kept = state.slots.iter().flatten().filter(|slot| !is_old(slot)).cloned();
            let kept: Vec<Slot> = kept.collect();
            let mut bytes = HEAD.to_vec();
            kept.iter().for_each(|slot| bytes.extend_from_slice(&slot.bytes()));
            self.folder.replace(FILE, &bytes)?;
            state.file = self.folder.disk().append(&self.folder.path().join(FILE))?;
            (state.unsynced, state.torn) = (false, false);
            (state.slots, state.free) = (Vec::new(), Vec::new());
            state.of.clear();
            kept.into_iter().for_each(|slot| state.put(Some(slot)));
            return Ok(old.len());
        }
        for &at in &old {
            self.write(at, &[0; SLOT])?;
            state.clear(at);
        }
        Ok(old.len())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.state().of.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Random bytes, for what is sealed.
    pub(super) fn nonce(&self) -> io::Result<[u8; 24]> {
        let mut nonce = [0; 24];
        self.state().random.read_exact(&mut nonce)?;
        Ok(nonce)
    }

    /// Durably.
    fn write(&self, at: usize, bytes: &[u8; SLOT]) -> io::Result<()> {
        self.folder.disk().rewrite(&self.folder.path().join(FILE), place(at), bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock leaves slots that are whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next slot of the file.
    fn put(&mut self, slot: Option<Slot>) {
        let at = self.slots.len();
        match &slot {
            Some(slot) => drop(self.of.insert(slot.holder, at)),
            None => self.free.push(at),
        }
        self.slots.push(slot);
    }

    fn clear(&mut self, at: usize) {
        if let Some(mut slot) = self.slots[at].take() {
            slot.seal.key.fill(0);
            self.of.remove(&slot.holder);
            self.free.push(at);
        }
    }
}

impl Slot {
    fn bytes(&self) -> [u8; SLOT] {
        let (kind, whose) = match self.holder {
            Holder::Listener(mark) => (1, mark.0),
            Holder::Nobody(day) => (2, u64::from(day)),
        };
        let mut bytes = [0; SLOT];
        bytes[0] = kind;
        bytes[4..8].copy_from_slice(&self.last_day.to_le_bytes());
        bytes[8..16].copy_from_slice(&u64::to_le_bytes(whose));
        bytes[16..24].copy_from_slice(&self.seal.id.0.to_le_bytes());
        bytes[24..56].copy_from_slice(&self.seal.key);
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8; SLOT]) -> Option<Slot> {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let half = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        if half(60) != crc32c::crc32c(&bytes[..60]) {
            return None;
        }
        let holder = match bytes[0] {
            1 => Holder::Listener(ListenerMark(word(8))),
            2 => Holder::Nobody(word(8) as u32),
            _ => return None,
        };
        let seal = SealKey { id: KeyId(word(16)), key: std::array::from_fn(|i| bytes[24 + i]) };
        Some(Slot { holder, last_day: half(4), seal })
    }
}

fn place(at: usize) -> u64 {
    ((at + 1) * SLOT) as u64
}

fn check_head(head: &[u8]) -> io::Result<()> {
    if *head == HEAD {
        return Ok(());
    }
    let why = "keys/listeners.keys is no file of keys of this version; put back a copy of it, or \
               remove it: then what decision records keep of listeners can be read no more";
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}

/// Nobody but the server's own user reads the keys.
fn restrict(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

/// The keys of a data folder as they are now, for who only reads.
#[derive(Default)]
pub struct Keyring {
    keys: HashMap<KeyId, [u8; 32]>,
    of: HashMap<ListenerMark, KeyId>,
}

impl Keyring {
    pub fn read(data: &Path) -> io::Result<Keyring> {
        let bytes = match std::fs::read(data.join(FOLDER).join(FILE)) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Keyring::default()),
            read => read?,
        };
        check_head(bytes.get(..SLOT).unwrap_or_default())?;
        let mut ring = Keyring::default();
        for slot in bytes[SLOT..].as_chunks::<SLOT>().0.iter().filter_map(Slot::read) {
            if let Holder::Listener(mark) = slot.holder {
                ring.of.insert(mark, slot.seal.id);
            }
            ring.keys.insert(slot.seal.id, slot.seal.key);
        }
        Ok(ring)
    }

    pub(super) fn key(&self, id: KeyId) -> Option<&[u8; 32]> {
        self.keys.get(&id)
    }

    /// Under which key something of a listener is sealed; `None`: nothing is.
    pub fn of(&self, mark: ListenerMark) -> Option<KeyId> {
        self.of.get(&mark).copied()
    }
}

#[cfg(test)]
mod tests;

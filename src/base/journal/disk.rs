//! What does a log stand on? Append-only files in a folder, real or simulated.
//!
//! All of the journal's code reaches files through [`Disk`], so that the same code runs over real
//! ones ([`Files`]) and over a simulated one that crashes and fails as it is told
//! ([`MemoryDisk`](super::MemoryDisk)). Cold.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that are only ever appended to, cut, renamed and removed.
pub trait Disk: Send + Sync {
    /// A new file; an error where there is one of this name.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// A file that is there, to be written on at its end.
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Writes these bytes, which stand there already, once more in their place, and makes them
    /// durable: a sync that failed, or never came, may have left them in memory only.
    fn rewrite(&self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// At most so many bytes from an offset on; fewer where the file ends.
    fn read(&self, path: &Path, from: u64, most: u64) -> io::Result<Vec<u8>>;
    /// All paths of a folder, in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// Takes the place of what stood under the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// With all folders above it; no error where it is there.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Holds a folder for one process until the guard is dropped; `None`: another one holds it.
    fn lock(&self, dir: &Path) -> io::Result<Option<Lock>>;
}

/// An open file of a [`Disk`].
pub trait DiskFile: Send {
    /// Appends all of it. After an error any part of it may be there.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written durable. After an error nothing is known of it, ever.
    fn sync(&self) -> io::Result<()>;
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;

    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Holds a folder while it lives.
pub struct Lock(#[expect(dead_code, reason = "held, not used")] Option<File>);

impl Lock {
    /// Where no other process can come.
    pub(super) const NOBODY_ELSE: Lock = Lock(None);
}

/// The machine's own files.
#[derive(Clone, Copy, Debug)]
pub struct Files;

impl Disk for Files {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).create_new(true).open(path)?))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn rewrite(&self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.write_all_at(bytes, at)?;
        file.sync_data()
    }

    fn read(&self, path: &Path, from: u64, most: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        if from > 0 {
            file.seek(SeekFrom::Start(from))?;
        }
        let expected = usize::try_from(len.saturating_sub(from).min(most)).unwrap_or(0);
        let mut bytes = Vec::with_capacity(expected);
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, dir: &Path) -> io::Result<Option<Lock>> {
        Ok(hold(&lock_path(dir))?.map(|file| Lock(Some(file))))
    }
}

impl DiskFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

pub(super) fn lock_path(dir: &Path) -> PathBuf {
    dir.join("LOCK")
}

/// Locks a file of this name, which is made where it is missing; `None`: somebody else has.
pub(super) fn hold(path: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(source),
    }
}

/// A folder of a disk. A path alone means one of the machine's own.
#[derive(Clone)]
pub struct Folder {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
}

impl Folder {
    pub fn on(disk: Arc<dyn Disk>, dir: impl Into<PathBuf>) -> Folder {
        Folder { disk, dir: dir.into() }
    }

    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// A folder within it.
    pub fn join(&self, name: impl AsRef<Path>) -> Folder {
        Folder { disk: Arc::clone(&self.disk), dir: self.dir.join(name) }
    }

    /// Writes a whole file under a name, durably: beside it, then in its place. A crash leaves
    /// what was there, or this.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (path, beside) = (self.dir.join(name), self.dir.join(format!("{name}.new")));
        match self.disk.remove(&beside) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            // One that an earlier crash left, or mostly none.
            _ => {}
        }
        let mut file = self.disk.create(&beside)?;
        file.write(bytes)?;
        file.sync()?;
        drop(file);
        self.disk.rename(&beside, &path)?;
        self.disk.sync_dir(&self.dir)
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Folder {
    fn from(dir: &P) -> Folder {
        Folder { disk: Arc::new(Files), dir: dir.as_ref().to_owned() }
    }
}

impl From<&Folder> for Folder {
    fn from(folder: &Folder) -> Folder {
        folder.clone()
    }
}

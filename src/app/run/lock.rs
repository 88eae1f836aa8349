//! Whose data folder is it? One server's: two would spend the same money twice.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

const FILE: &str = "server.lock";

/// Held as long as the server lives; the kernel lets go of it when the process ends.
pub struct DataLock {
    folder: PathBuf,
    _held: File,
}

#[derive(Debug, thiserror::Error)]
pub enum LockFault {
    #[error("another server uses {0}; give this one a folder of its own with --data")]
    Taken(PathBuf),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

impl DataLock {
    /// Makes the folder where it is missing, for nobody else to look into: it holds listeners.
    pub fn take(data: &Path) -> Result<DataLock, LockFault> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| LockFault::Io { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(io(data))?;
        let path = data.join(FILE);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(DataLock { folder: data.to_owned(), _held: file }),
            Err(TryLockError::WouldBlock) => Err(LockFault::Taken(data.to_owned())),
            Err(TryLockError::Error(source)) => Err(io(&path)(source)),
        }
    }

    /// The data folder that is held.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_server_at_a_time() {
        let data = tempfile::tempdir().unwrap();
        let first = DataLock::take(data.path()).unwrap();
        assert!(matches!(DataLock::take(data.path()), Err(LockFault::Taken(_))));
        drop(first);
        DataLock::take(data.path()).unwrap();
    }
}

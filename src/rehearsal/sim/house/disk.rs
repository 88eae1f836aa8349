//! The process's disk: how it is struck and mended, and what of the journal is on it.

use std::io::ErrorKind;

use super::{Broken, House};
use crate::base::journal::{self, Disk as _, Op};

impl House {
    /// The next write or sync of the disk fails.
    pub fn break_disk(&mut self, sync: bool) {
        let op = if sync { Op::Sync } else { Op::Write };
        self.disk.fail(Some(op), 1, false, ErrorKind::Other);
    }

    /// The disk has room for so many more bytes; `None`: for all.
    pub fn fill_disk(&mut self, left: Option<u64>) {
        self.disk.limit(left.map(|left| self.disk.used() + left));
    }

    /// The disk is whole again, and has room.
    pub fn mend_disk(&mut self) {
        self.fill_disk(None);
        self.disk.heal();
    }

    /// The files of the journal as they are on disk, in their order.
    pub fn files(&self) -> Result<Vec<(String, Vec<u8>)>, Broken> {
        let found = journal::segments(self.folder("journal")).map_err(Broken::of)?;
        let mut files = Vec::new();
        for (_, path) in found {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, self.disk.read(&path, 0, u64::MAX).map_err(Broken::of)?));
        }
        Ok(files)
    }
}

//! Has a file changed since it was read? Told by its size and times, without reading it.
//!
//! Asked by [`sheets`](super::sheets) and [`media`](super::media) before they read, and by whoever
//! watches the files; cold.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// By what a file is known: a write changes its times, a replacement its inode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    modified: SystemTime,
    changed: (i64, i64),
    inode: u64,
    size: u64,
}

/// Two writes within one tick of the file system's clock have the same times.
const TICK: Duration = Duration::from_millis(20);

impl Mark {
    /// `None` when there is no such file.
    pub fn of(path: &Path) -> Option<Mark> {
        let about = fs::metadata(path).ok()?;
        Some(Mark {
            modified: about.modified().ok()?,
            changed: (about.ctime(), about.ctime_nsec()),
            inode: about.ino(),
            size: about.len(),
        })
    }

    /// `None` when the file was written so lately that another write might leave the same mark.
    pub fn settled(self) -> Option<Mark> {
        let age = self.modified.elapsed().unwrap_or_default();
        (age > TICK).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_of_the_same_length_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert_eq!(Mark::of(&path), None);
        fs::write(&path, "one").unwrap();
        let one = Mark::of(&path);
        assert_eq!(Mark::of(&path), one);
        let other = folder.path().join("b");
        fs::write(&other, "two").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_ne!(Mark::of(&path), one);
        let written = Mark::of(&path).unwrap().modified;
        let future = written + Duration::from_secs(60);
        fs::File::options().write(true).open(&path).unwrap().set_modified(future).unwrap();
        assert_eq!(Mark::of(&path).unwrap().settled(), None);
        let past = written - Duration::from_secs(60);
        fs::File::options().write(true).open(&path).unwrap().set_modified(past).unwrap();
        assert!(Mark::of(&path).unwrap().settled().is_some());
    }
}

//! A small file system of its own, in a file, on a loop device.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Mounted while it lives; unmounting frees its loop device as well.
pub struct Image {
    pub file: PathBuf,
    pub at: PathBuf,
}

impl Image {
    /// A new ext4 of so many MiB under a folder; `None`: this machine has none, and it was said
    /// that this is known.
    pub fn make(folder: &Path, name: &str, mib: u64) -> Option<Image> {
        if std::env::var_os("INTERLUDE_NO_LOOP").is_some() {
            eprintln!("NOT TESTED: file systems of their own (INTERLUDE_NO_LOOP is set)");
            return None;
        }
        let file = folder.join(format!("{name}.img"));
        fs::File::create(&file).unwrap().set_len(mib << 20).unwrap();
        // No blocks kept back for root, who runs this.
        let options = ["-q", "-F", "-m", "0", "-O", "^resize_inode", "-E", "lazy_itable_init=0"];
        run(Command::new("mkfs.ext4").args(options).arg(&file));
        Some(Image::mount(file, folder.join(name)))
    }

    /// What a power cut now would leave: a copy, mounted beside it.
    pub fn copy(&self, folder: &Path, name: &str) -> Image {
        let file = folder.join(format!("{name}.img"));
        fs::copy(&self.file, &file).unwrap();
        Image::mount(file, folder.join(name))
    }

    fn mount(file: PathBuf, at: PathBuf) -> Image {
        fs::create_dir_all(&at).unwrap();
        run(Command::new("mount").args(["-o", "loop"]).arg(&file).arg(&at));
        Image { file, at }
    }

    pub fn data(&self) -> PathBuf {
        self.at.join("data")
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let mut umount = Command::new("umount");
        let ended = umount.arg(&self.at).output().is_ok_and(|told| told.status.success());
        if !ended {
            // Somebody still looks at it, as when a test fails: it goes when they have gone.
            let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
        }
        let _ = fs::remove_file(&self.file);
    }
}

fn run(command: &mut Command) {
    let told = command.output();
    let fine = told.as_ref().is_ok_and(|told| told.status.success());
    assert!(
        fine,
        "this test needs root and loop devices ({command:?}: {told:?}); where there are none, \
         leave it out with INTERLUDE_NO_LOOP=1"
    );
}

//! A small file system of its own, in a file, on a loop device.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::until;

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

/// A file system whose disk can be broken: writes fail beneath it while it is.
pub struct Broken {
    flag: PathBuf,
    at: PathBuf,
    device: String,
    /// Who serves the disk, and who shows it.
    helpers: Vec<Child>,
    /// Where FUSE shows the disk as a file.
    fuse: PathBuf,
}

impl Broken {
    /// `None`: this machine cannot have one, and it was said that this is known.
    pub fn make(folder: &Path, mib: u64) -> Option<Broken> {
        let known = ["INTERLUDE_NO_LOOP", "INTERLUDE_NO_NBD"];
        if known.iter().any(|name| std::env::var_os(name).is_some()) {
            eprintln!("NOT TESTED: a disk that breaks (INTERLUDE_NO_LOOP or _NO_NBD is set)");
            return None;
        }
        let [flag, socket, fuse, at] =
            ["flag", "nbd.sock", "fuse", "broken"].map(|name| folder.join(name));
        [&fuse, &at].into_iter().for_each(|dir| fs::create_dir_all(dir).unwrap());
        let mut nbdkit = Command::new("nbdkit");
        nbdkit.arg("-f").arg("-U").arg(&socket).args(["--filter=error", "memory"]);
        nbdkit.arg(format!("{mib}M")).args(["error-pwrite=EIO", "error-pwrite-rate=100%"]);
        nbdkit.arg(format!("error-pwrite-file={}", flag.display()));
        let mut disk = Broken { flag, at, device: String::new(), helpers: Vec::new(), fuse };
        disk.help(&mut nbdkit, &socket);
        let shown = disk.fuse.join("nbd");
        let fuse = disk.fuse.clone();
        disk.help(Command::new("nbdfuse").arg(&fuse).arg("--unix").arg(&socket), &shown);
        let told = Command::new("losetup").args(["-f", "--show"]).arg(&shown).output().unwrap();
        assert!(told.status.success(), "{NEEDS}: {told:?}");
        disk.device = String::from_utf8(told.stdout).unwrap().trim().to_owned();
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&disk.device));
        run(Command::new("mount").arg(&disk.device).arg(&disk.at));
        Some(disk)
    }

    /// Starts a helper and waits until what it makes is there.
    fn help(&mut self, command: &mut Command, makes: &Path) {
        let child = command.stderr(Stdio::null()).spawn();
        self.helpers.push(child.unwrap_or_else(|why| panic!("{NEEDS}: {command:?}: {why}")));
        assert!(until(|| makes.exists()).is_some(), "{NEEDS}: {command:?}");
    }

    pub fn data(&self) -> PathBuf {
        self.at.join("data")
    }

    pub fn break_it(&self) {
        fs::write(&self.flag, "").unwrap();
    }

    /// A good disk again, with what had reached it.
    pub fn mend(&mut self) {
        fs::remove_file(&self.flag).unwrap();
        run(Command::new("umount").arg(&self.at));
        run(Command::new("mount").arg(&self.device).arg(&self.at));
    }
}

const NEEDS: &str = "this test needs nbdkit, nbdfuse (libnbd-bin) and FUSE; where there are none, \
                     leave it out with INTERLUDE_NO_NBD=1";

impl Drop for Broken {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.flag);
        let _ = Command::new("umount").arg(&self.at).output();
        let _ = Command::new("losetup").arg("-d").arg(&self.device).output();
        let _ = Command::new("fusermount3").arg("-u").arg(&self.fuse).output();
        for mut helper in self.helpers.drain(..).rev() {
            let _ = helper.kill();
            let _ = helper.wait();
        }
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

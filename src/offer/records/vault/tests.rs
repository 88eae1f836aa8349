use std::sync::Arc;

use super::*;
use crate::base::journal::{Disk, Files, MemoryDisk};
use crate::base::stdx::rng::Rng;

fn listener(mark: u64) -> Holder {
    Holder::Listener(ListenerMark(mark))
}

fn open(data: &Path) -> Vault {
    Vault::open(data, 1000).unwrap()
}

/// A key that is durable.
fn key(vault: &Vault, holder: Holder, day: u32) -> SealKey {
    let key = vault.key(holder, day).unwrap().expect("there is room");
    vault.sync().unwrap();
    key
}

fn file(data: &Path) -> Vec<u8> {
    std::fs::read(data.join(FOLDER).join(FILE)).unwrap()
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn a_listener_has_one_key_over_restarts() {
    let data = tempfile::tempdir().unwrap();
    let holders = [listener(1), listener(2), Holder::Nobody(1), Holder::Nobody(2)];
    let first: Vec<_> = holders.iter().map(|&h| key(&open(data.path()), h, 5)).collect();
    let vault = open(data.path());
    for (holder, first) in holders.iter().zip(&first) {
        let again = key(&vault, *holder, 6);
        assert_eq!((again.id, again.key), (first.id, first.key));
    }
    let mut keys: Vec<_> = first.iter().map(|seal| seal.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 4, "no two have the same");
    let ring = Keyring::read(data.path()).unwrap();
    assert_eq!(ring.of(ListenerMark(1)), Some(first[0].id));
    assert_eq!(ring.key(first[0].id), Some(&first[0].key));
    assert_eq!(ring.of(ListenerMark(3)), None);
}

#[test]
fn one_process_has_the_keys() {
    let data = tempfile::tempdir().unwrap();
    let _first = open(data.path());
    let second = Vault::open(data.path(), 10).err().unwrap().to_string();
    assert!(second.contains("in use by another process"), "{second}");
}

#[test]
fn only_the_owner_reads_the_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let data = tempfile::tempdir().unwrap();
    let _vault = open(data.path());
    let mode = std::fs::metadata(data.path().join(FOLDER)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_key_that_is_forgotten_is_in_no_file() {
    let data = tempfile::tempdir().unwrap();
    let vault = open(data.path());
    let keys = [1, 0x1122_3344_5566_7788, 3].map(|mark| key(&vault, listener(mark), 5));
    let mark = 0x1122_3344_5566_7788_u64;
    for wanted in [&keys[1].key[..], &keys[1].id.0.to_le_bytes(), &mark.to_le_bytes()] {
        assert!(holds(&file(data.path()), wanted), "it was there before");
    }
    assert!(vault.forget(ListenerMark(mark)).unwrap());
    assert!(!vault.forget(ListenerMark(mark)).unwrap(), "twice is once");
    for wanted in [&keys[1].key[..], &keys[1].id.0.to_le_bytes(), &mark.to_le_bytes()] {
        assert!(!holds(&file(data.path()), wanted));
    }
    let ring = Keyring::read(data.path()).unwrap();
    assert_eq!((ring.of(ListenerMark(mark)), ring.key(keys[1].id)), (None, None));
    assert!(ring.key(keys[0].id).is_some() && ring.key(keys[2].id).is_some());
    // Who comes back is somebody else, in the same place.
    let again = key(&vault, listener(mark), 6);
    assert!(again.id != keys[1].id && again.key != keys[1].key);
    assert_eq!(file(data.path()).len(), 4 * SLOT);
}

#[test]
fn there_are_as_many_as_may_be() {
    let data = tempfile::tempdir().unwrap();
    let vault = Vault::open(data.path(), 2).unwrap();
    assert!(vault.key(listener(1), 5).unwrap().is_some());
    assert!(vault.key(listener(2), 5).unwrap().is_some());
    assert!(vault.key(listener(3), 5).unwrap().is_none());
    assert!(vault.key(listener(2), 5).unwrap().is_some(), "who has one keeps it");
    vault.sync().unwrap();
    assert!(vault.forget(ListenerMark(1)).unwrap());
    assert!(vault.key(listener(3), 5).unwrap().is_some());
    assert_eq!(vault.len(), 2);
}

#[test]
fn keys_of_which_nothing_is_left_go() {
    let data = tempfile::tempdir().unwrap();
    let vault = open(data.path());
    // Few, and then so many that the others are written anew.
    for (old, from) in [(3, 0), (200, 1000)] {
        let used: Vec<_> = (0..5).map(|n| key(&vault, listener(from + 500 + n), 100)).collect();
        let gone: Vec<_> = (0..old).map(|n| key(&vault, listener(from + n), 100)).collect();
        for n in 0..5 {
            key(&vault, listener(from + 500 + n), 120);
        }
        assert_eq!(vault.retire(100).unwrap(), 0, "their last use may be days later than told");
        assert_eq!(vault.retire(120).unwrap(), old as usize);
        let bytes = file(data.path());
        assert!(gone.iter().all(|seal| !holds(&bytes, &seal.key)));
        assert!(used.iter().all(|seal| holds(&bytes, &seal.key)));
        assert_eq!(vault.retire(140).unwrap(), 5);
    }
    assert!(vault.is_empty());
    drop(vault);
    assert!(open(data.path()).is_empty());
}

#[test]
fn half_a_slot_is_none() {
    let data = tempfile::tempdir().unwrap();
    let keys = {
        let vault = open(data.path());
        [1, 2, 3].map(|mark| key(&vault, listener(mark), 5))
    };
    // An append that was cut off, and a forgetting of which a part came to the disk.
    let mut bytes = file(data.path());
    bytes.truncate(4 * SLOT - 9);
    bytes[2 * SLOT..2 * SLOT + 20].fill(0);
    std::fs::write(data.path().join(FOLDER).join(FILE), &bytes).unwrap();
    let vault = open(data.path());
    assert_eq!(vault.len(), 1);
    let bytes = file(data.path());
    assert!(holds(&bytes, &keys[0].key));
    assert!(!holds(&bytes, &keys[1].key[..8]) && !holds(&bytes, &keys[2].key[..8]));
    assert_eq!(key(&vault, listener(1), 5).id, keys[0].id);
}

#[test]
fn another_file_is_not_taken_for_keys() {
    let data = tempfile::tempdir().unwrap();
    drop(open(data.path()));
    std::fs::write(data.path().join(FOLDER).join(FILE), [7; 128]).unwrap();
    let why = Vault::open(data.path(), 10).err().unwrap().to_string();
    assert!(why.contains("is no file of keys") && why.contains("put back"), "{why}");
    assert!(Keyring::read(data.path()).is_err());
    assert!(Keyring::read(&data.path().join("none")).unwrap().keys.is_empty());
}

/// Whatever a crash leaves: who was forgotten stays so, who had a durable key has it, and what is
/// used next is another key.
#[test]
fn crashes_between_steps_neither_lose_nor_bring_back_keys() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let disk = MemoryDisk::new();
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let mut durable: HashMap<u64, KeyId> = HashMap::new();
        let mut gone: Vec<KeyId> = Vec::new();
        for _ in 0..6 {
            let vault = Vault::on(Folder::on(Arc::clone(&shared), "keys"), 100).unwrap();
            for (mark, id) in &durable {
                assert_eq!(vault.key(listener(*mark), 5).unwrap().map(|seal| seal.id), Some(*id));
            }
            for _ in 0..rng.below(30) {
                let mark = rng.below(12) as u64;
                match rng.below(3) {
                    0 => {
                        vault.forget(ListenerMark(mark)).unwrap();
                        gone.extend(durable.remove(&mark));
                    }
                    _ => {
                        let seal = vault.key(listener(mark), 5).unwrap().unwrap();
                        assert!(!gone.contains(&seal.id), "seed {seed}: it came back");
                        if rng.below(2) == 0 {
                            vault.sync().unwrap();
                            durable.insert(mark, seal.id);
                        }
                    }
                }
            }
            drop(vault);
            disk.crash(rng.below(1 << 30) as u64);
        }
    }
}

#[test]
fn the_machines_files_hold_a_lock() {
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::on(Arc::new(Files), data.path().join("keys"));
    drop(Vault::on(folder.clone(), 10).unwrap());
    assert!(Vault::on(folder, 10).unwrap().is_empty());
}

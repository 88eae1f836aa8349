//! What lies on disk: is any decision record, ledger entry or segment of a journal read, or
//! refused, without a panic; and what is read, written the same again?
//!
//! Run by `tests/fuzz`; the seeds by tests/it/fuzz.rs.
#![cfg_attr(fuzzing, no_main)]

use std::path::Path;
use std::sync::Arc;

use interlude::base::journal::{Folder, MemoryDisk, read_segment};
use interlude::offer::ledger::Entry;
use interlude::offer::records::DecisionRecord;

pub fn run(data: &[u8]) {
    if let Ok((record, rest)) = DecisionRecord::decode(data) {
        let mut written = Vec::new();
        record.encode(&mut written);
        let again = DecisionRecord::decode(&written);
        assert_eq!(again.map(|(record, _)| record), Ok(record));
        assert!(rest.len() < data.len());
    }
    if let Ok(entry) = Entry::decode(data) {
        let written = entry.to_bytes();
        assert_eq!(Entry::decode(&written).map(|entry| entry.to_bytes()), Ok(written));
    }
    let disk = MemoryDisk::new();
    let folder = Folder::on(Arc::new(disk.clone()), Path::new("/journal"));
    disk.put(&folder.path().join("00000001.ilj"), data);
    let mut bytes = 0;
    let read = read_segment(&folder, 1, &mut |payload| {
        bytes += payload.len();
        Ok(())
    });
    assert!(bytes <= data.len());
    assert!(read.is_err() || read.is_ok_and(|read| read.bytes <= data.len() as u64));
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

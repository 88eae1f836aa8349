//! What was decided? Records of a file or a folder, read back in order; cold.
//!
//! Called by `interlude replay`, by the listener's rights and by tests.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::record::{DecisionRecord, RecordFault};
use super::sample::{Sample, Stored};
use super::vault::Keyring;
use crate::base::journal::{self, JournalFault};
use crate::base::units::ids::ListenerMark;

/// A record that was read back.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'b> {
    pub record: &'b DecisionRecord,
    /// What is kept of the request and the profile, if the decision was sampled.
    pub sample: Option<Stored<'b>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    #[error(transparent)]
    Journal(#[from] JournalFault),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// Reads the records of one file, or of all files of a folder, in order. An end that a crash left
/// unfinished is passed over; damage is an error.
pub fn read(path: &Path, visit: &mut dyn FnMut(Kept<'_>)) -> Result<u64, ReadFault> {
    let io = |source| ReadFault::Io { path: path.to_owned(), source };
    let files = match fs::metadata(path).map_err(io)?.is_dir() {
        true => journal::segments(path).map_err(io)?.into_iter().map(|(_, file)| file).collect(),
        false => vec![path.to_owned()],
    };
    let mut records = 0;
    for file in files {
        let opened = journal::read_file(&file, &mut |payload| {
            let (record, sample) = decode(payload).map_err(|fault| fault.to_string())?;
            visit(Kept { record: &record, sample });
            Ok(())
        })?;
        records += opened.records;
    }
    Ok(records)
}

fn decode(payload: &[u8]) -> Result<(DecisionRecord, Option<Stored<'_>>), RecordFault> {
    let (record, rest) = DecisionRecord::decode(payload)?;
    let (bytes, _) = payload.split_at(payload.len() - rest.len());
    // What was kept before samples were sealed is read no more.
    let sample = if payload[0] < 4 { None } else { Stored::read(bytes, rest)? };
    Ok((record, sample))
}

/// The decisions of which it can be told that they were a listener's: those sampled since he was
/// last erased. Returns how many.
pub fn of_listener(
    data: &Path,
    config: &super::Config,
    mark: ListenerMark,
    visit: &mut dyn FnMut(&DecisionRecord, Sample<'_>),
) -> Result<u64, ReadFault> {
    let folder = data.join(&config.dir);
    let io = |source| ReadFault::Io { path: folder.clone(), source };
    let keys = Keyring::read(data).map_err(io)?;
    let Some(own) = keys.of(mark) else { return Ok(0) };
    let (mut room, mut found) = (Vec::new(), 0);
    read(&folder, &mut |kept| {
        let Some(stored @ Stored::Sealed(sealed)) = kept.sample else { return };
        if sealed.key == own
            && let Ok(sample) = stored.open(&keys, &mut room)
        {
            found += 1;
            visit(kept.record, sample);
        }
    })?;
    Ok(found)
}

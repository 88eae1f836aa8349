//! Who heard a line, and how often? Reach and frequencies, from the caps log. Cold; asked by
//! reports, also while a server writes.
//!
//! Exact over what is retained: impressions of `reach_days`, and of capped lines as long as a cap
//! counts them. Listeners who are not known, may not be known or may not be measured are in no
//! reach; nor is an impression that the log learnt from money's journal after a crash.

use std::collections::BTreeMap;
use std::ops::Range;

use super::log::{LogFault, erasures, read_on};
use super::record::{Record, What};
use crate::base::journal::Folder;
use crate::base::units::ids::{LineId, ListenerMark};
use crate::base::units::time::Moment;

/// Fewer listeners than this are not told: they could be singled out.
pub const CELL_MIN: u64 = 50;

/// How many listeners heard it just once, twice … and ten times or more.
pub const FREQUENCIES: usize = 10;

/// Of one line in one range of time; `None` where too few listeners are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Reach {
    /// Impressions of listeners that are known.
    pub impressions: u64,
    pub listeners: Option<u64>,
    pub frequencies: [Option<u64>; FREQUENCIES],
}

/// Reach of every line in a time range (of when bids were made), or of the lines that `of` names.
pub fn reach(
    folder: impl Into<Folder>,
    range: Range<Moment>,
    of: Option<&[LineId]>,
) -> Result<BTreeMap<LineId, Reach>, LogFault> {
    let folder = folder.into();
    let mut tries = 0;
    loop {
        match meetings(&folder, &range, of) {
            // The kept file was written anew between the reading of one file and another.
            Err(_) if tries < 3 => tries += 1,
            Err(why) => return Err(why),
            Ok(meetings) => return Ok(tell(meetings)),
        }
    }
}

/// Line, moment of the bid and listener of every impression that is known.
pub fn heard(
    folder: impl Into<Folder>,
    visit: &mut dyn FnMut(LineId, Moment, ListenerMark),
) -> Result<(), LogFault> {
    let folder = folder.into();
    let erased = erasures(&folder, None, &mut |_| {})?;
    let mut number = 0;
    read_on(&folder, None, &mut |record| {
        number += 1;
        let gone = || erased.get(&record.mark).is_some_and(|&at| number < at);
        if is_measured(&record) && !gone() {
            visit(record.line, Moment::from_unix_s(record.made_s.into()), record.mark);
        }
    })?;
    Ok(())
}

/// What one listener heard, of which line and when its bid was made; oldest first. For his own
/// export.
pub fn heard_by(
    folder: impl Into<Folder>,
    mark: ListenerMark,
) -> Result<Vec<(LineId, Moment)>, LogFault> {
    let folder = folder.into();
    let mut tries = 0;
    loop {
        match once_heard(&folder, mark) {
            // As above.
            Err(_) if tries < 3 => tries += 1,
            end => return end,
        }
    }
}

/// An impression whose listener lets it be measured.
fn is_measured(record: &Record) -> bool {
    record.what == What::Heard && record.measured
}

fn once_heard(folder: &Folder, mark: ListenerMark) -> Result<Vec<(LineId, Moment)>, LogFault> {
    let mut heard = Vec::new();
    read_on(folder, None, &mut |record| match record.what {
        What::Erased if record.mark == mark => heard.clear(),
        What::Heard if record.mark == mark => {
            heard.push((record.line, Moment::from_unix_s(record.made_s.into())));
        }
        _ => {}
    })?;
    Ok(heard)
}

/// Line and listener of each impression.
fn meetings(
    folder: &Folder,
    range: &Range<Moment>,
    of: Option<&[LineId]>,
) -> Result<Vec<(LineId, ListenerMark)>, LogFault> {
    let erased = erasures(folder, None, &mut |_| {})?;
    let (mut meetings, mut number) = (Vec::new(), 0);
    read_on(folder, None, &mut |record| {
        number += 1;
        let made = Moment::from_unix_s(record.made_s.into());
        let asked = of.is_none_or(|lines| lines.contains(&record.line));
        let gone = || erased.get(&record.mark).is_some_and(|&at| number < at);
        if is_measured(&record) && asked && range.contains(&made) && !gone() {
            meetings.push((record.line, record.mark));
        }
    })?;
    Ok(meetings)
}

fn tell(mut meetings: Vec<(LineId, ListenerMark)>) -> BTreeMap<LineId, Reach> {
    meetings.sort_unstable();
    let mut lines: BTreeMap<LineId, (u64, [u64; FREQUENCIES])> = BTreeMap::new();
    for of_one in meetings.chunk_by(|a, b| a == b) {
        let (impressions, frequencies) = lines.entry(of_one[0].0).or_default();
        *impressions += of_one.len() as u64;
        frequencies[of_one.len().min(FREQUENCIES) - 1] += 1;
    }
    let told = |(impressions, frequencies): (u64, [u64; FREQUENCIES])| Reach {
        impressions,
        listeners: enough(frequencies.iter().sum()),
        frequencies: suppressed(frequencies),
    };
    lines.into_iter().map(|(line, counts)| (line, told(counts))).collect()
}

fn enough(listeners: u64) -> Option<u64> {
    Some(listeners).filter(|&n| n == 0 || n >= CELL_MIN)
}

/// Small cells are not told; nor is the smallest of the others, where a single one could be
/// reckoned from the sum.
fn suppressed(frequencies: [u64; FREQUENCIES]) -> [Option<u64>; FREQUENCIES] {
    let mut told = frequencies.map(enough);
    if told.iter().filter(|cell| cell.is_none()).count() == 1 {
        let others = told.iter_mut().filter(|cell| cell.is_some_and(|n| n > 0));
        if let Some(least) = others.min_by_key(|cell| **cell) {
            *least = None;
        }
    }
    told
}

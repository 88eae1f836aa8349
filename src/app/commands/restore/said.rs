//! Does a listener's no outlive a restore? What the backup knows of it holds, what was said in the
//! folder that is replaced holds as well, and who was erased is erased again. Cold.
//!
//! Profiles and decisions are in no backup; what caps count is, under marks. Its copy may be older
//! than an erasure that the journal of rights calls ended, so such an erasure is begun anew: the
//! first start ends it in every store, as it does with one that a crash cut short.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::base::units::time::{Clock, Moment, WallClock};
use crate::knowledge::audience::{self, ACTS, Act, Acts, Deed};
use crate::market::vocabulary::Suppressed;

/// No backup takes as long: what was erased before was out of the caps when they were copied.
const COPYING_US: i64 = 24 * 3600 * 1_000_000;

const MARK_FILE: &str = "mark.key";

/// What a restored folder knows of its listeners' rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct SaidSince {
    /// Acts of the backup.
    pub acts: usize,
    /// Acts since, of the folder that is replaced.
    pub since: usize,
    /// Listeners who are erased again at the first start.
    pub erased_again: usize,
}

impl fmt::Display for SaidSince {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SaidSince { acts, since, erased_again } = self;
        write!(
            f,
            "{acts} acts of listeners' rights, {since} since; {erased_again} erasures are done \
             again at the first start"
        )
    }
}

/// Whether a folder's acts can be told apart by the marks of this backup.
pub fn can_be_read(since: &Path, backup: &Path) -> anyhow::Result<()> {
    let folder = since.join(ACTS);
    anyhow::ensure!(folder.is_dir(), "{} is not there: name a data folder", folder.display());
    let secret = |of: &Path| std::fs::read(of.join(MARK_FILE)).ok();
    if let (Some(one), Some(other)) = (secret(since), secret(backup)) {
        anyhow::ensure!(
            one == other,
            "{} knows listeners by another secret than the backup: it is not what the backup was \
             made of",
            since.display()
        );
    }
    Ok(())
}

/// Writes into a restored folder what was said since and whom to erase again.
pub fn carry(data: &Path, since: Option<&Path>) -> anyhow::Result<SaidSince> {
    let mut kept = Vec::new();
    let acts = Acts::open_with(data, &mut |act| kept.push(act.clone()))?;
    let mut later = Vec::new();
    if let Some(since) = since {
        audience::trail(since, &mut |act| later.push(act.clone()))
            .with_context(|| since.join(ACTS).display().to_string())?;
        let same = kept.iter().zip(&later).take_while(|(one, other)| one == other).count();
        later.drain(..same);
    }
    let again = again(&kept, &later, WallClock.now());
    acts.keep_all(&later)?;
    acts.keep_all(&again)?;
    Ok(SaidSince { acts: kept.len(), since: later.len(), erased_again: again.len() })
}

/// The erasures that what was copied may not know of.
fn again(kept: &[Act], later: &[Act], at: Moment) -> Vec<Act> {
    let end = kept.iter().map(|act| act.at.unix_us).max().unwrap_or(0);
    let copied = kept.iter().filter(|act| act.at.unix_us >= end - COPYING_US);
    let (mut seen, mut again) = (HashSet::new(), Vec::new());
    for act in copied.chain(later) {
        if matches!(act.deed, Deed::Erased(_)) && seen.insert(act.mark) {
            again.push(act.mark);
        }
    }
    // Who came back and said something else is heeded.
    let mut last: HashMap<_, Suppressed> = HashMap::new();
    for act in kept.iter().chain(later) {
        if let Deed::Said(said) | Deed::Erased(said) = act.deed {
            for mark in std::iter::once(act.mark).chain(act.others.iter().copied()) {
                last.insert(mark, said);
            }
        }
    }
    let of = |mark| last.get(&mark).copied().unwrap_or_default();
    let who = "restore".to_owned();
    let one =
        |mark| Act { at, deed: Deed::Erased(of(mark)), mark, others: Vec::new(), who: who.clone() };
    again.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests;

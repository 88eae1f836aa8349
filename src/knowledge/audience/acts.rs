//! Who did what to which listener, and when? The rights' journal: opt-outs, erasures, questions.
//!
//! One append-only, hash-chained log in `rights/` of the data folder. The table of refusals is
//! made of it at start; the trail that operators read is the log itself. It knows listeners by
//! keyed mark alone, so that an erased listener's refusals outlive the erasure and say nothing
//! else. Written by `flows::rights` before anything takes effect (durability class a); cold.
//!
//! ```text
//! version 1 · deed u8 · at i64, unix us · mark u64 · word u32 · who's length u8 · who
//! · count u16 · count × mark u64, other ids of the same person          all little endian
//! ```

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::suppression::Suppression;
use crate::base::journal::{self, Journal, JournalFault, Refused};
use crate::base::units::ids::ListenerMark;
use crate::base::units::time::Moment;
use crate::market::marks::Marks;
use crate::market::vocabulary::Suppressed;

/// The journal's folder in the data folder.
pub const ACTS: &str = "rights";

const VERSION: u8 = 1;
const WHO_MAX: usize = 64;
const OTHERS_MAX: usize = 4096;
const SEGMENT_BYTES: u64 = 8 << 20;
/// Acts that may wait to be written.
const QUEUE: usize = 1024;

/// One thing that was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    pub at: Moment,
    pub deed: Deed,
    pub mark: ListenerMark,
    /// Marks of ids elsewhere that led to the listener: what was said holds under them as well.
    pub others: Vec<ListenerMark>,
    /// Whose token, or which user of the machine; at most 64 bytes.
    pub who: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// From now on the listener has refused just this.
    Said(Suppressed),
    /// Nothing else is known any more; this refusal stays.
    Erased(Suppressed),
    /// All stores have ended the erasure.
    ErasureEnded,
    Exported,
    /// Somebody asked why a decision was made.
    Explained,
}

/// The labels of metrics, in the order of [`Deed::index`].
pub const DEEDS: [&str; 5] = ["said", "erased", "erasure_ended", "exported", "explained"];

impl Deed {
    /// Into [`DEEDS`].
    pub const fn index(self) -> usize {
        self.parts().0 as usize - 1
    }

    /// The word of the trail.
    pub const fn word(self) -> &'static str {
        match self {
            Deed::Said(_) => "said",
            Deed::Erased(_) => "erased",
            Deed::ErasureEnded => "erasure ended",
            Deed::Exported => "exported",
            Deed::Explained => "explained",
        }
    }

    const fn parts(self) -> (u8, Suppressed) {
        match self {
            Deed::Said(said) => (1, said),
            Deed::Erased(said) => (2, said),
            Deed::ErasureEnded => (3, Suppressed::NONE),
            Deed::Exported => (4, Suppressed::NONE),
            Deed::Explained => (5, Suppressed::NONE),
        }
    }

    const fn of(code: u8, said: Suppressed) -> Option<Deed> {
        match code {
            1 => Some(Deed::Said(said)),
            2 => Some(Deed::Erased(said)),
            3 => Some(Deed::ErasureEnded),
            4 => Some(Deed::Exported),
            5 => Some(Deed::Explained),
            _ => None,
        }
    }
}

/// The journal, open for writing; one a data folder.
pub struct Acts {
    journal: Journal,
}

/// What the journal said when it was opened.
pub struct Said {
    pub suppression: Suppression,
    /// Whose erasure was begun and not ended.
    pub unended: Vec<ListenerMark>,
}

impl Acts {
    /// Opens the journal of a data folder; makes it where there is none.
    pub fn open(data: &Path, marks: Marks) -> Result<(Acts, Said), JournalFault> {
        let mut saying = Saying::default();
        let acts = Acts::open_with(data, &mut |act| saying.take(act))?;
        Ok((acts, saying.end(marks)))
    }

    /// As [`Acts::open`], for who shows each act to `visit`, oldest first.
    pub fn open_with(data: &Path, visit: &mut dyn FnMut(&Act)) -> Result<Acts, JournalFault> {
        let config = journal::Config {
            segment_bytes: SEGMENT_BYTES,
            queue: QUEUE,
            ..journal::Config::default()
        };
        let folder = data.join(ACTS);
        let (journal, _) = Journal::open(folder.as_path(), &config, &mut |record| {
            visit(&decode(record)?);
            Ok(())
        })?;
        Ok(Acts { journal })
    }

    /// Returns when the act is on disk; never from async code.
    pub fn keep(&self, act: &Act) -> Result<(), Refused> {
        self.journal.append_blocking(&encode(act))
    }

    /// As [`Acts::keep`], for many: they share their syncs.
    pub fn keep_all(&self, acts: &[Act]) -> Result<(), Refused> {
        for some in acts.chunks(QUEUE / 2) {
            let waiting: Result<Vec<_>, _> =
                some.iter().map(|act| self.journal.append(&encode(act))).collect();
            waiting?.into_iter().try_for_each(journal::Durable::wait)?;
        }
        Ok(())
    }

    /// Why nothing is taken any more; `None` in health.
    pub fn failure(&self) -> Option<&str> {
        self.journal.failure()
    }
}

/// What listeners of a data folder have refused, for who only reads; a server may be writing.
pub fn refused(data: &Path, marks: Marks) -> Result<Suppression, JournalFault> {
    let mut saying = Saying::default();
    trail(data, &mut |act| saying.take(act))?;
    Ok(saying.end(marks).suppression)
}

/// Shows every act, oldest first; a server may be writing.
pub fn trail(data: &Path, visit: &mut dyn FnMut(&Act)) -> Result<(), JournalFault> {
    let folder: PathBuf = data.join(ACTS);
    if !folder.exists() {
        return Ok(());
    }
    journal::read(folder.as_path(), &mut |record| {
        visit(&decode(record)?);
        Ok(())
    })?;
    Ok(())
}

/// The last word of each.
#[derive(Default)]
struct Saying {
    said: HashMap<ListenerMark, Suppressed>,
    unended: HashSet<ListenerMark>,
}

impl Saying {
    fn take(&mut self, act: &Act) {
        match act.deed {
            Deed::Said(said) => self.say(act, said),
            Deed::Erased(said) => {
                self.say(act, said);
                self.unended.insert(act.mark);
            }
            Deed::ErasureEnded => {
                self.unended.remove(&act.mark);
            }
            Deed::Exported | Deed::Explained => {}
        }
    }

    fn say(&mut self, act: &Act, said: Suppressed) {
        for &mark in std::iter::once(&act.mark).chain(&act.others) {
            self.said.insert(mark, said);
        }
    }

    fn end(self, marks: Marks) -> Said {
        let said: Vec<_> = self.said.into_iter().collect();
        let suppression = Suppression::empty(marks).with(&said);
        Said { suppression, unended: self.unended.into_iter().collect() }
    }
}

fn encode(act: &Act) -> Vec<u8> {
    let (deed, said) = act.deed.parts();
    let mut out = vec![VERSION, deed];
    out.extend_from_slice(&act.at.unix_us.to_le_bytes());
    out.extend_from_slice(&act.mark.0.to_le_bytes());
    out.extend_from_slice(&said.word().to_le_bytes());
    let mut len = act.who.len().min(WHO_MAX);
    while !act.who.is_char_boundary(len) {
        len -= 1;
    }
    out.push(len as u8);
    out.extend_from_slice(&act.who.as_bytes()[..len]);
    let others = &act.others[..act.others.len().min(OTHERS_MAX)];
    out.extend_from_slice(&(others.len() as u16).to_le_bytes());
    for other in others {
        out.extend_from_slice(&other.0.to_le_bytes());
    }
    out
}

fn decode(bytes: &[u8]) -> Result<Act, String> {
    read(bytes).ok_or_else(|| "an act that this version does not know".to_owned())
}

fn read(bytes: &[u8]) -> Option<Act> {
    let (&[version, deed], rest) = bytes.split_first_chunk()?;
    let (at, rest) = rest.split_first_chunk()?;
    let (mark, rest) = rest.split_first_chunk()?;
    let (word, rest) = rest.split_first_chunk()?;
    let (&len, rest) = rest.split_first()?;
    let (who, rest) = rest.split_at_checked(usize::from(len))?;
    let (count, rest) = rest.split_first_chunk()?;
    let (others, odd) = rest.as_chunks::<8>();
    let whole = odd.is_empty() && others.len() == usize::from(u16::from_le_bytes(*count));
    let said = Suppressed::recorded(u32::from_le_bytes(*word))?;
    (version == VERSION && whole).then_some(())?;
    Some(Act {
        at: Moment::from_unix_us(i64::from_le_bytes(*at)),
        deed: Deed::of(deed, said)?,
        mark: ListenerMark(u64::from_le_bytes(*mark)),
        others: others.iter().map(|mark| ListenerMark(u64::from_le_bytes(*mark))).collect(),
        who: std::str::from_utf8(who).ok()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::vocabulary::{OptOuts, SignalKind};

    fn marks() -> Marks {
        Marks::new(&[7; 32])
    }

    fn act(mark: u64, deed: Deed) -> Act {
        let (at, who) = (Moment::from_unix_s(1_000), "token 1f".to_owned());
        Act { at, deed, mark: ListenerMark(mark), others: Vec::new(), who }
    }

    fn no(kind: SignalKind) -> Suppressed {
        Suppressed { opted_out: OptOuts::NONE.with(kind), ..Suppressed::NONE }
    }

    #[test]
    fn acts_are_read_as_they_were_kept() {
        let data = tempfile::tempdir().unwrap();
        let mood = no(SignalKind::Mood);
        let erased = Act {
            others: vec![ListenerMark(8), ListenerMark(9)],
            ..act(2, Deed::Erased(no(SignalKind::Place)))
        };
        let all = [
            act(1, Deed::Said(mood)),
            act(2, Deed::Said(mood)),
            erased,
            act(1, Deed::Exported),
            act(3, Deed::Erased(Suppressed::NONE)),
            act(3, Deed::ErasureEnded),
            act(1, Deed::Explained),
        ];
        let (acts, said) = Acts::open(data.path(), marks()).unwrap();
        assert!(said.suppression.is_empty() && said.unended.is_empty());
        for one in &all {
            acts.keep(one).unwrap();
        }
        let mut read = Vec::new();
        trail(data.path(), &mut |act| read.push(act.clone())).unwrap();
        assert_eq!(read, all);
        drop(acts);
        let (_, said) = Acts::open(data.path(), marks()).unwrap();
        assert_eq!(said.unended, [ListenerMark(2)]);
        let of = |mark| said.suppression.of_mark(ListenerMark(mark)).opted_out;
        assert!(of(1).has(SignalKind::Mood));
        for mark in [2, 8, 9] {
            assert!(of(mark).has(SignalKind::Place) && !of(mark).has(SignalKind::Mood));
        }
        assert!(of(3).is_empty());
        let beside = refused(data.path(), marks()).unwrap();
        assert_eq!(beside.len(), said.suppression.len());
    }

    #[test]
    fn what_is_no_act_is_refused() {
        let whole = encode(&act(1, Deed::Exported));
        for len in 0..whole.len() {
            assert!(decode(&whole[..len]).is_err(), "{len}");
        }
        assert!(decode(&[&whole[..], &[0]].concat()).is_err());
        let long = Act { who: "ü".repeat(60), ..act(1, Deed::Exported) };
        assert_eq!(decode(&encode(&long)).unwrap().who, "ü".repeat(32));
        assert!(trail(Path::new("/nowhere"), &mut |_| {}).is_ok());
    }
}

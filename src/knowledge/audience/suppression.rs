//! What has a listener refused? Opt-outs, minority and opt-ins, by keyed mark.
//!
//! May be read without any permission (DESIGN §7): it holds nothing but a no. An immutable value
//! of the world, so that a request sees one; a change makes a new one that shares all but a
//! shard. Read for every request that names a listener (hot: one keyed hash and one look, no
//! lock, no allocation), changed by `flows::rights` (cold).

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::base::units::ids::{ListenerKey, ListenerMark};
use crate::market::marks::Marks;
use crate::market::vocabulary::Suppressed;

use super::links::LinkKey;

/// Marks are evenly spread, so a shard holds one of 256.
const SHARDS: usize = 256;

type Shard = HashMap<ListenerMark, Suppressed, RandomState>;

/// Everybody who has refused anything.
#[derive(Clone)]
pub struct Suppression {
    marks: Marks,
    /// Empty while nobody has refused anything.
    shards: Box<[Arc<Shard>]>,
    len: usize,
}

impl std::fmt::Debug for Suppression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Suppression({} listeners, redacted)", self.len)
    }
}

impl Suppression {
    pub fn empty(marks: Marks) -> Suppression {
        Suppression { marks, shards: Box::default(), len: 0 }
    }

    /// What the listener has refused. Hot.
    #[inline]
    pub fn of(&self, key: ListenerKey) -> Suppressed {
        if self.len == 0 { Suppressed::NONE } else { self.of_mark(self.marks.listener(key)) }
    }

    /// What was refused under somebody else's id: it holds when the listener who was linked has
    /// been erased. Hot.
    #[inline]
    pub fn of_link(&self, link: LinkKey) -> Suppressed {
        self.of(ListenerKey(link.0))
    }

    #[inline]
    pub fn of_mark(&self, mark: ListenerMark) -> Suppressed {
        let shard = self.shards.get(shard_of(mark));
        shard.and_then(|shard| shard.get(&mark)).copied().unwrap_or_default()
    }

    /// The mark that a listener's refusals are kept under.
    pub fn mark(&self, key: ListenerKey) -> ListenerMark {
        self.marks.listener(key)
    }

    /// The mark that those under somebody else's id are kept under.
    pub fn mark_of_link(&self, link: LinkKey) -> ListenerMark {
        self.marks.listener(ListenerKey(link.0))
    }

    /// The same table, where these listeners have refused just this; copies a shard for each.
    #[must_use]
    pub fn with(&self, changes: &[(ListenerMark, Suppressed)]) -> Suppression {
        let mut next = self.clone();
        if next.shards.is_empty() {
            next.shards = (0..SHARDS).map(|_| Arc::default()).collect();
        }
        for &(mark, suppressed) in changes {
            let shard = Arc::make_mut(&mut next.shards[shard_of(mark)]);
            let before = match suppressed {
                Suppressed::NONE => shard.remove(&mark),
                _ => shard.insert(mark, suppressed),
            };
            next.len += usize::from(suppressed != Suppressed::NONE);
            next.len -= usize::from(before.is_some());
        }
        next
    }

    /// Listeners, and ids elsewhere, under which anything is refused.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

fn shard_of(mark: ListenerMark) -> usize {
    (mark.0 >> 56) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::market::marks::MARK_SECRET_BYTES;
    use crate::market::vocabulary::{OptOuts, SignalKind};

    fn empty() -> Suppression {
        Suppression::empty(Marks::new(&[7; MARK_SECRET_BYTES]))
    }

    fn suppressed(kind: SignalKind) -> Suppressed {
        Suppressed { opted_out: OptOuts::NONE.with(kind), ..Suppressed::NONE }
    }

    #[test]
    fn what_was_refused_is_found_by_key_link_and_mark() {
        let table = empty();
        let (key, link) = (ListenerKey::of("a"), LinkKey::of("demo", "theirs"));
        assert_eq!(table.of(key), Suppressed::NONE);
        let mood = suppressed(SignalKind::Mood);
        let place = suppressed(SignalKind::Place);
        let next = table.with(&[(table.mark(key), mood), (table.mark_of_link(link), place)]);
        assert_eq!((next.of(key), next.of_link(link), next.len()), (mood, place, 2));
        assert_eq!(next.of(ListenerKey::of("b")), Suppressed::NONE);
        assert!(table.is_empty(), "who holds the old one sees the old one");
        let gone = next.with(&[(table.mark(key), Suppressed::NONE)]);
        assert_eq!((gone.of(key), gone.len()), (Suppressed::NONE, 1));
        assert_eq!(format!("{gone:?}"), "Suppression(1 listeners, redacted)");
    }

    proptest! {
        #[test]
        fn a_table_is_the_last_word_of_each(
            changes in proptest::collection::vec((0..40u64, 0..9u8), 0..200)
        ) {
            let (mut table, mut naive) = (empty(), BTreeMap::new());
            for (who, kind) in changes {
                // Marks that share shards, and others.
                let mark = ListenerMark(who << 58 | who);
                let said = match SignalKind::all().nth(usize::from(kind)) {
                    Some(kind) => suppressed(kind),
                    None => Suppressed::NONE,
                };
                table = table.with(&[(mark, said)]);
                if said == Suppressed::NONE {
                    naive.remove(&mark);
                } else {
                    naive.insert(mark, said);
                }
                prop_assert_eq!(table.len(), naive.len());
                prop_assert_eq!(table.of_mark(mark), said);
            }
            for (mark, said) in naive {
                prop_assert_eq!(table.of_mark(mark), said);
            }
        }
    }
}

//! Forget me: out of every store, for good. What was refused stays refused, under a mark; cold.
//!
//! Order: the erasure is journalled, the refusals hold under every id that led to the listener,
//! profile and links go, then what caps and records know, then the journal says that it ended.
//! An erasure that a crash cut short is ended at the next start ([`finish`]). Who is named by an id
//! elsewhere goes under that id's own mark, too: before a link led from it, caps and records knew a
//! listener of that name.

use serde::Serialize;

use super::name::named;
use super::told::Refusals;
use super::{Fault, Stores};
use crate::base::units::ids::{ListenerKey, ListenerMark};
use crate::base::units::time::Moment;
use crate::knowledge::audience::{Act, Change, Deed, Purpose};
use crate::market::vocabulary::Suppressed;

/// What an erasure came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Erased {
    /// There was a profile.
    pub known: bool,
    /// Ids elsewhere that lead nowhere now.
    pub links: usize,
    /// Every store has ended it; else the next start of the server does.
    pub ended: bool,
    /// What stays refused, under a keyed mark.
    pub refusals: Refusals,
}

/// Erases a listener; safe to do again.
pub fn erase(
    stores: &dyn Stores,
    listener: &str,
    (at, who): (Moment, &str),
) -> Result<Erased, Fault> {
    let _turn = stores.turn();
    let (audience, suppression) = (stores.audience(), stores.suppression());
    let named = named(listener, (&audience, &suppression), &stores.kept().sources())?;
    let said = named.said(&suppression);
    let links = audience.links().filter(|(_, key)| *key == named.key).map(|(link, _)| link);
    let links: Vec<ListenerMark> = links.map(|link| suppression.mark_of_link(link)).collect();
    let known = audience.profile_for(Purpose::Rights, named.key).is_some();
    let count = links.len();
    let mut others = if said == Suppressed::NONE { Vec::new() } else { links };
    if said != Suppressed::NONE {
        others.extend(named.others);
        others.sort_unstable();
        others.dedup();
    }
    let (mark, who) = (named.mark, who.to_owned());
    let changes: Vec<_> =
        std::iter::once(mark).chain(others.iter().copied()).map(|mark| (mark, said)).collect();
    let (deed, ended_by) = (Deed::Erased(said), who.clone());
    stores.keep(&Act { at, deed, mark, others, who: who.clone() })?;
    if let Some(mark) = named.unlinked {
        stores.keep(&Act { at, deed, mark, others: Vec::new(), who })?;
    }
    if said != Suppressed::NONE {
        stores.suppress(suppression.with(&changes));
    }
    let mut ended = clear(stores, &[named.key], mark, (at, &ended_by))?;
    if let Some(mark) = named.unlinked {
        ended &= clear(stores, &[], mark, (at, &ended_by))?;
    }
    Ok(Erased { known, links: count, ended, refusals: said.into() })
}

/// Ends an erasure that is known by its mark alone.
pub fn finish(stores: &dyn Stores, mark: ListenerMark, at: Moment) -> Result<bool, Fault> {
    let _turn = stores.turn();
    let (audience, suppression) = (stores.audience(), stores.suppression());
    let profiles = audience.iter().map(|(key, _)| key);
    let linked = audience.links().map(|(_, key)| key);
    let keys = profiles.chain(linked).filter(|&key| suppression.mark(key) == mark);
    let mut keys: Vec<ListenerKey> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    clear(stores, &keys, mark, (at, "start"))
}

fn clear(
    stores: &dyn Stores,
    keys: &[ListenerKey],
    mark: ListenerMark,
    (at, who): (Moment, &str),
) -> Result<bool, Fault> {
    stores.change(keys.iter().map(|&key| Change::Erase { key }).collect())?;
    let ended = stores.forget(mark)?;
    if ended {
        let (deed, others) = (Deed::ErasureEnded, Vec::new());
        stores.keep(&Act { at, deed, mark, others, who: who.to_owned() })?;
    }
    Ok(ended)
}

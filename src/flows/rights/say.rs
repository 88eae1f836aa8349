//! What may be used from now on? A listener's opt-outs and opt-ins; cold.
//!
//! Journalled, then published: when it is answered it is durable and every later bid heeds it.

use super::name::named;
use super::told::Refusals;
use super::{Fault, Stores};
use crate::base::stdx::fault::nearest;
use crate::base::units::time::Moment;
use crate::knowledge::audience::{Act, Deed};
use crate::market::vocabulary::{DistressMoment, OptOuts, SignalKind, Suppressed};

/// What changes in what a listener has said; the rest stays.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Saying {
    /// Instead of all that was refused before.
    pub only: Option<Vec<Word>>,
    pub opt_out: Vec<Word>,
    pub opt_in: Vec<Word>,
    pub minor: Option<bool>,
}

/// What can be refused or allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    All,
    Kind(SignalKind),
    /// Refused unless it is allowed.
    Moment(DistressMoment),
}

/// The word of all kinds together.
pub const ALL: &str = "all";

impl Word {
    pub fn read(text: &str) -> Result<Word, Fault> {
        let word = match text {
            ALL => Some(Word::All),
            _ => SignalKind::named(text)
                .map(Word::Kind)
                .or_else(|| DistressMoment::named(text).map(Word::Moment)),
        };
        word.ok_or_else(|| {
            let kinds = SignalKind::all().map(SignalKind::name);
            let moments = DistressMoment::ALL.into_iter().map(DistressMoment::name);
            let known: Vec<_> = kinds.chain(moments).chain([ALL]).collect();
            let near = nearest(text, known.iter().copied());
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            Fault::Asked(format!("\"{text}\" is none of {}{near}", known.join(", ")))
        })
    }

    fn out(self, said: Suppressed) -> Suppressed {
        match self {
            Word::All => Suppressed { opted_out: OptOuts::ALL, ..said },
            Word::Kind(kind) => Suppressed { opted_out: said.opted_out.with(kind), ..said },
            Word::Moment(moment) => Suppressed { opted_in: said.opted_in.without(moment), ..said },
        }
    }

    fn back(self, said: Suppressed) -> Suppressed {
        match self {
            Word::All => Suppressed { opted_out: OptOuts::NONE, ..said },
            Word::Kind(kind) => Suppressed { opted_out: said.opted_out.without(kind), ..said },
            Word::Moment(moment) => Suppressed { opted_in: said.opted_in.with(moment), ..said },
        }
    }
}

impl Saying {
    fn after(&self, said: Suppressed) -> Suppressed {
        let from = match &self.only {
            None => said,
            Some(only) => {
                let none = Suppressed { opted_out: OptOuts::NONE, ..said };
                only.iter().fold(none, |said, word| word.out(said))
            }
        };
        let out = self.opt_out.iter().fold(from, |said, word| word.out(said));
        let back = self.opt_in.iter().fold(out, |said, word| word.back(said));
        Suppressed { minor: self.minor.unwrap_or(back.minor), ..back }
    }
}

/// What a listener has said so far.
pub fn said(stores: &dyn Stores, listener: &str) -> Result<Refusals, Fault> {
    let (audience, suppression) = (stores.audience(), stores.suppression());
    let named = named(listener, (&audience, &suppression), &stores.kept().sources())?;
    Ok(named.said(&suppression).into())
}

/// Changes what a listener has said; gives what holds then.
pub fn say(
    stores: &dyn Stores,
    listener: &str,
    saying: &Saying,
    (at, who): (Moment, &str),
) -> Result<Refusals, Fault> {
    let _turn = stores.turn();
    let (audience, suppression) = (stores.audience(), stores.suppression());
    let named = named(listener, (&audience, &suppression), &stores.kept().sources())?;
    let said = saying.after(named.said(&suppression));
    let mut named = named;
    if !saying.opt_in.is_empty() || saying.only.is_some() || saying.minor.is_some() {
        // What an erasure has left under ids that lead here again is taken back as well.
        let links = audience.links().filter(|(_, key)| *key == named.key);
        let marks = links.map(|(link, _)| suppression.mark_of_link(link));
        named.others.extend(marks.filter(|&mark| suppression.of_mark(mark) != Suppressed::NONE));
        named.others.sort_unstable();
        named.others.dedup();
    }
    let places = 1 + named.others.len();
    if said != Suppressed::NONE && suppression.len() + places > stores.suppressed_max() {
        return Err(Fault::Full(suppression.len()));
    }
    let (mark, others) = (named.mark, named.others);
    let changes: Vec<_> =
        std::iter::once(mark).chain(others.iter().copied()).map(|mark| (mark, said)).collect();
    stores.keep(&Act { at, deed: Deed::Said(said), mark, others, who: who.to_owned() })?;
    stores.suppress(suppression.with(&changes));
    Ok(said.into())
}

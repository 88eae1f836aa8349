//! The listener's path: what is known of me, why did I hear this, forget me, do not use that.
//!
//! One straight function each over the [`Stores`] that hold something of a listener; called by
//! the admin door and by commands, on plain threads; cold. What must outlive a crash is on disk
//! before it takes effect, and in effect before it is answered.

pub mod name;

mod told;

pub mod rule;

pub mod export;

pub mod page;

pub mod why;

pub mod say;

pub mod erase;

use std::sync::{Arc, MutexGuard};

use crate::base::units::ids::{LineId, ListenerMark};
use crate::base::units::time::Moment;
use crate::flows::decide::world::World;
use crate::knowledge::audience::{Act, Audience, Change, Providers, Suppression};
use crate::knowledge::catalog::model::Catalog;
use crate::market::vocabulary::Vocabulary;
use crate::offer::delivery::Sleep;
use crate::offer::records::{DecisionRecord, Sample};

/// What of a listener stands on the disk, for reading. Everything here may block.
pub trait Kept {
    /// The keys of exchanges and their sources of ids.
    fn sources(&self) -> Vec<String>;

    /// What this listener heard: lines, and when their bids were made.
    fn heard(&self, mark: ListenerMark) -> Result<Vec<(LineId, Moment)>, Fault>;

    /// The decisions of which it can be told that they were this listener's.
    fn decisions(&self, mark: ListenerMark, visit: SeeDecision<'_>) -> Result<(), Fault>;

    /// The decisions that are `wanted`, of whomever; the sample where one is kept and opens.
    fn find(&self, wanted: Wanted<'_>, visit: SeeFound<'_>) -> Result<(), Fault>;

    /// The world of a decision and who slept in it, if they are kept.
    fn world(&self, record: &DecisionRecord) -> Result<(World, Option<Sleep>), Fault>;

    /// Every act, oldest first.
    fn trail(&self, visit: &mut dyn FnMut(&Act)) -> Result<(), Fault>;
}

/// All that a right reaches. Everything here may block.
pub trait Stores: Send + Sync {
    fn kept(&self) -> &dyn Kept;

    fn audience(&self) -> Arc<Audience>;

    /// The words that profiles are known in; asked after the audience.
    fn vocabulary(&self) -> Arc<Vocabulary>;

    fn providers(&self) -> Arc<Providers>;

    /// The lines that are sold now, as far as they are known here.
    fn catalog(&self) -> Option<Arc<Catalog>>;

    /// What listeners have refused, as bids see it.
    fn suppression(&self) -> Arc<Suppression>;

    /// Who holds it acts alone.
    fn turn(&self) -> MutexGuard<'_, ()>;

    /// Returns when the act is on disk.
    fn keep(&self, act: &Act) -> Result<(), Fault>;

    /// Returns when bids see it.
    fn suppress(&self, suppression: Suppression);

    /// Most listeners and ids of the table of refusals.
    fn suppressed_max(&self) -> usize;

    /// Returns when the changes are on disk and bids see them.
    fn change(&self, changes: Vec<Change>) -> Result<(), Fault>;

    /// Takes what caps and decision records know of a listener. `false`: not all of it can be
    /// reached here; the next start of the server ends it.
    fn forget(&self, mark: ListenerMark) -> Result<bool, Fault>;
}

pub type SeeDecision<'v> = &'v mut dyn FnMut(&DecisionRecord, Sample<'_>);

/// The record, and its sample or why there is none.
pub type SeeFound<'v> = &'v mut dyn FnMut(&DecisionRecord, Result<Sample<'_>, &'static str>);

pub type Wanted<'w> = &'w dyn Fn(&DecisionRecord) -> bool;

/// Why a right could not be served.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// What was asked makes no sense.
    #[error("{0}")]
    Asked(String),
    #[error("{0}")]
    NotFound(String),
    /// As many have refused something as may.
    #[error("{0} listeners have refused something, as many as may (audience.suppressed_max)")]
    Full(usize),
    /// A store does not work.
    #[error("{0}")]
    Store(String),
}

impl Fault {
    pub fn store(why: impl std::fmt::Display) -> Fault {
        Fault::Store(why.to_string())
    }
}

#[cfg(test)]
mod tests;

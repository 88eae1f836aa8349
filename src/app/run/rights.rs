//! What do the listener's rights reach in a running server? All its stores, behind one trait; cold.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::StartFault;
use super::foundation::Foundation;
use super::node::Node;
use super::shelf::Shelf;
use crate::app::config::Config;
use crate::base::telemetry::{Counter, Registry};
use crate::base::units::ids::ListenerMark;
use crate::base::units::time::Clock;
use crate::flows::rights::{Fault, Kept, Stores, erase};
use crate::knowledge::audience::{
    Act, Acts, Audience, Change, DEEDS, Intake, Providers, Refused, Said, Suppression,
};
use crate::knowledge::catalog::model::Catalog;
use crate::market::ticket::TicketKeys;
use crate::market::vocabulary::{Vocabulary, Words};
use crate::offer::records::{Eraser, RecordWriter};

/// One server's stores.
pub struct Rights {
    pub shelf: Shelf,
    pub node: Arc<Node>,
    pub intake: Arc<Intake>,
    pub acts: Acts,
    pub eraser: Eraser,
    pub suppressed_max: usize,
    pub turn: Mutex<()>,
    pub acted: [Counter; DEEDS.len()],
}

/// What listeners have refused and asked for so far, and where it is written down.
pub struct RightsBook {
    shelf: Shelf,
    acts: Acts,
    unended: Vec<ListenerMark>,
}

/// Lays what worlds are built on; what listeners have refused holds in all of them.
pub fn lay_foundation(
    config: &Config,
    data: &Path,
    keys: TicketKeys,
    words: &Arc<Words>,
) -> Result<(Foundation, RightsBook), StartFault> {
    let (acts, Said { suppression, unended }) =
        Acts::open(data, *keys.marks()).map_err(StartFault::at("rights"))?;
    let foundation = Foundation::lay_over(config, data, keys, Arc::clone(words))?;
    let foundation = foundation.with_suppression(suppression);
    let shelf = Shelf::new(config, data, foundation.clone());
    Ok((foundation, RightsBook { shelf, acts, unended }))
}

/// Ends the erasures that were begun before this start.
pub fn begin(
    book: RightsBook,
    (node, intake): (&Arc<Node>, &Arc<Intake>),
    config: &Config,
    (records, clock, registry): (&RecordWriter, &dyn Clock, &Registry),
) -> Arc<Rights> {
    let RightsBook { shelf, acts, unended } = book;
    let rights = Rights {
        shelf,
        node: Arc::clone(node),
        intake: Arc::clone(intake),
        acts,
        eraser: records.eraser(),
        suppressed_max: config.audience.suppressed_max,
        turn: Mutex::default(),
        acted: DEEDS.map(|deed| {
            let help = "Acts of the listener's rights, by what was done.";
            registry.counter("interlude_rights_acts_total", help, &[("deed", deed)])
        }),
    };
    rights.finish(&unended, clock);
    Arc::new(rights)
}

impl Rights {
    /// Ends the erasures that a crash cut short, or that were begun without a server.
    pub fn finish(&self, unended: &[ListenerMark], clock: &dyn Clock) {
        for &mark in unended {
            match erase::finish(self, mark, clock.now()) {
                Ok(_) => tracing::info!("an erasure that was begun has been ended"),
                Err(why) => {
                    tracing::error!(%why, "an erasure cannot be ended; tried at next start")
                }
            }
        }
    }
}

impl Stores for Rights {
    fn kept(&self) -> &dyn Kept {
        &self.shelf
    }

    /// What was taken but is not shown to bids yet counts; where the intake has failed, what is
    /// shown.
    fn audience(&self) -> Arc<Audience> {
        let _ = self.intake.seal();
        self.intake.audience()
    }

    fn vocabulary(&self) -> Arc<Vocabulary> {
        self.intake.words().snapshot()
    }

    fn providers(&self) -> Arc<Providers> {
        Arc::clone(&self.node.standing().published.world.providers)
    }

    fn catalog(&self) -> Option<Arc<Catalog>> {
        Some(Arc::clone(&self.node.standing().published.world.catalog))
    }

    fn suppression(&self) -> Arc<Suppression> {
        Arc::clone(&self.node.standing().published.world.suppression)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, act: &Act) -> Result<(), Fault> {
        self.acts.keep(act).map_err(Fault::store)?;
        self.acted[act.deed.index()].increment(1);
        Ok(())
    }

    fn suppress(&self, suppression: Suppression) {
        self.node.publish_suppression(Arc::new(suppression));
    }

    fn suppressed_max(&self) -> usize {
        self.suppressed_max
    }

    fn change(&self, changes: Vec<Change>) -> Result<(), Fault> {
        change(&self.intake, changes)
    }

    fn forget(&self, mark: ListenerMark) -> Result<bool, Fault> {
        self.node.till().book().caps().erase(mark);
        self.eraser.forget(mark).map_err(Fault::store)?;
        Ok(true)
    }
}

/// Submits until it is taken; returns when bids see it.
pub fn change(intake: &Intake, mut changes: Vec<Change>) -> Result<(), Fault> {
    if changes.is_empty() {
        return Ok(());
    }
    loop {
        match intake.offer(changes) {
            Ok(receipt) => {
                receipt.wait().map_err(Fault::store)?;
                return intake.seal().map_err(Fault::store);
            }
            Err((Refused::Busy { retry_after_ms }, back)) => {
                changes = back;
                std::thread::sleep(std::time::Duration::from_millis(retry_after_ms));
            }
            Err((refused, _)) => return Err(Fault::store(refused)),
        }
    }
}

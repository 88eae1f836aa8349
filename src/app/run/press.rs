//! How does a world come about? Files → world → archive → requests; for a server, again and again.
//!
//! Used at start and by [`watch`](super::watch); cold, off the bid path.

use std::sync::Arc;

use super::StartFault;
use super::foundation::{Archive, BuildFault, Built, Foundation, Marks, Summary};
use super::node::Node;
use crate::base::units::time::Moment;
use crate::knowledge::audience::Audience;
use crate::knowledge::catalog::Sheets;
use crate::knowledge::crowd::{self, Counted, Crowds, Gate, Reading};

/// What worlds are made with, and what it remembers of the files.
pub struct Press {
    foundation: Foundation,
    sheets: Sheets,
    crowds: Arc<Crowds>,
    /// The files as they were before they were last read, so that a change from then on is seen.
    known: Marks,
}

impl Press {
    /// With the first world, and who counts the listeners that later lines are held against.
    pub fn start(
        foundation: Foundation,
        audience: &Arc<Audience>,
        counts: &crowd::Config,
    ) -> Result<(Press, Built, Arc<Crowds>), StartFault> {
        let known = foundation.marks();
        let crowds = Arc::new(Crowds::new(counts.clone()));
        let mut press = Press { foundation, sheets: Sheets::default(), crowds, known };
        let first = press.foundation.first(&mut press.sheets, Arc::clone(audience));
        let (built, archive) = first.map_err(StartFault::at("campaigns"))?;
        built.tell();
        press.foundation.keep(&built.world, &archive).map_err(StartFault::at("worlds"))?;
        let crowds = Arc::clone(&press.crowds);
        Ok((press, built, crowds))
    }

    /// For worlds after one that is served: nothing is known of the files.
    pub fn resume(foundation: Foundation, counts: &crowd::Config) -> (Press, Arc<Crowds>) {
        let crowds = Arc::new(Crowds::new(counts.clone()));
        let shared = Arc::clone(&crowds);
        (Press { foundation, sheets: Sheets::default(), crowds, known: Marks::new() }, shared)
    }

    /// Whether the files are other than they were when they were last read.
    pub fn has_news(&self) -> bool {
        self.foundation.marks() != self.known
    }

    pub fn marks(&self) -> Marks {
        self.foundation.marks()
    }

    /// From these on, a change is news.
    pub fn note(&mut self, marks: Marks) {
        self.known = marks;
    }

    /// Builds and publishes what the files say now; the log tells the end either way.
    /// `thorough`: hosted media may have changed, too.
    pub fn swap(&mut self, node: &Node, thorough: bool) -> Result<Summary, String> {
        let published = self.build(node, thorough).map_err(|why| why.to_string());
        let published = published.and_then(|(built, archive)| {
            built.tell();
            let end = self.publish(node, built, &archive);
            end.inspect_err(|_| self.sheets.forget())
        });
        match &published {
            Ok(summary) => tracing::info!(
                version = format!("{:016x}", summary.version),
                kind = summary.kind.label(),
                lines = summary.counts.lines,
                listeners = summary.listeners,
                build_ms = summary.build_ms,
                "world swapped"
            ),
            Err(why) => {
                node.refused_swap();
                tracing::error!("the campaigns are not taken: {why}");
            }
        }
        published
    }

    /// Lines that come in are held against the listeners who were counted last. Holds nothing that
    /// is served meanwhile: who publishes listeners waits until it is free.
    fn build(&mut self, node: &Node, thorough: bool) -> Result<(Built, Archive), BuildFault> {
        let before = node.standing().built.clone();
        let world = &before.world;
        let (vocabulary, listeners) = (&*world.vocabulary, world.listeners);
        let standing = self.crowds.standing();
        let moment = standing.as_ref().map_or_else(Moment::default, |last| last.sample.as_of());
        let reading = Reading { vocabulary, listeners, moment };
        let counted = standing.as_ref().map(|last| Counted {
            sample: &last.sample,
            audience: &world.audience,
            reading: &reading,
        });
        let gate = Gate::new(self.crowds.config(), counted, Some(&world.catalog));
        let built = self.foundation.again(&mut self.sheets, (&before, &gate), thorough);
        if let Some(warning) = gate.warning() {
            tracing::warn!("{warning}");
        }
        built
    }

    fn publish(&self, node: &Node, built: Built, archive: &Archive) -> Result<Summary, String> {
        let kept = self.foundation.keep(&built.world, archive);
        kept.map_err(|why| format!("worlds: {why}"))?;
        node.publish(built).map_err(|why| why.to_string())
    }
}

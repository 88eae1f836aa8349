//! Which lines may bid, by how many listeners they can reach? Called by the loop of crowds; cold.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Weak};

use crate::app::run::node::Node;
use crate::base::telemetry::{Gauge, Registry};
use crate::base::units::ids::LineId;
use crate::base::units::time::Moment;
use crate::flows::decide::serve::Published;
use crate::knowledge::catalog::model::Expr;
use crate::knowledge::crowd::{Crowds, Floor, Reading, Standing, asks_of_listeners};

pub struct Floors {
    /// The campaigns that were judged last.
    judged: Option<u64>,
    verdicts: Verdicts,
    thin: Gauge,
}

impl Floors {
    pub fn new(registry: &Registry) -> Floors {
        let help = "Lines that do not bid, as too few listeners meet their clauses about them.";
        let thin = registry.gauge("interlude_crowd_thin_lines", help, &[]);
        Floors { judged: None, verdicts: Verdicts::default(), thin }
    }

    pub fn is_news(&self, node: &Node) -> bool {
        self.judged != Some(node.standing().published.world.catalog.version)
    }

    pub fn judge(&mut self, crowds: &Crowds, node: &Node, now: Moment) {
        let Some(standing) = crowds.standing() else { return };
        let served = node.standing();
        let Published { world, desk } = &served.published;
        let floor = Floor(crowds.config().audience_min);
        let (vocabulary, listeners) = (&*world.vocabulary, world.listeners);
        let reading = Reading { vocabulary, listeners, moment: now };
        let behind = (&*world.audience, &reading);
        let holds = |expr: &Expr| floor.verdict(expr, &standing.sample, behind).is_ok();
        let before = self.verdicts.over(&standing);
        let mut thin = 0_u32;
        for (ix, line) in world.catalog.lines() {
            let holds = self.verdicts.of((line.id, &line.targeting), &before, holds);
            thin += u32::from(!holds);
            if let Some(state) = desk.state(ix) {
                if state.is_thin() == holds {
                    tracing::info!(line = line.key, thin = !holds, "a line's crowd was counted");
                }
                state.set_thin(!holds);
            }
        }
        self.thin.set(f64::from(thin));
        self.judged = Some(world.catalog.version);
    }
}

type Lines = HashMap<LineId, (u64, bool)>;

/// What was found of each line: in a new world over the same sample only changed ones are counted.
#[derive(Default)]
struct Verdicts {
    sample: Weak<Standing>,
    /// The hash of what it asks, and whether there are enough listeners for it.
    lines: Lines,
}

impl Verdicts {
    /// Begins anew, over a sample; what was known of it is given back.
    fn over(&mut self, standing: &Arc<Standing>) -> Lines {
        let as_many = Lines::with_capacity(self.lines.len());
        let before = std::mem::replace(&mut self.lines, as_many);
        let same = std::ptr::eq(self.sample.as_ptr(), Arc::as_ptr(standing));
        self.sample = Arc::downgrade(standing);
        if same { before } else { Lines::new() }
    }

    fn of(
        &mut self,
        (line, expr): (LineId, &Expr),
        before: &Lines,
        count: impl Fn(&Expr) -> bool,
    ) -> bool {
        let mut hasher = DefaultHasher::new();
        expr.hash(&mut hasher);
        let asked = hasher.finish();
        let known = before.get(&line).filter(|(hash, _)| *hash == asked);
        let anew = || !asks_of_listeners(expr) || count(expr);
        let holds = known.map_or_else(anew, |(_, holds)| *holds);
        self.lines.insert(line, (asked, holds));
        holds
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::knowledge::catalog::model::{Leaf, Test};
    use crate::market::vocabulary::{Dimension, ValueId};

    fn asks(dimension: Dimension, value: u32) -> Expr {
        let test = Test::AnyOf(vec![ValueId(value)]);
        Expr::All(vec![Expr::Leaf(Leaf { dimension, test, pass_unknown: false })])
    }

    #[test]
    fn only_changed_lines_are_counted_again() {
        let (mut verdicts, counted) = (Verdicts::default(), Cell::new(0));
        let mut judged = |expr: &Expr, before: &Lines| {
            let holds = verdicts.of((LineId(1), expr), before, |_| {
                counted.set(counted.get() + 1);
                false
            });
            (holds, counted.get(), std::mem::take(&mut verdicts.lines))
        };
        let age = asks(Dimension::Age, 7);
        let (holds, count, known) = judged(&age, &Lines::new());
        assert_eq!((holds, count), (false, 1));
        let (holds, count, known) = judged(&age, &known);
        assert_eq!((holds, count), (false, 1), "as it was");
        let (_, count, known) = judged(&asks(Dimension::Age, 8), &known);
        assert_eq!(count, 2, "it asks for another age");
        let (holds, count, known) = judged(&asks(Dimension::Genre, 8), &known);
        assert_eq!((holds, count), (true, 2), "of the moment alone");
        assert_eq!(judged(&age, &known).1, 3, "what went and came back");
    }
}

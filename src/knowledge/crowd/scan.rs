//! How many listeners does an expression reach, exactly? All of them looked at, one by one.
//!
//! For the command line, and where a minimum lies within the interval of a sample. Takes seconds
//! at ten million listeners, a few bytes of memory; off the bid path, in whatever thread asks.

use std::ops::ControlFlow;

use crate::knowledge::audience::Audience;
use crate::knowledge::catalog::model::Expr;

use super::person::Person;
use super::possible::Possible;
use super::{Clause, Crowd, Reach, Reading};

/// Listeners between two reports.
const STRIDE: u64 = 16_384;

/// How far a scan has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    pub seen: u64,
    pub of: u64,
    /// Whom the expression has reached so far.
    pub reached: u64,
}

/// Whom the expression can reach, and each of its clauses alone. `progress` is told now and then,
/// and may end it: then there is no answer.
pub fn scan(
    audience: &Audience,
    reading: &Reading<'_>,
    expr: &Expr,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Option<Crowd> {
    let clauses = Possible::clauses(expr);
    let mut of_clauses = vec![0; clauses.len()];
    let mut person = Person::default();
    let mut told = Progress { seen: 0, of: audience.len() as u64, reached: 0 };
    for (_, profile) in audience.iter() {
        if told.seen.is_multiple_of(STRIDE) && progress(told).is_break() {
            return None;
        }
        told.seen += 1;
        if !person.read(profile, reading) {
            continue;
        }
        let mut whole = true;
        for (clause, hits) in clauses.iter().zip(&mut of_clauses) {
            let holds = clause.holds(&person);
            *hits += u64::from(holds);
            whole &= holds;
        }
        told.reached += u64::from(whole);
    }
    let clause = |(clause, hits): (&Possible, u64)| Clause {
        reach: Reach::exactly(hits),
        momentary: clause.is_everybody(),
    };
    Some(Crowd {
        reach: Reach::exactly(told.reached),
        clauses: clauses.iter().zip(of_clauses).map(clause).collect(),
        of: told.seen,
        seen: told.seen,
        as_of: reading.moment,
    })
}

/// Whether there are at least so many; ends as soon as there are.
pub fn at_least(audience: &Audience, reading: &Reading<'_>, expr: &Expr, minimum: u64) -> bool {
    let mut found = minimum == 0;
    let counted = scan(audience, reading, expr, &mut |progress| {
        found |= progress.reached >= minimum;
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found || counted.is_some_and(|crowd| crowd.reach.listeners >= minimum)
}

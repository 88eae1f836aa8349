//! What does `targeting:` ask for? Nodes → an expression over vocabulary values.
//!
//! Called by [`read`](super::read) for each line; cold. The language: a map is true when all its
//! keys are; `all`, `any` and `not` nest; every other key is a dimension with a value, a list of
//! values, or a map of `any_of`, `none_of` and `if_unknown`.

use crate::base::stdx::fault::nearest;
use crate::market::vocabulary::Dimension;

use super::clause::{Reader, all};
use super::lexicon::Lexicon;
use super::limits::Limits;
use super::model::{Expr, Leaf, Test};
use super::node::{Entry, Kind, Node};
use super::rails::Rails;
use super::values::Complaint;
use super::walk::{Findings, Trail, items};

/// Reads one line's targeting; `None` when it has faults, all of which are in the findings.
pub fn read(
    findings: &Findings<'_>,
    (vocabulary, rails): (Lexicon<'_>, Rails),
    limits: &Limits,
    node: &Node,
    trail: &Trail<'_>,
) -> Option<Expr> {
    let clauses = 0;
    let mut reader = Reader { findings, vocabulary, limits, rails, clauses, negated: false };
    let expr = expr(&mut reader, node, trail, 0)?;
    let too_many = |message: String| findings.fault(node.place, trail, Complaint::new(message));
    if reader.clauses > limits.targeting_clauses {
        let most = limits.targeting_clauses;
        too_many(format!("{} clauses where at most {most} may stand", reader.clauses));
        return None;
    }
    let ways = ways(&expr, false);
    if ways > limits.targeting_ways as u64 {
        let most = limits.targeting_ways;
        let message = format!("{ways} ways to be true where at most {most} may be");
        let mend = "put alternatives of one dimension into one list, or split the line";
        findings.fault(node.place, trail, Complaint::mend(message, mend));
        return None;
    }
    if never(&expr) {
        let message = "this targeting is true for nobody";
        findings.warn(node.place, trail, Complaint::new(message));
    }
    Some(expr)
}

fn expr(reader: &mut Reader<'_, '_>, node: &Node, trail: &Trail<'_>, depth: usize) -> Option<Expr> {
    if depth > reader.limits.targeting_depth {
        let message = format!("nested more than {} deep", reader.limits.targeting_depth);
        reader.fault(node.place, trail, Complaint::new(message));
        return None;
    }
    let Kind::Map(map) = &node.kind else {
        let message = format!("{} where a map of clauses must stand", node.what());
        let mend = "write `genre: rock`, or nest with `all:`, `any:` and `not:`";
        reader.fault(node.place, trail, Complaint::mend(message, mend));
        return None;
    };
    let mut parts = Vec::with_capacity(map.len());
    let mut whole = true;
    for (index, entry) in map.iter().enumerate() {
        let trail = trail.key(&entry.key);
        if map[..index].iter().any(|before| before.key == entry.key) {
            let message = format!("`{}` stands twice", entry.key);
            reader.fault(entry.place, &trail, Complaint::mend(message, "put both into an `all:`"));
            whole = false;
            continue;
        }
        match self::entry(reader, entry, &trail, depth) {
            Some(part) => parts.push(part),
            None => whole = false,
        }
    }
    whole.then(|| all(parts))
}

fn entry(
    reader: &mut Reader<'_, '_>,
    entry: &Entry,
    trail: &Trail<'_>,
    depth: usize,
) -> Option<Expr> {
    match entry.key.as_str() {
        "all" => Some(all(nested(reader, &entry.value, trail, depth)?)),
        "any" => {
            let mut parts = nested(reader, &entry.value, trail, depth)?;
            Some(if parts.len() == 1 { parts.remove(0) } else { Expr::Any(parts) })
        }
        "not" => {
            reader.negated = !reader.negated;
            let inner = expr(reader, &entry.value, trail, depth + 1);
            reader.negated = !reader.negated;
            Some(Expr::Not(Box::new(inner?)))
        }
        name => match Dimension::named(name) {
            Some(Dimension::Radius) => reader.radius(&entry.value, trail),
            Some(dimension) => reader.clause(dimension, &entry.value, trail),
            None => {
                let mut names: Vec<_> = Dimension::all().map(Dimension::name).collect();
                names.extend(["all", "any", "not"]);
                let mend = match nearest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known are {}", names.join(", ")),
                };
                let message = format!("unknown dimension `{name}`");
                reader.fault(entry.place, trail, Complaint::mend(message, mend));
                None
            }
        },
    }
}

fn nested(
    reader: &mut Reader<'_, '_>,
    node: &Node,
    trail: &Trail<'_>,
    depth: usize,
) -> Option<Vec<Expr>> {
    let nodes = match &node.kind {
        Kind::Scalar { .. } if node.is_null() => &[],
        _ => items(node),
    };
    let is_list = matches!(node.kind, Kind::List(_));
    let parts: Vec<_> = nodes
        .iter()
        .enumerate()
        .map(|(index, part)| {
            let item = trail.item(index);
            expr(reader, part, if is_list { &item } else { trail }, depth + 1)
        })
        .collect();
    parts.into_iter().collect()
}

/// How many `all`s the expression is, written out as an `any` of `all`s.
pub fn ways(expr: &Expr, negated: bool) -> u64 {
    let sum =
        |parts: &[Expr]| parts.iter().map(|part| ways(part, negated)).fold(0, u64::saturating_add);
    let product =
        |parts: &[Expr]| parts.iter().map(|part| ways(part, negated)).fold(1, u64::saturating_mul);
    match (expr, negated) {
        (Expr::Leaf(_), _) => 1,
        (Expr::Not(inner), _) => ways(inner, !negated),
        (Expr::All(parts), false) | (Expr::Any(parts), true) => product(parts),
        (Expr::Any(parts), false) | (Expr::All(parts), true) => sum(parts),
    }
}

/// Whether it can be seen from the expression alone that it is never true.
fn never(expr: &Expr) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().any(never) || contradicts(parts),
        Expr::Any(parts) => parts.iter().all(never),
        Expr::Not(inner) => always(inner),
        Expr::Leaf(leaf) => match &leaf.test {
            Test::AnyOf(values) => values.is_empty() && !leaf.pass_unknown,
            Test::Within(circles) => circles.is_empty() && !leaf.pass_unknown,
            Test::NoneOf(_) | Test::Outside(_) => false,
        },
    }
}

fn always(expr: &Expr) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(always),
        Expr::Any(parts) => parts.iter().any(always),
        Expr::Not(inner) => never(inner),
        Expr::Leaf(_) => false,
    }
}

/// Two clauses of a dimension that has one value at a time, without a value in common.
fn contradicts(parts: &[Expr]) -> bool {
    let one_of = |expr: &Expr| match expr {
        Expr::Leaf(Leaf { dimension, test: Test::AnyOf(values), pass_unknown: false })
            if !dimension.row().multi =>
        {
            Some((*dimension, values.clone()))
        }
        _ => None,
    };
    let clauses: Vec<_> = parts.iter().filter_map(one_of).collect();
    clauses.iter().enumerate().any(|(i, (dimension, values))| {
        clauses[..i].iter().any(|(other, others)| {
            // A child brings its parents along, so only flat dimensions can contradict.
            dimension == other
                && matches!(dimension, Dimension::HourOfWeek | Dimension::Age | Dimension::Country)
                && !values.iter().any(|value| others.contains(value))
        })
    })
}

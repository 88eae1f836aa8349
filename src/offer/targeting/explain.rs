//! Why does a line not want this? The first clause that keeps it out, with what was found instead.
//!
//! Called by `flows::decide`'s twin `explain` and by the console; cold. It evaluates as
//! [`naive`](super::naive) does, and answers `None` exactly where that says true. Where several
//! clauses of an `all` fail, one that is false goes before one that is unknown: to know more would
//! not have helped.

use std::fmt;

use serde::Serialize;

use crate::knowledge::catalog::model::{Circle, Expr, Leaf, Test};
use crate::market::facts::Facts;
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

use super::naive::{Truth, leaf_truth, truth};

/// The most values of a list, and alternatives of an `any`, that are told one by one.
const TOLD_MAX: usize = 8;

#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstFailure {
    Clause(FailedClause),
    /// Every branch of an `any` fails, each for its own reason.
    Alternatives {
        branches: Vec<FirstFailure>,
        /// How many more there are.
        more: usize,
    },
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FailedClause {
    pub dimension: &'static str,
    pub actual: Actual,
    pub wanted: Wanted,
}

/// What the fact is.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actual {
    Unknown,
    /// None at all: known to be empty.
    Values(Values),
    /// How far the place is from the centre of the circle whose edge is nearest; never the place.
    Distance {
        km: f64,
    },
}

/// What the clause asks; under a `not`, what its negation asks.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    AnyOf(Values),
    NoneOf(Values),
    Within { km: f64 },
    Outside { km: f64 },
}

/// Some values as they are written in campaign files; those that decided come first.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Values {
    pub values: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

/// The first failure of `expr`; `None` where it is true.
pub fn explain(expr: &Expr, facts: &Facts, vocabulary: &Vocabulary) -> Option<FirstFailure> {
    Explainer { facts, vocabulary }.failure(expr, false)
}

struct Explainer<'a> {
    facts: &'a Facts,
    vocabulary: &'a Vocabulary,
}

impl Explainer<'_> {
    /// Why `expr` is not true; where `negated`, why it is not false.
    fn failure(&self, expr: &Expr, negated: bool) -> Option<FirstFailure> {
        if self.truth(expr, negated) == Truth::True {
            return None;
        }
        Some(match expr {
            Expr::Leaf(leaf) => FirstFailure::Clause(self.clause(leaf, negated)),
            Expr::Not(inner) => self.failure(inner, !negated)?,
            // De Morgan: that all of them be false is asked of the parts one by one.
            Expr::All(parts) if !negated => self.deciding(parts, negated)?,
            Expr::Any(parts) if negated => self.deciding(parts, negated)?,
            Expr::All(parts) | Expr::Any(parts) => self.alternatives(parts, negated),
        })
    }

    fn truth(&self, expr: &Expr, negated: bool) -> Truth {
        let truth = truth(expr, self.facts);
        if negated { truth.negated() } else { truth }
    }

    /// The first part that is as far from true as any: a false one, else an unknown one.
    fn deciding(&self, parts: &[Expr], negated: bool) -> Option<FirstFailure> {
        let part = parts.iter().min_by_key(|part| self.truth(part, negated))?;
        self.failure(part, negated)
    }

    fn alternatives(&self, parts: &[Expr], negated: bool) -> FirstFailure {
        let mut branches: Vec<FirstFailure> =
            parts.iter().take(TOLD_MAX).filter_map(|part| self.failure(part, negated)).collect();
        match (branches.pop(), branches.is_empty() && parts.len() == 1) {
            (Some(only), true) => only,
            (last, _) => {
                branches.extend(last);
                FirstFailure::Alternatives { branches, more: parts.len().saturating_sub(TOLD_MAX) }
            }
        }
    }

    fn clause(&self, leaf: &Leaf, negated: bool) -> FailedClause {
        let actual = self.facts.get(leaf.dimension);
        let (actual, wanted) = match (&leaf.test, negated) {
            (Test::AnyOf(set), false) | (Test::NoneOf(set), true) => {
                (self.actual(actual, set), Wanted::AnyOf(self.values(set, actual)))
            }
            (Test::NoneOf(set), false) | (Test::AnyOf(set), true) => {
                (self.actual(actual, set), Wanted::NoneOf(self.values(set, actual)))
            }
            (Test::Within(circles), false) | (Test::Outside(circles), true) => {
                let (actual, km) = self.distance(circles);
                (actual, Wanted::Within { km })
            }
            (Test::Outside(circles), false) | (Test::Within(circles), true) => {
                let (actual, km) = self.distance(circles);
                (actual, Wanted::Outside { km })
            }
        };
        debug_assert!(leaf_truth(leaf, self.facts) != Truth::True || negated);
        FailedClause { dimension: leaf.dimension.name(), actual, wanted }
    }

    fn actual(&self, actual: Option<&[ValueId]>, asked: &[ValueId]) -> Actual {
        match actual {
            None => Actual::Unknown,
            Some(values) => Actual::Values(self.values(values, Some(asked))),
        }
    }

    /// The words of `values`, those that are among `first` before the others.
    fn values(&self, values: &[ValueId], first: Option<&[ValueId]>) -> Values {
        let decides = |value: &&ValueId| first.is_some_and(|first| first.contains(value));
        let (before, after): (Vec<&ValueId>, Vec<&ValueId>) = values.iter().partition(decides);
        let told = before.into_iter().chain(after).take(TOLD_MAX);
        Values {
            values: told.map(|&value| self.word(value)).collect(),
            more: values.len().saturating_sub(TOLD_MAX),
        }
    }

    fn word(&self, value: ValueId) -> String {
        match self.vocabulary.text(value) {
            "" => format!("#{}", value.0),
            text => text.to_owned(),
        }
    }

    /// How far the centre of the nearest circle is, and the circle's radius, in km.
    fn distance(&self, circles: &[Circle]) -> (Actual, f64) {
        let km = |metres: f64| (metres / 100.0).round() / 10.0;
        let widest = || circles.iter().map(|circle| circle.radius_m).fold(0.0, f64::max);
        if self.facts.get(Dimension::Radius).is_none() {
            return (Actual::Unknown, km(widest()));
        }
        let beyond = |circle: &Circle| {
            let metres = circle.center.distance_m(self.facts.place()?);
            Some((metres - circle.radius_m, metres, circle.radius_m))
        };
        let nearest = circles.iter().filter_map(beyond).min_by(|a, b| a.0.total_cmp(&b.0));
        match nearest {
            Some((_, metres, radius_m)) => (Actual::Distance { km: km(metres) }, km(radius_m)),
            None => (Actual::Values(Values { values: Vec::new(), more: 0 }), km(widest())),
        }
    }
}

impl FirstFailure {
    /// Whether a fact that is not known is the reason, rather than one that does not fit.
    pub fn is_unknown(&self) -> bool {
        match self {
            FirstFailure::Clause(clause) => clause.actual == Actual::Unknown,
            FirstFailure::Alternatives { branches, .. } => branches.iter().any(Self::is_unknown),
        }
    }
}

impl fmt::Display for FirstFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FirstFailure::Clause(clause) => clause.fmt(f),
            FirstFailure::Alternatives { branches, .. } if branches.is_empty() => {
                f.write_str("no alternative is given")
            }
            FirstFailure::Alternatives { branches, more } => {
                for (n, branch) in branches.iter().enumerate() {
                    f.write_str(if n == 0 { "no alternative: (" } else { ") nor (" })?;
                    branch.fmt(f)?;
                }
                f.write_str(")")?;
                if *more > 0 { write!(f, " nor {more} more") } else { Ok(()) }
            }
        }
    }
}

impl fmt::Display for FailedClause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let circle = matches!(self.wanted, Wanted::Within { .. } | Wanted::Outside { .. });
        let fact = if circle { "place" } else { self.dimension };
        write!(f, "{fact} is {}, wanted {}", self.actual, self.wanted)
    }
}

impl fmt::Display for Actual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actual::Unknown => f.write_str("unknown"),
            Actual::Values(values) if values.values.is_empty() => f.write_str("empty"),
            Actual::Values(values) => values.fmt(f),
            Actual::Distance { km } => write!(f, "{km} km away"),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::AnyOf(values) => write!(f, "any of {values}"),
            Wanted::NoneOf(values) => write!(f, "none of {values}"),
            Wanted::Within { km } => write!(f, "within {km} km"),
            Wanted::Outside { km } => write!(f, "more than {km} km"),
        }
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.values.join(", "))?;
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::facts::Point;
    use crate::market::vocabulary::Dimension::*;

    struct World {
        vocabulary: Vocabulary,
        facts: Facts,
    }

    impl World {
        fn ids(&mut self, dimension: Dimension, words: &[&str]) -> Vec<ValueId> {
            let mut ids: Vec<ValueId> =
                words.iter().map(|word| self.vocabulary.intern(dimension, word).unwrap()).collect();
            ids.sort_unstable();
            ids
        }

        fn any(&mut self, dimension: Dimension, words: &[&str]) -> Expr {
            let test = Test::AnyOf(self.ids(dimension, words));
            Expr::Leaf(Leaf { dimension, test, pass_unknown: false })
        }

        fn says(&self, expr: &Expr) -> String {
            explain(expr, &self.facts, &self.vocabulary).map_or("true".into(), |f| f.to_string())
        }
    }

    /// The mood is calm, the app is `a`, no list is known to have the listener; no more is known.
    fn world() -> World {
        let mut world = World { vocabulary: Vocabulary::new(), facts: Facts::new() };
        let (calm, app) = (world.ids(Mood, &["calm"]), world.ids(App, &["a"]));
        world.facts.set(Mood, calm);
        world.facts.set(App, app);
        world.facts.set(List, []);
        world
    }

    fn not(expr: Expr) -> Expr {
        Expr::Not(Box::new(expr))
    }

    #[test]
    fn a_clause_is_told_with_what_was_found() {
        let mut world = world();
        let moods = world.any(Mood, &["energetic", "happy"]);
        assert_eq!(world.says(&moods), "mood is [calm], wanted any of [energetic, happy]");
        assert_eq!(world.says(&not(moods)), "true");
        let calm = world.any(Mood, &["calm", "happy"]);
        assert_eq!(world.says(&calm), "true");
        assert_eq!(world.says(&not(calm)), "mood is [calm], wanted none of [calm, happy]");
        let age = world.any(Age, &["25-34"]);
        assert_eq!(world.says(&age), "age is unknown, wanted any of [25-34]");
        assert_eq!(world.says(&not(age)), "age is unknown, wanted none of [25-34]");
        let list = world.any(List, &["owners"]);
        assert_eq!(world.says(&list), "list is empty, wanted any of [owners]");
    }

    #[test]
    fn what_is_false_goes_before_what_is_unknown() {
        let mut world = world();
        let (age, app) = (world.any(Age, &["25-34"]), world.any(App, &["b"]));
        let both = Expr::All(vec![age.clone(), app.clone()]);
        assert_eq!(world.says(&both), "app is [a], wanted any of [b]");
        let failure = explain(&both, &world.facts, &world.vocabulary).unwrap();
        assert!(!failure.is_unknown());
        let either = Expr::Any(vec![app, age]);
        assert_eq!(
            world.says(&either),
            "no alternative: (app is [a], wanted any of [b]) \
             nor (age is unknown, wanted any of [25-34])"
        );
        assert!(explain(&either, &world.facts, &world.vocabulary).unwrap().is_unknown());
        let (app, mood) = (world.any(App, &["a"]), world.any(Mood, &["calm"]));
        let neither = not(Expr::Any(vec![world.any(App, &["b"]), app, mood]));
        assert_eq!(world.says(&neither), "app is [a], wanted none of [a]");
        assert_eq!(world.says(&Expr::Any(vec![])), "no alternative is given");
    }

    #[test]
    fn long_lists_are_cut_behind_what_decided() {
        let mut world = world();
        let names: Vec<String> = (0..20).map(|n| format!("p{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let playlists = world.any(Playlist, &names);
        let last = world.ids(Playlist, &["p19"]);
        world.facts.set(Playlist, last);
        assert_eq!(
            world.says(&not(playlists.clone())),
            "playlist is [p19], wanted none of [p19, p0, p1, p2, p3, p4, p5, p6 and 12 more]"
        );
        let many = Expr::Any(vec![not(playlists); 10]);
        assert!(world.says(&many).ends_with(") nor 2 more"));
    }

    #[test]
    fn places_are_told_as_distances() {
        let mut world = world();
        let center = Point::new(52.52, 13.405).unwrap();
        let circles = vec![Circle { center, radius_m: 20_000.0 }];
        let leaf = |test| Expr::Leaf(Leaf { dimension: Radius, test, pass_unknown: false });
        let near = leaf(Test::Within(circles.clone()));
        let far = leaf(Test::Outside(circles));
        assert_eq!(world.says(&near), "place is unknown, wanted within 20 km");
        world.facts.set_place(Point::new(52.4, 13.1).unwrap());
        assert_eq!(world.says(&near), "place is 24.6 km away, wanted within 20 km");
        world.facts.set_place(Point::new(52.5, 13.4).unwrap());
        assert_eq!(world.says(&far), "place is 2.2 km away, wanted more than 20 km");
        assert_eq!(world.says(&leaf(Test::Within(vec![]))), "place is empty, wanted within 0 km");
    }

    #[test]
    fn scripts_read_the_same() {
        let mut world = world();
        let either = Expr::Any(vec![world.any(Mood, &["happy"]), world.any(Age, &["25-34"])]);
        let failure = explain(&either, &world.facts, &world.vocabulary).unwrap();
        let told = serde_json::json!({ "alternatives": { "more": 0, "branches": [
            { "clause": { "dimension": "mood",
                "actual": { "values": { "values": ["calm"], "more": 0 } },
                "wanted": { "any_of": { "values": ["happy"], "more": 0 } } } },
            { "clause": { "dimension": "age", "actual": "unknown",
                "wanted": { "any_of": { "values": ["25-34"], "more": 0 } } } },
        ] } });
        assert_eq!(serde_json::to_value(failure).unwrap(), told);
    }
}

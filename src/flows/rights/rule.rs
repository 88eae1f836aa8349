//! What does a line ask, in plain words, and which facts met it? For explanations; cold.

use serde::Serialize;

use crate::base::units::redacted::redacted;
use crate::knowledge::catalog::model::{Expr, Leaf, Test};
use crate::market::facts::Facts;
use crate::market::vocabulary::{Dimension, SignalKind, ValueId, Vocabulary};
use crate::offer::targeting::naive::{Truth, truth};

/// Values of a clause that are told one by one.
const TOLD_MAX: usize = 8;

/// The rule as a sentence without its end.
pub fn words(expr: &Expr, vocabulary: &Vocabulary) -> String {
    match expr {
        Expr::All(parts) if parts.is_empty() => "everybody".to_owned(),
        Expr::Any(parts) if parts.is_empty() => "nobody".to_owned(),
        Expr::All(parts) => joined(parts, " and ", vocabulary),
        Expr::Any(parts) => joined(parts, " or ", vocabulary),
        Expr::Not(inner) => format!("not ({})", words(inner, vocabulary)),
        Expr::Leaf(leaf) => clause(leaf, vocabulary),
    }
}

fn joined(parts: &[Expr], with: &str, vocabulary: &Vocabulary) -> String {
    let one = |part: &Expr| match part {
        Expr::All(inner) | Expr::Any(inner) if inner.len() > 1 && parts.len() > 1 => {
            format!("({})", words(part, vocabulary))
        }
        _ => words(part, vocabulary),
    };
    parts.iter().map(one).collect::<Vec<_>>().join(with)
}

fn clause(leaf: &Leaf, vocabulary: &Vocabulary) -> String {
    let name = leaf.dimension.name().replace('_', " ");
    let listed = |values: &[ValueId]| {
        let texts = values.iter().take(TOLD_MAX).map(|&value| text(value, vocabulary));
        let mut told = texts.collect::<Vec<_>>().join(" or ");
        if values.len() > TOLD_MAX {
            told.push_str(&format!(" or {} more", values.len() - TOLD_MAX));
        }
        told
    };
    let asked = match &leaf.test {
        Test::AnyOf(values) => format!("{name} is {}", listed(values)),
        Test::NoneOf(values) => format!("{name} is not {}", listed(values)),
        Test::Within(circles) => format!("place is within {}", radii(circles)),
        Test::Outside(circles) => format!("place is outside of {}", radii(circles)),
    };
    if leaf.pass_unknown { format!("{asked} (or unknown)") } else { asked }
}

fn radii(circles: &[crate::knowledge::catalog::model::Circle]) -> String {
    let one = |circle: &crate::knowledge::catalog::model::Circle| {
        format!("{:.0} km of a point", circle.radius_m / 1000.0)
    };
    circles.iter().take(TOLD_MAX).map(one).collect::<Vec<_>>().join(" or ")
}

fn text(value: ValueId, vocabulary: &Vocabulary) -> String {
    if value.index() < vocabulary.len() {
        vocabulary.text(value).to_owned()
    } else {
        "a word that is not known any more".to_owned()
    }
}

/// A fact that a rule was met by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Met {
    pub dimension: &'static str,
    pub value: String,
    /// The kind that it can be refused by; `None`: it is of the music, the device or the country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    #[serde(skip)]
    pub id: Option<ValueId>,
}

redacted!(Met);

/// The facts without which the rule might not have been true; each once.
pub fn met(expr: &Expr, facts: &Facts, vocabulary: &Vocabulary) -> Vec<Met> {
    let mut all = Vec::new();
    gather(expr, true, facts, &mut |leaf, wanted| {
        of_leaf(leaf, wanted, (facts, vocabulary), &mut all);
    });
    all.sort();
    all.dedup();
    all
}

fn gather(expr: &Expr, wanted: bool, facts: &Facts, take: &mut dyn FnMut(&Leaf, bool)) {
    let holds = if wanted { Truth::True } else { Truth::False };
    if truth(expr, facts) != holds {
        return;
    }
    match expr {
        Expr::Not(inner) => gather(inner, !wanted, facts, take),
        Expr::All(parts) | Expr::Any(parts) => {
            for part in parts {
                gather(part, wanted, facts, take);
            }
        }
        Expr::Leaf(leaf) => take(leaf, wanted),
    }
}

fn of_leaf(
    leaf: &Leaf,
    wanted: bool,
    (facts, vocabulary): (&Facts, &Vocabulary),
    all: &mut Vec<Met>,
) {
    let met = |id, value| Met {
        dimension: leaf.dimension.name(),
        value,
        kind: SignalKind::of(leaf.dimension).map(SignalKind::name),
        id,
    };
    let has = facts.get(leaf.dimension).unwrap_or_default();
    match (&leaf.test, wanted) {
        (Test::AnyOf(values), true) | (Test::NoneOf(values), false) => {
            let both = values.iter().filter(|value| has.contains(value));
            all.extend(both.map(|&value| met(Some(value), text(value, vocabulary))));
        }
        (Test::Within(_), true) | (Test::Outside(_), false) if facts.place().is_some() => {
            all.push(met(None, "near a point of the line's".to_owned()));
        }
        // What somebody does not have is told by the rule.
        _ => {}
    }
}

/// Whether what is known of the dimension is of the listener.
pub fn is_personal(dimension: Dimension) -> bool {
    SignalKind::of(dimension).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(dimension: Dimension, test: Test) -> Expr {
        Expr::Leaf(Leaf { dimension, test, pass_unknown: false })
    }

    #[test]
    fn rules_read_as_sentences_and_say_what_met_them() {
        let vocabulary = Vocabulary::new();
        let value = |dimension, word| vocabulary.find(dimension, word).unwrap();
        let calm = value(Dimension::Mood, "calm");
        let (rock, jazz) = (value(Dimension::Genre, "rock"), value(Dimension::Genre, "jazz"));
        let female = value(Dimension::Gender, "female");
        let expr = Expr::All(vec![
            leaf(Dimension::Mood, Test::AnyOf(vec![calm])),
            Expr::Any(vec![
                leaf(Dimension::Genre, Test::AnyOf(vec![rock])),
                leaf(Dimension::Genre, Test::AnyOf(vec![jazz])),
            ]),
            Expr::Not(Box::new(leaf(Dimension::Gender, Test::AnyOf(vec![female])))),
        ]);
        assert_eq!(
            words(&expr, &vocabulary),
            "mood is calm and (genre is rock or genre is jazz) and not (gender is female)"
        );
        let mut facts = Facts::new();
        facts.set(Dimension::Mood, [calm]);
        facts.set(Dimension::Genre, [jazz]);
        assert_eq!(met(&expr, &facts, &vocabulary), [], "not true while the gender is unknown");
        facts.set(Dimension::Gender, []);
        let met = met(&expr, &facts, &vocabulary);
        let told: Vec<_> =
            met.iter().map(|met| (met.dimension, met.value.as_str(), met.kind)).collect();
        assert_eq!(told, [("genre", "jazz", None), ("mood", "calm", Some("mood"))]);
        assert_eq!(words(&Expr::All(Vec::new()), &vocabulary), "everybody");
    }
}

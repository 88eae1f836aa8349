//! What third parties are due for an impression, by what was needed of them.

use std::sync::Arc;

use interlude::base::units::money::Currency;
use interlude::flows::decide::explain::{fee_of, provided};
use interlude::flows::decide::world::World;
use interlude::knowledge::audience::{LegalBasis, ProviderRow, Providers};
use interlude::knowledge::catalog::model::{Expr, Leaf, Test};
use interlude::market::facts::Facts;
use interlude::market::vocabulary::{Dimension, Vocabulary};
use interlude::rehearsal::traffic::stage::Stage;

const CAMPAIGNS: &str = r#"{"advertiser": {"key": "a", "domains": ["a.example"],
    "currency": "USD", "campaigns": [{"key": "c", "lines": [{"key": "l", "bid_cpm": 1,
    "budget": 1, "creatives": [{"crid": "x", "duration": 15,
    "click_through": "https://a.example/", "renditions": [{"url": "https://a.example/a.mp3",
    "mime": "audio/mpeg", "bitrate": 128}]}]}]}]}}"#;

struct Rig {
    world: World,
    facts: Facts,
}

fn provider(key: &str, cpm: &str, currency: &str) -> ProviderRow {
    ProviderRow {
        key: key.to_owned(),
        name: String::new(),
        gvl_id: None,
        purposes: Vec::new(),
        legal_basis: LegalBasis::Consent,
        cpm: cpm.to_owned(),
        currency: currency.to_owned(),
        dimensions: vec!["interest".to_owned()],
        max_age_days: 0,
    }
}

impl Rig {
    /// Before a listener who has these.
    fn new(has: &[&str]) -> Rig {
        let mut parts = Stage::of_text(CAMPAIGNS).parts();
        let mut vocabulary = Vocabulary::clone(&parts.vocabulary);
        for text in ["dear:auto", "dear:golf", "cheap:auto", "ours", "alien:x"] {
            vocabulary.intern(Dimension::Interest, text).unwrap();
        }
        let rows = [
            provider("dear", "2", "USD"),
            provider("cheap", "1", "EUR"),
            provider("alien", "1", "XTS"),
        ];
        parts.providers = Arc::new(Providers::new(&rows));
        let mut facts = Facts::new();
        let value = |text: &&str| vocabulary.find(Dimension::Interest, text).unwrap();
        facts.set(Dimension::Interest, has.iter().map(value));
        parts.vocabulary = Arc::new(vocabulary);
        Rig { world: World::assemble(parts, None), facts }
    }

    fn leaf(&self, texts: &[&str]) -> Expr {
        let find = |text: &&str| self.world.vocabulary.find(Dimension::Interest, text).unwrap();
        let test = Test::AnyOf(texts.iter().map(find).collect());
        Expr::Leaf(Leaf { dimension: Dimension::Interest, test, pass_unknown: false })
    }

    fn fee(&self, expr: &Expr) -> Option<(String, Option<i64>)> {
        let fee = fee_of(expr, &self.facts, &self.world, Currency::USD)?;
        Some((fee.providers.join(" "), fee.nanos))
    }
}

fn due(providers: &str, nanos: i64) -> Option<(String, Option<i64>)> {
    Some((providers.to_owned(), Some(nanos)))
}

#[test]
fn each_provider_that_was_needed_is_due_once() {
    let rig = Rig::new(&["dear:auto", "dear:golf", "cheap:auto", "ours"]);
    let [auto, golf, cheap, ours] =
        ["dear:auto", "dear:golf", "cheap:auto", "ours"].map(|text| rig.leaf(&[text]));
    assert_eq!(rig.fee(&auto), due("dear", 2_000_000));
    assert_eq!(rig.fee(&Expr::All(vec![auto.clone(), golf])), due("dear", 2_000_000));
    let both = Expr::All(vec![auto.clone(), cheap.clone()]);
    assert_eq!(rig.fee(&both), due("cheap dear", 3_100_000));
    assert_eq!(rig.fee(&Expr::Any(vec![auto.clone(), cheap])), due("cheap", 1_100_000));
    assert_eq!(rig.fee(&Expr::Any(vec![auto, ours])), None);
    assert_eq!(rig.fee(&rig.leaf(&["dear:auto", "cheap:auto"])), due("cheap", 1_100_000));
    let not_not = Expr::Not(Box::new(Expr::Not(Box::new(rig.leaf(&["dear:auto"])))));
    assert_eq!(rig.fee(&not_not), due("dear", 2_000_000));
}

#[test]
fn what_is_not_had_or_not_true_costs_nothing() {
    let rig = Rig::new(&["ours", "alien:x"]);
    let auto = rig.leaf(&["dear:auto"]);
    assert_eq!(rig.fee(&auto), None);
    assert_eq!(rig.fee(&Expr::Not(Box::new(auto))), None);
    assert_eq!(rig.fee(&Expr::All(Vec::new())), None);
    let alien = Some(("alien".to_owned(), None));
    assert_eq!(rig.fee(&rig.leaf(&["alien:x"])), alien, "no rate");
    let names: Vec<_> =
        provided(&rig.facts, &rig.world).into_iter().map(|p| (p.value, p.cpm)).collect();
    assert_eq!(names, [("alien:x".to_owned(), "1".to_owned())]);
}

//! The stage of the golden decisions: one catalog, a few exchanges, fixed keys and rates.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use interlude::base::units::ids::LineIx;
use interlude::base::units::money::Currency;
use interlude::base::units::time::Moment;
use interlude::flows::decide::explain::Explanation;
use interlude::flows::decide::world::{Parts, World};
use interlude::flows::decide::{Circumstance, Received, sources};
use interlude::knowledge::audience::{
    Audience, Change, GenerationBuilder, Profile, Providers, read_growing,
};
use interlude::knowledge::enrich;
use interlude::market::exchange::{BillableEvent, Exchange};
use interlude::market::facts::Facts;
use interlude::market::outcome::Refusal;
use interlude::market::privacy::RegsDefault;
use interlude::offer::targeting::naive::{self, Truth};
use interlude::rehearsal::traffic::stage;

use super::Golden;

/// A Monday noon in UTC.
const NOON: &str = "2026-11-23T12:00:00Z";

pub struct Stage {
    base: Value,
    parts: Parts,
}

/// What one golden is decided in.
pub struct Scene {
    pub world: World,
    pub at: Circumstance,
}

impl Stage {
    pub fn new(folder: &Path) -> Stage {
        let base = fs::read_to_string(folder.join("base.json")).unwrap();
        let mut parts = stage::Stage::of_files(&[folder.join("world.yaml")]).parts();
        parts.exchanges = exchanges().into();
        Stage { base: serde_json::from_str(&base).unwrap(), parts }
    }

    /// The base request with a golden's merge patches (RFC 7396).
    pub fn request(&self, golden: &Golden) -> Value {
        let mut request = self.base.clone();
        let imp = request["imp"][0].clone();
        let patches = golden.imps.clone().or_else(|| golden.imp.clone().map(|patch| vec![patch]));
        if let Some(patches) = patches {
            let patched = patches.iter().map(|patch| {
                let mut imp = imp.clone();
                merge(&mut imp, patch);
                imp
            });
            request["imp"] = patched.collect();
        }
        if let Some(patch) = &golden.request {
            merge(&mut request, patch);
        }
        request
    }

    pub fn scene(&self, listener: Option<&Value>, moment: Option<&str>) -> Scene {
        let moment: jiff::Timestamp = moment.unwrap_or(NOON).parse().unwrap();
        let moment = Moment::from_unix_us(moment.as_microsecond());
        let mut parts = self.parts.clone();
        if let Some(line) = listener {
            let mut vocabulary = (*parts.vocabulary).clone();
            let (nobody, text) = (Providers::default(), line.to_string());
            let changes = read_growing(&text, &mut vocabulary, &nobody, moment);
            let changes = changes.expect("a listener");
            let [Change::Put { key, profile }] = &changes[..] else { panic!("{text}") };
            let mut builder = GenerationBuilder::default();
            builder.add(*key, Profile::checked(profile, vocabulary.len()).expect("a profile"));
            parts.audience = Arc::new(Audience::of(builder.build()));
            parts.vocabulary = Arc::new(vocabulary);
        }
        let coin = parts.coin;
        Scene { world: World::assemble(parts, None), at: Circumstance { moment, coin } }
    }

    pub fn refused(&self, live: &BTreeMap<String, String>) -> Vec<(LineIx, Refusal)> {
        let lines = self.parts.catalog.base_lines();
        let answer = |(key, label): (&String, &String)| {
            let ix = lines.iter().position(|line| line.key == *key).expect("a known line");
            let refusal = Refusal::ALL.iter().find(|r| r.label() == label).expect("a refusal");
            (LineIx(ix as u32), *refusal)
        };
        live.iter().map(answer).collect()
    }

    /// Lines that `explain` says fall out at targeting are just those that the naive evaluator
    /// finds not true.
    pub fn naive_differs(
        &self,
        scene: &Scene,
        received: &Received<'_>,
        explained: &Explanation,
    ) -> Vec<String> {
        let arena = bumpalo::Bump::new();
        let world = &scene.world;
        let decoded = interlude::market::openrtb::decode(received.wire, received.body, &arena);
        let Ok(request) = decoded else { return Vec::new() };
        let sources = sources(world, received);
        let mut facts = Facts::new();
        let seen = enrich::opportunity(&request, &sources, scene.at.moment, &arena, &mut facts);
        let Ok((opportunity, _)) = seen else { return Vec::new() };
        let mut faults = Vec::new();
        for (slot, explained) in opportunity.slots.iter().zip(&explained.slots) {
            enrich::set_slot(slot, &world.vocabulary, &mut facts);
            for line in &explained.lines {
                let truth = naive::truth(&world.catalog.line(line.ix).targeting, &facts);
                let fell = line.verdict == Refusal::Targeting.label();
                let static_out = ["paused", "out_of_flight"].contains(&line.verdict);
                if !static_out && fell == (truth == Truth::True) {
                    faults.push(format!("naive says {truth:?} of {}", line.line));
                }
            }
        }
        faults
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// `demo` is the standard; each other row differs in what its name says.
fn exchanges() -> Vec<Exchange> {
    let row = |key: &str, change: &dyn Fn(&mut Exchange)| {
        let mut row = Exchange::standard(key);
        change(&mut row);
        row
    };
    vec![
        row("demo", &|_| ()),
        row("one-bid", &|x| x.open_bids = 1),
        row("billing", &|x| x.billable = BillableEvent::Billing),
        row("no-wins", &|x| x.sends_wins = false),
        row("euro", &|x| x.currency = Currency::EUR),
        row("off", &|x| x.enabled = false),
        row("contextual", &|x| x.regs_default = RegsDefault::Contextual),
        row("own-ids", &|x| x.user_id_is_ours = true),
        row("eids", &|x| x.eid_sources = vec!["ids.example".to_owned()]),
        row("far", &|x| x.network_margin_ms = 120),
    ]
}

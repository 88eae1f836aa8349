//! The dashboard for operators asks for what a server tells, and for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Server, folder, request};

/// The names of a server's metrics, each with those of its labels.
fn told(metrics: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut told: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for series in metrics.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, _)) = series.rsplit_once(' ') else { continue };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let pairs = labels.split("\",").filter_map(|pair| pair.split_once("=\""));
        told.entry(name).or_default().extend(pairs.map(|(label, _)| label));
    }
    told
}

/// Every word of a query that may be a name.
fn words(query: &str) -> impl Iterator<Item = &str> {
    query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The labels that a query groups by or chooses by.
fn labels(query: &str) -> Vec<&str> {
    let groups = query.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
    let choices = query.split("=\"").filter_map(|before| words(before).last());
    let count = query.matches("=\"").count();
    groups.flat_map(words).chain(choices.take(count)).collect()
}

#[test]
fn every_panel_asks_for_what_is_told() {
    let text = include_str!("../../../dashboards/interlude.json");
    let dashboard: Value = serde_json::from_str(text).unwrap();
    let folder = folder();
    let server = Server::start(folder.path());
    server.client().ask(&request("r"));
    let metrics = server.metrics();
    let told = told(&metrics);
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let names: Vec<&str> = words(query).filter(|w| w.starts_with("interlude_")).collect();
            assert!(!names.is_empty(), "{query}");
            for name in names {
                let of = told.get(name).unwrap_or_else(|| panic!("nobody tells {name}: {query}"));
                for label in labels(query) {
                    assert!(of.contains(label), "{name} has no label {label}: {of:?}");
                }
                asked += 1;
            }
            let legend = target["legendFormat"].as_str().unwrap();
            let shown = legend.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
            assert!(shown.is_none_or(|label| labels(query).contains(&label)), "{query}: {legend}");
        }
    }
    assert!(asked > 30, "{asked}");
    server.end();
}

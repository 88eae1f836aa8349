//! Do the rails hold, against attempts to get by and against what is innocent?

use super::super::{Vocabulary, unmask::readings};
use super::*;

const BYPASS: &str = include_str!("../../../tests/fixtures/rails/bypass.tsv");
const INNOCENT: &str = include_str!("../../../tests/fixtures/rails/innocent.tsv");

/// What the vocabulary says of a word that may be new.
fn verdict(vocabulary: &mut Vocabulary, dimension: &str, text: &str) -> Option<Barred> {
    let dimension = Dimension::named(dimension).unwrap();
    match vocabulary.intern(dimension, text) {
        Ok(value) => vocabulary.barred(value),
        Err(super::super::InternFault::Barred(why)) => Some(why),
        Err(why) => panic!("{} {text}: {why}", dimension.name()),
    }
}

#[test]
fn no_attempt_gets_by() {
    let mut vocabulary = Vocabulary::new();
    let mut by: Vec<String> = Vec::new();
    for row in rows(BYPASS) {
        let rule = verdict(&mut vocabulary, row[0], row[1]).map(Barred::label);
        if rule != Some(row[2]) {
            by.push(format!(
                "{} `{}` {rule:?}, not {}: {:?}",
                row[0],
                row[1],
                row[2],
                readings(row[1])
            ));
        }
    }
    assert!(by.is_empty(), "{} get by:\n{}", by.len(), by.join("\n"));
}

#[test]
fn what_is_innocent_passes() {
    let mut vocabulary = Vocabulary::new();
    let mut held: Vec<String> = Vec::new();
    for row in rows(INNOCENT) {
        if let Some(why) = verdict(&mut vocabulary, row[0], row[1]) {
            held.push(format!("{} `{}`: {}", row[0], row[1], why.label()));
        }
    }
    assert!(held.is_empty(), "{} are held:\n{}", held.len(), held.join("\n"));
}

#[test]
fn every_node_of_the_taxonomy_has_been_decided() {
    let vocabulary = Vocabulary::new();
    // Nodes whose names hold a term and that tell of nobody's health, faith or opinions.
    const REVIEWED: &[&str] = &[
        "academic interests > life sciences > medicine and healthcare",
        "academic interests > life sciences > genetics",
        "business and finance > business > business banking & finance > bankruptcy",
        "business and finance > industries > pharmaceutical industry",
        "business and industrial > medical and biotechnology",
        "consumer packaged goods > edible > general food > ethnic",
        "finance and insurance > insurance > auto insurance > medical insurance",
        "food & drink > alcoholic beverages",
        "food & drink > non-alcoholic beverages",
        "news and politics",
        "sports > disabled sports",
    ];
    let mut open: Vec<String> = Vec::new();
    for dimension in [Dimension::Interest, Dimension::Lifestyle, Dimension::Intent] {
        for (value, text) in vocabulary.values(dimension) {
            let name = text.rsplit(" > ").next().unwrap();
            let named = barred(dimension, name).is_some() && !REVIEWED.contains(&text);
            if named && vocabulary.barred(value).is_none() {
                open.push(format!("{}: {text}", dimension.name()));
            }
        }
    }
    assert!(open.is_empty(), "{} undecided:\n{}", open.len(), open.join("\n"));
    for (dimension, name, _) in closed_rows() {
        let found = match Dimension::named(dimension) {
            Some(dimension) => vocabulary.find(dimension, name),
            None => vocabulary.segment(4, name).map(|(_, value)| value),
        };
        assert!(found.is_some_and(|value| vocabulary.is_special(value)), "{dimension} {name}");
    }
}

//! Which values are there from the start? The closed lists, in the order that makes their ids.
//!
//! Read once by [`Vocabulary::new`](super::Vocabulary::new), cold. The tables in `words/` are
//! append-only: an id is the place in the order, so new closed values go to `later.tsv`.

use std::collections::HashMap;

use super::Dimension;
use Dimension::{
    Age, ContentLanguage, Country, Genre, Habit, HomeCountry, HourOfWeek, Intent, Interest,
    Language, Lifestyle, TasteGenre,
};

/// One closed value as the tables give it.
pub struct Word {
    pub dimension: Dimension,
    pub text: String,
    /// Text of the value above it, in the same dimension.
    pub parent: Option<String>,
    pub aliases: Vec<String>,
    /// AdCOM's code for it.
    pub code: Option<i64>,
    /// Taxonomy (`segtax`, `gtax`, `cattax`) and id that mean this value.
    pub segments: Vec<(i64, String)>,
}

impl Word {
    fn new(dimension: Dimension, text: impl Into<String>) -> Word {
        Word {
            dimension,
            text: text.into(),
            parent: None,
            aliases: Vec::new(),
            code: None,
            segments: Vec::new(),
        }
    }
}

/// From `from` to `to` years, both included.
pub struct AgeBand {
    pub name: &'static str,
    pub from: u8,
    pub to: u8,
}

const fn band(name: &'static str, from: u8, to: u8) -> AgeBand {
    AgeBand { name, from, to }
}

/// Age bands, youngest first; [`AgeBand::from`] of the next is one above `to` of the last.
pub const AGE_BANDS: [AgeBand; 9] = [
    band("under 13", 0, 12),
    band("13-17", 13, 17),
    band("18-20", 18, 20),
    band("21-24", 21, 24),
    band("25-34", 25, 34),
    band("35-44", 35, 44),
    band("45-54", 45, 54),
    band("55-64", 55, 64),
    band("65+", 65, 255),
];

pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Content taxonomies that share the ids of music since 2.0: 2.0, 2.1, 2.2, 3.0, 3.1.
const CONTENT: [i64; 5] = [2, 5, 6, 7, 9];

/// IAB Audience Taxonomy 1.1.
pub const AUDIENCE: i64 = 4;

/// All closed values, in the order of their ids.
pub fn closed() -> Vec<Word> {
    let mut words: Vec<Word> = Vec::with_capacity(4096);
    for day in DAYS {
        words.extend((0..24).map(|hour| Word::new(HourOfWeek, format!("{day} {hour:02}"))));
    }
    for day in ["weekday", "weekend"] {
        for part in ["early", "morning", "midday", "afternoon", "evening", "night"] {
            for how in ["often", "rarely"] {
                words.push(Word::new(Habit, format!("{day} {part} {how}")));
            }
        }
    }
    for (i, band) in AGE_BANDS.iter().enumerate() {
        let mut word = Word::new(Age, band.name);
        word.segments = age_segments(i).map(|id| (AUDIENCE, id.to_string())).collect();
        words.push(word);
    }
    listed(include_str!("words/closed.tsv"), &mut words);
    genres(Genre, &mut words);
    genres(TasteGenre, &mut words);
    countries(Country, &mut words);
    countries(HomeCountry, &mut words);
    languages(ContentLanguage, &mut words);
    languages(Language, &mut words);
    audience(&mut words);
    listed(include_str!("words/later.tsv"), &mut words);
    words
}

/// The nodes of the Audience Taxonomy's age ranges that lie within a band.
fn age_segments(band: usize) -> std::ops::RangeInclusive<u8> {
    const NODES: [(u8, u8); 9] =
        [(1, 0), (1, 0), (3, 3), (4, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 15)];
    NODES[band].0..=NODES[band].1
}

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split('\t').collect())
}

fn cell<'a>(row: &[&'a str], column: usize) -> &'a str {
    row.get(column).copied().unwrap_or_default()
}

fn split(cell: &str, by: char) -> Vec<String> {
    cell.split(by).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn some(cell: &str) -> Option<String> {
    (!cell.is_empty()).then(|| cell.to_owned())
}

fn listed(table: &'static str, words: &mut Vec<Word>) {
    for row in rows(table) {
        let Some(dimension) = Dimension::named(cell(&row, 0)) else { continue };
        let mut word = Word::new(dimension, cell(&row, 1));
        word.parent = some(cell(&row, 2));
        word.code = cell(&row, 3).parse().ok();
        word.aliases = split(cell(&row, 4), '|');
        let gender = match (dimension, cell(&row, 1)) {
            (Dimension::Gender, "female") => Some("49"),
            (Dimension::Gender, "male") => Some("50"),
            (Dimension::Gender, "non_binary") => Some("51"),
            _ => None,
        };
        word.segments.extend(gender.map(|id| (AUDIENCE, id.to_owned())));
        words.push(word);
    }
}

fn genres(dimension: Dimension, words: &mut Vec<Word>) {
    for row in rows(include_str!("words/genre.tsv")) {
        let mut word = Word::new(dimension, cell(&row, 0));
        word.parent = some(cell(&row, 1));
        word.aliases = split(cell(&row, 3), '|');
        if dimension == Genre {
            let ids = split(cell(&row, 2), ',');
            let of_taxonomy = |id: String| CONTENT.map(move |taxonomy| (taxonomy, id.clone()));
            word.segments = ids.into_iter().flat_map(of_taxonomy).collect();
        }
        words.push(word);
    }
}

fn countries(dimension: Dimension, words: &mut Vec<Word>) {
    for row in rows(include_str!("words/country.tsv")) {
        let mut word = Word::new(dimension, cell(&row, 0));
        word.aliases = split(cell(&row, 3), '|');
        word.aliases.extend([cell(&row, 1).to_owned(), cell(&row, 2).to_owned()]);
        words.push(word);
    }
}

fn languages(dimension: Dimension, words: &mut Vec<Word>) {
    for row in rows(include_str!("words/language.tsv")) {
        let mut word = Word::new(dimension, cell(&row, 0));
        word.aliases = split(cell(&row, 1), '|');
        words.push(word);
    }
}

/// The Audience Taxonomy: interests, purchase intent, and of demography what no dimension of its
/// own holds, as lifestyle. A value's text is its path (`music and audio > rock music`); its last
/// part alone names it too where only one value ends in it, and `iab:504` always does.
fn audience(words: &mut Vec<Word>) {
    let nodes: Vec<_> = rows(include_str!("words/audience.tsv")).collect();
    let by_id: HashMap<_, _> = nodes.iter().map(|row| (cell(row, 0), row)).collect();
    for row in &nodes {
        let mut path = vec![cell(row, 2)];
        let mut top = *row.first().unwrap_or(&"");
        let mut parent = cell(row, 1);
        while let Some(above) = by_id.get(parent) {
            path.insert(0, cell(above, 2));
            top = cell(above, 0);
            parent = cell(above, 1);
        }
        let dimension = match (top, path.get(1).copied()) {
            (_, None) | ("1", Some("Age Range" | "Gender" | "Language")) => continue,
            ("1", _) => Lifestyle,
            ("206", _) => Interest,
            _ => Intent,
        };
        if path.iter().any(|name| name.starts_with('*')) {
            continue; // a slot for extensions, not a value
        }
        let text = |path: &[&str]| path[1..].join(" > ").to_lowercase();
        let mut word = Word::new(dimension, text(&path));
        word.parent = (path.len() > 2).then(|| text(&path[..path.len() - 1]));
        word.aliases = vec![format!("iab:{}", cell(row, 0)), cell(row, 2).to_lowercase()];
        word.segments = vec![(AUDIENCE, cell(row, 0).to_owned())];
        words.push(word);
    }
}

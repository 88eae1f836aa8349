//! May listeners be known by this word? Special categories, and moments of distress by name.
//!
//! GDPR art. 9(1) and DSA art. 26(3): nobody is targeted by health, religion, politics, sexuality,
//! ethnicity, union membership, genes or biometrics. A word about the *person* that names one of
//! them is refused: in campaign files, where listeners are imported, and as the name of a list.
//! Closed values are decided one by one (`words/special.tsv`), with what stands below them; of
//! new words the terms decide (`words/terms.tsv`), through every disguise that
//! [`unmask`](super::unmask) knows. Cold: a value's verdict is found once, when it gets its id.
//!
//! What plays is no profile: genre, artist, album and playlist of the *content*, its app and its
//! publisher may be anything. A *taste* is one. `taste_artist` holds names of artists, which mean
//! nothing by their letters (Bad Religion); it is refused only what can be no artist: a word for a
//! group beside a word for people.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use super::unmask::{letters, readings};
use super::{Dimension, DistressMoment};

/// A special category of personal data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Category {
    Health,
    Religion,
    Politics,
    Sexuality,
    Ethnicity,
    Union,
    Genetic,
    Biometric,
}

impl Category {
    pub const ALL: [Category; 8] = [
        Category::Health,
        Category::Religion,
        Category::Politics,
        Category::Sexuality,
        Category::Ethnicity,
        Category::Union,
        Category::Genetic,
        Category::Biometric,
    ];

    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Category::Health => "health",
            Category::Religion => "religion",
            Category::Politics => "politics",
            Category::Sexuality => "sexuality",
            Category::Ethnicity => "ethnicity",
            Category::Union => "union",
            Category::Genetic => "genetic",
            Category::Biometric => "biometric",
        }
    }

    /// In the words of the law.
    pub const fn words(self) -> &'static str {
        match self {
            Category::Health => "health",
            Category::Religion => "religious or philosophical beliefs",
            Category::Politics => "political opinions",
            Category::Sexuality => "sex life or sexual orientation",
            Category::Ethnicity => "racial or ethnic origin",
            Category::Union => "trade-union membership",
            Category::Genetic => "genetic data",
            Category::Biometric => "biometric data",
        }
    }
}

/// Why nobody may be known or targeted by a word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Barred {
    Special(Category),
    /// Of a moment that the operator has not enabled; or of an enabled one by a word that is no
    /// moment, for which nobody can opt in.
    Distress(DistressMoment),
}

impl Barred {
    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Barred::Special(category) => category.label(),
            Barred::Distress(_) => "distress",
        }
    }

    pub const fn mend(self) -> &'static str {
        match self {
            Barred::Special(_) => "leave it out: target what plays (`genre`, `playlist`) instead",
            Barred::Distress(_) => {
                "leave it out, or use a mood that the operator enables in vocabulary.distress"
            }
        }
    }

    fn named(word: &str) -> Option<Barred> {
        let category = Category::ALL.into_iter().find(|category| category.label() == word);
        category.map(Barred::Special).or_else(|| DistressMoment::named(word).map(Barred::Distress))
    }
}

/// The rule, as faults name it.
impl fmt::Display for Barred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Barred::Special(category) => {
                write!(f, "{} (GDPR art. 9(1), DSA art. 26(3))", category.words())
            }
            Barred::Distress(moment) => {
                write!(f, "a moment of distress ({}), which is not enabled", moment.name())
            }
        }
    }
}

/// How a dimension's new words are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Look {
    /// Not at all: they tell of the content, the place or the sale.
    Content,
    /// Every word counts.
    Person,
    /// Behind the slash: the key before it is the advertiser's.
    List,
    /// A name: only as a whole.
    Name,
}

const fn look(dimension: Dimension) -> Look {
    match dimension {
        Dimension::Interest
        | Dimension::Lifestyle
        | Dimension::Intent
        | Dimension::TastePlaylist => Look::Person,
        Dimension::List | Dimension::Lookalike => Look::List,
        Dimension::TasteArtist => Look::Name,
        _ => Look::Content,
    }
}

/// Why a new word of this dimension is barred.
pub fn barred(dimension: Dimension, text: &str) -> Option<Barred> {
    let read = |text: &str, whole| readings(text).iter().find_map(|words| TERMS.find(words, whole));
    match look(dimension) {
        Look::Content => None,
        Look::Person => read(text, false),
        Look::List => read(text.split_once('/').map_or(text, |(_, list)| list), false),
        Look::Name => read(text, true),
    }
}

/// A closed value, by its name in a dimension or its id in the Audience Taxonomy.
pub fn closed_rows() -> impl Iterator<Item = (&'static str, &'static str, Barred)> {
    rows(include_str!("words/special.tsv"))
        .filter_map(|row| Some((*row.first()?, *row.get(1)?, Barred::named(row.get(2)?)?)))
}

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split('\t').collect())
}

static TERMS: LazyLock<Terms> = LazyLock::new(Terms::read);

/// One term: what follows one another.
struct Term {
    barred: Barred,
    words: Vec<Pattern>,
    /// Counts beside a word for people alone.
    weak: bool,
}

struct Pattern {
    letters: String,
    /// More letters may follow.
    begins: bool,
}

/// Words from so many letters on are found across gaps, and several words without gaps.
const SPLIT_MIN: usize = 6;
const JOINED_MIN: usize = 9;

struct Terms {
    terms: Vec<Term>,
    /// Terms by the first letters of their first word.
    by_start: HashMap<String, Vec<usize>>,
    /// What may stand anywhere in a word.
    within: Vec<(String, Barred)>,
    people: Vec<String>,
    except: Vec<Vec<String>>,
}

const START: usize = 2;

impl Terms {
    fn read() -> Terms {
        let mut terms = Terms {
            terms: Vec::new(),
            by_start: HashMap::new(),
            within: Vec::new(),
            people: Vec::new(),
            except: Vec::new(),
        };
        for row in rows(include_str!("words/terms.tsv")) {
            let (Some(kind), Some(all)) = (row.first(), row.get(1)) else { continue };
            for term in all.split('|') {
                match (*kind, Barred::named(kind)) {
                    ("people", _) => terms.people.push(letters(term)),
                    ("except", _) => terms.except.push(term.split(' ').map(letters).collect()),
                    (_, Some(barred)) => terms.add(term, barred),
                    _ => {}
                }
            }
        }
        terms
    }

    fn add(&mut self, term: &str, barred: Barred) {
        if let Some(within) = term.strip_prefix('*') {
            self.within.push((letters(within), barred));
            return;
        }
        let (term, weak) = term.strip_prefix('+').map_or((term, false), |term| (term, true));
        let words: Vec<Pattern> = term
            .split(' ')
            .map(|word| Pattern { letters: letters(word), begins: word.ends_with('*') })
            .collect();
        let start = words[0].letters.chars().take(START).collect();
        self.by_start.entry(start).or_default().push(self.terms.len());
        self.terms.push(Term { barred, words, weak });
    }

    /// `whole`: only where a term stands beside a word for people and the two are all there is.
    fn find(&self, words: &[String], whole: bool) -> Option<Barred> {
        let words = self.without_exceptions(words);
        if whole {
            return self.find_whole(&words);
        }
        (0..words.len()).find_map(|at| self.find_at(&words, at))
    }

    fn find_at(&self, words: &[String], at: usize) -> Option<Barred> {
        let one = &words[at];
        let within = || self.within.iter().find(|(part, _)| one.contains(part)).map(|hit| hit.1);
        // The word itself, and with what follows it: a word of two or three parts.
        let mut joined = String::new();
        for (parts, part) in words[at..].iter().take(3).enumerate() {
            joined.push_str(part);
            let hit = self.starting(&joined).find(|term| match (parts, &term.words[..]) {
                (0, _) => term
                    .follows(&words[at..])
                    .is_some_and(|len| !term.weak || self.has_people(words, at, len)),
                (_, [pattern]) => {
                    !term.weak && pattern.len() >= SPLIT_MIN && pattern.matches(&joined)
                }
                _ => false,
            });
            if let Some(term) = hit {
                return Some(term.barred);
            }
        }
        let run_together = self.starting(one).find(|term| term.is_run_together(one));
        run_together.map(|term| term.barred).or_else(within)
    }

    fn find_whole(&self, words: &[String]) -> Option<Barred> {
        (0..words.len()).find_map(|at| {
            let term = self.starting(&words[at]).find(|term| {
                let len = term.follows(&words[at..]);
                len.is_some_and(|len| {
                    let others = words[..at].iter().chain(&words[at + len..]);
                    let plural = words.len() == len && words[at].ends_with('s');
                    plural || (words.len() > len && others.clone().all(|word| self.is_people(word)))
                })
            });
            term.map(|term| term.barred)
        })
    }

    fn starting<'t>(&'t self, word: &str) -> impl Iterator<Item = &'t Term> {
        let start: String = word.chars().take(START).collect();
        let at = self.by_start.get(&start).map(Vec::as_slice).unwrap_or_default();
        at.iter().map(|&at| &self.terms[at])
    }

    fn has_people(&self, words: &[String], at: usize, len: usize) -> bool {
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        before.into_iter().chain(words.get(at + len)).any(|word| self.is_people(word))
    }

    fn is_people(&self, word: &str) -> bool {
        self.people.iter().any(|people| people == word)
    }

    fn without_exceptions(&self, words: &[String]) -> Vec<String> {
        let mut kept = Vec::with_capacity(words.len());
        let mut at = 0;
        while at < words.len() {
            let is_here = |except: &&Vec<String>| words[at..].starts_with(except);
            match self.except.iter().find(is_here) {
                Some(except) => at += except.len(),
                None => {
                    kept.push(words[at].clone());
                    at += 1;
                }
            }
        }
        kept
    }
}

impl Term {
    /// How many of the words it takes.
    fn follows(&self, words: &[String]) -> Option<usize> {
        let fits = words.len() >= self.words.len()
            && self.words.iter().zip(words).all(|(pattern, word)| pattern.matches(word));
        fits.then_some(self.words.len())
    }

    fn is_run_together(&self, word: &str) -> bool {
        let joined = || self.words.iter().map(|pattern| &*pattern.letters).collect::<String>();
        self.words.len() > 1 && word.len() >= JOINED_MIN && word.starts_with(&joined())
    }
}

impl Pattern {
    fn len(&self) -> usize {
        self.letters.len()
    }

    fn matches(&self, word: &str) -> bool {
        let Some(rest) = word.strip_prefix(&*self.letters) else { return false };
        self.begins || matches!(rest, "" | "s")
    }
}

#[cfg(test)]
#[path = "special_tests.rs"]
mod tests;

//! What is playing? The content of the request, as facts.
//!
//! Sets `genre`, `artist`, `album`, `playlist`, `mood`, `activity`, `content_language` and
//! `explicit` from `app.content` or `site.content` (§3.2.16). Music is not personal, so none of
//! it asks for permission; what the user's own data say of mood and activity is added by
//! [`listener`](super::listener), where it may. Called by `enrich` once per request; hot.

use crate::market::facts::Facts;
use crate::market::openrtb::request::{Content, Request};
use crate::market::vocabulary::{Dimension, Vocabulary};

use super::gathered::Gathered;
use super::hints::{self, Hint};

/// Content Taxonomy 3.1, the default of `gtax` (§3.2.16).
const GTAX_DEFAULT: i64 = 9;
/// Content Taxonomy 1.0, the default of `cattax` (§3.2.16).
const CATTAX_DEFAULT: i64 = 1;

pub fn set(request: &Request<'_>, vocabulary: &Vocabulary, facts: &mut Facts) {
    let mut found = Gathered::new(vocabulary);
    if let Some(content) = request.content() {
        genres(content, vocabulary, &mut found);
        artists(content, &mut found);
        if let Some(album) = content.album {
            found.add_word(Dimension::Album, album);
        }
        if let Some(language) = content.langb.or(content.language) {
            found.add_word(Dimension::ContentLanguage, language);
        }
        explicit(content, &mut found);
        let mut take = |hint| take_hint(hint, true, vocabulary, &mut found);
        hints::of_data(content.data, vocabulary, &mut take);
        hints::of_keywords(content.keywords, content.kwarray, &mut take);
    }
    // Of the app or the site only what is named outright is said of the moment.
    let mut take = |hint| take_hint(hint, false, vocabulary, &mut found);
    if let Some(app) = request.app.as_ref() {
        hints::of_keywords(app.keywords, app.kwarray, &mut take);
    }
    if let Some(site) = request.site.as_ref() {
        hints::of_keywords(site.keywords, site.kwarray, &mut take);
    }
    for dimension in [
        Dimension::Genre,
        Dimension::Artist,
        Dimension::Album,
        Dimension::Playlist,
        Dimension::Mood,
        Dimension::Activity,
        Dimension::ContentLanguage,
        Dimension::Explicit,
    ] {
        found.state(dimension, facts);
    }
}

/// A bare keyword counts where it is a mood (`bare`): "travel" or "work" as the subject of a
/// show does not say what the listener does.
fn take_hint(hint: Hint<'_>, bare: bool, vocabulary: &Vocabulary, found: &mut Gathered<'_>) {
    use Dimension::{Activity, Genre, Mood, Playlist};
    match hint {
        Hint::Value(dimension @ (Genre | Mood | Activity | Playlist), value) => {
            found.add(dimension, value);
        }
        Hint::Value(..) => {}
        Hint::Word(dimension, word) => {
            found.add_word(dimension, word);
        }
        Hint::Bare(word) if bare => {
            if let Some(value) = vocabulary.find(Mood, word) {
                found.add(Mood, value);
            }
        }
        Hint::Bare(_) => {}
    }
}

/// `genres` by `gtax`, `cat` by `cattax`, and the free text of `genre`. Of `cat` only what is a
/// genre says anything: a podcast about cars has no genre of music.
fn genres(content: &Content<'_>, vocabulary: &Vocabulary, found: &mut Gathered<'_>) {
    for id in content.genres {
        found.said(Dimension::Genre);
        match vocabulary.segment(content.gtax.unwrap_or(GTAX_DEFAULT), id) {
            Some((Dimension::Genre, value)) => found.add(Dimension::Genre, value),
            // Some senders write names where ids belong.
            _ => {
                found.add_word(Dimension::Genre, id);
            }
        }
    }
    for id in content.cat {
        let segment = vocabulary.segment(content.cattax.unwrap_or(CATTAX_DEFAULT), id);
        if let Some((Dimension::Genre, value)) = segment {
            found.add(Dimension::Genre, value);
        }
    }
    if let Some(text) = content.genre {
        split_word(Dimension::Genre, text, &[&[',', ';', '|'], &['/'], &['&', '+']], found);
    }
}

fn artists(content: &Content<'_>, found: &mut Gathered<'_>) {
    if let Some(text) = content.artist {
        split_word(Dimension::Artist, text, &[&[';', '|'], &[','], &['&', '/']], found);
    }
}

/// Looks the whole text up, then its parts between the first kind of separator, and so on down:
/// "R&B" and "Drum & Bass" are one genre, "Rock & Pop" are two.
fn split_word(dimension: Dimension, text: &str, separators: &[&[char]], found: &mut Gathered<'_>) {
    if found.add_word(dimension, text) {
        return;
    }
    let Some((first, finer)) = separators.split_first() else { return };
    if text.contains(*first) {
        text.split(*first).for_each(|part| split_word(dimension, part, finer, found));
    } else if !finer.is_empty() {
        split_word(dimension, text, finer, found);
    }
}

/// `contentrating` where it is one of the words below, else `qagmediarating` (AdCOM: 1 all
/// audiences, 2 everyone over twelve, 3 mature). A rating that is neither leaves it unknown, so
/// that a line which shuns explicit content is not shown beside it.
fn explicit(content: &Content<'_>, found: &mut Gathered<'_>) {
    const MATURE: [&str; 8] = ["mature", "adult", "r", "nc-17", "tv-ma", "ma", "18", "18+"];
    const MILD: [&str; 9] = ["everyone", "all", "g", "pg", "u", "tv-g", "tv-pg", "tv-y", "tv-y7"];
    let rating = content.contentrating.map_or("", str::trim_ascii);
    let is_of = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(rating));
    let word = match content.qagmediarating {
        _ if is_of(&MATURE) => "yes",
        _ if is_of(&MILD) => "no",
        _ if rating_is_known(rating) => rating,
        Some(3) => "yes",
        Some(1 | 2) => "no",
        _ => return,
    };
    found.add_word(Dimension::Explicit, word);
}

/// The words that the vocabulary itself has for it.
fn rating_is_known(rating: &str) -> bool {
    ["explicit", "clean", "yes", "no"].iter().any(|word| word.eq_ignore_ascii_case(rating))
}

#[cfg(test)]
mod tests;

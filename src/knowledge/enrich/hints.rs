//! What do segments and keywords hint at? Mood, activity, playlist and genre have no field of
//! their own in OpenRTB (openrtb-audio.md §1.6), so they come as segments of a taxonomy, as
//! segments under a telling name, or as keywords. Hot, allocates nothing.

use crate::market::openrtb::request::Data;
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

/// What was found, still to be judged by whoever asked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Hint<'a> {
    /// A segment that a taxonomy knows.
    Value(Dimension, ValueId),
    /// A word that somebody called a mood, an activity, a playlist or a genre.
    Word(Dimension, &'a str),
    /// A keyword that nobody called anything.
    Bare(&'a str),
}

/// `data[].segment[]` (§3.2.21, §3.2.22): by `ext.segtax` and id; else by the provider's name
/// (`data.name` "mood", then the segment's value, name or id); else by the segment's own name
/// (`name` "mood", `value` "happy") or a keyword in its value or name.
pub fn of_data<'a>(data: &[Data<'a>], vocabulary: &Vocabulary, take: &mut impl FnMut(Hint<'a>)) {
    for provider in data {
        let subject = provider.name.and_then(labelled);
        for segment in provider.segment {
            let known = provider.segtax.zip(segment.id);
            if let Some((dimension, value)) =
                known.and_then(|(tax, id)| vocabulary.segment(tax, id))
            {
                take(Hint::Value(dimension, value));
            } else if let Some(dimension) = subject {
                let words = [segment.value, segment.name, segment.id];
                let word = words.into_iter().flatten().find(|word| !word.trim_ascii().is_empty());
                word.into_iter().for_each(|word| take(Hint::Word(dimension, word)));
            } else if let Some(dimension) = segment.name.and_then(labelled) {
                let word = segment.value.or(segment.id);
                word.into_iter().for_each(|word| take(Hint::Word(dimension, word)));
            } else if let Some(hint) = segment.value.or(segment.name).and_then(keyed) {
                take(hint);
            }
        }
    }
}

/// `kwarray`, or `keywords` with commas (only one of the two is sent, §3.2.16): `mood=happy`,
/// `activity:running`, `playlist=morning coffee`, or bare words.
pub fn of_keywords<'a>(
    keywords: Option<&'a str>,
    kwarray: &[&'a str],
    take: &mut impl FnMut(Hint<'a>),
) {
    let listed = kwarray.iter().flat_map(|entry| entry.split(','));
    for word in listed.chain(keywords.into_iter().flat_map(|text| text.split(','))) {
        let word = word.trim_ascii();
        if !word.is_empty() {
            take(keyed(word).unwrap_or(Hint::Bare(word)));
        }
    }
}

fn keyed(word: &str) -> Option<Hint<'_>> {
    let at = word.find(['=', ':'])?;
    let dimension = labelled(&word[..at])?;
    Some(Hint::Word(dimension, word[at + 1..].trim_ascii())).filter(|_| at + 1 < word.len())
}

fn labelled(name: &str) -> Option<Dimension> {
    const LABELS: [(&str, Dimension); 8] = [
        ("mood", Dimension::Mood),
        ("moods", Dimension::Mood),
        ("activity", Dimension::Activity),
        ("activities", Dimension::Activity),
        ("playlist", Dimension::Playlist),
        ("playlists", Dimension::Playlist),
        ("genre", Dimension::Genre),
        ("genres", Dimension::Genre),
    ];
    let name = name.trim_ascii();
    LABELS.iter().find(|(label, _)| label.eq_ignore_ascii_case(name)).map(|&(_, d)| d)
}

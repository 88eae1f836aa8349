use std::sync::LazyLock;

use super::*;
use crate::market::openrtb::request::{App, Data, Segment, Site};

/// The facts of one dimension, as texts; `None` where it is unknown.
fn told(content: Content<'_>, dimension: Dimension) -> Option<Vec<String>> {
    let request = Request {
        app: Some(App { content: Some(content), ..App::default() }),
        ..Request::default()
    };
    of_request(&request, dimension)
}

fn of_request(request: &Request<'_>, dimension: Dimension) -> Option<Vec<String>> {
    static WORDS: LazyLock<Vocabulary> = LazyLock::new(|| {
        let mut vocabulary = Vocabulary::new();
        for (dimension, text) in [
            (Dimension::Artist, "Muse"),
            (Dimension::Artist, "Simon & Garfunkel"),
            (Dimension::Artist, "Tyler, The Creator"),
            (Dimension::Album, "Drones"),
            (Dimension::Playlist, "Morning Coffee"),
        ] {
            vocabulary.intern(dimension, text).unwrap();
        }
        vocabulary
    });
    let vocabulary = &*WORDS;
    let mut facts = Facts::new();
    set(request, vocabulary, &mut facts);
    let values = facts.get(dimension)?;
    Some(values.iter().map(|&value| vocabulary.text(value).to_owned()).collect())
}

fn assert_told(content: Content<'_>, dimension: Dimension, expected: Option<&[&str]>) {
    let found = told(content, dimension);
    let found: Option<Vec<&str>> =
        found.as_ref().map(|values| values.iter().map(String::as_str).collect());
    assert_eq!(found.as_deref(), expected, "{content:?}");
}

const NONE: Content<'static> = Content {
    id: None,
    title: None,
    series: None,
    artist: None,
    album: None,
    isrc: None,
    genre: None,
    gtax: None,
    genres: &[],
    cat: &[],
    cattax: None,
    context: None,
    contentrating: None,
    qagmediarating: None,
    keywords: None,
    kwarray: &[],
    livestream: None,
    len: None,
    language: None,
    langb: None,
    data: &[],
    network: None,
    channel: None,
};

#[test]
fn genres_come_as_ids_and_as_text() {
    for (content, expected) in [
        (NONE, None),
        (Content { genres: &["363"], ..NONE }, Some(&["rock"][..])),
        (Content { genres: &["366"], ..NONE }, Some(&["classic rock", "rock"])),
        // Names where ids belong, and ids of a taxonomy that we do not know.
        (Content { genres: &["Classic Rock"], ..NONE }, Some(&["classic rock", "rock"])),
        (Content { genres: &["363"], gtax: Some(777), ..NONE }, Some(&[])),
        (Content { genre: Some("Rock"), ..NONE }, Some(&["rock"])),
        (
            Content { genre: Some("Punk Rock, Dance Pop"), ..NONE },
            Some(&["punk", "rock", "dance pop", "pop"]),
        ),
        (Content { genre: Some("pop/rock"), ..NONE }, Some(&["pop", "rock"])),
        (Content { genre: Some("Rock & Pop"), ..NONE }, Some(&["rock", "pop"])),
        (Content { genre: Some("Rock; pop & Unheard Of"), ..NONE }, Some(&["rock", "pop"])),
        (Content { genre: Some("Gregorian Dubstep Polka"), ..NONE }, Some(&[])),
        (Content { cat: &["363"], cattax: Some(6), ..NONE }, Some(&["rock"])),
        // A show about cars has no genre of music.
        (Content { cat: &["IAB2"], ..NONE }, None),
    ] {
        assert_told(content, Dimension::Genre, expected);
    }
    for text in ["R&B", "Drum & Bass", "Hip-Hop"] {
        let whole = told(Content { genre: Some(text), ..NONE }, Dimension::Genre).unwrap();
        assert!(!whole.is_empty(), "{text} is one genre: {whole:?}");
    }
}

#[test]
fn artists_stand_alone_or_in_company() {
    for (artist, expected) in [
        ("muse", &["Muse"][..]),
        ("Simon & Garfunkel", &["Simon & Garfunkel"]),
        ("Tyler, The Creator", &["Tyler, The Creator"]),
        ("Muse; Somebody", &["Muse"]),
        ("Somebody, Muse", &["Muse"]),
        ("Somebody & Muse", &["Muse"]),
        ("Somebody", &[]),
    ] {
        assert_told(Content { artist: Some(artist), ..NONE }, Dimension::Artist, Some(expected));
    }
    assert_told(Content { album: Some("DRONES"), ..NONE }, Dimension::Album, Some(&["Drones"]));
}

#[test]
fn moods_come_by_segment_and_by_keyword() {
    const HAPPY: Segment<'static> = Segment { id: Some("7"), name: Some("Happy"), value: None };
    const KEYED: Segment<'static> = Segment { id: None, name: Some("mood"), value: Some("happy") };
    const WRITTEN: Segment<'static> = Segment { id: None, name: None, value: Some("mood=happy") };
    let named = [Data { name: Some("Mood"), segment: &[HAPPY], ..Data::default() }];
    let other = [Data { name: Some("acme"), segment: &[HAPPY], ..Data::default() }];
    let keyed = [Data { segment: &[KEYED], ..Data::default() }];
    let written = [Data { segment: &[WRITTEN], ..Data::default() }];
    for (content, expected) in [
        (Content { data: &named, ..NONE }, Some(&["happy"][..])),
        (Content { data: &keyed, ..NONE }, Some(&["happy"])),
        (Content { data: &written, ..NONE }, Some(&["happy"])),
        (Content { data: &other, ..NONE }, None),
        (Content { keywords: Some("summer,Happy , new"), ..NONE }, Some(&["happy"])),
        (Content { keywords: Some("mood=chill,mood:epic"), ..NONE }, Some(&["chill", "epic"])),
        (Content { kwarray: &["sad", "mood: dark"], ..NONE }, Some(&["sad", "dark"])),
        (Content { kwarray: &["mood=unheard-of"], ..NONE }, Some(&[])),
        (Content { kwarray: &["mood=", "=sad", "tempo=calm"], ..NONE }, None),
    ] {
        assert_told(content, Dimension::Mood, expected);
    }
}

#[test]
fn activities_and_playlists_are_named_outright() {
    let run = Content { keywords: Some("activity=Running,travel"), ..NONE };
    assert_told(run, Dimension::Activity, Some(&["running"]));
    let travel = Content { keywords: Some("travel,work,reading"), ..NONE };
    assert_told(travel, Dimension::Activity, None);
    let list = Content { kwarray: &["playlist=morning coffee"], ..NONE };
    assert_told(list, Dimension::Playlist, Some(&["Morning Coffee"]));
    let site = Request {
        site: Some(Site { keywords: Some("happy,activity=running"), ..Site::default() }),
        ..Request::default()
    };
    assert_eq!(of_request(&site, Dimension::Mood), None, "the site is not the song");
    assert_eq!(of_request(&site, Dimension::Activity), Some(vec!["running".to_owned()]));
}

#[test]
fn language_and_rating() {
    for (content, expected) in [
        (Content { language: Some("EN"), ..NONE }, Some(&["en"][..])),
        (Content { langb: Some("pt-BR"), language: Some("en"), ..NONE }, Some(&["pt"])),
        (Content { language: Some("tlh"), ..NONE }, Some(&[])),
        (NONE, None),
    ] {
        assert_told(content, Dimension::ContentLanguage, expected);
    }
    for (rating, qag, expected) in [
        (Some("Explicit"), None, Some(&["yes"][..])),
        (Some("clean"), Some(3), Some(&["no"])),
        (Some("TV-MA"), None, Some(&["yes"])),
        (Some("PG"), None, Some(&["no"])),
        (None, Some(3), Some(&["yes"])),
        (None, Some(2), Some(&["no"])),
        (None, Some(1), Some(&["no"])),
        (Some("PG-13"), Some(1), Some(&["no"])),
        (Some("PG-13"), None, None),
        (None, Some(9), None),
        (None, None, None),
    ] {
        let content = Content { contentrating: rating, qagmediarating: qag, ..NONE };
        assert_told(content, Dimension::Explicit, expected);
    }
}

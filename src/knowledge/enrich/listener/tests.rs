use super::*;
use crate::knowledge::audience::{GenerationBuilder, Segment as Known, encode};
use crate::market::openrtb::request::{Data, Geo, Regs, Segment, Uid};
use crate::market::privacy::{Policy, RegsDefault, Signals, permissions};

/// 2026-11-22T12:00:00Z
const NOW: Moment = Moment::from_unix_s(1_795_348_800);

fn allowed(full: bool) -> Permissions {
    let regs = Some(Regs { gdpr: Some(!full), ..Regs::default() });
    let request = Request { regs, ..Request::default() };
    let signals = Signals {
        request: &request,
        country: Some("USA"),
        gpc: false,
        absent: RegsDefault::Full,
        moment: NOW,
    };
    permissions(&signals, &Policy::default())
}

/// A profile of (dimension, word, confidence, seconds from now until it expires).
fn profile(vocabulary: &mut Vocabulary, known: &[(Dimension, &str, u8, i64)]) -> Vec<u8> {
    let mut segments: Vec<Known> = known
        .iter()
        .map(|&(dimension, word, confidence_pct, left_s)| Known {
            value: vocabulary.intern(dimension, word).unwrap(),
            confidence_pct,
            expires: NOW.plus_s(left_s),
        })
        .collect();
    let mut bytes = Vec::new();
    encode(&mut segments, &mut bytes).unwrap();
    bytes
}

/// Every fact that is known, as `dimension: word word`.
fn told(
    user: User<'_>,
    known: Option<&[(Dimension, &str, u8, i64)]>,
    full: bool,
    before: &[(Dimension, &str)],
) -> Vec<String> {
    let mut vocabulary = Vocabulary::new();
    let bytes = known.map(|known| profile(&mut vocabulary, known));
    let profile = bytes.as_ref().map(|b| Profile::checked(b, vocabulary.len()).unwrap());
    let request = Request { user: Some(user), ..Request::default() };
    let mut facts = Facts::new();
    for (dimension, word) in before {
        facts.set(*dimension, vocabulary.find(*dimension, word));
    }
    let config = Config::default();
    let permissions = allowed(full);
    let suppressed = Suppressed::NONE;
    let sources =
        Sources { request: &request, profile, permissions, suppressed, moment: NOW, config };
    set(&sources, &vocabulary, &mut facts);
    Dimension::all()
        .filter_map(|dimension| {
            let values = facts.get(dimension)?;
            let words: Vec<&str> = values.iter().map(|&value| vocabulary.text(value)).collect();
            Some(format!("{}: {}", dimension.name(), words.join(" ")))
        })
        .collect()
}

const USER: User<'static> = User {
    id: None,
    buyeruid: None,
    yob: None,
    gender: None,
    keywords: None,
    kwarray: &[],
    geo: None,
    data: &[],
    consent: None,
    eids: &[],
};

const EMPTY_PROFILE: [&str; 8] = [
    "taste_genre: ",
    "taste_artist: ",
    "taste_playlist: ",
    "habit: ",
    "interest: ",
    "lifestyle: ",
    "intent: ",
    "list: ",
];

fn without_empty(mut facts: Vec<String>) -> Vec<String> {
    facts.retain(|fact| !fact.ends_with(": "));
    facts
}

#[test]
fn the_key_is_found_where_the_row_says() {
    const OURS: [Uid<'static>; 2] =
        [Uid { id: None, atype: None }, Uid { id: Some("e1"), atype: Some(3) }];
    const ZERO: [Uid<'static>; 1] =
        [Uid { id: Some("00000000-0000-0000-0000-000000000000"), atype: None }];
    let eids = [
        Eid { source: Some("other.example"), uids: &[Uid { id: Some("x"), atype: None }] },
        Eid { source: Some("Interlude.Example"), uids: &ZERO },
        Eid { source: Some("interlude.example"), uids: &OURS },
    ];
    let plain = Exchange::standard("demo");
    let by_eid =
        Exchange { eid_sources: vec!["interlude.example".to_owned()], ..Exchange::standard("e") };
    let by_id = Exchange { user_id_is_ours: true, ..by_eid.clone() };
    let buyer = User { buyeruid: Some(" b1 "), id: Some("u1"), eids: &eids, ..USER };
    let blank = User { buyeruid: Some("0"), ..buyer };
    let only_id = User { id: Some("u1"), ..USER };
    for (user, row, expected) in [
        (USER, &by_id, None),
        (buyer, &by_id, Some("b1")),
        (blank, &plain, None),
        (blank, &by_eid, Some("e1")),
        (blank, &by_id, Some("e1")),
        (only_id, &plain, None),
        (only_id, &by_eid, None),
        (only_id, &by_id, Some("u1")),
    ] {
        let request = Request { user: Some(user), ..Request::default() };
        let nobody = Audience::empty();
        let found = key(&request, row, allowed(true), &nobody);
        assert_eq!(found, expected.map(ListenerKey::of), "{user:?}");
        assert_eq!(key(&request, row, allowed(false), &nobody), None);
    }
    assert_eq!(key(&Request::default(), &by_id, allowed(true), &Audience::empty()), None);
}

#[test]
fn the_first_id_that_is_known_names_the_listener() {
    const ONE: [Uid<'static>; 1] = [Uid { id: Some("e1"), atype: None }];
    const TWO: [Uid<'static>; 1] = [Uid { id: Some("e2"), atype: None }];
    let eids = [
        Eid { source: Some("two.example"), uids: &TWO },
        Eid { source: Some("One.Example"), uids: &ONE },
    ];
    let user = User { buyeruid: Some("b1"), id: Some("u1"), eids: &eids, ..USER };
    let request = Request { user: Some(user), ..Request::default() };
    let row = Exchange {
        eid_sources: vec!["one.example".to_owned(), "two.example".to_owned()],
        user_id_is_ours: true,
        ..Exchange::standard("demo")
    };
    let found = |links: &[(&str, &str)], profiles: &[&str]| {
        let mut builder = GenerationBuilder::default();
        for &(source, id) in links {
            builder.link(LinkKey::of(source, id), Some(ListenerKey::of("linked")));
        }
        for id in profiles {
            builder.add(ListenerKey::of(id), Profile::EMPTY);
        }
        let audience = Audience::of(builder.build());
        let found = key(&request, &row, allowed(true), &audience).unwrap();
        assert_eq!(key(&request, &row, allowed(false), &audience), None);
        let names = ["linked", "b1", "e1", "e2", "u1"];
        *names.iter().find(|name| ListenerKey::of(name) == found).unwrap()
    };
    assert_eq!(found(&[("demo", "b1")], &["e1"]), "linked");
    assert_eq!(found(&[("one.example", "e1")], &["b1"]), "b1", "the first that is known");
    assert_eq!(found(&[("one.example", "e1")], &["e2"]), "linked");
    assert_eq!(found(&[("two.example", "e2")], &["e1"]), "e1", "sources in the row's order");
    assert_eq!(found(&[("two.example", "e2")], &[]), "linked");
    assert_eq!(found(&[("demo", "u1")], &[]), "linked");
    assert_eq!(found(&[("other", "b1"), ("one.example", "e2"), ("two.example", "e1")], &[]), "b1");
    assert_eq!(found(&[], &["u1"]), "u1");
    assert_eq!(found(&[], &[]), "b1", "the first, where none is known");
}

#[test]
fn the_request_tells_of_the_person() {
    const SEGMENTS: [Segment<'static>; 3] = [
        Segment { id: Some("5"), name: None, value: None }, // 25-29
        Segment { id: Some("49"), name: None, value: None }, // female
        Segment { id: Some("3"), name: None, value: None }, // 18-20
    ];
    let data = [Data { segtax: Some(4), segment: &SEGMENTS, ..Data::default() }];
    let moods = [Data {
        name: Some("mood"),
        segment: &[Segment { id: None, name: Some("calm"), value: None }],
        ..Data::default()
    }];
    let home = Geo { country: Some("de"), ..Geo::default() };
    for (user, expected) in [
        (USER, &[][..]),
        (User { data: &data, ..USER }, &["age: 25-34", "gender: female"]),
        (User { yob: Some(1990), data: &data, ..USER }, &["age: 35-44", "gender: female"]),
        (User { gender: Some("M"), ..USER }, &["gender: male"]),
        (User { gender: Some("O"), ..USER }, &["gender: non_binary"]),
        (User { gender: Some("?"), ..USER }, &[]),
        (User { geo: Some(home), ..USER }, &["home_country: DEU"]),
        (User { data: &moods, ..USER }, &["mood: calm"]),
        (User { keywords: Some("activity=running,happy"), ..USER }, &["activity: running"]),
    ] {
        assert_eq!(told(user, None, true, &[]), expected, "{user:?}");
        assert_eq!(told(user, None, false, &[]), [""; 0], "not without permission");
    }
}

#[test]
fn an_age_at_the_edge_of_two_bands_is_unknown() {
    // In 2026: born 1990 is 35 or 36; 1991 is 34 or 35; 2001 is 24 or 25; 1961 is 64 or 65.
    for (yob, expected) in [
        (1990, Some("35-44")),
        (1991, None),
        (1992, Some("25-34")),
        (2001, None),
        (2002, Some("21-24")),
        (2005, None),
        (1961, None),
        (1950, Some("65+")),
        (1850, None),
        (0, None),
        (2026, None),
        (3000, None),
    ] {
        let vocabulary = Vocabulary::new();
        let band = age_band(yob, NOW, &vocabulary);
        assert_eq!(band.map(|band| vocabulary.text(band)), expected, "{yob}");
    }
}

#[test]
fn a_profile_that_was_read_knows_its_dimensions_as_empty() {
    let facts = told(USER, Some(&[]), true, &[]);
    let mut expected: Vec<&str> = EMPTY_PROFILE.to_vec();
    expected.push("lookalike: ");
    assert_eq!(facts, expected, "age, gender, language, home, mood and activity stay unknown");
    assert_eq!(told(USER, Some(&[]), false, &[]), [""; 0]);
}

#[test]
fn expired_and_unsure_segments_are_absent() {
    use Dimension::{Activity, Intent, Mood, TasteGenre};
    // Expiries are kept to the hour: 3,600 s ahead of a full hour is the next one.
    let known = [
        (TasteGenre, "punk", 90, 3600),
        (TasteGenre, "jazz", 90, 0),
        (TasteGenre, "folk", 49, 3600),
        (TasteGenre, "classical", 50, 3600),
        (Mood, "calm", 80, 3600),
        (Activity, "running", 80, -3600),
        (Intent, "buy a boat", 100, 3600),
    ];
    let facts = without_empty(told(USER, Some(&known), true, &[]));
    assert_eq!(
        facts,
        ["taste_genre: punk rock classical", "mood: calm", "intent: buy a boat"],
        "what implies another brings it along"
    );
    assert_eq!(told(USER, Some(&known), false, &[]), [""; 0], "mood is personal here too");
}

#[test]
fn the_table_says_who_is_heard() {
    use Dimension::{Age, Interest, Language, Mood, TasteGenre};
    let known = [
        (Age, "45-54", 100, 3600),
        (Language, "fr", 100, 3600),
        (Mood, "calm", 100, 3600),
        (Interest, "model railways", 100, 3600),
        (TasteGenre, "jazz", 100, 3600),
    ];
    let profile_alone = without_empty(told(USER, Some(&known), true, &[]));
    assert_eq!(
        profile_alone,
        [
            "taste_genre: jazz",
            "mood: calm",
            "age: 45-54",
            "language: fr",
            "interest: model railways"
        ]
    );
    // The request goes before the profile; interests of both are joined.
    let segments = [Segment { id: Some("504"), name: None, value: None }];
    let data = [Data { segtax: Some(4), segment: &segments, ..Data::default() }];
    let user = User { yob: Some(1990), data: &data, ..USER };
    let before = [(Mood, "happy"), (Language, "en")];
    let both = without_empty(told(user, Some(&known), true, &before));
    assert_eq!(both.len(), 5, "{both:?}");
    assert!(both.contains(&"mood: happy".to_owned()), "{both:?}");
    assert!(both.contains(&"age: 35-44".to_owned()), "{both:?}");
    assert!(both.contains(&"language: en".to_owned()), "{both:?}");
    let interests = both.iter().find(|fact| fact.starts_with("interest: ")).unwrap();
    assert!(interests.ends_with("model railways") && interests.len() > 30, "{interests}");
}

#[test]
fn a_profile_of_a_minor_is_left_alone() {
    use Dimension::{Age, TasteGenre};
    for (age, minor) in [("under 13", true), ("13-17", true), ("18-20", false)] {
        // Unsure and out of date is still enough.
        let known = [(Age, age, 10, -3600), (TasteGenre, "jazz", 100, 3600)];
        let mut vocabulary = Vocabulary::new();
        let bytes = profile(&mut vocabulary, &known);
        let read = Profile::checked(&bytes, vocabulary.len()).unwrap();
        assert_eq!(is_minor(read, &vocabulary), minor, "{age}");
        assert_eq!(told(USER, Some(&known), true, &[]).is_empty(), minor, "{age}");
    }
}

#[test]
fn what_is_refused_stays_unknown_whoever_would_tell() {
    let mut vocabulary = Vocabulary::new();
    let bytes = profile(
        &mut vocabulary,
        &[
            (Dimension::Mood, "calm", 100, 9_000),
            (Dimension::TasteArtist, "muse", 100, 9_000),
            (Dimension::Language, "de", 100, 9_000),
        ],
    );
    let profile = Some(Profile::checked(&bytes, vocabulary.len()).unwrap());
    let user = User { gender: Some("F"), keywords: Some("activity=running"), ..USER };
    let request = Request { user: Some(user), ..Request::default() };
    let known = |opted_out: OptOuts, said: &[(Dimension, &str)]| {
        let mut facts = Facts::new();
        for (dimension, word) in said {
            facts.set(*dimension, vocabulary.find(*dimension, word));
        }
        facts.set_place(crate::market::facts::Point::new(50.0, 8.0).unwrap());
        let suppressed = Suppressed { opted_out, ..Suppressed::NONE };
        let (permissions, config) = (narrowed(allowed(true), suppressed), Config::default());
        let sources =
            Sources { request: &request, profile, permissions, suppressed, moment: NOW, config };
        set(&sources, &vocabulary, &mut facts);
        facts
    };
    let content = [(Dimension::Mood, "energetic"), (Dimension::Genre, "rock")];
    let all = known(OptOuts::NONE, &[]);
    for kind in SignalKind::all() {
        let facts = known(OptOuts::NONE.with(kind), &content);
        for dimension in Dimension::all() {
            let refused = SignalKind::of(dimension) == Some(kind);
            let expected = if refused { None } else { all.get(dimension) };
            let of_content = matches!(dimension, Dimension::Genre | Dimension::Mood);
            if refused || !of_content {
                assert_eq!(facts.get(dimension).is_some(), expected.is_some(), "{dimension:?}");
            }
        }
        assert!(facts.get(Dimension::Genre).is_some(), "the music stays");
        assert_eq!(facts.place().is_none(), kind == SignalKind::Place);
    }
    let device =
        known(OptOuts::NONE.with(SignalKind::Demographics), &[(Dimension::Language, "en")]);
    let english: Vec<_> = vocabulary.find(Dimension::Language, "en").into_iter().collect();
    assert_eq!(device.get(Dimension::Language), Some(&english[..]), "the device's, not theirs");
    let none = known(OptOuts::ALL, &content);
    let left: Vec<_> = Dimension::all().filter(|&d| none.get(d).is_some()).collect();
    assert_eq!(left, [Dimension::Genre]);
}

#[test]
fn a_no_is_found_under_every_id_and_narrows() {
    let marks = crate::market::marks::Marks::new(&[7; 32]);
    let table = Suppression::empty(marks);
    let of = |kind| Suppressed { opted_out: OptOuts::NONE.with(kind), ..Suppressed::NONE };
    let (linked, link) = (ListenerKey::of("linked"), LinkKey::of("demo", "b1"));
    let minor = Suppressed { minor: true, ..Suppressed::NONE };
    let table = table.with(&[
        (table.mark(linked), of(SignalKind::Mood)),
        (table.mark(ListenerKey::of("b1")), of(SignalKind::Taste)),
        (table.mark_of_link(link), of(SignalKind::Place)),
        (table.mark(ListenerKey::of("child")), minor),
        (table.mark(ListenerKey::of("never")), Suppressed { opted_out: OptOuts::ALL, ..minor }),
    ]);
    let row = Exchange::standard("demo");
    let said = |id: &'static str, key| {
        let user = User { buyeruid: Some(id), ..USER };
        let request = Request { user: Some(user), ..Request::default() };
        suppressed(&request, &row, key, &table)
    };
    assert_eq!(said("b2", None), Suppressed::NONE);
    let both = said("b1", Some(linked)).opted_out;
    let kinds = [SignalKind::Mood, SignalKind::Place, SignalKind::Taste];
    assert!(both.kinds().eq(kinds), "{both:?}");
    let left = narrowed(allowed(true), said("b1", None));
    assert!(!left.may(Grant::PrecisePlace) && left.may(Grant::ReadProfile));
    assert_eq!(left.denial(), Some(Denial::OptedOut));
    let child = narrowed(allowed(true), said("child", None));
    assert_eq!((child.may(Grant::UseId), child.denial()), (false, Some(Denial::Minor)));
    let never = narrowed(allowed(true), said("never", None));
    assert!(!never.may(Grant::UseId) && never.may(Grant::Answer));
    assert_eq!(narrowed(allowed(true), Suppressed::NONE), allowed(true));
}

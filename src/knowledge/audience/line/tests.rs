use proptest::prelude::*;

use super::super::provider::{LegalBasis, ProviderRow};
use super::*;

fn acme() -> Providers {
    Providers::new(&[ProviderRow {
        key: "acme".to_owned(),
        name: "Acme Data".to_owned(),
        gvl_id: None,
        purposes: vec![1, 4],
        legal_basis: LegalBasis::Consent,
        cpm: "0.80".to_owned(),
        currency: "USD".to_owned(),
        dimensions: vec!["interest".to_owned()],
        max_age_days: 10,
    }])
}

const NOW: Moment = Moment::from_unix_s(1_795_348_800);

struct Rig {
    vocabulary: Vocabulary,
    providers: Providers,
    refused: Vec<(NewWord, String)>,
}

impl Rig {
    fn new() -> Rig {
        let mut vocabulary = Vocabulary::new();
        for (dimension, word) in [
            (Dimension::TasteArtist, "Muse"),
            (Dimension::Interest, "acme:auto"),
            (Dimension::List, "acme/vip"),
        ] {
            vocabulary.intern(dimension, word).unwrap();
        }
        Rig { vocabulary, providers: acme(), refused: Vec::new() }
    }

    fn known(&self) -> Known<'_> {
        let Rig { vocabulary, providers, refused } = self;
        Known { vocabulary, providers, now: NOW, refused }
    }

    fn read(&self, text: &str) -> Result<Vec<Change>, Vec<LineFault>> {
        let mut changes = Vec::new();
        let new = LineReader::new(self.known()).read(text, &mut changes)?;
        assert!(new.is_empty(), "{new:?}");
        Ok(changes)
    }

    fn faults(&self, text: &str) -> Vec<String> {
        let tell = |fault: LineFault| {
            let mend = fault.mend.clone().map(|mend| format!("; {mend}")).unwrap_or_default();
            format!("{}: {}: {}{mend}", fault.column(text), fault.path, fault.message)
        };
        self.read(text).unwrap_err().into_iter().map(tell).collect()
    }

    fn quickly(&self, text: &str) -> Option<Draft> {
        let mut draft = Draft::default();
        quick::read(text, &self.known(), &mut draft).then_some(draft)
    }

    fn carefully(&self, text: &str) -> Option<Draft> {
        let mut draft = Draft::default();
        careful::read(text, &self.known(), &mut draft).ok().map(|()| draft)
    }

    fn value(&self, dimension: Dimension, text: &str) -> ValueId {
        self.vocabulary.find(dimension, text).unwrap()
    }
}

fn key() -> ListenerKey {
    ListenerKey::of("l1")
}

#[test]
fn a_line_replaces_merges_removes_or_erases() {
    let rig = Rig::new();
    let calm = rig.value(Dimension::Mood, "calm");
    let segment = |pct| Segment { value: calm, confidence_pct: pct, expires: Segment::NEVER };
    let changes = rig.read(r#"{"id": " l1 ", "segments": {"mood": "calm"}}"#).unwrap();
    let mut profile = Vec::new();
    encode(&mut vec![segment(100)], &mut profile).unwrap();
    assert_eq!(changes, [Change::Put { key: key(), profile: profile.into() }]);
    let merged =
        r#"{"id":"l1","merge":true,"segments":{"mood":[{"value":"calm","confidence":0.256}]}}"#;
    let add = Change::Add { key: key(), segments: vec![segment(26)] };
    assert_eq!(rig.read(merged).unwrap(), std::slice::from_ref(&add));
    let both = r#"{"id":"l1","remove":{"mood":["calm"],"list":"nobody/none"},"segments":{"mood":
        {"value":"calm","confidence":0.26}}}"#;
    let remove = Change::Remove { key: key(), values: vec![calm] };
    assert_eq!(rig.read(both).unwrap(), [remove, add]);
    assert_eq!(rig.read(r#"{"id":"l1","erase":true}"#).unwrap(), [Change::Erase { key: key() }]);
    assert_eq!(rig.read(r#"{"id":"l1","merge":true}"#).unwrap(), []);
}

#[test]
fn a_line_names_the_listener_elsewhere() {
    let rig = Rig::new();
    let digest = "AB".repeat(32);
    let text = format!(
        r#"{{"id":"l1","merge":true,"ids":{{"demo":"d1","ids.example":["e1","e2"],
        "email_sha256":"{digest}"}}}}"#
    );
    let link = |source, id: &str| Change::Link { link: LinkKey::of(source, id), key: key() };
    let digest = digest.to_lowercase();
    let all = [("demo", "d1"), ("email_sha256", &digest), ("ids.example", "e1")];
    let mut expected: Vec<_> = all.iter().map(|(source, id)| link(source, id)).collect();
    expected.push(link("ids.example", "e2"));
    let mut changes = rig.read(&text).unwrap();
    let order = |change: &Change| expected.iter().position(|one| one == change);
    changes.sort_by_key(order);
    assert_eq!(changes, expected);
    let exported = format!(r#"{{"key":"{:032x}","merge":true,"links":["{:032x}"]}}"#, 7, 9);
    let (link, key) = (LinkKey(9), ListenerKey(7));
    assert_eq!(rig.read(&exported).unwrap(), [Change::Link { link, key }]);
}

#[test]
fn every_fault_is_told_with_its_place() {
    let rig = Rig::new();
    for (text, told) in [
        ("[]", "1: : a listener is an object, not a list"),
        (r#"{"id":"a"} x"#, "1: column 12: not JSON: trailing characters"),
        (r#"{"segments":{}}"#, "1: : no \"id\"; say whose profile this is"),
        (r#"{"key":"0"}"#, "1: key: a key is 32 hex digits, as an export writes it"),
        (
            r#"{"id":"a","segments":{"mood":["energtic"]}}"#,
            "31: segments.mood[0]: unknown mood \"energtic\"; did you mean \"energetic\"?",
        ),
        (
            r#"{"id":"a","age":"25-34","segments":{"age":["35-44"]}}"#,
            "1: segments.age[0]: a listener has one age",
        ),
        (r#"{"id":"a","merge":1}"#, "1: merge: \"merge\" is true or false, not a number"),
        (
            r#"{"id":"a","merge":false,"remove":{}}"#,
            "1: merge: a line that removes keeps the rest; leave \"merge\" out: what is not named \
             stays",
        ),
        (
            r#"{"id":"a","erase":true,"age":"25-34"}"#,
            "1: erase: a line that erases says nothing else, not \"age\"; write what follows on a \
             line of its own",
        ),
        (
            r#"{"id":"a","remove":{"mood":["clam"]}}"#,
            "29: remove.mood[0]: unknown mood \"clam\"; did you mean \"calm\"?",
        ),
        (
            r#"{"id":"a","ids":{"email_sha256":"a@b.example"}}"#,
            "1: ids.email_sha256: a SHA-256 is 64 hex digits",
        ),
        (r#"{"id":"a","ids":{"demo":[1]}}"#, "1: ids.demo[0]: an id is a text"),
        (
            r#"{"id":"a","segments":{"interest":["acne:auto"]}}"#,
            "35: segments.interest[0]: \"acne\" is no registered provider; did you mean \"acme\"?",
        ),
        (
            r#"{"id":"a","segments":{"interest":["zebra:auto"]}}"#,
            "35: segments.interest[0]: \"zebra\" is no registered provider; register it as \
             [[audience.providers]] in the config",
        ),
        (
            r#"{"id":"a","segments":{"intent":["acme:auto"]}}"#,
            "33: segments.intent[0]: \"acme\" may not set intent; it may set interest",
        ),
        (
            r#"{"id":"a","segments":{"interest":["iab:99999"]}}"#,
            "35: segments.interest[0]: the IAB Audience Taxonomy has no \"iab:99999\" of interest",
        ),
    ] {
        assert_eq!(rig.faults(text), [told], "{text}");
    }
    let two = rig.faults(r#"{"id":"","sgments":{},"gender":"qq"}"#);
    assert_eq!(two.len(), 3, "{two:?}");
}

#[test]
fn what_third_parties_say_holds_for_their_time_only() {
    let rig = Rig::new();
    let expires = |said: &str| {
        let text = format!(
            r#"{{"id":"l1","merge":true,"segments":{{"interest":[{{"value":"acme:auto",
            "expires":{said}}}]}}}}"#
        );
        let Ok([Change::Add { segments, .. }]) = rig
            .read(&text)
            .as_deref()
            .map(|c| c.to_owned())
            .map(|changes| <[Change; 1]>::try_from(changes).unwrap())
        else {
            panic!("{text}")
        };
        segments[0].expires
    };
    assert_eq!(expires("null"), NOW.plus_s(10 * 86_400));
    assert_eq!(expires("1795350000"), Moment::from_unix_s(1_795_350_000));
    assert_eq!(expires("\"2099-01-01T00:00:00Z\""), NOW.plus_s(10 * 86_400));
}

#[test]
fn new_words_are_asked_for_once_and_told_where_they_got_no_id() {
    let mut rig = Rig::new();
    let text = r#"{"id":"l1","segments":{"taste_artist":["Muse","Bj\u00f6rk"],"mood":["calm"]}}"#;
    let mut changes = Vec::new();
    let new = LineReader::new(rig.known()).read(text, &mut changes).unwrap();
    let word = NewWord { dimension: Dimension::TasteArtist, text: "Björk".to_owned() };
    assert_eq!((new.as_slice(), changes.as_slice()), (&[word.clone()][..], &[][..]));
    rig.refused.push((word.clone(), "the vocabulary is full".to_owned()));
    let told = "1: segments.taste_artist[1]: \"Björk\" cannot be a value: the vocabulary is full";
    assert_eq!(rig.faults(text), [told]);
    rig.vocabulary.intern(word.dimension, &word.text).unwrap();
    assert_eq!(rig.read(text).unwrap().len(), 1);
}

/// Lines of all kinds, most of them right.
fn lines() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        8 => prop::sample::select(vec![
            "calm", "rock", "Muse", "25-34", "female", "en", "acme:auto", "New Band", "acme/vip",
            "iab:504", "USA", "B\\u00f6",
        ]),
        1 => prop::sample::select(vec!["energtic", "zebra:x", "", " "]),
    ];
    let expires = prop_oneof![
        Just("null"),
        Just("0"),
        Just("1795350000"),
        Just("-1"),
        Just("1.5"),
        Just("\"x\""),
        Just("\"2027-01-01T00:00:00Z\""),
        Just("\"2027-01-01T00:00:00+02:00\""),
    ];
    let confidence =
        prop_oneof![Just("null"), Just("1"), Just("0.5"), Just("0.001"), Just("0"), Just("\"1\"")];
    let value = prop_oneof![
        word.clone().prop_map(|word| format!("\"{word}\"")),
        (word.clone(), confidence, expires).prop_map(|(word, confidence, expires)| format!(
            r#"{{"value":"{word}","confidence":{confidence},"expires":{expires}}}"#
        )),
    ];
    let values = prop_oneof![
        value.clone(),
        prop::collection::vec(value, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
        Just("null".to_owned()),
    ];
    let names: Vec<&str> = PROFILE_DIMENSIONS.iter().map(|dimension| dimension.name()).collect();
    let segments = prop::collection::btree_map(prop::sample::select(names), values.clone(), 0..4)
        .prop_map(|map| {
            let all: Vec<_> =
                map.iter().map(|(name, values)| format!("\"{name}\":{values}")).collect();
            format!("{{{}}}", all.join(","))
        });
    let field = prop_oneof![
        6 => segments.prop_map(|segments| ("segments".to_owned(), segments)),
        3 => values.prop_map(|values| ("age".to_owned(), values)),
        1 => Just(("merge".to_owned(), "true".to_owned())),
        1 => Just(("merge".to_owned(), "false".to_owned())),
        1 => Just(("erase".to_owned(), "true".to_owned())),
        1 => word.clone().prop_map(|word| {
            ("remove".to_owned(), format!("{{\"mood\":[\"{word}\"],\"taste_artist\":\"{word}\"}}"))
        }),
        1 => word.prop_map(|word| ("ids".to_owned(), format!("{{\"demo\":[\"{word}\"]}}"))),
        1 => Just(("links".to_owned(), format!("\"{:032x}\"", 5))),
    ];
    let who = prop_oneof![
        8 => Just("\"id\":\"l1\"".to_owned()),
        1 => Just(format!("\"key\":\"{:032x}\"", 5)),
        1 => Just("\"x\":1".to_owned()),
    ];
    (who, prop::collection::vec(field, 0..4)).prop_map(|(who, fields)| {
        let mut seen = std::collections::BTreeMap::new();
        seen.extend(fields);
        let more: String =
            seen.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
        format!("{{{who}{more}}}")
    })
}

proptest! {
    #[test]
    fn a_quick_reading_means_what_a_careful_one_does(text in lines()) {
        let rig = Rig::new();
        let (quickly, carefully) = (rig.quickly(&text), rig.carefully(&text));
        // Fields come in another order from a tree.
        let sorted = |mut draft: Draft| {
            draft.segments.sort_by_key(|s| (s.value, s.confidence_pct, s.expires));
            draft.removed.sort();
            draft.links.sort();
            draft.new.sort_by(|a, b| (a.dimension, &a.text).cmp(&(b.dimension, &b.text)));
            draft
        };
        prop_assert_eq!(quickly.map(sorted), carefully.map(sorted), "{}", text);
    }

    #[test]
    fn any_text_is_read_to_an_end(text in "\\PC*") {
        let rig = Rig::new();
        prop_assert!(rig.quickly(&text).is_none() || rig.carefully(&text).is_some());
    }
}

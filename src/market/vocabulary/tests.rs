//! Do words, ids, taxonomies and ancestors hold what the vocabulary promises?

use super::*;
use Dimension::*;

fn id(vocabulary: &Vocabulary, dimension: Dimension, text: &str) -> ValueId {
    vocabulary.find(dimension, text).unwrap_or_else(|| panic!("{} {text}", dimension.name()))
}

#[test]
fn other_names_find_the_value() {
    let vocabulary = Vocabulary::new();
    for (dimension, spellings) in [
        (Genre, ["hip hop", "Hip-Hop", "HIPHOP", "rap"].as_slice()),
        (Genre, &["drum and bass", "Drum & Bass", "dnb", "drum'n'bass"]),
        (Genre, &["r&b", "R'n'B", "rnb", "R&B/Soul"]),
        (TasteGenre, &["electronic", "Electronica"]),
        (Activity, &["workout", "gym", "Working Out"]),
        (Gender, &["female", "F", "woman"]),
        (Gender, &["non_binary", "O", "non-binary"]),
        (Country, &["DEU", "de", "Germany"]),
        (HomeCountry, &["GBR", "gb", "UK", "united kingdom"]),
        (Os, &["ios", "iOS", "iPhone OS", "iPadOS"]),
        (Os, &["macos", "Mac OS X", "OSX"]),
        (ContentLanguage, &["en", "en-US", "eng", "English"]),
        (Connection, &["wifi", "Wi-Fi", "WLAN"]),
        (BreakPosition, &["mid", "mid-roll"]),
        (HourOfWeek, &["mon 06", "Mon-06"]),
        (Age, &["18-20", "18 20"]),
        (Interest, &["music and audio > rock music", "iab:504", "Music and Audio/Rock Music"]),
    ] {
        let first = id(&vocabulary, dimension, spellings[0]);
        assert_eq!(vocabulary.dimension(first), dimension);
        for spelling in spellings {
            assert_eq!(vocabulary.find(dimension, spelling), Some(first), "{spelling}");
        }
    }
    assert_eq!(vocabulary.find(Genre, "gym"), None);
    assert_eq!(vocabulary.find(Mood, ""), None);
}

#[test]
fn every_closed_value_is_found_by_its_own_name() {
    let vocabulary = Vocabulary::new();
    let closed = (Dimension::COUNT as u32..OPEN_START).map(ValueId);
    for value in closed.filter(|&value| !vocabulary.text(value).is_empty()) {
        let dimension = vocabulary.dimension(value);
        assert_eq!(vocabulary.find(dimension, vocabulary.text(value)), Some(value));
    }
}

#[test]
fn children_know_their_ancestors() {
    let vocabulary = Vocabulary::new();
    let parents = |dimension, text| {
        let value = id(&vocabulary, dimension, text);
        vocabulary.parents(value).map(|p| vocabulary.text(p).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(parents(Genre, "pop punk"), ["punk", "rock"]);
    assert_eq!(parents(TasteGenre, "deep house"), ["house", "dance", "electronic"]);
    assert_eq!(parents(Genre, "rock"), [""; 0]);
    assert_eq!(parents(Device, "phone"), ["mobile"]);
    assert_eq!(parents(Interest, "iab:505"), ["music and audio > rock music", "music and audio"]);
}

#[test]
fn taxonomies_meet_our_words() {
    let vocabulary = Vocabulary::new();
    let segment = |taxonomy: i64, id: &str| {
        let (dimension, value) = vocabulary.segment(taxonomy, id)?;
        Some((dimension, vocabulary.text(value)))
    };
    for taxonomy in [2, 5, 6, 7, 9] {
        assert_eq!(segment(taxonomy, "355"), Some((Genre, "hip hop")));
        assert_eq!(segment(taxonomy, "377"), Some((Genre, "urban contemporary")));
    }
    // Every node below "Music" of the taxonomy 3.1 has a genre; "Music" itself says none.
    for id in (339..=369).chain([377, 378]) {
        let found = segment(9, &id.to_string());
        assert!(matches!(found, Some((Genre, _))), "{id}");
    }
    assert_eq!(segment(9, "338"), None);
    assert_eq!(segment(1, "IAB1-6"), None);
    assert_eq!(segment(4, "3"), Some((Age, "18-20")));
    assert_eq!(segment(4, "6"), Some((Age, "25-34")));
    assert_eq!(segment(4, "15"), Some((Age, "65+")));
    assert_eq!(segment(4, "49"), Some((Gender, "female")));
    assert_eq!(segment(4, "52"), None);
    assert_eq!(segment(4, "504"), Some((Interest, "music and audio > rock music")));
    assert_eq!(segment(4, "766"), Some((Intent, "apps > music apps")));
    assert!(matches!(segment(4, "36"), Some((Lifestyle, _))));
    assert_eq!(segment(4, "1"), None);
    assert_eq!(segment(4, "nonsense"), None);
}

#[test]
fn a_vendors_segment_means_what_the_config_says() {
    let row = |value: &str| crate::market::vocabulary::SegmentRow {
        segtax: 800,
        id: "a-1".to_owned(),
        dimension: "activity".to_owned(),
        value: value.to_owned(),
    };
    let config = Config { segments: vec![row("jogging")], ..Config::default() };
    let vocabulary = Vocabulary::with(&config);
    let running = id(&vocabulary, Activity, "running");
    assert_eq!(vocabulary.segment(800, "a-1"), Some((Activity, running)));
    assert!(Vocabulary::segment_faults(&config).is_empty());
    let config = Config { segments: vec![row("flying")], ..Config::default() };
    assert_eq!(Vocabulary::segment_faults(&config), [(0, "unknown activity `flying`".into())]);
}

#[test]
fn codes_hours_and_years_have_values() {
    let vocabulary = Vocabulary::new();
    let text = |value: Option<ValueId>| value.map(|value| vocabulary.text(value));
    assert_eq!(text(vocabulary.coded(Feed, 3)), Some("podcast"));
    assert_eq!(text(vocabulary.coded(Device, 4)), Some("phone"));
    assert_eq!(text(vocabulary.coded(Connection, 6)), Some("4g"));
    assert_eq!(text(vocabulary.coded(Connection, 60)), None);
    for (hour, name) in [(0, "mon 00"), (30, "tue 06"), (167, "sun 23")] {
        assert_eq!(vocabulary.text(vocabulary.hour_of_week(hour)), name);
    }
    for (years, name) in
        [(0, "under 13"), (12, "under 13"), (13, "13-17"), (34, "25-34"), (65, "65+"), (255, "65+")]
    {
        assert_eq!(vocabulary.text(vocabulary.age(years)), name, "{years}");
        assert_eq!(vocabulary.dimension(vocabulary.age(years)), Age);
    }
}

#[test]
fn open_values_are_appended_and_bounded() {
    let config = Config { values_max: OPEN_START + 2, text_max: 8, ..Config::default() };
    let mut vocabulary = Vocabulary::with(&config);
    let muse = vocabulary.intern(Artist, "Muse").unwrap();
    assert_eq!(muse.0, OPEN_START);
    assert_eq!(vocabulary.intern(Artist, " MUSE "), Ok(muse));
    assert_eq!(vocabulary.intern(Album, "Absolution"), Err(InternFault::Long(8)));
    assert_eq!(vocabulary.intern(Album, "--"), Err(InternFault::Blank));
    assert_eq!(vocabulary.intern(Album, "a\tb"), Err(InternFault::Blank));
    assert_eq!(vocabulary.intern(Mood, "grim"), Err(InternFault::Closed(Mood)));
    assert!(vocabulary.intern(Album, "muse").is_ok());
    assert!(matches!(vocabulary.intern(Album, "more"), Err(InternFault::Full(_))));
}

#[test]
fn a_misspelt_word_is_guessed() {
    let vocabulary = Vocabulary::new();
    assert_eq!(vocabulary.suggest(Mood, "energtic"), Some("energetic"));
    assert_eq!(vocabulary.suggest(Genre, "hiphopp"), Some("hip hop"));
    assert_eq!(vocabulary.suggest(Country, "Germny"), Some("DEU"));
    assert_eq!(vocabulary.suggest(Mood, "xylophone"), None);
}

/// Profiles on disk hold these ids: a closed value may be added in `later.tsv`, never moved.
#[test]
fn closed_ids_never_change() {
    let vocabulary = Vocabulary::new();
    let mut lines = String::new();
    for value in (0..OPEN_START).map(ValueId) {
        if !vocabulary.text(value).is_empty() {
            let name = vocabulary.dimension(value).name();
            lines += &format!("{}\t{name}\t{}\n", value.0, vocabulary.text(value));
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/vocabulary/closed.tsv");
    if std::env::var_os("GOLDEN_WRITE").is_some() {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, &lines).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    assert!(lines.starts_with(&golden), "a closed value moved; append to words/later.tsv");
    assert_eq!(lines.len(), golden.len(), "pin the new values: GOLDEN_WRITE=1");
}

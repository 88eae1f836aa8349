use std::io::Cursor;

use super::super::retention::Retention;
use super::super::{Purpose, Segment, Stand};
use super::*;
use crate::base::units::ids::ListenerKey;
use crate::market::vocabulary::{self, Dimension};

struct Rig {
    folder: tempfile::TempDir,
    intake: Intake,
    config: Config,
}

fn started(folder: &Path, config: &Config) -> Intake {
    Stand::open(folder, &Default::default(), config).unwrap().alone(config).unwrap()
}

impl Rig {
    fn new() -> Rig {
        // Nothing ends by itself here.
        Rig::with(Config { retention: Retention::NONE, ..Config::default() })
    }

    fn with(config: Config) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let intake = started(folder.path(), &config);
        Rig { folder, intake, config }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join(vocabulary::FILE)
    }

    fn import(&self, bytes: &[u8], strict: bool) -> Result<Report, ImportFault> {
        let import = Import { intake: &self.intake, config: &self.config };
        let (file, mut source) = (Path::new("listeners.jsonl"), Cursor::new(bytes));
        if strict {
            let text = Text { file, source: &mut source, progress: &mut |_| () };
            let report = import.check(text)?;
            if report.refused {
                return Ok(report);
            }
            source.set_position(0);
        }
        let report = import.run(Text { file, source: &mut source, progress: &mut |_| () });
        self.intake.seal().unwrap();
        report
    }

    /// `dimension value confidence` of one listener, as text.
    fn known(&self, id: &str) -> Option<Vec<String>> {
        let (audience, vocabulary) = (self.intake.audience(), self.intake.words().snapshot());
        let profile = audience.profile_for(Purpose::Upkeep, ListenerKey::of(id))?;
        let tell = |segment: Segment| {
            let dimension = vocabulary.dimension(segment.value).name();
            let text = vocabulary.text(segment.value);
            let until = match segment.never_expires() {
                true => String::new(),
                false => format!(" until {}", segment.expires.unix_s()),
            };
            format!("{dimension} {text} {}{until}", segment.confidence_pct)
        };
        let mut known: Vec<String> = profile.segments().map(tell).collect();
        known.sort();
        Some(known)
    }
}

fn one_line(text: &str) -> Vec<u8> {
    text.replace('\n', " ").into_bytes()
}

fn faults(report: &Report) -> Vec<String> {
    report.faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_line_says_all_that_is_known_of_a_listener() {
    let rig = Rig::new();
    let report = rig
        .import(
            &one_line(
                r#"{"id": "listener-1", "age": "25-34", "gender": "f", "language": ["en", "fr"],
                 "home_country": "USA", "segments": {"taste_genre":
                 [{"value": "rock", "confidence": 0.9, "expires": "2027-01-01T00:00:00Z"}, "jazz"],
                 "mood": "energetic", "taste_artist": ["Muse"], "list": []}}"#,
            ),
            false,
        )
        .unwrap();
    assert_eq!((report.lines, report.listeners, report.bad_lines), (1, 1, 0), "{report:?}");
    assert_eq!(report.new_values, 1);
    let known = rig.known("listener-1").unwrap();
    assert_eq!(
        known,
        [
            "age 25-34 100",
            "gender female 100",
            "home_country USA 100",
            "language en 100",
            "language fr 100",
            "mood energetic 100",
            "taste_artist Muse 100",
            "taste_genre jazz 100",
            "taste_genre rock 90 until 1798761600",
        ]
    );
}

#[test]
fn a_bad_line_harms_only_itself() {
    let rig = Rig::new();
    rig.import(br#"{"id":"b","segments":{"mood":["calm"]}}"#, false).unwrap();
    let text = concat!(
        r#"{"id":"a","segments":{"mood":["happy"]}}"#,
        "\n\n",
        r#"{"id":"b","segments":{"taste_artist":["Never Seen"],"mood":["energtic"]}}"#,
        "\r\n",
        r#"{"id":"c","gender":"f"}"#,
    );
    let report = rig.import(text.as_bytes(), false).unwrap();
    assert_eq!((report.lines, report.listeners, report.bad_lines), (3, 2, 1));
    let expected = "listeners.jsonl:3:61: segments.mood[0]: unknown mood \"energtic\"; \
                    did you mean \"energetic\"?";
    assert_eq!(faults(&report), [expected]);
    assert_eq!(rig.known("a").unwrap(), ["mood happy 100"]);
    assert_eq!(rig.known("b").unwrap(), ["mood calm 100"], "what stood before stays");
    assert_eq!(rig.known("c").unwrap(), ["gender female 100"]);
    assert_eq!(rig.intake.words().snapshot().find(Dimension::TasteArtist, "Never Seen"), None);
}

#[test]
fn strict_imports_nothing_if_anything_is_bad() {
    let rig = Rig::new();
    let text =
        b"{\"id\":\"a\",\"segments\":{\"list\":[\"crm\"]}}\n{\"id\":\"b\",\"age\":\"old\"}\n";
    let report = rig.import(text, true).unwrap();
    assert!(report.refused);
    assert_eq!((report.listeners, report.new_values), (0, 0));
    assert!(rig.intake.audience().is_empty());
    assert_eq!(std::fs::read(rig.log()).unwrap(), b"");
    let rig = Rig::new();
    let report = rig.import(&text[..text.len() / 2 - 3], true).unwrap();
    assert_eq!((report.refused, report.bad_lines), (true, 1));
    let report = rig.import(b"{\"id\":\"a\",\"segments\":{\"list\":[\"crm\"]}}", true).unwrap();
    assert_eq!((report.refused, report.listeners), (false, 1));
    assert_eq!(rig.known("a").unwrap(), ["list crm 100"]);
}

#[test]
fn every_fault_tells_its_place_and_its_mend() {
    let table: &[(&str, &[&str])] = &[
        ("nonsense", &[":1:1: column 2: not JSON: expected ident"]),
        ("[1]", &[":1:1: a listener is an object, not a list"]),
        ("{}", &[":1:1: no \"id\"; say whose profile this is"]),
        (r#"{"id":" "}"#, &[":1:1: id: an id is a text of 1 to 512 bytes"]),
        (r#"{"id":7}"#, &[":1:1: id: an id is a text of 1 to 512 bytes"]),
        (
            r#"{"id":"a","gendr":"f"}"#,
            &[":1:11: unknown field \"gendr\"; did you mean \"gender\"?"],
        ),
        (
            r#"{"id":"a","mood":["calm"]}"#,
            &[":1:11: unknown field \"mood\"; put it into \"segments\": {\"mood\": […]}"],
        ),
        (
            r#"{"id":"a","segments":{"moood":["calm"],"country":["USA"]}}"#,
            &[
                ":1:40: segments.country: \"country\" is not kept in profiles",
                ":1:23: segments.moood: unknown dimension \"moood\"; did you mean \"mood\"?",
            ],
        ),
        (r#"{"id":"a","segments":[]}"#, &[":1:1: segments: segments are an object of lists"]),
        (r#"{"id":"a","age":["18-20","21-24"]}"#, &[":1:1: age[1]: a listener has one age"]),
        (
            r#"{"id":"a","segments":{"mood":[7]}}"#,
            &[":1:1: segments.mood[0]: a value is a text, or an object"],
        ),
        (
            r#"{"id":"a","segments":{"mood":[{"value":"calm","confidence":90,"expires":"soon"}]}}"#,
            &[
                ":1:1: segments.mood[0].confidence: confidence 90 is not above 0 and at most 1; \
                 for 90 % write 0.9",
                ":1:1: segments.mood[0].expires: \"soon\" is no moment; write it like 2027",
            ],
        ),
        (
            r#"{"id":"a","segments":{"mood":[{"value":"calm","confidnce":1}]}}"#,
            &[":1:1: segments.mood[0]: unknown field \"confidnce\"; did you mean \"confidence\"?"],
        ),
        (
            r#"{"id":"a","segments":{"list":["  "]}}"#,
            &[":1:31: segments.list[0]: \"  \" cannot be a value: a value needs at least"],
        ),
    ];
    for (line, expected) in table {
        let rig = Rig::new();
        let report = rig.import(line.as_bytes(), false).unwrap();
        let told = faults(&report);
        assert_eq!(told.len(), expected.len(), "{line}: {told:?}");
        for (told, expected) in told.iter().zip(*expected) {
            let expected = format!("listeners.jsonl{expected}");
            assert!(told.starts_with(&expected), "{line}\n told {told}\n want {expected}");
        }
        assert_eq!((report.bad_lines, report.listeners), (1, 0));
    }
}

#[test]
fn limits_hold() {
    let rig = Rig::with(Config {
        line_max_bytes: 60,
        listeners_max: 3,
        batch: 2,
        faults_max: 2,
        ..Config::default()
    });
    let long = format!("{{\"id\":\"{}\"}}\n{{\"id\":\"short\"}}\n", "x".repeat(80));
    let report = rig.import(long.as_bytes(), false).unwrap();
    assert_eq!((report.lines, report.bad_lines, report.listeners), (2, 1, 1));
    assert_eq!(faults(&report), ["listeners.jsonl:1:1: the line is longer than 60 bytes"]);
    let report = rig.import(b"\xFF\xFE\n{\n[\n", false).unwrap();
    assert_eq!((report.bad_lines, report.faults.len(), report.faults_untold), (3, 2, 1));
    // Three fit: two new ones beside the one who is there, again and again.
    for _ in 0..2 {
        rig.import(b"{\"id\":\"a\"}\n{\"id\":\"short\"}\n{\"id\":\"b\"}\n", false).unwrap();
    }
    let full = rig.import(b"{\"id\":\"c\"}\n", false).unwrap_err();
    assert!(matches!(full, ImportFault::Refused(Refused::Full(3))), "{full}");
    assert_eq!(rig.intake.audience().len(), 3);
    let many: Vec<String> = (0..257).map(|n| format!("\"l{n}\"")).collect();
    let line = format!("{{\"id\":\"m\",\"segments\":{{\"list\":[{}]}}}}", many.join(","));
    let rig = Rig::new();
    let report = rig.import(line.as_bytes(), false).unwrap();
    assert_eq!(faults(&report), ["listeners.jsonl:1:1: segments: 257 segments; at most 256 fit"]);
}

#[test]
fn the_last_line_of_a_listener_stays_and_words_outlive_the_process() {
    let rig = Rig::new();
    let text = "\u{feff}{\"id\":\"a\",\"segments\":{\"list\":[\"one\"]}}\n{\"id\":\"a\",\
                \"segments\":{\"list\":[{\"value\":\"two\",\"expires\":3600},\"two\"]}}";
    let report = rig.import(text.as_bytes(), false).unwrap();
    assert_eq!((report.listeners, report.new_values), (2, 2));
    assert_eq!(rig.known("a").unwrap(), ["list two 100"], "the longer lasting of two stays");
    let again = Vocabulary::open(&rig.log(), &vocabulary::Config::default()).unwrap();
    assert_eq!(
        again.find(Dimension::List, "two"),
        rig.intake.words().snapshot().find(Dimension::List, "two")
    );
    let Rig { folder, intake, config } = rig;
    drop(intake);
    let again = started(folder.path(), &config);
    assert_eq!(again.audience().len(), 1);
    drop(again);
    std::fs::remove_file(folder.path().join(vocabulary::FILE)).unwrap();
    let refused = Stand::open(folder.path(), &Default::default(), &config).err().unwrap();
    assert!(refused.to_string().contains("put back the vocabulary.log"), "{refused}");
}

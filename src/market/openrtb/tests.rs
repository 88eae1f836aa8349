//! What the decoder forgives, what it refuses, and that no parser sees a request otherwise.

use std::fs;
use std::path::Path;

use bumpalo::Bump;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// `src/market/openrtb/generated.rs` is what prost makes of `proto/openrtb.proto`.
#[test]
fn the_generated_code_is_that_of_the_proto() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = protox::compile(["openrtb.proto"], [root.join("proto")]).unwrap();
    let out = tempfile::tempdir().unwrap();
    prost_build::Config::new().out_dir(out.path()).compile_fds(files).unwrap();
    let made = fs::read_to_string(out.path().join("openrtb.rs")).unwrap();
    let made = format!("{GENERATED_HEADER}{made}");
    let path = root.join("src/market/openrtb/generated.rs");
    if std::env::var_os("INTERLUDE_REGENERATE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == made,
        "generated.rs is not what prost makes of openrtb.proto; see the header of the latter"
    );
}

const GENERATED_HEADER: &str = "\
//! The messages of `proto/openrtb.proto` as prost types, for those who write requests and read
//! answers: traffic, tests, benches. The bid path reads the wire itself. Cold; made by a program.

";

const AUDIO_REQUEST: &str = include_str!("../../../benches/data/audio_request.json");
const EVERY_FIELD: &str = include_str!("../../../tests/fixtures/wire/every_field.json");

fn with<T>(body: &str, check: impl FnOnce(Result<Request<'_>, Malformed>) -> T) -> T {
    let arena = Bump::new();
    check(decode(Wire::Json, body.as_bytes(), &arena))
}

fn fault(body: &str) -> Option<Malformed> {
    with(body, |request| request.err())
}

/// A request with one imp that offers this audio object.
fn offering(audio: Value) -> String {
    json!({"id": "r", "imp": [{"id": "1", "audio": audio}]}).to_string()
}

#[test]
fn what_is_not_json_is_unparseable() {
    for body in [
        "",
        "[]",
        "1",
        "null",
        "{",
        "{\"id\":\"r\",}",
        "{\"id\":\"r\"} x",
        "{\"id\":\"r\"}{\"id\":\"r\"}",
        "{\"id\":\"r\",\"tmax\":NaN}",
        "{\"id\":\"r\",\"tmax\":Infinity}",
        "{\"id\":\"r\",\"tmax\":1e400}",
        "{\"id\":\"r\",\"tmax\":01}",
        "{\"id\":\"r\",\"tmax\":+1}",
        "{\"id\":\"r\",\"ext\":{\"a\":[1,2}}",
        "{\"id\":\"a\nb\"}",
        "{\"id\":\"\\ud800\"}",
        "{'id':'r'}",
        "\u{feff}{\"id\":\"r\"}",
    ] {
        assert_eq!(fault(body), Some(Malformed::Unparseable), "{body:?}");
    }
    let arena = Bump::new();
    let latin = b"{\"id\":\"r\",\"ext\":{\"a\":\"\xe9\"}}";
    assert_eq!(decode(Wire::Json, latin, &arena).err(), Some(Malformed::Unparseable));
}

#[test]
fn the_strict_rules_refuse() {
    use Malformed::*;
    let hundred: Vec<Value> = (0..101).map(|id| json!({"id": id.to_string()})).collect();
    for (body, reason) in [
        (json!({"imp": [{"id": "1"}]}), MissingId),
        (json!({"id": null, "imp": [{"id": "1"}]}), MissingId),
        (json!({"id": "", "imp": [{"id": "1"}]}), MissingId),
        (json!({"id": {}, "imp": [{"id": "1"}]}), MissingId),
        (json!({"id": "r"}), MissingImp),
        (json!({"id": "r", "imp": []}), MissingImp),
        (json!({"id": "r", "imp": [null, 1, "x"]}), MissingImp),
        (json!({"id": "r", "imp": [{"id": "1"}, {"id": "1"}]}), DuplicateImpId),
        (json!({"id": "r", "imp": [{"id": 1}, {"id": "1"}]}), DuplicateImpId),
        (json!({"id": "r", "imp": [{"id": "1"}], "site": {}, "app": {}}), SiteAndApp),
        (json!({"id": "r", "imp": [{"id": "1"}], "site": {}, "dooh": {}}), SiteAndApp),
        (json!({"id": "r", "imp": hundred}), TooManyImps),
        (
            json!({"id": "r", "imp": [{"id": "1"}], "badv": vec!["a.example"; MAX_LIST + 1]}),
            TooLarge,
        ),
        (
            json!({"id": "r", "imp": [{"id": "1"}], "user": {"data": vec![json!({}); 1001]}}),
            TooLarge,
        ),
    ] {
        assert_eq!(fault(&body.to_string()), Some(reason), "{body}");
    }
}

#[test]
fn audio_must_be_possible() {
    use Malformed::{AudioImpossible as Impossible, AudioWithoutMimes as Mute};
    for (audio, reason) in [
        (json!({}), None),
        (json!({"w": 100, "h": 200}), None),
        (json!({"maxduration": 30}), Some(Mute)),
        (json!({"mimes": []}), Some(Mute)),
        (json!({"mimes": null}), Some(Mute)),
        (json!({"mimes": ["", null]}), Some(Mute)),
        (json!({"mimes": "audio/mp3"}), None),
        (json!({"mimes": ["a"], "minbitrate": -1}), Some(Impossible)),
        (json!({"mimes": ["a"], "maxbitrate": -1}), Some(Impossible)),
        (json!({"mimes": ["a"], "minbitrate": 128, "maxbitrate": 64}), Some(Impossible)),
        (json!({"mimes": ["a"], "minbitrate": 128, "maxbitrate": 0}), None),
        (json!({"mimes": ["a"], "sequence": -1}), Some(Impossible)),
        (json!({"mimes": ["a"], "maxseq": -1}), Some(Impossible)),
        (json!({"mimes": ["a"], "minduration": 30, "maxduration": 15}), Some(Impossible)),
        (json!({"mimes": ["a"], "minduration": -5}), Some(Impossible)),
        (json!({"mimes": ["a"], "poddur": -5}), Some(Impossible)),
        (json!({"mimes": ["a"], "rqddurs": [15, -30]}), Some(Impossible)),
        (json!({"mimes": ["a"], "maxextended": -2}), Some(Impossible)),
        (json!({"mimes": ["a"], "maxextended": -1, "startdelay": -2}), None),
        (json!({"mimes": ["a"], "feed": 99, "nvol": -3, "podseq": 7}), None),
    ] {
        assert_eq!(fault(&offering(audio.clone())), reason, "{audio}");
    }
}

#[test]
fn a_faulty_audio_among_other_offers_is_dropped() {
    let silent = json!({"mimes": []});
    for imps in [
        json!([{"id": "1", "audio": silent, "banner": {}}]),
        json!([{"id": "1", "audio": silent}, {"id": "2", "video": {"mimes": []}}]),
        json!([{"id": "1", "audio": silent}, {"id": "2", "audio": {"mimes": ["a"]}}]),
    ] {
        let body = json!({"id": "r", "imp": imps}).to_string();
        with(&body, |request| assert!(request.unwrap().imp[0].audio.is_none(), "{body}"));
    }
    let nothing = json!({"id": "r", "imp": [{"id": "1", "audio": silent}, {"id": "2"}]});
    assert_eq!(fault(&nothing.to_string()), Some(Malformed::AudioWithoutMimes));
}

#[test]
fn types_bend() {
    let body = r#"{"id":7,"at":"1","tmax":250.0,"test":"1","cur":"EUR","bcat":["IAB25",null,7,""],
      "imp":{"id":3,"secure":true,"bidfloor":"2.5","tagid":11,"rwdd":0.0,"instl":-1,
        "audio":{"mimes":"audio/mp3","rqddurs":15,"protocols":["2",3.0,null,{}],"podid":4,
          "companionad":{"w":"300","h":250.7,"format":{"w":1}},"feed":{"x":[1]},"battr":"1,2"},
        "pmp":{"deals":[{"bidfloor":1},{"id":"d"},null]}},
      "site":[],"device":{"geo":{"zip":1010,"lat":"48.2","utcoffset":3600},"ext":"x"},
      "user":{"keywords":["a","b"],"yob":"1988.0","ext":null},"regs":{"ext":[]},
      "app":{"content":{"genres":[357,"338"],"language":"","network":"n"}}}"#;
    with(body, |request| {
        let request = request.unwrap();
        assert_eq!((request.id, request.at, request.tmax), ("7", Some(1), Some(250)));
        assert_eq!((request.test, request.cur), (Some(true), &["EUR"][..]));
        assert_eq!(request.bcat, ["IAB25", "7"]);
        let imp = &request.imp[0];
        assert_eq!((imp.id, imp.secure, imp.bidfloor), ("3", Some(true), Some(2.5)));
        assert_eq!((imp.tagid, imp.rwdd, imp.instl), (Some("11"), Some(false), None));
        let audio = imp.audio.unwrap();
        assert_eq!((audio.mimes, audio.rqddurs), (Some(&["audio/mp3"][..]), &[15][..]));
        assert_eq!((audio.protocols, audio.podid), (&[2, 3][..], Some("4")));
        assert_eq!((audio.feed, audio.battr), (None, &[1, 2][..]));
        let companion = audio.companionad[0];
        assert_eq!((companion.w, companion.h), (Some(300), Some(250)));
        assert_eq!(companion.format[0].w, Some(1));
        let deals: Vec<&str> = imp.pmp.unwrap().deals.iter().map(|deal| deal.id).collect();
        assert_eq!(deals, ["d"]);
        let geo = request.device.unwrap().geo.unwrap();
        assert_eq!((geo.zip, geo.lat, geo.utcoffset), (Some("1010"), Some(48.2), Some(60)));
        let user = request.user.unwrap();
        assert_eq!((user.keywords, user.yob), (Some("a,b"), Some(1988)));
        assert!(request.site.is_none());
        let content = request.content().unwrap();
        assert_eq!((content.genres, content.language), (&["357", "338"][..], None));
    });
}

#[test]
fn the_places_of_2_5_fold_and_the_2_6_field_wins_but_over_a_law() {
    let body = r#"{"id":"r","imp":[{"id":"","ext":{"gpid":"g"}},{"id":""}],
      "ext":{"schain":{"ver":"0.9"}},"source":{"tid":"t"},
      "user":{"ext":{"consent":"old","eids":[{"source":"e"}]},"consent":"new"},
      "regs":{"gdpr":0,"ext":{"gdpr":1,"us_privacy":"1YNN","gpp":"G","gpp_sid":"7,8","gpc":1,
        "dsa":{"dsarequired":"2"}}}}"#;
    with(body, |request| {
        let request = request.unwrap();
        let (user, regs) = (request.user.unwrap(), request.regs.unwrap());
        assert_eq!((user.consent, user.eids.len()), (Some("new"), 1));
        // Of two that contradict each other, the yes to a law holds.
        assert_eq!((regs.gdpr, regs.us_privacy), (Some(true), Some("1YNN")));
        assert_eq!((regs.gpp, regs.gpp_sid, regs.gpc), (Some("G"), &[7, 8][..], Some(true)));
        assert_eq!(regs.dsa.unwrap().dsarequired, Some(2));
        let source = request.source.unwrap();
        assert_eq!((source.tid, source.schain.unwrap().ver), (Some("t"), Some("0.9")));
        assert_eq!(request.imp[0].gpid, Some("g"));
    });
}

#[test]
fn offsets_beyond_any_place_were_seconds() {
    for (said, minutes) in [
        (-240, Some(-240)),
        (840, Some(840)),
        (3600, Some(60)),
        (-12600, Some(-210)),
        (900_000, None),
    ] {
        let body = json!({"id": "r", "imp": [{}], "device": {"geo": {"utcoffset": said}}});
        with(&body.to_string(), |request| {
            assert_eq!(request.unwrap().device.unwrap().geo.unwrap().utcoffset, minutes, "{said}");
        });
    }
}

#[test]
fn escapes_and_depth_cost_no_heap_but_are_read() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let body =
        format!(r#"{{"\u0069d":"a\"\\\/\b\f\n\r\t\u00e9\ud83c\udfb5","ext":{deep},"imp":[{{}}]}}"#);
    with(&body, |request| {
        assert_eq!(request.unwrap().id, "a\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f3b5}");
    });
}

#[test]
fn protobuf_is_read_as_it_may_be_written() {
    let arena = Bump::new();
    // id "r"; imp { id "1", audio { mimes "a", protocols 2, packed [3, 7], sequence -1 cut } }
    let audio = b"\x0a\x01a\x20\x02\x22\x02\x03\x07\x38\x01\x3a\x01\x02";
    let mut imp = b"\x0a\x011\x7a".to_vec();
    imp.push(audio.len() as u8);
    imp.extend_from_slice(audio);
    let mut body = b"\x0a\x01r\x12".to_vec();
    body.push(imp.len() as u8);
    body.extend_from_slice(&imp);
    // user { data { ext { 1: "cid" } } data { ext { 1: 4 } } } and content genres at 34 and 35.
    body.extend_from_slice(
        b"\x32\x14\x42\x08\x9a\x06\x05\x0a\x03123\x42\x08\x9a\x06\x02\x08\x04\x0a\x01d",
    );
    body.extend_from_slice(b"\x22\x08\x62\x06\x92\x02\x03\xe5\x02\x01");
    let request = decode(Wire::Protobuf, &body, &arena).unwrap();
    let audio = request.imp[0].audio.unwrap();
    assert_eq!((audio.protocols, audio.battr), (&[2, 3, 7][..], &[1, 2][..]));
    let data = request.user.unwrap().data;
    assert_eq!((data[0].segtax, data[1].segtax, data[1].id), (None, Some(4), Some("d")));
    assert_eq!(request.content().unwrap().genres, ["357", "1"]);
    for broken in [&body[..body.len() - 1], b"\x0a\x05r", b"\x0b", b"\xff", b"\x00\x00"] {
        let fault = decode(Wire::Protobuf, broken, &arena).err();
        assert_eq!(fault, Some(Malformed::Unparseable), "{broken:x?}");
    }
    let many = b"\x0a\x01r".iter().copied().chain([0x12, 0].repeat(101)).collect::<Vec<u8>>();
    assert_eq!(decode(Wire::Protobuf, &many, &arena).err(), Some(Malformed::TooManyImps));
}

type Seen<'b> = Result<(Request<'b>, &'b [Imp<'b>]), Malformed>;

/// What each parser makes of a text through the same tables.
fn by_all_parsers<'b>(text: &'b str, arena: &'b Bump) -> [Seen<'b>; 3] {
    let seen = |draft: Result<Option<Draft<'b>>, Malformed>| {
        let draft = draft?.ok_or(Malformed::Unparseable)?;
        Ok((draft.request, &*draft.imps))
    };
    let ours = json::read(text.as_bytes(), arena).map(Some);
    let mut parser = serde_json::Deserializer::from_str(text);
    let serde = json::root(&mut parser, arena);
    let serde = serde.and_then(|d| parser.end().map(|()| d).map_err(|_| Malformed::Unparseable));
    let mut parser = sonic_rs::Deserializer::from_str(text);
    // Of sonic-rs only its deserializer is public, not its check of what follows the value.
    let sonic = json::root(&mut parser, arena);
    [seen(ours), seen(serde), seen(sonic)]
}

#[test]
fn parsers_agree_on_whole_requests() {
    for text in [AUDIO_REQUEST, EVERY_FIELD] {
        let arena = Bump::new();
        let [ours, serde, sonic] = by_all_parsers(text, &arena);
        assert_eq!(ours, serde);
        assert_eq!(ours, sonic);
    }
}

/// A JSON value of any shape, floats only where every parser is exact.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-4000_i32..4000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
        "(?s).{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,3}", inner, 0..3)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Puts a value in place of the `at`-th node of a tree.
fn replace(tree: &mut Value, at: &mut usize, value: &Value) {
    if *at == 0 {
        *tree = value.clone();
    }
    *at = at.wrapping_sub(1);
    match tree {
        Value::Object(map) => map.values_mut().for_each(|child| replace(child, at, value)),
        Value::Array(list) => list.iter_mut().for_each(|child| replace(child, at, value)),
        _ => {}
    }
}

/// The bytes that JSON's grammar is made of, and two that it forbids in strings.
const TELLING_BYTES: &[u8] = b"{}[]\",:\\ue0-+.1ntf \n\x01a";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any value anywhere: never a panic, and all parsers see the same.
    #[test]
    fn parsers_agree_on_bent_requests(
        changes in prop::collection::vec((0_usize..400, any_json()), 1..6),
    ) {
        let mut request: Value = serde_json::from_str(EVERY_FIELD).unwrap();
        for (mut at, value) in changes {
            replace(&mut request, &mut at, &value);
        }
        let (text, arena) = (request.to_string(), Bump::new());
        let [ours, serde, sonic] = by_all_parsers(&text, &arena);
        prop_assert_eq!(&ours, &serde);
        prop_assert_eq!(&ours, &sonic);
    }

    /// Broken text: what serde_json refuses we refuse, what it takes we take.
    #[test]
    fn we_accept_what_serde_json_accepts(
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(TELLING_BYTES.to_vec())),
            1..4,
        ),
        removes in any::<bool>(),
    ) {
        let mut body = AUDIO_REQUEST.as_bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(body.len());
            if removes {
                body.remove(at);
            } else {
                body[at] = byte;
            }
        }
        if let Ok(text) = std::str::from_utf8(&body) {
            let arena = Bump::new();
            let [ours, serde, _] = by_all_parsers(text, &arena);
            prop_assert_eq!(ours, serde, "{}", text);
        }
    }
}

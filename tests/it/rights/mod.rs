//! The listener's rights over a whole server: what is asked is answered in full, what is refused
//! is refused at once and for good, and nobody is told of anybody else.

mod alone;
mod kill;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Rig, user};
use crate::doors::client::{Client, Reply, get, post};

/// Every decision keeps what was known; impressions reach the caps' log soon.
const MORE: &str = "[[audience.providers]]\nkey = \"acme\"\nname = \"Acme Data\"\ngvl_id = 755\n\
                    cpm = \"1.2\"\ncurrency = \"USD\"\ndimensions = [\"interest\"]\n[records]\n\
                    sample_ppm = 1000000\ndrain_ms = 1\n";

fn rig(targeting: &str) -> Rig {
    Rig::new(targeting, MORE)
}

fn right(rig: &Rig, method: &str, path: &str, body: &str) -> Reply {
    rig.ask(method, &format!("/api/v1/{path}"), "", body.as_bytes())
}

/// The bid for this user, whole.
fn bid(rig: &Rig, user: &Value) -> Option<Value> {
    let request = json!({
        "id": "asked", "at": 1, "tmax": 5000, "cur": ["USD"], "user": user,
        "imp": [{"id": "1", "audio": {"mimes": ["audio/mpeg"], "protocols": [7, 14],
            "minduration": 5, "maxduration": 30}}],
        "app": {"id": "music"},
        "device": {"ip": "192.0.2.1", "geo": {"country": "USA", "city": "Springfield"}},
    });
    let mut client = Client::connect(rig.running().bid_address());
    let json = "Content-Type: application/json\r\nConnection: close\r\n";
    let reply = client.ask(&post("/bid/demo", json, request.to_string().as_bytes()));
    (reply.status == 200).then(|| reply.json()["seatbid"][0]["bid"][0].clone())
}

/// Asks until the answer is what it should be: records and logs are written beside.
fn awaited(wanted: impl Fn(&Value) -> bool, ask: impl Fn() -> Option<Value>) -> Value {
    let start = Instant::now();
    loop {
        let told = ask();
        match told {
            Some(told) if wanted(&told) => return told,
            told => assert!(start.elapsed() < Duration::from_secs(20), "still {told:?}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn export(rig: &Rig, listener: &str) -> Value {
    let reply = right(rig, "GET", &format!("listeners/{listener}/export"), "");
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// Two listeners of whom everything is known that can be, in words that stand nowhere else.
fn canaries(whose: &str) -> (Value, Vec<String>) {
    let word = |what: &str| format!("canary {whose} {what}");
    let (artist, playlist) = (word("artist"), word("playlist"));
    let (interest, lifestyle) = (format!("acme:canary {whose}"), word("lifestyle"));
    let (intent, list) = (word("intent"), format!("canary-{whose}/vip"));
    let line = json!({
        "id": format!("id-{whose}"), "age": "25-34", "gender": "female", "language": "en",
        "home_country": "USA",
        "ids": {"demo": format!("link-{whose}"), "ids.example": format!("eid-{whose}")},
        "segments": {
            "mood": [{"value": "calm", "confidence": 0.83}],
            "activity": ["running"],
            "taste_genre": [{"value": "jazz", "expires": "2099-01-02T03:00:00Z"}],
            "taste_artist": [artist],
            "taste_playlist": [playlist], "interest": [interest], "lifestyle": [lifestyle],
            "intent": [intent], "list": [list],
        },
    });
    let words = vec![artist, playlist, interest, lifestyle, intent, list];
    (line, words)
}

#[test]
fn an_export_is_complete_and_holds_nobody_else() {
    let rig = rig("{ mood: calm }");
    let ((a, a_words), (b, b_words)) = (canaries("alice"), canaries("bob"));
    rig.upload("/api/v1/audience", &[a, b]);
    rig.await_bid(&user("id-alice"), true);
    let bid = bid(&rig, &user("link-alice")).expect("a link leads to the listener");
    assert!(super::rights::bid(&rig, &user("id-bob")).is_some());
    heard(&rig, &bid);
    let reply = right(&rig, "PUT", "listeners/id-alice/opt-outs", "{\"opt_out\":[\"place\"]}");
    assert_eq!(reply.status, 200, "{reply:?}");

    let number = bid["id"].as_str().unwrap();
    let whole = |told: &Value| {
        let bids = told["decisions"]["told"].as_array().unwrap().iter();
        let has = bids.flat_map(|one| one["ads"].as_array().unwrap()).any(|ad| ad["bid"] == number);
        has && !told["heard"].as_array().unwrap().is_empty()
    };
    let told = awaited(whole, || Some(export(&rig, "demo:link-alice")));
    let text = told.to_string();
    for word in &a_words {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    for word in ["calm", "running", "jazz", "25-34", "female", "en", "USA", "2099-01-02T03:00:00Z"]
    {
        assert!(text.contains(&format!("\"{word}\"")), "{word} is not in {text}");
    }
    assert!(text.contains("Acme Data") && text.contains("\"confidence_pct\":83"), "{text}");
    assert_eq!(told["links"]["hashes"].as_array().unwrap().len(), 2);
    assert_eq!(told["refusals"]["opted_out"], json!(["place"]));
    assert_eq!(told["heard"][0]["advertiser"], "one");
    let used = told["decisions"]["told"].to_string();
    assert!(used.contains("\"dimension\":\"mood\""), "{used}");
    for word in b_words.iter().chain(&["bob".to_owned()]) {
        assert!(!text.contains(word), "{word} is in {text}");
    }
    for id in ["id-alice", "link-alice", "eid-alice"] {
        assert!(!text.contains(id), "ids are not kept, but {id} is in {text}");
    }

    let page = right(&rig, "GET", "listeners/id-alice/export?format=html", "");
    assert!(page.head.contains("text/html"), "{}", page.head);
    let page = page.text();
    for word in &a_words {
        assert!(page.contains(word), "{word} is not on the page");
    }
    assert!(!page.contains("bob") && !page.contains("<script") && !page.contains("http"), "{page}");

    let nobody = export(&rig, "nobody").to_string();
    assert!(!nobody.contains("canary") && nobody.contains("\"known\":false"), "{nobody}");
}

/// The player says that the ad was heard.
fn heard(rig: &Rig, bid: &Value) {
    let vast = bid["adm"].as_str().unwrap();
    let from = vast.find("<Impression").unwrap();
    let url = &vast[from + vast[from..].find("http").unwrap()..];
    let url = &url[..url.find("]]>").unwrap()];
    let path = &url[url.find("://").unwrap() + 3..];
    let path = &path[path.find('/').unwrap()..];
    let mut client = Client::connect(rig.running().bid_address());
    let reply = client.ask(&get(path, "Connection: close\r\n"));
    assert!(reply.status < 300, "{reply:?}");
}

#[test]
fn a_bid_is_explained_in_plain_words() {
    let rig = rig("{ all: [{ mood: calm }, { not: { age: 55-64 } }] }");
    let (line, _) = canaries("alice");
    rig.upload("/api/v1/audience", &[line]);
    rig.await_bid(&user("id-alice"), true);
    let bid = bid(&rig, &user("id-alice")).unwrap();
    let number = bid["id"].as_str().unwrap();
    let ask = |path: String| {
        let reply = right(&rig, "GET", &path, "");
        (reply.status == 200).then(|| reply.json())
    };
    let path = format!("listeners/id-alice/why/{number}");
    let told = awaited(|_| true, || ask(path.clone()));
    let ad = &told[0]["ads"][0];
    assert_eq!(ad["bid"], number);
    assert_eq!(ad["rule"], "mood is calm and not (age is 55-64)");
    assert_eq!(
        (&ad["yours"][0]["dimension"], &ad["yours"][0]["value"]),
        (&"mood".into(), &"calm".into())
    );
    assert_eq!(ad["yours"][0]["from"]["kind"], "service");
    let words = right(&rig, "GET", &format!("{path}?format=text"), "");
    let words = words.text();
    for said in
        ["We offered \"all\" of one", "Its rule: mood is calm", "mood: calm", "to refuse: mood"]
    {
        assert!(words.contains(said), "{said:?} is not in {words}");
    }
    // By its number alone, and not as somebody else's.
    assert!(ask(format!("decisions/{number}/why")).is_some());
    let other = right(&rig, "GET", &format!("listeners/id-bob/why/{number}"), "");
    assert_eq!(other.status, 404, "{other:?}");
    assert!(!other.text().contains("calm"));
    // A refused fact explains no bid: it was not there.
    let said = right(&rig, "PUT", "listeners/id-alice/opt-outs", "{\"opted_out\":[\"mood\"]}");
    assert_eq!(said.json()["opted_out"], json!(["mood"]));
    assert!(super::rights::bid(&rig, &user("id-alice")).is_none());
    // What was decided before is explained as it was.
    let again = ask(path).unwrap();
    assert_eq!(again[0]["ads"], told[0]["ads"]);
}

#[test]
fn who_is_erased_is_forgotten_and_stays_refused() {
    let mut rig = rig("{ mood: { any_of: [calm], if_unknown: pass } }");
    let (line, words) = canaries("alice");
    rig.upload("/api/v1/audience", std::slice::from_ref(&line));
    let mut known = line;
    known["id"] = "id-carol".into();
    known["ids"] = json!({});
    rig.upload("/api/v1/audience", &[known]);
    let reply = right(&rig, "PUT", "listeners/id-alice/opt-outs", "{\"opt_out\":[\"taste\"]}");
    assert_eq!(reply.status, 200);
    let seen = |told: &Value| told["decisions"]["kept"].as_u64() > Some(0);
    rig.await_bid(&user("id-alice"), true);
    awaited(seen, || {
        bid(&rig, &user("id-alice"))?;
        Some(export(&rig, "id-alice"))
    });
    let erased = right(&rig, "DELETE", "listeners/id-alice", "").json();
    let expected = json!({ "known": true, "links": 2, "ended": true, "refusals":
        { "all": false, "opted_out": ["taste"], "minor": false, "opted_in": [] } });
    assert_eq!(erased, expected);
    for restart in [false, true] {
        if restart {
            rig.restart();
        }
        let told = export(&rig, "id-alice");
        assert_eq!(told["listener"]["known"], false);
        for (part, empty) in [("profile", json!([])), ("heard", json!([]))] {
            assert_eq!(told[part], empty, "{part}");
        }
        assert_eq!(told["links"]["hashes"], json!([]));
        assert_eq!(told["decisions"]["kept"], 0);
        assert_eq!(told["refusals"]["opted_out"], json!(["taste"]));
        // Under the ids that led there, too: they would name somebody new now.
        let linked = right(&rig, "GET", "listeners/demo:link-alice/opt-outs", "").json();
        assert_eq!(linked["opted_out"], json!(["taste"]), "restart: {restart}");
        for word in &words {
            assert!(!told.to_string().contains(word), "{word} is in {told}");
        }
        assert_eq!(export(&rig, "id-carol")["listener"]["known"], true);
    }
    let again = right(&rig, "DELETE", "listeners/id-alice", "").json();
    assert_eq!((&again["known"], &again["ended"]), (&false.into(), &true.into()));
    let trail = right(&rig, "GET", "trail", "").json();
    let deeds: Vec<_> = trail.as_array().unwrap().iter().map(|act| &act["deed"]).collect();
    assert_eq!(deeds[0], "said");
    assert_eq!(deeds.iter().filter(|deed| **deed == "erased").count(), 2);
    assert_eq!(deeds.iter().filter(|deed| **deed == "erasure ended").count(), 2);
    assert!(trail[0]["who"].as_str().unwrap().starts_with("token "));
    assert!(!trail.to_string().contains("alice"), "the trail names nobody: {trail}");
    let metrics = rig.running().registry().render();
    for told in ["deed=\"erased\"} 1", "deed=\"erasure_ended\"} 1", "deed=\"explained\"} 0"] {
        let told = format!("interlude_rights_acts_total{{{told}\n");
        assert!(metrics.contains(&told), "{told} since the restart: {metrics}");
    }
}

#[test]
fn a_token_for_rights_opens_rights_alone() {
    let mut rig = rig("{ mood: calm }");
    let operators = rig.token.clone();
    let care = "a-token-for-those-who-answer-listeners";
    std::fs::write(rig.data().join("admin.token"), format!("{operators}\nrights:{care}\n"))
        .unwrap();
    rig.token = care.to_owned();
    for (method, path, body, status) in [
        ("GET", "listeners/id-alice/export", "", 200),
        ("PUT", "listeners/id-alice/opt-outs", "{\"opt_out\":[\"mood\"]}", 200),
        ("DELETE", "listeners/id-alice", "", 200),
        ("GET", "decisions/0000000000000000/why", "", 404),
        ("GET", "trail", "", 403),
        ("GET", "report", "", 403),
        ("GET", "audience", "", 403),
        ("POST", "audience", "{\"id\":\"x\"}\n", 403),
        ("GET", "listeners/../report", "", 404),
    ] {
        let reply = right(&rig, method, path, body);
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
    }
    rig.token = operators;
    assert_eq!(right(&rig, "GET", "report", "").status, 200);
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_mend() {
    let rig = rig("{ mood: calm }");
    let path = "listeners/id-alice/opt-outs";
    for (body, part) in [
        ("{\"opt_out\":[\"moood\"]}", "did you mean mood?"),
        ("{\"opt\":[\"mood\"]}", "unknown field"),
        ("mood", "cannot be read"),
    ] {
        let reply = right(&rig, "PUT", path, body);
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.text().contains(part), "{}", reply.text());
    }
    assert_eq!(right(&rig, "GET", "listeners/key:zz/export", "").status, 400);
    assert_eq!(right(&rig, "GET", "listeners/a/export?format=pdf", "").status, 400);
    assert_eq!(right(&rig, "GET", "trail?limit=0", "").status, 400);
    assert_eq!(right(&rig, "GET", "decisions/0000000000000000/why", "").status, 404);
    let said = right(&rig, "GET", path, "").json();
    assert_eq!(said["opted_out"], json!([]), "nothing was changed");
    let all = right(&rig, "PUT", path, "{\"opted_out\":[\"all\"],\"minor\":true}").json();
    assert_eq!((&all["all"], &all["minor"]), (&true.into(), &true.into()));
    let less = right(&rig, "PUT", path, "{\"opt_in\":[\"mood\",\"illness\"]}").json();
    assert_eq!((&less["all"], &less["opted_in"]), (&false.into(), &json!(["illness"])));
}

//! Reports, accounts, funds and exchanges' own reports, over HTTP and beside the server.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Rig, user};
use crate::doors::client::{Client, Reply, get, post};

/// A bid that is won, heard and clicked: its id.
pub fn heard(rig: &Rig, id: &str) -> String {
    let request = json!({
        "id": "asked", "at": 1, "tmax": 5000, "cur": ["USD"], "user": user(id),
        "imp": [{"id": "1", "audio": {"mimes": ["audio/mpeg"], "protocols": [7, 14],
            "minduration": 5, "maxduration": 30}}],
        "app": {"id": "music"},
        "device": {"ip": "192.0.2.1", "geo": {"country": "USA"}},
    });
    let mut client = Client::connect(rig.running().bid_address());
    let json = "Content-Type: application/json\r\n";
    let reply = client.ask(&post("/bid/demo", json, request.to_string().as_bytes()));
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    let bid = &answer["seatbid"][0]["bid"][0];
    let win = bid["nurl"].as_str().unwrap().replace("${AUCTION_PRICE}", "2.5");
    let adm = bid["adm"].as_str().unwrap();
    let player = |kind: &str| {
        let at = adm.find(kind).unwrap();
        adm[at..].split("]]>").next().unwrap().replace("${AUCTION_PRICE}", "2.5")
    };
    assert_eq!(client.ask(&get(&win[win.find("/notice/").unwrap()..], "")).status, 204);
    assert_eq!(client.ask(&get(&player("/beacon/impression/"), "")).status, 204);
    assert_eq!(client.ask(&get(&player("/click/"), "")).status, 302);
    bid["id"].as_str().unwrap().to_owned()
}

fn ask(rig: &Rig, path: &str) -> Reply {
    rig.ask("GET", path, "", b"")
}

/// The report, when it tells of so many impressions.
fn report(rig: &Rig, impressions: u64) -> Value {
    let start = Instant::now();
    loop {
        let told = ask(rig, "/api/v1/report?exact=true").json();
        if told["totals"][0]["impressions"] == impressions {
            return told;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{told}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn offline(rig: &Rig, args: &[&str]) -> String {
    let data = rig.data();
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.env_remove("INTERLUDE_SERVER").args(["report", "--exact"]).args(args);
    let output = command.arg("--data").arg(data).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn two_reports_of_one_version_are_equal() {
    let mut rig = Rig::new("{}", "");
    for id in ["a", "b", "c"] {
        heard(&rig, id);
    }
    let told = report(&rig, 3);
    assert_eq!(told["totals"][0]["wins"], 3);
    let row = &told["rows"][0];
    assert_eq!((&row["advertiser"], &row["currency"]), (&json!("one"), &json!("USD")));
    assert!(row["reach"].is_null(), "three listeners are too few to be told");
    let csv = ask(&rig, "/api/v1/report?by=hour&format=csv");
    let kind = "text/csv; charset=utf-8; header=present";
    assert_eq!((csv.status, csv.header("content-type")), (200, Some(kind)));
    for (path, option) in
        [("by=week", "by"), ("zone=Moon", "zone"), ("from=x", "from"), ("format=xml", "format")]
    {
        let refused = ask(&rig, &format!("/api/v1/report?{path}"));
        assert_eq!((refused.status, &refused.json()["path"]), (400, &json!(option)), "{path}");
    }
    // Whatever was written meanwhile: the journal stands still now.
    rig.restart();
    let url = format!("http://{}", rig.running().admin_address());
    let live: Value = serde_json::from_str(&offline(&rig, &["--server", &url, "--json"])).unwrap();
    let beside: Value = serde_json::from_str(&offline(&rig, &["--json"])).unwrap();
    for part in ["rows", "totals"] {
        assert_eq!(live[part], beside[part]);
    }
    if live["version"] == beside["version"] {
        assert_eq!(live, beside);
    }
    assert_eq!(live["rows"][0]["spend"], row["spend"]);
    let table = offline(&rig, &[]);
    assert!(table.contains("one/always/all") && table.contains("all of USD"), "{table}");
}

#[test]
fn funds_move_once_and_are_remembered() {
    let mut rig = Rig::new("{}", "");
    let path = "/api/v1/funds/one";
    let order = |amount: &str, kind: &str| {
        json!({"kind": kind, "amount": amount, "author": "anna", "memo": "invoice 7"}).to_string()
    };
    let send = |rig: &Rig, key: &str, body: &str| {
        rig.ask("POST", path, &format!("Idempotency-Key: {key}\r\n"), body.as_bytes())
    };
    let first = send(&rig, "k1", &order("250.50", "top-up"));
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.json()["amount"], "250.5");
    assert_eq!(send(&rig, "k1", &order("250.50", "top-up")).json(), first.json());
    assert_eq!(send(&rig, "k1", &order("250.51", "top-up")).status, 422);
    rig.restart();
    assert_eq!(send(&rig, "k1", &order("250.50", "top-up")).json(), first.json());
    assert_eq!(send(&rig, "k1", &order("1", "top-up")).status, 422);
    assert_eq!(send(&rig, "k2", &order("0.5", "refund")).status, 200);
    let accounts = ask(&rig, "/api/v1/accounts?of=one").json();
    let budgets = accounts["budgets"].as_array().unwrap();
    let funds = budgets.iter().find(|budget| budget["budget"] == "funds").unwrap();
    assert_eq!(funds["free"], "250", "{accounts}");
    for (key, body, status, told) in [
        ("", order("1", "top-up"), 400, "Idempotency-Key"),
        ("k#1", order("1", "top-up"), 400, "Idempotency-Key"),
        ("k3", order("-1", "top-up"), 422, "correction"),
        ("k3", order("1e3", "top-up"), 422, "decimal"),
        ("k3", order("1", "gift"), 422, "refund"),
        ("k3", "{}".to_owned(), 400, "kind"),
        ("k3", order("1", "top-up").replace("}", ",\"currency\":\"EUR\"}"), 422, "USD"),
    ] {
        let refused = send(&rig, key, &body);
        let text = String::from_utf8(refused.body.clone()).unwrap();
        assert!(refused.status == status && text.contains(told), "{body}: {refused:?} {text}");
    }
    let other = rig.ask("POST", "/api/v1/funds/two", "Idempotency-Key: k\r\n", b"{}");
    assert_eq!(other.status, 400);
    let nobody = order("1", "top-up");
    let nobody = rig.ask("POST", "/api/v1/funds/two", "Idempotency-Key: k\r\n", nobody.as_bytes());
    assert_eq!(nobody.status, 404);
    let open = rig.head("GET", "/api/v1/accounts", "").replace("Authorization", "X-No");
    assert_eq!(super::exchange(rig.running().admin_address(), &open, b"").status, 401);
}

#[test]
fn an_exchanges_report_is_compared_and_booked_once() {
    let rig = Rig::new("{}", "");
    let bids = ["a", "b", "c"].map(|id| heard(&rig, id));
    let told = report(&rig, 3);
    let spent = told["totals"][0]["spend"].as_str().unwrap().to_owned();
    let path = "/api/v1/reconcile?exchange=demo&columns=amount:Revenue";
    let bad = format!("bid,Revenue\n{},much\nnobody,1\n", bids[0]);
    let refused = rig.post(path, &bad);
    assert_eq!(refused.status, 422);
    let faults = refused.json()["faults"].as_array().unwrap().clone();
    assert_eq!((&faults[0]["row"], &faults[0]["column"]), (&json!(2), &json!("Revenue")));
    assert_eq!((&faults[1]["row"], &faults[1]["column"]), (&json!(3), &json!("bid")));

    // The first as we have it (2.5 CPM), the second dearer, the third not at all.
    let text =
        format!("bid,Revenue\n{},0.0025\n{},0.0030\n00000000000000ff,0.001\n", bids[0], bids[1]);
    let told = rig.post(path, &text).json();
    let verdicts = &told["verdicts"];
    assert_eq!(
        [&verdicts["equal"], &verdicts["theirs_more"], &verdicts["unknown"]],
        [&json!(1), &json!(1), &json!(1)],
        "{told}, spent {spent}"
    );
    let book = format!("{path}&book=true&author=anna");
    let poor = rig.post(&book, &text);
    assert_eq!(poor.status, 409, "nothing is there to be taken: {poor:?}");
    let funds = json!({"kind": "top-up", "amount": "10", "author": "anna"}).to_string();
    let key = "Idempotency-Key: k\r\n";
    assert_eq!(rig.ask("POST", "/api/v1/funds/one", key, funds.as_bytes()).status, 200);
    let booked = rig.post(&book, &text).json();
    assert_eq!(booked["booked"], json!({"before": false, "corrections": 1}), "{booked}");
    let again = rig.post(&book, &text).json();
    assert_eq!(again["booked"], json!({"before": true, "corrections": 0}));
    let accounts = ask(&rig, "/api/v1/accounts").json();
    let beside = accounts["beside"].as_array().unwrap();
    let written = beside.iter().find(|account| account["account"] == "written_off").unwrap();
    assert_eq!(written["amount"], "0.0005", "{accounts}");
    assert_eq!(rig.post(&path.replace("demo", "none"), &text).status, 404);
    assert_eq!(rig.post(&format!("{path}&book=true"), &text).status, 400);
}

#[test]
fn a_report_is_booked_once_into_a_folder_that_no_server_holds() {
    let mut rig = Rig::new("{}", "");
    let bids = ["a", "b"].map(|id| heard(&rig, id));
    let funds = json!({"kind": "top-up", "amount": "10", "author": "anna"}).to_string();
    let key = "Idempotency-Key: k\r\n";
    assert_eq!(rig.ask("POST", "/api/v1/funds/one", key, funds.as_bytes()).status, 200);
    report(&rig, 2);
    let file = rig.folder.path().join("theirs.csv");
    let text = format!("bid,Revenue\n{},0.0025\n{},0.0030\n", bids[0], bids[1]);
    std::fs::write(&file, text).unwrap();
    let (data, config) = (rig.data(), rig.folder.path().join("interlude.toml"));
    let book = || -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
        command.env_remove("INTERLUDE_SERVER").arg("reconcile").arg(&file).arg("--config");
        command.arg(&config).args(["--exchange", "demo", "--column", "amount=Revenue", "--json"]);
        command.args(["--book", "--author", "anna", "--data"]).arg(&data).output().unwrap()
    };
    let held = book();
    let said = String::from_utf8_lossy(&held.stderr).into_owned();
    assert!(held.stdout.is_empty() && said.contains("--server"), "{said}");

    rig.running.take().unwrap().stop();
    for booked in
        [json!({"before": false, "corrections": 1}), json!({"before": true, "corrections": 0})]
    {
        let output = book();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|why| {
            panic!("{why}: {}", String::from_utf8_lossy(&output.stderr));
        });
        assert_eq!((&told["booked"], output.status.code()), (&booked, Some(1)), "{told}");
    }
    rig.begin();
    let accounts = ask(&rig, "/api/v1/accounts").json();
    let beside = accounts["beside"].as_array().unwrap();
    let written = beside.iter().find(|account| account["account"] == "written_off").unwrap();
    assert_eq!(written["amount"], "0.0005", "{accounts}");
}

#[test]
fn breakers_are_open_to_operators_alone() {
    let rig = Rig::new("{}", "");
    let told = ask(&rig, "/api/v1/breakers");
    assert_eq!((told.status, told.json()), (200, json!({ "open": [] })));
    let mended = rig.post("/api/v1/breakers/mend", "");
    assert_eq!((mended.status, mended.json()), (200, json!({ "mended": 0 })));
    assert_eq!(ask(&rig, "/api/v1/breakers/mend").status, 405);
    let address = rig.running().admin_address();
    for (method, path) in [("GET", "/api/v1/breakers"), ("POST", "/api/v1/breakers/mend")] {
        let head = rig.head(method, path, "").replace("Authorization", "X-No");
        assert_eq!(super::exchange(address, &head, b"").status, 401, "{method} {path}");
    }
}

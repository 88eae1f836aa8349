//! `interlude load` against a server of its own: the figures add up, and nothing is wrong.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::{Server, adds_up, folder};

fn load(server: &Server, args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.arg("load").args(["--target", &format!("http://{}/bid/demo", server.bid)]);
    command.args(["--json", "--check", "1", "--listeners", "1000"]).args(args);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_figures_of_a_load_test_add_up() {
    let folder = folder();
    let server = Server::start(folder.path());
    let args = ["--rate", "300", "--duration", "2", "--connections", "8", "--delay", "50"];
    let told = load(&server, &args);
    for key in [
        "offered_per_s",
        "answered_per_s",
        "bids",
        "no_bids",
        "errors",
        "wrong_answers",
        "p50_us",
        "p90_us",
        "p99_us",
        "p99_9_us",
        "max_us",
        "server_cpu_us_per_request",
    ] {
        assert!(told[key].is_number(), "{key}: {told}");
    }
    let of = |key: &str| told[key].as_u64().unwrap();
    assert_eq!((of("errors"), of("wrong_answers")), (0, 0), "{told}");
    assert!(of("bids") > 0, "{told}");
    // Each bid was held whole, and most that won were told of it.
    assert_eq!(of("checked"), of("bids"), "{told}");
    assert!(of("notices") > 0 && of("notice_errors") == 0, "{told}");
    // Two seconds of 300: as many as a Poisson process makes of them.
    let sent = of("bids") + of("no_bids");
    assert!((450..750).contains(&sent), "{told}");
    assert_eq!(adds_up(&server.metrics()), sent);
    let latencies = ["p50_us", "p90_us", "p99_us", "p99_9_us", "max_us"].map(of);
    assert!(latencies.is_sorted() && latencies[0] > 0, "{told}");
    assert!(told["server_cpu_us_per_request"].as_f64().unwrap() > 0.0, "{told}");

    // The same seed asks the same again, and no more than it may.
    let args = ["--rate", "1000", "--duration", "60", "--requests", "40"];
    let told = load(&server, &args);
    let of = |told: &Value| told["bids"].as_u64().unwrap() + told["no_bids"].as_u64().unwrap();
    assert_eq!(of(&told), 40, "{told}");
    assert_eq!(adds_up(&server.metrics()), sent + 40);

    // What warms up is sent and not counted.
    let told = load(&server, &[&args[..], &["--warm-up", "1"]].concat());
    assert_eq!((of(&told), &told["errors"]), (40, &Value::from(0)), "{told}");
    let warmed = adds_up(&server.metrics()) - sent - 80;
    assert!((800..1_200).contains(&warmed), "{warmed}");
    server.end();
}

#[test]
fn a_search_ends_with_a_capacity_and_a_page() {
    let folder = folder();
    let server = Server::start(folder.path());
    let page = folder.path().join("page.html");
    // So high a p99 that the test does not hang on how busy this machine is; the rate is bounded
    // by the number of steps and of connections.
    let args = ["--find-capacity", "--rate", "50", "--duration", "1", "--connections", "1"];
    let report = ["--p99-ms", "5000", "--tmax", "5000", "--report", page.to_str().unwrap()];
    let told = load(&server, &[&args[..], &report].concat());
    let steps = told["steps"].as_array().unwrap();
    assert!((2..=20).contains(&steps.len()), "{told}");
    let stood = steps.iter().filter(|step| step["refused"].is_null());
    let rates = stood.map(|step| step["offered_per_s"].as_f64().unwrap());
    let best = rates.fold(0.0, f64::max);
    let capacity = told["capacity_per_s"].as_f64().unwrap();
    assert!((0.5..2.0).contains(&(best / capacity)), "{told}");
    let page = std::fs::read_to_string(page).unwrap();
    for title in ["Latency against offered rate", "Outcomes over time", "CPU per request", "Steps"]
    {
        assert!(page.contains(&format!("<h2>{title}</h2>")), "{title}");
    }
    server.end();
}

#[test]
fn the_bidder_of_somebody_else_may_refuse_break_off_and_bid_nonsense() {
    let address = nonsense();
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.args(["load", "--target", &format!("http://{address}/rtb")]);
    command.args(["--json", "--check", "1", "--requests", "40", "--rate", "200"]);
    let output = command.args(["--duration", "10", "--connections", "2"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |key: &str| told[key].as_u64().unwrap();
    // In turn: a bid on nothing that was asked, 204, 500, and half an answer.
    assert_eq!((of("bids"), of("no_bids"), of("errors")), (10, 10, 20), "{told}");
    assert_eq!(told["wrong"], serde_json::json!([["other_id", 10]]), "{told}");
}

/// A bidder with four kinds of answers.
fn nonsense() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let turn = Arc::new(AtomicUsize::new(0));
        for stream in listener.incoming() {
            let turn = Arc::clone(&turn);
            std::thread::spawn(move || answer(stream.unwrap(), &turn));
        }
    });
    address
}

fn answer(stream: std::net::TcpStream, turn: &AtomicUsize) {
    let bid = r#"{"id":"x","seatbid":[{"bid":[{"id":"1","impid":"1","price":1.5}]}]}"#;
    let mut read = BufReader::new(stream.try_clone().unwrap());
    let mut write = stream;
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while read.read_line(&mut line).unwrap_or(0) > 2 {
            if let Some(digits) = line.strip_prefix("content-length: ") {
                length = digits.trim().parse().unwrap();
            }
            line.clear();
        }
        if length == 0 || read.read_exact(&mut vec![0; length]).is_err() {
            return;
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-length:";
        let text = match turn.fetch_add(1, Ordering::Relaxed) % 4 {
            0 => format!("{head} {}\r\n\r\n{bid}", bid.len()),
            1 => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            2 => "HTTP/1.1 500 Sorry\r\ncontent-length: 0\r\n\r\n".to_owned(),
            _ => {
                let _ = write.write_all(format!("{head} 900\r\n\r\n{bid}").as_bytes());
                return;
            }
        };
        if write.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

//! `interlude load` against a server of its own: the figures add up, and nothing is wrong.

use std::process::Command;

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
    let keys: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = [
        "answered_per_s",
        "bids",
        "errors",
        "max_us",
        "no_bids",
        "offered_per_s",
        "p50_us",
        "p90_us",
        "p99_9_us",
        "p99_us",
        "server_cpu_us_per_request",
        "wrong_answers",
    ];
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(keys, wanted);
    let of = |key: &str| told[key].as_u64().unwrap();
    assert_eq!((of("errors"), of("wrong_answers")), (0, 0), "{told}");
    assert!(of("bids") > 0, "{told}");
    // Two seconds of 300: as many as a Poisson process makes of them.
    let sent = of("bids") + of("no_bids");
    assert!((450..750).contains(&sent), "{told}");
    assert_eq!(adds_up(&server.metrics()), sent);
    let latencies = ["p50_us", "p90_us", "p99_us", "p99_9_us", "max_us"].map(of);
    assert!(latencies.is_sorted() && latencies[0] > 0, "{told}");
    assert!(told["server_cpu_us_per_request"].as_f64().unwrap() > 0.0, "{told}");

    // The same seed asks the same again, and no more than it may.
    let told = load(&server, &["--rate", "1000", "--duration", "60", "--requests", "40"]);
    let of = |key: &str| told[key].as_u64().unwrap();
    assert_eq!(of("bids") + of("no_bids"), 40, "{told}");
    assert_eq!(adds_up(&server.metrics()), sent + 40);
    server.end();
}

//! Start and end.

use std::io::Read as _;
use std::thread;

use super::{Server, adds_up, command, folder, request, write_line};
use crate::doors::client::{get, post};

#[test]
fn a_server_says_what_it_serves() {
    let folder = folder();
    let server = Server::start(folder.path());
    assert_eq!((&server.ready["ready"], &server.ready["lines"]), (&true.into(), &1.into()));
    for address in [server.bid, server.admin] {
        let mut client = crate::doors::client::Client::connect(address);
        assert_eq!(client.ask(&get("/health/live", "")).status, 200);
        assert_eq!(client.ask(&get("/health/ready", "")).text(), "ready");
    }
    let mut client = server.client();
    assert_eq!(client.ask(&get("/metrics", "")).status, 404, "metrics are the operators'");
    let reply = client.ask(&request("1"));
    let bid: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, bid["id"].as_str()), (200, Some("1")));
    assert!(bid["seatbid"][0]["bid"][0]["adm"].as_str().unwrap().contains("<VAST version="));
    let banner = r#"{"id":"2","imp":[{"id":"1","banner":{}}],"app":{}}"#;
    assert_eq!(client.ask(&post("/bid/demo", "", banner.as_bytes())).status, 204);
    assert_eq!(client.ask(&post("/bid/demo", "", b"{\"id\":")).status, 400);
    assert_eq!(client.ask(&post("/bid/nobody", "", banner.as_bytes())).status, 404);
    assert_eq!(adds_up(&server.metrics()), 4);
    let (code, log) = server.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("lead to creative.public_url, not here"), "on another port: {log}");
}

#[test]
fn a_second_server_does_not_share_the_data_folder() {
    let folder = folder();
    let _server = Server::start(folder.path());
    let second = command(folder.path()).output().unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(told.contains("another server uses"), "{told}");
}

#[test]
fn a_server_comes_back_after_a_crash() {
    let folder = folder();
    let data = folder.path().join("data");
    assert_eq!(Server::start(folder.path()).end().0, Some(0));
    let journal = data.join("journal/00000001.ilj");
    let file = std::fs::File::options().write(true).open(journal).unwrap();
    file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    let world = std::fs::read_dir(data.join("worlds")).unwrap().next().unwrap().unwrap().path();
    let written = || std::fs::metadata(&world).unwrap().modified().unwrap();
    let before = std::fs::File::options().write(true).open(&world).unwrap();
    before.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let (code, log) = Server::start(folder.path()).end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("an unfinished end was cut off"), "{log}");
    assert!(written() > std::time::SystemTime::UNIX_EPOCH, "a world that comes back is no old one");
}

#[test]
fn a_server_that_cannot_start_says_every_fault() {
    let folder = folder();
    let broken = "advertiser:\n  key: two\n  curency: USD\n  campaigns: 7\n";
    std::fs::write(folder.path().join("campaigns/two.yaml"), broken).unwrap();
    let ended = command(folder.path()).output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(told.contains("two.yaml:3:"), "{told}");
    assert!(told.contains("two.yaml:4:"), "{told}");
    let config = folder.path().join("interlude.toml");
    std::fs::write(config, "[bid]\nlisten = 7\n[admn]\n").unwrap();
    let told = String::from_utf8(command(folder.path()).output().unwrap().stderr).unwrap();
    assert!(told.contains("interlude.toml:2:"), "{told}");
    assert!(told.contains("unknown key \"admn\"; did you mean \"admin\"?"), "{told}");
}

#[test]
fn a_server_ends_without_losing_a_request() {
    let folder = folder();
    write_line(folder.path(), "two", "9.00");
    let mut server = Server::start(folder.path());
    let bid = server.bid;
    let clients: Vec<_> = (0..4)
        .map(|number| {
            thread::spawn(move || {
                let mut client = crate::doors::client::Client::connect(bid);
                let mut answered = 0_u64;
                loop {
                    let reply = client.ask(&request(&format!("{number}-{answered}")));
                    assert!([200, 204].contains(&reply.status), "{reply:?}");
                    answered += 1;
                    if reply.header("connection") == Some("close") {
                        return answered;
                    }
                }
            })
        })
        .collect();
    while adds_or_waits(&server.metrics()) < 200 {
        thread::yield_now();
    }
    server.signal("TERM");
    let answered: u64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert!(answered >= 200);
    let code = server.child.wait().unwrap().code();
    let mut log = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("drained"), "{log}");
}

/// Requests received, whether or not all have ended.
fn adds_or_waits(metrics: &str) -> u64 {
    crate::doors::sum(metrics, "interlude_bid_requests_total")
}

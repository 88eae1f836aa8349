//! The whole server as a program of its own: start, swap, notices, end. Real sockets and signals.

mod asleep;
#[cfg(feature = "otel")]
mod collector;
mod crowd;
mod dashboard;
mod edits;
mod life;
mod load;
mod media;
mod money;
mod slow;
mod swap;
mod tls;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::doors::client::{Client, get, post};
use crate::doors::sum;

/// A server with a data folder and campaigns of its own.
pub struct Server {
    child: Child,
    pub bid: SocketAddr,
    pub admin: SocketAddr,
    pub ready: Value,
}

/// Config, campaigns and data of one server.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("campaigns")).unwrap();
    write_line(folder.path(), "one", "8.00");
    let config = "[server]\nlinger_ms = 300\n[campaigns]\nwatch_ms = 50\n";
    std::fs::write(folder.path().join("interlude.toml"), config).unwrap();
    folder
}

/// A campaign file with one line that takes every audio slot at this price.
pub fn write_line(folder: &Path, advertiser: &str, cpm: &str) {
    let text = format!(
        "advertiser:
  key: {advertiser}
  domains: [{advertiser}.example]
  currency: USD
  campaigns:
    - key: always
      lines:
        - key: all
          bid_cpm: {cpm}
          budget: 1.00
          creatives:
            - crid: {advertiser}-1
              duration: 15
              click_through: https://{advertiser}.example/landing
              renditions:
                - url: https://cdn.example/{advertiser}.mp3
                  mime: audio/mpeg
                  bitrate: 128
"
    );
    // Whole or not at all: a watcher may look at any time.
    let (draft, file) =
        (folder.join(advertiser), folder.join("campaigns").join(format!("{advertiser}.yaml")));
    std::fs::write(&draft, text).unwrap();
    std::fs::rename(&draft, &file).unwrap();
}

pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.args(["serve", "--json", "--bid-listen", "127.0.0.1:0"]);
    command.args(["--admin-listen", "127.0.0.1:0", "--config"]);
    command.arg(folder.join("interlude.toml")).arg("--data").arg(folder.join("data"));
    command.env("INTERLUDE_LOG", "info").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Server {
    pub fn start(folder: &Path) -> Server {
        let mut child = command(folder).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            let mut told = String::new();
            child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            panic!("not ready: {line}{told}");
        };
        let address = |key: &str| ready[key].as_str().unwrap().parse().unwrap();
        Server { bid: address("bid"), admin: address("admin"), ready, child }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Ends the server by SIGTERM; its exit code and what it logged.
    pub fn end(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        let code = self.child.wait().unwrap().code();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (code, log)
    }

    pub fn metrics(&self) -> String {
        let mut client = Client::connect(self.admin);
        client.send(&get("/metrics", "Connection: close\r\n"));
        client.reply().unwrap().text().to_owned()
    }

    /// Memory that it has, its caches included.
    pub fn resident_kb(&self) -> u64 {
        let file = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(file).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn client(&self) -> Client {
        Client::connect(self.bid)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already where the test came to its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A bid request for one audio slot.
pub fn request(id: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"id":"{id}","at":1,"tmax":5000,"cur":["USD"],
        "imp":[{{"id":"1","audio":{{"mimes":["audio/mpeg"],
        "protocols":[7,14],"minduration":5,"maxduration":30}}}}],"app":{{"id":"music"}},
        "device":{{"ip":"192.0.2.1","geo":{{"country":"USA"}}}}}}"#
    );
    post("/bid/demo", "Content-Type: application/json\r\n", body.as_bytes())
}

/// Everything received has ended, under the labels that metrics tell.
pub fn adds_up(metrics: &str) -> u64 {
    let received = sum(metrics, "interlude_bid_requests_total");
    assert_eq!(received, sum(metrics, "interlude_bid_outcomes_total"), "{metrics}");
    received
}

//! The admin API over a whole running server: who may, what is taken, what bids make of it.

mod command;
mod limits;
mod listeners;
mod lists;
pub mod money;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use interlude::app::config::Config;
use interlude::app::run::Running;
use serde_json::{Value, json};

use crate::doors::client::{Client, Reply, post};

/// A server with one line that wants what a test says, and its token.
pub struct Rig {
    pub running: Option<Running>,
    pub token: String,
    pub folder: tempfile::TempDir,
    config: Config,
}

impl Rig {
    /// `targeting` in YAML; `more` is added to the config.
    pub fn new(targeting: &str, more: &str) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("campaigns")).unwrap();
        std::fs::write(folder.path().join("campaigns/one.yaml"), campaign(targeting)).unwrap();
        let text = format!(
            "[bid]\nlisten = \"127.0.0.1:0\"\n[server]\nlinger_ms = 0\n[[exchange]]\nkey = \
             \"demo\"\nregs_default = \"full\"\neid_source = \
             \"ids.example\"\n[audience]\nseal_ms = 50\n{more}"
        );
        let file = folder.path().join("interlude.toml");
        std::fs::write(&file, &text).unwrap();
        let mut config = Config::load(&file).unwrap_or_else(|faults| panic!("{faults}"));
        // A handful of listeners is enough here.
        config.crowd.audience_min = 0;
        config.admin.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut rig = Rig { running: None, token: String::new(), folder, config };
        rig.start();
        let token = std::fs::read_to_string(rig.data().join("admin.token")).unwrap();
        rig.token = token.trim().to_owned();
        rig
    }

    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the server again where it was stopped.
    pub fn begin(&mut self) {
        self.start();
    }

    fn start(&mut self) {
        let running = Running::start(self.config.clone(), &self.data());
        self.running = Some(running.unwrap_or_else(|why| panic!("{why:?}")));
    }

    /// Ends the server and starts it again on what it left.
    pub fn restart(&mut self) {
        self.running.take().unwrap().stop();
        self.start();
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn listeners(&self) -> usize {
        self.running().intake().unwrap().audience().len()
    }

    /// The head of an authorized request.
    pub fn head(&self, method: &str, path: &str, headers: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: \
             Bearer {}\r\n{headers}\r\n",
            self.token
        )
    }

    pub fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        let headers = format!("{headers}Content-Length: {}\r\n", body.len());
        exchange(self.running().admin_address(), &self.head(method, path, &headers), body)
    }

    pub fn post(&self, path: &str, body: &str) -> Reply {
        self.ask("POST", path, "", body.as_bytes())
    }

    /// Uploads lines; all of them have to be taken.
    pub fn upload(&self, path: &str, lines: &[Value]) {
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let reply = self.post(path, &body);
        let done = json!({ "done": true, "accepted": lines.len(), "refused": 0 });
        assert_eq!((reply.status, reply.last()), (200, done), "{reply:?}");
    }

    /// Whether the line bids for this user.
    pub fn bids(&self, user: &Value) -> bool {
        let request = json!({
            "id": "r", "at": 1, "tmax": 5000, "cur": ["USD"], "user": user,
            "imp": [{"id": "1", "audio": {"mimes": ["audio/mpeg"], "protocols": [7, 14],
                "minduration": 5, "maxduration": 30}}],
            "app": {"id": "music"},
            "device": {"ip": "192.0.2.1", "geo": {"country": "USA"}},
        });
        let mut client = Client::connect(self.running().bid_address());
        let body = request.to_string();
        let json = "Content-Type: application/json\r\nConnection: close\r\n";
        match client.ask(&post("/bid/demo", json, body.as_bytes())).status {
            200 => true,
            204 => false,
            status => panic!("{status}"),
        }
    }

    /// Waits until the line bids for this user, or no longer does; for how long.
    pub fn await_bid(&self, user: &Value, wanted: bool) -> Duration {
        let start = Instant::now();
        while self.bids(user) != wanted {
            assert!(start.elapsed() < Duration::from_secs(20), "bids: {} for {user}", !wanted);
            std::thread::sleep(Duration::from_millis(10));
        }
        start.elapsed()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

/// A line that wants what a test says.
pub fn campaign(targeting: &str) -> String {
    format!(
        "advertiser:
  key: one
  domains: [one.example]
  currency: USD
  campaigns:
    - key: always
      lines:
        - key: all
          bid_cpm: 8.00
          budget: 100.00
          targeting: {targeting}
          creatives:
            - crid: one-1
              duration: 15
              click_through: https://one.example/landing
              renditions:
                - url: https://cdn.example/one.mp3
                  mime: audio/mpeg
                  bitrate: 128
"
    )
}

/// Sends and reads until the server closes.
pub fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut writing = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        // A server that has refused the rest closes while we write.
        scope.spawn(move || {
            let _ = writing.write_all(head.as_bytes()).and_then(|()| writing.write_all(body));
        });
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        parse(&read)
    })
}

pub fn parse(read: &[u8]) -> Reply {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(read)));
    let head = String::from_utf8(read[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = read[end + 4..].to_vec();
    if head.to_lowercase().contains("transfer-encoding: chunked") {
        body = unchunked(&body);
    }
    Reply { status, head, body }
}

/// The pieces that have come, whole or not.
pub fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        rest = &rest[end + 2..];
        out.extend_from_slice(&rest[..size.min(rest.len())]);
        rest = rest.get(size + 2..).unwrap_or_default();
    }
    out
}

pub fn user(id: &str) -> Value {
    json!({ "buyeruid": id })
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

//! A no that was answered outlives `kill -9`, and holds from the first bid of the next start.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::api::{campaign, exchange};
use crate::doors::client::{Client, post};

struct Server {
    child: Child,
    bid: SocketAddr,
    admin: SocketAddr,
    token: String,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
        command.args(["serve", "--json", "--bid-listen", "127.0.0.1:0"]);
        command.args(["--admin-listen", "127.0.0.1:0", "--config"]);
        command.arg(folder.join("interlude.toml")).arg("--data").arg(folder.join("data"));
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|why| panic!("{why}: {line}"));
        let address = |key: &str| ready[key].as_str().unwrap().parse().unwrap();
        let token = std::fs::read_to_string(folder.join("data/admin.token")).unwrap();
        let (bid, admin) = (address("bid"), address("admin"));
        Server { child, bid, admin, token: token.trim().to_owned() }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        let head = format!(
            "{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        let reply = exchange(self.admin, &head, body.as_bytes());
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.last()
    }

    fn bids(&self) -> bool {
        let request = json!({
            "id": "r", "at": 1, "tmax": 5000, "cur": ["USD"], "user": {"buyeruid": "one"},
            "imp": [{"id": "1", "audio": {"mimes": ["audio/mpeg"], "protocols": [7, 14],
                "minduration": 5, "maxduration": 30}}],
            "app": {"id": "music"}, "device": {"geo": {"country": "USA"}},
        });
        let mut client = Client::connect(self.bid);
        let json = "Content-Type: application/json\r\nConnection: close\r\n";
        client.ask(&post("/bid/demo", json, request.to_string().as_bytes())).status == 200
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
fn a_no_is_heeded_by_the_next_bid_and_outlives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("campaigns")).unwrap();
    let campaign = campaign("{ mood: calm }");
    std::fs::write(folder.path().join("campaigns/one.yaml"), campaign).unwrap();
    let config = "[server]\nlinger_ms = 1\nworkers = 1\n[[exchange]]\nkey = \"demo\"\n\
                  regs_default = \"full\"\n[audience]\nseal_ms = 50\n";
    std::fs::write(folder.path().join("interlude.toml"), config).unwrap();
    let mut server = Server::start(folder.path());
    server.ask("POST", "audience", "{\"id\":\"one\",\"segments\":{\"mood\":[\"calm\"]}}\n");
    while !server.bids() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    for (body, bids) in [
        ("{\"opt_out\":[\"mood\"]}", false),
        ("{\"opt_in\":[\"mood\"]}", true),
        ("{\"opt_out\":[\"all\"]}", false),
        ("{\"opted_out\":[]}", true),
        ("{\"minor\":true}", false),
    ] {
        server.ask("PUT", "listeners/one/opt-outs", body);
        // No waiting: what was answered is in effect.
        assert_eq!(server.bids(), bids, "after {body}");
        server.kill();
        server = Server::start(folder.path());
        assert_eq!(server.bids(), bids, "after {body} and a kill");
    }
}

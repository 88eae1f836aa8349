//! The whole server as a process of its own on the first core: what it uses is its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

pub struct Server {
    child: Child,
    pub bid: SocketAddr,
    admin: SocketAddr,
}

/// What the campaign files of [`super::ours`] are served with.
const CONFIG: &str = "[server]
workers = 1
linger_ms = 0
[bid]
# All connections of the generator come from one address.
connections_per_peer_max = 0
# Those that are half open are beside them, and stay.
connections_max = 12000
head_timeout_ms = 120000
body_timeout_ms = 120000
[campaigns]
files = [\"lines\"]
watch_ms = 0
[[exchange]]
key = \"one\"
open_bids = 1
[[exchange]]
key = \"two\"
open_bids = 2
";

impl Server {
    /// With listeners and campaigns that are in the folder.
    pub fn start(folder: &Path) -> Server {
        let file = folder.join("load.toml");
        std::fs::write(&file, CONFIG).expect("a file");
        let mut serve = Command::new(env!("CARGO_BIN_EXE_interlude"));
        serve.args(["serve", "--json", "--bid-listen", "127.0.0.1:0", "--admin-listen"]);
        serve.args(["127.0.0.1:0", "--config"]).arg(file).arg("--data").arg(folder);
        let log = std::fs::File::create(folder.join("stderr")).expect("a file");
        serve.env("INTERLUDE_LOG", "warn").stdout(Stdio::piped()).stderr(log);
        pin(0);
        let mut child = serve.spawn().expect("a server");
        pin(1);
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("what it says");
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let log = std::fs::read_to_string(folder.join("stderr")).unwrap_or_default();
            panic!("the server does not start: {log}")
        });
        let address = |key: &str| ready[key].as_str().and_then(|at| at.parse().ok());
        let address = |key| address(key).expect("an address");
        Server { bid: address("bid"), admin: address("admin"), child }
    }

    /// As SIGHUP: looks at its campaigns.
    pub fn reload(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("a process");
    }

    /// Counters and gauges, each over all its labels.
    pub fn metrics<const N: usize>(&self, names: [&str; N]) -> [f64; N] {
        let mut stream = TcpStream::connect(self.admin).expect("an admin listener");
        let ask = b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(ask).expect("a server that reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("metrics");
        names.map(|name| {
            let of = |line: &str| {
                let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']))?;
                rest.rsplit(' ').next()?.parse::<f64>().ok()
            };
            text.lines().filter_map(of).sum()
        })
    }

    /// What is resident, in MiB.
    pub fn resident_mib(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most that was since [`Server::forget_peak`].
    pub fn peak_mib(&self) -> f64 {
        self.status("VmHWM:")
    }

    pub fn forget_peak(&self) {
        let file = format!("/proc/{}/clear_refs", self.child.id());
        std::fs::write(file, "5").expect("procfs");
    }

    /// Processor time used so far; to 10 ms.
    pub fn cpu_ms(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("procfs");
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2);
        ticks.map(|ticks| ticks.parse::<f64>().expect("ticks")).sum::<f64>() * 10.0
    }

    fn status(&self, key: &str) -> f64 {
        let file = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(file).expect("procfs");
        let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
        // Connections that it had are not those of the next.
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// This thread, and all that it starts from now on, to one core; where there is but one, not.
pub fn pin(core: usize) {
    if cores() < 2 {
        return;
    }
    let mut only = CpuSet::new();
    only.set(core);
    let _ = sched_setaffinity(None, &only);
}

/// Thousands of connections are as many files.
pub fn want_files(files: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|now| now < files) {
        let wanted = Rlimit { current: Some(files), ..limit };
        setrlimit(Resource::Nofile, wanted).expect("open files");
    }
}

/// Of the machine; `available_parallelism` says how many this thread may have.
fn cores() -> usize {
    let all = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    all.lines().filter(|line| line.starts_with("processor")).count()
}

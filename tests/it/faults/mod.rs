//! What a server promises when it is killed, loses power, or its disk fails or is full: every
//! notice that was acknowledged is in the journal, none is charged twice, and the next start needs
//! nobody's hand.
//!
//! Real processes, real files, clients over real sockets, which alone say what was acknowledged.
//! Power cuts and full disks need file systems of their own (root, loop devices), a breaking one
//! nbdkit and FUSE, failing and slow system calls strace; where a machine has none of them,
//! `INTERLUDE_NO_LOOP=1`, `INTERLUDE_NO_NBD=1` and `INTERLUDE_NO_STRACE=1` leave these tests out.
//! `INTERLUDE_LONG=1` does ten times as much and more.

mod broken;
mod capped;
mod clock;
mod descriptors;
mod end;
mod flood;
mod framing;
mod full;
mod garbage;
mod half_open;
mod image;
mod kill;
mod load;
mod paused;
mod power;
mod rotate;
mod slow;
mod starved;
mod syscalls;
mod unread;
mod upgrade;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use interlude::base::journal;
use interlude::base::units::ids::LineId;
use interlude::base::units::time::{Clock as _, WallClock};
use interlude::flows::notice::{TicketConfig, ticket_keys};
use interlude::market::notice::Kind;
use interlude::market::ticket::{BidId, TicketFault, TicketKeys};
use interlude::offer::ledger::{Entry, NoticeEntry};
use serde_json::Value;

use crate::doors::client::{Client, get};
use crate::doors::value;

/// What the line that bids most may cost; the other one's budget is never reached.
const TIGHT_NANOS: i64 = 100_000_000;

/// Start and end of a process are bounded by this, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn is_long() -> bool {
    std::env::var_os("INTERLUDE_LONG").is_some()
}

/// Campaigns and a config; the data folder is made wherever a test wants it.
fn world() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("campaigns")).unwrap();
    let line = |key: &str, cpm: &str, budget: &str| {
        format!(
            "        - key: {key}
          bid_cpm: {cpm}
          budget: {budget}
          creatives:
            - crid: {key}-1
              duration: 15
              click_through: https://one.example/landing
              renditions:
                - url: https://cdn.example/{key}.mp3
                  mime: audio/mpeg
                  bitrate: 128
"
        )
    };
    let campaigns = format!(
        "advertiser:
  key: one
  domains: [one.example]
  currency: USD
  campaigns:
    - key: always
      lines:
{}{}",
        line("tight", "9.00", "0.10"),
        line("wide", "8.00", "900000")
    );
    fs::write(folder.path().join("campaigns/one.yaml"), campaigns).unwrap();
    // Segments are small, so that they are closed and begun all the time.
    let config = "[server]\nlinger_ms = 1\nworkers = 1\n[campaigns]\nwatch_ms = 1000\n\
                  [notice.journal]\nsegment_bytes = 16384\n";
    fs::write(folder.path().join("interlude.toml"), config).unwrap();
    folder
}

/// A server that may die at any time.
struct Process {
    child: Child,
    bid: SocketAddr,
    admin: SocketAddr,
    /// From the start of the process until it said that it is ready.
    ready_in: Duration,
}

impl Process {
    fn start(world: &Path, data: &Path) -> Process {
        let serve = Command::new(env!("CARGO_BIN_EXE_interlude"));
        match Process::spawn(serve, world, data) {
            Ok(process) => process,
            Err(told) => panic!("does not start again by itself: {told}"),
        }
    }

    /// In the place of the one that is there.
    fn take_over(world: &Path, data: &Path) -> Result<Process, String> {
        let interlude = Command::new(env!("CARGO_BIN_EXE_interlude"));
        let log = File::create(world.join("stderr")).unwrap();
        Process::spawn_with(interlude, (&["--take-over"], log.into()), world, data)
    }

    /// `command` is the program, or something that runs it; the error is what it told.
    fn spawn(command: Command, world: &Path, data: &Path) -> Result<Process, String> {
        let log = File::create(world.join("stderr")).unwrap();
        Process::spawn_with(command, (&[], log.into()), world, data)
    }

    fn spawn_with(
        mut command: Command,
        (args, log): (&[&str], Stdio),
        world: &Path,
        data: &Path,
    ) -> Result<Process, String> {
        command.arg("serve").args(args).args(["--json", "--bid-listen", "127.0.0.1:0"]);
        command.args(["--admin-listen", "127.0.0.1:0", "--config"]);
        command.arg(world.join("interlude.toml")).arg("--data").arg(data);
        command.env("INTERLUDE_LOG", "info").env("MALLOC_ARENA_MAX", "2");
        command.stdout(Stdio::piped()).stderr(log);
        let since = Instant::now();
        let mut child = command.spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            // Ends with the process; what it could not say is no JSON.
            let _ = BufReader::new(out).read_line(&mut line);
            let _ = tell.send(line);
        });
        let line = told.recv_timeout(PATIENCE).unwrap_or_default();
        let ready_in = since.elapsed();
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!(
                "{line}{}",
                fs::read_to_string(world.join("stderr")).unwrap_or_default()
            ));
        };
        let address = |key: &str| ready[key].as_str().unwrap().parse().unwrap();
        Ok(Process { child, bid: address("bid"), admin: address("admin"), ready_in })
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Memory that it has, its caches included.
    fn resident_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Processor time of all its threads.
    fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let nanos = |task: fs::DirEntry| {
            // A thread may end meanwhile.
            let told = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            told.split(' ').next().and_then(|ran| ran.parse::<u64>().ok()).unwrap_or(0)
        };
        Duration::from_nanos(tasks.flatten().map(nanos).sum())
    }

    /// Open connections of the bid listener.
    fn connections(&self) -> u64 {
        value(&self.metrics(), "interlude_bid_open_connections")
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn metrics(&self) -> String {
        let mut client = Client::connect(self.admin);
        client.send(&get("/metrics", "Connection: close\r\n"));
        client.reply().unwrap().text().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Compares what clients had acknowledged with what a data folder's journal holds. Nobody may be
/// writing it.
fn judge(data: &Path, acknowledged: &[load::Told]) {
    judge_by(&ticket_keys(&TicketConfig::default(), data).unwrap(), data, acknowledged);
}

/// As [`judge`], where the keys of tickets are configured.
fn judge_by(keys: &TicketKeys, data: &Path, acknowledged: &[load::Told]) {
    let entries = notices(data);
    let mut known: HashMap<(BidId, Kind), u64> = HashMap::new();
    let (mut charged, mut spent) = (HashMap::<BidId, u64>::new(), HashMap::<LineId, i64>::new());
    for entry in &entries {
        if entry.conflict.is_none() {
            *known.entry((entry.bid, entry.kind)).or_default() += 1;
        }
        if entry.charged.nanos > 0 {
            *charged.entry(entry.bid).or_default() += 1;
            *spent.entry(entry.line).or_default() += entry.charged.nanos;
        }
    }
    for told in acknowledged {
        let ticket = match keys.verify(&told.ticket, told.kind.channel(), WallClock.now()) {
            Ok(ticket) | Err(TicketFault::Expired(ticket)) => ticket,
            Err(fault) => panic!("{fault}: {told:?}"),
        };
        let times = known.get(&(ticket.bid, told.kind)).copied().unwrap_or(0);
        assert_eq!(times, 1, "acknowledged once, kept {times} times: {told:?}");
    }
    assert!(charged.values().all(|&times| times == 1), "charged twice");
    let tight = spent.get(&LineId::of("one", "always", "tight")).copied().unwrap_or(0);
    assert!(tight <= TIGHT_NANOS, "{tight} nanos of {TIGHT_NANOS} spent");
}

fn notices(data: &Path) -> Vec<NoticeEntry> {
    let mut notices = Vec::new();
    let read = journal::read(&data.join("journal"), &mut |record| {
        if let Entry::Notice(entry) = Entry::decode(record).map_err(|fault| fault.to_string())? {
            notices.push(entry);
        }
        Ok(())
    });
    read.unwrap();
    notices
}

/// The program's own judgement of all balances.
fn audit(data: &Path) {
    let mut audit = Command::new(env!("CARGO_BIN_EXE_interlude"));
    let told = audit.arg("audit").arg(data).output().unwrap();
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{text}{}", String::from_utf8_lossy(&told.stderr));
}

/// How long so many bids take, one after the other; ascending.
fn time_bids(book: &load::Book, client: &mut Client, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..count {
        let since = Instant::now();
        book.bid(client).unwrap();
        times.push(since.elapsed());
    }
    times.sort();
    times
}

/// Waits until something holds, and says how long it took; `None`: it never does.
pub fn until(mut holds: impl FnMut() -> bool) -> Option<Duration> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if holds() {
            return Some(since.elapsed());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

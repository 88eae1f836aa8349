//! The n-th system call fails, for every kind that the journal makes: once, or from then on.
//!
//! strace makes them fail, in files of the journal alone. The server may end, or not start; what
//! it acknowledged is there after the next start, which needs nobody's hand.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use interlude::base::stdx::rng::Rng;

use super::load::Book;
use super::{Process, audit, is_long, judge, until, world};
use crate::doors::client::Client;

const CALLS: [(&str, u64); 6] = [
    ("write", 24),
    ("fdatasync", 24),
    ("fsync", 6),
    ("openat", 12),
    ("ftruncate", 2),
    ("rename", 2),
];

/// Bids with their notices, in a run.
const ROUNDS: usize = 6;

#[test]
fn no_failing_system_call_makes_a_false_acknowledgement() {
    if std::env::var_os("INTERLUDE_NO_STRACE").is_some() {
        eprintln!("NOT TESTED: failing system calls (INTERLUDE_NO_STRACE is set)");
        return;
    }
    let mut cases = Vec::new();
    for (call, most) in CALLS {
        for nth in 1..=most {
            for error in ["EIO", "ENOSPC"] {
                for lasting in ["", "+"] {
                    cases.push(format!("{call}:error={error}:when={nth}{lasting}"));
                }
            }
        }
    }
    // Here a few of each; all of them where there is time.
    let mut rng = Rng::new(0x57ace);
    if !is_long() {
        let few = (0..14).map(|_| cases[rng.below(cases.len())].clone());
        let surely = ["fdatasync:error=EIO:when=5+", "write:error=ENOSPC:when=6"];
        cases = surely.map(str::to_owned).into_iter().chain(few).collect();
    }
    let (mut failed, mut refused) = (0, 0);
    for case in &cases {
        let book = run(case);
        let told = book.acknowledged().len();
        failed += usize::from(told < ROUNDS * 3);
        refused += usize::from(told == 0);
    }
    eprintln!("{} cases: {failed} were felt, {refused} of them at the start", cases.len());
    assert!(failed > 0, "no call failed");
}

fn run(case: &str) -> Arc<Book> {
    let world = world();
    let data = world.path().join("data");
    let book = Arc::new(Book::default());
    // Something stands in the journal before.
    let server = Process::start(world.path(), &data);
    let told = book.round(&mut Client::connect(server.bid));
    assert!(told.is_ok());
    drop(server);
    let before = book.acknowledged().len();
    if let Ok(mut server) = Process::spawn(under_strace(&data, case), world.path(), &data) {
        // Ends where the server does.
        if let Ok(mut client) = Client::try_connect(server.bid) {
            for _ in 0..ROUNDS {
                if book.round(&mut client).is_err() {
                    break;
                }
            }
        }
        server.kill();
        // The tracer ends after it.
        assert!(until(|| is_free(&data)).is_some(), "{case}: the folder is never free");
    }
    judge(&data, &book.acknowledged());
    let server = Process::start(world.path(), &data);
    let mut client = Client::connect(server.bid);
    for notice in book.acknowledged() {
        assert!(book.tell(&mut client, &notice).unwrap(), "{case}: {notice:?}");
    }
    drop(server);
    let mut acknowledged = book.acknowledged();
    acknowledged.drain(..before);
    acknowledged.truncate(acknowledged.len() / 2);
    judge(&data, &acknowledged);
    audit(&data);
    book
}

/// The tracer is a grandchild: what is killed is the server itself.
fn under_strace(data: &Path, case: &str) -> Command {
    let mut command = Command::new("strace");
    let calls = case.split(':').next().unwrap();
    command.args(["-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e"]);
    command.arg(format!("trace={calls}")).arg("-e").arg(format!("inject={case}"));
    let journal = data.join("journal");
    command.arg("-P").arg(&journal);
    for segment in 1..40 {
        command.arg("-P").arg(journal.join(format!("{segment:08}.ilj")));
    }
    command.arg("--").arg(env!("CARGO_BIN_EXE_interlude"));
    command
}

fn is_free(data: &Path) -> bool {
    let file = std::fs::File::options().append(true).open(data.join("server.lock"));
    file.is_ok_and(|file| file.try_lock().is_ok())
}

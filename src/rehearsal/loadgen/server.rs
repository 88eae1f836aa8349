//! What does a request cost the bidder? The time that its process has run, where it is local.
//!
//! Read before and after a test; cold. The process is the one that holds the listening socket of
//! the target's port, as `/proc` tells; of another machine, or of another user, nothing is known.

use std::fs;
use std::net::SocketAddr;

/// The process behind a port of this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Server {
    pid: u32,
}

/// Linux tells CPU time in hundredths of a second.
const TICK_US: u64 = 10_000;

impl Server {
    pub fn behind(address: SocketAddr) -> Option<Server> {
        if !address.ip().is_loopback() {
            return None;
        }
        let inodes = listening(address.port());
        let pids = fs::read_dir("/proc").ok()?.flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let holds = |pid: &u32| {
            let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            { files }.any(|file| {
                fs::read_link(file.path())
                    .is_ok_and(|link| inodes.iter().any(|inode| link.to_str() == Some(inode)))
            })
        };
        { pids }.find(holds).map(|pid| Server { pid })
    }

    /// All that its threads have run so far.
    pub fn cpu_us(self) -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // The name in brackets may hold anything.
        let mut rest = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
        let mut ticks = || rest.next()?.parse::<u64>().ok();
        Some((ticks()? + ticks()?) * TICK_US)
    }
}

/// Sockets that listen on a port, as links of `/proc/PID/fd` name them.
fn listening(port: u16) -> Vec<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let suffix = format!(":{port:04X}");
    let mut inodes = Vec::new();
    for line in tables.iter().flatten().flat_map(|table| table.lines().skip(1)) {
        let cells: Vec<&str> = line.split_ascii_whitespace().collect();
        // 0A is LISTEN.
        if let [_, local, _, "0A", ..] = cells[..]
            && local.ends_with(&suffix)
            && let Some(inode) = cells.get(9)
        {
            inodes.push(format!("socket:[{inode}]"));
        }
    }
    inodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::behind(listener.local_addr().unwrap());
        assert_eq!(server, Some(Server { pid: std::process::id() }));
        assert!(server.unwrap().cpu_us().is_some());
        assert_eq!(Server::behind("192.0.2.1:80".parse().unwrap()), None);
    }
}

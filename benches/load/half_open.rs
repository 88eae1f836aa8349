//! Ten thousand connections that say nothing, half a head or half a body: do others feel it?

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::process::Server;
use super::{Bench, middle};

const CROWD: usize = 10_000;

const PATIENCE: Duration = Duration::from_secs(20);

/// Asked for: p99 at most 1.3 times that without them, at most 20 KB each.
pub fn measure(bench: &Bench, server: &Server, capacity: f64) {
    let crowd = if bench.short { 100 } else { CROWD };
    let rounds = if bench.short { 1 } else { 5 };
    let mut rows: Vec<[f64; 6]> = Vec::new();
    for _ in 0..rounds {
        let plan = bench.warm(server.bid, "/bid/one", capacity / 2.0, 8);
        let calm = Bench::run(&plan);
        let before_mib = server.resident_mib();
        let held = open(server, crowd);
        let each_kb = (server.resident_mib() - before_mib) * 1024.0 / crowd as f64;
        let beside = Bench::run(&plan);
        drop(held);
        wait_for(server, |connections| connections < crowd as f64);
        let us = |p50: u64, p99: u64| (p50 as f64, p99 as f64);
        let ((p50, p99), (p50_beside, p99_beside)) =
            (us(calm.p50_us, calm.p99_us), us(beside.p50_us, beside.p99_us));
        rows.push([p50, p50_beside / p50, p99, p99_beside, p99_beside / p99, each_kb]);
    }
    let [p50, p50_ratio, p99, p99_beside, ratio, each_kb] =
        [0, 1, 2, 3, 4, 5].map(|column| middle(&rows, column));
    println!(
        "at half of it beside {crowd} half-open connections (medians of {rounds}): p50 {p50} µs, \
         {p50_ratio:.2} times; p99 {p99} µs, beside them {p99_beside} µs, {ratio:.2} times; \
         {each_kb:.1} KB each"
    );
}

/// Of four kinds, from eight addresses; all are at the server.
fn open(server: &Server, crowd: usize) -> Vec<TcpStream> {
    let head = format!("POST /bid/one HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(15 << 10));
    let whole = "POST /bid/one HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                 Content-Length: 64\r\n\r\n{";
    let kinds = ["", &whole[..20], &head, whole];
    let open = |nth: usize| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2 + (nth % 8) as u8), 0));
        socket.bind(&from.into()).expect("an address of its own");
        socket.connect(&server.bid.into()).expect("a server that accepts");
        let mut stream = TcpStream::from(socket);
        stream.write_all(kinds[nth % kinds.len()].as_bytes()).expect("room for it");
        stream
    };
    let mut held = Vec::new();
    while held.len() < crowd {
        // Fewer at once than the kernel queues: it forgets those beyond.
        let upto = crowd.min(held.len() + 1_000);
        held.extend((held.len()..upto).map(open));
        // A burst as sudden as this may be turned away in a small part.
        wait_for(server, |connections| connections >= 0.99 * upto as f64);
    }
    held
}

fn wait_for(server: &Server, holds: impl Fn(f64) -> bool) {
    let begun = Instant::now();
    loop {
        let [open] = server.metrics(["interlude_bid_open_connections"]);
        if holds(open) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{open} are open: neither all taken nor all gone");
        thread::sleep(Duration::from_millis(50));
    }
}

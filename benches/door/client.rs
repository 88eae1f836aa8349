//! Keeps 64 connections busy: reads the answer of each in turn and sends its next request.
//!
//! It never sleeps: who sleeps is woken by the server's own send, and a slow server would pay for
//! that each time while a quick one never does.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Client {
    requests: Vec<Vec<u8>>,
    next: usize,
}

#[derive(Default)]
pub struct Answers {
    pub count: u64,
    pub bids: u64,
    pub bid_bytes: u64,
}

impl Answers {
    /// Of those with a bid, on average.
    pub fn bid_length(&self) -> usize {
        (self.bid_bytes / self.bids.max(1)) as usize
    }
}

struct Connection {
    stream: TcpStream,
    piece: Box<[u8; 64 << 10]>,
}

impl Client {
    pub fn new(exchange: &str, bodies: &[Vec<u8>]) -> Client {
        let whole = |body: &Vec<u8>| {
            let mut request = format!(
                "POST /bid/{exchange} HTTP/1.1\r\nHost: bid.example\r\n\
                 Content-Type: application/json\r\n\
                 x-openrtb-version: 2.6\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .into_bytes();
            request.extend_from_slice(body);
            request
        };
        Client { requests: bodies.iter().map(whole).collect(), next: 0 }
    }

    pub fn run(&mut self, server: SocketAddr, time: Duration) -> Answers {
        let mut connections: Vec<Connection> =
            (0..CONNECTIONS).map(|_| Connection::open(server)).collect();
        let (begun, mut answers) = (Instant::now(), Answers::default());
        for connection in &mut connections {
            connection.send(self.request());
        }
        while begun.elapsed() < time {
            for connection in &mut connections {
                connection.read(&mut answers);
                connection.send(self.request());
            }
        }
        connections.iter_mut().for_each(|connection| connection.read(&mut answers));
        answers
    }

    fn request(&mut self) -> &[u8] {
        self.next = (self.next + 1) % self.requests.len();
        &self.requests[self.next]
    }
}

impl Connection {
    fn open(server: SocketAddr) -> Connection {
        let stream = TcpStream::connect(server).expect("a server");
        stream.set_nodelay(true).expect("a socket");
        stream.set_nonblocking(true).expect("a socket");
        Connection { stream, piece: Box::new([0; 64 << 10]) }
    }

    fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).expect("a server that reads: its buffers hold a request");
    }

    fn read_some(&mut self, filled: usize) -> usize {
        let begun = Instant::now();
        loop {
            match self.stream.read(&mut self.piece[filled..]) {
                Ok(0) => panic!("the server hung up"),
                Ok(read) => return read,
                Err(why) if why.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
                Err(why) => panic!("no answer: {why}"),
            }
            assert!(begun.elapsed() < PATIENCE, "no answer");
        }
    }

    /// One answer: its head, and as many bytes as that says.
    fn read(&mut self, answers: &mut Answers) {
        let mut filled = 0;
        loop {
            filled += self.read_some(filled);
            let got = &self.piece[..filled];
            let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&got[..end]).expect("a head");
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            let length: usize = length.unwrap_or(0);
            if filled < end + 4 + length {
                continue;
            }
            assert_eq!(filled, end + 4 + length, "one answer to one request");
            answers.count += 1;
            if head.starts_with("HTTP/1.1 200") {
                answers.bids += 1;
                answers.bid_bytes += length as u64;
            } else {
                assert!(head.starts_with("HTTP/1.1 204"), "{head}");
            }
            return;
        }
    }
}

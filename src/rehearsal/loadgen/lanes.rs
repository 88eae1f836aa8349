//! How are hundreds of connections kept busy by one thread? They wait together, in one epoll.
//!
//! Used by a load test for its bids and, on another thread, for its notices; cold, but cheap: the
//! generator must not be what a test measures. A request costs one write, one read and its part
//! of a wait. Each lane is a kept-alive connection with at most one request on its way.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fd::OwnedFd;
use socket2::{Domain, Socket, Type};

use super::client::{TIMEOUT, is_closed};
use super::http::{Reply, reply};

/// How often lanes are looked through for silence.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Taken in one go.
const EVENTS: usize = 64;
const PIECE_BYTES: usize = 64 << 10;

/// Connections to one server; `T` says what a request on its way was.
pub struct Lanes<T> {
    address: SocketAddr,
    epoll: OwnedFd,
    lanes: Vec<Lane<T>>,
    free: VecDeque<usize>,
    ended: Vec<(T, io::Result<Reply>)>,
    piece: Box<[u8]>,
    looked: Instant,
}

struct Lane<T> {
    stream: Option<TcpStream>,
    /// Nothing has been answered on this stream yet.
    fresh: bool,
    request: Vec<u8>,
    written: usize,
    arrived: Vec<u8>,
    busy: Option<(T, Instant)>,
}

impl<T> Lanes<T> {
    /// So many, each connected before the first request.
    pub fn open(address: SocketAddr, count: usize) -> io::Result<Lanes<T>> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut lanes = Lanes {
            address,
            epoll,
            lanes: (0..count).map(|_| Lane::idle()).collect(),
            free: (0..count).collect(),
            ended: Vec::new(),
            piece: vec![0; PIECE_BYTES].into(),
            looked: Instant::now(),
        };
        // One after the other: a burst that a short queue of a bidder drops costs a second each.
        let mut wait = true;
        for number in 0..count {
            wait = lanes.connect(number, wait)?;
        }
        Ok(lanes)
    }

    pub fn has_free(&self) -> bool {
        !self.free.is_empty()
    }

    /// Whether nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.free.len() == self.lanes.len() && self.ended.is_empty()
    }

    /// Sends what `write` writes on the lane that has been free for the longest.
    pub fn send(&mut self, of: T, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(number) = self.free.pop_front() else { return };
        let lane = &mut self.lanes[number];
        lane.request.clear();
        write(&mut lane.request);
        lane.busy = Some((of, Instant::now()));
        if let Err(why) = self.begin(number) {
            self.end(number, Err(why), false);
        }
    }

    /// Takes what has been answered, and waits for it at most so long.
    pub fn wait(&mut self, at_most: Duration, done: &mut Vec<(T, io::Result<Reply>)>) {
        done.append(&mut self.ended);
        if done.is_empty() {
            let timeout = Timespec::try_from(at_most).ok();
            let mut ready = [PollFd::new(&self.epoll, PollFlags::IN)];
            // Interrupted: the caller comes again. An epoll's own wait knows only milliseconds.
            let _ = poll(&mut ready, timeout.as_ref());
        }
        let mut events = Vec::with_capacity(EVENTS);
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let spare = rustix::buffer::spare_capacity(&mut events);
        if epoll::wait(&self.epoll, spare, Some(&at_once)).is_ok() {
            for event in events {
                self.advance(event.data.u64() as usize);
            }
        }
        if self.looked.elapsed() > LOOK_EVERY {
            self.looked = Instant::now();
            self.give_up();
        }
        done.append(&mut self.ended);
    }

    /// Whether it is worth while to wait for the next one.
    fn connect(&mut self, number: usize, wait: bool) -> io::Result<bool> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, None)?;
        let address = self.address.into();
        let reached = wait && socket.connect_timeout(&address, TIMEOUT).is_ok();
        socket.set_nonblocking(true)?;
        if !wait {
            // In progress; how it ends is told by the first write.
            let _ = socket.connect(&address);
        }
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        let (data, flags) = (epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN);
        let flags = flags | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        epoll::add(&self.epoll, &stream, data, flags)?;
        let lane = &mut self.lanes[number];
        (lane.stream, lane.fresh) = (Some(stream), true);
        Ok(reached)
    }

    fn begin(&mut self, number: usize) -> io::Result<()> {
        if self.lanes[number].stream.is_none() {
            self.connect(number, false)?;
        }
        self.lanes[number].written = 0;
        self.lanes[number].arrived.clear();
        match self.lanes[number].write() {
            Err(why) => self.again(number, why),
            Ok(()) => Ok(()),
        }
    }

    /// A server may close a kept connection at any time: then the request goes over a new one.
    fn again(&mut self, number: usize, why: io::Error) -> io::Result<()> {
        let lane = &mut self.lanes[number];
        if lane.fresh || !is_closed(&why) {
            return Err(why);
        }
        lane.stream = None;
        self.begin(number)
    }

    fn advance(&mut self, number: usize) {
        let Some(lane) = self.lanes.get_mut(number) else { return };
        match lane.read(&mut self.piece) {
            Ok(None) => {}
            Ok(Some((reply, keep))) => self.end(number, Ok(reply), keep),
            Err(_) if lane.busy.is_none() => lane.stream = None,
            Err(why) => {
                if let Err(why) = self.again(number, why) {
                    self.end(number, Err(why), false);
                }
            }
        }
    }

    fn end(&mut self, number: usize, reply: io::Result<Reply>, keep: bool) {
        let lane = &mut self.lanes[number];
        lane.fresh = false;
        if !keep {
            lane.stream = None;
        }
        if let Some((of, _)) = lane.busy.take() {
            self.free.push_back(number);
            self.ended.push((of, reply));
        }
    }

    fn give_up(&mut self) {
        for number in 0..self.lanes.len() {
            let silent = self.lanes[number].busy.as_ref().map(|(_, since)| since.elapsed());
            if silent.is_some_and(|silent| silent > TIMEOUT) {
                self.end(number, Err(ErrorKind::TimedOut.into()), false);
            }
        }
    }
}

impl<T> Lane<T> {
    fn idle() -> Lane<T> {
        let (request, arrived) = (Vec::new(), Vec::new());
        Lane { stream: None, fresh: true, request, written: 0, arrived, busy: None }
    }

    fn write(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while self.written < self.request.len() {
            match stream.write(&self.request[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => self.written += written,
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// What is left to write, and what there is to read.
    fn read(&mut self, piece: &mut [u8]) -> io::Result<Option<(Reply, bool)>> {
        if self.busy.is_some() {
            self.write()?;
        }
        let Some(stream) = &mut self.stream else { return Ok(None) };
        loop {
            let read = match stream.read(piece) {
                Ok(read) => read,
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(why) if why.kind() == ErrorKind::Interrupted => continue,
                Err(why) => return Err(why),
            };
            if self.busy.is_none() {
                // Closed while nobody asked, or talks unasked.
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.arrived.extend_from_slice(&piece[..read]);
            match reply(&self.arrived, read == 0) {
                // Cut off in the middle of an answer: not to be asked again.
                Err(_) if read == 0 && !self.arrived.is_empty() => {
                    return Err(ErrorKind::InvalidData.into());
                }
                // There may be more, and the end is told only once, with what came before it.
                Ok(None) => {}
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers each request with the number in its path, on connections that it closes after two;
    /// the second time without a word before.
    fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut piece = [0; 4096];
                    for _ in 0..2 {
                        let read = stream.read(&mut piece).unwrap_or(0);
                        let text = String::from_utf8_lossy(&piece[..read]).into_owned();
                        let Some(path) = text.split(' ').nth(1) else { return };
                        let (half, rest) = path.split_at(1);
                        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", path.len());
                        stream.write_all(head.as_bytes()).unwrap();
                        stream.write_all(format!("\r\n{half}").as_bytes()).unwrap();
                        stream.write_all(rest.as_bytes()).unwrap();
                    }
                });
            }
        });
        address
    }

    #[test]
    fn each_request_has_its_own_answer_over_connections_that_come_and_go() {
        let mut lanes = Lanes::open(server(), 3).unwrap();
        let (mut sent, mut done, mut seen) = (0_u64, Vec::new(), Vec::new());
        while seen.len() < 50 {
            while sent < 50 && lanes.has_free() {
                let text = format!("GET /{sent} HTTP/1.1\r\n\r\n");
                lanes.send(sent, |out| out.extend_from_slice(text.as_bytes()));
                sent += 1;
            }
            lanes.wait(Duration::from_secs(1), &mut done);
            for (number, reply) in done.drain(..) {
                assert_eq!(reply.unwrap().body, format!("/{number}").into_bytes());
                seen.push(number);
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
        assert!(lanes.is_idle());
    }

    #[test]
    fn who_does_not_listen_is_an_error_each_time() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut lanes = Lanes::open(closed, 1).unwrap();
        for number in 0..3 {
            lanes.send(number, |out| out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n"));
            let mut done = Vec::new();
            while done.is_empty() {
                lanes.wait(Duration::from_secs(1), &mut done);
            }
            assert!(done[0].1.is_err());
        }
    }
}

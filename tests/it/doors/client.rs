//! A client that sends any bytes, and reads replies as they are framed.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

pub struct Client {
    stream: TcpStream,
    read: Vec<u8>,
    ends: bool,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn has(&self, header: &str) -> bool {
        self.head.to_lowercase().contains(&header.to_lowercase())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }

    /// JSON Lines.
    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn last(&self) -> Value {
        self.lines().pop().unwrap()
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).unwrap()
    }

    /// As [`Client::connect`], where there may be no server any more.
    pub fn try_connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, read: Vec::new(), ends: false })
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// As [`Client::send`], where the server may hang up meanwhile.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next reply; an error when the connection ends before it.
    pub fn reply(&mut self) -> io::Result<Reply> {
        self.framed(false)
    }

    /// The reply to a HEAD: what its length says does not follow.
    pub fn head_reply(&mut self) -> io::Result<Reply> {
        self.framed(true)
    }

    fn framed(&mut self, no_body: bool) -> io::Result<Reply> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply { status, head, body: Vec::new() };
        let length: usize = match reply.header("content-length") {
            Some(length) if !no_body => length.parse().unwrap(),
            _ => 0,
        };
        while self.read.len() < length {
            self.more()?;
        }
        reply.body = self.read.drain(..length).collect();
        self.ends = reply.header("connection") == Some("close");
        Ok(reply)
    }

    /// Whether the last reply said that no other follows.
    pub fn ends(&self) -> bool {
        self.ends
    }

    fn more(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 << 10];
        match self.stream.read(&mut piece)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.read.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    }

    /// Sends and reads one reply.
    pub fn ask(&mut self, bytes: &[u8]) -> Reply {
        self.send(bytes);
        self.reply().unwrap()
    }

    pub fn bid(&mut self, body: &[u8]) -> Reply {
        self.ask(&post("/bid/demo", "", body))
    }

    /// Whether the server has closed the connection, or does within the time.
    pub fn closed_within(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let mut piece = [0; 1024];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(why) => {
                    let waits = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
                    return !waits.contains(&why.kind());
                }
            }
        }
    }
}

/// A request with a body; `headers` with their line ends.
pub fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bid.test\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bid.test\r\n{headers}\r\n").into_bytes()
}

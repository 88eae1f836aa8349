//! How does the demo speak HTTP? One kept-alive connection to this machine's own server.
//!
//! Used by the players, each with its own; cold. It understands what this server sends (a status,
//! a length, a body) and nothing else: for load tests on other servers it is too small.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// More than the largest answer of the demo's own server.
const BODY_MAX: usize = 8 << 20;
const TIMEOUT: Duration = Duration::from_secs(5);

pub struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    pub const fn new(address: SocketAddr) -> Client {
        Client { address, stream: None }
    }

    pub fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.call("GET", path, "", &[])
    }

    /// A bid request, as an exchange posts it.
    pub fn bid(&mut self, path: &str, body: &[u8]) -> io::Result<Reply> {
        let headers = "content-type: application/json\r\nx-openrtb-version: 2.6\r\n";
        self.call("POST", path, headers, body)
    }

    /// Once more on a new connection where the server closed the one that was kept.
    fn call(&mut self, method: &str, path: &str, more: &str, body: &[u8]) -> io::Result<Reply> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{more}content-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let fresh = self.stream.is_none();
        match self.exchange(head.as_bytes(), body) {
            Err(_) if !fresh => {
                self.stream = None;
                self.exchange(head.as_bytes(), body)
            }
            result => result,
        }
        .inspect_err(|_| self.stream = None)
    }

    fn exchange(&mut self, head: &[u8], body: &[u8]) -> io::Result<Reply> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address)?,
        };
        stream.get_mut().write_all(&[head, body].concat())?;
        let (reply, keep) = read(&mut stream)?;
        self.stream = keep.then_some(stream);
        Ok(reply)
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(BufReader::new(stream))
}

/// The reply, and whether the connection may be used again.
fn read(stream: &mut impl BufRead) -> io::Result<(Reply, bool)> {
    let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| bad("no status line"))?;
    let (mut length, mut keep) = (0, true);
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(bad("the head ends too soon"));
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(|_| bad("no length"))?,
            "connection" => keep = !value.eq_ignore_ascii_case("close"),
            "transfer-encoding" => return Err(bad("chunks are not understood here")),
            _ => {}
        }
    }
    if length > BODY_MAX {
        return Err(bad("a body beyond what the demo expects"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((Reply { status, body }, keep))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_one_after_the_other() {
        let wire = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 204 No Content\r\n\
                     connection: close\r\n\r\n";
        let mut stream = &wire[..];
        let (first, keep) = read(&mut stream).unwrap();
        assert_eq!((first.status, first.body, keep), (200, b"hi".to_vec(), true));
        let (second, keep) = read(&mut stream).unwrap();
        assert_eq!((second.status, second.body.len(), keep), (204, 0, false));
        assert!(read(&mut stream).is_err());
    }
}

//! How does the load test speak HTTP? One kept-alive connection to one bidder.
//!
//! Used by every connection of a load test and by the demo's players; cold. Reads what a bidder
//! sends: a length, chunks, or a body that ends with the connection, all of them bounded.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// More than the largest answer of a bidder, or medium of the demo.
const BODY_MAX: usize = 8 << 20;
const HEAD_MAX: u64 = 64 << 10;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where requests go.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: SocketAddr,
    /// For the `Host` header.
    pub host: String,
    pub path: String,
}

#[derive(Debug, thiserror::Error)]
pub enum TargetFault {
    #[error("`{0}` is no URL that begins with http://; TLS is for a proxy before it")]
    Scheme(String),
    #[error("`{0}` has no address: {1}")]
    Unknown(String, io::Error),
}

impl Target {
    /// `http://HOST:PORT/PATH`
    pub fn parse(url: &str) -> Result<Target, TargetFault> {
        let scheme = || TargetFault::Scheme(url.to_owned());
        let rest = url.strip_prefix("http://").ok_or_else(scheme)?;
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let unknown = |why| TargetFault::Unknown(host.to_owned(), why);
        let named = match host.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => host.to_owned(),
            _ => format!("{host}:80"),
        };
        let found = named.to_socket_addrs().map_err(unknown)?.next();
        let address = found.ok_or_else(|| unknown(io::Error::other("nothing was found")))?;
        Ok(Target { address, host: host.to_owned(), path: path.to_owned() })
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Target {
        Target { address, host: address.to_string(), path: "/".to_owned() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.host, self.path)
    }
}

pub struct Client {
    target: Target,
    stream: Option<BufReader<TcpStream>>,
    request: Vec<u8>,
}

pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(target: impl Into<Target>) -> Client {
        Client { target: target.into(), stream: None, request: Vec::new() }
    }

    pub fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.call(("GET", path), "", &[])
    }

    /// A bid request, as an exchange posts it.
    pub fn bid(&mut self, path: &str, body: &[u8]) -> io::Result<Reply> {
        let headers = "content-type: application/json\r\nx-openrtb-version: 2.6\r\n";
        self.call(("POST", path), headers, body)
    }

    /// Once more on a new connection where the server closed the one that was kept.
    fn call(&mut self, line: (&str, &str), more: &str, body: &[u8]) -> io::Result<Reply> {
        let ((method, path), host) = (line, &self.target.host);
        let length = body.len();
        let mut request = std::mem::take(&mut self.request);
        request.clear();
        write!(request, "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{more}")?;
        write!(request, "content-length: {length}\r\n\r\n")?;
        request.extend_from_slice(body);
        let fresh = self.stream.is_none();
        let reply = match self.exchange(&request) {
            Err(why) if !fresh && is_closed(&why) => {
                self.stream = None;
                self.exchange(&request)
            }
            result => result,
        };
        self.request = request;
        reply.inspect_err(|_| self.stream = None)
    }

    fn exchange(&mut self, request: &[u8]) -> io::Result<Reply> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.target.address)?,
        };
        stream.get_mut().write_all(request)?;
        let (reply, keep) = read(&mut stream)?;
        self.stream = keep.then_some(stream);
        Ok(reply)
    }
}

/// A server may close a kept connection at any time; a slow answer is no such thing.
fn is_closed(why: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(why.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(BufReader::new(stream))
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    After(usize),
    Chunked,
    WithTheConnection,
}

/// The reply, and whether the connection may be used again.
fn read(stream: &mut impl BufRead) -> io::Result<(Reply, bool)> {
    let mut line = String::new();
    let mut head = stream.take(HEAD_MAX);
    head.read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let status: u16 = line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(bad)?;
    let (mut ends, mut keep) = (Ends::WithTheConnection, !line.starts_with("HTTP/1.0"));
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Err(bad());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" if ends != Ends::Chunked => {
                ends = Ends::After(value.parse().map_err(|_| bad())?);
            }
            "transfer-encoding" => ends = Ends::Chunked,
            "connection" => keep = !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    if matches!(status, 204 | 304) {
        ends = Ends::After(0);
    }
    let mut body = Vec::new();
    match ends {
        Ends::After(length) if length > BODY_MAX => return Err(bad()),
        Ends::After(length) => {
            body.resize(length, 0);
            stream.read_exact(&mut body)?;
        }
        Ends::Chunked => chunks(stream, &mut body)?,
        Ends::WithTheConnection => {
            keep = false;
            stream.take(BODY_MAX as u64).read_to_end(&mut body)?;
        }
    }
    Ok((Reply { status, body }, keep))
}

fn chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        stream.take(HEAD_MAX).read_line(&mut line)?;
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| bad())?;
        let from = body.len();
        if size > BODY_MAX - from {
            return Err(bad());
        }
        body.resize(from + size, 0);
        stream.read_exact(&mut body[from..])?;
        line.clear();
        // The end of the chunk, or of all of them: trailers are of no use here.
        while stream.take(HEAD_MAX).read_line(&mut line)? > 2 && size == 0 {
            line.clear();
        }
        if size == 0 {
            return Ok(());
        }
    }
}

fn bad() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer that could be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_one_after_the_other() {
        let wire = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\
                     HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                     3;x=y\r\nhow\r\n2\r\ndy\r\n0\r\nTrailer: 1\r\n\r\n\
                     HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
        let mut stream = &wire[..];
        let (first, keep) = read(&mut stream).unwrap();
        assert_eq!((first.status, first.body, keep), (200, b"hi".to_vec(), true));
        let (second, keep) = read(&mut stream).unwrap();
        assert_eq!((second.body, keep), (b"howdy".to_vec(), true));
        let (third, keep) = read(&mut stream).unwrap();
        assert_eq!((third.status, third.body.len(), keep), (204, 0, false));
        assert!(read(&mut stream).is_err());
    }

    #[test]
    fn what_has_no_end_ends_with_the_connection_and_what_is_too_much_is_refused() {
        let (reply, keep) = read(&mut &b"HTTP/1.1 200 OK\r\n\r\nall of it"[..]).unwrap();
        assert_eq!((reply.body, keep), (b"all of it".to_vec(), false));
        for wire in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",
            b"SSH-2.0\r\n",
        ] {
            assert!(read(&mut &*wire).is_err());
        }
    }

    #[test]
    fn a_target_is_a_plain_url() {
        let target = Target::parse("http://127.0.0.1:8080/bid/demo?x=1").unwrap();
        let (host, path) = (&*target.host, &*target.path);
        assert_eq!((host, path), ("127.0.0.1:8080", "/bid/demo?x=1"));
        assert_eq!(Target::parse("http://[::1]/").unwrap().address.port(), 80);
        assert!(Target::parse("https://127.0.0.1/").is_err());
        assert!(Target::parse("127.0.0.1:8080").is_err());
    }
}

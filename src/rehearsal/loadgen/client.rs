//! How does the load test speak HTTP? One kept-alive connection to one bidder.
//!
//! The blocking one is for the demo's players; a load test has many in `lanes`, which share what is
//! said here of targets. Cold.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::http::{Reply, reply};

/// After so long without an answer none is waited for any more.
pub const TIMEOUT: Duration = Duration::from_secs(5);

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

    /// A call of a URL on this host.
    pub fn get(&self, path: &str, out: &mut Vec<u8>) {
        for part in ["GET ", path, " HTTP/1.1\r\nhost: ", &self.host, "\r\n\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    /// A bid request, as an exchange posts it.
    pub fn post(&self, path: &str, body: &[u8], out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        for part in [
            "POST ",
            path,
            " HTTP/1.1\r\nhost: ",
            &self.host,
            "\r\ncontent-type: application/json\r\nx-openrtb-version: 2.6\r\ncontent-length: ",
            digits.format(body.len()),
            "\r\n\r\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(body);
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
    stream: Option<TcpStream>,
    request: Vec<u8>,
    arrived: Vec<u8>,
}

impl Client {
    pub fn new(target: impl Into<Target>) -> Client {
        let (request, arrived) = (Vec::new(), Vec::new());
        Client { target: target.into(), stream: None, request, arrived }
    }

    pub fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.request.clear();
        self.target.get(path, &mut self.request);
        self.call()
    }

    /// A bid request, as an exchange posts it.
    pub fn bid(&mut self, path: &str, body: &[u8]) -> io::Result<Reply> {
        self.request.clear();
        self.target.post(path, body, &mut self.request);
        self.call()
    }

    /// Once more on a new connection where the server closed the one that was kept.
    fn call(&mut self) -> io::Result<Reply> {
        let fresh = self.stream.is_none();
        match self.exchange() {
            Err(why) if !fresh && is_closed(&why) => self.exchange(),
            result => result,
        }
    }

    fn exchange(&mut self) -> io::Result<Reply> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.target.address)?,
        };
        stream.write_all(&self.request)?;
        self.arrived.clear();
        let mut piece = [0; 16 << 10];
        loop {
            let read = stream.read(&mut piece)?;
            self.arrived.extend_from_slice(&piece[..read]);
            if let Some((reply, keep)) = reply(&self.arrived, read == 0)? {
                self.stream = keep.then_some(stream);
                return Ok(reply);
            }
        }
    }
}

/// A server may close a kept connection at any time; a slow answer is no such thing.
pub fn is_closed(why: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(why.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

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

//! What has the bidder answered? Replies at the beginning of what has arrived, all of them bounded.
//!
//! Read by the connections of a load test and by the blocking client; cold. Knows what bidders
//! send: a length, chunks, or a body that ends with the connection.

use std::io::{self, BufRead as _, Read as _};

use memchr::memmem;

/// More than the largest answer of a bidder, or medium of the demo.
const BODY_MAX: usize = 8 << 20;
const HEAD_MAX: usize = 64 << 10;

pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    After(usize),
    Chunked,
    WithTheConnection,
}

/// The reply and whether the connection may be used again; `None`: there is more to come.
///
/// # Errors
/// When it can be no reply, or breaks off (`closed`).
pub fn reply(arrived: &[u8], closed: bool) -> io::Result<Option<(Reply, bool)>> {
    let Some(end) = memmem::find(arrived, b"\r\n\r\n") else {
        return if arrived.len() > HEAD_MAX { Err(bad()) } else { more(closed) };
    };
    let (status, ends, keep) = head(&arrived[..end])?;
    let rest = &arrived[end + 4..];
    let body = match ends {
        Ends::After(length) if length > BODY_MAX => return Err(bad()),
        Ends::After(length) if rest.len() < length => return more(closed),
        // What nobody asked for would be taken for the next answer.
        Ends::After(length) if rest.len() > length => return Err(bad()),
        Ends::After(_) => rest.to_vec(),
        Ends::Chunked => match chunks(rest) {
            Ok(body) => body,
            Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => return more(closed),
            Err(why) => return Err(why),
        },
        Ends::WithTheConnection if rest.len() > BODY_MAX => return Err(bad()),
        Ends::WithTheConnection if !closed => return Ok(None),
        Ends::WithTheConnection => rest.to_vec(),
    };
    let keep = keep && !closed && ends != Ends::WithTheConnection;
    Ok(Some((Reply { status, body }, keep)))
}

fn head(text: &[u8]) -> io::Result<(u16, Ends, bool)> {
    let text = std::str::from_utf8(text).map_err(|_| bad())?;
    let mut lines = text.split("\r\n");
    let first = lines.next().filter(|line| line.starts_with("HTTP/1.")).ok_or_else(bad)?;
    let status: u16 = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(bad)?;
    let (mut ends, mut keep) = (Ends::WithTheConnection, !first.starts_with("HTTP/1.0"));
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(bad)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") && ends != Ends::Chunked {
            ends = Ends::After(value.parse().map_err(|_| bad())?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            ends = Ends::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            keep = !value.eq_ignore_ascii_case("close");
        }
    }
    if matches!(status, 204 | 304) {
        ends = Ends::After(0);
    }
    Ok((status, ends, keep))
}

/// All chunks; an unexpected end where some are still to come.
fn chunks(mut from: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let text = line(&mut from)?;
        let size = usize::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16);
        let (size, at) = (size.map_err(|_| bad())?, body.len());
        if size > BODY_MAX - at {
            return Err(bad());
        }
        if size == 0 {
            // Trailers are of no use here.
            while !line(&mut from)?.is_empty() {}
            return Ok(body);
        }
        body.resize(at + size, 0);
        from.read_exact(&mut body[at..])?;
        line(&mut from)?;
    }
}

fn line(from: &mut &[u8]) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.trim_end().to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn more(closed: bool) -> io::Result<Option<(Reply, bool)>> {
    if closed { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(None) }
}

fn bad() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer that could be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [(&str, u16, &str, bool); 3] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", true),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
             3;x=y\r\nhow\r\n2\r\ndy\r\n0\r\nTrailer: 1\r\n\r\n",
            200,
            "howdy",
            true,
        ),
        ("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", 204, "", false),
    ];

    #[test]
    fn a_reply_is_read_when_its_last_byte_has_come_and_not_before() {
        for (wire, status, body, kept) in WHOLE {
            for cut in 0..wire.len() {
                assert!(reply(&wire.as_bytes()[..cut], false).unwrap().is_none(), "{cut} {wire}");
                assert!(reply(&wire.as_bytes()[..cut], true).is_err(), "{cut} {wire}");
            }
            let (read, keep) = reply(wire.as_bytes(), false).unwrap().unwrap();
            assert_eq!((read.status, &read.body[..], keep), (status, body.as_bytes(), kept));
        }
    }

    #[test]
    fn what_has_no_end_ends_with_the_connection_and_what_is_too_much_is_refused() {
        let wire = b"HTTP/1.1 200 OK\r\n\r\nall of it";
        assert!(reply(wire, false).unwrap().is_none());
        let (read, keep) = reply(wire, true).unwrap().unwrap();
        assert_eq!((read.body, keep), (b"all of it".to_vec(), false));
        for wire in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!",
            b"SSH-2.0\r\n\r\n",
        ] {
            assert!(reply(wire, false).is_err());
        }
        assert!(reply(&[b'x'; HEAD_MAX + 1], false).is_err());
    }
}

//! Where does a head begin and end, and is it ambiguous? Watches the bytes as they come in; hot.
//!
//! hyper hides two things that the door must know: the first byte of a head (its own timer also
//! runs while a connection idles) and a Content-Length beside a Transfer-Encoding (it drops the
//! former). The scan follows the framing of plain bodies exactly; behind a chunked one it starts
//! anew with the next read after the reply.

/// Longest part of a header line that is looked at.
const PREFIX: usize = 48;

pub struct HeadScan {
    state: State,
    line: [u8; PREFIX],
    line_len: usize,
    last: u8,
    content_length: Option<u64>,
    chunked: bool,
    ambiguous: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No byte of the next head has come.
    Between,
    Head,
    Body(u64),
    /// A chunked body: not followed.
    Opaque,
}

impl Default for HeadScan {
    fn default() -> Self {
        HeadScan {
            state: State::Between,
            line: [0; PREFIX],
            line_len: 0,
            last: 0,
            content_length: None,
            chunked: false,
            ambiguous: false,
        }
    }
}

impl HeadScan {
    /// Some of a head has come, but not all.
    pub fn in_head(&self) -> bool {
        self.state == State::Head
    }

    /// A head of this connection had both a length and a transfer encoding, or lines that end in
    /// a bare LF (RFC 9112 §6.1, §2.2). It stays so: such a connection is not to be trusted.
    pub fn ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// The reply to the request has been made: what comes next is a head.
    pub fn replied(&mut self) {
        if self.state == State::Opaque {
            self.state = State::Between;
        }
    }

    pub fn saw(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Opaque => return,
                State::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let left = left - here as u64;
                    self.state = if left == 0 { State::Between } else { State::Body(left) };
                    &bytes[here..]
                }
                // Empty lines before a head are skipped (RFC 9112 §2.2).
                State::Between if matches!(bytes[0], b'\r' | b'\n') => &bytes[1..],
                State::Between => {
                    self.state = State::Head;
                    self.line_len = 0;
                    self.last = 0;
                    self.content_length = None;
                    self.chunked = false;
                    bytes
                }
                State::Head => self.head(bytes),
            };
        }
    }

    /// Takes up to one line; what is behind it.
    fn head<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let end = memchr::memchr(b'\n', bytes);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        let room = PREFIX.saturating_sub(self.line_len).min(part.len());
        self.line[self.line_len.min(PREFIX)..][..room].copy_from_slice(&part[..room]);
        self.line_len += part.len();
        self.last = part.last().copied().unwrap_or(self.last);
        let Some(end) = end else { return &[] };
        self.ambiguous |= self.last != b'\r';
        if self.line_len <= 1 {
            self.end_head();
        } else {
            self.header();
        }
        self.line_len = 0;
        self.last = 0;
        &bytes[end + 1..]
    }

    fn header(&mut self) {
        let line = &self.line[..self.line_len.min(PREFIX)];
        let value_of = |name: &[u8]| {
            let (head, value) = line.split_at_checked(name.len())?;
            head.eq_ignore_ascii_case(name).then_some(value)
        };
        if let Some(value) = value_of(b"content-length:") {
            let digits = str::from_utf8(value).unwrap_or("").trim();
            // What is no number, hyper refuses by itself.
            self.content_length = Some(digits.parse().unwrap_or(0));
        } else if value_of(b"transfer-encoding:").is_some() {
            self.chunked = true;
        }
    }

    fn end_head(&mut self) {
        self.ambiguous |= self.chunked && self.content_length.is_some();
        self.state = match (self.chunked, self.content_length) {
            (true, _) => State::Opaque,
            (false, Some(length)) if length > 0 => State::Body(length),
            (false, _) => State::Between,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scan after the bytes came in pieces of each size: always the same.
    fn after(bytes: &[u8]) -> HeadScan {
        let mut states = Vec::new();
        for size in (1..=bytes.len()).rev() {
            let mut scan = HeadScan::default();
            bytes.chunks(size).for_each(|piece| scan.saw(piece));
            states.push((scan.state, scan.ambiguous));
        }
        let mut scan = HeadScan::default();
        scan.saw(bytes);
        assert!(states.iter().all(|state| *state == (scan.state, scan.ambiguous)), "{states:?}");
        scan
    }

    const POST: &[u8] = b"POST /bid/demo HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 4\r\n\r\nabcd";

    #[test]
    fn heads_and_bodies_are_told_apart() {
        assert_eq!(after(POST).state, State::Between);
        assert_eq!(after(&POST[..POST.len() - 1]).state, State::Body(1));
        assert!(after(&[POST, b"\r\nG"].concat()).in_head());
        assert!(!after(&[POST, b"\r\n"].concat()).in_head());
        assert!(!after(&[POST, POST].concat()).ambiguous());
        assert!(after(b"GET / HTTP/1.1\r\nHost: a\r\n").in_head());
    }

    #[test]
    fn ambiguous_framing_is_seen_wherever_it_stands() {
        let both = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n";
        assert!(after(both).ambiguous());
        assert!(after(&[POST, both].concat()).ambiguous());
        let other = b"POST / HTTP/1.1\r\nContent-Length: 3\r\ntransfer-encoding: chunked\r\n\r\n";
        assert!(after(other).ambiguous());
        assert!(after(b"GET / HTTP/1.1\nHost: a\r\n\r\n").ambiguous());
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert!(!after(chunked).ambiguous());
        assert_eq!(after(chunked).state, State::Opaque);
    }

    #[test]
    fn behind_a_chunked_body_a_head_may_come() {
        let mut scan = HeadScan::default();
        scan.saw(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        scan.saw(b"ignored");
        scan.replied();
        scan.saw(b"GET");
        assert!(scan.in_head());
    }
}

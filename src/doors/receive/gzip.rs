//! gzip both ways with reused state (RFC 1952 around raw deflate), bounded on the way in; hot.

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

/// One thread's compressors.
pub struct Gzip {
    inflate: Decompress,
    deflate: Compress,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GzipFault {
    /// It would be larger than allowed.
    TooLarge,
    /// It is no gzip, is cut short, has a wrong checksum, something behind it, or more members
    /// than anybody makes.
    Broken,
}

impl Default for Gzip {
    fn default() -> Self {
        // Level 1: the reply is small and the client waits.
        Gzip { inflate: Decompress::new(false), deflate: Compress::new(Compression::fast(), false) }
    }
}

/// Each costs as much as some kilobytes, however small it is; writers make one.
const MEMBERS_MAX: usize = 16;

impl Gzip {
    /// Inflates all members of `wire` into the empty `out`, at most `bound` bytes.
    pub fn inflate(
        &mut self,
        wire: &[u8],
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), GzipFault> {
        let mut rest = wire;
        for _ in 0..MEMBERS_MAX {
            rest = self.member(rest, bound, out)?;
            if rest.is_empty() {
                return Ok(());
            }
        }
        Err(GzipFault::Broken)
    }

    fn member<'w>(
        &mut self,
        wire: &'w [u8],
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<&'w [u8], GzipFault> {
        let deflated = header_end(wire).and_then(|end| wire.get(end..)).ok_or(GzipFault::Broken)?;
        self.inflate.reset(false);
        let start = out.len();
        loop {
            // One byte beyond the bound tells a full buffer from one that is too small.
            let room = (bound + 1).saturating_sub(out.len()).min(deflated.len() * 4 + 64);
            out.reserve_exact(room);
            let taken = self.inflate.total_in() as usize;
            let before = (taken, out.len());
            let status = self
                .inflate
                .decompress_vec(&deflated[taken..], out, FlushDecompress::None)
                .map_err(|_| GzipFault::Broken)?;
            if out.len() > bound {
                return Err(GzipFault::TooLarge);
            }
            match status {
                Status::StreamEnd => break,
                _ if (self.inflate.total_in() as usize, out.len()) == before => {
                    return Err(GzipFault::Broken);
                }
                _ => {}
            }
        }
        let behind = &deflated[self.inflate.total_in() as usize..];
        let (trailer, rest) = behind.split_first_chunk::<8>().ok_or(GzipFault::Broken)?;
        let mut crc = Crc::new();
        crc.update(&out[start..]);
        let sums = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat();
        if trailer[..] == sums[..] { Ok(rest) } else { Err(GzipFault::Broken) }
    }

    /// Compresses into the empty `out`; `false` where that made nothing smaller.
    pub fn deflate(&mut self, plain: &[u8], out: &mut Vec<u8>) -> bool {
        const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
        out.extend_from_slice(&HEAD);
        out.reserve(plain.len());
        self.deflate.reset();
        // No more room than the plain text takes: what does not fit is not worth sending.
        let done = self.deflate.compress_vec(plain, out, FlushCompress::Finish);
        if !matches!(done, Ok(Status::StreamEnd)) {
            return false;
        }
        let mut crc = Crc::new();
        crc.update(plain);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&crc.amount().to_le_bytes());
        out.len() < plain.len()
    }
}

/// Where the deflated data of a member starts.
fn header_end(wire: &[u8]) -> Option<usize> {
    let (head, _) = wire.split_first_chunk::<10>()?;
    let [0x1f, 0x8b, 8, flags, ..] = *head else { return None };
    let (checksum, extra, name, comment) = (flags & 2, flags & 4, flags & 8, flags & 16);
    if flags & 0xe0 != 0 {
        return None;
    }
    let mut at = 10;
    if extra != 0 {
        at += 2 + usize::from(u16::from_le_bytes([*wire.get(at)?, *wire.get(at + 1)?]));
    }
    for text in [name, comment] {
        if text != 0 {
            at += memchr::memchr(0, wire.get(at..)?)? + 1;
        }
    }
    if checksum != 0 {
        let mut header = Crc::new();
        header.update(wire.get(..at)?);
        let told = u16::from_le_bytes([*wire.get(at)?, *wire.get(at + 1)?]);
        // The lower half of what the header comes to (RFC 1952 §2.3.1.2).
        if told != header.sum() as u16 {
            return None;
        }
        at += 2;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::GzBuilder::new()
            .filename("a")
            .comment("b")
            .extra(vec![1, 2, 3])
            .write(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(wire: &[u8], bound: usize) -> Result<Vec<u8>, GzipFault> {
        let mut out = Vec::new();
        Gzip::default().inflate(wire, bound, &mut out).map(|()| out)
    }

    #[test]
    fn what_is_packed_unpacks() {
        let plain = b"{\"id\":\"1\"}".repeat(1000);
        assert_eq!(inflate(&packed(&plain), plain.len()).unwrap(), plain);
        let two = [packed(b"ab"), packed(b""), packed(b"c")].concat();
        assert_eq!(inflate(&two, 3).unwrap(), b"abc");
        assert_eq!(inflate(&packed(b""), 0).unwrap(), b"");
    }

    #[test]
    fn a_header_that_is_summed_up_is_held_to_it() {
        let plain = b"hello";
        let mut wire = packed(plain);
        let end = header_end(&wire).unwrap();
        wire[3] |= 2;
        let mut sum = Crc::new();
        sum.update(&wire[..end]);
        wire.splice(end..end, (sum.sum() as u16).to_le_bytes());
        assert_eq!(inflate(&wire, 100).unwrap(), plain);
        wire[end] ^= 1;
        assert_eq!(inflate(&wire, 100), Err(GzipFault::Broken));
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let wire = packed(&vec![0; 10 << 20]);
        let mut out = Vec::new();
        let fault = Gzip::default().inflate(&wire, 1 << 20, &mut out);
        assert_eq!(fault, Err(GzipFault::TooLarge));
        assert!(out.capacity() <= 2 << 20, "{}", out.capacity());
    }

    #[test]
    fn damage_is_seen() {
        let wire = packed(b"hello hello hello");
        for cut in 0..wire.len() {
            assert_eq!(inflate(&wire[..cut], 100), Err(GzipFault::Broken), "{cut}");
        }
        let mut wrong_sum = wire.clone();
        let at = wire.len() - 8;
        wrong_sum[at] ^= 1;
        assert_eq!(inflate(&wrong_sum, 100), Err(GzipFault::Broken));
        assert_eq!(inflate(&[wire, b"x".to_vec()].concat(), 100), Err(GzipFault::Broken));
        assert_eq!(inflate(b"plain", 100), Err(GzipFault::Broken));
    }

    #[test]
    fn a_reply_is_packed_when_that_helps() {
        let mut gzip = Gzip::default();
        let plain = b"<VAST version=\"4.2\"></VAST>".repeat(100);
        for _ in 0..2 {
            let mut out = Vec::new();
            assert!(gzip.deflate(&plain, &mut out));
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&out[..]).read_to_end(&mut back).unwrap();
            assert_eq!(back, plain);
        }
        assert!(!gzip.deflate(b"abc", &mut Vec::new()));
    }
}

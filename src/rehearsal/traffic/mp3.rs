//! How does a small MP3 become a large one? Its frames in bigger frames, sample for sample.
//!
//! Nothing is decoded: each frame of MPEG-2 Layer III mono (ISO 13818-3 §2.4) keeps its coded
//! samples and gets a header that says 128 kbps, with its part of the bit reservoir brought home
//! and zeros behind it. So the demo can offer what exchanges ask for from files that are small
//! in the repository. Cold.

/// 128 kbps in the bit rate table of MPEG-2 Layer III.
const INDEX_128: u8 = 12;
/// Kbps by index.
const RATES: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const SAMPLE_RATES: [usize; 3] = [22_050, 24_000, 16_000];
const HEADER: usize = 4;
/// Side information of a mono frame.
const SIDE: usize = 9;

struct Frame<'a> {
    header: [u8; HEADER],
    side: [u8; SIDE],
    data: &'a [u8],
}

/// The same sound at 128 kbps, said so many times; as it was where it is not MPEG-2 mono.
pub fn at_128_kbps(mp3: &[u8], times: usize) -> Vec<u8> {
    let frames = frames(mp3);
    let once = enlarge(&frames).unwrap_or_else(|| mp3.to_vec());
    once.repeat(times)
}

/// The frames that carry sound; what stands between them (tags, the encoder's own frame) is left.
fn frames(mp3: &[u8]) -> Vec<Frame<'_>> {
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some(&[a, b, c, d]) = mp3.get(at..at + HEADER) {
        let Some(size) = frame_size([a, b, c, d]).filter(|size| at + size <= mp3.len()) else {
            at += 1;
            continue;
        };
        let body = &mp3[at + HEADER..at + size];
        if let Some((&side, data)) = body.split_first_chunk::<SIDE>() {
            let note = data.starts_with(b"Xing") || data.starts_with(b"Info");
            if !note {
                frames.push(Frame { header: [a, b, c, d], side, data });
            }
        }
        at += size;
    }
    frames
}

/// Bytes of a frame with this header; `None` for anything but MPEG-2 Layer III mono, no CRC.
fn frame_size([a, b, c, d]: [u8; HEADER]) -> Option<usize> {
    if a != 0xff || b != 0xf3 || d >> 6 != 3 {
        return None;
    }
    let rate = *RATES.get(usize::from(c >> 4)).filter(|&&rate| rate > 0)?;
    let samples = *SAMPLE_RATES.get(usize::from(c >> 2 & 3))?;
    Some(72_000 * rate / samples + usize::from(c >> 1 & 1))
}

fn enlarge(frames: &[Frame<'_>]) -> Option<Vec<u8>> {
    let mut reservoir: Vec<u8> = Vec::new();
    let mut out = Vec::new();
    for frame in frames {
        let [a, b, c, d] = frame.header;
        let header = [a, b, INDEX_128 << 4 | c & 0b1100, d];
        let back = usize::from(frame.side[0]);
        // Twelve bits behind main_data_begin (8) and the private bit (1).
        let [_, high, low, ..] = frame.side;
        let bits = usize::from(u16::from_be_bytes([high, low]) >> 3 & 0x0fff);
        let start = reservoir.len().checked_sub(back);
        reservoir.extend_from_slice(frame.data);
        let coded = start.and_then(|start| reservoir.get(start..start + bits.div_ceil(8)));
        let mut side = frame.side;
        side[0] = 0;
        let size = frame_size(header)?;
        let end = out.len() + size;
        out.extend_from_slice(&header);
        match coded {
            Some(coded) => {
                out.extend_from_slice(&side);
                out.extend_from_slice(coded);
            }
            // What a cut-off beginning refers to is gone: a silent frame.
            None => out.extend_from_slice(&[0; SIDE]),
        }
        if out.len() > end {
            return None;
        }
        out.resize(end, 0);
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_keeps_its_coded_samples() {
        let small = include_bytes!("../../../assets/spots/zing.mp3");
        let large = at_128_kbps(small, 2);
        let (before, after) = (frames(small), frames(&large));
        assert_eq!(after.len(), 2 * before.len());
        // 36 ms a frame at 16 kHz.
        assert!((275..=282).contains(&before.len()), "{}", before.len());
        assert_eq!(large.len(), after.len() * 576);
        for (a, b) in before.iter().zip(&after) {
            assert_eq!(a.side[1..], b.side[1..]);
            assert_eq!(b.side[0], 0);
        }
    }

    #[test]
    fn what_is_no_mono_mp3_stays_as_it_is() {
        assert_eq!(at_128_kbps(b"not sound", 1), b"not sound");
    }
}

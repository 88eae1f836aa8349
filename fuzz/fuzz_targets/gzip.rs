//! Gzip bodies: do they inflate within their bound, or fail, without a panic; as another decoder
//! does; and does what we deflate inflate?
//!
//! Run by `tests/fuzz`; the seeds by tests/it/fuzz.rs.
#![cfg_attr(fuzzing, no_main)]

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use interlude::doors::receive::gzip::Gzip;

const BOUND: usize = 64 << 10;

pub fn run(data: &[u8]) {
    let (mut gzip, mut out) = (Gzip::default(), Vec::new());
    let inflated = gzip.inflate(data, BOUND, &mut out);
    assert!(out.len() <= BOUND + 1, "{} bytes", out.len());
    if inflated.is_ok() {
        let mut theirs = Vec::new();
        let read = MultiGzDecoder::new(data).take(BOUND as u64 + 1).read_to_end(&mut theirs);
        assert!(read.is_ok() && theirs == out, "{read:?}");
    }
    let (mut deflated, mut again) = (Vec::new(), Vec::new());
    if gzip.deflate(data, &mut deflated) {
        assert_eq!(gzip.inflate(&deflated, BOUND, &mut again), Ok(()));
        assert_eq!(again, data);
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

//! Bid requests as protobuf: do they decode, or fail, without a panic; and does what is kept of one
//! decode again?
//!
//! Run by `tests/fuzz`; the seeds by tests/it/fuzz.rs.
#![cfg_attr(fuzzing, no_main)]

use bumpalo::Bump;
use interlude::market::openrtb::{Keep, Wire, decode, keep};

/// All that may be kept.
const ALL: Keep = Keep { ids: true, person: true, place: true, consent: true };

pub fn run(data: &[u8]) {
    if decode(Wire::Protobuf, data, &Bump::new()).is_ok() {
        let once = kept(data);
        assert!(decode(Wire::Protobuf, &once, &Bump::new()).is_ok(), "kept what cannot be read");
        assert_eq!(kept(&once), once, "a copy of the copy is another");
    }
}

fn kept(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    keep((Wire::Protobuf, body), ALL, &Bump::new(), &mut out).expect("it was read before");
    out
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

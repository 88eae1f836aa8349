//! Consent strings: the vectors of the reference libraries; and what DSA transparency is answered.

mod dsa;
mod oracle;
mod vectors;

use std::path::Path;

use vectors::{Seen, gpp, sections, tcf, us_privacy};

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/privacy"))
}

#[test]
fn the_vectors_decode_as_the_reference_decodes_them() {
    assert_eq!(tcf(fixtures()), Seen { vectors: 93, rejected: 19 });
    assert_eq!(gpp(fixtures()), Seen { vectors: 31, rejected: 8 });
    assert_eq!(sections(fixtures()), Seen { vectors: 50, rejected: 16 });
    assert_eq!(us_privacy(fixtures()), Seen { vectors: 15, rejected: 2 });
}

//! The whole of the shared vectors of consent strings.

#[path = "../it/consent/vectors.rs"]
mod vectors;

#[test]
fn every_vector_decodes_or_fails_as_the_reference_does() {
    let folder = super::shared("privacy");
    let seen = [
        vectors::tcf(&folder),
        vectors::gpp(&folder),
        vectors::sections(&folder),
        vectors::us_privacy(&folder),
    ];
    assert_eq!(seen.iter().map(|seen| seen.vectors).sum::<usize>(), 195);
}

//! What does the wire cost? See below.

fn main() {}

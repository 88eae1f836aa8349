//! Seeded, plausible listeners, campaigns and requests; shared by the demo, benches and tests.

pub mod lines;

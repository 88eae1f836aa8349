//! The wings of the house that fuzz targets reach, from the house's own files.

#![allow(dead_code, reason = "wings below would use what seems unused here")]

#[path = "../src/base/mod.rs"]
pub mod base;

#[path = "../src/market/mod.rs"]
pub mod market;

#[path = "../src/knowledge/mod.rs"]
pub mod knowledge;

#[path = "../src/offer/mod.rs"]
pub mod offer;

#[path = "../src/doors/receive/gzip.rs"]
pub mod gzip;

pub mod doors {
    pub mod receive {
        pub use crate::gzip;
    }
}

//! The wings of the house that fuzz targets reach, from the house's own files.

#![allow(dead_code, reason = "wings below would use what seems unused here")]

#[path = "../src/base/mod.rs"]
pub mod base;

#[path = "../src/market/mod.rs"]
pub mod market;

//! What is on the wire? OpenRTB 2.5 and 2.6 in JSON and protobuf: decode, encode, codes, macros.
//!
//! Called by `decide` (both ways, hot). Knows the standard and nothing of ours.

pub mod request;

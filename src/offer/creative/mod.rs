//! In what form? Rendition choice, companions, VAST, beacons: what a winner looks like.
//!
//! `flows::decide` asks [`fit`] of each creative of a line that may run, and [`render`]s the
//! winners; `flows::notice` asks [`click_target`] where a click goes. Hot, no I/O, no allocation.
//!
//! An advertiser's words and URLs pass through one writer ([`xml`]) that escapes them, so no
//! campaign can break the document it stands in.

mod xml;

mod config;

mod beacons;

mod companions;

mod choose;

mod vast;

mod click;

pub use beacons::{Beacons, Notice, beacon_name};
pub use choose::{Fit, Rules, fit};
pub use click::click_target;
pub use companions::{COMPANIONS_MAX, ChosenCompanion};
pub use config::{Config, ConfigFault, PublicUrl};
pub use vast::{AdSpec, render};

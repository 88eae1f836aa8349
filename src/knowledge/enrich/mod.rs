//! What does this request mean? Wire + permissions + profile + place + local time → opportunity and facts. Hot.

mod countries;

mod geo;

mod zones;

mod gathered;

mod hints;

mod user_agent;

pub mod content;

pub mod device;

pub mod place;

pub mod local_time;

pub mod listener;

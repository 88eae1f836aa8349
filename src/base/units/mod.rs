//! Words with units: money, time, ids. Imported everywhere, imports nothing of ours; hot.

pub mod redacted;

pub mod ids;
pub mod money;
pub mod net;
pub mod time;

pub mod calendar;

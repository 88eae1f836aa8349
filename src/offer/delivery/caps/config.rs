//! Bounds of frequency caps: of the table of counts and of its log.

/// `[delivery.caps]`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Words of the table of counts, 8 bytes each, a power of two. One listener takes a word for
    /// each window of each cap that counts him; a rolling one takes up to eight or nine, one for
    /// each step in which he was met. Four times as many as are in use at once is ample: then
    /// hardly a listener in a hundred thousand is refused because his part of it is full.
    pub slots: usize,
    /// Where the caps log is, relative to the data folder.
    pub dir: String,
    /// How often the log is written and synced: what a crash may lose of it. At most 1000.
    pub sync_ms: u32,
    /// Whether impressions of lines without caps are logged, too, for reports of reach.
    pub reach: bool,
    /// How long impressions are kept for reports of reach.
    pub reach_days: u32,
    /// What still counts is written anew when the log has grown to this many bytes, and to half
    /// of what is kept …
    pub settle_bytes: u64,
    /// … or holds anything that is this old, in seconds.
    pub settle_s: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            slots: 1 << 22,
            dir: "caps".to_owned(),
            sync_ms: 500,
            reach: true,
            reach_days: 31,
            settle_bytes: 64 << 20,
            settle_s: 21_600,
        }
    }
}

impl Config {
    /// A segment of the log, so that little more than what is settled needs to be kept.
    pub(super) fn segment_bytes(&self) -> u64 {
        (self.settle_bytes / 4).clamp(1 << 10, 64 << 20)
    }

    /// Each relation between bounds that does not hold.
    pub fn faults(&self) -> Vec<&'static str> {
        let mut faults = Vec::new();
        if !self.slots.is_power_of_two() || !(64..=1 << 32).contains(&self.slots) {
            faults.push("delivery.caps.slots: a power of two from 64 to 4294967296");
        }
        if !(10..=1000).contains(&self.sync_ms) {
            faults.push("delivery.caps.sync_ms: from 10 to 1000");
        }
        if !(1..=3660).contains(&self.reach_days) {
            faults.push("delivery.caps.reach_days: from 1 to 3660");
        }
        if self.settle_s == 0 {
            faults.push("delivery.caps.settle_s: at least 1");
        }
        faults
    }
}

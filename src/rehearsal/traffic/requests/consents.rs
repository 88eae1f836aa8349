//! What do the strings of consent say? TC strings (IAB TCF 2.3) as dialogues write them: most
//! people accept all or refuse all, vendors stand as bits, and those that were shown are named.

use super::super::weighted;
use crate::base::stdx::rng::Rng;
use crate::base::units::time::Moment;

/// Bits of a string, as base64url.
#[derive(Default)]
pub(in crate::rehearsal::traffic) struct Written(Vec<bool>);

impl Written {
    pub fn put(&mut self, value: u64, bits: u32) -> &mut Written {
        self.0.extend((0..bits).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    /// Of vendors 1 to `max`, those that are named.
    fn vendors(&mut self, max: u16, named: impl Fn(u16) -> bool) -> &mut Written {
        self.put(u64::from(max), 16).put(0, 1);
        self.0.extend((1..=max).map(named));
        self
    }

    pub fn text(&self) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let six = |bits: &[bool]| {
            (0..6).fold(0, |six, at| six << 1 | usize::from(bits.get(at) == Some(&true)))
        };
        // In whole bytes.
        let mut bits = self.0.clone();
        bits.resize(bits.len().next_multiple_of(8), false);
        bits.chunks(6).map(|bits| char::from(ALPHABET[six(bits)])).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    All,
    None,
    Some,
}

/// Purposes that may rest on a legitimate interest, as dialogues show them (of 1 and 3 to 6 the
/// policies since 2.2 forbid it).
const INTERESTS: std::ops::RangeInclusive<u8> = 7..=11;

/// Of one listener, who chose once; `moment`: when it is sent.
pub(super) fn tc_string(rng: &mut Rng, moment: Moment) -> String {
    let choices = [(61, Choice::All), (27, Choice::None), (12, Choice::Some)];
    let choice = weighted(rng, &choices, |row| row.0).1;
    let chosen_s = moment.unix_s() - 86_400 * rng.between(1, 300) as i64;
    // Whole days since policy 2.2.
    let chosen_ds = chosen_s.max(0).unsigned_abs() / 86_400 * 864_000;
    let says = |rng: &mut Rng, odds| match choice {
        Choice::All => true,
        Choice::None => false,
        Choice::Some => rng.chance(odds),
    };
    let mut core = Written::default();
    core.put(2, 6).put(chosen_ds, 36).put(chosen_ds, 36);
    core.put(*rng.pick(&[10, 28, 31, 68, 300]).unwrap_or(&10), 12).put(1, 12).put(1, 6);
    core.put(4, 6).put(13, 6).put(150, 12).put(5, 6).put(1, 1).put(0, 1);
    core.put(u64::from(says(rng, 0.3)), 1).put(0, 11);
    // Who chooses for himself takes storage at the least.
    core.put(u64::from(choice != Choice::None), 1);
    for _ in 2..=11 {
        core.put(u64::from(says(rng, 0.6)), 1);
    }
    core.put(0, 13);
    for purpose in 1..=24 {
        core.put(u64::from(INTERESTS.contains(&purpose) && choice != Choice::None), 1);
    }
    core.put(0, 1).put(5, 6).put(17, 6);
    // Ids of vendors who have left are gaps.
    let (shown, gap) = (rng.between(650, 1_100) as u16, rng.between(5, 9) as u16);
    let there = |vendor: u16| vendor % gap != 3;
    match choice {
        Choice::None => core.put(0, 17).put(0, 17),
        Choice::All => core.vendors(shown, there).vendors(shown, there),
        Choice::Some => core.vendors(shown, |vendor| there(vendor) && vendor % 2 == 0).put(0, 17),
    };
    core.put(0, 12);
    let mut disclosed = Written::default();
    disclosed.put(1, 3).vendors(shown, there);
    format!("{}.{}", core.text(), disclosed.text())
}

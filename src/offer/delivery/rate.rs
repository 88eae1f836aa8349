//! How likely is a bid to be charged, at most? What an expected budget holds of a price.
//!
//! Counted where holds end (warm), worked out by a background turn (cold), read by holds (hot).

use std::sync::atomic::{AtomicU32, Ordering};

use super::pacing::PPM;

/// Bids of one line that ended, and the upper bound of the part of them that was charged.
#[derive(Debug)]
pub struct WinRate {
    charged: AtomicU32,
    ended: AtomicU32,
    upper_ppm: AtomicU32,
}

/// Beyond so many bids the older half is forgotten.
const REMEMBERED: u32 = 20_000;
/// Three standard errors: one look in a thousand finds a true rate above the bound.
const Z2: u128 = 9;

impl WinRate {
    pub fn new() -> WinRate {
        WinRate {
            charged: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            upper_ppm: AtomicU32::new(PPM),
        }
    }

    pub fn ended(&self, charged: bool) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.charged.fetch_add(u32::from(charged), Ordering::Relaxed);
    }

    pub fn upper_ppm(&self) -> u32 {
        self.upper_ppm.load(Ordering::Relaxed)
    }

    /// Works the bound out anew; by one thread.
    pub fn learn(&self) {
        let ended = self.ended.load(Ordering::Relaxed);
        let charged = self.charged.load(Ordering::Relaxed).min(ended);
        self.upper_ppm.store(upper_ppm(charged, ended), Ordering::Relaxed);
        if ended > REMEMBERED {
            self.ended.fetch_sub(ended / 2, Ordering::Relaxed);
            self.charged.fetch_sub(charged / 2, Ordering::Relaxed);
        }
    }
}

/// Wilson's upper bound of `charged` out of `ended`, rounded up; all where nothing is known.
fn upper_ppm(charged: u32, ended: u32) -> u32 {
    let (k, n) = (u128::from(charged), u128::from(ended));
    if n == 0 {
        return PPM;
    }
    // (k + z²/2 + z √(k (n − k) / n + z²/4)) ÷ (n + z²), all in millionths.
    let million = u128::from(PPM);
    let under_root = (k * (n - k) * 4 + Z2 * n) * million * million;
    let root = (under_root * Z2 / (4 * n)).isqrt() + 1;
    let sum = k * million + Z2 * million / 2 + root;
    sum.div_ceil(n + Z2).min(million) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_closes_in_on_the_rate_from_above() {
        assert_eq!(upper_ppm(0, 0), PPM);
        assert_eq!(upper_ppm(10, 10), PPM);
        assert_eq!(upper_ppm(0, 1), 900_001);
        // By hand: (50 + 4.5 + 3 √(25 + 2.25)) ÷ 109 = 0.643673.
        assert_eq!(upper_ppm(50, 100), 643_674);
        let mut before = PPM;
        for n in [100u32, 1_000, 10_000, 1_000_000] {
            let upper = upper_ppm(n / 20, n);
            assert!(upper > 50_000 && upper < before, "{n}: {upper}");
            before = upper;
        }
        assert!(before < 51_000);
    }

    #[test]
    fn what_is_learned_follows_a_change() {
        let rate = WinRate::new();
        assert_eq!(rate.upper_ppm(), PPM);
        for i in 0..30_000 {
            rate.ended(i % 10 == 0);
        }
        rate.learn();
        let before = rate.upper_ppm();
        assert!((100_000..110_000).contains(&before), "{before}");
        for i in 0..200_000 {
            rate.ended(i % 2 == 0);
            if i % 1_000 == 0 {
                rate.learn();
            }
        }
        assert!((500_000..530_000).contains(&rate.upper_ppm()), "{}", rate.upper_ppm());
    }
}

//! What must a bid reach? Floors by the precedence of OpenRTB 2.6 §7.11.
//!
//! Asked by the flow for every candidate; hot, integers only. A floor by duration or per second
//! goes before the plain one; a deal's before the imp's; a duration outside every range falls
//! back to the plain floor. Of overlapping ranges the highest holds, so that no bid of ours is
//! thrown away by a stricter reading.

use crate::base::units::money::{Currency, Money, Round};
use crate::market::openrtb::request::DurFloor;
use crate::market::slot::{DealOffer, Floors, Slot};

/// The floor for a spot of this length in this slot, in the floor's own currency.
pub fn floor(slot: &Slot<'_>, deal: Option<&DealOffer<'_>>, duration_ms: u32) -> Money {
    match deal {
        Some(offer) if offer.own_floor => {
            let own = special(&offer.floors, duration_ms);
            // A deal whose ranges leave this duration out, and that names no plain floor, says
            // nothing of it: the imp's holds (§7.11).
            let plain = || Some(offer.floors.plain).filter(|plain| plain.nanos > 0);
            own.or_else(plain).unwrap_or_else(|| of_floors(&slot.floors, duration_ms))
        }
        _ => of_floors(&slot.floors, duration_ms),
    }
}

fn of_floors(floors: &Floors<'_>, duration_ms: u32) -> Money {
    special(floors, duration_ms).unwrap_or(floors.plain)
}

/// The floor per second, or that of the highest range that has the duration.
fn special(floors: &Floors<'_>, duration_ms: u32) -> Option<Money> {
    let currency = floors.plain.currency;
    if let Some(per_second) = floors.per_second {
        // Nanos per second times milliseconds: rounded up to the nano, and never below zero.
        let scaled = i128::from(per_second.nanos) * i128::from(duration_ms);
        let nanos = i64::try_from((scaled + 999) / 1000).unwrap_or(i64::MAX);
        return Some(Money::new(nanos, currency));
    }
    let by_duration = floors.by_duration.iter().filter(|range| covers(range, duration_ms));
    by_duration.map(|range| of_cpm(range.bidfloor.unwrap_or(0.0), currency)).max_by_key(|m| m.nanos)
}

/// As a plain floor is read: a negative one is none, one beyond all reason is reached by nobody.
fn of_cpm(cpm: f64, currency: Currency) -> Money {
    if cpm <= 0.0 {
        return Money::zero(currency);
    }
    Money::from_cpm(cpm, currency, Round::Up).unwrap_or(Money::new(i64::MAX, currency))
}

/// Either end may be left out (§3.2.35 and its example disagree; both forms are read).
fn covers(range: &DurFloor, duration_ms: u32) -> bool {
    let duration_ms = i64::from(duration_ms);
    let from = range.mindur.unwrap_or(0).saturating_mul(1000);
    let to = range.maxdur.unwrap_or(i64::MAX / 1000).saturating_mul(1000);
    (from..=to).contains(&duration_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floors(per_second: Option<i64>, by_duration: &[DurFloor]) -> Floors<'_> {
        Floors {
            plain: Money::new(2_000_000, Currency::USD),
            per_second: per_second.map(|nanos| Money::new(nanos, Currency::USD)),
            by_duration,
        }
    }

    fn range(mindur: Option<i64>, maxdur: Option<i64>, bidfloor: f64) -> DurFloor {
        DurFloor { mindur, maxdur, bidfloor: Some(bidfloor) }
    }

    #[test]
    fn a_floor_per_second_grows_with_the_spot() {
        assert_eq!(of_floors(&floors(Some(100_000), &[]), 30_000).nanos, 3_000_000);
        assert_eq!(of_floors(&floors(Some(1), &[]), 1).nanos, 1, "rounded up");
    }

    #[test]
    fn the_highest_range_that_covers_the_duration_holds() {
        let ranges = [
            range(Some(1), Some(15), 4.0),
            range(Some(16), Some(30), 6.0),
            range(Some(10), None, 5.0),
        ];
        for (duration_ms, nanos) in
            [(10_000, 5_000_000), (8_000, 4_000_000), (20_000, 6_000_000), (60_000, 5_000_000)]
        {
            assert_eq!(of_floors(&floors(None, &ranges), duration_ms).nanos, nanos);
        }
    }

    #[test]
    fn outside_every_range_the_plain_floor_holds() {
        let ranges = [range(Some(16), Some(30), 6.0)];
        assert_eq!(of_floors(&floors(None, &ranges), 10_000).nanos, 2_000_000);
    }
}

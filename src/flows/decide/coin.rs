//! What does chance say? A keyed hash of the request, so that chance can be repeated.
//!
//! Read by `decide` and `replay`; hot. The key is the deployment's secret: an exchange cannot
//! choose request ids that win ties. The moment is part of the seed, so that a request sent
//! twice gives two bids with two tickets.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::base::units::ids::LineId;
use crate::base::units::time::Moment;
use crate::market::exchange::ExchangeIx;
use crate::market::ticket::BidId;
use crate::offer::delivery::Pace;

/// The key of all coins of a deployment.
#[derive(Clone, Copy)]
pub struct Coin {
    key: u64,
}

/// The chance of one decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Toss {
    pub seed: u64,
}

impl Coin {
    pub const fn new(key: u64) -> Coin {
        Coin { key }
    }

    pub fn toss(self, request_id: &str, exchange: ExchangeIx, moment: Moment) -> Toss {
        let of_request = xxh3_64_with_seed(request_id.as_bytes(), self.key);
        let of_time = mix(moment.unix_us as u64 ^ u64::from(exchange.0).rotate_left(48));
        Toss { seed: mix(of_request ^ of_time) }
    }
}

impl Toss {
    /// Sixty-four fair bits for one line in this decision.
    pub fn of_line(self, line: LineId) -> u64 {
        mix(self.seed ^ line.0)
    }

    /// Whether a line joins this decision, at the chance that its pace gives it: bits that
    /// [`Toss::of_line`] does not tell, so that who joins says nothing of who wins a tie.
    pub fn joins(self, line: LineId, pace: Pace) -> bool {
        pace.passes(mix(self.of_line(line)))
    }

    /// The id of the decision's bid number `number`; never zero.
    pub fn bid(self, number: usize) -> BidId {
        BidId(mix(self.seed.wrapping_add(number as u64 + 1)) | 1)
    }
}

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_repeats_and_differs_where_it_should() {
        let toss = |key, id, exchange, us| {
            Coin::new(key).toss(id, ExchangeIx(exchange), Moment::from_unix_us(us))
        };
        assert_eq!(toss(1, "a", 0, 5), toss(1, "a", 0, 5));
        for other in
            [toss(2, "a", 0, 5), toss(1, "b", 0, 5), toss(1, "a", 1, 5), toss(1, "a", 0, 6)]
        {
            assert_ne!(other, toss(1, "a", 0, 5));
        }
        let toss = toss(1, "a", 0, 5);
        assert_ne!(toss.of_line(LineId(1)), toss.of_line(LineId(2)));
        assert_ne!(toss.bid(0), toss.bid(1));
    }
}

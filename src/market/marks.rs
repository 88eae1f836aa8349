//! Whom is it about, without saying who? Keyed hashes of listeners and of supplies.
//!
//! Caps, reach and tickets know a listener only by its mark, and the penalty box a supply by its
//! own. Made by `decide` and read by the till; hot, allocation-free (SipHash-2-4). A mark is of no
//! use without the deployment's secret. All nodes of a deployment need the same one; with another
//! secret every listener is a stranger to its caps.

use siphasher::sip::SipHasher24;

use crate::base::units::ids::{ListenerKey, ListenerMark};
use crate::market::exchange::ExchangeIx;

/// Bytes of the secret that marks are made with.
pub const MARK_SECRET_BYTES: usize = 32;

/// The deployment's secret for marks, ready for use.
#[derive(Clone, Copy)]
pub struct Marks {
    of: SipHasher24,
    veil: SipHasher24,
}

/// Where an impression comes from: an exchange and the app or site behind it. Two supplies may
/// share a mark (2⁻³²), and then share what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct SupplyMark(pub u32);

impl Marks {
    /// cold: at start.
    pub fn new(secret: &[u8; MARK_SECRET_BYTES]) -> Marks {
        let half = |from: usize| {
            let mut key = [0u8; 16];
            key.copy_from_slice(&secret[from..from + 16]);
            SipHasher24::new_with_key(&key)
        };
        Marks { of: half(0), veil: half(16) }
    }

    pub fn listener(&self, key: ListenerKey) -> ListenerMark {
        ListenerMark(self.of.hash(&key.0.to_le_bytes()))
    }

    /// `seller`: what names the app or site on this exchange; empty for the exchange itself.
    pub fn supply(&self, exchange: ExchangeIx, seller: &str) -> SupplyMark {
        let of_seller = self.of.hash(seller.as_bytes());
        let of_both = of_seller ^ u64::from(exchange.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        SupplyMark((self.of.hash(&of_both.to_le_bytes()) >> 32) as u32)
    }

    /// A listener's mark as a ticket carries it: without the secret, two tickets of one listener
    /// have nothing in common.
    pub fn veil(&self, mark: ListenerMark, bid: u64) -> u64 {
        mark.0 ^ self.veil.hash(&bid.to_le_bytes())
    }

    pub fn unveil(&self, veiled: u64, bid: u64) -> ListenerMark {
        ListenerMark(veiled ^ self.veil.hash(&bid.to_le_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(byte: u8) -> Marks {
        Marks::new(&[byte; MARK_SECRET_BYTES])
    }

    /// The reference vector of SipHash-2-4: key 00…0f, input 00…0e.
    #[test]
    fn a_mark_is_siphash_2_4() {
        let mut secret = [0u8; MARK_SECRET_BYTES];
        for (i, byte) in secret.iter_mut().enumerate() {
            *byte = i as u8;
        }
        let input: Vec<u8> = (0..15).collect();
        assert_eq!(Marks::new(&secret).of.hash(&input), 0xa129_ca61_49be_45e5);
        let key = ListenerKey(u128::from_le_bytes(std::array::from_fn(|i| i as u8)));
        // The reference vector of 16 bytes.
        assert_eq!(Marks::new(&secret).listener(key).0, 0x3f2a_cc7f_57c2_9bdb);
    }

    #[test]
    fn both_halves_of_the_secret_count() {
        let (key, bid) = (ListenerKey::of("a"), 7);
        let mut other = [1u8; MARK_SECRET_BYTES];
        other[31] ^= 1;
        let (one, other) = (marks(1), Marks::new(&other));
        assert_eq!(one.listener(key), other.listener(key));
        assert_ne!(one.veil(ListenerMark(0), bid), other.veil(ListenerMark(0), bid));
        assert_ne!(one.listener(key), marks(2).listener(key));
        // The veil of a mark is no mark of the same bytes.
        assert_ne!(Marks::new(&[1; 32]).veil(ListenerMark(0), bid), 0);
    }

    #[test]
    fn a_veil_hides_and_gives_back() {
        let mark = marks(1).listener(ListenerKey::of("listener"));
        let veiled = [1, 2].map(|bid| marks(1).veil(mark, bid));
        assert_ne!(veiled[0], veiled[1]);
        for (bid, veiled) in (1..).zip(veiled) {
            assert_ne!(veiled, mark.0);
            assert_eq!(marks(1).unveil(veiled, bid), mark);
            assert_ne!(marks(2).unveil(veiled, bid), mark);
        }
    }

    #[test]
    fn supplies_differ_by_exchange_and_seller() {
        let all = [(0, ""), (1, ""), (0, "app"), (1, "app"), (0, "site")];
        let all = all.map(|(exchange, seller)| marks(1).supply(ExchangeIx(exchange), seller));
        for (i, one) in all.iter().enumerate() {
            assert!(!all[..i].contains(one), "{i}");
        }
        assert_eq!(marks(1).supply(ExchangeIx(1), "app"), all[3]);
    }
}

//! What did an encrypted price say? Google's price confirmations, opened with the two keys that
//! the exchange gave us.
//!
//! Read by the notice path for exchanges whose row has keys; warm, allocates nothing. The wire is
//! web-safe base64 of 28 bytes: an initialisation vector of 16, which begins with the second of
//! its making, the price masked by HMAC-SHA-1 of it, and four bytes of signature. With 32 bits,
//! one forgery in 4,294,967,296 tries holds: so a price is only ever believed beside a ticket of
//! ours, at most up to what was signed, and an event is known by the ticket, never by its price.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::base::units::time::Moment;

/// The keys of one exchange's prices.
#[derive(Clone)]
pub struct PriceCipher {
    mask: Hmac<Sha1>,
    check: Hmac<Sha1>,
}

/// An encrypted price that is genuine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deciphered {
    /// A CPM in millionths, which is nanos per impression.
    pub nanos: i64,
    /// When it was encrypted, by the exchange's clock; whole seconds.
    pub sealed: Moment,
}

/// Why a text is no price of these keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CipherFault {
    #[error("not base64 of 28 bytes")]
    Shape,
    #[error("the signature does not hold")]
    Forged,
    #[error("a price beyond all prices")]
    Price,
}

const IV: usize = 16;
const PRICE: usize = 8;
const SIGNATURE: usize = 4;
const BYTES: usize = IV + PRICE + SIGNATURE;

impl PriceCipher {
    /// The keys as they were given: web-safe base64 of 32 bytes each, padded or not. `None`: one
    /// of them is not.
    // cold: at start
    pub fn google(e_key: &str, i_key: &str) -> Option<PriceCipher> {
        let keyed = |text: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).ok()?;
            let key: [u8; 32] = bytes.try_into().ok()?;
            Hmac::new_from_slice(&key).ok()
        };
        Some(PriceCipher { mask: keyed(e_key)?, check: keyed(i_key)? })
    }

    pub fn open(&self, text: &str) -> Result<Deciphered, CipherFault> {
        let mut bytes = [0u8; BYTES];
        let text = text.trim().trim_end_matches('=');
        if URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(BYTES) {
            return Err(CipherFault::Shape);
        }
        let (iv, rest) = bytes.split_at(IV);
        let (masked, signature) = rest.split_at(PRICE);
        let mut mask = self.mask.clone();
        mask.update(iv);
        let mask = mask.finalize().into_bytes();
        let mut price = [0u8; PRICE];
        for (i, byte) in price.iter_mut().enumerate() {
            *byte = masked[i] ^ mask[i];
        }
        let mut check = self.check.clone();
        check.update(&price);
        check.update(iv);
        // Compares in constant time.
        check.verify_truncated_left(signature).map_err(|_| CipherFault::Forged)?;
        let nanos = i64::try_from(u64::from_be_bytes(price)).ok();
        let seconds = u32::from_be_bytes([iv[0], iv[1], iv[2], iv[3]]);
        Ok(Deciphered {
            nanos: nanos.filter(|&nanos| nanos <= NANOS_MAX).ok_or(CipherFault::Price)?,
            sealed: Moment::from_unix_s(i64::from(seconds)),
        })
    }
}

/// [`CPM_MAX`](crate::base::units::money::CPM_MAX) in nanos per impression.
const NANOS_MAX: i64 = 1_000_000_000_000_000;

/// Names no key; the same for all, as it goes into the version of the world.
impl fmt::Debug for PriceCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PriceCipher(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const E_KEY: &str = "skU7Ax_NL5pPAFyKdkfZjZz2-VhIN8bjj1rVFOaJ_5o=";
    const I_KEY: &str = "arO23ykdNqUQ5LEoQ0FVmPkBd7xB5CO89PDZlSjpFxo=";
    const OF_100: &str = "YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw";

    fn cipher() -> PriceCipher {
        PriceCipher::google(E_KEY, I_KEY).unwrap()
    }

    /// What an exchange would send.
    fn sealed(nanos: u64, iv: [u8; IV]) -> String {
        let keys = cipher();
        let mut mask = keys.mask;
        mask.update(&iv);
        let mask = mask.finalize().into_bytes();
        let price = nanos.to_be_bytes();
        let mut check = keys.check;
        check.update(&price);
        check.update(&iv);
        let mut bytes = iv.to_vec();
        bytes.extend(price.iter().zip(&mask).map(|(a, b)| a ^ b));
        bytes.extend_from_slice(&check.finalize().into_bytes()[..SIGNATURE]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    #[test]
    fn the_vectors_are_exact() {
        // "abc1", big-endian.
        let sealed = Moment::from_unix_s(0x6162_6331);
        for (text, nanos) in [
            (OF_100, 100),
            ("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCAWJRxOgA", 1900),
            ("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemC32prpWWw", 2700),
        ] {
            assert_eq!(cipher().open(text), Ok(Deciphered { nanos, sealed }), "{text}");
            let padded = format!(" {text}== ");
            assert_eq!(cipher().open(&padded), Ok(Deciphered { nanos, sealed }));
        }
    }

    #[test]
    fn no_changed_bit_is_believed() {
        let good = URL_SAFE_NO_PAD.decode(OF_100).unwrap();
        for bit in 0..BYTES * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verdict = cipher().open(&URL_SAFE_NO_PAD.encode(&bytes));
            assert_eq!(verdict, Err(CipherFault::Forged), "bit {bit}");
        }
    }

    #[test]
    fn other_keys_open_nothing() {
        for (e_key, i_key) in [(I_KEY, I_KEY), (E_KEY, E_KEY), (I_KEY, E_KEY)] {
            let other = PriceCipher::google(e_key, i_key).unwrap();
            assert_eq!(other.open(OF_100), Err(CipherFault::Forged));
        }
    }

    #[test]
    fn what_has_not_the_shape_is_refused() {
        let longer = format!("{OF_100}AA");
        for text in ["", "2.5", &OF_100[..37], &longer, "YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce+6msaw"] {
            assert_eq!(cipher().open(text), Err(CipherFault::Shape), "{text}");
        }
    }

    #[test]
    fn prices_and_seconds_have_their_bounds() {
        let mut iv = [0xff; IV];
        let last = Moment::from_unix_s(u32::MAX.into());
        let most = Deciphered { nanos: NANOS_MAX, sealed: last };
        assert_eq!(cipher().open(&sealed(NANOS_MAX as u64, iv)), Ok(most));
        for beyond in [NANOS_MAX as u64 + 1, 1 << 63, u64::MAX] {
            assert_eq!(cipher().open(&sealed(beyond, iv)), Err(CipherFault::Price), "{beyond}");
        }
        iv[..4].copy_from_slice(&[0, 0, 1, 2]);
        let early = Deciphered { nanos: 0, sealed: Moment::from_unix_s(258) };
        assert_eq!(cipher().open(&sealed(0, iv)), Ok(early));
    }

    #[test]
    fn keys_have_32_bytes() {
        assert!(PriceCipher::google(E_KEY.trim_end_matches('='), I_KEY).is_some());
        for bad in ["", "c2hvcnQ", "not base64!", OF_100] {
            assert!(PriceCipher::google(bad, I_KEY).is_none(), "{bad}");
            assert!(PriceCipher::google(E_KEY, bad).is_none(), "{bad}");
        }
        assert!(!format!("{:?}", cipher()).contains("sk"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = cipher().open(&text);
        }

        #[test]
        fn what_was_sealed_is_opened(
            nanos in 0..=NANOS_MAX,
            iv in proptest::array::uniform16(0u8..),
        ) {
            let opened = cipher().open(&sealed(nanos as u64, iv)).unwrap();
            proptest::prop_assert_eq!(opened.nanos, nanos);
        }
    }
}

//! What price came back? The text that an exchange put in place of `${AUCTION_PRICE}`.
//!
//! Used by the notice path for every win, billing and impression event; allocates nothing.
//! Exchanges substitute by plain text and without regard to syntax (§4.4), so anything may
//! arrive; here each shape has one name, and the notice path has one rule for each.

use crate::base::units::money::{Currency, Money, Round};

/// The price macro as it was returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceMacro {
    /// Nothing at all: the parameter is absent, empty or blank.
    Missing,
    /// The literal `AUDIT`: somebody looks at the ad, nobody heard it. Never booked.
    Audit,
    /// The macro itself, plain or URL-encoded (also twice): the exchange forgot to substitute it.
    Unexpanded,
    /// A CPM as nanos per impression in the currency of the bid.
    Cpm(i64),
    /// Anything else: encrypted blobs; negative numbers and `-0.0`; NaN, infinity and what
    /// overflows (`1e400`) or exceeds `CPM_MAX`; decimals with a comma, because `1,250` may mean
    /// either of two prices a thousandfold apart.
    Unreadable,
}

/// Reads what stands in a notice where `${AUCTION_PRICE}` was sent.
///
/// A price with more than six decimals goes up to the next nano: it is charged to us (DESIGN §6).
pub fn parse_price(text: &str) -> PriceMacro {
    let text = text.trim();
    if text.is_empty() {
        return PriceMacro::Missing;
    }
    if text.eq_ignore_ascii_case("AUDIT") {
        return PriceMacro::Audit;
    }
    if contains_ignoring_case(text, "AUCTION_PRICE") {
        return PriceMacro::Unexpanded;
    }
    let price = text.parse().ok().and_then(|cpm| Money::from_cpm(cpm, Currency::USD, Round::Up));
    price.map_or(PriceMacro::Unreadable, |price| PriceMacro::Cpm(price.nanos))
}

fn contains_ignoring_case(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_has_its_name() {
        use PriceMacro::*;
        for (text, expected) in [
            ("", Missing),
            ("  ", Missing),
            ("AUDIT", Audit),
            ("audit", Audit),
            ("${AUCTION_PRICE}", Unexpanded),
            ("${AUCTION_PRICE:B64}", Unexpanded),
            ("%24%7BAUCTION_PRICE%7D", Unexpanded),
            ("%24%7bAUCTION_PRICE%7d", Unexpanded),
            ("%2524%257BAUCTION_PRICE%257D", Unexpanded),
            ("$%7Bauction_price}", Unexpanded),
            ("0", Cpm(0)),
            ("1", Cpm(1_000_000)),
            ("2.430134", Cpm(2_430_134)),
            (" 2.5 ", Cpm(2_500_000)),
            ("1.2345671", Cpm(1_234_568)),
            ("25e-1", Cpm(2_500_000)),
            ("-1.0", Unreadable),
            ("-0.0", Unreadable),
            ("-0", Unreadable),
            ("NaN", Unreadable),
            ("inf", Unreadable),
            ("1e400", Unreadable),
            ("1e10", Unreadable),
            ("1,25", Unreadable),
            ("1,250.00", Unreadable),
            ("0x10", Unreadable),
            ("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw", Unreadable),
            ("1.0 USD", Unreadable),
            ("１", Unreadable),
        ] {
            assert_eq!(parse_price(text), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_price_survives_the_round_trip(nanos in 0_i64..1_000_000_000_000) {
            let mut text = String::new();
            crate::base::units::money::write_cpm(nanos, &mut text).unwrap();
            proptest::prop_assert_eq!(parse_price(&text), PriceMacro::Cpm(nanos));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            if let PriceMacro::Cpm(nanos) = parse_price(&text) {
                proptest::prop_assert!(nanos >= 0);
            }
        }
    }
}

//! What does an impression cost? Integer nanos of a named currency, never a float.
//!
//! Used by every room that touches a price; hot. One unit serves floors, bids, budgets and
//! settlements: nanos (10⁻⁹) of a currency unit **per impression**. A CPM of 1.00 is 10⁶ CPM
//! micros for a thousand impressions, hence 10⁶ nanos for one: *CPM micros and nanos per
//! impression are the same integer*, so a price with six decimals is exact.

use std::fmt;

/// An ISO 4217 alphabetic code, upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    pub const USD: Currency = Currency(*b"USD");
    pub const EUR: Currency = Currency(*b"EUR");

    /// Three ASCII letters of either case; anything else is not a currency.
    pub fn parse(code: &str) -> Option<Currency> {
        let bytes: [u8; 3] = code.trim().as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| Currency(bytes.map(|b| b.to_ascii_uppercase())))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    pub const fn bytes(self) -> [u8; 3] {
        self.0
    }

    /// The inverse of [`Currency::bytes`]; `None` unless all three are upper-case letters.
    pub fn from_bytes(bytes: [u8; 3]) -> Option<Currency> {
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Currency(bytes))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which way a conversion may lose the last nano: floors and charges against us go up, bids go
/// down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Round {
    Up,
    Down,
}

/// An amount of money: integer nanos and the currency they are of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Money {
    pub nanos: i64,
    pub currency: Currency,
}

impl Money {
    pub const fn new(nanos: i64, currency: Currency) -> Money {
        Money { nanos, currency }
    }

    pub const fn zero(currency: Currency) -> Money {
        Money { nanos: 0, currency }
    }

    /// The price of one impression at a CPM given as the wire gives it, a float.
    ///
    /// `None` for what is no price: NaN, infinity, a negative (also −0.0), or more than
    /// [`CPM_MAX`]. This is the only place where a float becomes money.
    pub fn from_cpm(cpm: f64, currency: Currency, round: Round) -> Option<Money> {
        if !cpm.is_finite() || cpm.is_sign_negative() || cpm > CPM_MAX {
            return None;
        }
        let micros = cpm * 1e6;
        let nearest = micros.round();
        // A decimal such as 2.430134 has no exact double: within a thousandth of a micro it is
        // the decimal that was meant, and only beyond that does the rounding direction count.
        let whole = if (micros - nearest).abs() < 1e-3 {
            nearest
        } else if round == Round::Up {
            micros.ceil()
        } else {
            micros.floor()
        };
        Some(Money::new(whole as i64, currency))
    }

    /// The price as the wire wants it: a CPM as the double nearest to the exact decimal.
    pub fn cpm(self) -> f64 {
        self.nanos as f64 / 1e6
    }

    pub fn checked_add(self, other: Money) -> Option<Money> {
        if self.currency != other.currency {
            return None;
        }
        Some(Money::new(self.nanos.checked_add(other.nanos)?, self.currency))
    }
}

/// The largest CPM taken for a price; beyond it stands a mistake or an attack.
pub const CPM_MAX: f64 = 1e9;

/// An amount as the exact decimal of currency units that its nanos are: `-1500000000` → `-1.5`.
pub fn amount(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, part) =
        (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    let part = format!("{part:09}");
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        part => format!("{sign}{whole}.{part}"),
    }
}

/// The inverse of [`amount`]: a plain decimal with at most nine decimals, exact or nothing.
pub fn parse_amount(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let part = if part.len() > 1 { part.trim_end_matches('0') } else { part };
    let part = if part.is_empty() { "0" } else { part };
    if !plain(whole) || !plain(part) || digits.ends_with('.') || part.len() > 9 {
        return None;
    }
    let nanos = format!("{whole}{part:0<9}").parse::<i64>().ok()?;
    Some(sign * nanos)
}

/// Writes nanos per impression as a decimal CPM with no trailing zeros: `1250000` → `1.25`.
///
/// Allocates nothing; used by the response writer and by `Display`.
pub fn write_cpm(nanos: i64, out: &mut impl fmt::Write) -> fmt::Result {
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, part) = (nanos.unsigned_abs() / 1_000_000, nanos.unsigned_abs() % 1_000_000);
    if part == 0 {
        return write!(out, "{sign}{whole}");
    }
    let (mut part, mut width) = (part, 6);
    while part % 10 == 0 {
        part /= 10;
        width -= 1;
    }
    write!(out, "{sign}{whole}.{part:0width$}")
}

/// `1.25 USD`: the CPM that these nanos per impression are.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_cpm(self.nanos, f)?;
        write!(f, " {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpm(value: f64, round: Round) -> Option<i64> {
        Money::from_cpm(value, Currency::USD, round).map(|m| m.nanos)
    }

    #[test]
    fn a_cpm_is_exact_to_six_decimals() {
        assert_eq!(cpm(2.430134, Round::Up), Some(2_430_134));
        assert_eq!(cpm(2.430134, Round::Down), Some(2_430_134));
        assert_eq!(cpm(0.0000015, Round::Up), Some(2));
        assert_eq!(cpm(0.0000015, Round::Down), Some(1));
        assert_eq!(cpm(0.0, Round::Up), Some(0));
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for value in [-0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e10] {
            assert_eq!(cpm(value, Round::Down), None, "{value}");
        }
    }

    #[test]
    fn money_prints_as_a_cpm() {
        for (nanos, text) in
            [(1_250_000, "1.25"), (4_000_000, "4"), (1, "0.000001"), (-500_000, "-0.5")]
        {
            let mut out = String::new();
            write_cpm(nanos, &mut out).unwrap();
            assert_eq!(out, text);
        }
    }

    #[test]
    fn amounts_are_exact_both_ways() {
        for (nanos, text) in [
            (0, "0"),
            (1, "0.000000001"),
            (-1_500_000_000, "-1.5"),
            (i64::MAX, "9223372036.854775807"),
            (100_000_000_000, "100"),
        ] {
            assert_eq!(amount(nanos), text);
            assert_eq!(parse_amount(text), Some(nanos));
        }
        assert_eq!(parse_amount("10.50"), Some(10_500_000_000));
        assert_eq!(parse_amount("1.000"), Some(1_000_000_000));
        assert_eq!(parse_amount("1.0000000010"), Some(1_000_000_001));
        for text in
            ["", "-", ".5", "1.", "1e3", "+1", "1,5", "0.0000000001", "9223372036.854775808", "--1"]
        {
            assert_eq!(parse_amount(text), None, "{text}");
        }
    }

    #[test]
    fn currencies_do_not_mix() {
        let dollar = Money::new(1, Currency::USD);
        assert_eq!(dollar.checked_add(Money::new(1, Currency::EUR)), None);
        assert_eq!(dollar.checked_add(dollar), Some(Money::new(2, Currency::USD)));
        assert_eq!(Currency::parse("eur"), Some(Currency::EUR));
        assert_eq!(Currency::parse("E1R"), None);
        assert_eq!(Currency::parse("euro"), None);
    }
}

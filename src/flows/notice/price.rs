//! What does a billable event cost? The rule for every form in which a price comes back.

use crate::base::units::money::Money;
use crate::market::notice::PriceRule;
use crate::market::openrtb::macros::{PriceMacro, parse_price};
use crate::market::ticket::Ticket;

/// A price that came back, judged against its ticket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Told {
    pub rule: PriceRule,
    /// As told, in the bid's currency; the signed price where nothing readable was.
    pub price: Money,
    /// What a billable event charges, in the account's currency.
    pub charge: Money,
}

pub(super) fn judge(text: &str, ticket: &Ticket) -> Told {
    let signed = ticket.price.nanos.max(0);
    let (rule, nanos) = match parse_price(text) {
        PriceMacro::Cpm(nanos) if nanos < 0 => (PriceRule::Unreadable, signed),
        PriceMacro::Cpm(nanos) if nanos > signed => (PriceRule::Above, nanos),
        PriceMacro::Cpm(nanos) => (PriceRule::AsTold, nanos),
        PriceMacro::Missing => (PriceRule::Missing, signed),
        PriceMacro::Unexpanded => (PriceRule::Unexpanded, signed),
        PriceMacro::Unreadable => (PriceRule::Unreadable, signed),
        PriceMacro::Audit => (PriceRule::Audit, 0),
    };
    let charge = share(ticket.held.nanos.max(0), nanos, signed);
    Told {
        rule,
        price: Money::new(nanos, ticket.price.currency),
        charge: Money::new(charge, ticket.held.currency),
    }
}

/// A price in a parameter that may hold one; `None` for all other forms.
pub(super) fn cpm_nanos(text: &str) -> Option<i64> {
    match parse_price(text) {
        PriceMacro::Cpm(nanos) => Some(nanos),
        _ => None,
    }
}

/// `held` × `price` ÷ `signed`, rounded up, at most `held`.
fn share(held: i64, price: i64, signed: i64) -> i64 {
    if price >= signed {
        return held;
    }
    let exact = i128::from(held) * i128::from(price);
    let up = (exact + i128::from(signed) - 1) / i128::from(signed);
    i64::try_from(up).unwrap_or(held).min(held)
}

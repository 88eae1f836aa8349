//! What does a billable event cost? The rule for every form in which a price comes back.

use crate::base::units::money::Money;
use crate::market::cipher::PriceCipher;
use crate::market::exchange::{Exchange, PlayerPrice};
use crate::market::notice::PriceRule;
use crate::market::openrtb::macros::{PriceMacro, parse_price};
use crate::market::ticket::{Channel, Ticket};

/// How far the clock of an exchange that encrypts prices may be from ours.
const SKEW_S: i64 = 60;

/// A price that came back, judged against its ticket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Told {
    pub rule: PriceRule,
    /// As told, in the bid's currency; where nothing that counts was, what the win told, else the
    /// signed price.
    pub price: Money,
    /// What a billable event charges, in the account's currency.
    pub charge: Money,
}

impl Told {
    /// The notice itself told a price, and it counts.
    pub fn itself(&self) -> bool {
        matches!(self.rule, PriceRule::AsTold | PriceRule::Above)
    }
}

/// What came, and what was known of its bid before.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    pub text: &'a str,
    pub ticket: &'a Ticket,
    /// The row of the ticket's exchange; `None`: it has none any more.
    pub exchange: Option<&'a Exchange>,
    /// The price that the win notice of the bid told.
    pub won: Option<i64>,
}

pub(super) fn judge(telling: &Telling<'_>) -> Told {
    let ticket = telling.ticket;
    let signed = ticket.price.nanos.max(0);
    let (rule, nanos) = match (telling.read(), telling.won) {
        (Ok(nanos), _) if nanos > signed => (PriceRule::Above, nanos),
        (Ok(nanos), _) => (PriceRule::AsTold, nanos),
        (Err(PriceRule::Audit), _) => (PriceRule::Audit, 0),
        (Err(_), Some(won)) => (PriceRule::AsWon, won),
        (Err(rule), None) => (rule, signed),
    };
    let charge = share(ticket.held.nanos.max(0), nanos, signed);
    Told {
        rule,
        price: Money::new(nanos, ticket.price.currency),
        charge: Money::new(charge, ticket.held.currency),
    }
}

impl Telling<'_> {
    /// The price that the notice itself tells and that counts, or why there is none.
    fn read(&self) -> Result<i64, PriceRule> {
        let nanos = match (parse_price(self.text), self.cipher()) {
            (PriceMacro::Missing, _) => Err(PriceRule::Missing),
            (PriceMacro::Audit, _) => Err(PriceRule::Audit),
            (PriceMacro::Unexpanded, _) => Err(PriceRule::Unexpanded),
            (_, Some(cipher)) => self.deciphered(cipher),
            (PriceMacro::Cpm(nanos), None) if nanos >= 0 => Ok(nanos),
            _ => Err(PriceRule::Unreadable),
        }?;
        if self.is_trusted() { Ok(nanos) } else { Err(PriceRule::Ignored) }
    }

    fn cipher(&self) -> Option<&PriceCipher> {
        self.exchange?.price_cipher.as_ref()
    }

    fn is_trusted(&self) -> bool {
        let trusts = |row: &Exchange| row.player_price == PlayerPrice::Trust;
        self.ticket.channel == Channel::Exchange || self.exchange.is_some_and(trusts)
    }

    /// A price that was sealed before its bid was made, or after its ticket, is one of another.
    fn deciphered(&self, cipher: &PriceCipher) -> Result<i64, PriceRule> {
        let price = cipher.open(self.text).map_err(|_| PriceRule::Undeciphered)?;
        let of_ticket = self.ticket.made.plus_s(-SKEW_S)..=self.ticket.expires.plus_s(SKEW_S);
        if of_ticket.contains(&price.sealed) { Ok(price.nanos) } else { Err(PriceRule::Stale) }
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

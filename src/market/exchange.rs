//! How does each exchange differ? One row a exchange, no branches elsewhere.
//!
//! Rows come from the config at start and stand in the world; read by `enrich`, the flows and
//! the doors; hot. The rate table that turns one currency into another stands here too.

use std::collections::BTreeMap;

use crate::base::units::money::{Currency, Money, Round};
use crate::market::cipher::PriceCipher;
use crate::market::privacy::RegsDefault;

/// Which event makes the charge; all others only count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BillableEvent {
    /// VAST `<Impression>`: the standard's choice for audio.
    Impression,
    /// `burl`
    Billing,
    /// `nurl`
    Win,
}

/// What a price is worth that comes in the URL of a player.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlayerPrice {
    /// Nothing: whoever plays the ad can write into its URLs.
    Ignore,
    /// As much as one that comes from the exchange.
    Trust,
}

#[derive(Clone, Debug)]
pub struct Exchange {
    /// The path segment of `POST /bid/{key}`.
    pub key: String,
    pub enabled: bool,
    /// Answered when the request allows it; else the first allowed one that has a rate.
    pub currency: Currency,
    pub billable: BillableEvent,
    pub player_price: PlayerPrice,
    /// With what prices come encrypted; then no other price is read.
    pub price_cipher: Option<PriceCipher>,
    /// The exchange sends `nurl` on a win, so a hold without a win ends after `win_window_s`.
    pub sends_wins: bool,
    pub win_window_s: u32,
    /// How long after the bid an impression may still be charged.
    pub ticket_ttl_s: u32,
    /// Milliseconds of `tmax` that the network takes.
    pub network_margin_ms: u32,
    /// Assumed where `tmax` is absent.
    pub default_tmax_ms: u32,
    /// Most open bids for one imp, beside one for each matching deal.
    pub open_bids: u16,
    /// Whether a no-bid is answered 200 with `nbr` rather than 204.
    pub says_nbr: bool,
    /// `user.id` is our own listener id here.
    pub user_id_is_ours: bool,
    /// `eids` sources whose ids name our listeners, the best first.
    pub eid_sources: Vec<String>,
    /// Absent `regs` outside the EEA and the UK.
    pub regs_default: RegsDefault,
    /// Our seat on this exchange, for lines whose advertiser has none of its own.
    pub seat: String,
}

impl Exchange {
    /// The OpenRTB defaults: what the demo exchange is.
    pub fn standard(key: &str) -> Exchange {
        Exchange {
            key: key.to_owned(),
            enabled: true,
            currency: Currency::USD,
            billable: BillableEvent::Impression,
            player_price: PlayerPrice::Ignore,
            price_cipher: None,
            sends_wins: true,
            win_window_s: 10,
            ticket_ttl_s: 3600,
            network_margin_ms: 20,
            default_tmax_ms: 300,
            open_bids: 2,
            says_nbr: false,
            user_id_is_ours: false,
            eid_sources: Vec::new(),
            regs_default: RegsDefault::Full,
            seat: "interlude".to_owned(),
        }
    }
}

/// A dense index into the world's exchanges.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExchangeIx(pub u16);

/// Rates against one reference currency, loaded from the config.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// Names the table on ledger entries and records.
    pub id: String,
    /// What one unit of the currency is worth, in billionths of the reference currency.
    billionths: BTreeMap<Currency, i64>,
}

impl Rates {
    /// `rates`: worth of one unit in billionths of the reference currency, each above zero.
    pub fn new(id: &str, rates: impl IntoIterator<Item = (Currency, i64)>) -> Rates {
        let billionths = rates.into_iter().filter(|&(_, worth)| worth > 0).collect();
        Rates { id: id.to_owned(), billionths }
    }

    pub fn knows(&self, currency: Currency) -> bool {
        self.billionths.contains_key(&currency)
    }

    /// What an amount is worth in the reference currency, in its nanos.
    pub fn in_reference(&self, money: Money, round: Round) -> Option<i64> {
        let worth = i128::from(*self.billionths.get(&money.currency)?);
        let scaled = i128::from(money.nanos).checked_mul(worth)?;
        let down = scaled.div_euclid(1_000_000_000);
        let up = down + i128::from(scaled.rem_euclid(1_000_000_000) != 0);
        i64::try_from(if round == Round::Up { up } else { down }).ok()
    }

    /// `None`: one of the two has no rate, or the amount is beyond what an `i64` holds.
    pub fn convert(&self, money: Money, to: Currency, round: Round) -> Option<Money> {
        if money.currency == to {
            return Some(money);
        }
        let from_worth = i128::from(*self.billionths.get(&money.currency)?);
        let to_worth = i128::from(*self.billionths.get(&to)?);
        let scaled = i128::from(money.nanos).checked_mul(from_worth)?;
        let down = scaled.div_euclid(to_worth);
        let up = down + i128::from(scaled.rem_euclid(to_worth) != 0);
        let nanos = i64::try_from(if round == Round::Up { up } else { down }).ok()?;
        Some(Money::new(nanos, to))
    }
}

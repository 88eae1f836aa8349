//! Entries for tests.

use super::entry::{Effect, NoticeEntry};
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::exchange::ExchangeIx;
use crate::market::notice::{Kind, PriceRule};
use crate::market::ticket::BidId;

/// A billable notice of bid 77 for line 7 that comes to `due` dollars' nanos.
pub(super) fn notice(kind: Kind, effect: Effect, due: i64) -> NoticeEntry {
    let charged = if effect == Effect::Charged { due } else { 0 };
    NoticeEntry {
        kind,
        effect,
        rule: PriceRule::AsTold,
        moment: Moment::from_unix_s(1_800_000_030),
        made: Moment::from_unix_s(1_800_000_000),
        day: 20_833,
        bid: BidId(77),
        line: LineId(7),
        campaign: Some(CampaignId(8)),
        advertiser: Some(AdvertiserId(9)),
        creative: 5,
        exchange: ExchangeIx(2),
        price: Money::new(4, Currency::EUR),
        charged: Money::new(charged, Currency::USD),
        due_nanos: due,
        held_nanos: due,
        expires: Moment::from_unix_s(1_800_003_600),
        rates: 3,
        loss: -1,
        min_to_win: -1,
        billable: due != 0,
        conflict: None,
    }
}

//! How does a notice stand in the journal? As the table above says, and as it was of old.

use super::super::account::Day;
use super::super::bytes::{Cut, Put, Take};
use super::super::entry::{Conflict, Effect, NoticeEntry};
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::market::exchange::ExchangeIx;
use crate::market::notice::{Kind, PriceRule};
use crate::market::ticket::BidId;

pub(super) fn put_notice(entry: &NoticeEntry, out: &mut Vec<u8>) {
    let conflict = entry.conflict.map_or(0, |conflict| conflict as u8 + 1);
    let billable = u8::from(entry.billable);
    out.raw(&[entry.kind as u8, entry.effect as u8, entry.rule as u8, billable, conflict]);
    out.moment(entry.moment);
    out.moment(entry.made);
    out.i32(entry.day);
    out.u64(entry.bid.0);
    out.u64(entry.line.0);
    out.u64(entry.campaign.map_or(0, |campaign| campaign.0));
    out.u64(entry.advertiser.map_or(0, |advertiser| advertiser.0));
    out.u32(entry.creative);
    out.u16(entry.exchange.0);
    out.money(entry.price);
    out.money(entry.charged);
    out.i64(entry.due_nanos);
    out.i64(entry.held_nanos);
    out.moment(entry.expires);
    out.u64(entry.rates);
    out.i32(entry.loss);
    out.i64(entry.min_to_win);
}

pub(super) fn take_notice(take: &mut Take<'_>) -> Result<NoticeEntry, Cut> {
    Ok(NoticeEntry {
        kind: Kind::from_code(take.u8()?).ok_or(Cut::Value("kind"))?,
        effect: Effect::from_code(take.u8()?).ok_or(Cut::Value("effect"))?,
        rule: PriceRule::from_code(take.u8()?).ok_or(Cut::Value("price rule"))?,
        billable: take.flag()?,
        conflict: match take.u8()? {
            0 => None,
            code => Some(Conflict::from_code(code - 1).ok_or(Cut::Value("conflict"))?),
        },
        moment: take.moment()?,
        made: take.moment()?,
        day: take.i32()?,
        bid: BidId(take.u64()?),
        line: LineId(take.u64()?),
        campaign: Some(take.u64()?).filter(|&id| id != 0).map(CampaignId),
        advertiser: Some(take.u64()?).filter(|&id| id != 0).map(AdvertiserId),
        creative: take.u32()?,
        exchange: ExchangeIx(take.u16()?),
        price: take.money()?,
        charged: take.money()?,
        due_nanos: take.i64()?,
        held_nanos: take.i64()?,
        expires: take.moment()?,
        rates: take.u64()?,
        loss: take.i32()?,
        min_to_win: take.i64()?,
    })
}

pub(super) fn take_old(mut take: Take<'_>) -> Result<NoticeEntry, Cut> {
    let kind = Kind::from_code(take.u8()?).ok_or(Cut::Value("kind"))?;
    let effect = take.u8()?;
    let effect = Effect::from_code(effect).filter(|&effect| effect != Effect::Conflict);
    let effect = effect.ok_or(Cut::Value("effect"))?;
    let rule = PriceRule::from_code(take.u8()?).ok_or(Cut::Value("price rule"))?;
    let moment = take.moment()?;
    let mut entry = NoticeEntry {
        kind,
        effect,
        rule,
        moment,
        made: moment,
        day: Day::try_from(moment.unix_s().div_euclid(86_400)).unwrap_or(Day::MAX),
        bid: BidId(take.u64()?),
        line: LineId(take.u64()?),
        campaign: None,
        advertiser: None,
        creative: take.u32()?,
        exchange: ExchangeIx(take.u16()?),
        price: take.money()?,
        charged: take.money()?,
        due_nanos: 0,
        held_nanos: take.i64()?,
        expires: take.moment()?,
        rates: 0,
        loss: take.i32()?,
        min_to_win: take.i64()?,
        billable: take.u8()? == 1,
        conflict: None,
    };
    take.raw(3)?;
    take.end()?;
    entry.due_nanos = match effect {
        Effect::Charged => entry.charged.nanos,
        Effect::Disputed | Effect::Late if entry.billable => entry.held_nanos,
        _ => 0,
    };
    Ok(entry)
}

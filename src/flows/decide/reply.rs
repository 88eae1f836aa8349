//! How is the answer written? Winners → VAST with signed tickets → the bid response.
//!
//! Called by [`decide`](super::decide) last; hot: markup and reply go into reused buffers, what
//! is small into the request's arena.

use std::fmt::Write as _;

use bumpalo::Bump;
use bumpalo::collections::{String as ArenaString, Vec as ArenaVec};

use crate::flows::decide::candidate::Matter;
use crate::flows::decide::scratch::Markup;
use crate::flows::decide::select::Winner;
use crate::knowledge::catalog::model::{Advertiser, Expr};
use crate::market::exchange::BillableEvent;
use crate::market::openrtb::Wire;
use crate::market::openrtb::response::{
    Bid, DsaReply, Response, SeatBid, Transparency, write_json, write_protobuf,
};
use crate::market::outcome::NoBid;
use crate::market::privacy::Grant;
use crate::market::ticket::{Channel, Ticket, TicketText, creative_mark};
use crate::market::vocabulary::SignalKind;
use crate::offer::creative::{AdSpec, Beacons, Notice, render};

/// An answer longer than this is not sent; 16 bids of four kilobytes fit well.
pub const REPLY_BYTES_MAX: usize = 256 * 1024;

/// AdCOM "Creative Markup Types": audio.
const MTYPE_AUDIO: i64 = 3;

/// AdCOM "Category Taxonomies".
const CONTENT_1_0: i64 = 1;
const AD_PRODUCT_2_0: i64 = 8;

/// Writes the response for `winners` in the format of the request.
pub fn write(
    matter: &Matter<'_, '_>,
    winners: &[Winner],
    wire: Wire,
    arena: &Bump,
    buffers: (&mut Markup, &mut Vec<u8>),
) -> Result<(), NoBid> {
    let (markup, reply) = buffers;
    let mut tickets = ArenaVec::with_capacity_in(winners.len(), arena);
    for winner in winners {
        let signed = signed(matter, winner);
        render(&ad(matter, winner, &signed), &mut markup.text);
        markup.ends.push(markup.text.len());
        tickets.push(signed);
    }
    let mut bids = ArenaVec::with_capacity_in(winners.len(), arena);
    for ((winner, adm), signed) in winners.iter().zip(markup.documents()).zip(&tickets) {
        let line = matter.world.catalog.line(winner.candidate.line);
        bids.push((matter.seat(line), bid(matter, winner, adm, signed, arena)));
    }
    let response = Response {
        id: matter.opportunity.request.id,
        bidid: None,
        cur: matter.opportunity.currency,
        seatbid: seats(&mut bids, arena),
        nbr: None,
    };
    match wire {
        Wire::Json => write_json(&response, reply),
        Wire::Protobuf => write_protobuf(&response, reply),
    }
    if reply.len() > REPLY_BYTES_MAX { Err(NoBid::AnswerTooLarge) } else { Ok(()) }
}

/// One ticket for the exchange, one for the player: neither serves in the other's place.
struct Signed {
    exchange: TicketText,
    player: TicketText,
}

fn signed(matter: &Matter<'_, '_>, winner: &Winner) -> Signed {
    let catalog = &matter.world.catalog;
    let keys = &matter.world.keys;
    let permissions = matter.opportunity.permissions;
    let ticket = Ticket {
        channel: Channel::Exchange,
        bid: winner.bid,
        line: catalog.line(winner.candidate.line).id,
        creative: creative_mark(&catalog.creative(winner.candidate.creative).crid),
        exchange: matter.opportunity.exchange,
        billable: matter.exchange.billable,
        price: winner.candidate.price,
        held: winner.candidate.cost,
        made: matter.moment,
        expires: winner.expires,
        listener: matter.mark,
        measured: matter.mark.is_some() && permissions.may(Grant::Measure),
        supply: matter.supply,
        test: matter.opportunity.test,
    };
    let [exchange, player] = keys.sign_both(&ticket);
    Signed { exchange, player }
}

fn beacons<'a>(matter: &Matter<'a, '_>, signed: &'a Signed) -> Beacons<'a> {
    Beacons {
        public_url: &matter.world.public_url,
        exchange_ticket: signed.exchange.as_str(),
        player_ticket: signed.player.as_str(),
    }
}

fn ad<'a>(matter: &Matter<'a, 'a>, winner: &'a Winner, signed: &'a Signed) -> AdSpec<'a> {
    let catalog = &matter.world.catalog;
    let candidate = &winner.candidate;
    AdSpec {
        fit: &candidate.fit,
        creative: catalog.creative(candidate.creative),
        advertiser: catalog.advertiser(catalog.line(candidate.line).advertiser),
        places: matter.opportunity.slots[usize::from(candidate.slot)].companions,
        bid: winner.bid,
        beacons: beacons(matter, signed),
        expires_s: Some(matter.exchange.ticket_ttl_s),
        shared: shared(matter, winner),
    }
}

/// Whether the campaign's own trackers may hear of it. A line that asks of the listener tells
/// them what the listener is: that needs a grant of its own. Of what was chosen by the music
/// alone, or may not be chosen otherwise, they learn nothing.
fn shared(matter: &Matter<'_, '_>, winner: &Winner) -> bool {
    let permissions = matter.opportunity.permissions;
    let chosen_by_person = || {
        let line = matter.world.catalog.line(winner.candidate.line);
        permissions.may(Grant::ReadProfile) && asks_of_listener(&line.targeting)
    };
    permissions.may(Grant::ShareSegments) || !chosen_by_person()
}

fn asks_of_listener(expr: &Expr) -> bool {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().any(asks_of_listener),
        Expr::Not(inner) => asks_of_listener(inner),
        Expr::Leaf(leaf) => SignalKind::of(leaf.dimension).is_some(),
    }
}

fn bid<'r>(
    matter: &Matter<'r, 'r>,
    winner: &'r Winner,
    adm: &'r str,
    signed: &'r Signed,
    arena: &'r Bump,
) -> Bid<'r> {
    let catalog = &matter.world.catalog;
    let candidate = &winner.candidate;
    let line = catalog.line(candidate.line);
    let (advertiser, creative) =
        (catalog.advertiser(line.advertiser), catalog.creative(candidate.creative));
    let slot = &matter.opportunity.slots[usize::from(candidate.slot)];
    let beacons = beacons(matter, signed);
    let notice = |notice| {
        let mut url = ArenaString::with_capacity_in(320, arena);
        let written = beacons.write_notice(notice, &mut url);
        written.is_ok().then(|| url.into_bump_str())
    };
    let billed = matter.exchange.billable;
    let (cattax, categories) = categories(matter, advertiser);
    Bid {
        id: bid_text(winner, arena),
        impid: slot.impid,
        price_nanos: candidate.price.nanos,
        adm,
        nurl: if matter.exchange.sends_wins { notice(Notice::Win) } else { None },
        burl: if billed == BillableEvent::Billing { notice(Notice::Billing) } else { None },
        lurl: notice(Notice::Loss),
        adid: Some(&creative.crid),
        adomain: strs(advertiser.domains.get(..1).unwrap_or(&[]), arena),
        bundle: advertiser.bundle.as_deref(),
        cid: Some(&catalog.campaign(line.campaign).key),
        crid: Some(&creative.crid),
        cattax: Some(cattax),
        cat: strs(categories, arena),
        attr: &creative.attr,
        apis: ArenaVec::from_iter_in(candidate.fit.apis(creative), arena).into_bump_slice(),
        protocol: Some(candidate.fit.version.protocol()),
        qagmediarating: creative.qagmediarating,
        language: creative.language.as_deref().map(primary),
        dealid: candidate.deal.map(|ix| slot.deals[usize::from(ix)].id),
        exp: Some(i64::from(matter.exchange.ticket_ttl_s)),
        dur: Some(i64::from(candidate.duration_ms.div_ceil(1000))),
        mtype: Some(MTYPE_AUDIO),
        dsa: dsa(matter, advertiser, arena),
        ..Bid::default()
    }
}

/// Whom the ad is for, who pays, and which data may have chosen it, where DSA transparency is
/// asked for (`dsarequired` 1 to 3) and the advertiser has said so. We render none of it. A
/// publisher that wants no such data (`datatopub` 0) gets the two names alone.
fn dsa<'r>(
    matter: &Matter<'r, 'r>,
    advertiser: &'r Advertiser,
    arena: &'r Bump,
) -> Option<DsaReply<'r>> {
    let asked = matter.opportunity.request.regs?.dsa?;
    let behalf = advertiser.dsa_behalf.as_deref().filter(|_| asked.dsarequired >= Some(1))?;
    let permissions = matter.opportunity.permissions;
    // "User parameters" of the extension: 1 profiling, 2 basic advertising, 3 precise place.
    let dsaparams: &[i64] = match (
        permissions.may(Grant::ReadProfile) && matter.opportunity.listener.is_some(),
        permissions.may(Grant::PrecisePlace),
    ) {
        (true, true) => &[1, 3],
        (true, false) => &[1],
        (false, true) => &[2, 3],
        (false, false) => &[2],
    };
    let domain = advertiser.domains.first().map_or("", String::as_str);
    let transparency: &[_] = arena.alloc([Transparency { domain, dsaparams }]);
    Some(DsaReply {
        behalf: Some(behalf),
        paid: Some(advertiser.dsa_paid.as_deref().unwrap_or(behalf)),
        transparency: if asked.datatopub == Some(0) { &[] } else { transparency },
        adrender: Some(0),
    })
}

/// The categories in the taxonomy that the request speaks, where we keep them in it.
fn categories<'a>(matter: &Matter<'_, '_>, advertiser: &'a Advertiser) -> (i64, &'a [String]) {
    if matter.opportunity.request.cattax == Some(AD_PRODUCT_2_0) {
        (AD_PRODUCT_2_0, &advertiser.ad_products)
    } else {
        (CONTENT_1_0, &advertiser.categories)
    }
}

/// `en` of `en-GB`: the ISO 639-1 code that `bid.language` wants.
fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

fn bid_text<'r>(winner: &Winner, arena: &'r Bump) -> &'r str {
    let mut text = ArenaString::with_capacity_in(16, arena);
    // Writing to an arena string cannot fail.
    let _ = write!(text, "{:016x}", winner.bid.0);
    text.into_bump_str()
}

fn strs<'r>(list: &'r [String], arena: &'r Bump) -> &'r [&'r str] {
    ArenaVec::from_iter_in(list.iter().map(String::as_str), arena).into_bump_slice()
}

/// Groups bids by seat, keeping the order of each seat's first bid.
fn seats<'r>(bids: &mut ArenaVec<'r, (&'r str, Bid<'r>)>, arena: &'r Bump) -> &'r [SeatBid<'r>] {
    let mut seatbid = ArenaVec::with_capacity_in(bids.len(), arena);
    for i in 0..bids.len() {
        let seat = bids[i].0;
        if bids[..i].iter().any(|(other, _)| *other == seat) {
            continue;
        }
        let of_seat = bids.iter().filter(|(other, _)| *other == seat).map(|(_, bid)| *bid);
        let bid = ArenaVec::from_iter_in(of_seat, arena).into_bump_slice();
        // No bid of ours depends on another, so none is asked for all-or-nothing: what `allimps`
        // would allow (§3.2.1, road-blocking) is never made use of.
        seatbid.push(SeatBid { seat, group: false, bid });
    }
    seatbid.into_bump_slice()
}

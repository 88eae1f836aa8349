//! What does each imp offer? The audio imps of a request → slots in one normal form.
//!
//! Called by [`opportunity`](super::opportunity); hot: lists go to the request's arena.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use crate::base::units::money::{Currency, Money, Round};
use crate::market::exchange::Rates;
use crate::market::format::{AudioMime, MimeSet, VastVersion};
use crate::market::openrtb::request::{Audio, Deal, DurFloor, Imp, Request};
use crate::market::outcome::NoBid;
use crate::market::slot::{DealOffer, DealPrice, Durations, Floors, Pod, Slot};

/// The slots of a request, or why it has none: the reason of the imp that came furthest.
pub fn slots<'b>(
    request: &'b Request<'b>,
    rates: &Rates,
    arena: &'b Bump,
) -> Result<&'b [Slot<'b>], NoBid> {
    let mut slots = ArenaVec::with_capacity_in(request.imp.len(), arena);
    let mut refusal = NoBid::NotAudio;
    for (place, imp) in request.imp.iter().enumerate() {
        let Some(audio) = &imp.audio else { continue };
        match slot(request, place as u16, (imp, audio), rates, arena) {
            Ok(slot) => slots.push(slot),
            Err(reason) => refusal = reason,
        }
    }
    if slots.is_empty() { Err(refusal) } else { Ok(slots.into_bump_slice()) }
}

fn slot<'b>(
    request: &'b Request<'b>,
    place: u16,
    (imp, audio): (&'b Imp<'b>, &'b Audio<'b>),
    rates: &Rates,
    arena: &'b Bump,
) -> Result<Slot<'b>, NoBid> {
    // Spend is price times quantity (§3.2.31); holds, caps and charges are of one impression.
    if imp.qty_multiplier.is_some_and(|quantity| quantity != 1.0) {
        return Err(NoBid::QuantityUnsupported);
    }
    let mimes = mimes(audio.mimes.unwrap_or_default());
    let vast = VastVersion::newest_of(audio.protocols).ok_or(NoBid::FormatUnsupported)?;
    if mimes.is_empty() {
        return Err(NoBid::FormatUnsupported);
    }
    let offer = (imp.bidfloor, audio.mincpmpersec, audio.durfloors);
    let deals = imp.pmp.as_ref().map_or(&[][..], |pmp| pmp.deals);
    Ok(Slot {
        imp: place,
        impid: imp.id,
        tagid: imp.tagid,
        audio,
        mimes,
        vast,
        durations: durations(audio),
        secure: imp.secure == Some(true),
        stitched: audio.stitched == Some(true) || matches!(imp.ssai, Some(2 | 3)),
        rewarded: imp.rwdd == Some(true),
        exp_s: imp.exp,
        floors: floors(imp.bidfloorcur, offer, rates).ok_or(NoBid::CurrencyUnsupported)?,
        private: imp.pmp.as_ref().is_some_and(|pmp| pmp.private_auction == Some(true)),
        deals: deal_offers(deals, rates, arena),
        companions: audio.companionad,
        pod: pod(request, imp, audio),
    })
}

fn mimes(names: &[&str]) -> MimeSet {
    let known = names.iter().filter_map(|name| AudioMime::parse(name));
    known.fold(MimeSet::empty(), MimeSet::with)
}

/// Exact durations go before the window (§3.2.8 calls them mutually exclusive); what `maxextended`
/// allows beyond the maximum belongs to the window.
fn durations<'b>(audio: &Audio<'b>) -> Durations<'b> {
    if audio.rqddurs.iter().any(|&seconds| seconds > 0) {
        return Durations::Exact(audio.rqddurs);
    }
    let max_s = audio.maxduration.filter(|&s| s > 0).or(audio.poddur).filter(|&s| s > 0);
    let extension_ms = match audio.maxextended {
        Some(-1) => u32::MAX,
        Some(seconds) => milliseconds(seconds),
        None => 0,
    };
    Durations::Window {
        min_ms: milliseconds(audio.minduration.unwrap_or(0)),
        max_ms: max_s.map_or(u32::MAX, |s| milliseconds(s).saturating_add(extension_ms)),
    }
}

fn milliseconds(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0).saturating_mul(1000)).unwrap_or(u32::MAX)
}

type Offered<'b> = (Option<f64>, Option<f64>, &'b [DurFloor]);

/// `None` where the currency is unknown or has no rate. A negative floor is no floor; one beyond
/// all reason can be reached by nobody.
fn floors<'b>(
    currency: Option<&str>,
    (plain, per_second, by_duration): Offered<'b>,
    rates: &Rates,
) -> Option<Floors<'b>> {
    let currency = match currency {
        Some(code) => Currency::parse(code)?,
        None => Currency::USD,
    };
    let price = |cpm: f64| {
        if cpm <= 0.0 {
            return Money::zero(currency);
        }
        Money::from_cpm(cpm, currency, Round::Up).unwrap_or(Money::new(i64::MAX, currency))
    };
    rates.knows(currency).then(|| Floors {
        plain: price(plain.unwrap_or(0.0)),
        per_second: per_second.filter(|&cpm| cpm > 0.0).map(price),
        by_duration,
    })
}

/// A deal's floor currency is never inherited (§3.2.12): absent, it is USD. A deal in a currency
/// without a rate cannot be bid on and is left out.
fn deal_offers<'b>(deals: &'b [Deal<'b>], rates: &Rates, arena: &'b Bump) -> &'b [DealOffer<'b>] {
    let offers = deals.iter().filter_map(|deal| {
        let offer = (deal.bidfloor, deal.mincpmpersec, deal.durfloors);
        let own_floor = deal.bidfloor.is_some_and(|floor| floor > 0.0)
            || deal.mincpmpersec.is_some_and(|floor| floor > 0.0)
            || !deal.durfloors.is_empty();
        Some(DealOffer {
            id: deal.id,
            floors: floors(deal.bidfloorcur, offer, rates)?,
            own_floor,
            price: if deal.at == Some(3) { DealPrice::Fixed } else { DealPrice::Auction },
            guaranteed: deal.guar == Some(true),
            wseat: deal.wseat,
            wadomain: deal.wadomain,
        })
    });
    ArenaVec::from_iter_in(offers, arena).into_bump_slice()
}

/// `poddur` makes a stretch to be filled; a `podid` that another imp shares makes a fixed place
/// of one break (§7.6).
fn pod<'b>(request: &Request<'b>, imp: &Imp<'b>, audio: &Audio<'b>) -> Pod<'b> {
    if let Some(total) = audio.poddur.filter(|&seconds| seconds > 0) {
        let max_ads = audio.maxseq.filter(|&ads| ads > 0).unwrap_or(i64::from(u16::MAX));
        return Pod::Dynamic {
            podid: audio.podid.unwrap_or(""),
            total_ms: milliseconds(total),
            max_ads: u16::try_from(max_ads).unwrap_or(u16::MAX),
        };
    }
    let of_pod = |other: &Imp<'b>| other.audio.as_ref().is_some_and(|a| a.podid == audio.podid);
    match audio.podid {
        Some(podid) if request.imp.iter().any(|o| !std::ptr::eq(o, imp) && of_pod(o)) => {
            Pod::Structured { podid }
        }
        _ => Pod::Single,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates {
        Rates::new("test", [(Currency::USD, 1_000_000_000), (Currency::EUR, 1_100_000_000)])
    }

    fn audio(change: impl Fn(&mut Audio<'static>)) -> Imp<'static> {
        let mut audio =
            Audio { mimes: Some(&["audio/mp3"]), maxduration: Some(30), ..Audio::default() };
        change(&mut audio);
        Imp { id: "1", audio: Some(audio), ..Imp::default() }
    }

    fn first(imp: Imp<'static>, check: impl Fn(Result<&Slot<'_>, NoBid>)) {
        let arena = Bump::new();
        let imps = [imp];
        let request = Request { id: "r", imp: &imps, ..Request::default() };
        let slots = slots(&request, &rates(), &arena);
        check(slots.map(|slots| &slots[0]));
    }

    #[test]
    fn durations_read_windows_extensions_and_lists() {
        for (change, takes, refuses) in [
            (&(|_: &mut Audio<'static>| ()) as &dyn Fn(&mut Audio<'static>), 30_000, 30_001),
            (&|a| a.maxextended = Some(5), 35_000, 36_000),
            (&|a| a.maxextended = Some(-1), 900_000, u32::MAX - 1),
            (&|a| a.rqddurs = &[15, 30], 15_040, 20_000),
            (&|a| a.minduration = Some(10), 10_000, 9_999),
        ] {
            first(audio(change), |slot| {
                let durations = slot.unwrap().durations;
                assert!(durations.takes(takes), "{durations:?} takes {takes}");
                assert!(
                    !durations.takes(refuses) || refuses == u32::MAX - 1,
                    "{durations:?} refuses {refuses}"
                );
            });
        }
    }

    #[test]
    fn what_we_cannot_write_is_refused_with_its_reason() {
        first(audio(|a| a.protocols = &[9, 10]), |slot| {
            assert_eq!(slot.unwrap_err(), NoBid::FormatUnsupported);
        });
        first(audio(|a| a.mimes = Some(&["video/mp4"])), |slot| {
            assert_eq!(slot.unwrap_err(), NoBid::FormatUnsupported);
        });
        first(Imp { bidfloorcur: Some("XXX"), ..audio(|_| ()) }, |slot| {
            assert_eq!(slot.unwrap_err(), NoBid::CurrencyUnsupported);
        });
        first(Imp::default(), |slot| assert_eq!(slot.unwrap_err(), NoBid::NotAudio));
    }

    #[test]
    fn a_pod_is_what_several_imps_share_or_a_stretch() {
        first(audio(|a| a.podid = Some("p")), |slot| {
            assert_eq!(slot.unwrap().pod, Pod::Single);
        });
        first(audio(|a| (a.podid, a.poddur) = (Some("p"), Some(60))), |slot| {
            let total_ms = 60_000;
            assert_eq!(slot.unwrap().pod, Pod::Dynamic { podid: "p", total_ms, max_ads: u16::MAX });
        });
        let arena = Bump::new();
        let imps = [audio(|a| a.podid = Some("p")), audio(|a| a.podid = Some("p"))];
        let request = Request { id: "r", imp: &imps, ..Request::default() };
        let slots = slots(&request, &rates(), &arena).unwrap();
        assert!(slots.iter().all(|s| s.pod == Pod::Structured { podid: "p" }));
    }
}

//! Whom does the request not want? Seats, advertisers, categories, apps and languages.
//!
//! Asked by the flow for every candidate line; hot, compares text in place. Lists that contradict
//! each other (allow and deny both present) are applied together: the stricter wins.

use crate::knowledge::catalog::model::Advertiser;
use crate::market::openrtb::request::{Dsa, Request};
use crate::market::outcome::Refusal;
use crate::market::slot::DealOffer;

/// `Ok` where nothing of the request stands against this advertiser bidding under `seat`.
pub fn allowed(
    request: &Request<'_>,
    advertiser: &Advertiser,
    seat: &str,
    deal: Option<&DealOffer<'_>>,
) -> Result<(), Refusal> {
    if !seat_wanted(request, seat, deal) {
        return Err(Refusal::SeatNotWanted);
    }
    let blocked = |domain: &str| request.badv.iter().any(|&block| within(domain, block));
    if advertiser.domains.iter().any(|domain| blocked(domain)) || !welcome(advertiser, deal) {
        return Err(Refusal::AdvertiserBlocked);
    }
    if category_blocked(request, advertiser) {
        return Err(Refusal::CategoryBlocked);
    }
    let bundle = advertiser.bundle.as_deref();
    if bundle.is_some_and(|b| request.bapp.iter().any(|app| app.eq_ignore_ascii_case(b))) {
        return Err(Refusal::AppBlocked);
    }
    if dsa_required(request) && !dsa_told(request, advertiser) {
        return Err(Refusal::DsaUntold);
    }
    Ok(())
}

/// `regs.ext.dsa.dsarequired`: 2 and 3 take no bid without `bid.ext.dsa`.
fn dsa_required(request: &Request<'_>) -> bool {
    dsa(request, |dsa| dsa.dsarequired).is_some_and(|required| required >= 2)
}

/// We can say for whom the ad is, and the publisher can show it (`pubrender` 0: cannot): audio
/// has no place of its own to show it in.
fn dsa_told(request: &Request<'_>, advertiser: &Advertiser) -> bool {
    let shown = dsa(request, |dsa| dsa.pubrender) != Some(0);
    shown && advertiser.dsa_behalf.is_some()
}

fn dsa(request: &Request<'_>, field: impl Fn(&Dsa) -> Option<i64>) -> Option<i64> {
    request.regs.as_ref().and_then(|regs| regs.dsa.as_ref()).and_then(field)
}

fn seat_wanted(request: &Request<'_>, seat: &str, deal: Option<&DealOffer<'_>>) -> bool {
    let listed = |seats: &[&str]| seats.iter().any(|s| s.eq_ignore_ascii_case(seat));
    let of_deal = deal.map_or(&[][..], |offer| offer.wseat);
    (request.wseat.is_empty() || listed(request.wseat))
        && !listed(request.bseat)
        && (of_deal.is_empty() || listed(of_deal))
}

/// A deal may name the only advertisers that it is for.
fn welcome(advertiser: &Advertiser, deal: Option<&DealOffer<'_>>) -> bool {
    let wanted = deal.map_or(&[][..], |offer| offer.wadomain);
    wanted.is_empty()
        || advertiser.domains.iter().any(|d| wanted.iter().any(|&want| within(d, want)))
}

/// Whether `domain` is `block` or below it: `shop.brand.example` is within `brand.example`.
fn within(domain: &str, block: &str) -> bool {
    let block = block.trim();
    let www = block.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("www."));
    let block = if www { &block[4..] } else { block };
    if block.is_empty() || domain.len() < block.len() {
        return false;
    }
    let (head, tail) = domain.as_bytes().split_at(domain.len() - block.len());
    tail.eq_ignore_ascii_case(block.as_bytes()) && (head.is_empty() || head.ends_with(b"."))
}

/// AdCOM category taxonomy 8: Ad Product 2.0.
const AD_PRODUCT_2: i64 = 8;

/// Taxonomies are compared only with themselves (§3.2.1 `cattax`). Codes that spell `IAB…` are
/// Content Taxonomy 1.0 whatever `cattax` says: exchanges send them so. Ids of a taxonomy that
/// we keep no categories in cannot be compared and block nothing.
fn category_blocked(request: &Request<'_>, advertiser: &Advertiser) -> bool {
    let products = request.cattax == Some(AD_PRODUCT_2);
    let of_line = |code: &str| {
        let content = advertiser.categories.iter().any(|own| below(own, code));
        content || products && advertiser.ad_products.iter().any(|own| own == code)
    };
    let comparable = |code: &&&str| products || is_content_1(code);
    let mut allowed = request.acat.iter().filter(comparable).peekable();
    let outside_allowed = allowed.peek().is_some() && !allowed.any(|&code| of_line(code));
    outside_allowed || request.bcat.iter().any(|&code| of_line(code))
}

fn is_content_1(code: &str) -> bool {
    code.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("IAB"))
}

/// `IAB8-5` is `IAB8-5` and is below `IAB8`.
fn below(own: &str, code: &str) -> bool {
    let (own, code) = (own.as_bytes(), code.as_bytes().trim_ascii());
    let (Some(last), Some(of_own)) = (code.last(), own.get(code.len().wrapping_sub(1))) else {
        return false;
    };
    // Codes differ at their ends: most are told apart by one byte.
    last.eq_ignore_ascii_case(of_own)
        && own[..code.len()].eq_ignore_ascii_case(code)
        && matches!(own.get(code.len()), None | Some(b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::money::Currency;
    use crate::market::openrtb::request::Regs;

    fn advertiser() -> Advertiser {
        Advertiser {
            domains: vec!["shop.brand.example".into()],
            seat: "s1".into(),
            categories: vec!["IAB8-5".into()],
            ad_products: vec!["1002".into()],
            bundle: Some("com.brand.app".into()),
            ..Advertiser::plain("brand", Currency::USD)
        }
    }

    fn verdict(request: Request<'_>) -> Result<(), Refusal> {
        allowed(&request, &advertiser(), "s1", None)
    }

    #[test]
    fn domains_block_what_is_below_them() {
        for (badv, outcome) in [
            ("brand.example", Err(Refusal::AdvertiserBlocked)),
            ("SHOP.brand.example", Err(Refusal::AdvertiserBlocked)),
            ("WWW.brand.example", Err(Refusal::AdvertiserBlocked)),
            ("and.example", Ok(())),
            ("x.shop.brand.example", Ok(())),
            ("", Ok(())),
        ] {
            assert_eq!(verdict(Request { badv: &[badv], ..Request::default() }), outcome, "{badv}");
        }
    }

    #[test]
    fn categories_are_compared_within_their_taxonomy() {
        let blocked = Err(Refusal::CategoryBlocked);
        let bcat = |bcat, cattax| verdict(Request { bcat, cattax, ..Request::default() });
        assert_eq!(bcat(&["IAB8"], None), blocked);
        assert_eq!(bcat(&["IAB8-5"], Some(7)), blocked);
        assert_eq!(bcat(&["IAB8-50"], None), Ok(()));
        assert_eq!(bcat(&["1002"], Some(8)), blocked);
        assert_eq!(bcat(&["1002"], Some(9)), Ok(()));
        let acat = |acat, cattax| verdict(Request { acat, cattax, ..Request::default() });
        assert_eq!(acat(&["IAB8"], None), Ok(()));
        assert_eq!(acat(&["IAB9"], None), blocked);
        assert_eq!(acat(&["53"], Some(9)), Ok(()), "cannot be compared");
    }

    #[test]
    fn transparency_that_is_required_has_to_be_told() {
        let telling = Advertiser { dsa_behalf: Some("Brand Ltd".into()), ..advertiser() };
        let untold = Err(Refusal::DsaUntold);
        for (dsarequired, pubrender, silent, told) in [
            (None, None, Ok(()), Ok(())),
            (Some(1), Some(0), Ok(()), Ok(())),
            (Some(2), Some(1), untold, Ok(())),
            (Some(3), None, untold, Ok(())),
            (Some(3), Some(0), untold, untold),
        ] {
            let dsa = Some(Dsa { dsarequired, pubrender, ..Dsa::default() });
            let regs = Some(Regs { dsa, ..Regs::default() });
            let request = Request { regs, ..Request::default() };
            let verdict = |advertiser: &Advertiser| allowed(&request, advertiser, "s1", None);
            assert_eq!((verdict(&advertiser()), verdict(&telling)), (silent, told), "{dsa:?}");
        }
    }

    #[test]
    fn seats_apps_and_deal_lists_hold() {
        assert_eq!(
            verdict(Request { wseat: &["s2"], ..Request::default() }),
            Err(Refusal::SeatNotWanted)
        );
        assert_eq!(
            verdict(Request { bseat: &["S1"], ..Request::default() }),
            Err(Refusal::SeatNotWanted)
        );
        assert_eq!(verdict(Request { wseat: &["s2", "s1"], ..Request::default() }), Ok(()));
        assert_eq!(
            verdict(Request { bapp: &["com.brand.app"], ..Request::default() }),
            Err(Refusal::AppBlocked)
        );
    }
}

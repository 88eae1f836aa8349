//! Which pictures go with the spot? One companion for each place the slot offers.
//!
//! Called by [`fit`](super::fit) last; hot, no allocation. A slot that offers no place gets no
//! companion, and a place that none suits stays empty: a companion is never a reason not to bid.

use crate::knowledge::catalog::model::{Companion, CompanionResource, Media};
use crate::market::openrtb::request::Banner;
use crate::market::slot::Slot;

/// The most companions of one ad.
pub const COMPANIONS_MAX: usize = 8;

/// Companion `companion` of the creative in place `place` of `slot.companions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChosenCompanion {
    pub companion: u8,
    pub place: u8,
}

/// A fixed list, so that a [`Fit`](super::Fit) can be copied about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chosen {
    list: [ChosenCompanion; COMPANIONS_MAX],
    len: u8,
}

impl Chosen {
    pub fn as_slice(&self) -> &[ChosenCompanion] {
        &self.list[..usize::from(self.len)]
    }

    fn push(&mut self, chosen: ChosenCompanion) {
        self.list[usize::from(self.len)] = chosen;
        self.len += 1;
    }

    fn is_full(&self) -> bool {
        usize::from(self.len) == COMPANIONS_MAX
    }
}

/// For each place, in the exchange's order, the first companion that suits and is not taken.
pub fn choose(companions: &[Companion], slot: &Slot<'_>, hosted_secure: bool) -> Chosen {
    let mut chosen = Chosen::default();
    for (place, banner) in (0..=u8::MAX).zip(slot.companions) {
        if chosen.is_full() {
            break;
        }
        let suits = |(ix, companion): &(u8, &Companion)| {
            let taken = chosen.as_slice().iter().any(|c| c.companion == *ix);
            !taken
                && fits_size(companion, banner)
                && fits_kind(companion, slot.audio.companiontype, banner)
                && fits_player(companion, banner)
                && (!slot.secure || is_secure(companion, hosted_secure))
        };
        if let Some((companion, _)) = (0..=u8::MAX).zip(companions).find(suits) {
            chosen.push(ChosenCompanion { companion, place });
        }
    }
    chosen
}

/// `w` × `h` of the banner, or one of its formats; a banner that names no size takes any.
fn fits_size(companion: &Companion, banner: &Banner<'_>) -> bool {
    let is = |wanted: Option<i64>, have: u32| wanted.is_none_or(|w| w == i64::from(have));
    let one = (banner.w, banner.h);
    let named = banner.format.iter().map(|f| (f.w, f.h)).chain([one]);
    let mut sizes = named.filter(|size| *size != (None, None)).peekable();
    sizes.peek().is_none() || sizes.any(|(w, h)| is(w, companion.w) && is(h, companion.h))
}

/// The kind of resource: `companiontype` of the slot, `mimes` and `btype` of the place.
fn fits_kind(companion: &Companion, companiontype: &[i64], banner: &Banner<'_>) -> bool {
    let resource = &companion.resource;
    // §5 "Banner Ad Types": 2 XHTML banner, 3 JavaScript ad, 4 iframe.
    let (mime, blocked_by): (&str, &[i64]) = match resource {
        CompanionResource::Static { mime, .. } => (mime, &[]),
        CompanionResource::Html(_) => ("text/html", &[2, 3]),
        CompanionResource::Iframe(_) => ("text/html", &[4]),
    };
    let takes_mime = |m: &&str| m.trim().eq_ignore_ascii_case(mime);
    (companiontype.is_empty() || companiontype.contains(&resource.code()))
        && (banner.mimes.is_empty() || banner.mimes.iter().any(takes_mime))
        && !blocked_by.iter().any(|kind| banner.btype.contains(kind))
}

/// Attributes, APIs, and whether it may stand beside the audio or only after it (`vcm`).
fn fits_player(companion: &Companion, banner: &Banner<'_>) -> bool {
    !companion.attr.iter().any(|attr| banner.battr.contains(attr))
        && companion.apis.iter().all(|api| banner.api.contains(api))
        && banner.vcm.is_none_or(|end_card| end_card == companion.end_card)
}

/// Every URL of it that stands in the markup is https. What HTML loads is the advertiser's word.
fn is_secure(companion: &Companion, hosted_secure: bool) -> bool {
    let resource = match &companion.resource {
        CompanionResource::Static { media: Media::Remote(url), .. } => is_https(url),
        CompanionResource::Static { media: Media::Hosted(_), .. } => hosted_secure,
        CompanionResource::Html(_) => true,
        CompanionResource::Iframe(url) => is_https(url),
    };
    resource && companion.trackers.iter().all(|url| is_https(url))
}

pub fn is_https(url: &str) -> bool {
    url.as_bytes().get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https://"))
}

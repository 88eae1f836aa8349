//! Does this creative fit this slot, and in what form? Renditions, companions, version.
//!
//! Asked by `flows::decide` of every creative of a line that may run, and by `explain`, which
//! shows the refusal; hot, no allocation. The checks stand in the order of [`Refusal`], so a
//! creative that fails two of them is always refused for the same one.
//!
//! Decisions that the standard leaves to the bidder:
//! - OMID (`api` 7) is measurement: where the slot does not take it, the verifications are left
//!   out and the spot runs. Every other API that a creative names it cannot run without.
//! - `nvol` is a wish: [`Fit::normalised`] says whether it is met, nothing is refused for it.
//! - `delivery` 3 (download) takes progressive media: it is the same file.
//! - A stitched slot of VAST ≥ 4.0 needs a mezzanine. A creative without one gives its best
//!   progressive rendition instead, if that is lossless or at least [`MEZZANINE_KBPS_MIN`]:
//!   the stitcher transcodes either way, and a worse one it would reject (VAST error 411).
//! - An http tracker of a third party makes the creative unfit for a secure slot: without it the
//!   advertiser would not count what he pays for.

use super::companions::{self, Chosen, ChosenCompanion, is_https};
use crate::knowledge::catalog::model::{Creative, Delivery, Media, Rendition};
use crate::market::format::{AudioMime, VastVersion};
use crate::market::outcome::Refusal;
use crate::market::slot::Slot;

/// What bounds the choice besides the slot.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Whether `public_url` is https: our beacons and the media we host stand under it.
    pub hosted_secure: bool,
    /// `request.wlang`: ISO 639-1 codes; empty takes all.
    pub wlang: &'a [&'a str],
    /// `request.wlangb`: BCP-47 tags; empty takes all.
    pub wlangb: &'a [&'a str],
}

/// The form in which a creative is offered to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    pub version: VastVersion,
    /// Bit `i`: rendition `i` of the creative goes into the ad.
    pub renditions: u32,
    /// What goes into `Mezzanine`, if anything does.
    pub mezzanine: Option<Mezzanine>,
    /// Whether the verifications go along: the slot takes OMID.
    pub verified: bool,
    /// Whether the slot's wish for volume normalisation is met, or there is none.
    pub normalised: bool,
    companions: Chosen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mezzanine {
    /// The creative's own.
    Own,
    /// This rendition stands in.
    Rendition(u8),
}

/// The least bit rate of a lossy rendition that may stand in for a mezzanine.
pub const MEZZANINE_KBPS_MIN: u32 = 128;

/// Only the first so many renditions of a creative are looked at.
pub const RENDITIONS_MAX: usize = 32;

/// AdCOM API framework: Open Measurement.
const OMID: i64 = 7;

impl Fit {
    pub fn companions(&self) -> &[ChosenCompanion] {
        self.companions.as_slice()
    }

    /// `bid.apis`: the creative's APIs that this form uses.
    pub fn apis(self, creative: &Creative) -> impl Iterator<Item = i64> {
        creative.apis.iter().copied().filter(move |&api| api != OMID || self.verified)
    }
}

/// Whether `creative` may be offered to `slot`, and how.
pub fn fit(creative: &Creative, slot: &Slot<'_>, rules: &Rules<'_>) -> Result<Fit, Refusal> {
    if !slot.durations.takes(creative.duration_ms) {
        return Err(Refusal::Duration);
    }
    let renditions = playable(creative, slot)?;
    let battr = slot.audio.battr;
    if creative.attr.iter().any(|attr| battr.contains(attr)) {
        return Err(Refusal::Attribute);
    }
    let api = slot.audio.api;
    if !creative.apis.iter().all(|needed| *needed == OMID || api.contains(needed)) {
        return Err(Refusal::Api);
    }
    let verified = api.contains(&OMID) && creative.apis.contains(&OMID);
    let renditions = secure(creative, slot, rules, renditions, verified)?;
    if !speaks(creative.language.as_deref(), rules) {
        return Err(Refusal::Language);
    }
    Ok(Fit {
        version: slot.vast,
        renditions,
        mezzanine: mezzanine(creative, slot, rules, renditions)?,
        verified,
        normalised: slot.audio.nvol.is_none_or(|nvol| nvol == 0 || creative.nvol == Some(nvol)),
        companions: companions::choose(&creative.companions, slot, rules.hosted_secure),
    })
}

/// The renditions whose type, bit rate and delivery the slot takes.
fn playable(creative: &Creative, slot: &Slot<'_>) -> Result<u32, Refusal> {
    let audio = slot.audio;
    let above = |bound: Option<i64>, kbps: i64| bound.is_none_or(|min| min <= 0 || kbps >= min);
    let below = |bound: Option<i64>, kbps: i64| bound.is_none_or(|max| max <= 0 || kbps <= max);
    let mask = narrow(creative, u32::MAX, |r| slot.mimes.contains(r.mime), Refusal::Mime)?;
    let mask = narrow(
        creative,
        mask,
        |r| {
            let kbps = i64::from(r.bitrate_kbps);
            above(audio.minbitrate, kbps) && below(audio.maxbitrate, kbps)
        },
        Refusal::Bitrate,
    )?;
    let taken = |delivery: Delivery| {
        let download = delivery == Delivery::Progressive && audio.delivery.contains(&3);
        audio.delivery.is_empty() || audio.delivery.contains(&delivery.code()) || download
    };
    narrow(creative, mask, |r| taken(r.delivery), Refusal::DeliveryMethod)
}

/// The renditions in `mask` that pass `test`; none is the refusal.
fn narrow(
    creative: &Creative,
    mask: u32,
    test: impl Fn(&Rendition) -> bool,
    refusal: Refusal,
) -> Result<u32, Refusal> {
    let renditions = creative.renditions.iter().take(RENDITIONS_MAX).enumerate();
    let passing = renditions.filter(|(_, rendition)| test(rendition));
    let mask = passing.fold(0, |bits, (ix, _)| bits | 1 << ix) & mask;
    if mask == 0 { Err(refusal) } else { Ok(mask) }
}

/// Leaves out the renditions that a secure slot must not get, and refuses what cannot be left out.
fn secure(
    creative: &Creative,
    slot: &Slot<'_>,
    rules: &Rules<'_>,
    renditions: u32,
    verified: bool,
) -> Result<u32, Refusal> {
    if !slot.secure {
        return Ok(renditions);
    }
    let scripts = creative.verifications.iter().filter(|_| verified).map(|v| &v.script_url);
    let trackers = creative.trackers.iter().map(|tracker| &tracker.url);
    let mut urls = trackers.chain(&creative.click_trackers).chain(scripts);
    // Our own impression beacon stands in every ad.
    if !rules.hosted_secure || !urls.all(|url| is_https(url)) {
        return Err(Refusal::NotSecure);
    }
    let is_secure = |rendition: &Rendition| media_is_secure(&rendition.media, rules);
    narrow(creative, renditions, is_secure, Refusal::NotSecure)
}

fn media_is_secure(media: &Media, rules: &Rules<'_>) -> bool {
    match media {
        Media::Remote(url) => is_https(url),
        Media::Hosted(_) => rules.hosted_secure,
    }
}

/// Whether both language lists take the spot. One without words is at home everywhere.
fn speaks(language: Option<&str>, rules: &Rules<'_>) -> bool {
    let Some(language) = language else { return true };
    let primary = |tag: &str| tag.split(['-', '_']).next().map_or("", str::trim).len();
    let same_primary = |wanted: &&str| {
        let (wanted, have) = (wanted.trim(), language);
        wanted[..primary(wanted)].eq_ignore_ascii_case(&have[..primary(have)])
    };
    // RFC 4647 §3.3.1: a range takes the tags that it is a prefix of, up to a hyphen.
    let in_range = |range: &&str| {
        let range = range.trim().as_bytes();
        let tag = language.as_bytes();
        tag.get(..range.len()).is_some_and(|head| head.eq_ignore_ascii_case(range))
            && matches!(tag.get(range.len()), None | Some(b'-'))
    };
    (rules.wlang.is_empty() || rules.wlang.iter().any(same_primary))
        && (rules.wlangb.is_empty() || rules.wlangb.iter().any(in_range))
}

/// What the stitcher is given to transcode; `None` where the slot or the version has no use for it.
fn mezzanine(
    creative: &Creative,
    slot: &Slot<'_>,
    rules: &Rules<'_>,
    renditions: u32,
) -> Result<Option<Mezzanine>, Refusal> {
    if !slot.stitched || slot.vast < VastVersion::V4_0 {
        return Ok(None);
    }
    let usable = |own: &Rendition| !slot.secure || media_is_secure(&own.media, rules);
    if creative.mezzanine.as_ref().is_some_and(usable) {
        return Ok(Some(Mezzanine::Own));
    }
    let lossless = |mime: AudioMime| matches!(mime, AudioMime::Wav | AudioMime::Flac);
    let (ix, _) = (0..RENDITIONS_MAX as u8)
        .zip(&creative.renditions)
        .filter(|(ix, _)| renditions & 1 << ix != 0)
        .filter(|(_, r)| r.delivery == Delivery::Progressive)
        .filter(|(_, r)| lossless(r.mime) || r.bitrate_kbps >= MEZZANINE_KBPS_MIN)
        .max_by_key(|(_, r)| (lossless(r.mime), r.bitrate_kbps))
        .ok_or(Refusal::MezzanineMissing)?;
    Ok(Some(Mezzanine::Rendition(ix)))
}

#[cfg(test)]
mod tests;

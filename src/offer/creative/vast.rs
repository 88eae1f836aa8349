//! What does the player get? The VAST document of one ad, in the version the slot takes.
//!
//! Called by `flows::decide` for each winner; hot, appends to a reused buffer and allocates
//! nothing while that has room. The order of elements is that of the IAB's schemas, which differ:
//! 2.0 and 3.0 go by the text of the standard and know no namespace, 4.x goes by the alphabet.
//! What a version has no place for is left out: 2.0 the advertiser, `skip` and `adSlotId`, 2.0
//! and 3.0 a second `Error` (ours stays), all before 4.3 `notUsed`. Verifications stand in an
//! extension before 4.1, as the Open Measurement guide has it.
//!
//! Attributes stand in single quotes: the document travels inside a string of JSON, where each
//! double quote would be a byte more to write, and an answer holds some seventy of them.
//!
//! No `Pricing`: the price is in the bid, and the markup is read on the listener's device.
//! Macros pass untouched: `${AUCTION_PRICE}` is the exchange's to fill, `[ERRORCODE]` of a third
//! party's URL the player's. Our own error URL carries none: brackets are no characters of an
//! `xs:anyURI`, and every document of ours is to be valid as it stands.

mod creatives;

use super::beacons::Beacons;
use super::choose::Fit;
use super::xml;
use crate::knowledge::catalog::model::{Advertiser, Creative, PlayerEvent, Tracker, Verification};
use crate::market::format::VastVersion;
use crate::market::openrtb::request::Banner;
use crate::market::ticket::BidId;

/// All that one document is made of.
#[derive(Debug, Clone, Copy)]
pub struct AdSpec<'a> {
    pub fit: &'a Fit,
    /// The creative that `fit` was made of.
    pub creative: &'a Creative,
    pub advertiser: &'a Advertiser,
    /// `slot.companions` of the slot that `fit` was made for.
    pub places: &'a [Banner<'a>],
    /// `Ad id` and `AdServingId`, so that no two answers share one.
    pub bid: BidId,
    pub beacons: Beacons<'a>,
    /// For how many seconds the ad may be kept before it is played (VAST ≥ 4.1).
    pub expires_s: Option<u32>,
    /// Whether others may hear of it: the campaign's own trackers and verifications. What chose
    /// the ad is what they would learn of the listener.
    pub shared: bool,
}

impl<'a> AdSpec<'a> {
    fn trackers(&self) -> &'a [Tracker] {
        if self.shared { &self.creative.trackers } else { &[] }
    }

    fn click_trackers(&self) -> &'a [String] {
        if self.shared { &self.creative.click_trackers } else { &[] }
    }

    fn verifications(&self) -> &'a [Verification] {
        let taken = self.shared && self.fit.verified;
        if taken { &self.creative.verifications } else { &[] }
    }
}

/// Appends the document to `out`.
pub fn render(ad: &AdSpec<'_>, out: &mut Vec<u8>) {
    let ours = [ad.beacons.public_url, ad.beacons.player_ticket];
    let trusted = ours.iter().all(|text| xml::stands_in_cdata(text));
    Writer { version: ad.fit.version, ad, trusted, out }.document();
}

/// The namespace of the 4.x schemas; 2.0 and 3.0 have none.
const NAMESPACE: &str = " xmlns='http://www.iab.com/VAST'";

/// Who defines the codes in `Advertiser::categories`.
const CATEGORY_AUTHORITY: &str = "iabtechlab.com";

struct Writer<'w, 'a> {
    version: VastVersion,
    ad: &'w AdSpec<'a>,
    /// `public_url` and the ticket, which stand a score of times in the document, hold nothing
    /// to escape: asked once.
    trusted: bool,
    out: &'w mut Vec<u8>,
}

impl Writer<'_, '_> {
    fn document(&mut self) {
        let four = self.version >= VastVersion::V4_0;
        self.raw(&["<?xml version='1.0' encoding='UTF-8'?><VAST version='"]);
        self.raw(&[self.version.as_str(), "'", if four { NAMESPACE } else { "" }]);
        self.raw(&["><Ad id='"]);
        self.bid_id();
        let audio = self.version >= VastVersion::V4_1;
        self.raw(&[if audio { "' adType='audio'" } else { "'" }, "><InLine>"]);
        self.raw(&["<AdSystem version='", env!("CARGO_PKG_VERSION"), "'>Interlude</AdSystem>"]);
        if four {
            self.body_of_four();
        } else {
            self.body_before_four();
        }
        self.raw(&["</InLine></Ad></VAST>"]);
    }

    fn body_of_four(&mut self) {
        let has_verifications = self.version >= VastVersion::V4_1;
        self.errors();
        if !has_verifications {
            self.extensions();
        }
        self.impressions();
        if self.version >= VastVersion::V4_1 {
            self.raw(&["<AdServingId>"]);
            self.bid_id();
            self.raw(&["</AdServingId>"]);
        }
        self.text_element("AdTitle", &self.ad.creative.title);
        if has_verifications {
            self.verifications();
        }
        self.text_element("Advertiser", &self.ad.advertiser.name);
        for category in &self.ad.advertiser.categories {
            self.raw(&["<Category authority='", CATEGORY_AUTHORITY, "'>"]);
            xml::text(self.out, category);
            self.raw(&["</Category>"]);
        }
        self.creatives();
        if let (Some(seconds), true) = (self.ad.expires_s, self.version >= VastVersion::V4_1) {
            self.raw(&["<Expires>"]);
            self.number(u64::from(seconds));
            self.raw(&["</Expires>"]);
        }
    }

    fn body_before_four(&mut self) {
        self.text_element("AdTitle", &self.ad.creative.title);
        if self.version >= VastVersion::V3_0 {
            self.text_element("Advertiser", &self.ad.advertiser.name);
        }
        self.errors();
        self.impressions();
        self.creatives();
        self.extensions();
    }

    fn errors(&mut self) {
        self.beacon("<Error><![CDATA[", "/beacon/error/", "]]></Error>");
        if self.version >= VastVersion::V4_0 {
            self.third_party(PlayerEvent::Error, "<Error><![CDATA[", "]]></Error>");
        }
    }

    fn impressions(&mut self) {
        let open = "<Impression id='interlude'><![CDATA[";
        self.beacon(open, "/beacon/impression/", "?price=${AUCTION_PRICE}]]></Impression>");
        self.third_party(PlayerEvent::Impression, "<Impression><![CDATA[", "]]></Impression>");
    }

    /// The campaign's own trackers of `event`, each between `open` and `close`.
    fn third_party(&mut self, event: PlayerEvent, open: &str, close: &str) {
        for tracker in self.ad.trackers().iter().filter(|t| t.event == event) {
            self.cdata(open, &tracker.url, close);
        }
    }

    fn extensions(&mut self) {
        if !self.ad.verifications().is_empty() {
            self.raw(&["<Extensions><Extension type='AdVerifications'>"]);
            self.verifications();
            self.raw(&["</Extension></Extensions>"]);
        }
    }

    fn verifications(&mut self) {
        if self.ad.verifications().is_empty() {
            return;
        }
        self.raw(&["<AdVerifications>"]);
        for verification in self.ad.verifications() {
            self.raw(&["<Verification vendor='"]);
            xml::attribute(self.out, &verification.vendor);
            self.cdata(
                "'><JavaScriptResource apiFramework='omid' browserOptional='true'><![CDATA[",
                &verification.script_url,
                "]]></JavaScriptResource>",
            );
            if let Some(parameters) = &verification.parameters {
                let open = "<VerificationParameters><![CDATA[";
                self.cdata(open, parameters, "]]></VerificationParameters>");
            }
            self.raw(&["</Verification>"]);
        }
        self.raw(&["</AdVerifications>"]);
    }

    /// Bytes of our own that are XML already. Fewer and longer parts are quicker.
    #[inline]
    fn raw(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.extend_from_slice(part.as_bytes());
        }
    }

    fn text_element(&mut self, name: &str, text: &str) {
        self.raw(&["<", name, ">"]);
        xml::text(self.out, text);
        self.raw(&["</", name, ">"]);
    }

    /// A URL, or another text that players expect in a CDATA section, which `open` begins and
    /// `close` ends.
    #[inline]
    fn cdata(&mut self, open: &str, text: &str, close: &str) {
        self.raw(&[open]);
        xml::cdata(self.out, text);
        self.raw(&[close]);
    }

    /// The URL of one of our own beacons, in a CDATA section as above.
    #[inline]
    fn beacon(&mut self, open: &str, path: &str, close: &str) {
        let beacons = self.ad.beacons;
        self.raw(&[open]);
        self.ours(beacons.public_url);
        self.raw(&[path]);
        self.ours(beacons.player_ticket);
        self.raw(&[close]);
    }

    /// `public_url` or the ticket, inside a CDATA section.
    #[inline]
    fn ours(&mut self, text: &str) {
        if self.trusted {
            self.raw(&[text]);
        } else {
            xml::cdata(self.out, text);
        }
    }

    fn number(&mut self, number: u64) {
        self.raw(&[itoa::Buffer::new().format(number)]);
    }

    fn bid_id(&mut self) {
        let nibbles = (0..16).rev().map(|place| self.ad.bid.0 >> (4 * place) & 0xF);
        self.out.extend(nibbles.map(|nibble| b"0123456789abcdef"[nibble as usize]));
    }
}

#[cfg(test)]
mod tests;

//! The `Creatives` element: the spot as `Linear`, its pictures as `CompanionAds`.
//!
//! Two `Creative` elements, because before 4.0 one holds either the one or the other. Hot.

use super::Writer;
use crate::knowledge::catalog::model::{
    Companion, CompanionResource, Creative, Media, PlayerEvent, Rendition,
};
use crate::market::format::VastVersion;
use crate::offer::creative::beacons::beacon_name;
use crate::offer::creative::choose::{Mezzanine, RENDITIONS_MAX};
use crate::offer::creative::companions::ChosenCompanion;
use crate::offer::creative::xml;

/// An event of ours, as the parts around the base URL and the ticket.
macro_rules! ours {
    ($event:literal) => {
        (concat!("<Tracking event='", $event, "'><![CDATA["), concat!("/beacon/", $event, "/"))
    };
}

/// What we ask to hear of, beside the impression and errors.
const OURS: [(&str, &str); 5] = [
    ours!("start"),
    ours!("firstQuartile"),
    ours!("midpoint"),
    ours!("thirdQuartile"),
    ours!("complete"),
];

/// Ours too, where the version knows it: the place was not used, so what is held can be released.
const NOT_USED: (&str, &str) = ours!("notUsed");

/// The longest that `xs:time` can say.
const DURATION_MS_MAX: u32 = 24 * 3_600_000 - 1;

impl Writer<'_, '_> {
    pub(super) fn creatives(&mut self) {
        let creative = self.ad.creative;
        self.raw(&["<Creatives>"]);
        self.creative_tag(creative);
        self.universally(|writer| {
            writer.raw(&["<Linear>"]);
            if writer.four() {
                writer.tracking_events();
                writer.duration(creative.duration_ms);
                writer.media_files(creative);
                writer.clicks(creative);
            } else {
                writer.duration(creative.duration_ms);
                writer.tracking_events();
                writer.clicks(creative);
                writer.media_files(creative);
            }
            writer.raw(&["</Linear>"]);
        });
        self.raw(&["</Creative>"]);
        if !self.ad.fit.companions().is_empty() {
            self.creative_tag(creative);
            self.universally(Writer::companion_ads);
            self.raw(&["</Creative>"]);
        }
        self.raw(&["</Creatives>"]);
    }

    fn four(&self) -> bool {
        self.version >= VastVersion::V4_0
    }

    /// Before 4.0 the registered id of the spot is an attribute of the `Creative`.
    fn creative_tag(&mut self, creative: &Creative) {
        self.raw(&["<Creative id='"]);
        xml::attribute(self.out, &creative.crid);
        if let (Some((_, id)), false) = (&creative.universal_ad_id, self.four()) {
            self.raw(&["' AdID='"]);
            xml::attribute(self.out, id);
        }
        self.raw(&["'>"]);
    }

    /// `content`, and from 4.0 the `UniversalAdId` after it, which must be there: "unknown" says
    /// that the spot is in no registry (VAST 4.x, 3.7.1).
    fn universally(&mut self, content: impl FnOnce(&mut Self)) {
        content(self);
        if !self.four() {
            return;
        }
        let (registry, id) = match &self.ad.creative.universal_ad_id {
            Some((registry, id)) => (registry.as_str(), id.as_str()),
            None => ("unknown", "unknown"),
        };
        self.raw(&["<UniversalAdId idRegistry='"]);
        xml::attribute(self.out, registry);
        if self.version == VastVersion::V4_0 {
            self.raw(&["' idValue='"]);
            xml::attribute(self.out, id);
        }
        self.raw(&["'>"]);
        xml::text(self.out, id);
        self.raw(&["</UniversalAdId>"]);
    }

    fn tracking_events(&mut self) {
        self.raw(&["<TrackingEvents>"]);
        for (open, path) in OURS {
            self.beacon(open, path, "]]></Tracking>");
        }
        let has_not_used = self.version >= VastVersion::V4_3;
        if has_not_used {
            self.beacon(NOT_USED.0, NOT_USED.1, "]]></Tracking>");
        }
        for tracker in self.ad.trackers() {
            let has_place = match tracker.event {
                // These have elements of their own.
                PlayerEvent::Impression | PlayerEvent::Error => false,
                PlayerEvent::Skip => self.version >= VastVersion::V3_0,
                PlayerEvent::NotUsed => has_not_used,
                _ => true,
            };
            if has_place {
                self.tracking(beacon_name(tracker.event), &tracker.url);
            }
        }
        self.raw(&["</TrackingEvents>"]);
    }

    fn tracking(&mut self, event: &str, url: &str) {
        self.raw(&["<Tracking event='", event]);
        self.cdata("'><![CDATA[", url, "]]></Tracking>");
    }

    fn duration(&mut self, duration_ms: u32) {
        let ms = duration_ms.min(DURATION_MS_MAX);
        self.raw(&["<Duration>"]);
        for (part, end) in [(ms / 3_600_000, ":"), (ms / 60_000 % 60, ":"), (ms / 1000 % 60, "")] {
            self.digits(part, 2);
            self.raw(&[end]);
        }
        if !ms.is_multiple_of(1000) {
            self.raw(&["."]);
            self.digits(ms % 1000, 3);
        }
        self.raw(&["</Duration>"]);
    }

    fn digits(&mut self, number: u32, width: u32) {
        let digits = (0..width).rev().map(|place| (number / 10u32.pow(place) % 10) as u8);
        self.out.extend(digits.map(|digit| b'0' + digit));
    }

    fn media_files(&mut self, creative: &Creative) {
        let fit = self.ad.fit;
        self.raw(&["<MediaFiles>"]);
        for (ix, rendition) in creative.renditions.iter().take(RENDITIONS_MAX).enumerate() {
            if fit.renditions & 1 << ix != 0 {
                self.raw(&["<MediaFile id='"]);
                self.number(ix as u64 + 1);
                self.raw(&["' bitrate='"]);
                self.number(u64::from(rendition.bitrate_kbps));
                self.raw(&["'"]);
                self.media_attributes(rendition);
                self.media(&rendition.media, "]]></MediaFile>");
            }
        }
        let mezzanine = match fit.mezzanine {
            Some(Mezzanine::Own) => creative.mezzanine.as_ref(),
            Some(Mezzanine::Rendition(ix)) => creative.renditions.get(usize::from(ix)),
            None => None,
        };
        if let Some(mezzanine) = mezzanine {
            self.raw(&["<Mezzanine"]);
            // In the schema of 4.0 it has no attributes.
            if self.version >= VastVersion::V4_1 {
                self.media_attributes(mezzanine);
            } else {
                self.raw(&["><![CDATA["]);
            }
            self.media(&mezzanine.media, "]]></Mezzanine>");
        }
        self.raw(&["</MediaFiles>"]);
    }

    /// What a media file and a mezzanine both say, up to the URL. Audio has no width and height
    /// (VAST 4.3, 3.9.1).
    fn media_attributes(&mut self, rendition: &Rendition) {
        let delivery = rendition.delivery.as_str();
        self.raw(&[" delivery='", delivery, "' type='", rendition.mime.as_str()]);
        self.raw(&["' width='0' height='0'"]);
        if let (Some(size), true) = (rendition.size, self.version >= VastVersion::V4_1) {
            self.raw(&[" fileSize='"]);
            self.number(size);
            self.raw(&["'"]);
        }
        self.raw(&["><![CDATA["]);
    }

    /// The URL, in a CDATA section that is open already and that `close` ends.
    fn media(&mut self, media: &Media, close: &str) {
        match media {
            Media::Remote(url) => self.cdata("", url, close),
            Media::Hosted(hash) => {
                self.ours(self.ad.beacons.public_url);
                self.cdata("/media/", hash, close);
            }
        }
    }

    /// A click goes through us to the landing page, which is where we count it: a `ClickTracking`
    /// of ours beside it would tell nothing more.
    fn clicks(&mut self, creative: &Creative) {
        let clickable = creative.click_through.is_some();
        if !clickable && self.ad.click_trackers().is_empty() {
            return;
        }
        self.raw(&["<VideoClicks>"]);
        if clickable && !self.four() {
            self.click_through("ClickThrough", None);
        }
        for tracker in self.ad.click_trackers() {
            self.cdata("<ClickTracking><![CDATA[", tracker, "]]></ClickTracking>");
        }
        if clickable && self.four() {
            self.click_through("ClickThrough", None);
        }
        self.raw(&["</VideoClicks>"]);
    }

    /// Our redirect: the ticket knows the creative, the query which of its companions.
    fn click_through(&mut self, element: &str, companion: Option<u8>) {
        let beacons = self.ad.beacons;
        self.raw(&["<", element, "><![CDATA["]);
        self.ours(beacons.public_url);
        self.raw(&["/click/"]);
        self.ours(beacons.player_ticket);
        if let Some(companion) = companion {
            self.raw(&["?companion="]);
            self.number(u64::from(companion));
        }
        self.raw(&["]]></", element, ">"]);
    }

    fn companion_ads(&mut self) {
        let required = if self.version >= VastVersion::V3_0 { " required='none'" } else { "" };
        self.raw(&["<CompanionAds", required, ">"]);
        for &chosen in self.ad.fit.companions() {
            let companion = self.ad.creative.companions.get(usize::from(chosen.companion));
            if let Some(companion) = companion {
                self.companion(chosen, companion);
            }
        }
        self.raw(&["</CompanionAds>"]);
    }

    fn companion(&mut self, chosen: ChosenCompanion, companion: &Companion) {
        self.companion_tag(chosen, companion);
        self.resource(&companion.resource);
        // A picture leads where the spot leads; a document has links of its own.
        let is_static = matches!(companion.resource, CompanionResource::Static { .. });
        let inherits = is_static && self.ad.creative.click_through.is_some();
        let clickable = companion.click_through.is_some() || inherits;
        if self.four() {
            self.alt_text(companion);
            if clickable {
                self.click_through("CompanionClickThrough", Some(chosen.companion));
                self.companion_click_tracking();
            }
            self.companion_views(companion);
        } else {
            self.companion_views(companion);
            if clickable {
                self.click_through("CompanionClickThrough", Some(chosen.companion));
            }
            self.alt_text(companion);
        }
        self.raw(&["</Companion>"]);
    }

    fn companion_tag(&mut self, chosen: ChosenCompanion, companion: &Companion) {
        self.raw(&["<Companion id='"]);
        self.number(u64::from(chosen.companion) + 1);
        self.raw(&["' width='"]);
        self.number(u64::from(companion.w));
        self.raw(&["' height='"]);
        self.number(u64::from(companion.h));
        self.raw(&["'"]);
        let place = self.ad.places.get(usize::from(chosen.place)).and_then(|banner| banner.id);
        if let (Some(id), true) = (place, self.version >= VastVersion::V3_0) {
            // 4.0 alone writes it with a capital D.
            let four_zero = self.version == VastVersion::V4_0;
            self.raw(&[if four_zero { " adSlotID='" } else { " adSlotId='" }]);
            xml::attribute(self.out, id);
            self.raw(&["'"]);
        }
        if self.version >= VastVersion::V4_1 {
            let mode = if companion.end_card { "end-card" } else { "concurrent" };
            self.raw(&[" renderingMode='", mode, "'"]);
        }
        self.raw(&[">"]);
    }

    fn resource(&mut self, resource: &CompanionResource) {
        match resource {
            CompanionResource::Static { media, mime } => {
                self.raw(&["<StaticResource creativeType='"]);
                xml::attribute(self.out, mime);
                self.raw(&["'><![CDATA["]);
                self.media(media, "]]></StaticResource>");
            }
            CompanionResource::Html(html) => {
                self.cdata("<HTMLResource><![CDATA[", html, "]]></HTMLResource>");
            }
            CompanionResource::Iframe(url) => {
                self.cdata("<IFrameResource><![CDATA[", url, "]]></IFrameResource>");
            }
        }
    }

    fn alt_text(&mut self, companion: &Companion) {
        if let Some(alt) = &companion.alt {
            self.text_element("AltText", alt);
        }
    }

    /// The campaign's click trackers hear of clicks on its pictures too; only 4.x has the place.
    fn companion_click_tracking(&mut self) {
        for (ix, tracker) in (1..).zip(self.ad.click_trackers()) {
            self.raw(&["<CompanionClickTracking id='"]);
            self.number(ix);
            self.cdata("'><![CDATA[", tracker, "]]></CompanionClickTracking>");
        }
    }

    fn companion_views(&mut self, companion: &Companion) {
        if self.ad.shared && !companion.trackers.is_empty() {
            self.raw(&["<TrackingEvents>"]);
            for tracker in &companion.trackers {
                self.tracking("creativeView", tracker);
            }
            self.raw(&["</TrackingEvents>"]);
        }
    }
}

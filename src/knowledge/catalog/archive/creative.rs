//! How is a creative written down? The spots of an [`archive`](super), as campaign files say them.
//!
//! Cold.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Put, Said};
use crate::knowledge::catalog::model::{
    Companion, CompanionResource, Creative, Delivery, Media, Rendition, Tracker, Verification,
};
use crate::knowledge::catalog::spot::event_name;
use crate::knowledge::catalog::values::print_decimal;

impl Serialize for Said<'_, Creative> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Said(book, creative) = self;
        let mut map = to.serialize_map(None)?;
        map.put("crid", &creative.crid)?;
        map.put("title", &creative.title)?;
        map.put("duration", print_decimal(i64::from(creative.duration_ms), 3))?;
        map.put("renditions", book.each(&creative.renditions))?;
        map.put("mezzanine", creative.mezzanine.as_ref().map(|master| Said(book, master)))?;
        map.put("companions", book.each(&creative.companions))?;
        map.put("click_through", &creative.click_through)?;
        map.put("click_trackers", &creative.click_trackers)?;
        map.put("trackers", book.each(&creative.trackers))?;
        map.put("attr", &creative.attr)?;
        map.put("apis", &creative.apis)?;
        map.put("verifications", book.each(&creative.verifications))?;
        map.put("language", &creative.language)?;
        map.put("universal_ad_id", creative.universal_ad_id.as_ref().map(|id| Said(book, id)))?;
        map.put("nvol", creative.nvol)?;
        map.put("qagmediarating", creative.qagmediarating)?;
        map.put("caps", book.each(&creative.caps))?;
        map.end()
    }
}

impl Serialize for Said<'_, (String, String)> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.put("registry", &self.1.0)?;
        map.put("value", &self.1.1)?;
        map.end()
    }
}

impl Serialize for Said<'_, Tracker> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.put("event", event_name(self.1.event))?;
        map.put("url", &self.1.url)?;
        map.end()
    }
}

impl Serialize for Said<'_, Verification> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.put("vendor", &self.1.vendor)?;
        map.put("script_url", &self.1.script_url)?;
        map.put("parameters", &self.1.parameters)?;
        map.end()
    }
}

fn put_media<M: SerializeMap>(map: &mut M, media: &Media) -> Result<(), M::Error> {
    match media {
        Media::Remote(url) => map.put("url", url),
        Media::Hosted(hash) => map.put("hash", hash),
    }
}

impl Serialize for Said<'_, Rendition> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let rendition = self.1;
        let mut map = to.serialize_map(None)?;
        put_media(&mut map, &rendition.media)?;
        map.put("mime", rendition.mime.as_str())?;
        map.put("bitrate", rendition.bitrate_kbps)?;
        let streaming = rendition.delivery == Delivery::Streaming;
        map.put("delivery", streaming.then_some("streaming"))?;
        map.put("size", rendition.size)?;
        map.end()
    }
}

impl Serialize for Said<'_, Companion> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let companion = self.1;
        let mut map = to.serialize_map(None)?;
        map.put("width", companion.w)?;
        map.put("height", companion.h)?;
        match &companion.resource {
            CompanionResource::Static { media, mime } => {
                put_media(&mut map, media)?;
                map.put("mime", mime)?;
            }
            CompanionResource::Html(html) => map.put("html", html)?,
            CompanionResource::Iframe(url) => map.put("iframe", url)?,
        }
        map.put("click_through", &companion.click_through)?;
        map.put("trackers", &companion.trackers)?;
        map.put("alt", &companion.alt)?;
        map.put("attr", &companion.attr)?;
        map.put("apis", &companion.apis)?;
        map.put("end_card", companion.end_card.then_some(true))?;
        map.end()
    }
}

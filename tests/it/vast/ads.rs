//! A matrix of ads: versions × renditions × companions × what else can stand in an ad.

use std::collections::BTreeMap;

use interlude::base::units::money::Currency;
use interlude::knowledge::catalog::model::{
    Advertiser, Companion, CompanionResource, Creative, Delivery, Media, PlayerEvent, Rendition,
    Tracker, Verification,
};
use interlude::market::format::{AudioMime, MimeSet, VastVersion};
use interlude::market::openrtb::request::{Audio, Banner};
use interlude::market::slot::Slot;
use interlude::market::ticket::BidId;
use interlude::offer::creative::{AdSpec, Beacons, Rules, fit, render};
use serde_json::{Value, json};

const PUBLIC_URL: &str = "https://ads.example.com/audio";
const TICKET: &str = "AbCdEf-gh_ij0123456789AbCdEf-gh_ij0123456789AbCdEf-gh_ij0123456789";
const BID: BidId = BidId(0x0123_4567_89ab_cdef);
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// What is in an ad beside renditions and companions.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Extra {
    Plain,
    Mezzanine,
    Trackers,
    Verified,
    WeirdTexts,
    Everything,
}

pub struct Sample {
    pub name: String,
    pub version: VastVersion,
    extra: Extra,
    advertiser: Advertiser,
    creative: Creative,
    places: Vec<Banner<'static>>,
}

pub fn matrix() -> Vec<Sample> {
    let extras = [
        Extra::Plain,
        Extra::Mezzanine,
        Extra::Trackers,
        Extra::Verified,
        Extra::WeirdTexts,
        Extra::Everything,
    ];
    let mut samples = Vec::new();
    for version in VastVersion::ALL {
        for renditions in 1..=3 {
            for companions in [&[][..], &[0], &[1], &[2], &[0, 1, 2]] {
                for extra in extras {
                    samples.push(sample(version, renditions, companions, extra));
                }
            }
        }
    }
    samples
}

fn sample(version: VastVersion, renditions: usize, kinds: &[usize], extra: Extra) -> Sample {
    let all = extra == Extra::Everything;
    let weird = all || extra == Extra::WeirdTexts;
    let name = format!("{} {renditions} {kinds:?} {extra:?}", version.as_str());
    let companions: Vec<_> = kinds.iter().map(|&kind| companion(kind, weird)).collect();
    let mut creative = Creative {
        title: "Morning coffee".to_owned(),
        duration_ms: if renditions == 3 { 29_750 } else { 15_000 },
        renditions: (0..renditions).map(rendition).collect(),
        mezzanine: (all || extra == Extra::Mezzanine).then(|| Rendition {
            media: Media::Remote("https://media.example.com/master.wav?v=1&t=2".to_owned()),
            mime: AudioMime::Wav,
            bitrate_kbps: 1411,
            delivery: Delivery::Progressive,
            size: Some(5_292_044),
        }),
        companions,
        attr: vec![1],
        language: Some("en".to_owned()),
        ..Creative::plain("coffee-15s", 15_000)
    };
    if all || extra == Extra::Trackers {
        with_trackers(&mut creative);
    }
    if all || extra == Extra::Verified {
        creative.apis = vec![7];
        creative.verifications = [Some("{\"a\":\"<b>&]]>\"}"), None]
            .map(|parameters| Verification {
                vendor: "measure.example.com-\"omid\" & <co>".to_owned(),
                script_url: "https://measure.example.com/omid.js?a=1&b=2".to_owned(),
                parameters: parameters.map(str::to_owned),
            })
            .to_vec();
    }
    if weird {
        creative.crid = "crid \"1\" & <2>".to_owned();
        creative.title = "R&B <Nächte> \"live\" ]]> 🎧 \u{202e}עברית\u{202c} 'end'".to_owned();
        creative.universal_ad_id = Some(("Ad-ID \"x\"".to_owned(), "CNPA0484&<000H>".to_owned()));
        creative.click_through = Some("https://shop.example.com/?a=1&b=<2>".to_owned());
    }
    Sample { name, version, extra, advertiser: advertiser(weird), creative, places: places() }
}

fn advertiser(weird: bool) -> Advertiser {
    Advertiser {
        name: if weird { "Beans & \"Sons\" <Röster> ]]>" } else { "Beans" }.to_owned(),
        domains: vec!["beans.example.com".to_owned()],
        categories: vec!["IAB8-5".to_owned(), "IAB8".to_owned()],
        ..Advertiser::plain("beans", Currency::USD)
    }
}

fn rendition(ix: usize) -> Rendition {
    let hosted = Media::Hosted(HASH.to_owned());
    let remote = |file: &str| Media::Remote(format!("https://media.example.com/{file}?a=1&b=%20"));
    let (media, mime, bitrate_kbps, delivery, size) = match ix {
        0 => (hosted, AudioMime::Mpeg, 128, Delivery::Progressive, Some(240_512)),
        1 => (remote("spot.ogg"), AudioMime::Ogg, 96, Delivery::Progressive, None),
        _ => (remote("spot.m4a"), AudioMime::Mp4, 64, Delivery::Streaming, Some(120_001)),
    };
    Rendition { media, mime, bitrate_kbps, delivery, size }
}

fn companion(kind: usize, weird: bool) -> Companion {
    let resource = match kind {
        0 => CompanionResource::Static {
            media: Media::Hosted(HASH.to_owned()),
            mime: "image/png".to_owned(),
        },
        1 => CompanionResource::Html("<b title=\"x\">Beans &amp; more ]]></b>".to_owned()),
        _ => CompanionResource::Iframe("https://frames.example.com/1?a=1&b=2".to_owned()),
    };
    Companion {
        w: 300 + kind as u32,
        h: 250,
        resource,
        click_through: (kind == 1).then(|| "https://shop.example.com/beans".to_owned()),
        trackers: vec![format!("https://t.example.com/view?kind={kind}&c=[CACHEBUSTING]")],
        alt: weird.then(|| "A \"cup\" & <saucer>".to_owned()),
        attr: Vec::new(),
        apis: Vec::new(),
        end_card: kind == 2,
    }
}

/// A place for each of the three companions, the last without a name, and one that none suits.
fn places() -> Vec<Banner<'static>> {
    let place = |id, w| Banner { id, w: Some(w), h: Some(250), ..Banner::default() };
    vec![place(Some("top \"1\""), 300), place(Some("2"), 301), place(None, 302), place(None, 999)]
}

const EVENTS: [PlayerEvent; 13] = [
    PlayerEvent::Impression,
    PlayerEvent::Start,
    PlayerEvent::FirstQuartile,
    PlayerEvent::Midpoint,
    PlayerEvent::ThirdQuartile,
    PlayerEvent::Complete,
    PlayerEvent::Mute,
    PlayerEvent::Unmute,
    PlayerEvent::Pause,
    PlayerEvent::Resume,
    PlayerEvent::Skip,
    PlayerEvent::Error,
    PlayerEvent::NotUsed,
];

fn with_trackers(creative: &mut Creative) {
    creative.click_through = Some("http://shop.example.com/".to_owned());
    creative.click_trackers = vec!["https://t.example.com/click?x=1&y=[TIMESTAMP]".to_owned()];
    // Two of each: a list, not one field.
    creative.trackers = (0..2 * EVENTS.len())
        .map(|ix| Tracker {
            event: EVENTS[ix % EVENTS.len()],
            url: format!("https://t.example.com/{ix}?a=1&cb=[CACHEBUSTING]&e=[ERRORCODE]"),
        })
        .collect();
}

fn word(event: PlayerEvent) -> String {
    let name = format!("{event:?}");
    name[..1].to_lowercase() + &name[1..]
}

impl Sample {
    fn stitched(&self) -> bool {
        matches!(self.extra, Extra::Mezzanine | Extra::Everything)
    }

    pub fn vast(&self) -> String {
        let audio = Audio { api: &[7], ..Audio::default() };
        let mimes = AudioMime::ALL.into_iter().fold(MimeSet::empty(), MimeSet::with);
        let slot = Slot {
            mimes,
            vast: self.version,
            secure: true,
            stitched: self.stitched(),
            companions: &self.places,
            ..Slot::plain(&audio)
        };
        let rules = Rules { hosted_secure: true, wlang: &[], wlangb: &[] };
        let fit = fit(&self.creative, &slot, &rules).unwrap();
        let beacons = Beacons {
            public_url: PUBLIC_URL,
            exchange_ticket: "not-for-the-player",
            player_ticket: TICKET,
        };
        let ad = AdSpec {
            fit: &fit,
            creative: &self.creative,
            advertiser: &self.advertiser,
            places: &self.places,
            bid: BID,
            beacons,
            expires_s: Some(3600),
            shared: true,
        };
        let mut out = Vec::new();
        render(&ad, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// What the client should say, worked out from what was put in and from the standard alone.
    pub fn expected(&self) -> Value {
        let four = self.version >= VastVersion::V4_0;
        let since =
            |version, value: Value| if self.version >= version { value } else { json!(null) };
        let universal = match &self.creative.universal_ad_id {
            Some((registry, id)) => json!([{ "idRegistry": registry, "value": id }]),
            None => json!([{ "idRegistry": "unknown", "value": "unknown" }]),
        };
        let creatives = 1 + usize::from(!self.creative.companions.is_empty());
        let categories = self.advertiser.categories.iter().filter(|_| four);
        let verifications = self.creative.verifications.iter();
        let errors = self.calls(PlayerEvent::Error, "");
        json!({
            "version": self.version.as_str(),
            "ads": [{
                "id": "0123456789abcdef",
                "type": since(VastVersion::V4_1, json!("audio")),
                "servingId": since(VastVersion::V4_1, json!("0123456789abcdef")),
                "title": self.creative.title,
                "system": "Interlude",
                "advertiser": since(VastVersion::V3_0, json!(self.advertiser.name)),
                "categories": categories
                    .map(|code| json!({ "authority": "iabtechlab.com", "value": code }))
                    .collect::<Vec<_>>(),
                "expires": since(VastVersion::V4_1, json!(3600)),
                "impressions": self.calls(PlayerEvent::Impression, "?price=${AUCTION_PRICE}"),
                // 2.0 and 3.0 allow one.
                "errors": if four { &errors[..] } else { &errors[..1] },
                "verifications": verifications
                    .map(|one| json!({
                        "vendor": one.vendor,
                        "script": one.script_url,
                        "framework": "omid",
                        "parameters": one.parameters,
                    }))
                    .collect::<Vec<_>>(),
                "universalAdIds": vec![if four { universal } else { json!([]) }; creatives],
                "linear": [self.linear()],
                "companions": self.companions(),
            }],
        })
    }

    fn third_party(&self, event: PlayerEvent) -> Vec<String> {
        let trackers = self.creative.trackers.iter().filter(|tracker| tracker.event == event);
        trackers.map(|tracker| tracker.url.clone()).collect()
    }

    /// Ours, then the campaign's.
    fn calls(&self, event: PlayerEvent, query: &str) -> Vec<String> {
        let ours = format!("{PUBLIC_URL}/beacon/{}/{TICKET}{query}", word(event));
        [vec![ours], self.third_party(event)].concat()
    }

    fn linear(&self) -> Value {
        let mut tracking = BTreeMap::new();
        for event in EVENTS {
            let (ours, since) = match event {
                PlayerEvent::Impression | PlayerEvent::Error => continue,
                PlayerEvent::NotUsed => (true, VastVersion::V4_3),
                PlayerEvent::Skip => (false, VastVersion::V3_0),
                PlayerEvent::Mute
                | PlayerEvent::Unmute
                | PlayerEvent::Pause
                | PlayerEvent::Resume => (false, VastVersion::V2_0),
                _ => (true, VastVersion::V2_0),
            };
            let calls = if ours { self.calls(event, "") } else { self.third_party(event) };
            if self.version >= since && !calls.is_empty() {
                tracking.insert(word(event), calls);
            }
        }
        let clickable = self.creative.click_through.is_some();
        let file = |rendition: &Rendition| {
            json!({
                "url": url(&rendition.media),
                "type": rendition.mime.as_str(),
                "delivery": rendition.delivery.as_str(),
                "width": 0,
                "height": 0,
            })
        };
        let media_file = |rendition: &Rendition| {
            let mut file = file(rendition);
            let sized = self.version >= VastVersion::V4_1;
            file["bitrate"] = json!(rendition.bitrate_kbps);
            file["size"] = json!(rendition.size.filter(|_| sized));
            file
        };
        // The client wants attributes on it that 4.0 does not have.
        let mezzanine = self.creative.mezzanine.iter();
        let mezzanine = mezzanine.filter(|_| self.version >= VastVersion::V4_1).map(file).next();
        json!({
            "milliseconds": self.creative.duration_ms,
            "mediaFiles": self.creative.renditions.iter().map(media_file).collect::<Vec<_>>(),
            "mezzanine": mezzanine,
            "tracking": tracking,
            "click": clickable.then(|| format!("{PUBLIC_URL}/click/{TICKET}")),
            "clickTracking": self.creative.click_trackers,
        })
    }

    fn companions(&self) -> Vec<Value> {
        let numbered = self.creative.companions.iter().enumerate();
        let one = |(ix, companion): (usize, &Companion)| {
            let place = (companion.w - 300) as usize;
            let (mut image, mut html, mut iframe) = (json!([]), json!([]), json!([]));
            let mut clickable = companion.click_through.is_some();
            match &companion.resource {
                CompanionResource::Static { media, mime } => {
                    image = json!([{ "url": url(media), "type": mime }]);
                    clickable |= self.creative.click_through.is_some();
                }
                CompanionResource::Html(text) => html = json!([text]),
                CompanionResource::Iframe(url) => iframe = json!([url]),
            }
            let four = self.version >= VastVersion::V4_0;
            let trackers = &self.creative.click_trackers[..];
            // The client does not know the `adSlotID` of 4.0; 2.0 has neither.
            let named = !matches!(self.version, VastVersion::V2_0 | VastVersion::V4_0);
            let mode = match (self.version >= VastVersion::V4_1, companion.end_card) {
                (false, _) => "default",
                (true, true) => "end-card",
                (true, false) => "concurrent",
            };
            json!({
                "id": (ix + 1).to_string(),
                "width": companion.w,
                "height": companion.h,
                "slot": self.places[place].id.filter(|_| named),
                "mode": mode,
                "static": image,
                "html": html,
                "iframe": iframe,
                "alt": companion.alt,
                "click": clickable.then(|| format!("{PUBLIC_URL}/click/{TICKET}?companion={ix}")),
                "clickTracking": if clickable && four { trackers } else { &[] },
                "tracking": { "creativeView": companion.trackers },
            })
        };
        numbered.map(one).collect()
    }
}

fn url(media: &Media) -> String {
    match media {
        Media::Remote(url) => url.clone(),
        Media::Hosted(hash) => format!("{PUBLIC_URL}/media/{hash}"),
    }
}

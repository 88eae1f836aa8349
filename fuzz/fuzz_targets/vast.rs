//! What we hand to players: whatever an advertiser words, is the VAST well-formed XML, and do its
//! texts read back as they were?
//!
//! The first byte chooses the version; the texts stand behind it, between zeros. Run by
//! `tests/fuzz`; the seeds by tests/it/fuzz.rs.
#![cfg_attr(fuzzing, no_main)]

use interlude::base::units::money::Currency;
use interlude::knowledge::catalog::model::{
    Advertiser, Creative, Delivery, Media, PlayerEvent, Rendition, Tracker, Verification,
};
use interlude::market::format::{AudioMime, VastVersion};
use interlude::market::openrtb::request::Audio;
use interlude::market::slot::Slot;
use interlude::market::ticket::BidId;
use interlude::offer::creative::{AdSpec, Beacons, Rules, fit, render};
use roxmltree::{Document, Node};

pub fn run(data: &[u8]) {
    let Some((&first, texts)) = data.split_first() else { return };
    let Ok(texts) = std::str::from_utf8(texts) else { return };
    let version = VastVersion::ALL[usize::from(first) % VastVersion::ALL.len()];
    let mut texts = texts.split('\0').cycle().map(str::to_owned);
    let mut next = || texts.next().unwrap_or_default();
    let creative = Creative {
        renditions: vec![rendition(next())],
        mezzanine: Some(rendition(next())),
        click_through: Some(next()),
        click_trackers: vec![next()],
        trackers: vec![Tracker { event: PlayerEvent::Impression, url: next() }],
        apis: vec![7],
        verifications: vec![Verification {
            vendor: next(),
            script_url: next(),
            parameters: Some(next()),
        }],
        universal_ad_id: Some((next(), next())),
        ..Creative::plain(&next(), 15_000)
    };
    let advertiser = Advertiser { categories: vec![next()], ..plain(&next()) };
    let markup = written(&creative, &advertiser, version);
    let markup = std::str::from_utf8(&markup).expect("UTF-8");
    let document = Document::parse(markup).expect("well-formed XML");
    let root = document.root_element();
    assert_eq!(root.attribute("version"), Some(version.as_str()));
    let read = |name: &str| texts_of(&document, name);
    let holds = |name: &str, text: &str| {
        let text = holdable(text);
        assert!(read(name).contains(&text), "{name} {text:?} in {markup}");
    };
    holds("AdTitle", &creative.title);
    holds("Impression", &creative.trackers[0].url);
    let Media::Remote(url) = &creative.renditions[0].media else { unreachable!("as made above") };
    holds("MediaFile", url);
    if version >= VastVersion::V3_0 {
        holds("Advertiser", &advertiser.name);
    }
}

fn plain(name: &str) -> Advertiser {
    Advertiser { name: name.to_owned(), ..Advertiser::plain("", Currency::USD) }
}

fn rendition(url: String) -> Rendition {
    Rendition {
        media: Media::Remote(url),
        mime: AudioMime::Mpeg,
        bitrate_kbps: 128,
        delivery: Delivery::Progressive,
        size: None,
    }
}

fn written(creative: &Creative, advertiser: &Advertiser, version: VastVersion) -> Vec<u8> {
    let audio = Audio { api: &[7], ..Audio::default() };
    let slot = Slot { vast: version, stitched: true, ..Slot::plain(&audio) };
    let rules = Rules { hosted_secure: false, wlang: &[], wlangb: &[] };
    let beacons = Beacons { public_url: "http://a", exchange_ticket: "X", player_ticket: "P" };
    let ad = AdSpec {
        fit: &fit(creative, &slot, &rules).expect("a slot that takes it"),
        creative,
        advertiser,
        places: &[],
        bid: BidId(42),
        beacons,
        expires_s: None,
        shared: true,
    };
    let mut out = Vec::new();
    render(&ad, &mut out);
    out
}

fn texts_of(document: &Document<'_>, name: &str) -> Vec<String> {
    let text = |node: Node<'_, '_>| node.children().filter_map(|child| child.text()).collect();
    let nodes = document.descendants().filter(|node| node.tag_name().name() == name);
    nodes.map(text).collect()
}

/// What XML can hold of `text`, by §2.2.
fn holdable(text: &str) -> String {
    let holds = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
            || c >= '\u{10000}'
    };
    text.chars().map(|c| if holds(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

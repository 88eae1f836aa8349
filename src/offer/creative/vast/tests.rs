use proptest::prelude::*;
use roxmltree::{Document, Node};

use super::*;
use crate::base::units::money::Currency;
use crate::knowledge::catalog::model::{
    Companion, CompanionResource, Delivery, Media, Rendition, Tracker, Verification,
};
use crate::market::format::AudioMime;
use crate::market::openrtb::request::Audio;
use crate::market::slot::Slot;
use crate::offer::creative::choose::{Rules, fit};

/// Everything that an advertiser words, in one ad; `texts` fill them in turn.
struct Words {
    creative: Creative,
    advertiser: Advertiser,
}

fn words(texts: &[String]) -> Words {
    let mut texts = texts.iter().cycle().cloned();
    let mut next = || texts.next().unwrap_or_default();
    let media = |url| Media::Remote(url);
    let rendition = |url| Rendition {
        media: media(url),
        mime: AudioMime::Mpeg,
        bitrate_kbps: 128,
        delivery: Delivery::Progressive,
        size: None,
    };
    let crid = next();
    let creative = Creative {
        title: next(),
        renditions: vec![rendition(next()), rendition(next())],
        mezzanine: Some(rendition(next())),
        companions: vec![Companion {
            w: 300,
            h: 250,
            resource: CompanionResource::Html(next()),
            click_through: Some(next()),
            trackers: vec![next()],
            alt: Some(next()),
            attr: Vec::new(),
            apis: Vec::new(),
            end_card: false,
        }],
        click_through: Some(next()),
        click_trackers: vec![next()],
        trackers: vec![
            Tracker { event: PlayerEvent::Mute, url: next() },
            Tracker { event: PlayerEvent::Impression, url: next() },
        ],
        apis: vec![7],
        verifications: vec![Verification {
            vendor: next(),
            script_url: next(),
            parameters: Some(next()),
        }],
        universal_ad_id: Some((next(), next())),
        ..Creative::plain(&crid, 15_000)
    };
    let advertiser = Advertiser {
        name: next(),
        categories: vec![next()],
        ..Advertiser::plain("", Currency::USD)
    };
    Words { creative, advertiser }
}

fn written(words: &Words, version: VastVersion, place: &str, out: &mut Vec<u8>) {
    let places = [Banner { id: Some(place), ..Banner::default() }];
    let audio = Audio { api: &[7], companionad: &places, ..Audio::default() };
    let slot = Slot { vast: version, stitched: true, ..Slot::plain(&audio) };
    let rules = Rules { hosted_secure: false, wlang: &[], wlangb: &[] };
    let fit = fit(&words.creative, &slot, &rules).unwrap();
    let beacons = Beacons { public_url: "http://a", exchange_ticket: "X", player_ticket: "P" };
    let ad = AdSpec {
        fit: &fit,
        creative: &words.creative,
        advertiser: &words.advertiser,
        places: &places,
        bid: BidId(42),
        beacons,
        expires_s: None,
        shared: true,
    };
    render(&ad, out);
}

/// The text of an element: all its sections and references together.
fn text(node: Node<'_, '_>) -> String {
    node.children().filter_map(|child| child.text()).collect()
}

fn texts_of(document: &Document<'_>, name: &str) -> Vec<String> {
    let nodes = document.descendants().filter(|node| node.tag_name().name() == name);
    nodes.map(text).collect()
}

/// What XML can hold of `text`, by §2.2.
fn holdable(text: &str) -> String {
    let holds = |c: &char| {
        matches!(*c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
            || *c >= '\u{10000}'
    };
    text.chars().map(|c| if holds(&c) { c } else { '\u{fffd}' }).collect()
}

/// Texts with much of what could break out of a place, between anything else.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        proptest::sample::select(vec![
            "]]>",
            "]]",
            "]",
            ">",
            "<![CDATA[",
            "<",
            "&",
            "&amp;",
            "\"",
            "'",
            "\r\n",
            "\r",
            "\n",
            "\t",
            "\0",
            "\u{1b}",
            "\u{fffe}",
            "\u{ffff}",
            "\u{feff}",
            "\u{7f}",
            "\u{85}",
            "<!--",
            "-->",
            "?>",
            "</Linear>",
            "\u{202e}",
            "🎧",
            "${AUCTION_PRICE}",
        ])
        .prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Every text of the ad, where it should be found again.
fn read_back(words: &Words, version: VastVersion, place: &str) -> Result<(), TestCaseError> {
    let mut out = Vec::new();
    written(words, version, place, &mut out);
    let written = String::from_utf8(out).unwrap();
    let document = Document::parse(&written)
        .map_err(|fault| TestCaseError::fail(format!("{fault}\n{written}")))?;
    let (creative, four) = (&words.creative, version >= VastVersion::V4_0);
    let first = |name: &str| texts_of(&document, name).into_iter().next();
    let some = |text: &str| Some(holdable(text));
    prop_assert_eq!(first("AdTitle"), some(&creative.title));
    let (Media::Remote(one), Media::Remote(two)) =
        (&creative.renditions[0].media, &creative.renditions[1].media)
    else {
        return Err(TestCaseError::fail("hosted"));
    };
    prop_assert_eq!(texts_of(&document, "MediaFile"), [holdable(one), holdable(two)]);
    let CompanionResource::Html(html) = &creative.companions[0].resource else {
        return Err(TestCaseError::fail("not HTML"));
    };
    prop_assert_eq!(first("HTMLResource"), some(html));
    let alt = creative.companions[0].alt.as_deref().unwrap_or_default();
    prop_assert_eq!(first("AltText"), some(alt));
    let tracking = texts_of(&document, "Tracking");
    for url in [&creative.trackers[0].url, &creative.companions[0].trackers[0]] {
        prop_assert!(tracking.contains(&holdable(url)), "{:?}", tracking);
    }
    prop_assert!(texts_of(&document, "Impression").contains(&holdable(&creative.trackers[1].url)));
    prop_assert!(
        texts_of(&document, "ClickTracking").contains(&holdable(&creative.click_trackers[0]))
    );
    prop_assert_eq!(first("JavaScriptResource"), some(&creative.verifications[0].script_url));
    let parameters = creative.verifications[0].parameters.as_deref().unwrap_or_default();
    prop_assert_eq!(first("VerificationParameters"), some(parameters));
    let attribute = |element: &str, name: &str| {
        let mut nodes = document.descendants().filter(|node| node.tag_name().name() == element);
        nodes.find_map(|node| node.attribute(name)).map(str::to_owned)
    };
    prop_assert_eq!(attribute("Creative", "id"), some(&creative.crid));
    prop_assert_eq!(attribute("Verification", "vendor"), some(&creative.verifications[0].vendor));
    let (registry, id) = creative.universal_ad_id.as_ref().unwrap();
    if four {
        prop_assert_eq!(attribute("UniversalAdId", "idRegistry"), some(registry));
        prop_assert_eq!(first("UniversalAdId"), some(id));
        prop_assert_eq!(first("Category"), some(&words.advertiser.categories[0]));
    } else {
        prop_assert_eq!(attribute("Creative", "AdID"), some(id));
    }
    if version >= VastVersion::V3_0 {
        prop_assert_eq!(first("Advertiser"), some(&words.advertiser.name));
        let name = if version == VastVersion::V4_0 { "adSlotID" } else { "adSlotId" };
        prop_assert_eq!(attribute("Companion", name), some(place));
    }
    Ok(())
}

/// `INTERLUDE_LONG=1` tries a hundred times as many.
fn tries() -> ProptestConfig {
    let cases = if std::env::var_os("INTERLUDE_LONG").is_some() { 40_000 } else { 400 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(tries())]

    #[test]
    fn whatever_is_worded_reads_back(
        texts in proptest::collection::vec(any_text(), 22),
        version in proptest::sample::select(VastVersion::ALL.to_vec()),
        place in any_text(),
    ) {
        read_back(&words(&texts), version, &place)?;
    }
}

#[test]
fn a_buffer_with_room_is_not_replaced() {
    let words = words(&["R&B ]]> <x> \u{0}".to_owned()]);
    for version in VastVersion::ALL {
        let mut out = Vec::with_capacity(16 << 10);
        out.extend_from_slice(b"before");
        let (place, room) = (out.as_ptr(), out.capacity());
        written(&words, version, "1", &mut out);
        assert!(out.starts_with(b"before<?xml"));
        assert_eq!((out.as_ptr(), out.capacity()), (place, room));
    }
}

#[test]
fn durations_are_told_to_the_millisecond() {
    for (duration_ms, told) in [
        (15_000, "00:00:15"),
        (29_750, "00:00:29.750"),
        (3_661_007, "01:01:01.007"),
        (u32::MAX, "23:59:59.999"),
    ] {
        let mut words = words(&[String::new()]);
        words.creative.duration_ms = duration_ms;
        let mut out = Vec::new();
        written(&words, VastVersion::V3_0, "1", &mut out);
        let document = String::from_utf8(out).unwrap();
        let document = Document::parse(&document).unwrap();
        assert_eq!(texts_of(&document, "Duration"), [told]);
    }
}

use super::*;
use crate::knowledge::catalog::model::PlayerEvent;
use crate::knowledge::catalog::model::{Companion, CompanionResource, Tracker, Verification};
use crate::market::format::MimeSet;
use crate::market::openrtb::request::{Audio, Banner, Format};
use crate::market::slot::Durations;

const OPEN: Rules<'static> = Rules { hosted_secure: true, wlang: &[], wlangb: &[] };

fn slot<'b>(audio: &'b Audio<'b>) -> Slot<'b> {
    let mimes = MimeSet::empty().with(AudioMime::Mpeg).with(AudioMime::Ogg);
    let durations = Durations::Window { min_ms: 5_000, max_ms: 30_000 };
    Slot { mimes, durations, ..Slot::plain(audio) }
}

fn rendition(mime: AudioMime, bitrate_kbps: u32) -> Rendition {
    let media = Media::Hosted("00".repeat(32));
    Rendition { media, mime, bitrate_kbps, delivery: Delivery::Progressive, size: None }
}

/// MP3 at 128 and 48, OGG at 96.
fn spot() -> Creative {
    Creative {
        renditions: vec![
            rendition(AudioMime::Mpeg, 128),
            rendition(AudioMime::Ogg, 96),
            rendition(AudioMime::Mpeg, 48),
        ],
        click_through: Some("http://shop.example.com/".to_owned()),
        attr: vec![1, 13],
        language: Some("en-GB".to_owned()),
        nvol: Some(3),
        ..Creative::plain("spot", 15_000)
    }
}

fn renditions(creative: &Creative, audio: &Audio<'_>) -> Result<u32, Refusal> {
    fit(creative, &slot(audio), &OPEN).map(|fit| fit.renditions)
}

#[test]
fn a_duration_must_be_one_the_slot_takes() {
    let audio = Audio::default();
    let at = |durations, duration_ms| {
        let creative = Creative { duration_ms, ..spot() };
        fit(&creative, &Slot { durations, ..slot(&audio) }, &OPEN).map(|_| ())
    };
    let window = Durations::Window { min_ms: 10_000, max_ms: 15_000 };
    assert_eq!(at(window, 10_000), Ok(()));
    assert_eq!(at(window, 15_000), Ok(()));
    assert_eq!(at(window, 15_001), Err(Refusal::Duration));
    assert_eq!(at(window, 9_999), Err(Refusal::Duration));
    assert_eq!(at(Durations::Exact(&[15, 30]), 15_400), Ok(()));
    assert_eq!(at(Durations::Exact(&[15, 30]), 20_000), Err(Refusal::Duration));
}

#[test]
fn every_rendition_that_fits_goes_along() {
    let creative = spot();
    assert_eq!(renditions(&creative, &Audio::default()), Ok(0b111));
    let narrow = |minbitrate, maxbitrate| Audio { minbitrate, maxbitrate, ..Audio::default() };
    assert_eq!(renditions(&creative, &narrow(Some(64), None)), Ok(0b011));
    assert_eq!(renditions(&creative, &narrow(Some(64), Some(96))), Ok(0b010));
    assert_eq!(renditions(&creative, &narrow(Some(0), Some(-1))), Ok(0b111));
    assert_eq!(renditions(&creative, &narrow(Some(320), None)), Err(Refusal::Bitrate));

    let audio = Audio::default();
    let only = |mime| {
        let slot = Slot { mimes: MimeSet::empty().with(mime), ..slot(&audio) };
        fit(&creative, &slot, &OPEN).map(|fit| fit.renditions)
    };
    assert_eq!(only(AudioMime::Mpeg), Ok(0b101));
    assert_eq!(only(AudioMime::Aac), Err(Refusal::Mime));
}

#[test]
fn bounds_hold_for_one_rendition_together() {
    // The MP3s have the type and the OGG has the rate: neither has both.
    let audio = Audio { minbitrate: Some(90), maxbitrate: Some(100), ..Audio::default() };
    let mimes = MimeSet::empty().with(AudioMime::Mpeg);
    let slot = Slot { mimes, ..slot(&audio) };
    assert_eq!(fit(&spot(), &slot, &OPEN), Err(Refusal::Bitrate));
}

#[test]
fn progressive_media_may_be_downloaded() {
    let streaming = Rendition { delivery: Delivery::Streaming, ..rendition(AudioMime::Mpeg, 128) };
    let mut creative = spot();
    creative.renditions[0] = streaming;
    let with = |delivery| renditions(&creative, &Audio { delivery, ..Audio::default() });
    assert_eq!(with(&[]), Ok(0b111));
    assert_eq!(with(&[1]), Ok(0b001));
    assert_eq!(with(&[2]), Ok(0b110));
    assert_eq!(with(&[3]), Ok(0b110));
    assert_eq!(with(&[1, 3]), Ok(0b111));
    assert_eq!(with(&[77]), Err(Refusal::DeliveryMethod));
}

#[test]
fn blocked_attributes_refuse() {
    let with = |battr| renditions(&spot(), &Audio { battr, ..Audio::default() });
    assert_eq!(with(&[9, 13]), Err(Refusal::Attribute));
    assert_eq!(with(&[9]), Ok(0b111));
}

#[test]
fn measurement_is_left_out_where_it_is_not_taken_and_other_apis_refuse() {
    let verification = Verification {
        vendor: "v".to_owned(),
        script_url: "https://v.example.com/omid.js".to_owned(),
        parameters: None,
    };
    let measured = Creative { apis: vec![7], verifications: vec![verification], ..spot() };
    let with = |creative: &Creative, api| {
        let audio = Audio { api, ..Audio::default() };
        let fit = fit(creative, &slot(&audio), &OPEN)?;
        Ok((fit.verified, fit.apis(creative).collect::<Vec<_>>()))
    };
    assert_eq!(with(&measured, &[7]), Ok((true, vec![7])));
    assert_eq!(with(&measured, &[]), Ok((false, vec![])));
    assert_eq!(with(&spot(), &[7]), Ok((false, vec![])));
    let interactive = Creative { apis: vec![7, 8], ..measured };
    assert_eq!(with(&interactive, &[7]), Err(Refusal::Api));
    assert_eq!(with(&interactive, &[8]), Ok((false, vec![8])));
}

#[test]
fn a_secure_slot_gets_https_only() {
    let audio = Audio::default();
    let secure = Slot { secure: true, ..slot(&audio) };
    let in_clear = Rules { hosted_secure: false, ..OPEN };
    // The landing page is behind our redirect: it may be http.
    assert_eq!(fit(&spot(), &secure, &OPEN).map(|fit| fit.renditions), Ok(0b111));
    assert_eq!(fit(&spot(), &secure, &in_clear), Err(Refusal::NotSecure));
    assert!(fit(&spot(), &slot(&audio), &in_clear).is_ok());

    let mut remote = spot();
    remote.renditions[0].media = Media::Remote("http://m.example.com/a.mp3".to_owned());
    remote.renditions[1].media = Media::Remote("HTTPS://m.example.com/a.ogg".to_owned());
    assert_eq!(fit(&remote, &secure, &OPEN).map(|fit| fit.renditions), Ok(0b110));
    remote.renditions.truncate(1);
    assert_eq!(fit(&remote, &secure, &OPEN), Err(Refusal::NotSecure));

    let url = "http://t.example.com/".to_owned();
    let tracked = Creative {
        trackers: vec![Tracker { event: PlayerEvent::Start, url: url.clone() }],
        ..spot()
    };
    assert_eq!(fit(&tracked, &secure, &OPEN), Err(Refusal::NotSecure));
    let clicked = Creative { click_trackers: vec![url], ..spot() };
    assert_eq!(fit(&clicked, &secure, &OPEN), Err(Refusal::NotSecure));
}

#[test]
fn both_language_lists_bind() {
    let audio = Audio::default();
    let with = |language: Option<&str>, wlang, wlangb| {
        let creative = Creative { language: language.map(str::to_owned), ..spot() };
        let rules = Rules { wlang, wlangb, ..OPEN };
        fit(&creative, &slot(&audio), &rules).map(|_| ()).map_err(|refusal| refusal.label())
    };
    let refused = Err("language");
    assert_eq!(with(Some("en-GB"), &["fr", "EN"], &[]), Ok(()));
    assert_eq!(with(Some("en"), &["en-US"], &[]), Ok(()));
    assert_eq!(with(Some("eng"), &["en"], &[]), refused);
    assert_eq!(with(Some("de"), &["en"], &[]), refused);
    assert_eq!(with(None, &["en"], &["en"]), Ok(()));
    assert_eq!(with(Some("en-GB"), &[], &["en"]), Ok(()));
    assert_eq!(with(Some("en-gb"), &[], &["en-GB"]), Ok(()));
    assert_eq!(with(Some("en"), &[], &["en-GB"]), refused);
    assert_eq!(with(Some("en-GBX"), &[], &["en-GB"]), refused);
    assert_eq!(with(Some("en-GB"), &["en"], &["fr"]), refused);
    assert_eq!(with(Some("en"), &[""], &[]), refused);
    assert_eq!(with(Some("zürich"), &["zü"], &["zü"]), refused);
}

#[test]
fn a_stitcher_gets_a_mezzanine() {
    let audio = Audio::default();
    let with = |creative: &Creative, vast, secure| {
        let slot = Slot { stitched: true, vast, secure, ..slot(&audio) };
        fit(creative, &slot, &OPEN).map(|fit| fit.mezzanine)
    };
    let master = Rendition {
        media: Media::Remote("http://m.example.com/a.wav".to_owned()),
        ..rendition(AudioMime::Wav, 1411)
    };
    let mastered = Creative { mezzanine: Some(master), ..spot() };
    assert_eq!(with(&mastered, VastVersion::V4_1, false), Ok(Some(Mezzanine::Own)));
    assert_eq!(with(&mastered, VastVersion::V3_0, false), Ok(None));
    // Its own is http: the best rendition stands in.
    let stand_in = Ok(Some(Mezzanine::Rendition(0)));
    assert_eq!(with(&mastered, VastVersion::V4_1, true), stand_in);
    assert_eq!(with(&spot(), VastVersion::V4_0, false), stand_in);
    let mut poor = spot();
    poor.renditions[0].bitrate_kbps = 112;
    assert_eq!(with(&poor, VastVersion::V4_0, false), Err(Refusal::MezzanineMissing));
    assert_eq!(with(&poor, VastVersion::V3_0, false), Ok(None));
    assert_eq!(fit(&spot(), &slot(&audio), &OPEN).map(|fit| fit.mezzanine), Ok(None));
}

#[test]
fn a_wish_for_normalisation_refuses_nothing() {
    for (wish, met) in [(None, true), (Some(0), true), (Some(3), true), (Some(1), false)] {
        let audio = Audio { nvol: wish, ..Audio::default() };
        let fit = fit(&spot(), &slot(&audio), &OPEN).unwrap();
        assert_eq!(fit.normalised, met, "{wish:?}");
    }
}

#[test]
fn the_first_of_two_reasons_is_told() {
    let audio = Audio { battr: &[13], maxbitrate: Some(8), ..Audio::default() };
    assert_eq!(renditions(&spot(), &audio), Err(Refusal::Bitrate));
    let audio = Audio { battr: &[13], ..Audio::default() };
    let rules = Rules { wlang: &["fr"], ..OPEN };
    assert_eq!(fit(&spot(), &slot(&audio), &rules), Err(Refusal::Attribute));
    assert!(Refusal::Duration < Refusal::Mime && Refusal::Language < Refusal::MezzanineMissing);
}

#[test]
fn more_renditions_than_bits_are_not_looked_at() {
    let creative = Creative { renditions: vec![rendition(AudioMime::Mpeg, 64); 40], ..spot() };
    assert_eq!(renditions(&creative, &Audio::default()), Ok(u32::MAX));
}

/// 0 and 4 static, 1 HTML, 2 iframe, 3 an end card.
fn with_companions() -> Creative {
    let image = |mime: &str| CompanionResource::Static {
        media: Media::Hosted("11".repeat(32)),
        mime: mime.to_owned(),
    };
    let companion = |w, h, resource| Companion {
        w,
        h,
        resource,
        click_through: None,
        trackers: Vec::new(),
        alt: None,
        attr: Vec::new(),
        apis: Vec::new(),
        end_card: false,
    };
    let frame = || CompanionResource::Iframe("http://f.example.com/".to_owned());
    let mut creative = spot();
    creative.companions = vec![
        companion(300, 250, image("image/png")),
        companion(300, 250, CompanionResource::Html("<b>hi</b>".to_owned())),
        companion(728, 90, frame()),
        companion(640, 640, image("image/jpeg")),
        companion(300, 250, image("image/jpeg")),
    ];
    creative.companions[3].end_card = true;
    creative.companions[1].apis = vec![5];
    creative.companions[0].attr = vec![13];
    creative
}

/// Which companion stands in which place.
fn chosen(audio: &Audio<'_>) -> Vec<(u8, u8)> {
    let fit = fit(&with_companions(), &slot(audio), &OPEN).unwrap();
    fit.companions().iter().map(|c| (c.place, c.companion)).collect()
}

fn place(w: i64, h: i64) -> Banner<'static> {
    Banner { w: Some(w), h: Some(h), api: &[5], ..Banner::default() }
}

#[test]
fn each_place_gets_the_first_companion_that_suits() {
    let offered =
        |companionad: &[Banner<'static>]| chosen(&Audio { companionad, ..Audio::default() });
    assert_eq!(offered(&[]), []);
    assert_eq!(offered(&[place(300, 250)]), [(0, 0)]);
    assert_eq!(offered(&[place(999, 9), place(728, 90)]), [(1, 2)]);
    // Each stands in one place only.
    assert_eq!(offered(&[place(300, 250); 4]), [(0, 0), (1, 1), (2, 4)]);
    let formats = &[Format { w: Some(728), h: Some(90) }, Format { w: Some(1), h: Some(1) }];
    assert_eq!(offered(&[Banner { format: formats, ..Banner::default() }]), [(0, 2)]);
    assert_eq!(offered(&[Banner { w: None, h: Some(90), ..place(0, 0) }]), [(0, 2)]);
    assert_eq!(offered(&[Banner::default()]), [(0, 0)]);
    assert_eq!(offered(&[place(300, -250)]), []);
}

#[test]
fn a_place_says_what_it_takes() {
    let offered = |banner| chosen(&Audio { companionad: &[banner], ..Audio::default() });
    let mpu = place(300, 250);
    assert_eq!(offered(Banner { battr: &[13], ..mpu }), [(0, 1)]);
    assert_eq!(offered(Banner { battr: &[13], api: &[], ..mpu }), [(0, 4)]);
    assert_eq!(offered(Banner { mimes: &["IMAGE/JPEG"], ..mpu }), [(0, 4)]);
    assert_eq!(offered(Banner { mimes: &["text/html"], ..mpu }), [(0, 1)]);
    assert_eq!(offered(Banner { mimes: &["text/html"], btype: &[3], ..mpu }), []);
    assert_eq!(offered(Banner { btype: &[4], ..place(728, 90) }), []);
    assert_eq!(offered(Banner { vcm: Some(true), ..mpu }), []);
    assert_eq!(offered(Banner { vcm: Some(true), ..place(640, 640) }), [(0, 3)]);
    assert_eq!(offered(Banner { vcm: Some(false), ..place(640, 640) }), []);
}

#[test]
fn a_slot_says_which_kinds_it_takes() {
    let of = |companiontype| {
        let companionad = &[place(300, 250), place(728, 90)];
        chosen(&Audio { companionad, companiontype, ..Audio::default() })
    };
    assert_eq!(of(&[1]), [(0, 0)]);
    assert_eq!(of(&[2]), [(0, 1)]);
    assert_eq!(of(&[3, 2]), [(0, 1), (1, 2)]);
}

#[test]
fn an_http_companion_stays_out_of_a_secure_slot() {
    let audio = Audio { companionad: &[place(728, 90), place(300, 250)], ..Audio::default() };
    let secure = Slot { secure: true, ..slot(&audio) };
    let fit = fit(&with_companions(), &secure, &OPEN).unwrap();
    assert_eq!(fit.companions().len(), 1);
    assert_eq!(fit.companions()[0].place, 1);
}

#[test]
fn no_more_companions_than_there_is_room_for() {
    let mut creative = with_companions();
    creative.companions = vec![creative.companions[0].clone(); 20];
    let companionad = &[place(300, 250); 20];
    let audio = Audio { companionad, ..Audio::default() };
    let fit = fit(&creative, &slot(&audio), &OPEN).unwrap();
    assert_eq!(fit.companions().len(), crate::offer::creative::COMPANIONS_MAX);
}

//! How long does a winner's markup take? One render into a reused buffer.
//!
//! Measured: the document of one spot with two renditions, one companion, a click-through and
//! five trackers of third parties, tickets of their real length (88 characters), from the chosen
//! form to the last byte; in VAST 3.0 and 4.2. Beside it the choice itself (`fit`). Wanted: at
//! most 0.8 µs a render.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use interlude::base::units::money::Currency;
use interlude::knowledge::catalog::model::{
    Advertiser, Companion, CompanionResource, Creative, Delivery, Media, PlayerEvent, Rendition,
    Tracker,
};
use interlude::market::format::{AudioMime, MimeSet, VastVersion};
use interlude::market::openrtb::request::{Audio, Banner};
use interlude::market::slot::{Durations, Slot};
use interlude::market::ticket::BidId;
use interlude::offer::creative::{AdSpec, Beacons, Rules, fit, render};

fn rendition(mime: AudioMime, hash: &str) -> Rendition {
    Rendition {
        media: Media::Hosted(hash.repeat(32)),
        mime,
        bitrate_kbps: 128,
        delivery: Delivery::Progressive,
        size: Some(240_000),
    }
}

fn creative() -> Creative {
    let tracker = |event, path: &str| Tracker {
        event,
        url: format!("https://count.example.com/{path}?campaign=1234&cb=[CACHEBUSTING]"),
    };
    Creative {
        title: "Morning coffee, 15 seconds".to_owned(),
        renditions: vec![rendition(AudioMime::Mpeg, "a0"), rendition(AudioMime::Ogg, "b1")],
        companions: vec![Companion {
            w: 300,
            h: 250,
            resource: CompanionResource::Static {
                media: Media::Hosted("c2".repeat(32)),
                mime: "image/png".to_owned(),
            },
            click_through: None,
            trackers: vec!["https://count.example.com/view?campaign=1234".to_owned()],
            alt: Some("A cup of coffee".to_owned()),
            attr: Vec::new(),
            apis: Vec::new(),
            end_card: false,
        }],
        click_through: Some("https://coffee.example.com/".to_owned()),
        click_trackers: vec!["https://count.example.com/click?campaign=1234".to_owned()],
        trackers: vec![
            tracker(PlayerEvent::Impression, "impression"),
            tracker(PlayerEvent::Start, "start"),
            tracker(PlayerEvent::Complete, "complete"),
        ],
        language: Some("en".to_owned()),
        universal_ad_id: Some(("ad-id.org".to_owned(), "CNPA0484000H".to_owned())),
        qagmediarating: Some(1),
        ..Creative::plain("morning-coffee-15s", 15_000)
    }
}

fn advertiser() -> Advertiser {
    Advertiser {
        name: "Bluebird Coffee".to_owned(),
        domains: vec!["coffee.example.com".to_owned()],
        categories: vec!["IAB8-5".to_owned()],
        ..Advertiser::plain("coffee", Currency::USD)
    }
}

fn slot<'b>(audio: &'b Audio<'b>, vast: VastVersion) -> Slot<'b> {
    let mimes = MimeSet::empty().with(AudioMime::Mpeg).with(AudioMime::Ogg);
    let durations = Durations::Window { min_ms: 5_000, max_ms: 30_000 };
    Slot { vast, mimes, durations, secure: true, ..Slot::plain(audio) }
}

fn measure(criterion: &mut Criterion) {
    let (creative, advertiser) = (creative(), advertiser());
    let places = [Banner { id: Some("1"), w: Some(300), h: Some(250), ..Banner::default() }];
    let audio = Audio { companionad: &places, ..Audio::default() };
    let rules = Rules { hosted_secure: true, wlang: &["en"], wlangb: &[] };
    let (exchange_ticket, player_ticket) = ("e".repeat(88), "p".repeat(88));
    let beacons = Beacons {
        public_url: "https://ads.example.com",
        exchange_ticket: &exchange_ticket,
        player_ticket: &player_ticket,
    };
    let mut out = Vec::with_capacity(16 << 10);
    let mut group = criterion.benchmark_group("vast");
    for version in [VastVersion::V3_0, VastVersion::V4_2] {
        let slot = slot(&audio, version);
        let Ok(fit) = fit(&creative, &slot, &rules) else { return };
        let bid = BidId(0x0123_4567_89ab_cdef);
        let expires_s = Some(3600);
        let (creative, advertiser, places) = (&creative, &advertiser, &places[..]);
        let (fit, shared) = (&fit, true);
        let ad = AdSpec { fit, creative, advertiser, places, bid, beacons, expires_s, shared };
        out.clear();
        render(&ad, &mut out);
        group.throughput(Throughput::Bytes(out.len() as u64));
        group.bench_function(format!("render {}", version.as_str()), |bench| {
            bench.iter(|| {
                out.clear();
                render(black_box(&ad), &mut out);
                out.len()
            });
        });
    }
    let slot = slot(&audio, VastVersion::V4_2);
    group.throughput(Throughput::Elements(1));
    group.bench_function("fit", |bench| {
        bench.iter(|| fit(black_box(&creative), black_box(&slot), black_box(&rules)));
    });
    group.finish();
}

criterion_group!(benches, measure);
criterion_main!(benches);

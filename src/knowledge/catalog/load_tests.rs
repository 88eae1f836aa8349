//! Does the fixture catalogue load, and mean what it says?

use super::*;
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::base::units::money::{Currency, Money};
use crate::knowledge::catalog::Edition;
use crate::knowledge::catalog::model::Media;
use crate::knowledge::catalog::model::{
    Budget, BudgetMode, Cap, CompanionResource, Expr, Pacing, Shape, Test, Unit, Window,
};
use crate::market::vocabulary::{Dimension, Words};

fn rates() -> Rates {
    let currency = |code| Currency::parse(code).unwrap();
    let worths = [
        (Currency::USD, 1_000_000_000),
        (Currency::EUR, 1_100_000_000),
        (currency("GBP"), 1_300_000_000),
        (currency("JPY"), 6_700_000),
    ];
    Rates::new("test", worths)
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog")
}

fn fixture(vocabulary: &mut Vocabulary) -> Catalog {
    let report = inspect(&[fixtures()], vocabulary, (&rates(), &Limits::default()), None);
    assert_eq!(report.warnings, []);
    report.catalog.unwrap_or_else(|faults| panic!("{faults}"))
}

fn read(text: &str) -> Report {
    let file = fixtures().join("x.yaml");
    inspect_text(&file, text, &mut Vocabulary::new(), &rates(), &Limits::default())
}

#[test]
fn the_words_of_money_mean_what_they_say() {
    let catalog = fixture(&mut Vocabulary::new());
    let line = |key| {
        let id = LineId::of("nordlicht", "winter", key);
        catalog.line(catalog.line_of(id).unwrap())
    };
    let (even, front) = (line("even"), line("front"));
    let advertiser = catalog.advertiser(even.advertiser);
    assert_eq!(advertiser.id, AdvertiserId::of("nordlicht"));
    assert!(advertiser.prepaid && advertiser.calendar.zone() == "Europe/Helsinki");
    assert_eq!(advertiser.caps, [Cap::rolling(40, 30 * 86_400)]);
    let campaign = catalog.campaign(even.campaign);
    assert_eq!(campaign.id, CampaignId::of("nordlicht", "winter"));
    let (total, daily) = (Some(20_000_500_000_000), Some(900_000_000_000));
    assert_eq!(campaign.budget, Budget { total, daily, mode: BudgetMode::Strict });
    let calendar = |impressions, unit| Cap { impressions, window: Window::Calendar(unit) };
    assert_eq!(campaign.caps, [calendar(12, Unit::Week)]);
    assert_eq!(catalog.creative(even.creatives[0]).caps, [calendar(5, Unit::Day)]);
    let (total, daily) = (Some(9_000_000_000_000), Some(400_000_000_000));
    assert_eq!(even.budget, Budget { total, daily, mode: BudgetMode::Expected });
    assert_eq!(even.pacing, Pacing { shape: Shape::Even, traffic: None });
    let caps = [
        Cap::rolling(1, 60),
        calendar(2, Unit::Hour),
        Cap::rolling(3, 6 * 3600),
        Cap::rolling(4, 86_400),
        calendar(20, Unit::Month),
        Cap { impressions: 30, window: Window::Flight },
    ];
    assert_eq!(even.caps, caps);
    assert_eq!(front.budget, Budget::total(3_000_000_000_000));
    assert_eq!(
        (front.pacing.shape, &front.caps[..]),
        (Shape::Front, &[Cap::rolling(2, 86_400)][..])
    );
    let traffic = front.pacing.traffic.as_ref().unwrap();
    assert_eq!(traffic.iter().sum::<u32>(), 1_000_000);
    // 20 mornings of 3, 15 hours of 2.5, 42 of nights, 91 others: 188.5 in all.
    assert_eq!((traffic[0], traffic[6], traffic[16]), (0, 15_915, 13_263));
    assert_eq!(traffic[12], 5_305);
}

#[test]
fn the_fixture_loads_in_order() {
    let mut vocabulary = Vocabulary::new();
    let catalog = fixture(&mut vocabulary);
    assert_eq!((catalog.counts.advertisers, catalog.counts.lines), (8, 22));
    let bounds: Vec<_> = catalog.lines().map(|(_, line)| line.price_bound).collect();
    assert!(bounds.is_sorted_by(|a, b| a >= b), "{bounds:?}");
    let id = LineId::of("nachtklang", "tickets", "techno-berlin");
    let line = catalog.line(catalog.line_of(id).unwrap());
    assert_eq!(line.bid, Money::new(8_000_000, Currency::EUR));
    assert_eq!(line.price_bound, 8_800_000);
    assert_eq!(line.budget, Budget::total(750_500_000_000));
    assert_eq!(catalog.advertiser(line.advertiser).key, "nachtklang");
    assert_eq!(catalog.campaign(line.campaign).key, "tickets");
    let creative = catalog.creative(line.creatives[0]);
    assert_eq!((creative.duration_ms, creative.renditions.len()), (19_950, 1));
    let [first, second] = catalog.deal("ff-premium-1").unwrap() else { panic!("two lines") };
    assert!(first < second);
    assert_eq!(catalog.media().count(), 3);
    for creative in catalog.creatives() {
        for media in creative.media() {
            if let Media::Hosted(hash) = media {
                assert!(catalog.hosted(hash).unwrap().path.is_file());
            }
        }
    }
    let deal_only = LineId::of("fleet-foot", "deals", "deal-only");
    let deal_only = catalog.line_of(deal_only).unwrap();
    assert!(!catalog.line(deal_only).open);
}

#[test]
fn targeting_means_what_it_says() {
    let mut vocabulary = Vocabulary::new();
    let catalog = fixture(&mut vocabulary);
    let targeting = |advertiser, campaign, line| {
        let id = LineId::of(advertiser, campaign, line);
        crate::knowledge::catalog::archive::expr_to_json(
            &catalog.line(catalog.line_of(id).unwrap()).targeting,
            &vocabulary,
        )
    };
    assert_eq!(
        targeting("nachtklang", "tickets", "techno-berlin"),
        serde_json::json!({"all": [
            {"genre": {"any_of": ["house", "techno", "trance"]}},
            {"age": {"any_of": ["18-20", "21-24", "25-34"]}},
            {"radius": {"any_of": [{"lat": "52.52", "lon": "13.405", "km": "60"}]}},
        ]})
    );
    assert_eq!(
        targeting("fleet-foot", "spring", "night-owls"),
        serde_json::json!({"all": [
            {"hour_of_week": {"any_of":
                "fri 22:00-24:00, sat 00:00-03:00, sat 22:00-24:00, sun 00:00-03:00"}},
            {"mood": {"none_of": ["melancholic", "sad"], "if_unknown": "pass"}},
        ]})
    );
    let id = LineId::of("puzzle-house", "install", "android-gamers");
    let Expr::All(parts) = &catalog.line(catalog.line_of(id).unwrap()).targeting else { panic!() };
    let Expr::Leaf(leaf) = &parts[0] else { panic!() };
    let Test::AnyOf(values) = &leaf.test else { panic!() };
    assert_eq!(leaf.dimension, Dimension::OsVersion);
    assert_eq!(values.len(), 8);
    assert_eq!(vocabulary.text(values[0]), "android 9");
    assert_eq!(targeting("corner-cafe", "always", "everyone"), serde_json::json!({"all": []}));
}

#[test]
fn an_archive_brings_the_same_world_back() {
    let mut vocabulary = Vocabulary::new();
    let (rates, limits) = (rates(), Limits::default());
    fn reading<'a>(v: &'a mut Vocabulary, rates: &'a Rates, limits: &'a Limits) -> Reading<'a> {
        Reading { tongue: Tongue::Own(v), rates, limits, archived: false, headcount: None }
    }
    let mut first = reading(&mut vocabulary, &rates, &limits);
    let edition = Sheets::default().read(&[fixtures()], &mut first, true).edition;
    let Edition { catalog, archive: bytes, .. } = edition.unwrap();
    let again = |vocabulary: &mut Vocabulary| {
        let again = from_archive(&bytes, &mut reading(vocabulary, &rates, &limits));
        let again = again.unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(again.version, catalog.version);
        assert_eq!(again.media().count(), 0);
        again
    };
    let other = again(&mut vocabulary);
    let debug = |catalog: &Catalog| {
        let mut parts = format!("{:?}{:?}", catalog.lines, catalog.advertisers);
        parts += &format!("{:?}{:?}", catalog.campaigns, catalog.creatives);
        parts + &format!("{:?}", catalog.deal("ff-premium-1"))
    };
    assert!(debug(&other) == debug(&catalog));
    // Under a vocabulary that grew in another order the ids differ, the words do not.
    let mut grown = Vocabulary::new();
    grown.intern(Dimension::Artist, "Björk").unwrap();
    again(&mut grown);
}

#[test]
fn the_order_of_files_changes_nothing() {
    let mut files: Vec<_> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let version = |files: &[PathBuf]| {
        load(files, &mut Vocabulary::new(), &rates(), &Limits::default()).unwrap().version
    };
    let forth = version(&files);
    files.reverse();
    assert_eq!(version(&files), forth);
    files.pop();
    assert_ne!(version(&files), forth);
}

#[test]
fn creatives_carry_all_that_was_written() {
    let catalog = fixture(&mut Vocabulary::new());
    let named = |crid: &str| catalog.creatives().find(|c| c.crid == crid).unwrap();
    let shoes = named("ff-run-15");
    assert_eq!(shoes.trackers.len(), 2);
    assert_eq!(shoes.universal_ad_id.as_ref().unwrap().1, "FFRN0015000H");
    let CompanionResource::Static { mime, .. } = &shoes.companions[0].resource else { panic!() };
    assert_eq!((mime.as_str(), shoes.companions[0].w), ("image/png", 300));
    assert!(named("ff-run-30").mezzanine.is_some());
    assert_eq!(named("hb-30").verifications[0].vendor, "omid.example");
    assert_eq!(named("hb-30").nvol, Some(3));
    assert!(named("ph-15").companions[1].end_card);
    // Told from the file: 8,612 bytes over 15 seconds.
    assert_eq!(named("corner-cafe-1").renditions[0].bitrate_kbps, 4);
}

#[test]
fn an_unused_creative_is_left_out_with_a_warning() {
    let text = std::fs::read_to_string(fixtures().join("02-shoes.yaml")).unwrap();
    let text =
        text.replace("[ff-run-15, ff-run-30]", "ff-run-15").replace("ff-run-30]", "ff-run-15]");
    let report = read(&text);
    let catalog = report.catalog.unwrap();
    assert_eq!(catalog.counts.creatives, 1);
    assert!(report.warnings[0].message.contains("creative `ff-run-30` is in no line"));
    assert!(catalog.lines().all(|(_, line)| line.creatives[0].index() == 0));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_loader_panic(text in ".{0,200}") {
        let _ = read(&text);
    }

    /// Near-misses of a real file: one piece of it cut out, doubled or replaced.
    #[test]
    fn no_damaged_file_makes_the_loader_panic(
        from in 0_usize..2500, len in 0_usize..60, put in "[a-z0-9:{}\\[\\]&*!|>%@`\"' \n-]{0,12}",
    ) {
        let mut text = include_str!("../../../tests/fixtures/catalog/02-shoes.yaml").to_owned();
        let mut from = from.min(text.len());
        while !text.is_char_boundary(from) { from -= 1; }
        let mut to = (from + len).min(text.len());
        while !text.is_char_boundary(to) { to -= 1; }
        text.replace_range(from..to.max(from), &put);
        let report = read(&text);
        if let Err(faults) = report.catalog {
            proptest::prop_assert!(faults.iter().count() > 0);
        }
    }
}

/// Listeners' words, and their publication, would wait as long as the last file is read.
#[test]
fn shared_words_are_free_while_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (file, pipe) = (folder.path().join("a.yaml"), folder.path().join("slow.mp3"));
    let text = "advertisers:
  - key: quick
    domains: [quick.example]
    currency: USD
    campaigns:
      - { key: c, lines: [
          { key: l, bid_cpm: 1, targeting: { artist: Somebody }, creatives: [
            { crid: q, duration: 15, renditions: [
              { url: 'https://cdn.example/q.mp3', mime: audio/mpeg, bitrate: 128 } ] } ] } ] }
  - key: slow
    domains: [slow.example]
    currency: USD
    creatives:
      - { crid: s, duration: 15, renditions: [ { file: slow.mp3, bitrate: 128 } ] }
";
    std::fs::write(&file, text).unwrap();
    // Whoever opens it to read waits for a writer.
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let words = Words::of(Vocabulary::new());
    let before = words.len();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let read = scope.spawn(|| {
            let (rates, limits) = (rates(), Limits::default());
            let tongue = Tongue::of(&words);
            let mut reading = Reading {
                tongue,
                rates: &rates,
                limits: &limits,
                archived: false,
                headcount: None,
            };
            Sheets::default().read(std::slice::from_ref(&file), &mut reading, true).edition
        });
        let words = &words;
        scope.spawn(move || {
            while words.len() == before {
                std::thread::yield_now();
            }
            tell.send(words.grow(|v| v.intern(Dimension::Artist, "Another"))).unwrap();
        });
        let grown = told.recv_timeout(std::time::Duration::from_secs(60));
        drop(std::fs::File::options().write(true).open(&pipe).unwrap());
        assert!(grown.expect("words while a file is read").is_ok());
        let faults = read.join().unwrap().unwrap_err();
        assert!(faults.to_string().contains("slow.mp3` is no file"), "{faults}");
    });
    assert_eq!(words.len(), before + 2);
}

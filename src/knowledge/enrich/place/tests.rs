use std::path::Path;
use std::sync::LazyLock;

use super::*;
use crate::base::units::time::Moment;
use crate::market::openrtb::request::{Device, Regs};
use crate::market::privacy::{Policy, RegsDefault, Signals, permissions};

/// San Diego, 92136, in the test database: 214.78.0.0/19. Bhutan: 67.43.156.0/24.
const SAN_DIEGO: Option<&str> = Some("214.78.12.34");
const BHUTAN: Option<&str> = Some("67.43.156.1");

fn atlas(with_database: bool) -> &'static Atlas {
    static ATLASES: LazyLock<[Atlas; 2]> = LazyLock::new(|| {
        let path = Path::new("tests/fixtures/geo/GeoLite2-City-Test.mmdb");
        [None, Some(path.to_owned())].map(|database| Atlas::open(&Config { database }).unwrap())
    });
    &ATLASES[usize::from(with_database)]
}

fn allowed(full: bool) -> Permissions {
    let regs = Some(Regs { gdpr: Some(!full), ..Regs::default() });
    let request = Request { regs, ..Request::default() };
    let signals = Signals {
        request: &request,
        country: Some("USA"),
        gpc: false,
        absent: RegsDefault::Full,
        moment: Moment::default(),
    };
    let made = permissions(&signals, &Policy::default());
    assert_eq!(made.full(), full);
    made
}

fn request<'a>(ip: Option<&'a str>, geo: Geo<'a>) -> Request<'a> {
    let device = Device { ip, geo: Some(geo), ..Device::default() };
    Request { device: Some(device), ..Request::default() }
}

fn words() -> Vocabulary {
    let mut vocabulary = Vocabulary::new();
    for (dimension, text) in [
        (Dimension::Region, "US-CA"),
        (Dimension::Region, "CA"),
        (Dimension::Region, "FR-IDF"),
        (Dimension::Region, "GB-ENG"),
        (Dimension::City, "Paris"),
        (Dimension::City, "FR-Paris"),
        (Dimension::City, "San Diego"),
        (Dimension::Postal, "92136"),
        (Dimension::Postal, "US-10001"),
        (Dimension::Postal, "75001"),
    ] {
        vocabulary.intern(dimension, text).unwrap();
    }
    vocabulary
}

/// Country, region, city and postal code as `word word | word | … `, and whether a point is known.
fn told(atlas: &Atlas, request: &Request<'_>, full: bool) -> (String, bool) {
    let (vocabulary, mut facts) = (words(), Facts::new());
    let place = resolve(request, atlas);
    set(&place, &vocabulary, allowed(full), &mut facts);
    let of = |dimension| match facts.get(dimension) {
        None => "?".to_owned(),
        Some(values) => {
            let texts: Vec<&str> = values.iter().map(|&value| vocabulary.text(value)).collect();
            texts.join(" ")
        }
    };
    let all = [Dimension::Country, Dimension::Region, Dimension::City, Dimension::Postal];
    (all.map(of).join("|"), facts.place().is_some())
}

#[test]
fn the_request_is_read_in_all_its_spellings() {
    let geo = Geo::default();
    let paris = Some((48.85, 2.35));
    for (geo, expected) in [
        (geo, "?|?|?|?"),
        (Geo { country: Some("FRA"), ..geo }, "FRA|?|?|?"),
        (Geo { country: Some("fr"), ..geo }, "FRA|?|?|?"),
        (Geo { country: Some("UK"), region: Some("ENG"), ..geo }, "GBR|GB-ENG|?|?"),
        (Geo { country: Some("XX"), ..geo }, "?|?|?|?"),
        (Geo { country: Some("USA"), region: Some("CA"), ..geo }, "USA|US-CA CA|?|?"),
        (Geo { country: Some("US"), region: Some("us-ca"), ..geo }, "USA|US-CA CA|?|?"),
        (Geo { country: Some("USA"), region: Some("USA-CA"), ..geo }, "USA|US-CA CA|?|?"),
        (Geo { country: Some("FR"), region: Some("FR-IDF"), ..geo }, "FRA|FR-IDF|?|?"),
        (Geo { country: Some("FR"), region: Some("Wrong"), ..geo }, "FRA||?|?"),
        (Geo { country: Some("FR"), city: Some("PARIS"), ..geo }, "FRA|?|FR-Paris Paris|?"),
        (Geo { country: Some("US"), city: Some("Paris"), ..geo }, "USA|?|Paris|?"),
        (Geo { city: Some("Paris"), ..geo }, "?|?|Paris|?"),
        (Geo { country: Some("US"), zip: Some("10001"), ..geo }, "USA|?|?|US-10001"),
        (Geo { country: Some("US"), zip: Some("92136-1234"), ..geo }, "USA|?|?|92136"),
        (Geo { country: Some("FR"), zip: Some("75001"), ..geo }, "FRA|?|?|75001"),
        (Geo { country: Some("FR"), zip: Some("10001"), ..geo }, "FRA|?|?|"),
    ] {
        assert_eq!(told(atlas(false), &request(None, geo), true).0, expected, "{geo:?}");
    }
    for (lat_lon, accuracy, known) in [
        (paris, None, true),
        (paris, Some(50_000), true),
        (paris, Some(50_001), false),
        (Some((0.0, 0.0)), None, false),
        (Some((91.0, 0.0)), None, false),
        (Some((f64::NAN, 2.0)), None, false),
        (None, None, false),
    ] {
        let (lat, lon) = (lat_lon.map(|p| p.0), lat_lon.map(|p| p.1));
        let geo = Geo { lat, lon, accuracy, ..geo };
        assert_eq!(told(atlas(false), &request(None, geo), true).1, known, "{geo:?}");
    }
}

#[test]
fn without_permission_the_place_is_coarse() {
    let geo = Geo {
        country: Some("USA"),
        region: Some("CA"),
        city: Some("San Diego"),
        zip: Some("92136"),
        lat: Some(32.7),
        lon: Some(-117.1),
        ..Geo::default()
    };
    let request = request(None, geo);
    let atlas = atlas(false);
    assert_eq!(told(atlas, &request, true), ("USA|US-CA CA|San Diego|92136".to_owned(), true));
    assert_eq!(told(atlas, &request, false), ("USA|US-CA CA|?|?".to_owned(), false));
}

#[test]
fn the_database_goes_first_and_the_request_fills() {
    let atlas = atlas(true);
    let geo = Geo::default();
    for (ip, geo, expected, lawful) in [
        (SAN_DIEGO, geo, "USA|US-CA CA|San Diego|92136", Some("USA")),
        // Another place in the request is another opinion: the law is not known, the database
        // is believed, nothing is mixed.
        (
            SAN_DIEGO,
            Geo { country: Some("FRA"), city: Some("Paris"), ..geo },
            "USA|US-CA CA|San Diego|92136",
            None,
        ),
        (BHUTAN, Geo { country: Some("FR"), city: Some("Paris"), ..geo }, "BTN|?|?|?", None),
        (BHUTAN, Geo { city: Some("Paris"), ..geo }, "BTN|?|Paris|?", Some("BTN")),
        (
            SAN_DIEGO,
            Geo { country: Some("US"), region: Some("NY"), zip: Some("10001"), ..geo },
            "USA|US-CA CA|San Diego|92136",
            Some("USA"),
        ),
        (Some("10.0.0.1"), Geo { country: Some("FR"), ..geo }, "FRA|?|?|?", Some("FRA")),
        (None, Geo { country: Some("FR"), ..geo }, "FRA|?|?|?", Some("FRA")),
        (None, geo, "?|?|?|?", None),
    ] {
        let request = request(ip, geo);
        assert_eq!(told(atlas, &request, true).0, expected, "{ip:?} {geo:?}");
        assert_eq!(resolve(&request, atlas).lawful_country(), lawful, "{ip:?} {geo:?}");
    }
    // The phone's own position goes before that of its network, as long as they do not differ.
    let gps = Geo { lat: Some(40.7), lon: Some(-74.0), kind: Some(1), ..geo };
    let point = resolve(&request(SAN_DIEGO, gps), atlas).point.unwrap();
    assert_eq!(point.lat, 40.7);
    let by_ip = Geo { kind: Some(2), ..gps };
    let point = resolve(&request(SAN_DIEGO, by_ip), atlas).point.unwrap();
    assert_eq!(point.lat, 32.6783);
    assert!(resolve(&Request::default(), atlas).lawful_country().is_none());
}

#[test]
fn the_zone_comes_from_what_may_be_used() {
    let winter = Moment::from_unix_s(1_767_268_800); // 2026-01-01T12:00:00Z
    let geo = Geo::default();
    let texas = Geo { country: Some("US"), region: Some("TX"), ..geo };
    let dallas = Geo { lat: Some(32.8), lon: Some(-96.8), ..texas };
    for (with_database, ip, geo, full, offset) in [
        (true, SAN_DIEGO, geo, false, Some(-480)),
        (true, BHUTAN, geo, false, Some(360)),
        (false, SAN_DIEGO, geo, true, None),
        (false, None, Geo { country: Some("JP"), ..geo }, false, Some(540)),
        (false, None, Geo { country: Some("US"), region: Some("US-NY"), ..geo }, false, Some(-300)),
        (false, None, texas, true, None),
        (false, None, dallas, true, Some(-360)),
        // The point is precise: without permission it does not count.
        (false, None, dallas, false, None),
    ] {
        let (atlas, request) = (atlas(with_database), request(ip, geo));
        let place = resolve(&request, atlas);
        let zone = place.zone(atlas, allowed(full));
        assert_eq!(zone.and_then(|zone| zone.offset_min(winter)), offset, "{ip:?} {geo:?} {full}");
    }
}

#[test]
fn a_missing_database_is_told_with_its_key() {
    let config = Config { database: Some("no/such.mmdb".into()) };
    let fault = Atlas::open(&config).unwrap_err().to_string();
    assert!(fault.starts_with("geo.database: no/such.mmdb: "), "{fault}");
}

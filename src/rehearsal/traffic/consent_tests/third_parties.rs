//! What third parties know, and what they are told: on a basis, and not against a listener's no.

use super::*;
use crate::knowledge::audience::{LegalBasis, ProviderRow, Providers, Suppression};
use crate::market::vocabulary::{OptOuts, SignalKind, Suppressed};

/// A world in which third parties know something of the adult, who has refused these kinds, and
/// the campaign has trackers.
fn third_parties(refused: &[SignalKind]) -> World {
    let creatives = ["c15"];
    let line = |key: &str, bid_cpm: &str, targeting: Value| {
        json!({"key": key,
        "bid_cpm": bid_cpm,
        "targeting": targeting,
        "creatives": creatives})
    };
    let file = json!({ "advertiser": {
        "key": "brand", "domains": ["brand.example"], "currency": "USD",
        "creatives": [{"crid": "c15", "duration": 15, "language": "en",
            "renditions": [{"url": "https://cdn.example/s.mp3", "bitrate": 128}],
            "click_trackers": ["https://third.example/click"],
            "trackers": [{"event": "start", "url": "https://third.example/start"}]}],
        "campaigns": [{"key": "all", "lines": [
            line("music", "1.00", json!({"genre": ["jazz"]})),
            line("grown", "2.00", json!({"age": {"min": 25, "max": 54}})),
            line("listed", "3.00", json!({"interest": ["listed:boats"]})),
            line("stranger", "4.00", json!({"interest": ["stranger:boats"]})),
        ]}],
    }});
    let mut parts = Stage::of_text(&file.to_string()).parts();
    let vocabulary = Arc::make_mut(&mut parts.vocabulary);
    let of = |value| Segment { value, confidence_pct: 100, expires: Segment::NEVER };
    let words = ["listed:boats", "stranger:boats"];
    let known = words.map(|text| of(vocabulary.find(Dimension::Interest, text).unwrap()));
    let mut bytes = Vec::new();
    encode(&mut [&known[..], &[of(vocabulary.age(40))]].concat(), &mut bytes).unwrap();
    let mut builder = GenerationBuilder::default();
    builder.add(ListenerKey::of(ADULT), Profile::checked(&bytes, vocabulary.len()).unwrap());
    parts.audience = Arc::new(Audience::of(builder.build()));
    let row = |key: &str, gvl_id| ProviderRow {
        key: key.to_owned(),
        name: String::new(),
        gvl_id,
        purposes: vec![3, 4],
        legal_basis: LegalBasis::Consent,
        cpm: "0".to_owned(),
        currency: "USD".to_owned(),
        dimensions: vec!["interest".to_owned()],
        max_age_days: 0,
    };
    // The string of `Said` speaks of one vendor.
    let rows = [row("listed", Some(OURS as u16)), row("stranger", Some(9))];
    parts.providers = Arc::new(Providers::new(&rows));
    let config = Config { vendor_id: OURS as u16, ..Config::default() };
    parts.privacy = Arc::new(Policy::new(&config, None).unwrap());
    let opted_out = refused.iter().fold(OptOuts::NONE, |all, &kind| all.with(kind));
    let suppressed = Suppressed { opted_out, ..Suppressed::NONE };
    let of_nobody = Suppression::empty(*parts.keys.marks());
    let mark = of_nobody.mark(ListenerKey::of(ADULT));
    parts.suppression = Arc::new(of_nobody.with(&[(mark, suppressed)]));
    World::assemble(parts, None)
}

/// Decides for the adult; which line stands first, and its markup.
fn decided(world: &World, user: Value, scratch: &mut Scratch) -> (String, String) {
    let mut user = user;
    user["buyeruid"] = json!(ADULT);
    let body = asked(Some("USA"), json!({}), json!({}), user).to_string();
    let exchange = world.exchange_named("demo").unwrap();
    let received = Received::new(exchange, Wire::Json, body.as_bytes());
    let at = Circumstance { moment: NOW, coin: world.coin };
    assert_eq!(decide(&received, world, &mut SpyLive::default(), at, scratch), Outcome::Bid);
    let line = scratch.made().winners[0].candidate.line;
    let key = world.catalog.line(line).key.clone();
    (key, scratch.markup().next().unwrap().to_owned())
}

/// What a third party knows is used where the law asks for no basis, and where it has one.
#[test]
fn third_parties_are_heard_on_a_basis_of_their_own() {
    let (world, mut scratch) = (third_parties(&[]), Scratch::new());
    assert_eq!(decided(&world, json!({}), &mut scratch).0, "stranger");
    let all = scratch.made().profile.clone();
    let said = Said {
        purposes: [true; 8],
        vendor: true,
        feature_1: true,
        policy: 5,
        disclosed: true,
        updated: 1,
        forbidden: None,
    };
    let consented = json!({"consent": said.text()});
    assert_eq!(decided(&world, consented, &mut scratch).0, "listed");
    let vocabulary = &world.vocabulary;
    let stranger = vocabulary.find(Dimension::Interest, "stranger:boats").unwrap();
    let kept = Profile::checked(&scratch.made().profile, vocabulary.len()).unwrap();
    let before = Profile::checked(&all, vocabulary.len()).unwrap();
    let left: Vec<_> = before.segments().filter(|segment| segment.value != stranger).collect();
    assert_eq!(kept.segments().collect::<Vec<_>>(), left, "nor does the record keep it");
}

/// Who refuses third parties is not told of to them: the ad of a line that asks of the listener
/// comes without the campaign's own trackers; that of the music keeps them.
#[test]
fn trackers_hear_of_the_listener_only_where_segments_may_be_shared() {
    let mut scratch = Scratch::new();
    let mut refusing =
        |kinds: &[SignalKind]| decided(&third_parties(kinds), json!({}), &mut scratch);
    let (won, reply) = refusing(&[]);
    assert!(won == "stranger" && reply.contains("third.example/start"), "{won}: {reply}");
    assert!(reply.contains("third.example/click") && reply.contains("/beacon/start/"));
    let (won, reply) = refusing(&[SignalKind::ThirdParty]);
    assert!(won == "grown" && !reply.contains("third.example"), "{won}: {reply}");
    assert!(reply.contains("/beacon/start/"), "ours stay: {reply}");
    let (won, reply) = refusing(&[SignalKind::ThirdParty, SignalKind::Demographics]);
    assert!(won == "music" && reply.contains("third.example/start"), "{won}: {reply}");
    let (won, reply) = refusing(&[SignalKind::Place]);
    assert!(won == "stranger" && reply.contains("third.example/start"), "{won}: {reply}");
}

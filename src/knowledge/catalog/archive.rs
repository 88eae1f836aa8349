//! How is a catalog kept, so that an old world can be rebuilt? One canonical JSON document.
//!
//! Written when a world is published and hashed into its version; read back by
//! [`from_archive`](super::from_archive) for replay; cold. It is a campaign file like any other,
//! with every default written out as absence and hosted media named by hash, so equal catalogs
//! have equal bytes whatever their files looked like.

use serde_json::{Map, Value, json};

use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

use super::contents::Contents;
use super::hours;
use super::model::{
    Companion, CompanionResource, Creative, Delivery, Expr, Flight, Leaf, Line, Media, Rendition,
    Test,
};
use super::spot::event_name;
use super::values::print_decimal;

/// The catalog as a campaign file in canonical JSON.
pub fn archive(catalog: &Contents, vocabulary: &Vocabulary) -> Vec<u8> {
    let mut by_advertiser: Vec<Value> = Vec::with_capacity(catalog.advertisers.len());
    let mut lines_of = vec![Vec::new(); catalog.campaigns.len()];
    for line in &catalog.lines {
        lines_of[line.campaign.index()].push(line);
    }
    for lines in &mut lines_of {
        lines.sort_by(|a, b| a.key.cmp(&b.key));
    }
    for (at, advertiser) in catalog.advertisers.iter().enumerate() {
        let mut creatives: Vec<usize> = Vec::new();
        let mut campaigns = Vec::new();
        for (campaign, lines) in catalog.campaigns.iter().zip(&lines_of) {
            if campaign.advertiser.index() != at {
                continue;
            }
            creatives.extend(lines.iter().flat_map(|l| l.creatives.iter().map(|c| c.index())));
            let lines: Vec<_> = lines.iter().map(|l| line(catalog, l, vocabulary)).collect();
            campaigns.push(json!({"key": campaign.key, "name": campaign.name, "lines": lines}));
        }
        creatives.sort_unstable();
        creatives.dedup();
        let creatives: Vec<_> =
            creatives.iter().map(|&c| creative(&catalog.creatives[c])).collect();
        let mut map = Map::new();
        put(&mut map, "key", &advertiser.key);
        put(&mut map, "name", &advertiser.name);
        put(&mut map, "domains", &advertiser.domains);
        put(&mut map, "seat", &advertiser.seat);
        put(&mut map, "currency", advertiser.currency.as_str());
        put(&mut map, "categories", &advertiser.categories);
        put(&mut map, "ad_products", &advertiser.ad_products);
        put(&mut map, "bundle", &advertiser.bundle);
        put(&mut map, "creatives", creatives);
        put(&mut map, "campaigns", campaigns);
        by_advertiser.push(Value::Object(map));
    }
    // serde_json's maps are sorted by key, which makes the text canonical.
    json!({ "advertisers": by_advertiser }).to_string().into_bytes()
}

/// Puts what says something: no nulls, empty texts or empty lists.
fn put(map: &mut Map<String, Value>, key: &str, value: impl serde::Serialize) {
    let value = serde_json::to_value(value).unwrap_or(Value::Null);
    let says_nothing = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    if !says_nothing {
        map.insert(key.to_owned(), value);
    }
}

fn line(catalog: &Contents, line: &Line, vocabulary: &Vocabulary) -> Value {
    let mut map = Map::new();
    put(&mut map, "key", &line.key);
    put(&mut map, "name", &line.name);
    put(&mut map, "bid_cpm", print_decimal(line.bid.nanos, 6));
    put(&mut map, "budget", line.budget.map(|Money { nanos, .. }| print_decimal(nanos, 9)));
    if let Some(cap) = line.cap {
        let per = match cap.window_s {
            s if s % 3600 == 0 => format!("{}h", s / 3600),
            s => format!("{}m", s / 60),
        };
        put(&mut map, "cap", json!({"impressions": cap.impressions, "per": per}));
    }
    if line.flight != Flight::ALWAYS {
        let mut flight = Map::new();
        let time = |moment: Moment, always: Moment| {
            (moment != always)
                .then(|| jiff::Timestamp::from_microsecond(moment.unix_us).ok())
                .flatten()
                .map(|time| time.to_string())
        };
        put(&mut flight, "start", time(line.flight.start, Flight::ALWAYS.start));
        put(&mut flight, "end", time(line.flight.end, Flight::ALWAYS.end));
        put(&mut map, "flight", flight);
    }
    if line.targeting != Expr::All(Vec::new()) {
        put(&mut map, "targeting", expr(&line.targeting, vocabulary));
    }
    put(&mut map, "deals", &line.deals);
    if line.open != line.deals.is_empty() {
        put(&mut map, "open", line.open);
    }
    put(&mut map, "paused", line.paused.then_some(true));
    let crids: Vec<_> =
        line.creatives.iter().map(|&c| &catalog.creatives[c.index()].crid).collect();
    put(&mut map, "creatives", crids);
    Value::Object(map)
}

/// An expression in the language of campaign files.
pub fn expr(expr: &Expr, vocabulary: &Vocabulary) -> Value {
    let list = |parts: &[Expr]| parts.iter().map(|p| self::expr(p, vocabulary)).collect::<Vec<_>>();
    match expr {
        Expr::All(parts) => json!({ "all": list(parts) }),
        Expr::Any(parts) => json!({ "any": list(parts) }),
        Expr::Not(inner) => json!({ "not": self::expr(inner, vocabulary) }),
        Expr::Leaf(leaf) => {
            let mut map = Map::new();
            let (key, values) = test(leaf, vocabulary);
            map.insert(key.to_owned(), values);
            put(&mut map, "if_unknown", leaf.pass_unknown.then_some("pass"));
            json!({ leaf.dimension.name(): map })
        }
    }
}

fn test(leaf: &Leaf, vocabulary: &Vocabulary) -> (&'static str, Value) {
    let words = |values: &[ValueId]| {
        if leaf.dimension == Dimension::HourOfWeek && !values.is_empty() {
            let first = vocabulary.hour_of_week(0).0;
            let mut set = [false; 168];
            for value in values {
                set[(value.0 - first) as usize % 168] = true;
            }
            return json!(hours::print(&set));
        }
        // By text, since the ids of open values tell only who wrote them first.
        let mut words: Vec<_> = values.iter().map(|&value| vocabulary.text(value)).collect();
        words.sort_unstable();
        json!(words)
    };
    let circles = |circles: &[super::model::Circle]| {
        Value::from_iter(circles.iter().map(|circle| {
            let km = (circle.radius_m / 1000.0).to_string();
            let (lat, lon) = (circle.center.lat.to_string(), circle.center.lon.to_string());
            json!({"lat": lat, "lon": lon, "km": km})
        }))
    };
    match &leaf.test {
        Test::AnyOf(values) => ("any_of", words(values)),
        Test::NoneOf(values) => ("none_of", words(values)),
        Test::Within(list) => ("any_of", circles(list)),
        Test::Outside(list) => ("none_of", circles(list)),
    }
}

fn creative(creative: &Creative) -> Value {
    let mut map = Map::new();
    put(&mut map, "crid", &creative.crid);
    put(&mut map, "title", &creative.title);
    put(&mut map, "duration", print_decimal(i64::from(creative.duration_ms), 3));
    let renditions: Vec<_> = creative.renditions.iter().map(rendition).collect();
    put(&mut map, "renditions", renditions);
    put(&mut map, "mezzanine", creative.mezzanine.as_ref().map(rendition));
    let companions: Vec<_> = creative.companions.iter().map(companion).collect();
    put(&mut map, "companions", companions);
    put(&mut map, "click_through", &creative.click_through);
    put(&mut map, "click_trackers", &creative.click_trackers);
    let trackers = creative.trackers.iter();
    let trackers: Vec<_> =
        trackers.map(|t| json!({"event": event_name(t.event), "url": t.url})).collect();
    put(&mut map, "trackers", trackers);
    put(&mut map, "attr", &creative.attr);
    put(&mut map, "apis", &creative.apis);
    let scripts = creative.verifications.iter().map(|script| {
        let mut map = Map::new();
        put(&mut map, "vendor", &script.vendor);
        put(&mut map, "script_url", &script.script_url);
        put(&mut map, "parameters", &script.parameters);
        Value::Object(map)
    });
    put(&mut map, "verifications", scripts.collect::<Vec<_>>());
    put(&mut map, "language", &creative.language);
    let id = creative.universal_ad_id.as_ref();
    let id = id.map(|(registry, value)| json!({"registry": registry, "value": value}));
    put(&mut map, "universal_ad_id", id);
    put(&mut map, "nvol", creative.nvol);
    put(&mut map, "qagmediarating", creative.qagmediarating);
    Value::Object(map)
}

fn put_media(map: &mut Map<String, Value>, media: &Media) {
    match media {
        Media::Remote(url) => put(map, "url", url),
        Media::Hosted(hash) => put(map, "hash", hash),
    }
}

fn rendition(rendition: &Rendition) -> Value {
    let mut map = Map::new();
    put_media(&mut map, &rendition.media);
    put(&mut map, "mime", rendition.mime.as_str());
    put(&mut map, "bitrate", rendition.bitrate_kbps);
    let streaming = rendition.delivery == Delivery::Streaming;
    put(&mut map, "delivery", streaming.then_some("streaming"));
    put(&mut map, "size", rendition.size);
    Value::Object(map)
}

fn companion(companion: &Companion) -> Value {
    let mut map = Map::new();
    put(&mut map, "width", companion.w);
    put(&mut map, "height", companion.h);
    match &companion.resource {
        CompanionResource::Static { media, mime } => {
            put_media(&mut map, media);
            put(&mut map, "mime", mime);
        }
        CompanionResource::Html(html) => put(&mut map, "html", html),
        CompanionResource::Iframe(url) => put(&mut map, "iframe", url),
    }
    put(&mut map, "click_through", &companion.click_through);
    put(&mut map, "trackers", &companion.trackers);
    put(&mut map, "alt", &companion.alt);
    put(&mut map, "attr", &companion.attr);
    put(&mut map, "apis", &companion.apis);
    put(&mut map, "end_card", companion.end_card.then_some(true));
    Value::Object(map)
}

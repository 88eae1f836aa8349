//! How is a catalog kept, so that an old world can be rebuilt? One canonical JSON document.
//!
//! Written when a world is built and hashed into its version; read back by
//! [`from_archive`](super::from_archive) for replay; cold. It is a campaign file like any other,
//! with every default written out as absence and hosted media named by hash, so equal catalogs
//! have equal bytes whatever their files looked like.

mod creative;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::base::units::ids::CreativeIx;
use crate::base::units::time::Moment;
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

use super::contents::Contents;
use super::hours;
use super::model::{
    Advertiser, Budget, BudgetMode, Campaign, Cap, Circle, Expr, Flight, Leaf, Line, Pacing, Test,
};
use super::often;
use super::tables::{MODES, SHAPES};
use super::values::print_decimal;

/// The contents, which stand in order, as a campaign file in canonical JSON.
pub fn archive(contents: &Contents, vocabulary: &Vocabulary) -> Vec<u8> {
    let mut lines_of = vec![Vec::new(); contents.campaigns.len()];
    for line in &contents.lines {
        lines_of[line.campaign.index()].push(line);
    }
    for lines in &mut lines_of {
        lines.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    }
    let whole = Book { contents, vocabulary, lines_of };
    // Every part is plain data; were one not to be written, its world would only not replay.
    serde_json::to_vec(&Said(&whole, &whole)).unwrap_or_default()
}

/// All that a part needs to be written.
struct Book<'a> {
    contents: &'a Contents,
    vocabulary: &'a Vocabulary,
    /// By campaign, each in the order of keys.
    lines_of: Vec<Vec<&'a Line>>,
}

/// A part of the book, as it is said in campaign files.
struct Said<'b, T: ?Sized>(&'b Book<'b>, &'b T);

/// A map of what says something: no nulls, empty texts or empty lists.
trait Put: SerializeMap {
    fn put(&mut self, key: &'static str, value: impl Serialize + Says) -> Result<(), Self::Error> {
        if value.says_nothing() { Ok(()) } else { self.serialize_entry(key, &value) }
    }
}

impl<M: SerializeMap> Put for M {}

trait Says {
    fn says_nothing(&self) -> bool {
        false
    }
}

impl Says for str {
    fn says_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl Says for String {
    fn says_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl<T> Says for [T] {
    fn says_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl<T> Says for Vec<T> {
    fn says_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl<T> Says for Option<T> {
    fn says_nothing(&self) -> bool {
        self.is_none()
    }
}

impl<T: Says + ?Sized> Says for &T {
    fn says_nothing(&self) -> bool {
        (**self).says_nothing()
    }
}

impl Says for bool {}
impl Says for u32 {}
impl<T: ?Sized> Says for Said<'_, T> {}
impl<T> Says for Each<'_, T> {
    fn says_nothing(&self) -> bool {
        self.1.is_empty()
    }
}

/// Parts one after another.
struct Each<'b, T>(&'b Book<'b>, Vec<&'b T>);

impl<T> Serialize for Each<'_, T>
where
    for<'b> Said<'b, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.1.iter().map(|part| Said(self.0, *part)))
    }
}

impl<'b> Book<'b> {
    fn each<T>(&'b self, parts: &'b [T]) -> Each<'b, T> {
        Each(self, parts.iter().collect())
    }
}

impl Serialize for Said<'_, Book<'_>> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(1))?;
        map.serialize_entry("advertisers", &self.0.each(&self.0.contents.advertisers))?;
        map.end()
    }
}

impl Serialize for Said<'_, Advertiser> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Said(book, advertiser) = self;
        let contents = book.contents;
        let key = |campaign: &Campaign| &contents.advertisers[campaign.advertiser.index()].key;
        // Campaigns stand by advertiser, advertisers by key.
        let from = contents.campaigns.partition_point(|one| *key(one) < advertiser.key);
        let of = contents.campaigns[from..].partition_point(|one| *key(one) == advertiser.key);
        let lines = book.lines_of[from..from + of].iter().flatten();
        let mut creatives: Vec<_> = lines.flat_map(|line| &line.creatives).collect();
        creatives.sort_unstable();
        creatives.dedup();
        let creatives = creatives.into_iter().map(|ix| &contents.creatives[ix.index()]).collect();
        let mut map = to.serialize_map(None)?;
        map.put("key", &advertiser.key)?;
        map.put("name", &advertiser.name)?;
        map.put("domains", &advertiser.domains)?;
        map.put("seat", &advertiser.seat)?;
        map.put("currency", advertiser.currency.as_str())?;
        let zone = advertiser.calendar.zone();
        map.put("time_zone", (zone != "UTC").then_some(zone))?;
        map.put("prepaid", advertiser.prepaid.then_some(true))?;
        map.put("caps", book.each(&advertiser.caps))?;
        map.put("categories", &advertiser.categories)?;
        map.put("ad_products", &advertiser.ad_products)?;
        map.put("bundle", &advertiser.bundle)?;
        map.put("dsa_behalf", &advertiser.dsa_behalf)?;
        map.put("dsa_paid", &advertiser.dsa_paid)?;
        map.put("creatives", Each(book, creatives))?;
        map.put("campaigns", book.each(&contents.campaigns[from..from + of]))?;
        map.end()
    }
}

impl Serialize for Said<'_, Campaign> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Said(book, campaign) = self;
        let place = (campaign.advertiser, campaign.key.as_str());
        let before = |one: &Campaign| (one.advertiser, one.key.as_str()) < place;
        let at = book.contents.campaigns.partition_point(before);
        let mut map = to.serialize_map(None)?;
        map.put("key", &campaign.key)?;
        map.put("name", &campaign.name)?;
        let budget = &campaign.budget;
        map.put("budget", (*budget != Budget::NONE).then_some(Said(book, budget)))?;
        map.put("caps", book.each(&campaign.caps))?;
        map.put("lines", Each(book, book.lines_of[at].clone()))?;
        map.end()
    }
}

impl Serialize for Said<'_, Line> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Said(book, line) = self;
        let crid = |ix: &CreativeIx| &book.contents.creatives[ix.index()].crid;
        let mut map = to.serialize_map(None)?;
        map.put("key", &line.key)?;
        map.put("name", &line.name)?;
        map.put("bid_cpm", print_decimal(line.bid.nanos, 6))?;
        map.put("budget", (line.budget != Budget::NONE).then_some(Said(book, &line.budget)))?;
        let paced = line.pacing != Pacing::default();
        map.put("pacing", paced.then_some(Said(book, &line.pacing)))?;
        map.put("caps", book.each(&line.caps))?;
        let flight = (line.flight != Flight::ALWAYS).then_some(&line.flight);
        map.put("flight", flight.map(|flight| Said(book, flight)))?;
        let targeting = (line.targeting != Expr::All(Vec::new())).then_some(&line.targeting);
        map.put("targeting", targeting.map(|expr| Said(book, expr)))?;
        map.put("deals", &line.deals)?;
        map.put("open", (line.open != line.deals.is_empty()).then_some(line.open))?;
        map.put("paused", line.paused.then_some(true))?;
        map.put("creatives", line.creatives.iter().map(crid).collect::<Vec<_>>())?;
        map.end()
    }
}

impl Serialize for Said<'_, Cap> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (per, window) = often::said(self.1.window);
        let mut map = to.serialize_map(None)?;
        map.put("impressions", u32::from(self.1.impressions))?;
        map.put("per", per)?;
        map.put("window", window)?;
        map.end()
    }
}

impl Serialize for Said<'_, Budget> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Budget { total, daily, mode } = self.1;
        let mut map = to.serialize_map(None)?;
        map.put("total", total.map(|nanos| print_decimal(nanos, 9)))?;
        map.put("daily", daily.map(|nanos| print_decimal(nanos, 9)))?;
        map.put("mode", (*mode != BudgetMode::Strict).then_some(MODES[*mode as usize]))?;
        map.end()
    }
}

impl Serialize for Said<'_, Pacing> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Pacing { shape, traffic } = self.1;
        let mut map = to.serialize_map(None)?;
        map.put("shape", SHAPES[*shape as usize])?;
        map.put("traffic", traffic.as_ref().map(|shares| shares.to_vec()))?;
        map.end()
    }
}

impl Serialize for Said<'_, Flight> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let time = |moment: Moment, always: Moment| {
            let moment = (moment != always).then_some(moment)?;
            Some(jiff::Timestamp::from_microsecond(moment.unix_us).ok()?.to_string())
        };
        let mut map = to.serialize_map(None)?;
        map.put("start", time(self.1.start, Flight::ALWAYS.start))?;
        map.put("end", time(self.1.end, Flight::ALWAYS.end))?;
        map.end()
    }
}

impl Serialize for Said<'_, Expr> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Said(book, expr) = self;
        let mut map = to.serialize_map(Some(1))?;
        match expr {
            Expr::All(parts) => map.serialize_entry("all", &book.each(parts))?,
            Expr::Any(parts) => map.serialize_entry("any", &book.each(parts))?,
            Expr::Not(inner) => map.serialize_entry("not", &Said(book, &**inner))?,
            Expr::Leaf(leaf) => map.serialize_entry(leaf.dimension.name(), &Said(book, leaf))?,
        }
        map.end()
    }
}

impl Serialize for Said<'_, Leaf> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Said(book, leaf) = self;
        let mut map = to.serialize_map(None)?;
        match &leaf.test {
            Test::AnyOf(values) => map.serialize_entry("any_of", &Values(book, leaf, values))?,
            Test::NoneOf(values) => map.serialize_entry("none_of", &Values(book, leaf, values))?,
            Test::Within(circles) => map.serialize_entry("any_of", &book.each(circles))?,
            Test::Outside(circles) => map.serialize_entry("none_of", &book.each(circles))?,
        }
        map.put("if_unknown", leaf.pass_unknown.then_some("pass"))?;
        map.end()
    }
}

struct Values<'b>(&'b Book<'b>, &'b Leaf, &'b [ValueId]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Values(Book { vocabulary, .. }, leaf, values) = self;
        if leaf.dimension == Dimension::HourOfWeek && !values.is_empty() {
            let first = vocabulary.hour_of_week(0).0;
            let mut set = [false; 168];
            for value in *values {
                set[(value.0 - first) as usize % 168] = true;
            }
            return to.serialize_str(&hours::print(&set));
        }
        // By text, since the ids of open values tell only who wrote them first.
        let mut words: Vec<_> = values.iter().map(|&value| vocabulary.text(value)).collect();
        words.sort_unstable();
        words.serialize(to)
    }
}

impl Serialize for Said<'_, Circle> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Circle { center, radius_m } = self.1;
        let mut map = to.serialize_map(None)?;
        map.put("lat", center.lat.to_string())?;
        map.put("lon", center.lon.to_string())?;
        map.put("km", (radius_m / 1000.0).to_string())?;
        map.end()
    }
}

/// An expression in the language of campaign files.
#[cfg(test)]
pub fn expr_to_json(expr: &Expr, vocabulary: &Vocabulary) -> serde_json::Value {
    let contents = Contents::default();
    let book = Book { contents: &contents, vocabulary, lines_of: Vec::new() };
    serde_json::to_value(Said(&book, expr)).unwrap()
}

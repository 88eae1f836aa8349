//! Where is the listener? Country, region, city, postal code, point and zone of a request.
//!
//! Sets `country`, `region`, and where ids may be used also `city`, `postal` and `radius`:
//! without permission the place is coarse (DESIGN §7). Called by `enrich` once per request,
//! before the permissions, which need the country; hot.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::units::redacted::redacted;
use crate::market::facts::{Facts, Point};
use crate::market::openrtb::request::{Geo, Request};
use crate::market::privacy::{Grant, Permissions};
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

use super::countries::{Country, country};
use super::geo::{GeoDb, GeoFault, Located};
use super::zones::{LocalZone, Zones, ZonesFault};

/// What turns addresses and coordinates into places and zones.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A MaxMind City or Country database (`.mmdb`). Where there is one, it goes before what
    /// the request says of the place, which then only fills the gaps; without one the request
    /// is believed.
    pub database: Option<PathBuf>,
}

/// Zones, and the database where one is configured. Opened at start, part of the world.
#[derive(Debug)]
pub struct Atlas {
    zones: Zones,
    geo: Option<GeoDb>,
}

#[derive(Debug, Error)]
pub enum AtlasFault {
    #[error("geo.database: {0}")]
    Geo(#[from] GeoFault),
    #[error(transparent)]
    Zones(#[from] ZonesFault),
}

impl Atlas {
    pub fn open(config: &Config) -> Result<Atlas, AtlasFault> {
        let geo = config.database.as_deref().map(GeoDb::open).transpose()?;
        Ok(Atlas { zones: Zones::load()?, geo })
    }
}

/// A point that may be farther off than this is no point for a radius around a shop.
const NEAR_M: i64 = 50_000;

/// What is known of the place, before anybody asks whether it may be used.
#[derive(Clone, Copy, Default)]
pub struct Place<'a> {
    country: Option<Country>,
    /// Database and request name different countries.
    disputed: bool,
    /// Without its country's prefix.
    region: Option<&'a str>,
    city: Option<&'a str>,
    postal: Option<&'a str>,
    point: Option<Point>,
    /// The database's own zone.
    zone: Option<&'a str>,
}

redacted!(Place<'_>);

impl Place<'_> {
    /// The country (alpha-3) whose law is to be asked; a disputed place is an unknown one.
    pub fn lawful_country(&self) -> Option<&'static str> {
        self.country.filter(|_| !self.disputed).map(|country| country.alpha3)
    }

    /// The zones that the place may have. Where ids may not be used, what it is worked out from
    /// is coarse: the database's zone of the net, country and region, not the point.
    pub fn zone<'a>(&self, atlas: &'a Atlas, permissions: Permissions) -> Option<LocalZone<'a>> {
        if let Some(zone) = self.zone.and_then(|name| atlas.zones.named(name)) {
            return Some(zone);
        }
        let country = self.country?;
        let point = self.point.filter(|_| permissions.may(Grant::PrecisePlace));
        let mut qualified = Qualified::new();
        let region = self.region.and_then(|region| qualified.join(country, region));
        atlas.zones.of_place(country.alpha2, region, point)
    }
}

/// Database first where there is one, by `device.ip` or `device.ipv6`; else, and for what it
/// does not tell, `device.geo` (§3.2.19), as long as that does not speak of another place. A
/// point by GPS or of the user's own saying (`geo.type` 1, 3) goes before the database's.
pub fn resolve<'a>(request: &Request<'a>, atlas: &'a Atlas) -> Place<'a> {
    let Some(device) = request.device.as_ref() else { return Place::default() };
    let said = device.geo.map(said).unwrap_or_default();
    let Some(geo) = atlas.geo.as_ref() else { return said };
    let found = found(geo.locate(device.ip, device.ipv6));
    if found.country.is_none() {
        // Nothing, or only a zone: that of the request's place is as good.
        return said;
    }
    fill(found, said, device.geo.and_then(|geo| geo.kind))
}

fn said(geo: Geo<'_>) -> Place<'_> {
    let country = geo.country.and_then(country);
    let near = geo.accuracy.is_none_or(|metres| metres <= NEAR_M);
    Place {
        country,
        disputed: false,
        region: geo.region.and_then(|text| bare_region(text, country)),
        city: geo.city,
        postal: geo.zip,
        point: geo.lat.zip(geo.lon).filter(|_| near).and_then(|(lat, lon)| Point::new(lat, lon)),
        zone: None,
    }
}

fn found(located: Located<'_>) -> Place<'_> {
    Place {
        country: located.country.and_then(country),
        disputed: false,
        region: located.region,
        city: located.city,
        postal: located.postal,
        point: located.lat_lon.and_then(|(lat, lon)| Point::new(lat, lon)),
        zone: located.time_zone,
    }
}

/// Completes what the database found with what the request says, from the country down, as long
/// as they do not contradict each other.
fn fill<'a>(found: Place<'a>, said: Place<'a>, kind: Option<i64>) -> Place<'a> {
    let mut place = found;
    place.disputed = said.country.is_some_and(|country| found.country != Some(country));
    if place.disputed {
        return place;
    }
    let measured = matches!(kind, Some(1 | 3));
    place.point = if measured { said.point.or(found.point) } else { found.point.or(said.point) };
    let same_region = match (found.region, said.region) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => true,
    };
    if same_region {
        place.region = found.region.or(said.region);
        place.city = found.city.or(said.city);
        place.postal = found.postal.or(said.postal);
    }
    place
}

/// `US-CA` → `CA` of the United States; `CA` alone stays. What is longer is a name, not a code,
/// and stays too: an advertiser may have written the same name.
fn bare_region(text: &str, country: Option<Country>) -> Option<&str> {
    let text = text.trim_ascii();
    let prefix = text.split_once('-').filter(|(prefix, _)| {
        country.is_some_and(|c| {
            prefix.eq_ignore_ascii_case(c.alpha2) || prefix.eq_ignore_ascii_case(c.alpha3)
        })
    });
    Some(prefix.map_or(text, |(_, region)| region)).filter(|region| !region.is_empty())
}

/// Says what the place is. A value is looked up with its country's code before it (`US-CA`,
/// `FR-Paris`, `US-10001`) and as it is, and a fact has both spellings that lines use.
pub fn set(
    place: &Place<'_>,
    vocabulary: &Vocabulary,
    permissions: Permissions,
    facts: &mut Facts,
) {
    if let Some(country) = place.country {
        facts.set(Dimension::Country, vocabulary.find(Dimension::Country, country.alpha3));
    }
    set_named(Dimension::Region, place.region, place.country, vocabulary, facts);
    if !permissions.may(Grant::PrecisePlace) {
        return;
    }
    set_named(Dimension::City, place.city, place.country, vocabulary, facts);
    let postal = place.postal.map(|code| five_digits(code, place.country));
    set_named(Dimension::Postal, postal, place.country, vocabulary, facts);
    if let Some(point) = place.point {
        facts.set_place(point);
    }
}

/// ZIP+4 names a few houses; lines speak of ZIP codes.
fn five_digits(code: &str, country: Option<Country>) -> &str {
    let of_usa = country.is_some_and(|country| country.alpha2 == "US");
    if of_usa { code.trim_ascii().get(..5).unwrap_or(code) } else { code }
}

fn set_named(
    dimension: Dimension,
    name: Option<&str>,
    country: Option<Country>,
    vocabulary: &Vocabulary,
    facts: &mut Facts,
) {
    let Some(name) = name else { return };
    let mut qualified = Qualified::new();
    let of_country: Option<ValueId> = country
        .and_then(|country| qualified.join(country, name))
        .and_then(|text| vocabulary.find(dimension, text));
    facts.set(dimension, of_country.into_iter().chain(vocabulary.find(dimension, name)));
}

/// A name with its country's code before it, on the stack.
struct Qualified {
    bytes: [u8; 131],
}

impl Qualified {
    const fn new() -> Qualified {
        Qualified { bytes: [0; 131] }
    }

    /// `None` where the name is longer than any value of the vocabulary.
    fn join(&mut self, country: Country, name: &str) -> Option<&str> {
        let room = self.bytes.get_mut(..3 + name.len())?;
        room[..2].copy_from_slice(country.alpha2.as_bytes());
        room[2] = b'-';
        room[3..].copy_from_slice(name.as_bytes());
        // Codes are compared as capitals where there is no vocabulary to fold them.
        room.make_ascii_uppercase();
        std::str::from_utf8(room).ok()
    }
}

#[cfg(test)]
mod tests;

//! What time is it where the listener is? The zones that a place may have, and the offset on
//! which they agree.
//!
//! Built at start (cold), asked by `place` and `local_time` for each request without an offset
//! of its own (hot, allocates nothing). A country or region with several zones is not guessed
//! at: the offset is known where all zones that remain agree at that moment, else unknown. That
//! lets Germany's two names for one time agree and keeps a Spaniard's hour unknown until
//! Canarias is ruled out.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use thiserror::Error;

use crate::base::units::time::Moment;
use crate::market::facts::Point;

/// The tz database's own table of countries, places and zones; public domain.
const COUNTRIES: &str = include_str!("places/zone1970.tab");
const REGIONS: &str = include_str!("places/regions.tsv");

/// A point decides between places' zones whose reference cities are clearly farther off than
/// the nearest: more than this many times as far, and this far beyond.
const CLEARLY_FARTHER: f64 = 3.0;
const CLEARLY_BEYOND_M: f64 = 150_000.0;

#[derive(Clone, Debug)]
struct Zone {
    rules: TimeZone,
    /// The reference city of the tz database.
    city: Option<Point>,
}

/// The zones of a country or region, and the meridian that divides it where one does.
#[derive(Clone, Debug)]
struct Area {
    code: String,
    zones: Vec<Zone>,
    meridian: Option<(f64, f64)>,
}

/// All zones, by name, country and region.
#[derive(Debug)]
pub struct Zones {
    by_name: Vec<(String, Zone)>,
    areas: Vec<Area>,
}

/// The zones that a listener may be in.
#[derive(Clone, Copy, Debug)]
pub struct LocalZone<'a> {
    zones: &'a [Zone],
    meridian: Option<(f64, f64)>,
    point: Option<Point>,
}

/// The tables that came with this build do not fit each other: a defect of the build.
#[derive(Debug, Error)]
#[error("time-zone table, line {line}: {what}")]
pub struct ZonesFault {
    line: usize,
    what: String,
}

impl Zones {
    /// Reads the tables and the rules that are compiled in; some milliseconds.
    // cold: at start
    pub fn load() -> Result<Zones, ZonesFault> {
        let mut zones = Zones { by_name: by_name(), areas: Vec::new() };
        for (index, text) in COUNTRIES.lines().enumerate() {
            zones.read_country(text).map_err(|what| ZonesFault { line: index + 1, what })?;
        }
        for (index, text) in REGIONS.lines().enumerate() {
            zones.read_region(text).map_err(|what| ZonesFault { line: index + 1, what })?;
        }
        zones.areas.sort_by(|a, b| a.code.cmp(&b.code));
        Ok(zones)
    }

    /// The zone of an IANA name, as MaxMind's `location.time_zone` gives it.
    pub fn named(&self, name: &str) -> Option<LocalZone<'_>> {
        let at = self.by_name.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        let zones = std::slice::from_ref(&self.by_name[at].1);
        Some(LocalZone { zones, meridian: None, point: None })
    }

    /// The zones of a country (alpha-2) and, where known, its region (the ISO 3166-2 code with
    /// its country) and a point.
    pub fn of_place(
        &self,
        country: &str,
        region: Option<&str>,
        point: Option<Point>,
    ) -> Option<LocalZone<'_>> {
        let of_region = region.and_then(|code| self.area(code).or_else(|| self.rest_of(country)));
        let area = of_region.or_else(|| self.area(country))?;
        Some(LocalZone { zones: &area.zones, meridian: area.meridian, point })
    }

    /// `XX-*`
    fn rest_of(&self, country: &str) -> Option<&Area> {
        let &[a, b] = country.as_bytes() else { return None };
        self.area(std::str::from_utf8(&[a, b, b'-', b'*']).ok()?)
    }

    fn area(&self, code: &str) -> Option<&Area> {
        let at = self.areas.binary_search_by(|area| area.code.as_str().cmp(code)).ok()?;
        Some(&self.areas[at])
    }

    /// A line of zone1970.tab: `codes coordinates zone comments`.
    // cold: at start
    fn read_country(&mut self, text: &str) -> Result<(), String> {
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        let mut columns = text.split('\t');
        let (Some(codes), Some(at), Some(name)) = (columns.next(), columns.next(), columns.next())
        else {
            return Err(text.into());
        };
        let zone = self.zone(name)?;
        zone.city = Some(coordinates(at).ok_or_else(|| format!("no coordinates: {at}"))?);
        let zone = zone.clone();
        for code in codes.split(',') {
            match self.areas.iter_mut().find(|area| area.code == code) {
                Some(area) => area.zones.push(zone.clone()),
                None => {
                    let zones = vec![zone.clone()];
                    self.areas.push(Area { code: code.to_owned(), zones, meridian: None });
                }
            }
        }
        Ok(())
    }

    /// A line of regions.tsv.
    // cold: at start
    fn read_region(&mut self, text: &str) -> Result<(), String> {
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        let mut columns = text.split('\t');
        let (Some(code), Some(names)) = (columns.next(), columns.next()) else {
            return Err(text.into());
        };
        let zones: Result<Vec<Zone>, String> =
            names.split(',').map(|name| self.zone(name).cloned()).collect();
        let mut number = || columns.next().and_then(|text| text.parse::<f64>().ok());
        let meridian = number().zip(number());
        self.areas.retain(|area| area.code != code);
        self.areas.push(Area { code: code.to_owned(), zones: zones?, meridian });
        Ok(())
    }

    // cold: at start
    fn zone(&mut self, name: &str) -> Result<&mut Zone, String> {
        let at = self.by_name.binary_search_by(|(known, _)| known.as_str().cmp(name));
        let at = at.map_err(|_| format!("no rules for {name}"))?;
        Ok(&mut self.by_name[at].1)
    }
}

// cold: at start
fn by_name() -> Vec<(String, Zone)> {
    let database = jiff::tz::TimeZoneDatabase::bundled();
    let mut zones: Vec<(String, Zone)> = database
        .available()
        .filter_map(|name| {
            let rules = database.get(name.as_str()).ok()?;
            Some((name.as_str().to_owned(), Zone { rules, city: None }))
        })
        .collect();
    zones.sort_by(|a, b| a.0.cmp(&b.0));
    zones
}

/// ISO 6709: `±DDMM±DDDMM` or `±DDMMSS±DDDMMSS`.
fn coordinates(text: &str) -> Option<Point> {
    let split = text.get(1..)?.find(['+', '-'])? + 1;
    let degrees = |text: &str, whole: usize| -> Option<f64> {
        let (sign, digits) = text.split_at_checked(1)?;
        let (degrees, rest) = digits.split_at_checked(whole)?;
        let (minutes, seconds) = rest.split_at_checked(2)?;
        let seconds = if seconds.is_empty() { "0" } else { seconds };
        let [d, m, s]: [f64; 3] =
            [degrees.parse().ok()?, minutes.parse().ok()?, seconds.parse().ok()?];
        let size = d + m / 60.0 + s / 3600.0;
        Some(if sign == "-" { -size } else { size })
    };
    Point::new(degrees(&text[..split], 2)?, degrees(&text[split..], 3)?)
}

impl LocalZone<'_> {
    /// Minutes east of UTC at that moment; `None` where the zones that may hold differ.
    pub fn offset_min(&self, moment: Moment) -> Option<i32> {
        let at = Timestamp::from_second(moment.unix_s()).ok()?;
        let (first, last) = self.remaining();
        let nearest_m = self.nearest_m();
        let mut agreed = None;
        for zone in self.zones.get(first..last)?.iter().filter(|z| self.may_be(z, nearest_m)) {
            let minutes = zone.rules.to_offset(at).seconds().div_euclid(60);
            if agreed.is_some_and(|known| known != minutes) {
                return None;
            }
            agreed = Some(minutes);
        }
        agreed
    }

    /// Which zones a meridian leaves.
    fn remaining(&self) -> (usize, usize) {
        match (self.meridian, self.point) {
            (Some((at, margin)), Some(point)) if point.lon < at - margin => (0, 1),
            (Some((at, margin)), Some(point)) if point.lon > at + margin => {
                (self.zones.len() - 1, self.zones.len())
            }
            _ => (0, self.zones.len()),
        }
    }

    fn nearest_m(&self) -> Option<f64> {
        let point = self.point.filter(|_| self.meridian.is_none() && self.zones.len() > 1)?;
        let distances = self.zones.iter().filter_map(|zone| Some(zone.city?.distance_m(point)));
        distances.min_by(f64::total_cmp)
    }

    fn may_be(&self, zone: &Zone, nearest_m: Option<f64>) -> bool {
        let (Some(nearest), Some(point), Some(city)) = (nearest_m, self.point, zone.city) else {
            return true;
        };
        city.distance_m(point) <= nearest * CLEARLY_FARTHER + CLEARLY_BEYOND_M
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::from_unix_s(text.parse::<Timestamp>().unwrap().as_second())
    }

    #[test]
    fn every_zone_and_country_of_the_tables_is_known() {
        let zones = Zones::load().unwrap();
        assert!(zones.by_name.len() > 400, "{}", zones.by_name.len());
        for code in ["US", "FR", "DE", "JP", "AD", "ZW", "XX-*"] {
            assert_eq!(zones.area(code).is_some(), code != "XX-*", "{code}");
        }
        for area in &zones.areas {
            assert!(!area.zones.is_empty(), "{}", area.code);
            assert!(area.meridian.is_none() || area.zones.len() == 2, "{}", area.code);
        }
    }

    #[test]
    fn a_place_decides_where_its_zones_agree() {
        let zones = Zones::load().unwrap();
        let summer = at("2026-07-01T12:00:00Z");
        let winter = at("2026-01-01T12:00:00Z");
        let point = |lat, lon| Point::new(lat, lon);
        for (country, region, point, moment, offset) in [
            ("FR", None, None, winter, Some(60)),
            ("FR", Some("FR-IDF"), None, summer, Some(120)),
            // Berlin and Büsingen agree; Madrid and Las Palmas do not.
            ("DE", None, None, winter, Some(60)),
            ("ES", None, None, winter, None),
            ("ES", Some("ES-MD"), None, winter, Some(60)),
            ("ES", Some("ES-CN"), None, winter, Some(0)),
            ("US", None, None, winter, None),
            ("US", Some("US-NY"), None, winter, Some(-300)),
            ("US", Some("US-NY"), None, summer, Some(-240)),
            ("US", Some("US-AZ"), None, summer, Some(-420)),
            // Texas: El Paso keeps Mountain time.
            ("US", Some("US-TX"), None, winter, None),
            ("US", Some("US-TX"), point(32.8, -96.8), winter, Some(-360)),
            ("US", Some("US-TX"), point(31.76, -106.5), winter, Some(-420)),
            ("US", Some("US-TX"), point(31.0, -104.9), winter, None),
            ("US", Some("US-ZZ"), None, winter, None),
            ("US", None, point(40.7, -74.0), winter, Some(-300)),
            // Amarillo is nearer to Denver than to Chicago, and keeps Chicago's time.
            ("US", None, point(35.2, -101.8), winter, None),
            ("NZ", None, None, winter, Some(780)),
            ("CN", None, None, winter, Some(480)),
            ("IN", None, None, winter, Some(330)),
            ("NP", None, None, winter, Some(345)),
            ("ZZ", None, None, winter, None),
        ] {
            let zone = zones.of_place(country, region, point);
            let found = zone.and_then(|zone| zone.offset_min(moment));
            assert_eq!(found, offset, "{country} {region:?} {point:?}");
        }
    }

    #[test]
    fn names_are_found_as_they_are() {
        let zones = Zones::load().unwrap();
        let winter = at("2026-01-01T12:00:00Z");
        let offset = |name| zones.named(name).and_then(|zone| zone.offset_min(winter));
        assert_eq!(offset("Europe/Paris"), Some(60));
        // A link of the tz database, not in zone1970.tab.
        assert_eq!(offset("Europe/Amsterdam"), Some(60));
        assert_eq!(offset("America/Indianapolis"), Some(-300));
        assert_eq!(offset("Mars/Olympus"), None);
    }
}

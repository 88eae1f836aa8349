//! Where does an address stand? A MaxMind database (City or Country layout) that the user
//! brings, read whole into memory.
//!
//! Opened at start (cold), asked by `place` once per request (hot; a lookup borrows from the
//! database and allocates nothing). Addresses are cut to /24 and /56 before they are looked up
//! (reliability §5.5), so nothing finer than such a net can come of it.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use thiserror::Error;

use crate::base::units::net::{net_of, said};
use crate::base::units::redacted::redacted;

/// A database in memory.
pub struct GeoDb {
    reader: Reader<Vec<u8>>,
}

impl fmt::Debug for GeoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GeoDb({})", self.reader.metadata().database_type)
    }
}

/// Why a database cannot be used.
#[derive(Debug, Error)]
pub enum GeoFault {
    #[error("{path}: {source}")]
    Unreadable { path: PathBuf, source: MaxMindDbError },
    #[error("{path}: a {kind} database has no places; give a City or Country one")]
    NoPlaces { path: PathBuf, kind: String },
}

/// A point that may be farther off than this is no point for a radius around a shop.
const NEAR_KM: u16 = 50;

/// What a database says of a net; each as far as it is told.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Located<'a> {
    /// Alpha-2.
    pub country: Option<&'a str>,
    /// The part of the ISO 3166-2 code behind the country.
    pub region: Option<&'a str>,
    /// The English name.
    pub city: Option<&'a str>,
    pub postal: Option<&'a str>,
    /// Of the city, where the record knows one within [`NEAR_KM`]; never the middle of a country.
    pub lat_lon: Option<(f64, f64)>,
    /// An IANA name.
    pub time_zone: Option<&'a str>,
}

redacted!(Located<'_>);

impl GeoDb {
    // cold: at start
    pub fn open(path: &Path) -> Result<GeoDb, GeoFault> {
        let reader = Reader::open_readfile(path)
            .map_err(|source| GeoFault::Unreadable { path: path.to_owned(), source })?;
        let kind = &reader.metadata().database_type;
        if !["City", "Country", "Enterprise"].iter().any(|name| kind.contains(name)) {
            return Err(GeoFault::NoPlaces { path: path.to_owned(), kind: kind.clone() });
        }
        Ok(GeoDb { reader })
    }

    /// What is known of the net of one of the addresses, the first that is an address. A net
    /// that the database does not hold, or holds damaged, is known nothing of.
    pub fn locate(&self, ip: Option<&str>, ipv6: Option<&str>) -> Located<'_> {
        let addresses = [ip.and_then(said), ipv6.and_then(said)];
        let located = addresses.into_iter().flatten().find_map(|address| self.look_up(address));
        located.unwrap_or_default()
    }

    fn look_up(&self, address: IpAddr) -> Option<Located<'_>> {
        let net = net_of(address);
        if net.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return None;
        }
        let record: Record<'_> = self.reader.lookup(net).ok()?.decode().ok()??;
        let at = record.location.unwrap_or_default();
        let near = record.city.is_some() && at.accuracy_radius.is_none_or(|km| km <= NEAR_KM);
        Some(Located {
            country: record.country.and_then(|country| country.iso_code),
            region: record.subdivisions.and_then(|first| first.0.iso_code),
            city: record.city.and_then(|city| city.names?.en),
            postal: record.postal.and_then(|postal| postal.code),
            lat_lon: at.latitude.zip(at.longitude).filter(|_| near),
            time_zone: at.time_zone,
        })
    }
}

/// The part of a City record that is read; everything borrows from the database.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    country: Option<Coded<'a>>,
    #[serde(borrow)]
    subdivisions: Option<First<'a>>,
    #[serde(borrow)]
    city: Option<City<'a>>,
    #[serde(borrow)]
    postal: Option<Postal<'a>>,
    #[serde(borrow)]
    location: Option<Location<'a>>,
}

#[derive(Deserialize, Default)]
struct Coded<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Deserialize)]
struct City<'a> {
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Deserialize)]
struct Postal<'a> {
    code: Option<&'a str>,
}

#[derive(Deserialize, Default)]
struct Location<'a> {
    latitude: Option<f64>,
    longitude: Option<f64>,
    /// Kilometres.
    accuracy_radius: Option<u16>,
    time_zone: Option<&'a str>,
}

/// The first, largest subdivision; a list would have to be allocated.
struct First<'a>(Coded<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for First<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<First<'a>, D::Error> {
        struct OfList;
        impl<'de> Visitor<'de> for OfList {
            type Value = First<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of subdivisions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<First<'de>, A::Error> {
                let first = list.next_element::<Coded<'de>>()?.unwrap_or_default();
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }
        deserializer.deserialize_seq(OfList)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(name: &str) -> Result<GeoDb, GeoFault> {
        GeoDb::open(&Path::new("tests/fixtures/geo").join(name))
    }

    #[test]
    fn nets_of_the_test_database_are_located() {
        let geo = open("GeoLite2-City-Test.mmdb").unwrap();
        // Networks of MaxMind's source-GeoLite2-City-Test.json.
        let bhutan =
            Located { country: Some("BT"), time_zone: Some("Asia/Thimphu"), ..Located::default() };
        assert_eq!(geo.locate(Some("67.43.156.77"), None), bhutan);
        let san_diego = Located {
            country: Some("US"),
            region: Some("CA"),
            city: Some("San Diego"),
            postal: Some("92136"),
            lat_lon: Some((32.6783, -117.1291)),
            time_zone: Some("America/Los_Angeles"),
        };
        assert_eq!(geo.locate(Some("214.78.12.34"), None), san_diego);
        // A city, known to within 100 km only.
        let changchun = geo.locate(Some("175.16.199.1"), None);
        assert_eq!((changchun.region, changchun.city), (Some("22"), Some("Changchun")));
        assert_eq!(changchun.lat_lon, None);
        let tokyo = geo.locate(None, Some("2001:218:85a3::8a2e:370:7334"));
        assert_eq!((tokyo.country, tokyo.lat_lon), (Some("JP"), None));
        // Not an address, then one; and addresses that are nowhere.
        let second = geo.locate(Some("81.2.69.x"), Some("2001:218::1"));
        assert_eq!(second.country, Some("JP"));
        for nowhere in ["10.0.0.1", "", "localhost", "192.168.1.1"] {
            assert_eq!(geo.locate(Some(nowhere), None), Located::default(), "{nowhere}");
        }
    }

    #[test]
    fn a_country_database_tells_the_country_only() {
        let geo = open("GeoIP2-Country-Test.mmdb").unwrap();
        let located = geo.locate(Some("67.43.156.1"), None);
        assert_eq!(located, Located { country: Some("BT"), ..Located::default() });
    }

    #[test]
    fn other_databases_are_refused_with_their_kind() {
        let fault = open("GeoIP2-Connection-Type-Test.mmdb").unwrap_err().to_string();
        assert!(fault.contains("a GeoIP2-Connection-Type database has no places"), "{fault}");
        let fault = open("missing.mmdb").unwrap_err().to_string();
        assert!(fault.starts_with("tests/fixtures/geo/missing.mmdb: "), "{fault}");
    }
}

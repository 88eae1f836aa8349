//! Where do listeners live? Cities with what a request says of them.

use jiff::tz::TimeZone;

use crate::base::units::time::Moment;

/// A city, with the share of listeners who live there.
pub struct City {
    pub weight: u32,
    /// ISO 3166-1 alpha-3.
    pub country: &'static str,
    /// ISO 3166-2, without the country.
    pub region: &'static str,
    pub name: &'static str,
    pub postal: &'static str,
    pub lat: f64,
    pub lon: f64,
    pub zone: &'static str,
    /// What most people there speak.
    pub language: &'static str,
    /// What the rest speaks, in percent of them.
    pub second: (&'static str, u32),
    /// Percent of telephones that run iOS.
    pub ios_pct: u32,
}

/// The cities and their zones, looked up once.
pub struct Places {
    cities: Vec<(City, TimeZone)>,
}

impl Places {
    pub fn new() -> Places {
        let with_zone = |row| {
            let city = city(row);
            let zone = TimeZone::get(city.zone).unwrap_or(TimeZone::UTC);
            (city, zone)
        };
        Places { cities: super::rows(include_str!("tables/cities.tsv")).map(with_zone).collect() }
    }

    pub fn city(&self, index: usize) -> &City {
        &self.cities[index].0
    }

    /// A city by the share of listeners who live there.
    pub fn choose(&self, rng: &mut crate::base::stdx::rng::Rng) -> usize {
        let total: u32 = self.cities.iter().map(|(city, _)| city.weight).sum();
        let mut point = rng.below(total as usize) as u32;
        let found = self.cities.iter().position(|(city, _)| {
            let here = point < city.weight;
            point = point.saturating_sub(city.weight);
            here
        });
        found.unwrap_or(0)
    }

    /// Minutes ahead of UTC, summer time included.
    pub fn utc_offset_min(&self, index: usize, moment: Moment) -> i64 {
        let Ok(at) = jiff::Timestamp::from_second(moment.unix_s()) else { return 0 };
        i64::from(self.cities[index].1.to_offset(at).seconds()) / 60
    }

    /// Hours since Monday 00:00, local.
    pub fn hour_of_week(&self, index: usize, moment: Moment) -> usize {
        let local_s = moment.unix_s() + self.utc_offset_min(index, moment) * 60;
        // The epoch was a Thursday.
        (local_s.div_euclid(3600) + 72).rem_euclid(168) as usize
    }
}

fn city(row: &'static str) -> City {
    let mut cells = row.split('\t');
    let mut next = || cells.next().unwrap_or_default();
    let weight = next().parse().unwrap_or(1);
    let [country, region, name, postal] = std::array::from_fn(|_| next());
    let [lat, lon] = std::array::from_fn(|_| next().parse().unwrap_or(0.0));
    let zone = next();
    let mut words = next().split(' ');
    let language = words.next().unwrap_or("en");
    let second = words.next().unwrap_or("en");
    let second_pct = words.next().and_then(|share| share.parse().ok()).unwrap_or(0);
    let ios_pct = match country {
        "USA" | "CAN" | "JPN" | "SWE" | "GBR" | "AUS" | "NZL" => 56,
        "DEU" | "FRA" | "NLD" | "ITA" | "ESP" => 36,
        _ => 16,
    };
    let second = (second, second_pct);
    City { weight, country, region, name, postal, lat, lon, zone, language, second, ios_pct }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_is_known_and_summer_counts() {
        let places = Places::new();
        assert!(places.cities.len() >= 40);
        for (city, zone) in &places.cities {
            assert!(city.lat != 0.0 && city.country.len() == 3 && city.language.len() == 2);
            assert!(zone.iana_name() == Some(city.zone), "{}", city.zone);
        }
        let berlin = places.cities.iter().position(|(city, _)| city.name == "Berlin").unwrap();
        // 2026-01-05 is a Monday, 2026-07-06 too; both 11:30 UTC.
        let (winter, summer) =
            (Moment::from_unix_s(1_767_612_600), Moment::from_unix_s(1_783_337_400));
        assert_eq!(places.utc_offset_min(berlin, winter), 60);
        assert_eq!(places.hour_of_week(berlin, winter), 12);
        assert_eq!(places.utc_offset_min(berlin, summer), 120);
        assert_eq!(places.hour_of_week(berlin, summer), 13);
    }
}

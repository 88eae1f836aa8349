//! What plays, to whom and when? Genres with their artists, activities with their hours.

use super::{pick, rows, weighted};
use crate::base::stdx::rng::Rng;

pub struct Genre {
    pub name: &'static str,
    weight: u32,
    /// How much listeners under 25, under 45 and above take to it.
    ages: [u32; 3],
    pub moods: Vec<&'static str>,
    pub artists: Vec<&'static str>,
}

pub struct Activity {
    pub name: &'static str,
    /// Weight by part of the day.
    hours: [u32; 7],
    pub playlists: Vec<&'static str>,
    pub moods: Vec<&'static str>,
}

pub struct Music {
    pub genres: Vec<Genre>,
    pub activities: Vec<Activity>,
}

impl Music {
    pub fn new() -> Music {
        Music {
            genres: rows(include_str!("tables/genres.tsv")).map(genre).collect(),
            activities: rows(include_str!("tables/activities.tsv")).map(activity).collect(),
        }
    }

    /// What somebody of that age in that country takes to.
    pub fn genre(&self, rng: &mut Rng, age: i64, country: &str) -> &Genre {
        let group = if age < 25 { 0 } else { usize::from(age >= 45) + 1 };
        weighted(rng, &self.genres, |genre| {
            genre.weight * genre.ages[group] * at_home(genre.name, country)
        })
    }

    /// What somebody does at that hour of the day.
    pub fn activity(&self, rng: &mut Rng, hour: usize) -> &Activity {
        let part = part_of_day(hour);
        weighted(rng, &self.activities, |activity| activity.hours[part])
    }
}

impl Activity {
    /// A mood that fits both what is done and what is heard, where there is one.
    pub fn mood(&self, rng: &mut Rng, genre: &Genre) -> &'static str {
        let shared: Vec<&'static str> =
            self.moods.iter().copied().filter(|mood| genre.moods.contains(mood)).collect();
        if shared.is_empty() { pick(rng, &self.moods) } else { pick(rng, &shared) }
    }
}

/// Night, morning, forenoon, noon, afternoon, early evening, evening.
fn part_of_day(hour: usize) -> usize {
    match hour {
        0..=5 => 0,
        6..=8 => 1,
        9..=11 => 2,
        12..=13 => 3,
        14..=16 => 4,
        17..=19 => 5,
        _ => 6,
    }
}

/// Some music is heard where it comes from, and hardly elsewhere.
fn at_home(genre: &str, country: &str) -> u32 {
    let home: &[&str] = match genre {
        "sertanejo" | "baile funk" => &["BRA"],
        "bollywood" => &["IND"],
        "j-pop" => &["JPN"],
        "regional mexican" => &["MEX", "USA"],
        "afrobeats" => &["ZAF", "GBR"],
        "salsa" => &["COL", "MEX", "USA"],
        "country" => &["USA", "CAN", "AUS"],
        "reggaeton" | "latin pop" => &["MEX", "COL", "ARG", "ESP", "USA"],
        _ => return 4,
    };
    if home.contains(&country) { 10 } else { 1 }
}

fn genre(row: &'static str) -> Genre {
    let mut cells = row.split('\t');
    let mut next = || cells.next().unwrap_or_default();
    let (name, weight) = (next(), next().parse().unwrap_or(1));
    let mut ages = next().split(' ').filter_map(|share| share.parse().ok());
    let ages = std::array::from_fn(|_| ages.next().unwrap_or(1));
    let (moods, artists) = (next().split('|').collect(), next().split('|').collect());
    Genre { name, weight, ages, moods, artists }
}

fn activity(row: &'static str) -> Activity {
    let mut cells = row.split('\t');
    let mut next = || cells.next().unwrap_or_default();
    let name = next();
    let mut hours = next().split(' ').filter_map(|weight| weight.parse().ok());
    let hours = std::array::from_fn(|_| hours.next().unwrap_or(1));
    let (playlists, moods) = (next().split('|').collect(), next().split('|').collect());
    Activity { name, hours, playlists, moods }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        let music = Music::new();
        assert!(music.genres.len() >= 35 && music.activities.len() >= 20);
        for genre in &music.genres {
            assert!(genre.artists.iter().all(|artist| !artist.is_empty()), "{}", genre.name);
            assert!(genre.moods.len() >= 2, "{}", genre.name);
        }
        for activity in &music.activities {
            assert!(activity.playlists.len() >= 2 && activity.moods.len() >= 2);
            assert!(activity.hours.iter().any(|&weight| weight > 0), "{}", activity.name);
        }
    }

    #[test]
    fn nobody_wakes_up_in_the_evening() {
        let (music, mut rng) = (Music::new(), Rng::new(3));
        let mut at = |hour| {
            let names = (0..2_000).map(|_| music.activity(&mut rng, hour).name);
            names.filter(|&name| name == "waking up").count()
        };
        assert_eq!(at(21), 0);
        assert!(at(7) > 100);
    }
}

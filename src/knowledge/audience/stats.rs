//! How many listeners are there, and what is known of them? For `interlude audience stats`, cold.

use std::collections::HashMap;

use serde::Serialize;

use crate::base::units::time::Moment;
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

use super::PROFILE_DIMENSIONS;
use super::audience::Audience;
use super::provider::{PROVIDED, Provider, Providers};

/// Counts over one audience; no listener can be told from them.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Stats {
    pub listeners: u64,
    /// In memory: profiles, keys and the table that finds them.
    pub bytes: u64,
    pub bytes_per_listener: f64,
    pub segments: u64,
    pub segments_per_listener: f64,
    pub by_dimension: Vec<DimensionStats>,
    pub by_expiry: Expiry,
    /// Third parties that listeners have segments of.
    pub by_provider: Vec<ProviderStats>,
}

/// What one third party has told, and what it asks for it.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct ProviderStats {
    pub provider: String,
    pub name: String,
    /// Listeners with at least one segment of it, expired ones left out.
    pub listeners: u64,
    pub segments: u64,
    pub cpm: String,
    pub currency: String,
    pub legal_basis: &'static str,
    pub gvl_id: Option<u16>,
    pub purposes: Vec<u8>,
}

#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct DimensionStats {
    pub dimension: &'static str,
    /// Listeners with at least one segment of it, expired ones left out.
    pub listeners: u64,
    pub segments: u64,
}

/// Segments by the time that is left to them.
#[derive(Clone, Copy, Default, Debug, Serialize, PartialEq)]
pub struct Expiry {
    pub expired: u64,
    pub within_a_day: u64,
    pub within_a_week: u64,
    pub within_30_days: u64,
    pub within_a_year: u64,
    pub later: u64,
    pub never: u64,
}

impl Stats {
    pub fn of(
        audience: &Audience,
        vocabulary: &Vocabulary,
        providers: &Providers,
        moment: Moment,
    ) -> Stats {
        let mut provided = Provided::new(providers);
        let mut listeners = [0u64; Dimension::COUNT];
        let mut segments = [0u64; Dimension::COUNT];
        let mut by_expiry = Expiry::default();
        for (_, profile) in audience.iter() {
            let mut seen = 0u64;
            for segment in profile.segments() {
                let left = by_expiry.count(segment.expires, segment.never_expires(), moment);
                if !left {
                    continue;
                }
                let dimension = vocabulary.dimension(segment.value).index();
                provided.count(segment.value, vocabulary);
                segments[dimension] += 1;
                seen |= 1 << dimension;
            }
            provided.next_listener();
            for (dimension, count) in listeners.iter_mut().enumerate() {
                *count += seen >> dimension & 1;
            }
        }
        let by_dimension = PROFILE_DIMENSIONS.iter().map(|dimension| DimensionStats {
            dimension: dimension.name(),
            listeners: listeners[dimension.index()],
            segments: segments[dimension.index()],
        });
        let (held, bytes) = (audience.len() as u64, audience.bytes().total() as u64);
        let total = segments.iter().sum();
        Stats {
            listeners: held,
            bytes,
            bytes_per_listener: per(bytes, held),
            segments: total,
            segments_per_listener: per(total, held),
            by_dimension: by_dimension.filter(|row| row.segments > 0).collect(),
            by_expiry,
            by_provider: provided.end(),
        }
    }
}

/// Counts third parties' segments; whose a value is, is worked out once.
struct Provided<'p> {
    providers: Vec<&'p Provider>,
    of_value: HashMap<ValueId, Option<usize>>,
    /// By provider: listeners, segments, segments of the present listener.
    counts: Vec<[u64; 3]>,
}

impl<'p> Provided<'p> {
    fn new(providers: &'p Providers) -> Provided<'p> {
        let providers: Vec<&Provider> = providers.iter().collect();
        let counts = vec![[0; 3]; providers.len()];
        Provided { providers, of_value: HashMap::new(), counts }
    }

    fn count(&mut self, value: ValueId, vocabulary: &Vocabulary) {
        if self.providers.is_empty() || !PROVIDED.contains(&vocabulary.dimension(value)) {
            return;
        }
        let Provided { providers, of_value, counts } = self;
        let place = of_value.entry(value).or_insert_with(|| {
            providers.iter().position(|provider| provider.has(value, vocabulary))
        });
        if let Some(place) = *place {
            counts[place][2] += 1;
        }
    }

    fn next_listener(&mut self) {
        for [listeners, segments, here] in &mut self.counts {
            *listeners += u64::from(*here > 0);
            *segments += std::mem::take(here);
        }
    }

    fn end(self) -> Vec<ProviderStats> {
        let told = self.providers.iter().zip(self.counts).filter(|(_, counts)| counts[1] > 0);
        let row = |(provider, [listeners, segments, _]): (&&Provider, [u64; 3])| ProviderStats {
            provider: provider.key.clone(),
            name: provider.name.clone(),
            listeners,
            segments,
            cpm: provider.cpm(),
            currency: provider.fee.currency.to_string(),
            legal_basis: provider.legal_basis.word(),
            gvl_id: provider.gvl_id,
            purposes: provider.purposes.clone(),
        };
        told.map(row).collect()
    }
}

fn per(total: u64, listeners: u64) -> f64 {
    if listeners == 0 { 0.0 } else { (total as f64 / listeners as f64 * 10.0).round() / 10.0 }
}

impl Expiry {
    /// Counts one segment; tells whether it still holds.
    fn count(&mut self, expires: Moment, never: bool, moment: Moment) -> bool {
        const DAY_S: i64 = 86_400;
        let left_s = expires.unix_s() - moment.unix_s();
        let bucket = match left_s {
            _ if never => &mut self.never,
            ..=0 => &mut self.expired,
            1..=DAY_S => &mut self.within_a_day,
            _ if left_s <= 7 * DAY_S => &mut self.within_a_week,
            _ if left_s <= 30 * DAY_S => &mut self.within_30_days,
            _ if left_s <= 365 * DAY_S => &mut self.within_a_year,
            _ => &mut self.later,
        };
        *bucket += 1;
        never || left_s > 0
    }

    /// Each bucket with its name, in the order of time.
    pub const fn buckets(&self) -> [(&'static str, u64); 7] {
        [
            ("expired", self.expired),
            ("within a day", self.within_a_day),
            ("within a week", self.within_a_week),
            ("within 30 days", self.within_30_days),
            ("within a year", self.within_a_year),
            ("later", self.later),
            ("never", self.never),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{GenerationBuilder, Profile, Segment, encode};
    use super::*;
    use crate::base::units::ids::ListenerKey;

    #[test]
    fn each_listener_counts_once_a_dimension_and_expired_is_absent() {
        let now = Moment::from_unix_s(1_795_348_800);
        let vocabulary = Vocabulary::new();
        let hours = |hours: i64| now.plus_s(hours * 3600);
        let known = [
            vec![("calm", hours(1)), ("happy", hours(24)), ("sad", hours(0))],
            vec![("epic", hours(24 * 7)), ("dark", hours(24 * 30)), ("angry", Segment::NEVER)],
            vec![("tense", hours(-1)), ("chill", hours(24 * 365 + 1)), ("focused", hours(25))],
            vec![("calm", hours(-1))],
        ];
        let mut builder = GenerationBuilder::default();
        for (index, moods) in known.iter().enumerate() {
            let mood = |word| vocabulary.find(Dimension::Mood, word).unwrap();
            let mut segments: Vec<Segment> = moods
                .iter()
                .map(|&(word, expires)| Segment { value: mood(word), confidence_pct: 80, expires })
                .collect();
            let mut bytes = Vec::new();
            encode(&mut segments, &mut bytes).unwrap();
            let profile = Profile::checked(&bytes, vocabulary.len()).unwrap();
            builder.add(ListenerKey(index as u128), profile);
        }
        let stats =
            Stats::of(&Audience::of(builder.build()), &vocabulary, &Providers::default(), now);
        assert_eq!((stats.listeners, stats.segments, stats.segments_per_listener), (4, 7, 1.8));
        let mood = DimensionStats { dimension: "mood", listeners: 3, segments: 7 };
        assert_eq!(stats.by_dimension, [mood]);
        let counts = stats.by_expiry.buckets().map(|(_, count)| count);
        assert_eq!(counts, [3, 2, 2, 1, 0, 1, 1]);
        assert_eq!(
            Stats::of(&Audience::empty(), &vocabulary, &Providers::default(), now).segments,
            0
        );
    }
}

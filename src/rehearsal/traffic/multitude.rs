//! What do ten million listeners look like in memory? A seeded multitude, straight into a
//! generation, without JSON and without a store.
//!
//! For the benches of `audience`, for `crowd` and for load tests; cold. A listener is a function of
//! the seed and of a number, under the key of the id `listener-<number>`. Each has twelve segments:
//! one age, gender, language, home country, habit, mood, interest and advertiser's list, two genres
//! and two artists. Values follow Zipf's law by dimension with the exponents of [`SHARES`]: of
//! 20,000 artists the first is liked by about one listener in seven, the thousandth by one in
//! 5,000. Confidence is even between 50 and 100 percent. One segment in ten never ends, the others
//! end within the year after [`Multitude::FROM`], evenly. Nobody is a minor.

use crate::base::stdx::rng::{Rng, Zipf};
use crate::base::units::ids::ListenerKey;
use crate::base::units::time::Moment;
use crate::knowledge::audience::{
    Generation, GenerationBuilder, Profile, Segment, encode, minor_ages,
};
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

use super::series;

/// Dimension, words to make up (nought: the closed list's), Zipf exponent, values a listener.
const SHARES: [(Dimension, usize, f64, usize); 10] = [
    (Dimension::Age, 0, 0.2, 1),
    (Dimension::Gender, 0, 0.5, 1),
    (Dimension::Language, 0, 1.3, 1),
    (Dimension::HomeCountry, 0, 1.0, 1),
    (Dimension::TasteGenre, 0, 0.9, 2),
    (Dimension::TasteArtist, 20_000, 0.9, 2),
    (Dimension::Habit, 0, 0.3, 1),
    (Dimension::Mood, 0, 0.7, 1),
    (Dimension::Interest, 0, 0.8, 1),
    (Dimension::List, 2_000, 1.0, 1),
];

/// All listeners of a seed.
pub struct Multitude {
    seed: u64,
    /// Values by popularity, their law, and how many a listener has; as [`SHARES`] stand.
    shares: Vec<(Vec<ValueId>, Zipf, usize)>,
}

impl Multitude {
    /// 2026-11-22T12:00:00Z: no segment has ended by then.
    pub const FROM: Moment = Moment::from_unix_s(1_795_348_800);

    /// Gives ids to the words that it makes up.
    pub fn new(seed: u64, vocabulary: &mut Vocabulary) -> Multitude {
        let shares = SHARES.map(|(dimension, words, exponent, count)| {
            for n in 0..words {
                // A full vocabulary leaves later words out.
                let _ = vocabulary.intern(dimension, &format!("{} {n}", dimension.name()));
            }
            let minors = minor_ages(vocabulary);
            let mut values: Vec<ValueId> = vocabulary
                .values(dimension)
                .map(|(value, _)| value)
                .filter(|value| !minors.contains(value))
                .collect();
            if words == 0 {
                values.sort_by_cached_key(|v| series(seed, "popular", v.0.into()).next_u64());
            }
            let law = Zipf::new(values.len(), exponent);
            (values, law, count)
        });
        Multitude { seed, shares: shares.into() }
    }

    /// The dimensions that listeners have values of.
    pub fn dimensions() -> impl ExactSizeIterator<Item = Dimension> {
        SHARES.iter().map(|(dimension, ..)| *dimension)
    }

    /// The values of a dimension by popularity, the most popular first; none of any other.
    pub fn popular(&self, dimension: Dimension) -> &[ValueId] {
        let place = Multitude::dimensions().position(|each| each == dimension);
        place.map_or(&[], |place| &self.shares[place].0)
    }

    pub fn id(n: u64) -> String {
        format!("listener-{n}")
    }

    pub fn key(n: u64) -> ListenerKey {
        ListenerKey::of(&Multitude::id(n))
    }

    /// What is known of a listener; replaces what is in `out`.
    pub fn segments(&self, n: u64, out: &mut Vec<Segment>) {
        let mut rng = series(self.seed, "multitude", n);
        out.clear();
        for (values, law, count) in &self.shares {
            let of = out.len();
            while out.len() < of + *count {
                let value = values[law.sample(&mut rng)];
                if out[of..].iter().all(|segment| segment.value != value) {
                    let confidence_pct = rng.between(50, 100) as u8;
                    out.push(Segment { value, confidence_pct, expires: ends(&mut rng) });
                }
            }
        }
    }

    /// The listener's profile as bytes; replaces what is in `out`.
    pub fn profile<'o>(&self, n: u64, out: &'o mut Vec<u8>) -> Profile<'o> {
        let mut segments = Vec::with_capacity(16);
        self.segments(n, &mut segments);
        // Twelve are within the bounds, and what was just written is a profile.
        let _ = encode(&mut segments, out);
        Profile::checked(out, usize::MAX).unwrap_or(Profile::EMPTY)
    }

    /// The first `count` of them, in the order of their keys, so that nothing need be sorted in
    /// memory but keys: 32 bytes a listener beside the generation itself.
    pub fn generation(&self, count: u64) -> Generation {
        let mut order: Vec<(ListenerKey, u64)> =
            (0..count).map(|n| (Multitude::key(n), n)).collect();
        order.sort_unstable();
        let mut builder = GenerationBuilder::ascending(order.len(), 0);
        let mut bytes = Vec::new();
        for (key, n) in order {
            builder.add(key, self.profile(n, &mut bytes));
        }
        builder.build()
    }
}

fn ends(rng: &mut Rng) -> Moment {
    const YEAR_H: usize = 365 * 24;
    if rng.chance(0.1) {
        return Segment::NEVER;
    }
    Multitude::FROM.plus_s(3600 * rng.between(1, YEAR_H) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::audience::{Audience, Purpose};

    #[test]
    fn each_has_twelve_segments_and_the_same_ones_again() {
        let (mut vocabulary, mut other) = (Vocabulary::new(), Vocabulary::new());
        let multitude = Multitude::new(3, &mut vocabulary);
        let audience = Audience::of(multitude.generation(2_000));
        let again = Multitude::new(3, &mut other);
        assert_eq!(audience.len(), 2_000);
        let mut bytes = Vec::new();
        for n in [0, 1, 1_999] {
            let profile = audience.profile_for(Purpose::Rehearsal, Multitude::key(n)).unwrap();
            assert_eq!(profile, again.profile(n, &mut bytes));
        }
        for (_, profile) in audience.iter() {
            assert_eq!(profile.len(), 12);
            assert!(Profile::checked(profile.bytes(), vocabulary.len()).is_ok());
        }
    }

    #[test]
    fn few_artists_are_liked_by_many() {
        let mut vocabulary = Vocabulary::new();
        let multitude = Multitude::new(1, &mut vocabulary);
        let (mut segments, mut likes) = (Vec::new(), std::collections::BTreeMap::new());
        for n in 0..4_000 {
            multitude.segments(n, &mut segments);
            for segment in &segments {
                *likes.entry(segment.value).or_insert(0) += 1;
            }
        }
        let of = |name: &str| {
            let value = vocabulary.find(Dimension::TasteArtist, name).unwrap();
            likes.get(&value).copied().unwrap_or(0)
        };
        let (first, hundredth) = (of("taste_artist 0"), of("taste_artist 99"));
        assert!((400..900).contains(&first), "{first} of 4,000 like the first");
        assert!(hundredth < first / 20, "{hundredth} like the hundredth");
    }
}

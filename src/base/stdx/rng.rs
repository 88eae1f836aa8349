//! What comes next, by chance, but the same every time? A small seeded generator (splitmix64).
//!
//! For tests, benches and rehearsals, where a seed must tell the whole story; never for secrets,
//! and never on the bid path, whose coins are keyed hashes of the request (DESIGN §1).

#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    pub const fn new(seed: u64) -> Rng {
        Rng { state: seed }
    }

    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly from 0 (included) to 1 (excluded).
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Evenly below `bound`; 0 where there is nothing below it.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Evenly from `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high.saturating_sub(low) + 1)
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (self.unit().max(f64::MIN_POSITIVE), self.unit());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// One of `items`; `None` where there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

/// Ranks of a Zipf law: rank `r` (from 0) has weight `1 / (r + 1)^exponent`.
#[derive(Clone, Debug)]
pub struct Zipf {
    cumulated: Vec<f64>,
}

impl Zipf {
    pub fn new(ranks: usize, exponent: f64) -> Zipf {
        let mut total = 0.0;
        let weights = (1..=ranks).map(|rank| {
            total += (rank as f64).powf(-exponent);
            total
        });
        let mut cumulated: Vec<f64> = weights.collect();
        cumulated.iter_mut().for_each(|sum| *sum /= total);
        Zipf { cumulated }
    }

    pub fn sample(&self, rng: &mut Rng) -> usize {
        let point = rng.unit();
        let rank = self.cumulated.partition_point(|&sum| sum < point);
        rank.min(self.cumulated.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_the_whole_story() {
        // Vigna's splitmix64 from seed 1234567.
        let mut rng = Rng::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| rng.next_u64()).collect();
        assert_eq!(first, [6457827717110365317, 3203168211198807973, 9817491932198370423]);
    }

    #[test]
    fn bounds_are_kept_and_reached() {
        let mut rng = Rng::new(1);
        let mut seen = [false; 6];
        for _ in 0..1_000 {
            seen[rng.below(6)] = true;
            assert!((2..=4).contains(&rng.between(2, 4)));
            assert!((0.0..1.0).contains(&rng.unit()));
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.pick::<u8>(&[]), None);
    }

    #[test]
    fn low_ranks_come_more_often() {
        let (zipf, mut rng) = (Zipf::new(10, 1.0), Rng::new(2));
        let mut counts = [0; 10];
        (0..10_000).for_each(|_| counts[zipf.sample(&mut rng)] += 1);
        assert!(counts[0] > 2 * counts[2] && counts[2] > 2 * counts[9] && counts[9] > 100);
    }
}

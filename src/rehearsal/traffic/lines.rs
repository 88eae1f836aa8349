//! What do a hundred thousand lines want, and what do listeners bring? A seeded world of both.
//!
//! For the benches of `targeting` and of `decide` (cold). The population is that of the kernel's
//! reference measurements: 14 dimensions with Zipf values, lines of one to six of them (mean 4.6
//! clauses, 12 values), 15 % either of two conjunctions, 20 % with an exclusion, log-normal prices
//! with a mild preference for narrow lines, about one line in a hundred true. On top of it comes
//! what the reference left out: leaves that pass where the fact is unknown (10 %), two wanted sets
//! on one dimension (2 %), and circles (3 %). Values are ids without words.

use crate::base::stdx::rng::{Rng, Zipf};
use crate::knowledge::catalog::model::{Circle, Expr, Leaf, Test};
use crate::market::facts::{Facts, Point};
use crate::market::vocabulary::{Dimension, ValueId};

/// A dimension's share in the population.
struct Share {
    dimension: Dimension,
    values: usize,
    /// How often a line asks about it.
    weight: f64,
    /// Zipf exponents of the values that lines want and that requests bring.
    wanted: f64,
    brought: f64,
    /// The most values that one clause wants.
    most: usize,
    /// Wanted values lie side by side: ages, hours.
    contiguous: bool,
    /// How often the fact is unknown.
    unknown: f64,
    /// How many values a request brings, at least and at most.
    bring: (usize, usize),
}

const REGIONS_EACH: usize = 7;
const CITIES_EACH: usize = 9;
const COUNTRIES: usize = 80;

use Dimension::*;

const fn share(
    dimension: Dimension,
    values: usize,
    weight: f64,
    exponents: [f64; 2],
    unknown: f64,
) -> Share {
    let [wanted, brought] = exponents;
    Share {
        dimension,
        values,
        weight,
        wanted,
        brought,
        most: 10,
        contiguous: false,
        unknown,
        bring: (1, 1),
    }
}

const SHARES: [Share; 14] = [
    share(Country, COUNTRIES, 1.20, [1.0, 1.0], 0.01),
    share(Region, COUNTRIES * REGIONS_EACH, 0.15, [1.0, 1.0], 0.03),
    share(City, COUNTRIES * REGIONS_EACH * CITIES_EACH, 0.12, [1.0, 1.0], 0.08),
    Share { most: 4, ..share(Language, 30, 0.20, [1.3, 1.3], 0.02) },
    Share { most: 4, contiguous: true, ..share(Age, 8, 0.55, [0.0, 0.2], 0.15) },
    Share { most: 1, ..share(Gender, 3, 0.35, [0.6, 0.5], 0.15) },
    Share { most: 2, ..share(Os, 6, 0.20, [0.8, 1.0], 0.02) },
    Share { most: 3, ..share(Device, 10, 0.30, [0.8, 1.0], 0.02) },
    Share { bring: (1, 4), ..share(Genre, 120, 0.55, [0.9, 0.9], 0.05) },
    Share { most: 6, bring: (1, 2), ..share(Mood, 30, 0.25, [0.7, 0.7], 0.40) },
    Share { most: 5, ..share(Activity, 25, 0.20, [0.7, 0.7], 0.40) },
    Share { contiguous: true, ..share(HourOfWeek, 168, 0.20, [0.0, 0.0], 0.0) },
    Share { bring: (5, 30), ..share(Interest, 20_000, 0.55, [0.6, 0.8], 0.10) },
    share(Playlist, 10_000, 0.10, [0.8, 0.9], 0.20),
];
const COUNTRY: usize = 0;
const REGION: usize = 1;
const CITY: usize = 2;

/// Draws lines and requests of one population; the seed tells everything.
pub struct Population {
    rng: Rng,
    wanted: Vec<Zipf>,
    brought: Vec<Zipf>,
}

/// A clause under way: the index of its share, and its values counted within the dimension.
type Wish = (usize, Vec<usize>);

impl Population {
    pub fn new(seed: u64) -> Population {
        Population {
            rng: Rng::new(seed),
            wanted: SHARES.iter().map(|share| Zipf::new(share.values, share.wanted)).collect(),
            brought: SHARES.iter().map(|share| Zipf::new(share.values, share.brought)).collect(),
        }
    }

    /// The length of the vocabulary.
    pub fn values() -> usize {
        offset(SHARES.len())
    }

    /// The targeting of so many lines, the best price first.
    pub fn lines(&mut self, count: usize) -> Vec<Expr> {
        let mut lines: Vec<(f64, Expr)> = (0..count).map(|_| self.line()).collect();
        lines.sort_by(|a, b| b.0.total_cmp(&a.0));
        lines.into_iter().map(|(_, expr)| expr).collect()
    }

    fn line(&mut self) -> (f64, Expr) {
        let mut parts = self.conjunction();
        let narrowness = 1.0 + 0.08 * parts.len() as f64;
        if self.rng.chance(0.20) {
            parts.push(self.exclusion());
        }
        if self.rng.chance(0.03) {
            parts.push(self.circle());
        }
        let mut expr = Expr::All(parts);
        if self.rng.chance(0.15) {
            expr = Expr::Any(vec![expr, Expr::All(self.conjunction())]);
        }
        ((1.0 + 0.6 * self.rng.normal()).exp() * narrowness, expr)
    }

    fn conjunction(&mut self) -> Vec<Expr> {
        let cumulated = [0.03, 0.15, 0.40, 0.70, 0.88, 1.0];
        let point = self.rng.unit();
        let clauses = 1 + cumulated.iter().take_while(|&&share| share <= point).count();
        let mut asked: Vec<usize> = Vec::new();
        while asked.len() < clauses {
            let next = self.dimension(&asked);
            asked.push(next);
        }
        asked.sort_unstable();
        let mut wishes: Vec<Wish> = Vec::new();
        for at in asked {
            let wish = (at, self.wish(at, SHARES[at].most, &wishes));
            wishes.push(wish);
        }
        if self.rng.chance(0.02) {
            let at = 8 + self.rng.below(2);
            wishes.push((at, self.wish(at, SHARES[at].most, &[])));
        }
        wishes.iter().map(|wish| self.leaf(wish, Test::AnyOf)).collect()
    }

    fn dimension(&mut self, taken: &[usize]) -> usize {
        let free = || (0..SHARES.len()).filter(|at| !taken.contains(at));
        let mut point = self.rng.unit() * free().map(|at| SHARES[at].weight).sum::<f64>();
        let chosen = free().find(|&at| {
            point -= SHARES[at].weight;
            point <= 0.0
        });
        chosen.or(free().next()).unwrap_or(0)
    }

    /// What a clause wants; places lie within the country and region that were wished before.
    fn wish(&mut self, at: usize, most: usize, before: &[Wish]) -> Vec<usize> {
        let count = self.count().min(most);
        let values = SHARES[at].values;
        if SHARES[at].contiguous {
            let start = self.rng.below(values);
            return (0..count).map(|n| (start + n) % values).collect();
        }
        let mut wish: Vec<usize> = Vec::new();
        for _ in 0..50 {
            let value = match at {
                REGION | CITY => self.place(at, before),
                _ => self.wanted[at].sample(&mut self.rng),
            };
            if !wish.contains(&value) {
                wish.push(value);
            }
            if wish.len() == count {
                break;
            }
        }
        wish
    }

    fn count(&mut self) -> usize {
        match self.rng.unit() {
            point if point < 0.35 => 1,
            point if point < 0.55 => 2,
            point if point < 0.70 => 3,
            point if point < 0.80 => 4,
            _ => self.rng.between(5, 10),
        }
    }

    fn place(&mut self, at: usize, before: &[Wish]) -> usize {
        let wished = |wanted: usize| before.iter().find(|(at, _)| *at == wanted).map(|w| &w.1);
        let country = match wished(COUNTRY).and_then(|wish| self.rng.pick(wish)) {
            Some(&country) => country,
            None => self.wanted[COUNTRY].sample(&mut self.rng),
        };
        let region = match wished(REGION).and_then(|wish| self.rng.pick(wish)) {
            Some(&region) if at == CITY => region,
            _ => country * REGIONS_EACH + self.low(REGIONS_EACH),
        };
        if at == REGION { region } else { region * CITIES_EACH + self.low(CITIES_EACH) }
    }

    /// The lower of two draws: large places come first.
    fn low(&mut self, bound: usize) -> usize {
        self.rng.below(bound).min(self.rng.below(bound))
    }

    fn leaf(&mut self, (at, wish): &Wish, test: fn(Vec<ValueId>) -> Test) -> Expr {
        let mut values: Vec<ValueId> = wish.iter().map(|&n| value(*at, n)).collect();
        values.sort_unstable();
        let pass_unknown = self.rng.chance(0.10);
        let dimension = SHARES[*at].dimension;
        Expr::Leaf(Leaf { dimension, test: test(values), pass_unknown })
    }

    fn exclusion(&mut self) -> Expr {
        let at = self.rng.below(SHARES.len());
        let wish = (at, self.wish(at, SHARES[at].most.min(5), &[]));
        self.leaf(&wish, Test::NoneOf)
    }

    fn circle(&mut self) -> Expr {
        let radius_m = 20_000.0 + 480_000.0 * self.rng.unit();
        let circles = self.point().map(|center| Circle { center, radius_m }).into_iter().collect();
        let test = Test::Within(circles);
        Expr::Leaf(Leaf { dimension: Radius, test, pass_unknown: false })
    }

    fn point(&mut self) -> Option<Point> {
        Point::new(36.0 + 24.0 * self.rng.unit(), -10.0 + 40.0 * self.rng.unit())
    }

    /// The facts of one request; what other dimensions there are is known to be empty or unknown.
    pub fn request(&mut self, facts: &mut Facts) {
        facts.clear();
        let mut place = [None; 3];
        for (at, share) in SHARES.iter().enumerate() {
            if self.rng.chance(share.unknown) {
                continue;
            }
            let brought = match at {
                REGION => place[COUNTRY].map(|c| c * REGIONS_EACH + self.low(REGIONS_EACH)),
                CITY => place[REGION].map(|r| r * CITIES_EACH + self.low(CITIES_EACH)),
                _ => Some(self.brought[at].sample(&mut self.rng)),
            };
            let Some(first) = brought else { continue };
            if at < place.len() {
                place[at] = Some(first);
            }
            let count = self.rng.between(share.bring.0, share.bring.1);
            let mut values = vec![value(at, first)];
            values.extend((1..count).map(|_| value(at, self.brought[at].sample(&mut self.rng))));
            facts.set(share.dimension, values);
        }
        if self.rng.chance(0.7)
            && let Some(point) = self.point()
        {
            facts.set_place(point);
        }
    }
}

/// Values are dense, dimension after dimension, behind the unknowns.
fn value(at: usize, n: usize) -> ValueId {
    ValueId((offset(at) + n) as u32)
}

fn offset(at: usize) -> usize {
    Dimension::COUNT + SHARES[..at].iter().map(|share| share.values).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::targeting::naive::{Truth, truth};

    /// The benches' figures hold for this population, so it may not drift.
    #[test]
    fn one_line_in_a_hundred_is_true() {
        let mut population = Population::new(1);
        let lines = population.lines(2_000);
        let (mut facts, mut found) = (Facts::new(), 0);
        for _ in 0..20 {
            population.request(&mut facts);
            found += lines.iter().filter(|expr| truth(expr, &facts) == Truth::True).count();
        }
        let share = found as f64 / (20.0 * 2_000.0);
        assert!((0.005..0.03).contains(&share), "{share}");
        assert_eq!(Population::new(1).lines(2_000), lines, "the seed tells everything");
    }
}

//! What does one line want, and what does one request bring? Drawn from the table of shares.
//!
//! Called by [`Population`](super::Population) for one line or request at a time; cold.

use super::shares::{
    ARTIST, CITIES_EACH, CITY, COUNTRY, GENRE, HOME_COUNTRY, HOURS, MOOD, POSTAL, REGION,
    REGIONS_EACH, SHARES, value,
};
use crate::base::stdx::rng::{Rng, Zipf};
use crate::knowledge::catalog::model::{Circle, Expr, Leaf, Test};
use crate::market::facts::{Facts, Point};
use crate::market::vocabulary::{Dimension, ValueId};

/// One line or one request under way; `popularity` is that of the values that it draws.
pub struct Draw<'p> {
    pub rng: Rng,
    pub popularity: &'p [Zipf],
}

/// A clause under way: the row of its dimension, and its values counted within the dimension.
type Wish = (usize, Vec<usize>);

/// How many clauses a line's first conjunction has: the first thing that is drawn of a line.
pub fn clauses(rng: &mut Rng) -> usize {
    const CUMULATED: [f64; 6] = [0.03, 0.15, 0.40, 0.70, 0.88, 1.0];
    let point = rng.unit();
    1 + CUMULATED.iter().take_while(|&&share| share <= point).count()
}

impl Draw<'_> {
    pub fn line(&mut self) -> Expr {
        let mut parts = self.conjunction();
        if self.rng.chance(0.20) {
            parts.push(self.exclusion());
        }
        if self.rng.chance(0.03) {
            parts.push(self.circle());
        }
        if self.rng.chance(0.005) {
            parts.push(self.long());
        }
        if self.rng.chance(0.05) {
            parts.push(self.nested());
        }
        let expr = Expr::All(parts);
        if self.rng.chance(0.15) {
            return Expr::Any(vec![expr, Expr::All(self.conjunction())]);
        }
        expr
    }

    fn conjunction(&mut self) -> Vec<Expr> {
        let clauses = clauses(&mut self.rng);
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
            let at = if self.rng.chance(0.5) { GENRE } else { MOOD };
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
        let (count, values) = (self.count().min(most), SHARES[at].values);
        if at == HOURS {
            return self.hours();
        }
        if SHARES[at].contiguous {
            let start = self.rng.below(values);
            return (0..count).map(|n| (start + n) % values).collect();
        }
        let mut wish: Vec<usize> = Vec::new();
        for _ in 0..50 {
            let value = match at {
                REGION | CITY => self.place(at, before),
                _ => self.popularity[at].sample(&mut self.rng),
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

    /// Some hours of the working days, of the weekend or of one day.
    fn hours(&mut self) -> Vec<usize> {
        let days = match self.rng.below(4) {
            0 | 1 => 0..5,
            2 => 5..7,
            _ => {
                let day = self.rng.below(7);
                day..day + 1
            }
        };
        let from = self.rng.below(24);
        let hours = from..(from + self.rng.between(1, 4)).min(24);
        days.flat_map(|day| hours.clone().map(move |hour| day * 24 + hour)).collect()
    }

    fn place(&mut self, at: usize, before: &[Wish]) -> usize {
        let wished = |wanted: usize| before.iter().find(|(at, _)| *at == wanted).map(|w| &w.1);
        let country = match wished(COUNTRY).and_then(|wish| self.rng.pick(wish)) {
            Some(&country) => country,
            None => self.popularity[COUNTRY].sample(&mut self.rng),
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
        values.dedup();
        let pass_unknown = self.rng.chance(0.10);
        let dimension = SHARES[*at].dimension;
        Expr::Leaf(Leaf { dimension, test: test(values), pass_unknown })
    }

    fn exclusion(&mut self) -> Expr {
        let at = self.rng.below(SHARES.len());
        let wish = (at, self.wish(at, SHARES[at].most.min(5), &[]));
        self.leaf(&wish, Test::NoneOf)
    }

    /// A long list of postal codes or of artists.
    fn long(&mut self) -> Expr {
        let at = if self.rng.chance(0.5) { POSTAL } else { ARTIST };
        let count = self.rng.between(50, 300);
        let wish = (0..count).map(|_| self.popularity[at].sample(&mut self.rng)).collect();
        self.leaf(&(at, wish), Test::AnyOf)
    }

    /// What is no plain conjunction: alternatives within one, and their negation.
    fn nested(&mut self) -> Expr {
        let one = self.any_leaf();
        let all = |parts| Expr::All(parts);
        let not = |expr| Expr::Not(Box::new(expr));
        match self.rng.below(3) {
            0 => Expr::Any(vec![one, all(vec![self.any_leaf(), not(self.any_leaf())])]),
            1 => not(Expr::Any(vec![one, all(vec![self.any_leaf(), self.any_leaf()])])),
            _ => Expr::Any(vec![not(one), self.any_leaf()]),
        }
    }

    fn any_leaf(&mut self) -> Expr {
        let at = self.dimension(&[]);
        let wish = (at, self.wish(at, SHARES[at].most, &[]));
        self.leaf(&wish, Test::AnyOf)
    }

    fn circle(&mut self) -> Expr {
        let radius_m = 20_000.0 + 480_000.0 * self.rng.unit();
        let circles = self.point().map(|center| Circle { center, radius_m }).into_iter().collect();
        let inside = self.rng.chance(0.85);
        let test = if inside { Test::Within(circles) } else { Test::Outside(circles) };
        Expr::Leaf(Leaf { dimension: Dimension::Radius, test, pass_unknown: false })
    }

    fn point(&mut self) -> Option<Point> {
        Point::new(36.0 + 24.0 * self.rng.unit(), -10.0 + 40.0 * self.rng.unit())
    }

    pub fn request(&mut self, facts: &mut Facts) {
        facts.clear();
        let contextual = self.rng.chance(0.10);
        let mut place = [None; 3];
        for (at, share) in SHARES.iter().enumerate() {
            let withheld = contextual && share.dimension.row().personal;
            if self.rng.chance(share.unknown) || withheld {
                continue;
            }
            let first = match at {
                REGION => place[COUNTRY].map(|c| c * REGIONS_EACH + self.low(REGIONS_EACH)),
                CITY => place[REGION].map(|r| r * CITIES_EACH + self.low(CITIES_EACH)),
                HOME_COUNTRY if self.rng.chance(0.85) => place[COUNTRY],
                _ => Some(self.popularity[at].sample(&mut self.rng)),
            };
            let Some(first) = first else { continue };
            if at <= CITY {
                place[at] = Some(first);
            }
            let count = self.rng.between(share.bring.0, share.bring.1);
            let mut values = vec![value(at, first)];
            let more = 1..count;
            values.extend(more.map(|_| value(at, self.popularity[at].sample(&mut self.rng))));
            values.truncate(count);
            facts.set(share.dimension, values);
        }
        if self.rng.chance(0.7)
            && let Some(point) = self.point()
        {
            facts.set_place(point);
        }
    }
}

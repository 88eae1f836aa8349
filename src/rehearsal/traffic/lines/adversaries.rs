//! What makes a search hard? Worlds that each take one advantage of the index away.
//!
//! For the bench of `targeting` (`worst/…`) and its tests; cold. Lines stand in the order of
//! search; both they and the requests are functions of the population's seed.

use super::Population;
use super::shares::{INTEREST, OFFSETS, SHARES, Share, value};
use crate::base::stdx::rng::Rng;
use crate::knowledge::catalog::model::{Expr, Leaf, Test};
use crate::market::facts::{Facts, Point};
use crate::market::vocabulary::{Dimension, ValueId};
use crate::rehearsal::traffic::series;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adversary {
    /// Ten lines match, one in every tenth of the world.
    Few,
    /// None does. Each line asks for six things, five of which most requests bring and one, in
    /// whatever dimension, that none brings: no dimension empties a block before all are read.
    Nobody,
    /// Nothing is known of any request.
    Unknown,
    /// Prices know nothing of how many requests a line wants.
    Uncorrelated,
    /// The narrower, the dearer: the lines that match stand last.
    AntiCorrelated,
    /// Every line asks for one and the same segment too, and every request has it.
    OneSegment,
    /// Requests bring nearly as many values as there may be.
    MostValues,
    /// The best 10,000 lines are asleep.
    Asleep,
}

const ASLEEP: usize = 10_000;
const MATCHING: usize = 10;

/// How many requests tell how often a value comes.
const COUNTED: u64 = 2_000;

impl Adversary {
    pub const ALL: [Adversary; 8] = [
        Adversary::Few,
        Adversary::Nobody,
        Adversary::Unknown,
        Adversary::Uncorrelated,
        Adversary::AntiCorrelated,
        Adversary::OneSegment,
        Adversary::MostValues,
        Adversary::Asleep,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Adversary::Few => "few",
            Adversary::Nobody => "nobody",
            Adversary::Unknown => "unknown",
            Adversary::Uncorrelated => "uncorrelated",
            Adversary::AntiCorrelated => "anti-correlated",
            Adversary::OneSegment => "one-segment",
            Adversary::MostValues => "most-values",
            Adversary::Asleep => "asleep",
        }
    }

    /// What so many lines want, in the order of search; drawn as they are taken.
    pub fn lines(self, of: &Population, count: usize) -> Box<dyn Iterator<Item = Expr> + '_> {
        match self {
            Adversary::Few => {
                let each = count.div_ceil(MATCHING).max(1);
                Box::new((0..count).map(move |i| decoy(of, i as u64, i % each == each / 2)))
            }
            Adversary::Nobody => Box::new((0..count).map(|i| decoy(of, i as u64, false))),
            Adversary::Uncorrelated => {
                Box::new(of.by(count, &|i| series(of.seed, "price", i).unit()))
            }
            Adversary::AntiCorrelated => {
                let often = Often::count(of);
                Box::new(of.by(count, &|i| -often.is_true(&of.line(i))))
            }
            Adversary::OneSegment => Box::new(of.lines(count).map(|expr| {
                let test = Test::AnyOf(vec![value(INTEREST, 0)]);
                Expr::All(vec![leaf(&SHARES[INTEREST], test), expr])
            })),
            Adversary::Unknown | Adversary::MostValues | Adversary::Asleep => {
                Box::new(of.lines(count))
            }
        }
    }

    pub fn request(self, of: &Population, index: u64, facts: &mut Facts) {
        match self {
            Adversary::Few | Adversary::Nobody => bait(of, index, facts),
            Adversary::Unknown => facts.clear(),
            Adversary::OneSegment => {
                of.request(index, facts);
                let known = facts.get(Dimension::Interest).unwrap_or_default().to_vec();
                facts.set(Dimension::Interest, [value(INTEREST, 0)].into_iter().chain(known));
            }
            Adversary::MostValues => most(of, index, facts),
            Adversary::Uncorrelated | Adversary::AntiCorrelated | Adversary::Asleep => {
                of.request(index, facts);
            }
        }
    }

    /// How many of so many lines are asleep: the best.
    pub fn asleep(self, lines: usize) -> usize {
        if self == Adversary::Asleep { ASLEEP.min(lines / 2) } else { 0 }
    }
}

fn leaf(share: &Share, test: Test) -> Expr {
    Expr::Leaf(Leaf { dimension: share.dimension, test, pass_unknown: false })
}

/// The values of a row below this are brought; as many above are not.
fn brought(at: usize) -> usize {
    (SHARES[at].values / 2).clamp(1, 4)
}

/// A line that asks for what requests bring, and, unless it is to match, for what none brings.
fn decoy(of: &Population, index: u64, matching: bool) -> Expr {
    let mut rng = series(of.seed, "decoy", index);
    let mut asked: Vec<usize> = Vec::new();
    while asked.len() < 6 {
        let at = rng.below(SHARES.len());
        if !asked.contains(&at) {
            asked.push(at);
        }
    }
    let mut parts: Vec<Expr> = Vec::new();
    for (nth, at) in asked.into_iter().enumerate() {
        let values = |range: std::ops::Range<usize>| range.map(|n| value(at, n)).collect();
        let brought = brought(at);
        let test = match nth {
            0 if !matching && rng.chance(0.2) => Test::NoneOf(values(0..brought)),
            0 if !matching => Test::AnyOf(values(brought..2 * brought)),
            _ if matching => Test::AnyOf(values(0..brought)),
            _ => {
                let less = usize::from(brought > 1 && rng.chance(0.5));
                Test::AnyOf(values(0..brought - less))
            }
        };
        parts.push(leaf(&SHARES[at], test));
    }
    Expr::All(parts)
}

fn bait(of: &Population, index: u64, facts: &mut Facts) {
    let mut rng = series(of.seed, "bait", index);
    facts.clear();
    for (at, share) in SHARES.iter().enumerate() {
        let count = if share.dimension.row().multi { 2 } else { 1 };
        let values: Vec<ValueId> = (0..count).map(|_| value(at, rng.below(brought(at)))).collect();
        facts.set(share.dimension, values);
    }
    if let Some(place) = Point::new(50.0, 10.0) {
        facts.set_place(place);
    }
}

fn most(of: &Population, index: u64, facts: &mut Facts) {
    let mut usual = Facts::new();
    of.request(index, &mut usual);
    let mut rng: Rng = series(of.seed, "most", index);
    facts.clear();
    for (at, share) in SHARES.iter().enumerate() {
        if share.dimension.row().multi {
            let count = if at == INTEREST { 280 } else { share.values.min(50) };
            let sample = (0..count).map(|_| value(at, of.brought[at].sample(&mut rng)));
            facts.set(share.dimension, sample);
        } else if let Some(known) = usual.get(share.dimension) {
            facts.set(share.dimension, known.iter().copied());
        }
    }
    if let Some(place) = usual.place() {
        facts.set_place(place);
    }
}

/// How often requests bring each value and know each dimension; the unknowns are values too.
struct Often(Vec<f64>);

impl Often {
    fn count(of: &Population) -> Often {
        let (mut often, mut facts) = (vec![0.0; OFFSETS[SHARES.len()]], Facts::new());
        for index in 0..COUNTED {
            of.request(index, &mut facts);
            for dimension in Dimension::all() {
                let unknown = [ValueId::unknown(dimension)];
                for value in facts.get(dimension).unwrap_or(&unknown) {
                    often[value.index()] += 1.0 / COUNTED as f64;
                }
            }
        }
        Often(often)
    }

    /// How often an expression is true, as if its leaves knew nothing of each other.
    fn is_true(&self, expr: &Expr) -> f64 {
        match expr {
            Expr::All(parts) => parts.iter().map(|part| self.is_true(part)).product(),
            Expr::Any(parts) => {
                1.0 - parts.iter().map(|part| 1.0 - self.is_true(part)).product::<f64>()
            }
            Expr::Not(inner) => 1.0 - self.is_true(inner),
            Expr::Leaf(leaf) => {
                let unknown = self.0[ValueId::unknown(leaf.dimension).index()];
                let some = |values: &[ValueId]| -> f64 {
                    values.iter().map(|value| self.0[value.index()]).sum::<f64>().min(1.0)
                };
                let known = match &leaf.test {
                    Test::AnyOf(values) => some(values),
                    Test::NoneOf(values) => (1.0 - unknown - some(values)).max(0.0),
                    Test::Within(_) => 0.02,
                    Test::Outside(_) => 0.7,
                };
                if leaf.pass_unknown { (known + unknown).min(1.0) } else { known }
            }
        }
    }
}

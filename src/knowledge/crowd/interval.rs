//! How sure is a count of a sample? The interval that holds the truth 95 times in 100.
//!
//! Drawing without replacement is hypergeometric. With few hits (or few misses) the interval is
//! that of Clopper and Pearson for it: every number of all that would show so many, or fewer (or
//! more), with a chance above 2.5 %; it holds the truth at least 95 times in 100. With many it is
//! Wilson's with the correction for a finite population, which is the same within a hundredth of
//! its width. Cold.

use super::Reach;

/// More hits and more misses than this, and the normal law is near enough.
const EXACT_MAX: u64 = 1_000;

/// What is left out on each side.
const TAIL: f64 = 0.025;
/// The normal law's quantile of it.
const Z: f64 = 1.959_963_984_540_054;

/// `hits` of `drawn` listeners were counted, of whom there are `all`.
pub fn reach(hits: u64, drawn: u64, all: u64) -> Reach {
    if drawn >= all {
        return Reach::exactly(hits);
    }
    if drawn == 0 {
        return Reach { listeners: 0, low: 0, high: all };
    }
    let scaled = u128::from(hits) * u128::from(all) + u128::from(drawn) / 2;
    let listeners = (scaled / u128::from(drawn)) as u64;
    let misses = drawn - hits;
    let (low, high) = if hits.min(misses) <= EXACT_MAX {
        (all - most(misses, drawn, all), most(hits, drawn, all))
    } else {
        wilson(hits, drawn, all)
    };
    Reach { listeners, low, high: high.max(low) }
}

/// The most that there can be of all, when only so many were hit.
fn most(hits: u64, drawn: u64, all: u64) -> u64 {
    let (mut least, mut most) = (hits, all - (drawn - hits));
    while least < most {
        let middle = least + (most - least).div_ceil(2);
        if is_likely(hits, Urn { all, marked: middle, drawn }) {
            least = middle;
        } else {
            most = middle - 1;
        }
    }
    least
}

/// So many are drawn of all, of whom so many are marked.
#[derive(Clone, Copy)]
struct Urn {
    all: u64,
    marked: u64,
    drawn: u64,
}

/// Whether at most `hits` marked ones are drawn with a chance above [`TAIL`].
fn is_likely(hits: u64, urn: Urn) -> bool {
    let Urn { all, marked, drawn } = urn;
    let mean = drawn as f64 * (marked as f64 / all as f64);
    // The median is at most the mean rounded up.
    if hits as f64 >= mean {
        return true;
    }
    let fewest = (drawn + marked).saturating_sub(all);
    if hits < fewest {
        return false;
    }
    let (n, k, of) = (drawn as f64, marked as f64, all as f64);
    let mut hit = hits as f64;
    let mut term = (ln_choose(k, hit) + ln_choose(of - k, n - hit) - ln_choose(of, n)).exp();
    let mut sum = 0.0;
    // Below the mean each term is smaller than the one above it.
    while term > sum * 1e-12 && sum <= TAIL {
        sum += term;
        if hit < 1.0 {
            break;
        }
        term *= hit * (of - k - n + hit) / ((k - hit + 1.0) * (n - hit + 1.0));
        hit -= 1.0;
    }
    sum > TAIL
}

fn ln_choose(of: f64, chosen: f64) -> f64 {
    ln_factorial(of) - ln_factorial(chosen) - ln_factorial(of - chosen)
}

/// Stirling's series; below 16 the product itself.
fn ln_factorial(n: f64) -> f64 {
    if n < 16.0 {
        let mut product = 1.0;
        (2..=n as u32).for_each(|factor| product *= f64::from(factor));
        return product.ln();
    }
    let inverse = 1.0 / n;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + series
}

fn wilson(hits: u64, drawn: u64, all: u64) -> (u64, u64) {
    let (n, of) = (drawn as f64, all as f64);
    let share = hits as f64 / n;
    // Drawing many of all leaves less to chance.
    let square = Z * Z * (of - n) / (of - 1.0) / n;
    let center = share + square / 2.0;
    let half = (square * (share * (1.0 - share) + square / 4.0)).sqrt();
    let low = (center - half) / (1.0 + square) * of;
    let high = (center + half) / (1.0 + square) * of;
    // Those who were seen are certain.
    ((low.floor() as u64).max(hits), (high.ceil() as u64).min(all - (drawn - hits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_drawn_is_exact_and_nobody_drawn_tells_nothing() {
        assert_eq!(reach(7, 20, 20), Reach::exactly(7));
        assert_eq!(reach(0, 0, 20), Reach { listeners: 0, low: 0, high: 20 });
        assert_eq!(reach(0, 0, 0), Reach::exactly(0));
    }

    /// By hand: of 10, 4 drawn, 1 hit. With 8 marked at most one is hit with a chance of 0
    /// (6 unmarked are needed for… 3 of 2 do not go), with 7 of 3C3·7C1/10C4 = 7/210 = 3.3 %.
    #[test]
    fn small_urns_are_worked_out() {
        assert_eq!(reach(1, 4, 10), Reach { listeners: 3, low: 1, high: 7 });
        assert_eq!(reach(3, 4, 10), Reach { listeners: 8, low: 3, high: 9 });
    }

    /// The law itself, by sums of exact products, for every outcome of a small urn.
    #[test]
    fn the_truth_is_held_whatever_it_is() {
        let (all, drawn) = (60_u64, 20_u64);
        for marked in 0..=all {
            let mut held = 0.0;
            for hits in (drawn + marked).saturating_sub(all)..=drawn.min(marked) {
                let chance = (ln_choose(marked as f64, hits as f64)
                    + ln_choose((all - marked) as f64, (drawn - hits) as f64)
                    - ln_choose(all as f64, drawn as f64))
                .exp();
                let Reach { low, high, .. } = reach(hits, drawn, all);
                if (low..=high).contains(&marked) {
                    held += chance;
                }
            }
            assert!(held >= 0.95 - 1e-9, "{marked} is held with a chance of {held}");
        }
    }

    #[test]
    fn both_intervals_meet_where_one_takes_over() {
        let (drawn, all) = (2_000_000, 10_000_000);
        let exact = reach(EXACT_MAX, drawn, all);
        let (low, high) = wilson(EXACT_MAX, drawn, all);
        let width = (exact.high - exact.low) as f64;
        assert!((exact.low as f64 - low as f64).abs() < 0.02 * width, "{exact:?} {low}");
        assert!((exact.high as f64 - high as f64).abs() < 0.02 * width, "{exact:?} {high}");
    }

    #[test]
    fn factorials_are_right_on_both_sides_of_the_series() {
        let by_sums = |n: u32| (2..=n).map(|k| f64::from(k).ln()).sum::<f64>();
        for n in [0, 1, 2, 15, 16, 17, 100, 1_000] {
            assert!((ln_factorial(f64::from(n)) - by_sums(n)).abs() < 1e-8, "{n}");
        }
    }
}

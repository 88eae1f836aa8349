//! Which ads fill a break together? An exact search over small pods.
//!
//! Asked by the flow once a pod, after the candidates of each place are known; hot, no memory of
//! its own. Two ads of one break never come from one advertiser nor share a category
//! (competitive separation). Up to [`EXACT_PLACES`] places the search is exact: it tries every
//! admissible combination, with a bound that cuts what cannot win any more; later places are not
//! filled in this version.

/// How many places of a pod are searched.
pub const EXACT_PLACES: usize = 4;

/// How many candidates of one place are looked at, best first.
pub const PLACE_CANDIDATES: usize = 16;

/// What the search needs to know of a candidate.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it is worth: the price of one impression in the answer's currency, nanos.
    pub value: i64,
    pub duration_ms: u32,
    /// Distinguishes advertisers.
    pub advertiser: u32,
    /// The caller's number for the candidate.
    pub candidate: u32,
}

/// A pod to be filled: the entries of each place (best first), and what they may last together.
#[derive(Clone, Copy, Debug)]
pub struct Break<'a> {
    pub places: &'a [&'a [Entry]],
    /// `u32::MAX` where only each place has a limit.
    pub total_ms: u32,
    /// Several places may be filled from one list: an entry is taken once, order does not count.
    pub interchangeable: bool,
}

/// For each place the entry's position in its list, or `None` where it stays empty.
pub type Filling = [Option<u8>; EXACT_PLACES];

struct Search<'a, S> {
    pod: Break<'a>,
    /// Whether two advertisers may stand in one break.
    separate: &'a S,
    /// The most that places `i..` can still add.
    bound: [i64; EXACT_PLACES + 1],
    best: i64,
    filling: Filling,
    chosen: Filling,
}

/// The filling of the highest total value; ties go to the one found first, i.e. to better first
/// places. `separate(a, b)` says whether the two candidates may stand in one break.
pub fn fill(pod: Break<'_>, separate: &impl Fn(&Entry, &Entry) -> bool) -> Filling {
    let places = pod.places.len().min(EXACT_PLACES);
    let mut bound = [0; EXACT_PLACES + 1];
    for i in (0..places).rev() {
        let top = pod.places[i].iter().map(|entry| entry.value).max().unwrap_or(0);
        bound[i] = bound[i + 1] + top;
    }
    let none = [None; EXACT_PLACES];
    let mut search = Search { pod, separate, bound, best: -1, filling: none, chosen: none };
    search.place(0, 0, 0);
    search.filling
}

impl<S: Fn(&Entry, &Entry) -> bool> Search<'_, S> {
    fn place(&mut self, place: usize, value: i64, used_ms: u32) {
        let places = self.pod.places.len().min(EXACT_PLACES);
        if place == places {
            if value > self.best {
                self.best = value;
                self.filling = self.chosen;
            }
            return;
        }
        if value + self.bound[place] <= self.best {
            return;
        }
        let from = self.first_entry(place);
        for (i, entry) in self.pod.places[place].iter().enumerate().skip(from) {
            let used_ms = used_ms.saturating_add(entry.duration_ms);
            if used_ms <= self.pod.total_ms && self.agrees(place, entry) {
                self.chosen[place] = Some(i as u8);
                self.place(place + 1, value + entry.value, used_ms);
                self.chosen[place] = None;
            }
        }
        self.place(place + 1, value, used_ms);
    }

    /// Interchangeable places take entries in list order: each set of ads is tried once.
    fn first_entry(&self, place: usize) -> usize {
        if !self.pod.interchangeable {
            return 0;
        }
        let before = self.chosen[..place].iter().rev().flatten().next();
        before.map_or(0, |&i| usize::from(i) + 1)
    }

    fn agrees(&self, place: usize, entry: &Entry) -> bool {
        (0..place).all(|p| match self.chosen[p] {
            None => true,
            Some(i) => {
                let other = &self.pod.places[p][usize::from(i)];
                other.advertiser != entry.advertiser && (self.separate)(other, entry)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: i64, seconds: u32, advertiser: u32) -> Entry {
        Entry { value, duration_ms: seconds * 1000, advertiser, candidate: 0 }
    }

    fn value(pod: Break<'_>, filling: Filling) -> i64 {
        let taken = filling.iter().zip(pod.places);
        taken.filter_map(|(pick, place)| pick.map(|i| place[usize::from(i)].value)).sum()
    }

    #[test]
    fn greed_would_lose() {
        // The dearest ad of place 1 is by the only advertiser that place 2 has.
        let (one, two) = ([entry(10, 15, 1), entry(9, 15, 2)], [entry(8, 15, 1)]);
        let pod = Break { places: &[&one, &two], total_ms: u32::MAX, interchangeable: false };
        assert_eq!(fill(pod, &|_, _| true), [Some(1), Some(0), None, None]);
    }

    #[test]
    fn the_break_is_not_overrun() {
        let list = [entry(10, 30, 1), entry(7, 15, 2), entry(6, 15, 3)];
        let places: [&[Entry]; 3] = [&list, &list, &list];
        let pod = Break { places: &places, total_ms: 30_000, interchangeable: true };
        assert_eq!(value(pod, fill(pod, &|_, _| true)), 13);
    }

    #[test]
    fn equals_the_naive_search_on_random_breaks() {
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let lists: Vec<Vec<Entry>> = (0..1 + random(3))
                .map(|_| {
                    (0..random(5))
                        .map(|_| entry(random(20) as i64, 5 + random(30) as u32, random(4) as u32))
                        .collect()
                })
                .collect();
            let places: Vec<&[Entry]> = lists.iter().map(Vec::as_slice).collect();
            let total_ms = 20_000 + random(60) as u32 * 1000;
            let pod = Break { places: &places, total_ms, interchangeable: false };
            assert_eq!(value(pod, fill(pod, &|_, _| true)), naive(pod, 0, &mut Vec::new()));
        }
    }

    fn naive(pod: Break<'_>, place: usize, taken: &mut Vec<Entry>) -> i64 {
        if place == pod.places.len() {
            let lasts: u32 = taken.iter().map(|e| e.duration_ms).sum();
            let apart = (0..taken.len())
                .all(|i| (0..i).all(|j| taken[i].advertiser != taken[j].advertiser));
            let fits = lasts <= pod.total_ms && apart;
            return if fits { taken.iter().map(|e| e.value).sum() } else { i64::MIN };
        }
        let mut best = naive(pod, place + 1, taken);
        for &entry in pod.places[place] {
            taken.push(entry);
            best = best.max(naive(pod, place + 1, taken));
            taken.pop();
        }
        best
    }
}

//! What happens next? Events in virtual time, and a hash of all that has happened.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use xxhash_rust::xxh3::Xxh3Default;

/// Events in the order of their time; those of one time in the order they were planned.
pub struct Queue<E> {
    waiting: BinaryHeap<Reverse<Waiting<E>>>,
    planned: u64,
}

struct Waiting<E> {
    at_us: i64,
    number: u64,
    event: E,
}

impl<E> Queue<E> {
    pub fn new() -> Queue<E> {
        Queue { waiting: BinaryHeap::new(), planned: 0 }
    }

    pub fn plan(&mut self, at_us: i64, event: E) {
        self.planned += 1;
        self.waiting.push(Reverse(Waiting { at_us, number: self.planned, event }));
    }

    pub fn next(&mut self) -> Option<(i64, E)> {
        self.waiting.pop().map(|Reverse(waiting)| (waiting.at_us, waiting.event))
    }
}

impl<E> PartialEq for Waiting<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at_us, self.number) == (other.at_us, other.number)
    }
}

impl<E> Eq for Waiting<E> {}

impl<E> PartialOrd for Waiting<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Waiting<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_us, self.number).cmp(&(other.at_us, other.number))
    }
}

/// Equal for equal histories; what a seed is checked to repeat.
pub struct History(Xxh3Default);

impl History {
    pub fn new() -> History {
        History(Xxh3Default::new())
    }

    /// Something happened: when, what, and to what it came.
    pub fn note(&mut self, at_us: i64, what: u8, came_to: &[u8]) {
        self.0.update(&at_us.to_le_bytes());
        self.0.update(&[what]);
        self.0.update(&(came_to.len() as u64).to_le_bytes());
        self.0.update(came_to);
    }

    pub fn hash(&self) -> u64 {
        self.0.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_their_time_then_of_their_planning() {
        let mut queue = Queue::new();
        for (at, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            queue.plan(at, event);
        }
        let order: Vec<char> =
            std::iter::from_fn(|| queue.next()).map(|(_, event)| event).collect();
        assert_eq!(order, ['a', 'b', 'c', 'd']);
    }

    #[test]
    fn a_history_tells_what_came_when() {
        let of = |notes: &[(i64, u8, &[u8])]| {
            let mut history = History::new();
            notes.iter().for_each(|&(at, what, to)| history.note(at, what, to));
            history.hash()
        };
        assert_eq!(of(&[(1, 2, b"x")]), of(&[(1, 2, b"x")]));
        let others: [&[(i64, u8, &[u8])]; 4] =
            [&[(2, 2, b"x")], &[(1, 3, b"x")], &[(1, 2, b"y")], &[(1, 2, b"x"), (1, 2, b"")]];
        for other in others {
            assert_ne!(of(other), of(&[(1, 2, b"x")]));
        }
    }
}

//! Which connections are left unread, and when is each one's turn? First held, first read again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::sync::Semaphore;

use super::Overload;

/// Those that wait, in the order in which they came.
pub struct Waiting {
    turns: Semaphore,
    count: AtomicUsize,
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting { turns: Semaphore::new(0), count: AtomicUsize::new(0) }
    }
}

impl Waiting {
    pub fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Lets so many of them go on.
    pub fn release(&self, count: usize) {
        // Turns that nobody took, because their connections had gone, are not left for others.
        self.turns.forget_permits(Semaphore::MAX_PERMITS);
        self.turns.add_permits(count.min(self.count()));
    }
}

/// One connection that is left unread: a future that ends when its turn has come.
pub struct Held(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Held {
    pub fn new(overload: &Arc<Overload>) -> Held {
        overload.meters.holds.increment(1);
        let place = Place::take(overload);
        Held(Box::pin(async move {
            // The semaphore is never closed.
            if let Ok(turn) = place.0.waiting.turns.acquire().await {
                turn.forget();
            }
        }))
    }

    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

/// Counted for as long as it stands, whether its turn comes or its connection goes.
struct Place(Arc<Overload>);

impl Place {
    fn take(overload: &Arc<Overload>) -> Place {
        overload.waiting.count.fetch_add(1, Relaxed);
        Place(Arc::clone(overload))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.count.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::super::Config;
    use super::*;
    use crate::base::telemetry::Registry;

    #[test]
    fn the_first_held_is_the_first_released() {
        let overload = Arc::new(Overload::new(&Config::default(), &[1], &Registry::new()));
        let mut held: Vec<Held> = (0..4).map(|_| Held::new(&overload)).collect();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(held.iter_mut().all(|held| held.poll(&mut cx).is_pending()));
        assert_eq!(overload.waiting.count(), 4);
        overload.waiting.release(2);
        let free: Vec<bool> = held.iter_mut().map(|held| held.poll(&mut cx).is_ready()).collect();
        assert_eq!(free, [true, true, false, false]);
        held.truncate(3);
        assert_eq!(overload.waiting.count(), 1, "one waits, one went away");
        overload.waiting.release(100);
        assert!(held[2].poll(&mut cx).is_ready());
        assert!(Held::new(&overload).poll(&mut cx).is_pending(), "turns are not left over");
    }
}

//! What if a piece of work panics? It is given up, and whoever waits for it is told so.
//!
//! For the doors, around each request: a defect ends one answer, not the connection that others
//! wait on. Cold, but for what is around it.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The work has panicked; the log has been told where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a defect: the work was given up")]
pub struct Panicked;

/// Waits for the work; what it held is dropped where it panics.
pub async fn caught<F: Future>(work: F) -> Result<F::Output, Panicked> {
    let mut work = pin!(work);
    poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.map_or(Poll::Ready(Err(Panicked)), |poll| poll.map(Ok))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_answer_wherever_it_comes() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let work = |at: u32| async move {
            for step in 0..3 {
                assert_ne!(step, at, "as told");
                tokio::task::yield_now().await;
            }
            at
        };
        for at in 0..3 {
            assert_eq!(runtime.block_on(caught(work(at))), Err(Panicked));
        }
        assert_eq!(runtime.block_on(caught(work(3))), Ok(3));
    }
}

//! What is told of a defect? Where it stands in the code, and what the code itself says of it.
//!
//! The message of a panic may quote what it was about: the piece of a request that could not be
//! cut, the value that was not expected. Only a text that stands in the program is told; what was
//! put together at the time is withheld. Installed by the program at its start; cold.

use std::any::Any;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};

/// Defects of this process since the hook was set.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// From now on panics are told by the log, without what may be personal.
pub fn install() {
    panic::set_hook(Box::new(|told| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        let place = told.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("without a name");
        let said = said(told.payload());
        tracing::error!(place, thread, said, "a defect: this piece of work was given up");
    }));
}

/// How many there were.
pub fn count() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

fn said(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("withheld: it may quote a request")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_program_says_is_told() {
        let of = |work: fn()| said(&*panic::catch_unwind(work).unwrap_err());
        assert_eq!(of(|| panic!("the queue is gone")), "the queue is gone");
        let quoting: fn() = || {
            let canary = std::hint::black_box("canary-é");
            let _ = &canary[..std::hint::black_box(8)];
        };
        assert!(of(quoting).starts_with("withheld"));
    }
}

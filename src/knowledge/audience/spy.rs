//! Did anybody look? What the bid path of this thread has asked the audience, for tests.
//!
//! Counts at the store itself, so that a test of consent need not believe what comes out.

use std::cell::Cell;

/// How often the bid path looked.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Seen {
    pub profiles_read: u32,
    pub links_followed: u32,
}

thread_local! {
    static SEEN: Cell<Seen> = const { Cell::new(Seen { profiles_read: 0, links_followed: 0 }) };
}

pub(super) fn profile_read() {
    SEEN.with(|seen| {
        let now = seen.get();
        seen.set(Seen { profiles_read: now.profiles_read + 1, ..now });
    });
}

pub(super) fn link_followed() {
    SEEN.with(|seen| {
        let now = seen.get();
        seen.set(Seen { links_followed: now.links_followed + 1, ..now });
    });
}

/// What was seen since it was last asked.
pub fn take() -> Seen {
    SEEN.take()
}

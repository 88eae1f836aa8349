//! What may we do? Consent signals of a request → permissions.
//!
//! Called by `enrich` before anything else looks at the listener; hot. Fails closed: whatever is
//! not a plain yes leaves the music and takes the person away (DESIGN §7).

mod denial;

mod grants;

mod permissions;

pub use denial::Denial;
pub use grants::{Grant, Permissions, ProfileRead};
pub use permissions::{RegsDefault, asks_for_consent, permissions};

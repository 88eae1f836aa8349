//! What may we do? Consent signals of a request → permissions.
//!
//! Called by `enrich` before anything else looks at the listener; hot. Fails closed: whatever is
//! not a plain yes leaves the music and takes the person away (DESIGN §7).

mod fault;

mod bits;

mod vendors;

mod restrictions;

mod tcf;

mod canada;

mod gpp;

mod us_privacy;

mod us;

mod denial;

mod grants;

mod gvl;

mod config;

mod bases;

mod permissions;

mod third_party;

mod shown;

pub use config::{Config, Policy, Refused, Silence, Unknown};
pub use denial::Denial;
pub use fault::Fault;
pub use grants::{Grant, Permissions, ProfileRead};
pub use gvl::GvlFault;
pub use permissions::{RegsDefault, Signals, asks_for_consent, permissions};
pub use shown::{Kind, shown};
pub use third_party::ThirdParty;

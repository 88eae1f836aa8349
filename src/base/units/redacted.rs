//! What may no log show? Values that are printed as `[redacted]`, whoever prints them.
//!
//! Personal data and secrets: a log line, a panic or a failing `expect` prints with `Debug`, so
//! what must not be told has none that tells it. [`Redacted`] is for one value,
//! [`redacted!`](redacted) for a type that is personal as a whole. Neither costs anything where
//! nothing is printed. `tests/tidy.rs` asks for one of the two wherever a field is called after
//! what is personal.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

/// What is printed instead.
pub const REDACTED: &str = "[redacted]";

/// A value that is used as any other and printed as none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Redacted<T>(pub T);

impl<T> Deref for Redacted<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// As an argument of a command.
impl<T: FromStr> FromStr for Redacted<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Redacted<T>, T::Err> {
        text.parse().map(Redacted)
    }
}

/// `Debug` of types that are personal or secret as a whole.
macro_rules! redacted {
    ($($type:ty),* $(,)?) => {$(
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::base::units::redacted::REDACTED)
            }
        }
    )*};
}
pub(crate) use redacted;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::ids::{ListenerKey, ListenerMark};

    #[test]
    fn what_is_redacted_is_used_but_never_printed() {
        let id: Redacted<String> = "canary".parse().unwrap();
        assert_eq!((id.len(), &**id), (6, "canary"));
        let key = ListenerKey::of("canary");
        for printed in [
            format!("{id} {id:?} {id:#?} {:?}", Some(&id)),
            format!("{key:?} {:?}", [ListenerMark(0xCAFE)]),
        ] {
            let rest = printed.replace(REDACTED, "");
            assert!(rest.chars().all(|c| " Some()[],\n".contains(c)), "{printed}");
        }
    }
}

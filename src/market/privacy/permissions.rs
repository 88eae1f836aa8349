//! The table from signals to permissions: the one place where a [`Permissions`] is made.

use crate::market::openrtb::request::Request;

/// What is assumed of a request that carries no `regs`, outside the EEA and the UK.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegsDefault {
    Full,
    Contextual,
}

/// What one request permits. Made only by [`permissions`]; everything else can but read it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Permissions {
    denial: Option<Denial>,
}

/// Why only the context may be used: the first signal that was not a plain yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denial {
    Coppa,
    LimitAdTracking,
    DoNotTrack,
    TrackingNotAuthorized,
    UsOptOut,
    GlobalPrivacyControl,
    GdprWithoutConsent,
    UnreadGpp,
    RegsAbsent,
    Minor,
}

impl Permissions {
    /// Ids, the profile and listener caps may be used.
    pub const fn full(self) -> bool {
        self.denial.is_none()
    }

    pub const fn denial(self) -> Option<Denial> {
        self.denial
    }
}

/// Reads the signals of a request. `country` is the ISO 3166 alpha-3 code of where the listener
/// is, as far as it is known.
pub fn permissions(
    request: &Request<'_>,
    country: Option<&str>,
    absent: RegsDefault,
) -> Permissions {
    let _ = (request, country, absent);
    Permissions { denial: Some(Denial::RegsAbsent) }
}

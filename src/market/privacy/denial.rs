//! Why may less be done than everything? The reasons, with their labels. Hot, `Copy`.

/// Why not everything may be done: the first signal that was not a plain yes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
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
    /// The listener has told us not to.
    OptedOut,
}

impl Denial {
    pub const ALL: [Denial; 11] = [
        Denial::Coppa,
        Denial::LimitAdTracking,
        Denial::DoNotTrack,
        Denial::TrackingNotAuthorized,
        Denial::UsOptOut,
        Denial::GlobalPrivacyControl,
        Denial::GdprWithoutConsent,
        Denial::UnreadGpp,
        Denial::RegsAbsent,
        Denial::Minor,
        Denial::OptedOut,
    ];

    /// The metric label and the word in explanations.
    pub const fn label(self) -> &'static str {
        match self {
            Denial::Coppa => "coppa",
            Denial::LimitAdTracking => "limit_ad_tracking",
            Denial::DoNotTrack => "do_not_track",
            Denial::TrackingNotAuthorized => "tracking_not_authorized",
            Denial::UsOptOut => "us_opt_out",
            Denial::GlobalPrivacyControl => "global_privacy_control",
            Denial::GdprWithoutConsent => "gdpr_without_consent",
            Denial::UnreadGpp => "unread_gpp",
            Denial::RegsAbsent => "regs_absent",
            Denial::Minor => "minor",
            Denial::OptedOut => "opted_out",
        }
    }
}

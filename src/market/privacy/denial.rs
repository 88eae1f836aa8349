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
    /// GDPR applies, and no TC string came.
    GdprWithoutConsent,
    /// A TC string that does not decode.
    ConsentUnread,
    /// A TC string of version 1, of an older policy, or too old.
    ConsentOutdated,
    /// A TC string that does not disclose us.
    VendorNotDisclosed,
    /// A TC string without a basis for something.
    ConsentRefused,
    UnreadGpp,
    /// A GPP section says that data of a child is processed.
    KnownChild,
    /// A GPP section keeps sensitive data back: no precise place.
    SensitiveData,
    RegsAbsent,
    Minor,
    /// The listener has told us not to.
    OptedOut,
}

impl Denial {
    pub const ALL: [Denial; 17] = [
        Denial::Coppa,
        Denial::LimitAdTracking,
        Denial::DoNotTrack,
        Denial::TrackingNotAuthorized,
        Denial::UsOptOut,
        Denial::GlobalPrivacyControl,
        Denial::GdprWithoutConsent,
        Denial::ConsentUnread,
        Denial::ConsentOutdated,
        Denial::VendorNotDisclosed,
        Denial::ConsentRefused,
        Denial::UnreadGpp,
        Denial::KnownChild,
        Denial::SensitiveData,
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
            Denial::ConsentUnread => "consent_unread",
            Denial::ConsentOutdated => "consent_outdated",
            Denial::VendorNotDisclosed => "vendor_not_disclosed",
            Denial::ConsentRefused => "consent_refused",
            Denial::UnreadGpp => "unread_gpp",
            Denial::KnownChild => "known_child",
            Denial::SensitiveData => "sensitive_data",
            Denial::RegsAbsent => "regs_absent",
            Denial::Minor => "minor",
            Denial::OptedOut => "opted_out",
        }
    }
}

//! The table from signals to permissions: the one place where a [`Permissions`] is made.
//!
//! Until consent strings are decoded (TCF and GPP sections are a later issue), a string that
//! would have to be decoded is no consent. Called by the flows once per request; hot.

use crate::base::units::time::Moment;
use crate::market::openrtb::request::{Regs, Request};

use super::denial::Denial;
use super::grants::{Grants, Permissions};

/// What is assumed of a request that carries no `regs`, outside the EEA and the UK.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegsDefault {
    Full,
    Contextual,
}

/// Reads the signals of a request. `country` is the ISO 3166 alpha-3 code of where the listener
/// is, as far as it is known and undisputed; anything that is not three capital letters counts
/// as an unknown place. `moment` says which year it is, for the age.
///
/// A signal that is absent says nothing (OpenRTB §2.3), except where the law of the place asks
/// for a yes: in the EEA, the UK, Switzerland and an unknown place `gdpr: 0` must be said.
pub fn permissions(
    request: &Request<'_>,
    country: Option<&str>,
    absent: RegsDefault,
    moment: Moment,
) -> Permissions {
    let regs = request.regs.unwrap_or_default();
    let denial = of_regs(&regs)
        .or_else(|| of_device(request))
        .or_else(|| of_user(request, &regs, moment))
        .or_else(|| of_place(&regs, country, absent));
    match denial {
        None => Permissions::FULL,
        Some(denial) => Permissions::denied(Grants::CONTEXT, denial),
    }
}

/// §3.2.3: `coppa`, `ext.gpc`, `gdpr`, `us_privacy`, `gpp`, `gpp_sid`.
fn of_regs(regs: &Regs<'_>) -> Option<Denial> {
    if regs.coppa == Some(true) {
        return Some(Denial::Coppa);
    }
    if regs.gpc == Some(true) {
        return Some(Denial::GlobalPrivacyControl);
    }
    if regs.gdpr == Some(true) {
        return Some(Denial::GdprWithoutConsent);
    }
    let mut us_privacy = regs.us_privacy.into_iter().chain(regs.us_privacy_of_ext);
    if us_privacy.any(|text| !us_privacy_permits(text)) {
        return Some(Denial::UsOptOut);
    }
    // A section that is in force (−1 says: none is) without a string is unread as well.
    let section_in_force = regs.gpp_sid.iter().any(|&section| section != -1);
    (regs.gpp.is_some() || section_in_force).then_some(Denial::UnreadGpp)
}

/// §3.2.18: `lmt`, `dnt`, `ext.atts`, and the zeroed `ifa` that stands for a refused one.
fn of_device(request: &Request<'_>) -> Option<Denial> {
    let device = request.device.as_ref()?;
    if device.lmt == Some(true) || device.ifa.is_some_and(zeroed) {
        return Some(Denial::LimitAdTracking);
    }
    if device.dnt == Some(true) {
        return Some(Denial::DoNotTrack);
    }
    // 0 not determined, 1 restricted, 2 denied, 3 authorised. Only iOS has it; sent elsewhere it
    // is still not a plain yes.
    device.atts.is_some_and(|status| status != 3).then_some(Denial::TrackingNotAuthorized)
}

fn zeroed(ifa: &str) -> bool {
    ifa.contains('0') && ifa.bytes().all(|byte| matches!(byte, b'0' | b'-'))
}

/// §3.2.20: `yob`, and a consent string that nobody says is not needed.
fn of_user(request: &Request<'_>, regs: &Regs<'_>, moment: Moment) -> Option<Denial> {
    let user = request.user.as_ref()?;
    if user.yob.is_some_and(|yob| may_be_minor(yob, moment)) {
        return Some(Denial::Minor);
    }
    // Who sends a TCF string says that GDPR may apply; we cannot read it yet.
    let unread = user.consent.is_some() && regs.gdpr != Some(false);
    unread.then_some(Denial::GdprWithoutConsent)
}

/// Whether one born in that year may still be under 18: the birthday of the year may lie ahead,
/// and the year may not have turned where the listener is (12 hours behind UTC at most). Years
/// before 1900 are noise, years to come are not an adult's.
fn may_be_minor(yob: i64, moment: Moment) -> bool {
    yob >= 1900 && year(moment.plus_s(-12 * 3600)) - yob <= 18
}

/// The civil year of an instant in UTC (days to civil date, era by era, as Howard Hinnant's
/// `civil_from_days`; years begin in March there).
fn year(moment: Moment) -> i64 {
    let days = moment.unix_s().div_euclid(86_400) + 719_468;
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let after_february = of_year >= 306;
    days.div_euclid(146_097) * 400 + year_of_era + i64::from(after_february)
}

/// IAB CCPA "US Privacy String": version 1, notice given, opted out of sale, LSPA. A plain yes
/// is `1---` (the law does not apply) or a notice given and no opt-out. Letters may be small:
/// senders write both.
fn us_privacy_permits(text: &str) -> bool {
    let &[b'1', notice, opted_out, agreement] = text.as_bytes() else { return false };
    match (notice.to_ascii_uppercase(), opted_out.to_ascii_uppercase()) {
        (b'-', b'-') => agreement == b'-',
        (b'Y', b'N') => matches!(agreement.to_ascii_uppercase(), b'Y' | b'N' | b'-'),
        _ => false,
    }
}

/// What the place asks of a request that has said no "no".
fn of_place(regs: &Regs<'_>, country: Option<&str>, absent: RegsDefault) -> Option<Denial> {
    let gdpr_denied = regs.gdpr == Some(false);
    let place_known = country
        .filter(|code| code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase()));
    let asks_for_yes = place_known.is_none_or(asks_for_consent);
    if asks_for_yes {
        return (!gdpr_denied).then_some(Denial::RegsAbsent);
    }
    let said = gdpr_denied || regs.us_privacy.is_some();
    (!said && absent == RegsDefault::Contextual).then_some(Denial::RegsAbsent)
}

/// Where consent has to be shown: the EEA (the EU's 27, Iceland, Liechtenstein, Norway), the
/// regions of its members with codes of their own (TFEU art. 355: Åland, French Guiana,
/// Guadeloupe, Martinique, Mayotte, Réunion, Saint Martin), the UK with its islands and
/// Gibraltar, whose laws are the GDPR's twins, and Switzerland, whose law is a near one.
const CONSENT_COUNTRIES: [&str; 43] = [
    "ALA", "AUT", "BEL", "BGR", "CHE", "CYP", "CZE", "DEU", "DNK", "ESP", "EST", "FIN", "FRA",
    "GBR", "GGY", "GIB", "GLP", "GRC", "GUF", "HRV", "HUN", "IMN", "IRL", "ISL", "ITA", "JEY",
    "LIE", "LTU", "LUX", "LVA", "MAF", "MLT", "MTQ", "MYT", "NLD", "NOR", "POL", "PRT", "REU",
    "ROU", "SVK", "SVN", "SWE",
];

/// Whether the law of the country (alpha-3) asks for consent before ids and profiles are used.
pub fn asks_for_consent(country: &str) -> bool {
    CONSENT_COUNTRIES.binary_search(&country).is_ok()
}

#[cfg(test)]
mod tests;

//! What do the signals of a request permit? One pure function, and the order of its rules.
//!
//! The table of docs/consent.md is this file and [`NEEDS`](super::bases::NEEDS). Each signal can
//! only take away; what none takes is granted. Called by `enrich` once per request; hot, nothing
//! is allocated.

use super::bases::{of_canada, of_tcf};
use super::config::{Policy, Refused, Silence, is_country};
use super::denial::Denial;
use super::gpp::Gpp;
use super::grants::{Grant, Grants, Permissions};
use super::us::{Field, Us};
use super::us_privacy::UsPrivacy;
use crate::base::units::time::Moment;
use crate::market::openrtb::request::{Regs, Request};

/// What silence means on an exchange, where the policy leaves it to its row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegsDefault {
    Full,
    Contextual,
}

/// What permissions are made of, beside the policy.
#[derive(Clone, Copy, Debug)]
pub struct Signals<'a> {
    pub request: &'a Request<'a>,
    /// The ISO 3166 alpha-3 code of where the listener is, as far as it is known and undisputed;
    /// anything that is not three capital letters counts as an unknown place.
    pub country: Option<&'a str>,
    /// The header `Sec-GPC: 1`.
    pub gpc: bool,
    pub absent: RegsDefault,
    /// For ages: the listener's, the string's, the vendor list's.
    pub moment: Moment,
}

/// Ids of GPP sections.
pub(super) const TCF_EU: u16 = 2;
pub(super) const TCF_CANADA: u16 = 5;
const US_PRIVACY: u16 = 6;

/// Reads the signals of a request.
///
/// A signal that is absent says nothing (OpenRTB §2.3), except where the law of the place asks
/// for a yes: there silence is what the policy says of the place.
pub fn permissions(signals: &Signals<'_>, policy: &Policy) -> Permissions {
    let regs = signals.request.regs.unwrap_or_default();
    let mut reading = Reading { signals, policy, made: Permissions::FULL, heard: false };
    reading.flags(&regs);
    reading.device();
    reading.age();
    for text in regs.us_privacy.into_iter().chain(regs.us_privacy_of_ext) {
        reading.us_privacy(text);
    }
    let of_gpp = reading.gpp(&regs);
    reading.gdpr(&regs, of_gpp);
    if !reading.heard {
        reading.silence();
    }
    reading.made
}

struct Reading<'a> {
    signals: &'a Signals<'a>,
    policy: &'a Policy,
    made: Permissions,
    /// Something was said that speaks of the listener's law.
    heard: bool,
}

impl<'a> Reading<'a> {
    fn deny(&mut self, denial: Denial) {
        self.leave(Grants::CONTEXT, denial);
    }

    fn leave(&mut self, grants: Grants, denial: Denial) {
        self.made = self.made.narrowed(grants, denial);
    }

    /// §3.2.3: `coppa`, `ext.gpc`; and the header.
    fn flags(&mut self, regs: &Regs<'_>) {
        if regs.coppa == Some(true) {
            self.deny(Denial::Coppa);
        }
        if regs.gpc == Some(true) || self.signals.gpc {
            self.deny(Denial::GlobalPrivacyControl);
        }
    }

    /// §3.2.18: `lmt`, `dnt`, `ext.atts`, and the zeroed `ifa` that stands for a refused one.
    fn device(&mut self) {
        let Some(device) = self.signals.request.device.as_ref() else { return };
        if device.lmt == Some(true) || device.ifa.is_some_and(zeroed) {
            self.deny(Denial::LimitAdTracking);
        }
        if device.dnt == Some(true) {
            self.deny(Denial::DoNotTrack);
        }
        // 0 not determined, 1 restricted, 2 denied, 3 authorised. Only iOS has it; sent elsewhere
        // it is still not a plain yes.
        if device.atts.is_some_and(|status| status != 3) {
            self.deny(Denial::TrackingNotAuthorized);
        }
    }

    /// §3.2.20: `yob`.
    fn age(&mut self) {
        let yob = self.signals.request.user.as_ref().and_then(|user| user.yob);
        if yob.is_some_and(|yob| may_be_minor(yob, self.signals.moment)) {
            self.deny(Denial::Minor);
        }
    }

    fn us_privacy(&mut self, text: &str) {
        self.heard |= !self.asks_for_yes();
        if !UsPrivacy::decode(text).is_ok_and(UsPrivacy::permits) {
            self.deny(Denial::UsOptOut);
        }
    }

    /// The sections in force: those of `gpp_sid`, or all where it is absent; −1 says that none is.
    /// A section in force that is not there, or not read, is no yes. Gives the EU's section.
    fn gpp(&mut self, regs: &Regs<'a>) -> Option<&'a str> {
        let named = regs.gpp_sid;
        let in_force = |id: u16| named.is_empty() || named.contains(&i64::from(id));
        let none_in_force = !named.is_empty() && named.iter().all(|&id| id == -1);
        let gpp = match regs.gpp {
            None if named.iter().any(|&id| id != -1) => Err(()),
            Some(text) if !none_in_force => Gpp::decode(text).map_err(|_| ()).map(Some),
            _ => Ok(None),
        };
        let Ok(gpp) = gpp else {
            self.deny(Denial::UnreadGpp);
            return None;
        };
        let gpp = gpp?;
        let there = |id: &i64| gpp.ids().iter().any(|&other| i64::from(other) == *id);
        if named.iter().any(|id| *id != -1 && !there(id)) {
            self.deny(Denial::UnreadGpp);
        }
        let mut of_eu = None;
        for (id, text) in gpp.sections().filter(|&(id, _)| in_force(id)) {
            match id {
                TCF_EU if named.is_empty() && regs.gdpr == Some(false) => {}
                TCF_EU => of_eu = Some(text),
                TCF_CANADA => self.canada(text),
                US_PRIVACY => self.us_privacy(text),
                _ => self.us(id, text),
            }
        }
        of_eu
    }

    fn canada(&mut self, text: &str) {
        self.heard |= !self.asks_for_yes();
        match of_canada(text, self.policy, self.signals.moment) {
            Ok(grants) => self.consented(grants),
            Err(denial) => self.refused(denial),
        }
    }

    /// Sections 7 to 27. Sale, sharing or targeted advertising opted out of, or nobody told of
    /// the right to; data of a known child; sensitive data kept back.
    fn us(&mut self, id: u16, text: &str) {
        let Ok(us) = Us::decode(id, text) else { return self.deny(Denial::UnreadGpp) };
        if !us.is_known() {
            return self.deny(Denial::UnreadGpp);
        }
        self.heard |= !self.asks_for_yes();
        if us.gpc {
            self.deny(Denial::GlobalPrivacyControl);
        }
        us.each(|field, value| match field {
            // 0 not applicable, 1 opted out, 2 did not; 3 is nothing.
            Field::SaleOptOut | Field::SharingOptOut | Field::TargetedAdvertisingOptOut
                if value & 1 == 1 =>
            {
                self.deny(Denial::UsOptOut);
            }
            // 0 not applicable, 1 told, 2 not told.
            Field::SaleOptOutNotice
            | Field::SharingOptOutNotice
            | Field::TargetedAdvertisingOptOutNotice
            | Field::SharingNotice
            | Field::ProcessingNotice
                if value >= 2 =>
            {
                self.deny(Denial::UsOptOut);
            }
            // A service provider works for the publisher alone, not across them.
            Field::MspaServiceProviderMode if value & 1 == 1 => self.deny(Denial::UsOptOut),
            Field::MspaMode if value >= 2 => self.deny(Denial::UsOptOut),
            // 0: no data of a child; with and without consent it is a child.
            Field::KnownChildSensitiveDataConsents if value != 0 => self.deny(Denial::KnownChild),
            Field::SensitiveDataProcessing if value & 1 == 1 => {
                self.leave(Grants::ALL.without(Grant::PrecisePlace), Denial::SensitiveData);
            }
            _ => {}
        });
    }

    /// The GDPR applies where it is said to, and where a TC string comes that nobody says is not
    /// needed. Two strings have to agree.
    fn gdpr(&mut self, regs: &Regs<'_>, of_gpp: Option<&str>) {
        let user = self.signals.request.user.as_ref();
        let consent = user.and_then(|user| user.consent);
        let denied = regs.gdpr == Some(false);
        let consent = consent.filter(|_| !denied || of_gpp.is_some());
        if consent.is_none() && of_gpp.is_none() {
            if regs.gdpr == Some(true) {
                self.refused(Denial::GdprWithoutConsent);
            }
            self.heard |= regs.gdpr.is_some();
            return;
        }
        self.heard = true;
        for text in consent.into_iter().chain(of_gpp) {
            match of_tcf(text, self.policy, self.signals.moment) {
                Ok(grants) => self.consented(grants),
                Err(denial) => self.refused(denial),
            }
        }
    }

    fn consented(&mut self, grants: Grants) {
        if grants.has(Grant::Answer) {
            self.leave(grants, Denial::ConsentRefused);
        } else {
            self.refused(Denial::ConsentRefused);
        }
    }

    /// There is no basis, not even for basic ads. Who is on no vendor list cannot be given one,
    /// and shows ads to the music.
    fn refused(&mut self, denial: Denial) {
        let contextual = self.policy.refused == Refused::Contextual || self.policy.vendor.is_none();
        self.leave(if contextual { Grants::CONTEXT } else { Grants::NONE }, denial);
    }

    fn place(&self) -> Option<&'a str> {
        self.signals.country.filter(|code| is_country(code))
    }

    /// Whether the law of the place asks for a yes, so that a US signal says nothing there.
    fn asks_for_yes(&self) -> bool {
        self.place().is_none_or(asks_for_consent)
    }

    fn silence(&mut self) {
        let by_row = match self.signals.absent {
            RegsDefault::Full => Grants::ALL,
            RegsDefault::Contextual => Grants::CONTEXT,
        };
        let grants = match silence(self.place(), self.policy) {
            Silence::Full => Grants::ALL,
            Silence::Contextual => Grants::CONTEXT,
            Silence::NoBid => Grants::NONE,
            Silence::Exchange => by_row,
        };
        self.leave(grants, Denial::RegsAbsent);
    }
}

fn silence(place: Option<&str>, policy: &Policy) -> Silence {
    let unknown = &policy.unknown;
    let Some(code) = place else { return unknown.nowhere };
    if let Some(&silence) = unknown.countries.get(code) {
        return silence;
    }
    match code {
        "USA" => unknown.us,
        "CHE" => unknown.switzerland,
        "GBR" | "GGY" | "GIB" | "IMN" | "JEY" => unknown.uk,
        code if asks_for_consent(code) => unknown.eea,
        _ => unknown.elsewhere,
    }
}

fn zeroed(ifa: &str) -> bool {
    ifa.contains('0') && ifa.bytes().all(|byte| matches!(byte, b'0' | b'-'))
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

//! What does the operator say of consent? The section `[privacy]`, and the policy made of it.
//!
//! Read at start (cold); the policy stands in the world and is asked for every request (hot).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::gvl::{Gvl, GvlFault, Vendor, bits};
use crate::base::units::time::Moment;

/// `[privacy]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Our id in the Global Vendor List; 0: we are not on it, and no TC string is about us.
    pub vendor_id: u16,
    /// The list, a file of version 3; without it the four lists below stand for our entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gvl: Option<PathBuf>,
    /// A list that was made longer ago says nothing any more; 0: it always does.
    pub gvl_max_age_days: u32,
    /// Purposes that we ask consent for.
    pub purposes: Vec<u8>,
    /// Purposes that we pursue by legitimate interest.
    pub legitimate_interests: Vec<u8>,
    /// Purposes whose basis a publisher may change.
    pub flexible_purposes: Vec<u8>,
    pub special_features: Vec<u8>,
    /// TC strings of an older policy are no consent.
    pub policy_version_min: u8,
    /// TC strings updated from this day (UTC) on have to disclose us; before it, those that have
    /// the segment.
    pub disclosed_vendors_from: String,
    /// TC strings that were last updated longer ago are no consent; 0: any age will do.
    pub string_max_age_days: u32,
    /// What is left of a request whose TC string gives us no basis for purpose 2.
    pub without_purpose_2: Refused,
    pub unknown: Unknown,
}

/// What remains where not even basic ads are allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// No bid.
    NoBid,
    /// The music, without the person.
    Contextual,
}

/// What it means that a request says nothing about consent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    Full,
    Contextual,
    NoBid,
    /// What the exchange's row says (`regs_default`).
    Exchange,
}

/// `[privacy.unknown]`: silence by place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unknown {
    /// The EU, Iceland, Liechtenstein, Norway, and the members' regions with own codes.
    pub eea: Silence,
    /// The United Kingdom with its islands, and Gibraltar.
    pub uk: Silence,
    pub switzerland: Silence,
    pub us: Silence,
    /// Where the place is not known, or disputed.
    pub nowhere: Silence,
    pub elsewhere: Silence,
    /// By ISO 3166 alpha-3 code; goes before all of these.
    pub countries: BTreeMap<String, Silence>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            vendor_id: 0,
            gvl: None,
            gvl_max_age_days: 0,
            purposes: vec![1, 2, 3, 4, 7],
            legitimate_interests: Vec::new(),
            flexible_purposes: Vec::new(),
            special_features: vec![1],
            policy_version_min: 4,
            disclosed_vendors_from: "2026-03-01".to_owned(),
            string_max_age_days: 395,
            without_purpose_2: Refused::NoBid,
            unknown: Unknown::default(),
        }
    }
}

impl Default for Unknown {
    fn default() -> Unknown {
        Unknown {
            eea: Silence::Contextual,
            uk: Silence::Contextual,
            switzerland: Silence::Contextual,
            us: Silence::Exchange,
            nowhere: Silence::Contextual,
            elsewhere: Silence::Exchange,
            countries: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Each key that is out of its bounds, as `section.key: what holds`.
    pub fn faults(&self) -> Vec<&'static str> {
        let mut faults = Vec::new();
        let mut bound = |holds: bool, what| {
            if !holds {
                faults.push(what);
            }
        };
        let known = |list: &[u8], last| list.iter().all(|number| (1..=last).contains(number));
        bound(known(&self.purposes, 24), "privacy.purposes: purposes are 1 to 24");
        bound(
            known(&self.legitimate_interests, 24) && !self.legitimate_interests.contains(&1),
            "privacy.legitimate_interests: purposes are 2 to 24; 1 asks for consent",
        );
        bound(
            !self.purposes.iter().any(|purpose| self.legitimate_interests.contains(purpose)),
            "privacy.legitimate_interests: a purpose stands in one of the two lists",
        );
        bound(known(&self.flexible_purposes, 24), "privacy.flexible_purposes: 1 to 24");
        bound(known(&self.special_features, 12), "privacy.special_features: 1 to 12");
        bound(self.gvl.is_none() || self.vendor_id > 0, "privacy.gvl: it needs privacy.vendor_id");
        bound(
            midnight(&self.disclosed_vendors_from).is_some(),
            "privacy.disclosed_vendors_from: a day such as 2026-03-01",
        );
        let codes = self.unknown.countries.keys();
        bound(
            codes.clone().all(|code| is_country(code)),
            "privacy.unknown.countries: ISO 3166 alpha-3 codes, such as BRA",
        );
        faults
    }
}

/// When a day begins (UTC).
fn midnight(day: &str) -> Option<Moment> {
    let day: jiff::civil::Date = day.parse().ok()?;
    let begins = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Moment::from_unix_s(begins.timestamp().as_second()))
}

/// Three capital letters.
pub(super) fn is_country(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase())
}

/// What [`permissions`](super::permissions()) asks beside the signals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// `None`: no TC string is about us.
    pub(super) vendor: Option<Vendor>,
    pub(super) policy_version_min: u8,
    pub(super) disclosed_from: Moment,
    pub(super) string_max_age_s: Option<i64>,
    pub(super) refused: Refused,
    pub(super) unknown: Unknown,
}

impl Default for Policy {
    fn default() -> Policy {
        let config = Config::default();
        Policy::of(&config, None)
    }
}

impl Policy {
    /// The policy of a configuration, and of the text of the list that it names.
    pub fn new(config: &Config, gvl: Option<&str>) -> Result<Policy, GvlFault> {
        let vendor = match gvl {
            Some(text) if config.vendor_id > 0 => {
                Some(Gvl::parse(text)?.vendor(config.vendor_id, config.gvl_max_age_days)?)
            }
            _ => (config.vendor_id > 0).then(|| of_lists(config)),
        };
        Ok(Policy::of(config, vendor))
    }

    fn of(config: &Config, vendor: Option<Vendor>) -> Policy {
        let max_age_s = i64::from(config.string_max_age_days) * 86_400;
        Policy {
            vendor,
            policy_version_min: config.policy_version_min,
            disclosed_from: midnight(&config.disclosed_vendors_from).unwrap_or_default(),
            string_max_age_s: (max_age_s > 0).then_some(max_age_s),
            refused: config.without_purpose_2,
            unknown: config.unknown.clone(),
        }
    }
}

fn of_lists(config: &Config) -> Vendor {
    Vendor {
        id: config.vendor_id,
        consents: bits(&config.purposes),
        interests: bits(&config.legitimate_interests),
        flexible: bits(&config.flexible_purposes),
        special_features: bits(&config.special_features),
        until: None,
    }
}

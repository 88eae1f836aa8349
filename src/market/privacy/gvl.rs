//! What have we declared to the world? Our entry in the Global Vendor List, version 3.
//!
//! Parsed once at start; cold. Only what is asked of our own entry is read.

use std::collections::HashMap;

use serde::Deserialize;

use crate::base::units::time::Moment;

/// What we are in the Global Vendor List. Bit `p` is purpose or feature `p`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Vendor {
    pub id: u16,
    pub consents: u64,
    pub interests: u64,
    pub flexible: u64,
    pub special_features: u64,
    /// From then on the entry says nothing: deleted, or the list too old.
    pub until: Option<Moment>,
}

/// The list, as `vendor-list.json` has it.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Gvl {
    gvl_specification_version: u16,
    last_updated: String,
    vendors: HashMap<String, Entry>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: u16,
    #[serde(default)]
    purposes: Vec<u8>,
    #[serde(default)]
    leg_int_purposes: Vec<u8>,
    #[serde(default)]
    flexible_purposes: Vec<u8>,
    #[serde(default)]
    special_features: Vec<u8>,
    #[serde(default)]
    deleted_date: Option<String>,
}

/// Why the list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GvlFault {
    #[error("no Global Vendor List: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a list of specification version {0}; versions 2 and 3 can be read")]
    Specification(u16),
    #[error("`{0}` is no time")]
    Time(String),
    #[error("vendor {0} (privacy.vendor_id) is not on the list")]
    Stranger(u16),
}

impl Gvl {
    pub fn parse(text: &str) -> Result<Gvl, GvlFault> {
        let gvl: Gvl = serde_json::from_str(text)?;
        match gvl.gvl_specification_version {
            2 | 3 => Ok(gvl),
            other => Err(GvlFault::Specification(other)),
        }
    }

    /// Our entry. It says nothing from when it was deleted, or the list is too old (0: never).
    pub fn vendor(&self, id: u16, max_age_days: u32) -> Result<Vendor, GvlFault> {
        let entry = self.vendors.values().find(|entry| entry.id == id);
        let entry = entry.ok_or(GvlFault::Stranger(id))?;
        let deleted = entry.deleted_date.as_deref().map(moment).transpose()?;
        let stale = moment(&self.last_updated)?.plus_s(i64::from(max_age_days) * 86_400);
        let stale = (max_age_days > 0).then_some(stale);
        Ok(Vendor {
            id,
            consents: bits(&entry.purposes),
            interests: bits(&entry.leg_int_purposes),
            flexible: bits(&entry.flexible_purposes),
            special_features: bits(&entry.special_features),
            until: deleted.into_iter().chain(stale).min(),
        })
    }
}

/// Numbers below 64 as bits.
pub(super) fn bits(numbers: &[u8]) -> u64 {
    numbers.iter().filter(|&&number| number < 64).fold(0, |bits, &number| bits | 1 << number)
}

fn moment(text: &str) -> Result<Moment, GvlFault> {
    let at: jiff::Timestamp = text.parse().map_err(|_| GvlFault::Time(text.to_owned()))?;
    Ok(Moment::from_unix_s(at.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{
        "gvlSpecificationVersion": 3, "vendorListVersion": 7, "tcfPolicyVersion": 5,
        "lastUpdated": "2026-11-12T16:00:00Z",
        "vendors": {
            "8": {"id": 8, "name": "Ours", "purposes": [1, 3, 4], "legIntPurposes": [2, 7],
                  "flexiblePurposes": [2, 7], "specialFeatures": [1]},
            "9": {"id": 9, "purposes": [1], "deletedDate": "2026-01-01T00:00:00Z"}
        }}"#;

    #[test]
    fn our_entry_is_found_and_ends() {
        let gvl = Gvl::parse(LIST).unwrap();
        let ours = gvl.vendor(8, 0).unwrap();
        assert_eq!((ours.consents, ours.interests), (0b1_1010, 0b1000_0100));
        assert_eq!((ours.flexible, ours.special_features), (0b1000_0100, 0b10));
        assert_eq!(ours.until, None);
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
        let until = |id, days| gvl.vendor(id, days).unwrap().until.map(Moment::unix_s);
        assert_eq!(until(8, 10), Some(at("2026-11-22T16:00:00Z")));
        assert_eq!(until(9, 0), Some(at("2026-01-01T00:00:00Z")));
        assert!(matches!(gvl.vendor(10, 0), Err(GvlFault::Stranger(10))));
        assert!(Gvl::parse("{}").is_err());
        let of_4 = LIST.replace("Version\": 3", "Version\": 4");
        assert!(matches!(Gvl::parse(&of_4), Err(GvlFault::Specification(4))));
    }
}

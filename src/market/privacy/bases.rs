//! For which purposes has a vendor a legal basis? One TC string, a vendor, the policy → purposes;
//! ours → grants.
//!
//! The table [`NEEDS`] is the one of docs/consent.md. Hot, pure.

use super::canada::Canada;
use super::config::Policy;
use super::denial::Denial;
use super::grants::{Grant, Grants};
use super::gvl::Vendor;
use super::tcf::Tcf;
use super::vendors::Vendors;
use crate::base::units::time::Moment;

/// Which purposes each grant needs a basis for; each needs purpose 2, as without it nothing is
/// answered. `PrecisePlace` needs special feature 1 as well.
///
/// 1 store and access, 2 basic ads, 3 create profiles, 4 use profiles, 7 measure.
pub(super) const NEEDS: [(Grant, &[u8]); 8] = [
    (Grant::Answer, &[2]),
    (Grant::UseId, &[1, 2]),
    (Grant::ReadProfile, &[1, 2, 3, 4]),
    (Grant::WriteProfile, &[1, 2, 3]),
    (Grant::PrecisePlace, &[2]),
    (Grant::CountCaps, &[1, 2]),
    (Grant::ShareSegments, &[1, 2, 3, 4]),
    (Grant::Measure, &[1, 2, 7]),
];

/// Precise geolocation.
const SPECIAL_FEATURE_1: u8 = 1;

/// Purposes that legitimate interest is no basis for (TCF 2.2: 3 to 6; 1 never).
const CONSENT_ONLY: [u8; 5] = [1, 3, 4, 5, 6];

/// What our grants ask for: all purposes of [`NEEDS`].
const OURS: u64 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 7;

/// Who wants to know for which purposes it has a basis. Bit `p` is purpose `p`.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    pub vendor: &'a Vendor,
    pub purposes: u64,
}

/// Of the purposes that were claimed, those with a basis.
#[derive(Clone, Copy)]
pub(super) struct Based {
    pub purposes: u64,
    pub feature_1: bool,
}

impl Claim<'_> {
    fn filter(self, basis: impl Fn(u8) -> bool) -> u64 {
        let claimed = (1..=24).filter(|purpose| self.purposes >> purpose & 1 == 1);
        claimed.fold(0, |has, purpose| has | u64::from(basis(purpose)) << purpose)
    }
}

/// What a TC string of the EU grants us.
pub(super) fn of_tcf(text: &str, policy: &Policy, moment: Moment) -> Result<Grants, Denial> {
    let vendor = &policy.vendor.unwrap_or_default();
    let based = tcf_bases(text, policy, Claim { vendor, purposes: OURS }, moment)?;
    Ok(granted(based, vendor))
}

/// What a TC string of Canada grants us: consent is express, or implied where that is enough.
pub(super) fn of_canada(text: &str, policy: &Policy, moment: Moment) -> Result<Grants, Denial> {
    let vendor = &policy.vendor.unwrap_or_default();
    let based = canada_bases(text, Claim { vendor, purposes: OURS }, moment)?;
    Ok(granted(based, vendor))
}

/// For which purposes a vendor has a basis in a TC string of the EU.
pub(super) fn tcf_bases(
    text: &str,
    policy: &Policy,
    claim: Claim<'_>,
    moment: Moment,
) -> Result<Based, Denial> {
    let vendor = claim.vendor;
    let tcf = Tcf::decode(text, vendor.id).map_err(|_| Denial::ConsentUnread)?;
    if tcf.head.version != 2 || tcf.policy_version < policy.policy_version_min {
        return Err(Denial::ConsentOutdated);
    }
    let updated = Moment::from_unix_s((tcf.head.updated_ds / 10) as i64);
    if policy.string_max_age_s.is_some_and(|age_s| updated.plus_s(age_s) < moment) {
        return Err(Denial::ConsentOutdated);
    }
    if vendor.id == 0 || vendor.until.is_some_and(|until| until <= moment) {
        return Err(Denial::ConsentRefused);
    }
    let disclosed = tcf.disclosed.map(|vendors| vendors.has_ours());
    if disclosed == Some(false) || (disclosed.is_none() && updated >= policy.disclosed_from) {
        return Err(Denial::VendorNotDisclosed);
    }
    let ours = |vendors: Option<Vendors<'_>>| vendors.is_some_and(|vendors| vendors.has_ours());
    let (consented, interested) = (ours(tcf.vendors), ours(tcf.vendor_interests));
    let basis = |purpose: u8| {
        let basis = basis(vendor, purpose, |p| {
            let r = &tcf.restrictions;
            (r.forbids(p), r.requires_consent(p), r.requires_interest(p))
        });
        match basis {
            Basis::None => false,
            Basis::Consent => consented && tcf.purposes.has(purpose),
            Basis::Interest => interested && tcf.interests.has(purpose),
        }
    };
    let feature_1 = tcf.special_features.has(SPECIAL_FEATURE_1);
    Ok(Based { purposes: claim.filter(basis), feature_1 })
}

/// For which purposes a vendor has consent in a TC string of Canada.
pub(super) fn canada_bases(text: &str, claim: Claim<'_>, moment: Moment) -> Result<Based, Denial> {
    let vendor = claim.vendor;
    let canada = Canada::decode(text, vendor.id).map_err(|_| Denial::ConsentUnread)?;
    if canada.head.version != 1 {
        return Err(Denial::ConsentOutdated);
    }
    if vendor.id == 0 || vendor.until.is_some_and(|until| until <= moment) {
        return Err(Denial::ConsentRefused);
    }
    let declared = vendor.consents | vendor.interests;
    let basis = |purpose: u8| {
        let restrictions = &canada.restrictions;
        let express = canada.vendors_express.has_ours() && canada.express.has(purpose);
        let implied = canada.vendors_implied.has_ours() && canada.implied.has(purpose);
        let implied = implied && !CONSENT_ONLY.contains(&purpose);
        declared >> purpose & 1 == 1
            && !restrictions.forbids(purpose)
            && (express || implied && !restrictions.requires_consent(purpose))
    };
    let feature_1 = canada.special_features.has(SPECIAL_FEATURE_1);
    Ok(Based { purposes: claim.filter(basis), feature_1 })
}

fn granted(Based { purposes: has, feature_1 }: Based, vendor: &Vendor) -> Grants {
    let mut grants = Grants::NONE;
    for (grant, needs) in NEEDS {
        if needs.iter().all(|purpose| has >> purpose & 1 == 1) {
            grants = grants.with(grant);
        }
    }
    if feature_1 && vendor.special_features >> SPECIAL_FEATURE_1 & 1 == 1 {
        grants
    } else {
        grants.without(Grant::PrecisePlace)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Basis {
    None,
    Consent,
    Interest,
}

/// The basis on which we may pursue a purpose: the declared one, or the other one where the
/// publisher asks for it and we have declared the purpose flexible. Restrictions that contradict
/// each other leave none.
fn basis(vendor: &Vendor, purpose: u8, restricted: impl Fn(u8) -> (bool, bool, bool)) -> Basis {
    let declares = |set: u64| set >> purpose & 1 == 1;
    let declared = match (declares(vendor.consents), declares(vendor.interests)) {
        (true, _) => Basis::Consent,
        (false, true) => Basis::Interest,
        (false, false) => return Basis::None,
    };
    let asked = match restricted(purpose) {
        (true, _, _) | (_, true, true) => return Basis::None,
        (_, true, _) => Basis::Consent,
        (_, _, true) => Basis::Interest,
        _ => declared,
    };
    let may = asked == declared || declares(vendor.flexible);
    let lawful = asked == Basis::Consent || !CONSENT_ONLY.contains(&purpose);
    if may && lawful { asked } else { Basis::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_change_the_basis_of_flexible_purposes_only() {
        let vendor = Vendor {
            id: 8,
            consents: 0b1_1010,
            interests: 0b1000_0100,
            flexible: 0b1000_1000,
            ..Vendor::default()
        };
        let none = (false, false, false);
        for (purpose, restricted, expected) in [
            (1, none, Basis::Consent),
            (2, none, Basis::Interest),
            (7, none, Basis::Interest),
            (5, none, Basis::None),
            (2, (true, false, false), Basis::None),
            (7, (true, true, false), Basis::None),
            (2, (false, true, false), Basis::None),
            (7, (false, true, false), Basis::Consent),
            (7, (false, false, true), Basis::Interest),
            (7, (false, true, true), Basis::None),
            (1, (false, true, false), Basis::Consent),
            (4, (false, false, true), Basis::None),
            // Flexible or not, interest is no basis for a profile.
            (3, (false, false, true), Basis::None),
        ] {
            let found = basis(&vendor, purpose, |_| restricted);
            assert_eq!(found, expected, "purpose {purpose}, {restricted:?}");
        }
    }
}

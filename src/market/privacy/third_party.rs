//! May a third party's knowledge choose an ad? Its own basis, in every string that counts.
//!
//! Asked by `enrich` of those whose segments a profile holds, beside our own permissions; hot,
//! nothing is allocated.

use super::bases::{Claim, canada_bases, tcf_bases};
use super::config::Policy;
use super::gpp::Gpp;
use super::gvl::{Vendor, bits};
use super::permissions::{Signals, TCF_CANADA, TCF_EU};

/// What a third party declares: who it is, for what its data may be used, and on what ground.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThirdParty {
    /// Without an id: a stranger to the Global Vendor List, of whom no string can speak.
    vendor: Vendor,
    purposes: u64,
}

/// Where none are named: to make a profile, and to choose ads by it.
const PURPOSES: [u8; 2] = [3, 4];

impl ThirdParty {
    pub fn new(gvl_id: Option<u16>, purposes: &[u8], by_interest: bool) -> ThirdParty {
        let purposes = bits(if purposes.is_empty() { &PURPOSES } else { purposes });
        let (consents, interests) = if by_interest { (0, purposes) } else { (purposes, 0) };
        let id = gvl_id.unwrap_or_default();
        ThirdParty { vendor: Vendor { id, consents, interests, ..Vendor::default() }, purposes }
    }

    /// Whether it has a basis for all of its purposes. Where no TC string counts, none is asked.
    pub fn may_be_used(&self, signals: &Signals<'_>, policy: &Policy) -> bool {
        let request = signals.request;
        let regs = request.regs.unwrap_or_default();
        let consent = request.user.as_ref().and_then(|user| user.consent);
        let denied = regs.gdpr == Some(false);
        let mut of_eu = None;
        let claim = Claim { vendor: &self.vendor, purposes: self.purposes };
        let named = regs.gpp_sid;
        let in_force = |id: u16| named.is_empty() || named.contains(&i64::from(id));
        if let Some(gpp) = regs.gpp.and_then(|text| Gpp::decode(text).ok()) {
            for (id, text) in gpp.sections().filter(|&(id, _)| in_force(id)) {
                let based = match id {
                    TCF_EU if named.is_empty() && denied => continue,
                    TCF_EU => {
                        of_eu = Some(text);
                        continue;
                    }
                    TCF_CANADA => canada_bases(text, claim, signals.moment),
                    _ => continue,
                };
                if !based.is_ok_and(|based| based.purposes == self.purposes) {
                    return false;
                }
            }
        }
        let consent = consent.filter(|_| !denied || of_eu.is_some());
        consent.into_iter().chain(of_eu).all(|text| {
            let based = tcf_bases(text, policy, claim, signals.moment);
            based.is_ok_and(|based| based.purposes == self.purposes)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::base::units::time::Moment;
    use crate::market::openrtb::request::{Regs, Request, User};
    use crate::market::privacy::{Config, Grant, RegsDefault, permissions};

    /// 2023-01-01, when the vectors were young.
    const THEN: Moment = Moment::from_unix_s(1_672_531_200);

    fn strings(file: &str) -> Vec<String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/privacy/");
        let text = std::fs::read(format!("{folder}{file}_vectors.json")).unwrap();
        let vectors: Vec<Value> = serde_json::from_slice(&text).unwrap();
        vectors.iter().map(|vector| vector["string"].as_str().unwrap().to_owned()).collect()
    }

    fn signals<'a>(request: &'a Request<'a>) -> Signals<'a> {
        let (country, absent) = (Some("DEU"), RegsDefault::Full);
        Signals { request, country, gpc: false, absent, moment: THEN }
    }

    fn policy(vendor_id: u16) -> Policy {
        let lenient = Config { policy_version_min: 0, string_max_age_days: 0, ..Config::default() };
        Policy::new(&Config { vendor_id, ..lenient }, None).unwrap()
    }

    /// Were we the third party, it might be used just where we may read the profile.
    #[test]
    fn a_third_party_is_asked_as_we_are() {
        let (mut used, mut not) = (0, 0);
        for text in strings("tcf").iter().chain(&strings("gpp")) {
            let user = Some(User { consent: Some(text), ..User::default() });
            let regs = Some(Regs { gpp: Some(text), gpp_sid: &[2, 5], ..Regs::default() });
            let of_user = Request { user, ..Request::default() };
            let of_gpp = Request { regs, ..Request::default() };
            for request in [&of_user, &of_gpp] {
                for vendor in [1, 2, 8, 12, 28, 700, 755] {
                    let ours = permissions(&signals(request), &policy(vendor));
                    let party = ThirdParty::new(Some(vendor), &[1, 2, 3, 4], false);
                    let may = party.may_be_used(&signals(request), &policy(3));
                    if request.regs.is_none() {
                        assert_eq!(may, ours.may(Grant::ReadProfile), "{vendor}: {text}");
                    } else {
                        assert!(may || !ours.may(Grant::ReadProfile), "{vendor}: {text}");
                    }
                    used += u32::from(may && request.regs.is_none());
                    not += u32::from(!may);
                }
            }
        }
        assert!(used > 20 && not > 20, "{used} may be used, {not} not");
    }

    #[test]
    fn interest_is_a_ground_for_some_purposes_only_and_strangers_have_none() {
        let of_strings = |party: ThirdParty| {
            let texts = strings("tcf");
            let used = texts.iter().filter(|text| {
                let user = Some(User { consent: Some(text), ..User::default() });
                let request = Request { user, ..Request::default() };
                party.may_be_used(&signals(&request), &policy(8))
            });
            used.count()
        };
        let sum = |purposes: &[u8], by_interest| -> usize {
            (1..800).map(|id| of_strings(ThirdParty::new(Some(id), purposes, by_interest))).sum()
        };
        assert_eq!(sum(&[4], true), 0, "a profile asks for consent");
        assert!(sum(&[4], false) > 0 && sum(&[7], true) > 0);
        assert_eq!(of_strings(ThirdParty::new(None, &[4], false)), 0);
        // Where no string counts, nobody is asked.
        let request = Request::default();
        let stranger = ThirdParty::new(None, &[], false);
        assert!(stranger.may_be_used(&signals(&request), &policy(8)));
    }
}

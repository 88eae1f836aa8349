//! What stands in a string, for people and scripts? Everything decoded, under the standards' names.
//!
//! Called by `interlude consent` and by tests against the reference's decodings; cold. The bid
//! path uses the same decoders and makes nothing of this.

use serde_json::{Map, Value, json};

use super::canada::Canada;
use super::fault::Fault;
use super::gpp::Gpp;
use super::restrictions::Restrictions;
use super::tcf::{Flags, Head, PublisherPurposes, Tcf};
use super::us::{Field, LAYOUTS, Second, Us};
use super::us_privacy::UsPrivacy;
use super::vendors::Vendors;

/// What a string is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Tcf,
    Gpp,
    UsPrivacy,
    /// A section of GPP without its header.
    Section(u16),
}

/// Sections that are no layout of [`LAYOUTS`].
const OTHERS: [(u16, &str); 3] = [(2, "tcfeuv2"), (5, "tcfcav1"), (6, "uspv1")];

impl Kind {
    /// By the first character: `D` begins a GPP string, a digit one of US Privacy.
    pub fn of(text: &str) -> Kind {
        match text.as_bytes().first() {
            Some(b'0'..=b'9') => Kind::UsPrivacy,
            Some(b'D') => Kind::Gpp,
            _ if text.contains('~') => Kind::Gpp,
            _ => Kind::Tcf,
        }
    }

    /// A bare section by its number or its name (`7`, `usnat`).
    pub fn of_section(name: &str) -> Option<Kind> {
        let layouts = LAYOUTS.iter().map(|layout| (layout.id, layout.name));
        let mut known = OTHERS.into_iter().chain(layouts);
        let wanted =
            |&(id, key): &(u16, &str)| key.eq_ignore_ascii_case(name) || name.parse() == Ok(id);
        known.find(wanted).map(|(id, _)| Kind::Section(id))
    }
}

/// The string, decoded.
pub fn shown(text: &str, kind: Kind) -> Result<Map<String, Value>, Fault> {
    let value = match kind {
        Kind::Tcf => tcf(&Tcf::decode(text, 0)?),
        Kind::Gpp => gpp(text)?,
        Kind::UsPrivacy => us_privacy(text)?,
        Kind::Section(id) => section(id, text)?,
    };
    match value {
        Value::Object(fields) => Ok(fields),
        other => Ok(Map::from_iter([("value".to_owned(), other)])),
    }
}

fn tcf(tcf: &Tcf<'_>) -> Value {
    let publisher = tcf.publisher.unwrap_or_default();
    json!({
        "version": tcf.head.version,
        "created": time(tcf.head.created_ds),
        "lastUpdated": time(tcf.head.updated_ds),
        "cmpId": tcf.head.cmp_id,
        "cmpVersion": tcf.head.cmp_version,
        "consentScreen": tcf.head.consent_screen,
        "consentLanguage": letters(tcf.head.language),
        "vendorListVersion": tcf.head.vendor_list_version,
        "policyVersion": tcf.policy_version,
        "isServiceSpecific": tcf.service_specific,
        "purposeOneTreatment": tcf.purpose_one_treatment,
        "publisherCountryCode": letters(tcf.country),
        "specialFeatureOptins": tcf.special_features.numbers(),
        "purposeConsents": tcf.purposes.numbers(),
        "purposeLegitimateInterests": tcf.interests.numbers(),
        "vendorConsents": ids(tcf.vendors),
        "vendorLegitimateInterests": ids(tcf.vendor_interests),
        "vendorsAllowed": ids(tcf.allowed),
        "vendorsDisclosed": ids(tcf.disclosed),
        "publisher": {
            "consents": publisher.consents.numbers(),
            "legitimateInterests": publisher.interests.numbers(),
            "customConsents": publisher.custom_consents.numbers(),
            "customLegitimateInterests": publisher.custom_interests.numbers(),
            "restrictions": restrictions(&tcf.restrictions),
        },
    })
}

fn gpp(text: &str) -> Result<Value, Fault> {
    let gpp = Gpp::decode(text)?;
    let (mut known, mut sections) = (Vec::new(), Map::new());
    for (id, text) in gpp.sections() {
        if let Some(name) = name(id) {
            known.push(id);
            sections.insert(name.to_owned(), section(id, text)?);
        }
    }
    Ok(json!({
        "header": {"type": 3, "version": 1, "sectionIds": gpp.ids()},
        "sectionIds": known,
        "sections": sections,
    }))
}

fn name(id: u16) -> Option<&'static str> {
    let layouts = LAYOUTS.iter().map(|layout| (layout.id, layout.name));
    OTHERS.into_iter().chain(layouts).find(|&(other, _)| other == id).map(|(_, name)| name)
}

fn section(id: u16, text: &str) -> Result<Value, Fault> {
    match id {
        2 => match Tcf::decode(text, 0)? {
            tcf if tcf.head.version == 2 => Ok(tcf_section(&tcf)),
            tcf => Err(Fault::Version(tcf.head.version)),
        },
        5 => Canada::decode(text, 0).map(|canada| canada_section(&canada)),
        6 => {
            let usp = UsPrivacy::decode(text)?;
            Ok(json!({
                "Version": usp.version,
                "Notice": char::from(usp.notice).to_string(),
                "OptOutSale": char::from(usp.opt_out_sale).to_string(),
                "LspaCovered": char::from(usp.lspa).to_string(),
            }))
        }
        _ => Us::decode(id, text).map(|us| us_section(&us)),
    }
}

fn tcf_section(tcf: &Tcf<'_>) -> Value {
    let publisher = tcf.publisher.unwrap_or_default();
    let mut fields = head(&tcf.head);
    fields.extend(object(json!({
        "PolicyVersion": tcf.policy_version,
        "IsServiceSpecific": tcf.service_specific,
        "UseNonStandardStacks": tcf.non_standard_texts,
        "SpecialFeatureOptins": tcf.special_features.each(),
        "PurposeConsents": tcf.purposes.each(),
        "PurposeLegitimateInterests": tcf.interests.each(),
        "PurposeOneTreatment": tcf.purpose_one_treatment,
        "PublisherCountryCode": letters(tcf.country),
        "VendorConsents": ids(tcf.vendors),
        "VendorLegitimateInterests": ids(tcf.vendor_interests),
        "PublisherRestrictions": restrictions(&tcf.restrictions),
        "PublisherPurposesSegmentType": 3,
        "PublisherConsents": all_24(publisher.consents),
        "PublisherLegitimateInterests": all_24(publisher.interests),
        "NumCustomPurposes": publisher.custom_count(),
        "PublisherCustomConsents": publisher.custom_consents.each(),
        "PublisherCustomLegitimateInterests": publisher.custom_interests.each(),
        "VendorsAllowedSegmentType": 2,
        "VendorsAllowed": ids(tcf.allowed),
        "VendorsDisclosedSegmentType": 1,
        "VendorsDisclosed": ids(tcf.disclosed),
    })));
    Value::Object(fields)
}

fn canada_section(canada: &Canada<'_>) -> Value {
    let publisher: PublisherPurposes = canada.publisher.unwrap_or_default();
    let mut fields = head(&canada.head);
    fields.extend(object(json!({
        "TcfPolicyVersion": canada.policy_version,
        "UseNonStandardStacks": canada.non_standard_texts,
        "SpecialFeatureExpressConsent": canada.special_features.each(),
        "PurposesExpressConsent": canada.express.each(),
        "PurposesImpliedConsent": canada.implied.each(),
        "VendorExpressConsent": canada.vendors_express.ids(),
        "VendorImpliedConsent": canada.vendors_implied.ids(),
        "PubRestrictions": restrictions(&canada.restrictions),
        "PubPurposesSegmentType": 3,
        "PubPurposesExpressConsent": all_24(publisher.consents),
        "PubPurposesImpliedConsent": all_24(publisher.interests),
        "NumCustomPurposes": publisher.custom_count(),
        "CustomPurposesExpressConsent": publisher.custom_consents.each(),
        "CustomPurposesImpliedConsent": publisher.custom_interests.each(),
        "DisclosedVendorsSegmentType": 1,
        "DisclosedVendors": ids(canada.disclosed),
    })));
    Value::Object(fields)
}

fn head(head: &Head) -> Map<String, Value> {
    object(json!({
        "Version": head.version,
        "Created": time(head.created_ds),
        "LastUpdated": time(head.updated_ds),
        "CmpId": head.cmp_id,
        "CmpVersion": head.cmp_version,
        "ConsentScreen": head.consent_screen,
        "ConsentLanguage": letters(head.language),
        "VendorListVersion": head.vendor_list_version,
    }))
}

fn us_section(us: &Us<'_>) -> Value {
    let (mut fields, mut before) = (Map::new(), None::<Field>);
    us.each(|field, value| {
        let name = format!("{field:?}");
        let listed = before == Some(field);
        before = Some(field);
        match fields.get_mut(&name) {
            Some(Value::Array(list)) if listed => list.push(json!(value)),
            Some(first) => *first = json!([first.clone(), value]),
            None => _ = fields.insert(name, json!(value)),
        }
    });
    if us.layout.second == Second::Gpc {
        fields.insert("GpcSegmentType".to_owned(), json!(1));
        fields.insert("Gpc".to_owned(), json!(us.gpc));
    }
    Value::Object(fields)
}

fn us_privacy(text: &str) -> Result<Value, Fault> {
    let usp = UsPrivacy::decode(text)?;
    let letter = |letter: u8| char::from(letter).to_string();
    Ok(json!({
        "version": usp.version,
        "notice": letter(usp.notice),
        "opt_out_sale": letter(usp.opt_out_sale),
        "lspa": letter(usp.lspa),
        "valid_per_spec": usp.version == 1,
        "uppercase": !text.bytes().any(|byte| byte.is_ascii_lowercase()),
    }))
}

fn restrictions(restrictions: &Restrictions<'_>) -> Vec<Value> {
    let each = restrictions.list().into_iter();
    each.map(|one| json!({"key": one.purpose, "type": one.kind, "ids": one.vendors})).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A segment that is missing has all of its purposes at no.
fn all_24(flags: Flags) -> Vec<bool> {
    (1..=24).map(|number| flags.has(number)).collect()
}

fn ids(vendors: Option<Vendors<'_>>) -> Vec<u16> {
    vendors.map_or_else(Vec::new, |vendors| vendors.ids())
}

fn letters(pair: [u8; 2]) -> String {
    pair.map(char::from).iter().collect()
}

/// As JavaScript writes dates.
fn time(tenths: u64) -> String {
    let at = jiff::Timestamp::from_millisecond(tenths as i64 * 100).unwrap_or_default();
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::stdx::rng::Rng;
    use crate::base::units::time::Moment;
    use crate::market::openrtb::request::{Regs, Request, User};
    use crate::market::privacy::bits::TEXT_MAX;
    use crate::market::privacy::{Policy, RegsDefault, Signals, permissions};

    /// A string as hostile as it can be, of each kind: it decodes or not, and ends.
    #[test]
    fn long_strings_cost_no_more_than_their_length() {
        for filling in ["A", "_", "g", "~", ".", "~A", ".I", "\u{e9}"] {
            let long = filling.repeat(TEXT_MAX / filling.len());
            for head in ["", "CPc", "D", "DBAA", "1", "BPSG_8APSG_8AAAAAAENAACAAAAAAAAAAAAA"] {
                let text = format!("{head}{long}");
                let text = &text[..text.floor_char_boundary(TEXT_MAX)];
                let sections = (2..=27).map(Kind::Section);
                for kind in [Kind::of(text), Kind::Tcf, Kind::Gpp].into_iter().chain(sections) {
                    let _ = shown(text, kind);
                }
            }
        }
    }

    /// Seeds of all kinds, bent again and again: `INTERLUDE_LONG=1` tries ten million.
    #[test]
    fn mutants_of_the_vectors_never_panic() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/privacy/");
        let seeds: Vec<Vec<u8>> = ["tcf", "gpp", "gpp_section", "us_privacy"]
            .into_iter()
            .flat_map(|file| {
                let text = std::fs::read(format!("{folder}{file}_vectors.json")).unwrap();
                serde_json::from_slice::<Vec<Value>>(&text).unwrap()
            })
            .filter_map(|vector| Some(vector["string"].as_str()?.as_bytes().to_vec()))
            .collect();
        let rounds = if std::env::var_os("INTERLUDE_LONG").is_some() { 10_000_000 } else { 50_000 };
        let (policy, mut rng) = (Policy::default(), Rng::new(7));
        let (mut decoded, mut kept) = (0_u32, seeds.clone());
        for round in 0..rounds {
            let mut bytes = kept[rng.below(kept.len())].clone();
            for _ in 0..rng.between(1, 4) {
                mutate(&mut bytes, &kept, &mut rng);
            }
            let Ok(text) = std::str::from_utf8(&bytes) else { continue };
            for regs_gpp in [None, Some(text)] {
                let regs = Some(Regs { gpp: regs_gpp, ..Regs::default() });
                let user = Some(User { consent: Some(text), ..User::default() });
                let request = &Request { regs, user, ..Request::default() };
                let (absent, moment) = (RegsDefault::Full, Moment::default());
                let signals = Signals { request, country: None, gpc: false, absent, moment };
                assert!(!permissions(&signals, &policy).full());
            }
            // Showing makes lists: every tenth will do.
            if round % 10 == 0 && shown(text, Kind::of(text)).is_ok() {
                decoded += 1;
                if kept.len() < 2_000 {
                    kept.push(bytes);
                }
            }
        }
        assert!(decoded > 100, "mutants that still decode: {decoded}");
    }

    fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut Rng) {
        const LETTERS: &[u8] = b"ABDCIQYg_-z019.~BBAA";
        let at = rng.below(bytes.len() + 1);
        match rng.below(6) {
            0 => bytes.insert(at, LETTERS[rng.below(LETTERS.len())]),
            1 if at < bytes.len() => bytes[at] = LETTERS[rng.below(LETTERS.len())],
            2 if at < bytes.len() => bytes[at] ^= 1 << rng.below(7),
            3 => bytes.truncate(at),
            4 if at < bytes.len() => _ = bytes.remove(at),
            _ => {
                let other = &others[rng.below(others.len())];
                let from = rng.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
                bytes.truncate(4_000);
            }
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "\\PC{0,80}") {
            for kind in [Kind::of(&text), Kind::Tcf, Kind::Gpp, Kind::UsPrivacy] {
                let _ = shown(&text, kind);
            }
        }

        #[test]
        fn damaged_strings_never_panic(
            which in 0_usize..4,
            at in 0_usize..80,
            byte in "[A-Za-z0-9_.~-]",
            cut in 0_usize..200,
        ) {
            let whole = [
                "COv_eg6Ov_eg6AOADBENAaCgAP_AAH_AACiQAVEUQQoAIQAqIoghAAQgAA.YAAAAAAAAAAAAAAAAAA",
                "COoC-kUOoC-kUAHABAENAwCoAIAAAELAAAwIF5wAoAAgAGAvMACX_ABBAAQAFA",
                "DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1NYN",
                "DBABh4A~BlgWEYCY.QA~BSFgmiU",
            ][which];
            let mut text = whole.to_owned();
            let at = at % text.len();
            text.replace_range(at..=at, &byte);
            text.truncate(cut.max(1));
            let _ = shown(&text, Kind::of(&text));
        }
    }
}

//! Does another decoder read the same out of a TC string? Against `iab_gpp`, over made strings.
//!
//! Strings are short, as hostile ones take it long: its work grows with the ranges that a string
//! names, ours with its length. Strings that are bent are compared where both read them. It reads
//! publisher restrictions as lists of vendors, against the specification and the IAB's libraries
//! (whose vectors ours passes): the strings made here have none.

use std::str::FromStr as _;

use iab_gpp::sections::tcfeuv2::TcfEuV2;
use iab_gpp::v1::GPPString;
use interlude::base::stdx::rng::Rng;
use interlude::market::privacy::{Kind, shown};
use serde_json::{Map, Value, json};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bits of a segment, as base64url.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u64, bits: u32) -> &mut Bits {
        self.0.extend((0..bits).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn chance(&mut self, rng: &mut Rng, bits: u32) -> &mut Bits {
        self.put(rng.next_u64() & ((1 << bits) - 1), bits)
    }

    /// Two letters.
    fn letters(&mut self, rng: &mut Rng) -> &mut Bits {
        self.put(rng.below(26) as u64, 6).put(rng.below(26) as u64, 6)
    }

    /// Ranges that ascend, behind their number (12 bits); the highest id is given.
    fn ranges(&mut self, rng: &mut Rng) -> u64 {
        let count = rng.below(6) as u64;
        self.put(count, 12);
        let mut last = 0;
        for _ in 0..count {
            let first = last + rng.between(1, 40) as u64;
            last = first + if rng.chance(0.5) { rng.between(1, 12) as u64 } else { 0 };
            self.put(u64::from(last > first), 1).put(first, 16);
            if last > first {
                self.put(last, 16);
            }
        }
        last
    }

    /// Vendors, as bits or as ranges.
    fn vendors(&mut self, rng: &mut Rng) -> &mut Bits {
        if rng.chance(0.5) {
            let most = rng.below(60);
            self.put(most as u64, 16).put(0, 1);
            self.0.extend((0..most).map(|_| rng.chance(0.4)));
        } else {
            let mut ranges = Bits::default();
            let most = ranges.ranges(rng);
            self.put(most, 16).put(1, 1).0.append(&mut ranges.0);
        }
        self
    }

    /// In whole bytes, as other decoders want it.
    fn text(&self) -> String {
        let mut bits = self.0.clone();
        bits.resize(bits.len().next_multiple_of(8), false);
        let six = |bits: &[bool]| {
            (0..6).fold(0, |six, at| six << 1 | usize::from(bits.get(at) == Some(&true)))
        };
        bits.chunks(6).map(|bits| char::from(ALPHABET[six(bits)])).collect()
    }
}

fn made(rng: &mut Rng) -> String {
    let mut core = Bits::default();
    // 2001 to 2055, in tenths of a second.
    let time = |rng: &mut Rng| 10_000_000_000 + rng.below(17_000_000_000) as u64;
    core.put(2, 6).put(time(rng), 36).put(time(rng), 36);
    core.chance(rng, 12).chance(rng, 12).chance(rng, 6).letters(rng).chance(rng, 12);
    core.chance(rng, 6).chance(rng, 2).chance(rng, 12).chance(rng, 24).chance(rng, 24);
    core.chance(rng, 1).letters(rng).vendors(rng).vendors(rng);
    core.put(0, 12);
    let mut text = core.text();
    for kind in [1, 2] {
        if rng.chance(0.4) {
            let mut segment = Bits::default();
            text += &format!(".{}", segment.put(kind, 3).vendors(rng).text());
        }
    }
    if rng.chance(0.4) {
        let mut segment = Bits::default();
        segment.put(3, 3).chance(rng, 24).chance(rng, 24);
        let custom = rng.below(9);
        segment.put(custom as u64, 6).chance(rng, custom as u32).chance(rng, custom as u32);
        text += &format!(".{}", segment.text());
    }
    text
}

fn bent(text: &str, rng: &mut Rng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = rng.below(bytes.len());
    match rng.below(3) {
        0 => bytes[at] = ALPHABET[rng.below(64)],
        1 => bytes.truncate(at),
        _ => _ = bytes.remove(at),
    }
    String::from_utf8(bytes).unwrap()
}

fn ids<'a>(set: impl IntoIterator<Item = &'a u16>) -> Value {
    let mut ids: Vec<u16> = set.into_iter().copied().collect();
    ids.sort_unstable();
    json!(ids)
}

/// The same fields, of its reading.
fn theirs(tcf: &TcfEuV2) -> Value {
    let core = &tcf.core;
    let of = |set: &Option<_>| set.as_ref().map_or(json!([]), ids);
    json!({
        "cmpId": core.cmp_id,
        "cmpVersion": core.cmp_version,
        "consentScreen": core.consent_screen,
        "consentLanguage": core.consent_language.to_ascii_uppercase(),
        "vendorListVersion": core.vendor_list_version,
        "policyVersion": core.policy_version,
        "isServiceSpecific": core.is_service_specific,
        "purposeOneTreatment": core.purpose_one_treatment,
        "publisherCountryCode": core.publisher_country_code.to_ascii_uppercase(),
        "specialFeatureOptins": ids(&core.special_feature_optins),
        "purposeConsents": ids(&core.purpose_consents),
        "purposeLegitimateInterests": ids(&core.purpose_legitimate_interests),
        "vendorConsents": ids(&core.vendor_consents),
        "vendorLegitimateInterests": ids(&core.vendor_legitimate_interests),
        "vendorsAllowed": of(&tcf.allowed_vendors),
        "vendorsDisclosed": of(&tcf.disclosed_vendors),
    })
}

fn differs(text: &str, ours: &Map<String, Value>, tcf: &TcfEuV2) -> Option<String> {
    let theirs = theirs(tcf);
    let fields = theirs.as_object().unwrap().iter();
    let wrong: Vec<String> = fields
        .filter(|(key, value)| ours.get(*key) != Some(value))
        .map(|(key, value)| format!("{key}: {:?}, theirs {value}", ours.get(key)))
        .collect();
    (!wrong.is_empty()).then(|| format!("{text}: {}", wrong.join("; ")))
}

#[test]
fn another_decoder_reads_the_same() {
    let count = if std::env::var_os("INTERLUDE_LONG").is_some() { 100_000 } else { 3_000 };
    let (mut rng, mut both) = (Rng::new(25), 0);
    let (mut only_ours, mut only_theirs) = (0, Vec::new());
    for _ in 0..count {
        let text = made(&mut rng);
        let ours = shown(&text, Kind::Tcf).unwrap_or_else(|why| panic!("{text}: {why}"));
        let theirs = TcfEuV2::from_str(&text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(differs(&text, &ours, &theirs), None);
        let bent = bent(&text, &mut rng);
        match (shown(&bent, Kind::Tcf), TcfEuV2::from_str(&bent)) {
            (Ok(ours), Ok(theirs)) => {
                both += 1;
                assert_eq!(differs(&bent, &ours, &theirs), None);
            }
            // A character too few: what is left is no whole bytes, which it asks for.
            (Ok(_), Err(_)) if bent.len() < text.len() => only_ours += 1,
            (Ok(_), Err(why)) => panic!("{bent}: read here alone; theirs: {why}"),
            // Stricter is safe: there is no consent in what is not read.
            (Err(fault), Ok(_)) => only_theirs.push(fault),
            (Err(_), Err(_)) => {}
        }
    }
    assert!(only_ours * 100 < count, "{only_ours} of {count}");
    assert!(both * 5 > count, "bent strings that both read: {both} of {count}");
    assert!(only_theirs.len() * 2 < count, "{}: {:?}", only_theirs.len(), only_theirs.first());
}

/// Which sections a GPP string has, over the vectors and what is bent of them.
#[test]
fn another_decoder_finds_the_same_sections() {
    let folder = super::fixtures().join("gpp_vectors.json");
    let vectors: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(folder).unwrap()).unwrap();
    let mut rng = Rng::new(26);
    let mut both = 0;
    for text in vectors.iter().map(|vector| vector["string"].as_str().unwrap()) {
        let bent =
            (0..20).map(|_| if text.is_empty() { String::new() } else { bent(text, &mut rng) });
        for text in std::iter::once(text.to_owned()).chain(bent.collect::<Vec<_>>()) {
            let Ok(theirs) = GPPString::from_str(&text) else { continue };
            let Ok(ours) = shown(&text, Kind::Gpp) else { continue };
            let sections: Vec<u64> = theirs.section_ids().map(|&id| id as u64).collect();
            assert_eq!(ours["header"]["sectionIds"], json!(sections), "{text}");
            both += 1;
        }
    }
    assert!(both > 100, "{both}");
}

//! Are the requests shaped like real ones, and the same every time?

use std::str::FromStr as _;

use iab_gpp::sections::tcfeuv2::TcfEuV2;

use super::*;

/// 2026-01-05, a Monday, 17:00 UTC.
const MOMENT: Moment = Moment::from_unix_s(1_767_632_400);

fn sample(count: u64) -> Vec<Value> {
    let requests = Requests::new(1, 10_000);
    (0..count).map(|index| requests.value(index, MOMENT)).collect()
}

fn share(of: &[Value], holds: impl Fn(&Value) -> bool) -> f64 {
    of.iter().filter(|value| holds(value)).count() as f64 / of.len() as f64
}

#[test]
fn an_index_is_always_the_same_request() {
    let (one, other) = (Requests::new(3, 1_000), Requests::new(3, 1_000));
    assert_eq!(one.json(17, MOMENT), other.json(17, MOMENT));
    assert_ne!(one.json(17, MOMENT), one.json(18, MOMENT));
}

#[test]
fn sizes_are_those_of_real_requests() {
    let requests = Requests::new(1, 10_000);
    let mut sizes: Vec<usize> = (0..2_000).map(|i| requests.json(i, MOMENT).len()).collect();
    sizes.sort_unstable();
    let (small, median, large) = (sizes[20], sizes[1_000], sizes[1_960]);
    assert!((1_400..=1_800).contains(&median), "median {median}, from {small} to {large}");
    assert!(small >= 700 && large <= 2_600, "from {small} to {large}");
}

#[test]
fn about_a_third_may_only_be_sold_by_context() {
    let requests = sample(3_000);
    let contextual = share(&requests, |request| {
        let country = request["device"]["geo"]["country"].as_str().unwrap_or_default();
        request["regs"]["gdpr"] == 1
            || request["device"]["lmt"] == 1
            || request["regs"]["us_privacy"] == "1YYN"
            || request["regs"]["ext"]["gpc"] == 1
            || ["GBR", "DEU", "FRA", "ESP", "ITA", "SWE", "NLD"].contains(&country)
    });
    assert!((0.25..0.42).contains(&contextual), "{contextual}");
    let known = share(&requests, |request| request["user"]["buyeruid"].is_string());
    assert!((0.45..0.7).contains(&known), "{known}");
}

#[test]
fn most_tell_what_plays_and_few_cannot_be_filled() {
    let requests = sample(3_000);
    let content = |request: &Value| {
        let place = if request["app"].is_object() { "app" } else { "site" };
        request[place]["content"].clone()
    };
    assert!(share(&requests, |request| content(request)["genre"].is_string()) > 0.8);
    assert!(share(&requests, |request| request["imp"][0]["pmp"].is_object()) > 0.04);
    let several = share(&requests, |request| request["imp"].as_array().unwrap().len() > 1);
    assert!((0.02..0.1).contains(&several), "{several}");
    let video = share(&requests, |request| request["imp"][0]["audio"]["mimes"][0] == "video/mp4");
    assert!((0.003..0.03).contains(&video), "{video}");
}

/// As another decoder reads it.
#[test]
fn consent_is_said_in_many_ways() {
    let requests = sample(3_000);
    let strings = requests.iter().filter_map(|request| request["user"]["consent"].as_str());
    let mut strings: Vec<&str> = strings.collect();
    strings.sort_unstable();
    strings.dedup();
    let (mut all, mut none) = (0, 0);
    for text in &strings {
        let tcf = TcfEuV2::from_str(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let vendors = tcf.core.vendor_consents.len();
        assert_eq!(tcf.core.purpose_consents.is_empty(), vendors == 0, "{text}");
        let shown = tcf.disclosed_vendors.expect("who was shown").len();
        assert!(shown > 500 && vendors <= shown, "{vendors} of {shown}");
        all += usize::from(vendors == shown);
        none += usize::from(vendors == 0);
    }
    let share = |count: usize| count as f64 / strings.len() as f64;
    assert!(strings.len() > 300, "{} different ones", strings.len());
    assert!((0.5..0.72).contains(&share(all)), "{}", share(all));
    assert!((0.17..0.37).contains(&share(none)), "{}", share(none));
}

#[test]
fn some_floors_go_by_length() {
    let requests = sample(3_000);
    let imps = requests.iter().flat_map(|request| request["imp"].as_array().unwrap());
    let imps: Vec<Value> = imps.filter(|imp| imp["audio"].is_object()).cloned().collect();
    let ranges = share(&imps, |imp| imp["audio"]["durfloors"].is_array());
    assert!((0.02..0.06).contains(&ranges), "{ranges}");
    let per_second = share(&imps, |imp| imp["audio"]["mincpmpersec"].is_f64());
    assert!((0.01..0.06).contains(&per_second), "{per_second}");
    let both =
        |imp: &Value| imp["audio"]["durfloors"].is_array() && imp["audio"]["mincpmpersec"].is_f64();
    assert!(!imps.iter().any(both));
    let deals = imps.iter().filter_map(|imp| imp["pmp"]["deals"].as_array()).flatten();
    assert!(deals.filter(|deal| deal["durfloors"].is_array()).count() > 5);
}

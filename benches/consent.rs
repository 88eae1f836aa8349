//! What does consent cost? A string of each kind decoded, and the permissions made of it; and the
//! least that a cache of strings would cost in its place: their keyed hash.
//!
//! One thread; block by block in turn over the kinds, so that whatever else the machine does falls
//! on all alike. Printed: the median over the rounds, in nanoseconds a request.
//!
//! ```text
//! cargo bench --bench consent              300 rounds; with -- --test, three
//! ```

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a bench reports, or fails")]

use std::hash::{BuildHasher as _, RandomState};
use std::hint::black_box;
use std::time::Instant;

use interlude::base::units::time::Moment;
use interlude::market::openrtb::request::{Regs, Request, User};
use interlude::market::privacy::{Config, Policy, RegsDefault, Signals, permissions};

/// Decisions of one block.
const BLOCK: u32 = 2_000;

/// 2023-01-01, when the strings were young.
const THEN: Moment = Moment::from_unix_s(1_672_531_200);

fn main() {
    let rounds = if std::env::args().any(|arg| arg == "--test") { 3 } else { 300 };
    let config = Config { vendor_id: 8, policy_version_min: 2, ..Config::default() };
    let policy = Policy::new(&config, None).expect("a policy");
    let kinds = kinds();
    let mut took: Vec<Vec<u64>> = vec![Vec::new(); kinds.len()];
    for _ in 0..rounds {
        for ((_, request), took) in kinds.iter().zip(&mut took) {
            let began = Instant::now();
            for _ in 0..BLOCK {
                let (absent, country) = (RegsDefault::Full, Some("USA"));
                let request = black_box(request);
                let signals = Signals { request, country, gpc: false, absent, moment: THEN };
                black_box(permissions(&signals, &policy));
            }
            took.push(began.elapsed().as_nanos() as u64 / u64::from(BLOCK));
        }
    }
    println!("{:<44} {:>9} {:>9}", "", "permitted", "hashed");
    for ((name, request), mut took) in kinds.iter().zip(took) {
        let mut hashed: Vec<u64> = (0..rounds).map(|_| hash_ns(request)).collect();
        println!("{name:<44} {:>6} ns {:>6} ns", median_ns(&mut took), median_ns(&mut hashed));
    }
}

/// SipHash-1-3 under a secret key: what nobody can make strings of one place for.
fn hash_ns(request: &Request<'_>) -> u64 {
    let keyed = RandomState::new();
    let regs = request.regs.unwrap_or_default();
    let text = request.user.as_ref().and_then(|user| user.consent).or(regs.gpp).unwrap_or("");
    let began = Instant::now();
    for _ in 0..BLOCK {
        black_box(keyed.hash_one(black_box(text)));
    }
    began.elapsed().as_nanos() as u64 / u64::from(BLOCK)
}

fn median_ns(took: &mut [u64]) -> u64 {
    took.sort_unstable();
    took[took.len() / 2]
}

fn kinds() -> Vec<(String, Request<'static>)> {
    let tcf = vectors("tcf_vectors");
    let longest = *tcf.iter().max_by_key(|text| text.len()).expect("vectors");
    let of_2: Vec<_> = tcf.into_iter().filter(|text| text.starts_with('C')).collect();
    let middle = median(of_2.clone());
    let typical = *of_2.iter().find(|text| text.starts_with("CPi8wgA")).unwrap_or(&middle);
    let gpp = vectors("gpp_vectors");
    let all = *gpp.iter().max_by_key(|text| text.len()).expect("vectors");
    let user = |text| User { consent: Some(text), ..User::default() };
    let consent = |text| Request { user: Some(user(text)), ..Request::default() };
    let regs = |regs| Request { regs: Some(regs), ..Request::default() };
    let gpp = |text| regs(Regs { gpp: Some(text), ..Regs::default() });
    vec![
        ("nothing said".to_owned(), Request::default()),
        ("US privacy".to_owned(), regs(Regs { us_privacy: Some("1YNN"), ..Regs::default() })),
        ("GPP, US national".to_owned(), gpp("DBABLA~BVVqAAAAAmA.QA")),
        (format!("GPP, all sections ({} characters)", all.len()), gpp(all)),
        (format!("TC string, median ({} characters)", middle.len()), consent(middle)),
        (format!("TC string, of the web ({} characters)", typical.len()), consent(typical)),
        (format!("TC string, longest ({} characters)", longest.len()), consent(longest)),
    ]
}

fn median(mut texts: Vec<&'static str>) -> &'static str {
    texts.sort_by_key(|text| text.len());
    texts[texts.len() / 2]
}

/// The strings of the reference's vectors, for the bench's life.
fn vectors(file: &str) -> Vec<&'static str> {
    let text = std::fs::read_to_string(format!("tests/fixtures/privacy/{file}.json"));
    let vectors: Vec<serde_json::Value> =
        serde_json::from_str(&text.expect("the fixtures")).expect("vectors");
    let decoded = vectors.iter().filter(|vector| vector["expected"].get("error").is_none());
    decoded.filter_map(|v| v["string"].as_str()).map(|text| &*text.to_owned().leak()).collect()
}

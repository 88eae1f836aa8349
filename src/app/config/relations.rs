//! Do the keys agree with each other? What no single key can be blamed for alone.

use std::collections::HashMap;

use super::read::Document;
use super::{Config, ExchangeRow};
use crate::base::stdx::fault::Fault;
use crate::knowledge::audience;
use crate::market::vocabulary::{DistressMoment, Vocabulary};

/// Adds every disagreement to `faults`, at the key that is to be changed.
pub fn check(config: &Config, document: &Document<'_>, faults: &mut Vec<Fault>) {
    let mut say = |wrong: bool, path: &str, message: &str, mend: &str| {
        if wrong {
            faults.push(document.fault_at(path, message.to_owned()).with_mend(mend));
        }
    };
    bid_door(config, &mut say);
    if let Err(why) = config.log.check() {
        say(true, "log.level", &why.to_string(), "write a level such as \"info\"");
    }
    say(
        config.log.decisions_ppm > 1_000_000,
        "log.decisions_ppm",
        "there are no more than a million in a million",
        "write a number from 0 to 1000000",
    );
    say(
        config.log.decisions_per_s > 1_000,
        "log.decisions_per_s",
        "the log is for people: so many lines are kept in records",
        "write a number up to 1000",
    );
    for (key, what, mend) in config.otel.faults() {
        say(true, &format!("otel.{key}"), what, mend);
    }
    say(
        config.campaigns.watch_ms != 0 && config.campaigns.watch_ms < 50,
        "campaigns.watch_ms",
        "watches more often than every 50 ms",
        "write 0 for never, or at least 50",
    );
    say(
        config.rates.worth.contains_key(&config.rates.reference),
        &format!("rates.{}", config.rates.reference.0),
        "the reference currency is worth 1 by definition",
        "leave it out",
    );
    rooms(config, &mut say);
    exchanges(config, &mut say);
}

/// What each room says of its own bounds, as `section.key: what holds`.
fn rooms(config: &Config, say: &mut Say<'_>) {
    let faults = [
        config.notice.faults(),
        config.delivery.faults(),
        config.ledger.faults(),
        config.records.faults(),
        config.audience.faults(),
        config.privacy.faults(),
    ];
    for fault in faults.into_iter().flatten() {
        let (path, bound) = fault.split_once(": ").unwrap_or(("", fault));
        // The journal says its own name; it stands within the notices' section.
        let nested = if path.starts_with("journal.") { "notice." } else { "" };
        say(true, &format!("{nested}{path}"), "out of its bounds", bound);
    }
    for (key, bound) in config.crowd.faults() {
        say(true, &format!("crowd.{key}"), "out of its bounds", bound);
    }
    for fault in config.admin.upload.faults() {
        let (key, bound) = fault.split_once(": ").unwrap_or(("", fault));
        say(true, &format!("admin.upload.{key}"), "out of its bounds", bound);
    }
    for fault in config.admin.money.faults() {
        let (key, bound) = fault.split_once(": ").unwrap_or(("", fault));
        say(true, &format!("admin.money.{key}"), "out of its bounds", bound);
    }
    for (row, key, what, mend) in audience::provider_faults(&config.audience.providers) {
        say(true, &format!("audience.providers[{row}].{key}"), &what, mend);
    }
    if let Err(why) = config.creative.check() {
        let mend = "write a base such as \"https://ads.example.com\"";
        say(true, "creative.public_url", &why.to_string(), mend);
    }
    for name in Vocabulary::distress_faults(&config.vocabulary) {
        let known: Vec<&str> = DistressMoment::ALL.into_iter().map(DistressMoment::name).collect();
        let what = format!("\"{name}\" is no moment of distress");
        say(true, "vocabulary.distress", &what, &format!("known are {}", known.join(", ")));
    }
    for (row, why) in Vocabulary::segment_faults(&config.vocabulary) {
        let path = format!("vocabulary.segments[{row}]");
        say(true, &path, &why, "see the words of the vocabulary");
    }
}

type Say<'s> = dyn FnMut(bool, &str, &str, &str) + 's;

fn bid_door(config: &Config, say: &mut Say<'_>) {
    let bid = &config.bid;
    say(
        bid.listen == config.admin.listen && bid.listen.port() != 0,
        "admin.listen",
        "both listeners have one address",
        "give the admin listener a port of its own",
    );
    say(
        bid.inflated_max_bytes < bid.body_max_bytes,
        "bid.body_max_bytes",
        "a body on the wire may be larger than an inflated one",
        "make it at most bid.inflated_max_bytes",
    );
    say(
        bid.head_timeout_ms > bid.idle_timeout_ms,
        "bid.head_timeout_ms",
        "a head may take longer than an idle connection may live",
        "make it at most bid.idle_timeout_ms",
    );
    say(
        bid.head_max_bytes < 1024 || bid.head_max_bytes > 1 << 20,
        "bid.head_max_bytes",
        "must be between 1 KiB and 1 MiB",
        "16384 is the default",
    );
    say(
        bid.headers_max == 0 || bid.headers_max > 1000,
        "bid.headers_max",
        "must be between 1 and 1000",
        "100 is the default",
    );
    say(
        bid.body_max_bytes > 64 << 20 || bid.inflated_max_bytes > 64 << 20,
        "bid.body_max_bytes",
        "no body is larger than 64 MiB",
        "262144 is the default",
    );
    let least_one = [
        ("bid.connections_max", bid.connections_max as u64),
        ("bid.bodies_waiting_max", bid.bodies_waiting_max as u64),
        ("bid.body_max_bytes", bid.body_max_bytes as u64),
        ("bid.inflate_ratio_max", bid.inflate_ratio_max as u64),
        ("bid.head_timeout_ms", bid.head_timeout_ms),
        ("bid.body_timeout_ms", bid.body_timeout_ms),
        ("bid.write_timeout_ms", bid.write_timeout_ms),
    ];
    for (key, mend) in bid.overload.faults() {
        say(true, &format!("bid.overload.{key}"), "out of its bounds", mend);
    }
    for (key, mend) in bid.tls.faults() {
        say(true, &format!("bid.tls.{key}"), "out of its bounds", mend);
    }
    for (path, value) in least_one {
        say(value == 0, path, "with 0 the door takes nothing", "write at least 1");
    }
}

fn exchanges(config: &Config, say: &mut Say<'_>) {
    let rates = config.rate_table();
    let mut seen = HashMap::new();
    for (ix, row) in config.exchanges.iter().enumerate() {
        let at = |key: &str| format!("exchange[{ix}].{key}");
        let first = *seen.entry(row.key.as_str()).or_insert(ix);
        say(first != ix, &at("key"), "a second exchange of this key", "give each its own");
        say(
            !is_key(&row.key),
            &at("key"),
            "a key is 1 to 64 of a-z, 0-9, - and _",
            "it stands in URLs and metric labels",
        );
        say(
            !rates.knows(row.currency.0),
            &at("currency"),
            "no rate for this currency",
            &format!("add it to [rates], or write {:?}", config.rates.reference.0.as_str()),
        );
        say(
            !(1..=1000).contains(&row.weight),
            &at("weight"),
            "must be between 1 and 1000",
            "1 is the default: equal shares",
        );
        check_times(row, &at, say);
        let encryption = row.price_encryption.as_ref();
        say(
            encryption.is_some_and(|encryption| encryption.cipher().is_none()),
            &at("price_encryption"),
            "e_key and i_key are web-safe base64 of 32 bytes each",
            "copy them from the exchange's account page",
        );
        say(row.open_bids > 64, &at("open_bids"), "more than 64 bids for an imp", "2 is usual");
    }
    let many = config.exchanges.len() > 64;
    say(many, "exchange[64]", "more than 64 exchanges", "metrics are kept for each");
    say(config.exchanges.is_empty(), "exchange", "no exchange can reach us", "add [[exchange]]");
}

fn check_times(row: &ExchangeRow, at: &dyn Fn(&str) -> String, say: &mut Say<'_>) {
    say(
        row.network_margin_ms >= row.default_tmax_ms,
        &at("network_margin_ms"),
        "the network takes all of default_tmax_ms",
        "no request without tmax could be answered",
    );
    say(
        row.ticket_ttl_s == 0 || row.ticket_ttl_s > 7 * 86_400,
        &at("ticket_ttl_s"),
        "must be between a second and a week",
        "3600 is the default",
    );
    say(
        row.win_window_s > row.ticket_ttl_s,
        &at("win_window_s"),
        "longer than its ticket lives",
        "make it at most ticket_ttl_s",
    );
}

/// What may stand in a path and a label.
fn is_key(key: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=64).contains(&key.len()) && key.bytes().all(allowed)
}

//! Which files stand under a special rule, and why?

use crate::source::Tree;

/// Files and folders (with `/`) that a request passes through between decode and record.
pub const HOT: &[(&str, &str)] = &[
    ("src/market/openrtb/", "decodes every request, writes every answer"),
    ("src/market/privacy/", "asked once for every request"),
    ("src/market/facts.rs", "filled for every request"),
    ("src/market/slot.rs", "one for every imp"),
    ("src/market/opportunity.rs", "one for every request"),
    ("src/market/ticket.rs", "signed for every bid"),
    ("src/market/vocabulary/fold.rs", "asked for every value of a request"),
    ("src/knowledge/audience/audience.rs", "asked for every listener"),
    ("src/knowledge/audience/table.rs", "finds every listener"),
    ("src/knowledge/audience/links.rs", "hashes every id"),
    ("src/market/vocabulary/kind.rs", "asked for every listener who refuses"),
    ("src/knowledge/enrich/", "fills the facts of every request"),
    ("src/offer/targeting/simd.rs", "the hottest loop"),
    ("src/offer/targeting/search.rs", "searched for every slot"),
    ("src/offer/targeting/pass.rs", "searched for every slot"),
    ("src/offer/targeting/lists.rs", "read for every slot"),
    ("src/offer/targeting/program.rs", "run for the lines that columns cannot tell"),
    ("src/offer/auction/", "asked for every candidate"),
    ("src/offer/creative/", "fitted for every candidate, written for every bid"),
    ("src/offer/delivery/desk.rs", "asked and held for every candidate"),
    ("src/offer/delivery/caps/take.rs", "asked and taken for every candidate"),
    ("src/offer/delivery/caps/table.rs", "counted for every hold"),
    ("src/offer/delivery/holds.rs", "taken for every bid"),
    ("src/offer/delivery/recorder.rs", "between every question and its answer"),
    ("src/flows/decide/mod.rs", "the bid path itself"),
    ("src/flows/decide/candidate.rs", "judges every candidate"),
    ("src/flows/decide/coin.rs", "tossed for every request"),
    ("src/flows/decide/gather.rs", "asks for every slot"),
    ("src/flows/decide/record.rs", "written for every decision"),
    ("src/flows/decide/reply.rs", "written for every bid"),
    ("src/flows/decide/scratch.rs", "the memory of every decision"),
    ("src/flows/decide/select.rs", "chooses among the candidates"),
    ("src/flows/decide/serve.rs", "around every decision"),
];

/// Parts of hot folders that only start-up or an operator runs.
pub const COLD: &[(&str, &str)] = &[
    ("src/offer/creative/config.rs", "read at start"),
    ("src/market/privacy/config.rs", "read at start"),
    ("src/market/privacy/gvl.rs", "read at start"),
    ("src/market/privacy/shown.rs", "for `interlude consent`"),
];

/// The files that may say `unsafe`.
pub const UNSAFE: &[(&str, &str)] = &[
    ("src/offer/targeting/simd.rs", "the SIMD kernel"),
    ("tests/zero_alloc.rs", "a counting allocator"),
];

/// Types that are personal or secret, by the files that redact them.
pub const PERSONAL: &[(&str, &[&str])] = &[
    ("src/base/units/ids.rs", &["ListenerKey", "ListenerMark"]),
    (
        "src/market/openrtb/request.rs",
        &["Data", "Device", "Eid", "Geo", "Regs", "Segment", "Site", "Source", "Uid", "User"],
    ),
    ("src/market/facts.rs", &["Facts"]),
    ("src/market/ticket.rs", &["TicketKeys"]),
    ("src/knowledge/audience/change.rs", &["Change"]),
    ("src/knowledge/audience/line.rs", &["LineFault", "NewWord"]),
    ("src/knowledge/audience/links.rs", &["LinkKey"]),
    ("src/knowledge/audience/profile.rs", &["Profile"]),
    ("src/knowledge/enrich/geo.rs", &["Located"]),
    ("src/knowledge/enrich/place.rs", &["Place"]),
    ("src/offer/records/sample.rs", &["Cut", "Sample", "Sealed"]),
    ("src/flows/decide/mod.rs", &["Received"]),
    ("src/flows/notice/keys.rs", &["Secret"]),
    ("src/flows/rights/export.rs", &["Decision", "Export", "Heard", "Known", "Links", "Listener"]),
    ("src/flows/rights/why.rs", &["AdWhy", "Why", "Yours"]),
    ("src/doors/receive/house.rs", &["BidCall"]),
];

/// Written by a program: exempt from sizes.
const GENERATED: &str = "generated.rs";

pub fn is_hot(path: &str) -> bool {
    let listed = |list: &[(&str, &str)]| {
        list.iter()
            .any(|(entry, _)| *entry == path || entry.ends_with('/') && path.starts_with(entry))
    };
    listed(HOT) && !listed(COLD) && !is_generated(path) && !path.ends_with("/tests.rs")
}

pub fn is_generated(path: &str) -> bool {
    path.rsplit('/').next() == Some(GENERATED)
}

pub fn findings(tree: &Tree) -> Vec<String> {
    let gone = |entry: &&str| !tree.rust.iter().any(|file| file.path.starts_with(*entry));
    let entries = HOT.iter().chain(COLD).chain(UNSAFE).map(|(entry, _)| *entry);
    entries.filter(gone).map(|entry| format!("{entry} is gone; name where it went")).collect()
}

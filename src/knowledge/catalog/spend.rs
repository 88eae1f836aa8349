//! How much may be spent, and how fast? `budget:` and `pacing:` → the terms of delivery.
//!
//! Called by [`read`](super::read) for campaigns and lines; cold. Amounts go from digits to
//! integers, shares of traffic to millionths that come to a million.

use std::sync::Arc;

use super::hours;
use super::model::{Budget, BudgetMode, Pacing, Shape};
use super::node::{Entry, Kind, Node, Place};
use super::tables::{BUDGET, PACING};
use super::values::{self, Complaint, print_decimal};
use super::walk::{Fields, Findings, Trail, scalar};

/// What all shares of traffic come to.
const WHOLE: u64 = 1_000_000;

/// What stands at `budget`; no limit where nothing does.
pub fn budget(fields: &Fields<'_>) -> Budget {
    let amount = |text: &str| values::decimal(text, 9);
    let Some(node) = fields.node("budget") else { return Budget::NONE };
    if !matches!(node.kind, Kind::Map(_)) {
        return Budget { total: fields.read("budget", amount), ..Budget::NONE };
    }
    let trail = fields.trail.key("budget");
    let Some(fields) = Fields::open(fields.findings, node, &trail, &BUDGET) else {
        return Budget::NONE;
    };
    let total = fields.read("total", amount);
    let daily = fields.read("daily", amount);
    let mode = match fields.text("mode").as_deref() {
        Some("expected") => BudgetMode::Expected,
        _ => BudgetMode::Strict,
    };
    if !fields.has("total") && !fields.has("daily") {
        let mend = "write `total:`, `daily:` or both; without a budget it spends without limit";
        let complaint = Complaint::mend("a budget of neither a total nor a day", mend);
        fields.findings.fault(fields.place, &trail, complaint);
    }
    if mode == BudgetMode::Expected && !fields.has("daily") {
        let message = "an expected budget may be overspent by a hundredth of its day";
        fields.fault("mode", Complaint::mend(message, "write `daily:`, or leave out the mode"));
    }
    if let (Some(total), Some(daily)) = (total, daily)
        && daily > total
    {
        let message = "more than the total: the limit of the day is never reached";
        fields.warn("daily", Complaint::new(message));
    }
    Budget { total, daily, mode }
}

/// What stands at `pacing`; as fast as bids win where nothing does.
pub fn pacing(fields: &Fields<'_>) -> Pacing {
    let Some(node) = fields.node("pacing") else { return Pacing::default() };
    if !matches!(node.kind, Kind::Map(_)) {
        let shape = fields.text("pacing");
        return Pacing { shape: shape_named(shape.as_deref()), traffic: None };
    }
    let trail = fields.trail.key("pacing");
    let Some(fields) = Fields::open(fields.findings, node, &trail, &PACING) else {
        return Pacing::default();
    };
    let shape = shape_named(fields.text("shape").as_deref());
    let traffic = fields
        .node("traffic")
        .and_then(|node| traffic(fields.findings, node, &trail.key("traffic")))
        .map(Arc::new);
    if shape == Shape::Asap && fields.has("traffic") {
        let message = "`asap` does not look at the traffic";
        fields.warn("traffic", Complaint::mend(message, "write `shape: even` or `shape: front`"));
    }
    Pacing { shape, traffic }
}

/// Warns of limits that do not buy one impression.
pub fn too_small(fields: &Fields<'_>, budget: &Budget, cheapest: i64) {
    let message = match budget.total {
        Some(total) if total < cheapest => "this budget does not buy one impression",
        _ => "",
    };
    warn(fields, "total", message.to_owned());
    let message = match budget.daily {
        Some(daily) if daily < cheapest => "this does not buy one impression on any day",
        _ => "",
    };
    warn(fields, "daily", message.to_owned());
}

/// Warns of limits of a line that its campaign reaches first.
pub fn beyond(fields: &Fields<'_>, line: &Budget, campaign: &Budget) {
    let all = [("total", campaign.total), ("daily", campaign.daily)];
    for (part, own, limits) in [("total", line.total, &all[..1]), ("daily", line.daily, &all)] {
        let reached = limits.iter().find_map(|&(name, limit)| {
            let limit = limit?;
            (own? > limit).then(|| (name, print_decimal(limit, 9)))
        });
        if let Some((name, limit)) = reached {
            warn(fields, part, format!("never reached: the campaign's {name} is {limit}"));
        }
    }
}

/// At a part of the budget, or at the budget when it stands in short; no message, no warning.
fn warn(fields: &Fields<'_>, part: &'static str, message: String) {
    if message.is_empty() {
        return;
    }
    let node = fields.node("budget");
    match node.map(|node| &node.kind) {
        Some(Kind::Map(map)) => {
            let place = map.iter().find(|entry| entry.key == part);
            let place = place.map_or(fields.place, |entry| entry.value.place);
            let trail = fields.trail.key("budget");
            fields.findings.warn(place, &trail.key(part), Complaint::new(message));
        }
        _ => fields.warn("budget", Complaint::new(message)),
    }
}

fn shape_named(name: Option<&str>) -> Shape {
    match name {
        Some("even") => Shape::Even,
        Some("front") => Shape::Front,
        _ => Shape::Asap,
    }
}

fn traffic(findings: &Findings<'_>, node: &Node, trail: &Trail<'_>) -> Option<[u32; 168]> {
    let weights = match &node.kind {
        Kind::List(list) => listed(findings, list, node.place, trail),
        Kind::Map(map) => named(findings, map, trail),
        Kind::Scalar { .. } => {
            let message = format!("{} where shares of hours must stand", node.what());
            findings.fault(node.place, trail, Complaint::mend(message, HOW));
            None
        }
    }?;
    let shares = shares(&weights);
    if shares.is_none() {
        findings.fault(node.place, trail, Complaint::mend("no hour has any traffic", HOW));
    }
    shares
}

const HOW: &str = "write 168 numbers, from Monday midnight, or name hours: \
                   `{weekdays morning: 3, weekend 10-22: 2, other: 1}`";

fn listed(
    findings: &Findings<'_>,
    list: &[Node],
    place: Place,
    trail: &Trail<'_>,
) -> Option<[u64; 168]> {
    if list.len() != 168 {
        let message = format!("{} numbers where 168 must stand", list.len());
        findings.fault(place, trail, Complaint::mend(message, HOW));
        return None;
    }
    let mut weights = [0; 168];
    let mut whole = true;
    for (at, node) in list.iter().enumerate() {
        match scalar(findings, node, &trail.item(at), values::weight) {
            Some(weight) => weights[at] = weight,
            None => whole = false,
        }
    }
    whole.then_some(weights)
}

fn named(findings: &Findings<'_>, map: &[Entry], trail: &Trail<'_>) -> Option<[u64; 168]> {
    let mut weights: [Option<u64>; 168] = [None; 168];
    let (mut other, mut whole) = (None, true);
    for entry in map {
        let trail = trail.key(&entry.key);
        let weight = scalar(findings, &entry.value, &trail, values::weight);
        whole &= weight.is_some();
        let fault = |complaint| findings.fault(entry.place, &trail, complaint);
        if entry.key == "other" {
            if other.replace(weight.unwrap_or_default()).is_some() {
                fault(Complaint::new("`other` stands twice"));
                whole = false;
            }
            continue;
        }
        let hours = match hours::parse(&entry.key) {
            Ok(hours) => hours,
            Err(complaint) => {
                fault(complaint);
                whole = false;
                continue;
            }
        };
        for hour in (0..168).filter(|&hour| hours[hour]) {
            if weights[hour].replace(weight.unwrap_or_default()).is_some() {
                let mut one = [false; 168];
                one[hour] = true;
                let message = format!("{} has a share already", hours::print(&one));
                fault(Complaint::mend(message, "let no two entries name one hour"));
                whole = false;
                break;
            }
        }
    }
    whole.then(|| weights.map(|weight| weight.or(other).unwrap_or_default()))
}

/// Millionths in proportion to the weights, a million in all; `None` when all weights are nought.
/// Those that lose most by rounding down get what is left over.
fn shares(weights: &[u64; 168]) -> Option<[u32; 168]> {
    let sum: u64 = weights.iter().sum();
    let part = |weight: u64| (u128::from(weight) * u128::from(WHOLE)).checked_div(sum.into());
    let mut shares = [0; 168];
    let mut rests = [(0, 0); 168];
    for (at, &weight) in weights.iter().enumerate() {
        let share = part(weight)?;
        shares[at] = share as u32;
        let exact = u128::from(weight) * u128::from(WHOLE);
        rests[at] = (exact - share * u128::from(sum), at);
    }
    let left = WHOLE - shares.iter().map(|&share| u64::from(share)).sum::<u64>();
    rests.sort_unstable_by_key(|&(rest, at)| (std::cmp::Reverse(rest), at));
    for &(_, at) in &rests[..left as usize] {
        shares[at] += 1;
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_traffic_has_no_shares() {
        assert_eq!(shares(&[0; 168]), None);
        let mut one = [0; 168];
        one[167] = 1;
        let mut whole = [0; 168];
        whole[167] = 1_000_000;
        assert_eq!(shares(&one), Some(whole));
    }

    proptest! {
        #[test]
        fn shares_come_to_a_million_and_stay_what_they_are(
            weights in proptest::collection::vec(0u64..1_000_000_000_000, 168),
        ) {
            let weights: [u64; 168] = weights.try_into().unwrap();
            let shares_of = shares(&weights).unwrap();
            prop_assert_eq!(shares_of.iter().sum::<u32>(), 1_000_000);
            let sum: u64 = weights.iter().sum();
            for (share, weight) in shares_of.iter().zip(weights) {
                let exact = weight as f64 * 1e6 / sum as f64;
                prop_assert!((f64::from(*share) - exact).abs() <= 1.0);
            }
            prop_assert_eq!(shares(&shares_of.map(u64::from)), Some(shares_of));
        }
    }
}

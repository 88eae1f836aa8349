//! How is a comparison told? One JSON object, for the command and the admin port; cold.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Compared, Count, Named, Verdict};
use crate::base::units::money::{Currency, amount};

/// Counts by verdict, sums by currency, and the rows, those that are equal left out; no more
/// than `most`.
pub fn json(compared: &[Compared], most: usize) -> Value {
    let mut verdicts: BTreeMap<&str, u64> =
        Verdict::ALL.iter().map(|verdict| (verdict.label(), 0)).collect();
    let mut sums: BTreeMap<Option<Currency>, (Count, Count)> = BTreeMap::new();
    for row in compared {
        *verdicts.entry(row.verdict.label()).or_default() += 1;
        let (theirs, ours) = sums.entry(row.currency).or_default();
        for (sum, count) in [(theirs, row.theirs), (ours, row.ours)] {
            sum.impressions += count.impressions;
            sum.nanos = sum.nanos.saturating_add(count.nanos);
        }
    }
    let totals: Vec<Value> = sums
        .into_iter()
        .map(|(currency, (theirs, ours))| {
            let mut told = sides(theirs, ours);
            told["currency"] = json!(currency.map(|currency| currency.as_str().to_owned()));
            told
        })
        .collect();
    let differing = compared.iter().filter(|row| row.verdict != Verdict::Equal);
    let rows: Vec<Value> = differing.clone().take(most).map(told).collect();
    let untold = differing.count() - rows.len();
    json!({ "verdicts": verdicts, "totals": totals, "rows": rows, "rows_untold": untold })
}

fn told(row: &Compared) -> Value {
    let mut told = sides(row.theirs, row.ours);
    told["row"] = json!(row.row);
    told["verdict"] = json!(row.verdict.label());
    match row.named {
        Named::Bid(bid) => told["bid"] = json!(format!("{:016x}", bid.0)),
        Named::Hour(line, hour) => {
            let start = jiff::Timestamp::from_second(hour.start().unix_s()).unwrap_or_default();
            told["line"] = json!(line.to_string());
            told["hour"] = json!(start.to_string());
        }
    }
    told
}

fn sides(theirs: Count, ours: Count) -> Value {
    json!({
        "theirs": { "impressions": theirs.impressions, "amount": amount(theirs.nanos) },
        "ours": { "impressions": ours.impressions, "amount": amount(ours.nanos) },
        "difference": amount(ours.nanos.saturating_sub(theirs.nanos)),
    })
}

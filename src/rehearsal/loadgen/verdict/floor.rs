//! What must a bid reach? Floors by the precedence of OpenRTB 2.6 §7.11, read mildly: where ranges
//! overlap or a length was rounded, the lowest that may be meant. Cold.

use serde_json::Value;

use super::list;

/// The least price in CPM, and its currency. Of a spot whose length is not known, a floor by its
/// length demands nothing.
pub fn least<'v>(imp: &'v Value, deal: Option<&'v Value>, spot_s: Option<f64>) -> (f64, &'v str) {
    let of_deal = deal.and_then(|deal| Some((of(deal, deal, spot_s)?, deal)));
    let of_imp = || Some((of(&imp["audio"], imp, spot_s)?, imp));
    let (cpm, from) = of_deal.or_else(of_imp).unwrap_or((0.0, imp));
    // A deal does not inherit the currency.
    (cpm, from["bidfloorcur"].as_str().unwrap_or("USD"))
}

/// The floor by length, else the plain one; `None`: nothing is said.
fn of(lengths: &Value, plain: &Value, spot_s: Option<f64>) -> Option<f64> {
    let some = |floor: &Value| floor.as_f64().filter(|cpm| *cpm > 0.0);
    if let Some(per_second) = some(&lengths["mincpmpersec"]) {
        return Some(per_second * spot_s.unwrap_or(0.0));
    }
    let ranges = list(&lengths["durfloors"]);
    let Some(spot_s) = spot_s else {
        return if ranges.is_empty() { some(&plain["bidfloor"]) } else { Some(0.0) };
    };
    let at = |spot_s: f64| {
        let within = ranges.iter().filter(|range| covers(range, spot_s));
        let floors = within.map(|range| range["bidfloor"].as_f64().unwrap_or(0.0));
        floors.min_by(f64::total_cmp).or_else(|| some(&plain["bidfloor"]))
    };
    // The length may be told in whole seconds.
    let [exact, floor, round] = [spot_s, spot_s.floor(), spot_s.round()].map(at);
    [floor, round].into_iter().fold(exact, |least, other| if other < least { other } else { least })
}

/// Either end may be left out.
fn covers(range: &Value, spot_s: f64) -> bool {
    let from = range["mindur"].as_f64().unwrap_or(0.0);
    let to = range["maxdur"].as_f64().unwrap_or(f64::MAX);
    (from..=to).contains(&spot_s)
}

//! What does an imp ask for spots of another length? Floors a second and by ranges of durations, by
//! a few sellers, in place of a deal's floor too.

use serde_json::{Value, json};

use crate::base::stdx::rng::Rng;

/// With draws of their own: all else in the request is as it was without them.
pub fn floors(rng: &mut Rng, imps: &mut Value) {
    for imp in imps.as_array_mut().into_iter().flatten().filter(|imp| imp["audio"].is_object()) {
        let plain = imp["bidfloor"].as_f64().unwrap_or(0.0);
        // Who sells a stretch of time has a price for each second of it more often.
        let per_second = if imp["audio"]["poddur"].is_u64() { 0.4 } else { 0.02 };
        if rng.chance(per_second) {
            imp["audio"]["mincpmpersec"] = json!(thousandths(plain / 20.0));
        } else if rng.chance(0.04) {
            imp["audio"]["durfloors"] = ranges(plain);
        }
        for deal in deals(imp) {
            if rng.chance(0.1) {
                deal["durfloors"] = ranges(deal["bidfloor"].as_f64().unwrap_or(0.0));
                deal["bidfloor"] = json!(0.0);
            }
        }
    }
}

fn deals(imp: &mut Value) -> impl Iterator<Item = &mut Value> {
    let deals = imp.pointer_mut("/pmp/deals").and_then(Value::as_array_mut);
    deals.into_iter().flatten()
}

/// Cheaper for short ones, dearer for long ones.
fn ranges(plain: f64) -> Value {
    json!([
        { "mindur": 1, "maxdur": 15, "bidfloor": thousandths(plain * 0.75) },
        { "mindur": 16, "maxdur": 30, "bidfloor": thousandths(plain * 1.25) },
        { "mindur": 31, "bidfloor": thousandths(plain * 2.0) },
    ])
}

fn thousandths(cpm: f64) -> f64 {
    (cpm * 1000.0).round() / 1000.0
}

//! Who is turned away when not all can be served? Those who ask for more than their share; by
//! weights, as max-min fairness has it: nobody gets more while another who asks for it has less.

/// Of each asker's requests, the share to turn away, so that `share` of all are.
pub fn turned_away(share: f64, asked: &[f64], weights: &[u32]) -> Vec<f64> {
    let all: f64 = asked.iter().sum();
    if all <= 0.0 || share <= 0.0 {
        return vec![0.0; asked.len()];
    }
    let level = level(all * (1.0 - share.min(1.0)), asked, weights);
    let away = |(asked, weight): (&f64, &u32)| {
        let given = asked.min(level * f64::from(*weight));
        if *asked > 0.0 { 1.0 - given / asked } else { 0.0 }
    };
    asked.iter().zip(weights).map(away).collect()
}

/// Who asks for as much as an equal share or more: the only ones who may have to wait.
pub fn over(asked: &[f64], weights: &[u32]) -> Vec<bool> {
    let all: f64 = asked.iter().sum();
    let asking = |(asked, weight): (&f64, &u32)| if *asked > 0.0 { *weight } else { 0 };
    let weight: u32 = asked.iter().zip(weights).map(asking).sum();
    let fair = all / f64::from(weight.max(1));
    // A little below, so that equals are all of them over.
    asked.iter().zip(weights).map(|(a, w)| *a > 0.0 && *a >= 0.9 * fair * f64::from(*w)).collect()
}

/// What a weight of one gets when `room` is dealt out and nobody gets more than was asked.
fn level(room: f64, asked: &[f64], weights: &[u32]) -> f64 {
    let mut asks: Vec<(f64, f64)> = asked
        .iter()
        .zip(weights)
        .filter(|(asked, weight)| **asked > 0.0 && **weight > 0)
        .map(|(asked, weight)| (*asked, f64::from(*weight)))
        .collect();
    asks.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let mut weight: f64 = asks.iter().map(|(_, weight)| weight).sum();
    let mut room = room;
    for (asked, own) in asks {
        if asked / own >= room / weight {
            return room / weight;
        }
        room -= asked;
        weight -= own;
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_floods_is_turned_away_and_the_others_are_served() {
        let away = turned_away(0.5, &[1000.0, 100.0, 100.0], &[1, 1, 1]);
        assert!((away[0] - 0.6).abs() < 1e-9, "{away:?}");
        assert_eq!(&away[1..], [0.0, 0.0]);
        assert_eq!(over(&[1000.0, 100.0, 100.0], &[1, 1, 1]), [true, false, false]);
        assert_eq!(over(&[100.0, 100.0, 0.0], &[1, 1, 1]), [true, true, false]);
    }

    #[test]
    fn a_weight_counts() {
        let away = turned_away(0.25, &[300.0, 100.0], &[3, 1]);
        assert!(away.iter().all(|share| (share - 0.25).abs() < 1e-9), "{away:?}");
    }

    proptest! {
        #[test]
        fn as_many_are_turned_away_as_was_asked(
            share in 0.0..1.0_f64,
            asks in proptest::collection::vec((0.0..1e5_f64, 1..10_u32), 1..8),
        ) {
            let asked: Vec<f64> = asks.iter().map(|(asked, _)| *asked).collect();
            let weights: Vec<u32> = asks.iter().map(|(_, weight)| *weight).collect();
            let away = turned_away(share, &asked, &weights);
            let all: f64 = asked.iter().sum();
            let turned: f64 = asked.iter().zip(&away).map(|(asked, away)| asked * away).sum();
            prop_assert!((turned - all * share).abs() <= 1e-6 * all.max(1.0));
            // Nobody who is cut has more for its weight than another who is.
            let given = |ix: usize| asked[ix] * (1.0 - away[ix]) / f64::from(weights[ix]);
            let most = (0..asked.len()).map(given).fold(0.0, f64::max);
            for cut in (0..asked.len()).filter(|&ix| away[ix] > 1e-9) {
                prop_assert!(most <= given(cut) * (1.0 + 1e-6) + 1e-6);
            }
        }
    }
}

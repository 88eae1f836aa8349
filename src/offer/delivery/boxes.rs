//! Where may no bid go for now? The supplies that hoard wins, as the till found them. Hot,
//! lock-free.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::market::marks::SupplyMark;

/// Supplies in the penalty box; nearly always none.
#[derive(Default)]
pub struct Boxes(ArcSwapOption<Vec<SupplyMark>>);

impl Boxes {
    /// `boxed`: all that are in the box from now on, ascending.
    pub fn publish(&self, boxed: Vec<SupplyMark>) {
        self.0.store((!boxed.is_empty()).then(|| Arc::new(boxed)));
    }

    pub fn holds(&self, supply: SupplyMark) -> bool {
        let boxed = self.0.load();
        boxed.as_ref().is_some_and(|boxed| boxed.binary_search(&supply).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_boxed_is_held() {
        let boxes = Boxes::default();
        let held = |boxes: &Boxes| (0..5).filter(|&n| boxes.holds(SupplyMark(n))).count();
        assert_eq!(held(&boxes), 0);
        boxes.publish(vec![SupplyMark(1), SupplyMark(3)]);
        assert!(boxes.holds(SupplyMark(1)) && boxes.holds(SupplyMark(3)));
        assert_eq!(held(&boxes), 2);
        boxes.publish(Vec::new());
        assert_eq!(held(&boxes), 0);
    }
}

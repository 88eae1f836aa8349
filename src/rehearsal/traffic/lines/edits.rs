//! How does a world look that was edited since it was built? Some lines fresh, some gone.
//!
//! For the bench of `targeting` (`worst/edited/…`) and its tests; cold.

use crate::base::units::ids::LineIx;
use crate::knowledge::catalog::model::Expr;
use crate::offer::targeting::{Fresh, Index};

/// An index that has come to its lines by edits.
pub struct Edited {
    pub index: Index,
    /// The lines that it can find, in the order of search: its name for each, and where it stands
    /// among the lines that it was made of.
    pub living: Vec<(LineIx, usize)>,
}

/// Builds an index of all `lines` but so many, which are added afterwards, and takes as many others
/// out; both are spread over the whole order of search.
pub fn edited(lines: &[Expr], edits: usize) -> Edited {
    let step = (lines.len() / edits.max(1)).max(2);
    let (is_fresh, is_gone) = (|at: usize| at.is_multiple_of(step), |at: usize| at % step == 1);
    let of_base: Vec<usize> = (0..lines.len()).filter(|&at| !is_fresh(at)).collect();
    let base = Index::of(of_base.iter().map(|&at| &lines[at]));
    let (mut fresh, mut gone, mut living) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = 0;
    for (at, targeting) in lines.iter().enumerate() {
        if is_fresh(at) {
            living.push((LineIx((of_base.len() + fresh.len()) as u32), at));
            fresh.push(Fresh { targeting, before: LineIx(before) });
            continue;
        }
        if is_gone(at) {
            gone.push(LineIx(before));
        } else {
            living.push((LineIx(before), at));
        }
        before += 1;
    }
    Edited { index: base.edit(gone.into_iter(), &fresh), living }
}

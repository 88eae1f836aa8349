//! Where does a click go? The landing page of the creative, or of the companion that was clicked.
//!
//! Asked by the notice path for `/click/{ticket}?crid=…[&companion=…]`; cold. The ticket names
//! the line; the query only says which of that line's own creatives, so the answer is always a
//! URL that the advertiser uploaded: no open redirect.

use crate::base::units::ids::LineId;
use crate::knowledge::catalog::model::Catalog;

/// The URL to send the listener to; `None` when the line or its creative is no longer there, or
/// has no landing page. A `crid` that is not one of the line's falls back on the line's first.
pub fn click_target<'c>(
    catalog: &'c Catalog,
    line: LineId,
    crid: Option<&str>,
    companion: Option<usize>,
) -> Option<&'c str> {
    let line = catalog.line(*catalog.by_id.get(&line)?);
    let mut creatives = line.creatives.iter().map(|&ix| catalog.creative(ix));
    let first = creatives.clone().next()?;
    let creative = creatives.find(|creative| Some(creative.crid.as_str()) == crid).unwrap_or(first);
    let of_companion =
        companion.and_then(|ix| creative.companions.get(ix)?.click_through.as_deref());
    of_companion.or(creative.click_through.as_deref())
}

//! Where does a click go? The landing page of the creative, or of the companion that was clicked.
//!
//! Asked by the notice path for `/click/{ticket}[?companion=…]`; cold. The ticket names the line
//! and the creative, the query only which of its companions, so the answer is always a URL that
//! the advertiser uploaded: no open redirect.

use crate::knowledge::catalog::model::Catalog;
use crate::market::ticket::{Ticket, creative_mark};

/// The URL to send the listener to; `None` when the line or the creative is no longer there, or
/// has no landing page.
pub fn click_target<'c>(
    catalog: &'c Catalog,
    ticket: &Ticket,
    companion: Option<usize>,
) -> Option<&'c str> {
    let line = catalog.line(*catalog.by_id.get(&ticket.line)?);
    let mut creatives = line.creatives.iter().map(|&ix| catalog.creative(ix));
    let creative = creatives.find(|creative| creative_mark(&creative.crid) == ticket.creative)?;
    let companion = companion.and_then(|ix| creative.companions.get(ix));
    let of_companion = companion.and_then(|companion| companion.click_through.as_deref());
    of_companion.or(creative.click_through.as_deref())
}

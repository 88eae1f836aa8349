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
    let line = catalog.line(catalog.line_of(ticket.line)?);
    let mut creatives = line.creatives.iter().map(|&ix| catalog.creative(ix));
    let creative = creatives.find(|creative| creative_mark(&creative.crid) == ticket.creative)?;
    let companion = companion.and_then(|ix| creative.companions.get(ix));
    let of_companion = companion.and_then(|companion| companion.click_through.as_deref());
    of_companion.or(creative.click_through.as_deref())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::base::units::ids::{CreativeIx, LineId};
    use crate::base::units::money::{Currency, Money};
    use crate::base::units::time::Moment;
    use crate::knowledge::catalog::Contents;
    use crate::knowledge::catalog::model::{Companion, CompanionResource, Counts, Creative, Line};
    use crate::market::exchange::{BillableEvent, ExchangeIx};
    use crate::market::marks::SupplyMark;
    use crate::market::ticket::{BidId, Channel};

    fn creative(crid: &str, click_through: Option<&str>, companions: Vec<Companion>) -> Creative {
        let click_through = click_through.map(str::to_owned);
        Creative { companions, click_through, ..Creative::plain(crid, 15_000) }
    }

    fn companion(click_through: Option<&str>) -> Companion {
        Companion {
            w: 1,
            h: 1,
            resource: CompanionResource::Html(String::new()),
            click_through: click_through.map(str::to_owned),
            trackers: Vec::new(),
            alt: None,
            attr: Vec::new(),
            apis: Vec::new(),
            end_card: false,
        }
    }

    /// A line with the spots "a" and "b"; "c" is of no line.
    fn catalog() -> Catalog {
        let line = Line {
            creatives: vec![CreativeIx(0), CreativeIx(1)],
            ..Line::plain(LineId(7), Money::zero(Currency::USD))
        };
        let companions = vec![companion(None), companion(Some("https://b.example/picture"))];
        let contents = Contents {
            creatives: vec![
                creative("a", Some("https://a.example/"), Vec::new()),
                creative("b", Some("https://b.example/"), companions),
                creative("c", Some("https://c.example/"), Vec::new()),
            ],
            lines: vec![line],
            ..Contents::default()
        };
        contents.into_catalog(0, HashMap::default(), Counts::default())
    }

    fn target(line: u64, crid: &str, companion: Option<usize>) -> Option<String> {
        let ticket = Ticket {
            channel: Channel::Player,
            bid: BidId(1),
            line: LineId(line),
            creative: creative_mark(crid),
            exchange: ExchangeIx(0),
            billable: BillableEvent::Impression,
            price: Money::zero(Currency::USD),
            held: Money::zero(Currency::USD),
            made: Moment::from_unix_s(0),
            expires: Moment::from_unix_s(0),
            listener: None,
            measured: false,
            supply: SupplyMark::default(),
            test: false,
        };
        click_target(&catalog(), &ticket, companion).map(str::to_owned)
    }

    #[test]
    fn a_click_leads_where_the_advertiser_said() {
        let to = |url: &str| Some(url.to_owned());
        assert_eq!(target(7, "a", None), to("https://a.example/"));
        assert_eq!(target(7, "b", None), to("https://b.example/"));
        assert_eq!(target(7, "b", Some(1)), to("https://b.example/picture"));
        // A companion without a page of its own, or none: the spot's.
        assert_eq!(target(7, "b", Some(0)), to("https://b.example/"));
        assert_eq!(target(7, "b", Some(9)), to("https://b.example/"));
    }

    #[test]
    fn what_is_gone_leads_nowhere() {
        assert_eq!(target(8, "a", None), None);
        assert_eq!(target(7, "c", None), None);
        assert_eq!(target(7, "x", None), None);
    }
}

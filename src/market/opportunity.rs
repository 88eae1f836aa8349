//! What is at hand? A request made ready to be matched: slots, permissions, blocks.
//!
//! Built by `enrich`, read by every later stage; hot. The facts that targeting asks stand beside
//! it, in [`Facts`](crate::market::facts::Facts).

use crate::base::units::ids::ListenerKey;
use crate::base::units::money::Currency;
use crate::market::exchange::ExchangeIx;
use crate::market::openrtb::request::Request;
use crate::market::privacy::Permissions;
use crate::market::slot::Slot;
use crate::market::vocabulary::{DistressMoments, Suppressed};

#[derive(Debug, Clone, Copy)]
pub struct Opportunity<'b> {
    pub request: &'b Request<'b>,
    pub exchange: ExchangeIx,
    pub permissions: Permissions,
    /// What the listener has refused, where one of the ids is known for it.
    pub suppressed: Suppressed,
    /// Moments of distress that were told, and may not be used.
    pub withheld: DistressMoments,
    /// Known and permitted; `None` otherwise.
    pub listener: Option<ListenerKey>,
    pub slots: &'b [Slot<'b>],
    /// What the answer is priced in.
    pub currency: Currency,
    /// Not billable: bid as usual, book nothing.
    pub test: bool,
}

impl Opportunity<'_> {
    /// What names the app or site on its exchange; empty where nothing does.
    pub fn seller(&self) -> &str {
        let request = self.request;
        let of_app = request.app.as_ref().and_then(|app| app.bundle.or(app.domain).or(app.id));
        let of_site = request.site.as_ref().and_then(|site| site.domain.or(site.id));
        let by_app = request.app.as_ref().and_then(|app| app.publisher.as_ref());
        let by_site = request.site.as_ref().and_then(|site| site.publisher.as_ref());
        let publisher = || by_app.or(by_site).and_then(|publisher| publisher.id);
        of_app.or(of_site).or_else(publisher).unwrap_or("")
    }
}

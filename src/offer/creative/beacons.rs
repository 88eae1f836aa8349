//! Which URLs do we hand out? Notices for the exchange, beacons and clicks for the player.
//!
//! Written by the response (`nurl`, `burl`, `lurl`) and by [`vast`](super::vast); hot. Each URL
//! carries a signed ticket and nothing else that we would have to believe.
//!
//! ```text
//! {public_url}/notice/{win|billing|loss}/{ticket}?price=${AUCTION_PRICE}…
//! {public_url}/beacon/{event}/{ticket}             what the player calls
//! {public_url}/click/{ticket}[?companion=…]        302 to the creative's landing page
//! {public_url}/media/{sha256}                      media that we host
//! ```

use std::fmt;

use crate::knowledge::catalog::model::PlayerEvent;

/// What the URLs of one bid are made of.
#[derive(Debug, Clone, Copy)]
pub struct Beacons<'a> {
    /// [`PublicUrl::as_str`](super::PublicUrl::as_str).
    pub public_url: &'a str,
    /// A ticket for the exchange's channel, in its signed text form.
    pub exchange_ticket: &'a str,
    /// A ticket for the player's channel.
    pub player_ticket: &'a str,
}

/// The notices of OpenRTB §4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// `nurl`
    Win,
    /// `burl`
    Billing,
    /// `lurl`
    Loss,
}

impl Beacons<'_> {
    /// Writes the URL of a notice with the macros (§4.4) whose values it is to bring back.
    pub fn write_notice(&self, notice: Notice, out: &mut impl fmt::Write) -> fmt::Result {
        let (kind, query) = match notice {
            Notice::Win => ("win", "price=${AUCTION_PRICE}&min=${AUCTION_MIN_TO_WIN}"),
            Notice::Billing => ("billing", "price=${AUCTION_PRICE}"),
            Notice::Loss => {
                ("loss", "price=${AUCTION_PRICE}&loss=${AUCTION_LOSS}&min=${AUCTION_MIN_TO_WIN}")
            }
        };
        for part in [self.public_url, "/notice/", kind, "/", self.exchange_ticket, "?", query] {
            out.write_str(part)?;
        }
        Ok(())
    }
}

/// The event's word in a beacon's path and in VAST's `event`.
pub const fn beacon_name(event: PlayerEvent) -> &'static str {
    match event {
        PlayerEvent::Impression => "impression",
        PlayerEvent::Start => "start",
        PlayerEvent::FirstQuartile => "firstQuartile",
        PlayerEvent::Midpoint => "midpoint",
        PlayerEvent::ThirdQuartile => "thirdQuartile",
        PlayerEvent::Complete => "complete",
        PlayerEvent::Mute => "mute",
        PlayerEvent::Unmute => "unmute",
        PlayerEvent::Pause => "pause",
        PlayerEvent::Resume => "resume",
        PlayerEvent::Skip => "skip",
        PlayerEvent::Error => "error",
        PlayerEvent::NotUsed => "notUsed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_asks_for_what_it_needs() {
        let beacons = Beacons {
            public_url: "https://ads.example.com",
            exchange_ticket: "EXCHANGE",
            player_ticket: "PLAYER",
        };
        for (notice, url) in [
            (
                Notice::Win,
                "https://ads.example.com/notice/win/EXCHANGE\
                 ?price=${AUCTION_PRICE}&min=${AUCTION_MIN_TO_WIN}",
            ),
            (
                Notice::Billing,
                "https://ads.example.com/notice/billing/EXCHANGE?price=${AUCTION_PRICE}",
            ),
            (
                Notice::Loss,
                "https://ads.example.com/notice/loss/EXCHANGE\
                 ?price=${AUCTION_PRICE}&loss=${AUCTION_LOSS}&min=${AUCTION_MIN_TO_WIN}",
            ),
        ] {
            let mut out = String::new();
            beacons.write_notice(notice, &mut out).unwrap();
            assert_eq!(out, url);
        }
    }
}

//! Who plays the exchange and the listeners? Threads that post requests and return notices.
//!
//! Each has a connection of its own and keeps to a schedule: a late answer does not slow the
//! next request down. Of the bids about two thirds win; of the wins nearly all are heard, and
//! of those most to the end. Cold.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::tally::Tally;
use crate::base::stdx::rng::Rng;
use crate::base::units::time::{Clock, WallClock};
use crate::rehearsal::loadgen::Client;
use crate::rehearsal::traffic::Requests;

/// What all players share.
pub struct Stage {
    pub address: SocketAddr,
    pub requests: Requests,
    /// Requests a second, all players together; 0 is as fast as they can.
    pub rate: u32,
    /// Requests in all; the players end there.
    pub limit: u64,
    pub next: AtomicU64,
    pub stop: AtomicBool,
    pub tally: Tally,
}

impl Stage {
    pub fn over(&self) -> bool {
        self.stop.load(Relaxed) || self.next.load(Relaxed) >= self.limit
    }
}

/// Plays until the stage is over.
pub fn play(stage: &Arc<Stage>, number: u64) {
    let mut player = Player {
        client: Client::new(stage.address),
        rng: Rng::new(number),
        stage: Arc::clone(stage),
    };
    let begun = Instant::now();
    loop {
        let index = stage.next.fetch_add(1, Relaxed);
        if index >= stage.limit || stage.stop.load(Relaxed) {
            return;
        }
        if stage.rate > 0 {
            let due = Duration::from_secs_f64(index as f64 / f64::from(stage.rate));
            if let Some(early) = due.checked_sub(begun.elapsed()) {
                std::thread::sleep(early);
            }
        }
        player.request(index);
    }
}

struct Player {
    client: Client,
    rng: Rng,
    stage: Arc<Stage>,
}

impl Player {
    fn request(&mut self, index: u64) {
        let stage = Arc::clone(&self.stage);
        let body = stage.requests.json(index, WallClock.now());
        let sent = Instant::now();
        let reply = self.client.bid("/bid/demo", &body);
        stage.tally.answered(sent.elapsed());
        match reply {
            Ok(reply) if reply.status == 200 => match serde_json::from_slice(&reply.body) {
                Ok(response) => self.auction(&response),
                Err(_) => stage.tally.failed(),
            },
            Ok(reply) if reply.status == 204 => stage.tally.passed(),
            _ => stage.tally.failed(),
        }
    }

    /// The exchange's part: one bid wins each imp, or somebody else does.
    fn auction(&mut self, response: &Value) {
        let mut taken: Vec<&str> = Vec::new();
        let mut bids: Vec<&Value> =
            list(&response["seatbid"]).flat_map(|s| list(&s["bid"])).collect();
        bids.sort_by(|a, b| price(b).total_cmp(&price(a)));
        self.stage.tally.bid(bids.len() as u64);
        for bid in bids {
            let imp = bid["impid"].as_str().unwrap_or_default();
            let wins = !taken.contains(&imp) && self.rng.chance(0.66);
            if !wins {
                // AdCOM loss reason 102: lost to a higher bid.
                let url = text(bid, "lurl").replace("${AUCTION_LOSS}", "102");
                self.notice(&expand(&url, price(bid)));
                continue;
            }
            taken.push(imp);
            self.stage.tally.won();
            self.notice(&expand(text(bid, "nurl"), price(bid)));
            self.listen(bid);
        }
    }

    /// The listener's part: what a player reports while the spot plays.
    fn listen(&mut self, bid: &Value) {
        const EVENTS: [(&str, f64); 6] = [
            ("impression", 0.94),
            ("start", 0.995),
            ("firstQuartile", 0.98),
            ("midpoint", 0.975),
            ("thirdQuartile", 0.975),
            ("complete", 0.98),
        ];
        let markup = expand(text(bid, "adm"), price(bid));
        for (event, share) in EVENTS {
            if !self.rng.chance(share) {
                return;
            }
            let Some(url) = url_in(&markup, &format!("/beacon/{event}/")) else { continue };
            self.notice(&url);
            self.stage.tally.heard(event);
        }
        if self.rng.chance(0.008)
            && let Some(url) = url_in(&markup, "/click/")
        {
            self.notice(&url);
            self.stage.tally.heard("click");
        }
    }

    fn notice(&mut self, url: &str) {
        let Some(path) =
            url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]))
        else {
            return;
        };
        match self.client.get(path) {
            Ok(reply) if reply.status < 400 => {}
            _ => self.stage.tally.failed(),
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'v>(bid: &'v Value, key: &str) -> &'v str {
    bid[key].as_str().unwrap_or_default()
}

fn price(bid: &Value) -> f64 {
    bid["price"].as_f64().unwrap_or(0.0)
}

/// What an exchange does with its macros before it calls or hands on.
fn expand(text: &str, price: f64) -> String {
    text.replace("${AUCTION_PRICE}", &price.to_string())
        .replace("${AUCTION_MIN_TO_WIN}", &price.to_string())
}

/// The first URL in VAST that has this part.
fn url_in(markup: &str, part: &str) -> Option<String> {
    let at = markup.find(part)?;
    let start = markup[..at].rfind("http")?;
    let end = at + markup[at..].find(["<", "]", "\"", " "].map(|c| c.as_bytes()[0] as char))?;
    Some(markup[start..end].replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_out_of_vast_as_a_player_calls_them() {
        let markup = "<Impression><![CDATA[http://a/beacon/impression/T?price=1.5]]></Impression>\
                      <Tracking event=\"start\">http://a/beacon/start/T?x=1&amp;y=2</Tracking>";
        let impression = url_in(markup, "/beacon/impression/");
        assert_eq!(impression.as_deref(), Some("http://a/beacon/impression/T?price=1.5"));
        let start = url_in(markup, "/beacon/start/");
        assert_eq!(start.as_deref(), Some("http://a/beacon/start/T?x=1&y=2"));
        assert_eq!(url_in(markup, "/beacon/complete/"), None);
    }
}

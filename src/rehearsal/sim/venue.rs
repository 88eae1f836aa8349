//! Who sells the pauses, and who else wants them? Exchanges with their rows, their rival bidders
//! and their manners; what our bid comes to in their auction.

use serde::Deserialize;

use super::Kind;
use crate::base::stdx::rng::Rng;
use crate::base::units::money::Currency;
use crate::market::exchange::{BillableEvent, Exchange};

/// An exchange: its row in our table, and what it does of its own accord.
#[derive(Clone, Debug)]
pub struct Venue {
    pub row: Exchange,
    pub second_price: bool,
    /// The median of the best rival's bid, in dollars of CPM.
    pub rival_cpm: f64,
    /// Tells losses at all.
    pub tells_losses: bool,
}

/// Our answer as an exchange reads it.
#[derive(Deserialize)]
pub struct Answer {
    cur: Option<String>,
    #[serde(default)]
    seatbid: Vec<Seat>,
}

#[derive(Deserialize)]
struct Seat {
    bid: Vec<Bid>,
}

#[derive(Deserialize)]
pub struct Bid {
    pub id: String,
    impid: String,
    price: f64,
    adm: String,
    nurl: Option<String>,
    burl: Option<String>,
    lurl: Option<String>,
    pub crid: String,
}

impl Answer {
    pub fn read(body: &[u8]) -> Option<Answer> {
        serde_json::from_slice(body).ok()
    }

    pub fn currency(&self) -> &str {
        self.cur.as_deref().unwrap_or("USD")
    }

    pub fn bids(&self) -> impl Iterator<Item = &Bid> {
        self.seatbid.iter().flat_map(|seat| &seat.bid)
    }
}

impl Bid {
    /// Nanos for one impression.
    pub fn nanos(&self) -> i64 {
        (self.price * 1e6).round() as i64
    }

    /// The ticket of a notice's URL.
    pub fn ticket(&self, url: &str) -> Option<&str> {
        match url {
            "win" => after(self.nurl.as_deref()?, "/notice/win/"),
            "billing" => after(self.burl.as_deref()?, "/notice/billing/"),
            "loss" => after(self.lurl.as_deref()?, "/notice/loss/"),
            _ => after(&self.adm, "/beacon/impression/"),
        }
    }
}

/// What stands behind `word`, as far as a ticket goes.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(word)?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// How one bid ended in the auction.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Hammer {
    /// The clearing price, a CPM in the bid's currency.
    Won {
        cpm: f64,
    },
    Lost {
        to_win: f64,
    },
}

/// What a dollar's worth is: the exchanges' own table.
fn dollars(currency: &str) -> f64 {
    match currency {
        "EUR" => 1.1,
        "GBP" => 1.3,
        "JPY" => 0.0065,
        _ => 1.0,
    }
}

impl Venue {
    pub fn draw(rng: &mut Rng, kind: Kind, number: usize) -> Venue {
        let storm = kind == Kind::Storm;
        let currencies = [Currency::USD, Currency::USD, Currency::EUR];
        let billables = [BillableEvent::Impression, BillableEvent::Billing, BillableEvent::Win];
        let mut row = Exchange::standard(&format!("x{number}"));
        row.currency = currencies[rng.below(if storm { 3 } else { 1 })];
        row.billable = billables[if storm { rng.below(3) } else { 0 }];
        // Where a win is billed, wins are told.
        row.sends_wins = row.billable == BillableEvent::Win || !storm || rng.chance(0.6);
        row.ticket_ttl_s = if storm { rng.between(30, 600) as u32 } else { 120 };
        row.open_bids = rng.between(1, 2) as u16;
        let mut venue = Venue {
            row,
            second_price: rng.chance(0.5),
            rival_cpm: 2.0 + 6.0 * rng.unit(),
            tells_losses: rng.chance(0.7),
        };
        if let Kind::Delivery(delivery) = kind {
            delivery.sets(&mut venue, rng);
        }
        venue
    }

    /// Our bids against the rivals', imp by imp, in the order of the answer.
    pub fn auction(&self, answer: &Answer, rng: &mut Rng) -> Vec<Hammer> {
        let worth = dollars(answer.currency());
        let bids: Vec<&Bid> = answer.bids().collect();
        let rival = |rng: &mut Rng| self.rival_cpm * (0.5 * rng.normal()).exp() / worth;
        let mut rivals: Vec<(&str, f64)> = Vec::new();
        for bid in &bids {
            if !rivals.iter().any(|(imp, _)| *imp == bid.impid) {
                rivals.push((&bid.impid, rival(rng)));
            }
        }
        let hammer = |(i, bid): (usize, &&Bid)| {
            let of_imp = |other: &&Bid| other.impid == bid.impid;
            let rival = rivals.iter().find(|(imp, _)| *imp == bid.impid).map_or(0.0, |r| r.1);
            let best = bids.iter().enumerate().filter(|(_, other)| of_imp(other));
            let best = best.max_by(|a, b| a.1.price.total_cmp(&b.1.price).then(b.0.cmp(&a.0)));
            if best.is_some_and(|(at, _)| at == i) && bid.price > rival {
                let second = (rival + 0.01).min(bid.price);
                Hammer::Won { cpm: if self.second_price { second } else { bid.price } }
            } else {
                Hammer::Lost { to_win: rival.max(bid.price) }
            }
        };
        bids.iter().enumerate().map(hammer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let bid = |id: &str, imp: &str, price: f64| {
            serde_json::json!({
                "id": id, "impid": imp, "price": price, "crid": "c",
                "adm": "<Impression><![CDATA[https://x/beacon/impression/AB-_9]]>",
                "nurl": "https://x/notice/win/W1?price=${AUCTION_PRICE}",
            })
        };
        let bids = [bid("1", "i", 5.0), bid("2", "i", 4.0), bid("3", "j", 0.001)];
        let body = serde_json::json!({ "cur": "USD", "seatbid": [{ "bid": bids }] });
        Answer::read(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn one_of_our_bids_wins_an_imp_at_most_and_pays_what_its_auction_says() {
        let mut rng = Rng::new(1);
        let mut venue = Venue::draw(&mut rng, Kind::Season, 0);
        venue.rival_cpm = 1.0;
        for second_price in [false, true] {
            venue.second_price = second_price;
            let hammers = venue.auction(&answer(), &mut Rng::new(3));
            let Hammer::Won { cpm } = hammers[0] else { panic!("{hammers:?}") };
            assert_eq!(cpm == 5.0, !second_price, "{cpm}");
            assert!(matches!(hammers[1], Hammer::Lost { .. }));
            assert!(matches!(hammers[2], Hammer::Lost { .. }), "a rival bid more");
        }
    }

    #[test]
    fn tickets_are_found_in_urls_and_markup() {
        let answer = answer();
        let bid = answer.bids().next().unwrap();
        assert_eq!(bid.ticket("win"), Some("W1"));
        assert_eq!(bid.ticket("start"), Some("AB-_9"));
        assert_eq!(bid.ticket("loss"), None);
        assert_eq!(bid.nanos(), 5_000_000);
    }
}

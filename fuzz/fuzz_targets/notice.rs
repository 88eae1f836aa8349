//! What notices bring: is a ticket taken only if it is one of ours, byte for byte; is any price
//! read, or refused, without a panic?
//!
//! The first line is the ticket, the second a price. Run by `tests/fuzz`; the seeds by
//! tests/it/fuzz.rs.
#![cfg_attr(fuzzing, no_main)]

use interlude::base::units::time::Moment;
use interlude::market::cipher::PriceCipher;
use interlude::market::marks::Marks;
use interlude::market::ticket::{Channel, TICKET_CHARS, TicketFault, TicketKeys, named_bid};

/// 2026-11-23.
const NOW: Moment = Moment::from_unix_s(1_795_392_000);

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (ticket, price) = text.split_once('\n').unwrap_or((text, ""));
    let keys = keys();
    for channel in [Channel::Exchange, Channel::Player] {
        let genuine = match keys.verify(ticket, channel, NOW) {
            Ok(told) | Err(TicketFault::Expired(told)) => told,
            Err(_) => continue,
        };
        if ticket.len() == TICKET_CHARS {
            assert_eq!(keys.sign(&genuine).as_str(), ticket, "a ticket that we never signed");
        }
        assert_eq!(named_bid(ticket), Some(genuine.bid));
    }
    let _ = named_bid(ticket);
    let key = "skU7Ax_NL5pPAFyKdkfZjZz2-VhIN8bjj1rVFOaJ_5o=";
    let cipher = PriceCipher::google(key, "arO23ykdNqUQ5LEoQ0FVmPkBd7xB5CO89PDZlSjpFxo=");
    let _ = cipher.expect("keys of the documentation").open(price);
}

fn keys() -> TicketKeys {
    let secret = [7; 32];
    TicketKeys::new(1, [(1, &secret[..])], Marks::new(&[9; 32])).expect("a key of 32 bytes")
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

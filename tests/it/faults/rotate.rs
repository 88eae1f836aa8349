//! Ticket keys change while the server bids (reliability.md B10): SIGHUP takes them, and no
//! notice of a key that is still there is refused.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use interlude::app::config::Config;
use interlude::flows::notice::ticket_keys;

use super::load::{Book, Load, Told};
use super::{Process, audit, judge_by, until, world};
use crate::doors::client::Client;

/// At once: the server may be reading it for the signal before.
fn put(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, file).unwrap();
}

#[test]
fn keys_rotate_under_load_and_no_good_notice_is_refused() {
    let world = world();
    let data = world.path().join("data");
    let file = world.path().join("interlude.toml");
    let rest = std::fs::read_to_string(&file).unwrap();
    let rotate = |current: u8, ids: &[u8]| {
        let keys = ids.iter().map(|id| format!("{{id = {id}, secret = \"{}\"}}, ", secret(*id)));
        let keys: String = keys.collect();
        let text = format!("{rest}[notice.tickets]\ncurrent = {current}\nkeys = [{keys}]\n");
        put(&file, &text);
    };
    rotate(1, &[1]);
    let mut server = Process::start(world.path(), &data);
    let book = Arc::new(Book::default());
    let mut client = Client::connect(server.bid);
    let of_one = book.bid(&mut client).unwrap();
    assert_eq!(key(&of_one[0]), 1);
    // A load whose notices would fail it, were one of them refused.
    let load = Load::start(&book, server.bid, 3);
    rotate(1, &[1, 2]);
    server.signal("HUP");
    rotate(2, &[1, 2]);
    server.signal("HUP");
    let mut of_two = None;
    let taken = until(|| {
        of_two = book.bid(&mut client).unwrap().pop();
        of_two.as_ref().is_some_and(|told| key(told) == 2)
    });
    assert!(taken.is_some(), "the new key never signs: {}", log(world.path()));
    assert!(book.tell(&mut client, &of_one[0]).unwrap(), "of the key before");
    // The key that signs cannot go, nor get another secret: nothing changes.
    rotate(1, &[1]);
    server.signal("HUP");
    let refusal = "ticket key 2 signed until now";
    assert!(until(|| log(world.path()).contains(refusal)).is_some(), "{}", log(world.path()));
    put(&file, "keys = nonsense");
    server.signal("HUP");
    let refusal = "the ticket keys stay as they are: ";
    let twice = || log(world.path()).matches(refusal).count() == 2;
    assert!(until(twice).is_some(), "{}", log(world.path()));
    assert_eq!(key(&book.bid(&mut client).unwrap()[0]), 2);
    load.end();
    assert!(book.tell(&mut client, &of_one[1]).unwrap());
    // In its time the old one goes.
    rotate(2, &[2]);
    let keys = Config::load(&file).unwrap().notice.tickets;
    server.signal("HUP");
    assert!(until(|| book.status(&mut client, &of_one[2]) == 404).is_some());
    assert!(book.tell(&mut client, &of_two.unwrap()).unwrap());
    server.kill();
    let mut of_the_rest = book.acknowledged();
    of_the_rest.retain(|told| key(told) == 2);
    assert!(of_the_rest.len() > 1);
    judge_by(&ticket_keys(&keys, &data).unwrap(), &data, &of_the_rest);
    audit(&data);
}

fn secret(id: u8) -> String {
    format!("{id:02x}").repeat(32)
}

/// Which key signed it.
fn key(told: &Told) -> u8 {
    URL_SAFE_NO_PAD.decode(&told.ticket).unwrap()[1]
}

fn log(world: &Path) -> String {
    std::fs::read_to_string(world.join("stderr")).unwrap()
}

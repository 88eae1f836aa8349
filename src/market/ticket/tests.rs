use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::wire::{FORMS, TAG};
use super::*;
use crate::base::units::money::Currency;

fn ticket(channel: Channel) -> Ticket {
    Ticket {
        channel,
        bid: BidId(0x0123_4567_89ab_cdef),
        line: LineId::of("acme", "spring", "jazz"),
        creative: creative_mark("acme-30s"),
        exchange: ExchangeIx(7),
        billable: BillableEvent::Billing,
        price: Money::new(4_250_000, Currency::EUR),
        held: Money::new(4_600_001, Currency::USD),
        made: Moment::from_unix_s(1_799_996_400),
        expires: Moment::from_unix_s(1_800_000_000),
        listener: Some(ListenerMark(0xfeed_f00d_dead_beef)),
        measured: true,
        supply: SupplyMark(0x8765_4321),
        test: true,
    }
}

const BEFORE: Moment = Moment::from_unix_s(1_799_999_999);
const SECRET: &[u8] = &[7; 32];
const OTHER: &[u8] = &[8; 48];

fn marks() -> Marks {
    Marks::new(&[9; 32])
}

fn keys() -> TicketKeys {
    TicketKeys::new(1, [(1, SECRET)], marks()).unwrap()
}

#[test]
fn what_was_signed_is_read_back() {
    for channel in [Channel::Exchange, Channel::Player] {
        for billable in [BillableEvent::Impression, BillableEvent::Billing, BillableEvent::Win] {
            for test in [false, true] {
                let ticket = Ticket { billable, test, ..ticket(channel) };
                let text = keys().sign(&ticket);
                assert_eq!(keys().verify(text.as_str(), channel, BEFORE), Ok(ticket));
                assert_eq!(text.as_str().len(), TICKET_CHARS);
            }
        }
    }
}

#[test]
fn a_ticket_is_written_as_it_always_was() {
    let pinned = Ticket {
        line: LineId(7),
        creative: 0x1234_5678,
        listener: None,
        measured: false,
        ..ticket(Channel::Player)
    };
    assert_eq!(keys().sign(&pinned).as_str(), PINNED);
    // Versions 1 and 2, as the programs before signed them.
    let old = "FwHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAFVTRADSSWuSOLSuwhI2hQPf\
               Q1CFJ3uj";
    assert_eq!(keys().verify(PINNED_2, Channel::Player, BEFORE), Ok(pinned));
    let of_one =
        Ticket { made: Moment::from_unix_s(1_800_000_000 - 3600), supply: SupplyMark(0), ..pinned };
    assert_eq!(keys().verify(old, Channel::Player, BEFORE), Ok(of_one));
    let late = keys().verify(old, Channel::Player, of_one.expires.plus_s(1));
    assert_eq!(late, Err(TicketFault::Expired(of_one)));
}

/// Without a listener, as another program of the same keys writes it.
const PINNED: &str = "bAHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAFVTRADSSWvww0lrAA\
                      AAAAAAAAAhQ2WHPJai1AzNMdbMdACfZTNJew";

/// The same by version 2.
const PINNED_2: &str = "JwHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAFVTRADSSWvww0lr\
                      AAAAAAAAAAAhQ2WHAADVpVUjy8aEa37YoTV6v8nR";

#[test]
fn what_is_genuine_and_senseless_is_malformed() {
    for (what, text) in [
        (
            "a listener that is neither there nor not",
            "JwHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAFVTRADSSWvww0lrAAAAAAAA\
             AAAhQ2WHAgBdmLJZx59JYnvz43mhKNkr",
        ),
        (
            "a fourth billable event",
            "LQHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAFVTRADSSWvww0lrAAAAAAAA\
             AAAhQ2WHAAC_oWkaieiN9zQguTQhpRCF",
        ),
        (
            "no currency of the bid",
            "JwHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABldXLBMEYAAAAAAFVTRADSSWvww0lrAAAAAAAA\
             AAAhQ2WHAACGXnOdy4fNUyr1HmTuokRy",
        ),
        (
            "no currency of the account",
            "JwHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAHVzIQDSSWvww0lrAAAAAAAA\
             AAAhQ2WHAAD19DbeHzUQuA6ySJxuvyVt",
        ),
    ] {
        let verdict = keys().verify(text, Channel::Player, BEFORE);
        assert_eq!(verdict, Err(TicketFault::Malformed), "{what}");
    }
}

/// What a body would be as a ticket that we had signed.
fn sealed(body: &[u8], channel: Channel) -> String {
    let mac = keys().current.tag(body);
    URL_SAFE_NO_PAD.encode([body, half(&mac, channel)].concat())
}

fn body_of(text: &str) -> Vec<u8> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
    bytes.truncate(bytes.len() - TAG);
    bytes
}

#[test]
fn a_version_goes_with_its_length() {
    let verdict = |text: &str| keys().verify(text, Channel::Exchange, BEFORE);
    for form in &FORMS {
        for version in 0..16 {
            let mut body = body_of(PINNED_2)[..form.body.min(66)].to_vec();
            body.resize(form.body, 0);
            body[0] = version << 4 | body[0] & 12;
            let taken = verdict(&sealed(&body, Channel::Exchange)).is_ok();
            let own = if form.version == 3 { 6..=7 } else { form.version..=form.version };
            assert_eq!(taken, own.contains(&version), "{version} of {}", form.body);
        }
    }
    let mut fourth = body_of(PINNED);
    fourth[0] |= 3 << 3;
    let verdict = verdict(&sealed(&fourth, Channel::Exchange));
    assert_eq!(verdict, Err(TicketFault::Malformed), "a fourth billable event");
}

#[test]
fn both_tickets_of_a_bid_are_those_signed_alone() {
    let [exchange, player] = keys().sign_both(&ticket(Channel::Exchange));
    assert_eq!(exchange, keys().sign(&ticket(Channel::Exchange)));
    assert_eq!(player, keys().sign(&ticket(Channel::Player)));
    assert_eq!(body_of(exchange.as_str()), body_of(player.as_str()));
    assert_eq!(sealed(&body_of(player.as_str()), Channel::Player), player.as_str());
}

#[test]
fn a_tag_of_an_older_version_is_the_first_half() {
    let other_half = sealed(&body_of(PINNED_2), Channel::Player);
    let verdict = keys().verify(&other_half, Channel::Player, BEFORE);
    assert_eq!(verdict, Err(TicketFault::Forged));
    let verdict = keys().verify(PINNED_2, Channel::Exchange, BEFORE);
    assert_eq!(verdict, Err(TicketFault::WrongChannel));
}

#[test]
fn a_listener_is_veiled_and_read_back() {
    let with = |bid, listener| Ticket { bid: BidId(bid), listener, ..ticket(Channel::Player) };
    let mark = ListenerMark(0xfeed_f00d_dead_beef);
    let veiled = [1, 2].map(|bid| {
        let text = keys().sign(&with(bid, Some(mark)));
        let read = keys().verify(text.as_str(), Channel::Player, BEFORE).unwrap();
        assert_eq!(read.listener, Some(mark));
        let bytes = URL_SAFE_NO_PAD.decode(text.as_str()).unwrap();
        assert!(!bytes.windows(8).any(|part| part == mark.0.to_le_bytes()), "in the clear");
        bytes[54..62].to_vec()
    });
    assert_ne!(veiled[0], veiled[1], "two tickets of one listener have nothing in common");
    // A mark of nought is one, too.
    for listener in [None, Some(ListenerMark(0))] {
        let text = keys().sign(&with(1, listener));
        let read = keys().verify(text.as_str(), Channel::Player, BEFORE).unwrap();
        assert_eq!((read.listener, read.measured), (listener, listener.is_some()));
    }
    let counted = Ticket { measured: false, ..with(1, Some(mark)) };
    let read = keys().verify(keys().sign(&counted).as_str(), Channel::Player, BEFORE).unwrap();
    assert_eq!(read, counted);
}

#[test]
fn a_ticket_names_its_bid_to_whoever_reads_it() {
    let text = keys().sign(&ticket(Channel::Player));
    let bid = ticket(Channel::Player).bid;
    assert_eq!(named_bid(text.as_str()), Some(bid));
    let mut unsigned = text.as_str().as_bytes().to_vec();
    unsigned[BODY_CHARS..].fill(b'A');
    let unsigned = String::from_utf8(unsigned).unwrap();
    for text in [&unsigned, PINNED_2] {
        assert_eq!(named_bid(text), Some(bid), "whoever signed it");
    }
    for none in ["", &text.as_str()[1..], &"!".repeat(TICKET_CHARS), &"!".repeat(112)] {
        assert_eq!(named_bid(none), None, "{none}");
    }
}

#[test]
fn marks_of_creatives_are_those_of_tickets_that_live() {
    assert_eq!(creative_mark(""), 0x38d3_94c2);
    assert_ne!(creative_mark("zing-10"), creative_mark("zing-11"));
}

#[test]
fn keys_are_told_without_their_secrets() {
    assert_eq!(format!("{:?}", keys()), "TicketKeys(signs with 1, 0 more)");
}

#[test]
fn no_changed_bit_is_accepted() {
    let text = keys().sign(&ticket(Channel::Player));
    let good = URL_SAFE_NO_PAD.decode(text.as_str()).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = URL_SAFE_NO_PAD.encode(&bytes);
        let verdict = keys().verify(&changed, Channel::Player, BEFORE).unwrap_err();
        let expected = match bit {
            5..8 => TicketFault::Malformed,
            8..16 => TicketFault::UnknownKey,
            _ => TicketFault::Forged,
        };
        assert_eq!(verdict, expected, "bit {bit}");
    }
}

#[test]
fn no_changed_character_is_accepted() {
    let text = keys().sign(&ticket(Channel::Player));
    for place in 0..TICKET_CHARS {
        for byte in 0..=127u8 {
            let mut changed = text.as_str().as_bytes().to_vec();
            if changed[place] == byte {
                continue;
            }
            changed[place] = byte;
            let changed = String::from_utf8(changed).unwrap();
            assert!(keys().verify(&changed, Channel::Player, BEFORE).is_err());
        }
    }
}

#[test]
fn what_is_cut_or_longer_is_malformed() {
    let text = keys().sign(&ticket(Channel::Player));
    for end in 0..TICKET_CHARS {
        let verdict = keys().verify(&text.as_str()[..end], Channel::Player, BEFORE);
        assert_eq!(verdict, Err(TicketFault::Malformed));
    }
    for longer in ["A", "=", "é", "\0"] {
        let longer = format!("{}{longer}", text.as_str());
        let verdict = keys().verify(&longer, Channel::Player, BEFORE);
        assert_eq!(verdict, Err(TicketFault::Malformed));
    }
}

#[test]
fn a_ticket_is_good_for_one_channel() {
    let text = keys().sign(&ticket(Channel::Player));
    let verdict = keys().verify(text.as_str(), Channel::Exchange, BEFORE);
    assert_eq!(verdict, Err(TicketFault::WrongChannel));
}

#[test]
fn an_expired_ticket_still_says_what_it_was() {
    let ticket = ticket(Channel::Exchange);
    let text = keys().sign(&ticket);
    let at = |us| keys().verify(text.as_str(), Channel::Exchange, Moment::from_unix_us(us));
    assert_eq!(at(ticket.expires.unix_us), Ok(ticket));
    assert_eq!(at(ticket.expires.unix_us + 1), Err(TicketFault::Expired(ticket)));
}

#[test]
fn a_life_is_kept_in_whole_seconds_and_never_shortened() {
    for (us, made_s, expires_s) in [
        (1_500_000, 1, 2),
        (1_000_000, 1, 1),
        (1_999_999, 1, 2),
        (1_000_001, 1, 2),
        (-1, 0, 0),
        (i64::MIN, 0, 0),
        (i64::MAX, u32::MAX.into(), u32::MAX.into()),
    ] {
        let at = Moment::from_unix_us(us);
        let text = keys().sign(&Ticket { made: at, expires: at, ..ticket(Channel::Player) });
        let epoch = Moment::from_unix_s(0);
        let read = keys().verify(text.as_str(), Channel::Player, epoch).unwrap();
        assert_eq!(read.made, Moment::from_unix_s(made_s), "{us}");
        assert_eq!(read.expires, Moment::from_unix_s(expires_s), "{us}");
    }
}

#[test]
fn keys_rotate_without_losing_a_ticket() {
    let old = keys().sign(&ticket(Channel::Player));
    let both = TicketKeys::new(2, [(1, SECRET), (2, OTHER)], marks()).unwrap();
    let new = both.sign(&ticket(Channel::Player));
    for text in [old, new] {
        assert!(both.verify(text.as_str(), Channel::Player, BEFORE).is_ok());
    }
    let after = TicketKeys::new(2, [(2, OTHER)], marks()).unwrap();
    assert!(after.verify(new.as_str(), Channel::Player, BEFORE).is_ok());
    let verdict = after.verify(old.as_str(), Channel::Player, BEFORE);
    assert_eq!(verdict, Err(TicketFault::UnknownKey));
    let taken_over = TicketKeys::new(1, [(1, OTHER)], marks()).unwrap();
    let verdict = taken_over.verify(old.as_str(), Channel::Player, BEFORE);
    assert_eq!(verdict, Err(TicketFault::Forged));
}

#[test]
fn keys_give_way_only_to_those_that_know_the_signer() {
    let of = |current, secrets: &[(u8, u8)], mark: u8| {
        let secrets: Vec<_> = secrets.iter().map(|&(id, fill)| (id, [fill; 32])).collect();
        let secrets = secrets.iter().map(|(id, secret)| (*id, &secret[..]));
        TicketKeys::new(current, secrets, Marks::new(&[mark; 32])).unwrap()
    };
    let before = of(1, &[(1, 10), (2, 20)], 7);
    assert_eq!(before.signer(), 1);
    assert_eq!(of(2, &[(1, 10), (2, 20)], 7).signer(), 2);
    let follows = |keys: TicketKeys| keys.follow(&before);
    assert_eq!(follows(of(1, &[(1, 10), (2, 20)], 7)), Ok(()));
    assert_eq!(follows(of(3, &[(3, 30), (1, 10)], 7)), Ok(()), "2 signs nothing that lives");
    assert_eq!(follows(of(2, &[(2, 20)], 7)), Err(KeysFault::Gone(1)));
    assert_eq!(follows(of(1, &[(1, 11), (2, 20)], 7)), Err(KeysFault::Changed(1)));
    assert_eq!(follows(of(1, &[(1, 10), (2, 21)], 7)), Err(KeysFault::Changed(2)));
    assert_eq!(follows(of(1, &[(1, 10), (2, 20)], 8)), Err(KeysFault::Marks));
}

#[test]
fn bad_key_sets_are_refused() {
    assert_eq!(
        TicketKeys::new(1, [(1, &[1u8; 31][..])], marks()).unwrap_err(),
        KeysFault::Short(1)
    );
    let twice = TicketKeys::new(1, [(1, SECRET), (1, OTHER)], marks());
    assert_eq!(twice.unwrap_err(), KeysFault::Twice(1));
    assert_eq!(TicketKeys::new(3, [(1, SECRET)], marks()).unwrap_err(), KeysFault::NoCurrent(3));
}

proptest::proptest! {
    #[test]
    fn no_text_panics_or_passes(text in ".{0,120}") {
        proptest::prop_assert!(keys().verify(&text, Channel::Player, BEFORE).is_err());
    }
}

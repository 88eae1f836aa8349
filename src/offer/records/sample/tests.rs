use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::base::stdx::rng::Rng;
use crate::base::units::time::Moment;
use crate::market::exchange::ExchangeIx;
use crate::offer::records::vault::{Holder, Vault};

/// What it takes for a field to be kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// It is of no person.
    Nothing,
    /// An id that may be used, of who was known.
    Id,
    Profile,
    Place,
    /// Somebody was known.
    Known,
    Never,
}

const FIELDS: [(&str, Takes); 22] = [
    ("/id", Takes::Nothing),
    ("/app/bundle", Takes::Nothing),
    ("/app/content/genre", Takes::Nothing),
    ("/device/geo/country", Takes::Nothing),
    ("/device/os", Takes::Nothing),
    ("/user/id", Takes::Id),
    ("/user/buyeruid", Takes::Id),
    ("/user/eids/0/source", Takes::Id),
    ("/user/eids/0/uids/0/id", Takes::Id),
    ("/user/gender", Takes::Profile),
    ("/user/keywords", Takes::Profile),
    ("/user/data/0/segment/0/value", Takes::Profile),
    ("/user/geo/city", Takes::Profile),
    ("/device/geo/city", Takes::Place),
    ("/device/geo/zip", Takes::Place),
    ("/device/geo/metro", Takes::Place),
    ("/user/consent", Takes::Known),
    ("/regs/gpp", Takes::Known),
    ("/regs/us_privacy", Takes::Known),
    ("/device/ifa", Takes::Never),
    ("/source/tid", Takes::Never),
    ("/user/customdata", Takes::Never),
];

/// A value that stands nowhere else.
fn canary(field: usize) -> String {
    format!("canary-{field:02}-")
}

/// Puts a text at a place that need not be there yet.
fn put(within: &mut Value, pointer: &str, text: String) {
    let mut at = within;
    for part in pointer.split('/').skip(1) {
        at = match part {
            "0" => {
                if at.is_null() {
                    *at = json!([null]);
                }
                &mut at[0]
            }
            key => &mut at[key],
        };
    }
    *at = text.into();
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Any request, any permissions, known or not: what is opened again is what was permitted of what
/// was sent, nothing less and never more; sealed it is noise, and without the key it stays so.
#[test]
fn what_is_opened_again_is_what_was_permitted() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(folder.path(), 10).unwrap();
    let key = vault.key(Holder::Listener(ListenerMark(1)), 1).unwrap().unwrap();
    vault.sync().unwrap();
    let keys = Keyring::read(folder.path()).unwrap();
    let mut rng = Rng::new(17);
    let mut kept = [0; FIELDS.len()];
    for round in 0..2_000 {
        let (sent, grants, known) = (rng.next_u64(), rng.next_u64() as u8, rng.next_u64() & 1 == 1);
        let mut request = json!({"imp": [{"id": "1", "audio": {"mimes": ["audio/mpeg"]}}]});
        let fields = || FIELDS.iter().enumerate().filter(|(n, _)| *n == 0 || sent >> n & 1 == 1);
        for (n, (pointer, _)) in fields() {
            put(&mut request, pointer, canary(n));
        }
        let record = DecisionRecord {
            wire: 0,
            permitted: 2 << 8 | u16::from(grants),
            ..DecisionRecord::blank(Moment::from_unix_s(1_800_000_000), ExchangeIx(0))
        };
        let may = |grant| record.permissions().unwrap().may(grant);
        let profile: &[u8] = if may(Grant::ReadProfile) && known { b"canary-profile" } else { b"" };
        let request = request.to_string();
        let sample = Sample { request: request.as_bytes(), profile };
        let listener = known.then_some(ListenerMark(1));
        let cut = Cut::of(&record, sample, listener, &Bump::new()).unwrap();

        let permitted = |takes: Takes| match takes {
            Takes::Nothing => true,
            Takes::Id => known && may(Grant::UseId),
            Takes::Profile => may(Grant::ReadProfile),
            Takes::Place => may(Grant::PrecisePlace),
            Takes::Known => known,
            Takes::Never => false,
        };
        let wanted: BTreeSet<_> =
            fields().filter(|(_, (_, takes))| permitted(*takes)).map(|(n, _)| n).collect();
        let personal = wanted.iter().any(|&n| FIELDS[n].1 != Takes::Nothing);
        assert_eq!(cut.personal, personal || !profile.is_empty(), "round {round}: {request}");

        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        let head = bytes.len();
        assert!(cut.seal(&key, &[round as u8; NONCE], &mut bytes));
        let (head, sealed) = bytes.split_at(head);
        assert!(!holds(sealed, "canary"), "round {round}");
        let stored = Stored::read(head, sealed).unwrap().unwrap();
        let mut room = Vec::new();
        assert_eq!(stored.open(&Keyring::default(), &mut room).err(), Some(Shut::Erased));
        let opened = stored.open(&keys, &mut room).unwrap();
        let found: BTreeSet<_> =
            (0..FIELDS.len()).filter(|&n| holds(opened.request, &canary(n))).collect();
        assert_eq!(found, wanted, "round {round}: {grants:08b}, known: {known}, {request}");
        assert_eq!(opened.profile, profile);
        found.into_iter().for_each(|n| kept[n] += 1);
    }
    for ((field, takes), kept) in FIELDS.iter().zip(kept) {
        assert_eq!(kept > 100, *takes != Takes::Never, "{field}: {kept}");
    }
}

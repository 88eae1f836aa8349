//! An advertiser's hashed customers become a list that a line targets; counts tell of nobody.

use serde_json::{Value, json};

use super::{Rig, user};

const LIST: &str = "/api/v1/audience/lists/one/vip";

fn digest(n: usize) -> String {
    format!("{n:064x}")
}

fn linked(count: usize) -> Vec<Value> {
    let line = |n| json!({"id": format!("l{n}"), "ids": {"email_sha256": digest(n)}});
    (0..count).map(line).collect()
}

#[test]
fn a_list_is_added_replaced_and_removed() {
    let rig = Rig::new("{ list: one/vip }", "[crowd]\nminimum = 2\n");
    rig.upload("/api/v1/audience", &linked(5));
    rig.await_linked(5);
    let body = [digest(0), digest(1).to_uppercase(), digest(2), digest(77)].join("\n");
    let reply = rig.post(LIST, &body);
    let told = json!({"done": true, "list": "one/vip", "lines": 4, "faulty": 0, "matched": 2,
        "faults": []});
    assert_eq!((reply.status, reply.json()), (200, told), "three, in steps of two");
    rig.await_bid(&user("l2"), true);
    assert!(!rig.bids(&user("l3")));

    let faulty = rig.post(&format!("{LIST}?op=replace"), &format!("{}\nbad\n", digest(3)));
    let reply = faulty.json();
    assert_eq!((&reply["faulty"], &reply["removed"]), (&json!(1), &Value::Null));
    assert_eq!(reply["faults"][0]["line"], 2);
    rig.await_bid(&user("l3"), true);
    assert!(rig.bids(&user("l0")), "a list with a fault removes nobody");

    let reply = rig.post(&format!("{LIST}?op=replace"), &digest(2)).json();
    assert_eq!((&reply["matched"], &reply["removed"]), (&Value::Null, &json!(2)));
    rig.await_bid(&user("l0"), false);
    assert!(rig.bids(&user("l2")) && !rig.bids(&user("l3")));

    rig.post(&format!("{LIST}?op=remove"), &digest(2));
    rig.await_bid(&user("l2"), false);
    rig.post(&format!("{LIST}?expires=2099-01-01T00:00:00Z"), &digest(4));
    rig.await_bid(&user("l4"), true);
    let reply = rig.ask("DELETE", LIST, "", b"");
    assert_eq!((reply.status, &reply.json()["done"]), (200, &json!(true)));
    rig.await_bid(&user("l4"), false);
}

#[test]
fn what_a_list_cannot_be_is_told() {
    let rig = Rig::new("{}", "");
    let told = |path: &str, body: &str| {
        let reply = rig.post(path, body);
        (reply.status, reply.json())
    };
    for (path, at) in [
        (format!("{LIST}?of=md5"), "of"),
        (format!("{LIST}?op=swap"), "op"),
        (format!("{LIST}?expires=2001-01-01T00:00:00Z"), "expires"),
        ("/api/v1/audience/lists/one/a%20b".to_owned(), "list"),
    ] {
        let (status, said) = told(&path, &digest(1));
        assert_eq!((status, &said["path"]), (400, &json!(at)), "{said}");
    }
    assert_eq!(told(LIST, "").0, 400);
    let (status, said) = told(LIST, "a@b.example\n");
    assert_eq!((status, &said["matched"]), (400, &Value::Null), "{said}");
}

impl Rig {
    /// Links are seen with the next generation.
    fn await_linked(&self, count: usize) {
        self.running().intake().unwrap().seal().unwrap();
        assert_eq!(self.running().intake().unwrap().audience().links().count(), count);
    }
}

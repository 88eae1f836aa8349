use super::name::named;
use super::say::Word;
use crate::base::units::ids::ListenerKey;
use crate::knowledge::audience::{Audience, GenerationBuilder, LinkKey, Profile, Suppression};
use crate::market::marks::Marks;
use crate::market::vocabulary::{DistressMoment, SignalKind};

#[test]
fn every_spelling_names_the_same_listener() {
    let key = ListenerKey::of("own");
    let mut builder = GenerationBuilder::default();
    builder.add(key, Profile::EMPTY);
    builder.add(ListenerKey::of("with:colon"), Profile::EMPTY);
    builder.link(LinkKey::of("demo", "theirs"), Some(key));
    let audience = Audience::of(builder.build());
    let table = Suppression::empty(Marks::new(&[7; 32]));
    let sources = ["demo".to_owned(), "ids.example".to_owned()];
    let of = |text: &str| named(text, (&audience, &table), &sources);
    let digits = format!("{:032x}", key.0);
    for text in ["own", " own ", "demo:theirs", "Demo:theirs", &format!("key:{digits}"), &digits] {
        let named = of(text).unwrap();
        assert_eq!((named.key, named.mark), (key, table.mark(key)), "{text}");
    }
    // A refusal holds under the id as well, for the time after the link has gone.
    let linked = of("demo:theirs").unwrap().others;
    let own = table.mark(ListenerKey::of("theirs"));
    assert_eq!(linked, [table.mark_of_link(LinkKey::of("demo", "theirs")), own]);
    // Who is not known is the one that a bid request would name.
    assert_eq!(of("ids.example:new").unwrap().key, ListenerKey::of("new"));
    assert_eq!(of("spotify:user:x").unwrap().key, ListenerKey::of("spotify:user:x"));
    assert_eq!(of("with:colon").unwrap().key, ListenerKey::of("with:colon"));
    for wrong in ["", "  ", "key:12", &"x".repeat(513), "email_sha256:jo@example.com"] {
        assert!(of(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn words_are_kinds_moments_or_all() {
    assert_eq!(Word::read("third-party"), Ok(Word::Kind(SignalKind::ThirdParty)));
    assert_eq!(Word::read("illness"), Ok(Word::Moment(DistressMoment::Illness)));
    assert_eq!(Word::read("all"), Ok(Word::All));
    let fault = Word::read("thirdparty").unwrap_err().to_string();
    assert!(fault.ends_with("did you mean third-party?"), "{fault}");
}

//! Whom does this text mean? A listener's id in any of its spellings.
//!
//! Asked by every right; cold.

use super::Fault;
use crate::base::units::ids::{ListenerKey, ListenerMark};
use crate::knowledge::audience::{Audience, HASHED, LinkKey, Purpose, Suppression, link_said};
use crate::market::vocabulary::Suppressed;

/// Longer texts are no ids.
const ID_MAX: usize = 512;

/// A listener, and the marks of other ids by which the text could mean them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    pub key: ListenerKey,
    pub mark: ListenerMark,
    pub others: Vec<ListenerMark>,
    /// The one of them under which caps and records know who came with the id before a link led
    /// from it.
    pub unlinked: Option<ListenerMark>,
}

impl Named {
    /// What was refused under any of these names.
    pub fn said(&self, suppression: &Suppression) -> Suppressed {
        let marks = std::iter::once(&self.mark).chain(&self.others);
        let said = marks.map(|&mark| suppression.of_mark(mark));
        said.filter(|said| *said != Suppressed::NONE).reduce(Suppressed::or).unwrap_or_default()
    }
}

/// Reads `ID`, `SOURCE:ID` (an exchange's key, an `eids` source, `email_sha256`, `phone_sha256`)
/// or `key:` and the 32 digits of an export. What is not known yet is a listener all the same:
/// who has never been heard may refuse.
pub fn named(
    text: &str,
    (audience, suppression): (&Audience, &Suppression),
    sources: &[String],
) -> Result<Named, Fault> {
    let text = text.trim_ascii();
    if !(1..=ID_MAX).contains(&text.len()) {
        return Err(Fault::Asked(format!("an id has 1 to {ID_MAX} bytes")));
    }
    if let Some(digits) = text.strip_prefix("key:") {
        let key = hex_key(digits).ok_or_else(|| {
            Fault::Asked("a key has 32 hex digits, as exports write it".to_owned())
        })?;
        return Ok(Named { key, mark: suppression.mark(key), others: Vec::new(), unlinked: None });
    }
    let known = |key: ListenerKey| audience.profile_for(Purpose::Rights, key).is_some();
    let plain = ListenerKey::of(text);
    if let Some((source, id)) = text.split_once(':').filter(|_| !known(plain)) {
        let link = match HASHED.iter().find(|hashed| **hashed == source) {
            Some(_) => link_said(source, id).map_err(|why| Fault::Asked(why.to_owned()))?,
            None => LinkKey::of(source, id),
        };
        let leads = audience.listener(link);
        let meant = sources.iter().any(|known| known.eq_ignore_ascii_case(source));
        if leads.is_some() || meant || HASHED.contains(&source) {
            let own = ListenerKey::of(id);
            let key = leads.unwrap_or(own);
            let own = suppression.mark(own);
            let others = [suppression.mark_of_link(link), own];
            let mark = suppression.mark(key);
            let others = others.into_iter().filter(|other| *other != mark).collect();
            let unlinked = (own != mark).then_some(own);
            return Ok(Named { key, mark, others, unlinked });
        }
    }
    let as_key = hex_key(text).filter(|&key| !known(plain) && known(key));
    let key = as_key.unwrap_or(plain);
    Ok(Named { key, mark: suppression.mark(key), others: Vec::new(), unlinked: None })
}

fn hex_key(text: &str) -> Option<ListenerKey> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let key = u128::from_str_radix(text, 16).ok().filter(|_| digits)?;
    Some(ListenerKey(key))
}

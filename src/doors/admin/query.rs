//! What does a request's query ask for? Its options, unknown ones refused.
//!
//! Read by the resources of the API; cold.

use std::collections::BTreeMap;

use axum::http::Uri;

use super::refusal::Refusal;
use crate::base::stdx::fault::nearest;

/// The options of one request.
#[derive(Debug)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// An option that is not `known`, or is said twice, is a fault.
    pub fn read(uri: &Uri, known: &[&str]) -> Result<Query, Refusal> {
        let mut options = BTreeMap::new();
        for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !known.contains(&name) {
                let refusal = Refusal::bad_request(format!("unknown option \"{name}\"")).at(name);
                return Err(match nearest(name, known.iter().copied()) {
                    Some(near) => refusal.with_mend(format!("did you mean \"{near}\"?")),
                    None => refusal,
                });
            }
            let fault = || Refusal::bad_request("an option is not percent-encoded UTF-8").at(name);
            let value = decoded(value).ok_or_else(fault)?;
            if options.insert(name.to_owned(), value).is_some() {
                return Err(Refusal::bad_request("the option stands twice").at(name));
            }
        }
        Ok(Query(options))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Percent-encoding undone; a plus stays a plus, as in times with a zone.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_misspelt_ones_refused() {
        let read = |uri: &str| Query::read(&uri.parse().unwrap(), &["answers", "expires"]);
        let query = read("/a?answers=faults&expires=2027-01-01T00%3A00:00+01:00").unwrap();
        assert_eq!(query.get("answers"), Some("faults"));
        assert_eq!(query.get("expires"), Some("2027-01-01T00:00:00+01:00"));
        assert_eq!(read("/a").unwrap().get("answers"), None);
        let refusal = read("/a?answer=all").unwrap_err();
        assert_eq!(refusal.mend.as_deref(), Some("did you mean \"answers\"?"));
        for wrong in ["/a?answers=1&answers=2", "/a?expires=%zz", "/a?expires=%ff", "/a?x"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

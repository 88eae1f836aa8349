//! Where does a request go? A `match` on the bytes of its path; hot, allocates nothing.

use crate::flows::notice::Kind;
use crate::market::ticket::Channel;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route<'p> {
    Bid { exchange: &'p str },
    Notice { kind: Kind, ticket: &'p str },
    Media { hash: &'p str },
    Live,
    Ready,
    Unknown,
}

impl<'p> Route<'p> {
    pub fn of(path: &'p str) -> Route<'p> {
        let mut segments = path.strip_prefix('/').unwrap_or("").split('/');
        let mut next = || segments.next().filter(|segment| !segment.is_empty());
        let route = (next(), next(), next(), next());
        if segments.next().is_some() || path.ends_with('/') {
            return Route::Unknown;
        }
        match route {
            (Some("bid"), Some(exchange), None, None) => Route::Bid { exchange },
            (Some("notice"), Some(name), Some(ticket), None) => {
                told(name, Channel::Exchange, ticket)
            }
            (Some("beacon"), Some(name), Some(ticket), None) => told(name, Channel::Player, ticket),
            (Some("click"), Some(ticket), None, None) => {
                Route::Notice { kind: Kind::Click, ticket }
            }
            (Some("media"), Some(hash), None, None) if is_sha256(hash) => Route::Media { hash },
            (Some("health"), Some("live"), None, None) => Route::Live,
            (Some("health"), Some("ready"), None, None) => Route::Ready,
            _ => Route::Unknown,
        }
    }

    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Route::Bid { .. } => "bid",
            Route::Notice { kind: Kind::Click, .. } => "click",
            Route::Notice { .. } => "notice",
            Route::Media { .. } => "media",
            Route::Live | Route::Ready => "health",
            Route::Unknown => "unknown",
        }
    }
}

/// A notice of the exchange or a beacon of the player; a click has a path of its own.
fn told<'p>(name: &str, channel: Channel, ticket: &'p str) -> Route<'p> {
    match Kind::parse(name).filter(|&kind| kind.channel() == channel && kind != Kind::Click) {
        Some(kind) => Route::Notice { kind, ticket },
        None => Route::Unknown,
    }
}

/// Lower-case hex, so that a file has one URL.
fn is_sha256(hash: &str) -> bool {
    hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The value of a query's key, percent-decoded; the first of several. `+` stays `+`: prices may
/// be base64.
pub fn query_value(query: &str, key: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == key).map(|(_, value)| percent_decoded(value))
}

/// Bytes that are no UTF-8 become replacement characters: a price they are not.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |b: u8| (b as char).to_digit(16);
        let pair =
            (bytes.get(at + 1).copied().and_then(hex), bytes.get(at + 2).copied().and_then(hex));
        match (bytes[at], pair) {
            (b'%', (Some(high), Some(low))) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_meaning() {
        let hash = "0123456789abcdef".repeat(4);
        let kind = |kind| Route::Notice { kind, ticket: "T" };
        assert_eq!(Route::of("/bid/demo"), Route::Bid { exchange: "demo" });
        assert_eq!(Route::of("/notice/win/T"), kind(Kind::Win));
        assert_eq!(Route::of("/beacon/midpoint/T"), kind(Kind::Midpoint));
        assert_eq!(Route::of("/click/T"), kind(Kind::Click));
        assert_eq!(Route::of(&format!("/media/{hash}")), Route::Media { hash: &hash });
        assert_eq!(Route::of("/health/ready"), Route::Ready);
        let upper = format!("/media/{}", hash.to_uppercase());
        for path in [
            "",
            "/",
            "*",
            "/bid",
            "/bid/",
            "/bid/a/",
            "/bid//a",
            "//bid/a",
            "/bid/a/b",
            "/BID/a",
            "/notice/won/T",
            "/notice/win",
            "/beacon/Start/T",
            "/beacon/win/T",
            "/beacon/click/T",
            "/notice/start/T",
            "/media/..",
            "/health/live/x",
            "/beacon/start/a/b/c",
            "bid/demo",
            &upper,
        ] {
            assert_eq!(Route::of(path), Route::Unknown, "{path}");
        }
    }

    #[test]
    fn query_values_are_decoded_once() {
        let query = "price=%24%7BAUCTION_PRICE%7D&loss=102&min=&b64=a+b%2Fc%3D&bad=%zz%4&price=2";
        let value = |key| query_value(query, key);
        assert_eq!(value("price").as_deref(), Some("${AUCTION_PRICE}"));
        assert_eq!(value("loss").as_deref(), Some("102"));
        assert_eq!(value("min").as_deref(), Some(""));
        assert_eq!(value("b64").as_deref(), Some("a+b/c="));
        assert_eq!(value("bad").as_deref(), Some("%zz%4"));
        assert_eq!(value("pric"), None);
    }
}

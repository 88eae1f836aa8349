//! Where do listeners and exchanges find us? The base of every beacon, click and media URL.
//!
//! Read from the config at start (cold); the checked [`PublicUrl`] stands in the world and is
//! read by every render.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Scheme, host and perhaps a path under which this server's bid listener is reached from
    /// outside: the base of notices, beacons, clicks and hosted media. Without https, nothing of
    /// ours may stand in an answer to a request that asks for secure markup (`imp.secure`), unless
    /// the host is this machine's own (`localhost`, `127.0.0.1`, `[::1]`).
    pub public_url: String,
}

impl Default for Config {
    fn default() -> Config {
        Config { public_url: "http://127.0.0.1:8080".to_owned() }
    }
}

impl Config {
    pub fn check(&self) -> Result<PublicUrl, ConfigFault> {
        PublicUrl::parse(&self.public_url)
    }
}

/// A base URL that stands unescaped in a URL, in XML and in JSON alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    secure: bool,
}

/// What is wrong with `public_url`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    #[error("public_url must begin with http:// or https://")]
    Scheme,
    #[error("public_url has no host")]
    NoHost,
    #[error("public_url must not hold a user, a query or a fragment")]
    NotABase,
    #[error(
        "public_url may hold only letters, digits and -._~:/[]% ; write other characters \
         percent-encoded, and an international host in its xn-- form"
    )]
    Character,
    #[error("public_url is longer than {PUBLIC_URL_MAX} bytes")]
    TooLong,
}

/// It stands some twenty times in one ad.
pub const PUBLIC_URL_MAX: usize = 256;

impl PublicUrl {
    pub fn parse(text: &str) -> Result<PublicUrl, ConfigFault> {
        let text = text.trim().trim_end_matches('/');
        let (secure, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            _ => return Err(ConfigFault::Scheme),
        };
        let host = rest.split('/').next().unwrap_or("");
        if host.is_empty() || host.starts_with(':') {
            return Err(ConfigFault::NoHost);
        }
        if rest.contains(['?', '#', '@']) {
            return Err(ConfigFault::NotABase);
        }
        if !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&b)) {
            return Err(ConfigFault::Character);
        }
        if text.len() > PUBLIC_URL_MAX {
            return Err(ConfigFault::TooLong);
        }
        let secure = secure || is_loopback(host);
        Ok(PublicUrl { text: text.to_owned(), secure })
    }

    /// Without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether what stands under it may be part of secure markup.
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

/// What stays on one machine needs no encryption: players take `127.0.0.1`, `[::1]` and
/// `localhost` for secure (W3C Secure Contexts §3.1), and a demo can be listened to.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_kept_without_its_last_slash() {
        let url = PublicUrl::parse("https://ads.example.com/audio/").unwrap();
        assert_eq!(url.as_str(), "https://ads.example.com/audio");
        assert!(url.is_secure());
        for (base, secure) in [
            ("http://ads.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost/ads", true),
        ] {
            assert_eq!(PublicUrl::parse(base).unwrap().is_secure(), secure, "{base}");
        }
        assert!(PublicUrl::parse("http://[::1]:8080").is_ok());
    }

    #[test]
    fn what_is_no_base_is_refused_by_name() {
        for (text, fault) in [
            ("", ConfigFault::Scheme),
            ("ads.example.com", ConfigFault::Scheme),
            ("ftp://ads.example.com", ConfigFault::Scheme),
            ("https://", ConfigFault::Scheme),
            ("https:///x", ConfigFault::NoHost),
            ("https://:443", ConfigFault::NoHost),
            ("https://me:secret@ads.example.com", ConfigFault::NotABase),
            ("https://ads.example.com/?a=b", ConfigFault::NotABase),
            ("https://ads.example.com/#a", ConfigFault::NotABase),
            ("https://ads.example.com/<b>", ConfigFault::Character),
            ("https://ads.exämple.com", ConfigFault::Character),
            (&format!("https://{}.com", "a".repeat(300)), ConfigFault::TooLong),
        ] {
            assert_eq!(PublicUrl::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        let faulty = toml::from_str::<Config>("public_uri = \"https://a.example\"");
        assert!(faulty.is_err());
    }
}

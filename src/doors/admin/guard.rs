//! May this request reach the API? A token, and a host that is ours; no web page's.
//!
//! Runs before every resource under `/api/`; cold.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use sha2::{Digest as _, Sha256};

use super::refusal::Refusal;
use super::token::{Scope, Tokens};
use crate::base::stdx::caught::caught;

/// Whose request it is, as the trail names them: the beginning of the token's SHA-256.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller(pub String);

impl Caller {
    fn of(token: &[u8]) -> Caller {
        let digest = Sha256::digest(token);
        let digits: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Caller(format!("token {digits}"))
    }
}

/// What is asked of every request.
#[derive(Clone)]
pub struct Guard {
    pub tokens: Arc<Tokens>,
    /// The names under which we are reached; `None`: any.
    pub hosts: Option<Arc<[String]>>,
}

impl Guard {
    /// `loopback`: a listener there is reached under no other name than the machine's own, so
    /// that a page whose name was bent to 127.0.0.1 reaches nothing. `hosts` are further names.
    pub fn new(tokens: Arc<Tokens>, loopback: bool, hosts: &[String]) -> Guard {
        if !loopback && hosts.is_empty() {
            return Guard { tokens, hosts: None };
        }
        let own = ["localhost", "127.0.0.1", "[::1]"].into_iter().filter(|_| loopback);
        let all = own.map(str::to_owned).chain(hosts.iter().map(|host| host.to_lowercase()));
        Guard { tokens, hosts: Some(all.collect()) }
    }

    fn check(&self, path: &str, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(HOST).unwrap_or_default();
        if self.hosts.as_ref().is_some_and(|hosts| !hosts.contains(&name_of(host))) {
            let error = format!("this listener is not reached as \"{host}\"");
            let mend = "use a name of the listener, or add this one to admin.hosts";
            return Err(Refusal::new(StatusCode::FORBIDDEN, error).with_mend(mend));
        }
        // Browsers say where a page comes from; a page of another place has nothing to ask here.
        let origin = text(ORIGIN).and_then(|origin| origin.split_once("://"));
        if headers.contains_key(ORIGIN) && origin.is_none_or(|(_, from)| from != host) {
            let error = "requests of other sites' pages are not answered";
            return Err(Refusal::new(StatusCode::FORBIDDEN, error));
        }
        let token = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let Some(token) = token.and_then(bearer) else {
            let mend = "send \"Authorization: Bearer TOKEN\" with the token of the token file";
            return Err(unauthorized("no token").with_mend(mend));
        };
        match self.tokens.admit(token) {
            Some(Scope::Rights) if !is_of_rights(path) => {
                let error = "this token opens the listener's rights, and nothing else";
                Err(Refusal::new(StatusCode::FORBIDDEN, error)
                    .with_mend("use a token that does not stand behind \"rights:\""))
            }
            Some(_) => Ok(Caller::of(token)),
            None => {
                let mend = "read it again from the token file (admin.token_file)";
                Err(unauthorized("the token is not known").with_mend(mend))
            }
        }
    }
}

/// What is asked of one listener or one decision; the trail tells of all, and is the operator's.
fn is_of_rights(path: &str) -> bool {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    path.starts_with("/listeners/") || path.starts_with("/decisions/")
}

fn unauthorized(error: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, error)
}

/// A host without its port, in lower case.
fn name_of(host: &str) -> String {
    let port = host.rfind(':').filter(|&at| !host[at..].contains(']'));
    host[..port.unwrap_or(host.len())].to_lowercase()
}

/// The token of `Bearer TOKEN`; the scheme's case does not count (RFC 9110 §11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

pub async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    match guard.check(request.uri().path(), request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            caught(next.run(request)).await.unwrap_or_else(|why| {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Refusal::new(status, why.to_string()).into_response()
            })
        }
        Err(refusal) => refusal.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a-token-of-more-than-thirty-two-bytes";

    fn asked(guard: &Guard, headers: &[(&str, &str)]) -> Result<(), StatusCode> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            map.insert(name, value.parse().unwrap());
        }
        guard.check("/api/v1/report", &map).map(drop).map_err(|refusal| refusal.status)
    }

    #[test]
    fn a_token_and_our_own_name_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, TOKEN).unwrap();
        let tokens = Arc::new(Tokens::open(&path).unwrap());
        let loopback = Guard::new(Arc::clone(&tokens), true, &["Ads.Example".to_owned()]);
        let open = Guard::new(tokens, false, &[]);
        let (right, lower) = (format!("Bearer {TOKEN}"), format!("bearer  {TOKEN} "));
        let (denied, forbidden) = (Err(StatusCode::UNAUTHORIZED), Err(StatusCode::FORBIDDEN));
        for host in ["localhost", "LOCALHOST:81", "127.0.0.1:8081", "[::1]", "[::1]:8081"] {
            let host = ("host", host);
            assert_eq!(asked(&loopback, &[host, ("authorization", &right)]), Ok(()));
            assert_eq!(asked(&loopback, &[host, ("authorization", &lower)]), Ok(()));
            assert_eq!(asked(&loopback, &[host, ("authorization", TOKEN)]), denied);
            assert_eq!(asked(&loopback, &[host, ("authorization", "Bearer x")]), denied);
            assert_eq!(asked(&loopback, &[host]), denied);
        }
        let token = ("authorization", right.as_str());
        assert_eq!(asked(&loopback, &[token, ("host", "ads.example:443")]), Ok(()));
        assert_eq!(asked(&loopback, &[token, ("host", "evil.example")]), forbidden);
        assert_eq!(asked(&loopback, &[token]), forbidden);
        assert_eq!(asked(&open, &[token, ("host", "10.0.0.7")]), Ok(()));
        let ours = ("host", "localhost:8081");
        let same = ("origin", "http://localhost:8081");
        assert_eq!(asked(&loopback, &[token, ours, same]), Ok(()));
        for other in ["https://evil.example", "null", "http://localhost"] {
            assert_eq!(asked(&loopback, &[token, ours, ("origin", other)]), forbidden);
        }
    }
}

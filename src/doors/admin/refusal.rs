//! How is a request to the API refused? With a status, and one JSON object that says what to mend.
//!
//! Made by every resource of the API; cold.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// `{"error": …, "mend": …, "path": …, "line": …}`; what is not known is left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Refusal {
    #[serde(skip)]
    pub status: StatusCode,
    pub error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// Where in the request: a query option, a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// From 1, where the body has lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    #[serde(skip)]
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    pub fn new(status: StatusCode, error: impl Into<String>) -> Refusal {
        let error = error.into();
        Refusal { status, error, mend: None, path: None, line: None, retry_after_s: None }
    }

    pub fn bad_request(error: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, error)
    }

    #[must_use]
    pub fn with_mend(mut self, mend: impl Into<String>) -> Refusal {
        self.mend = Some(mend.into());
        self
    }

    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Refusal {
        self.path = Some(path.into());
        self
    }

    #[must_use]
    pub fn at_line(mut self, line: u64) -> Refusal {
        self.line = Some(line);
        self
    }

    #[must_use]
    pub fn retry_after_s(mut self, seconds: u32) -> Refusal {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"interlude\"");
            headers.insert(WWW_AUTHENTICATE, scheme);
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

//! `/media/{sha256}`: the audio and images that we host. Named by their contents, so they never
//! change and may be kept for ever; players ask for parts of them (RFC 9110 §14).

use std::io::SeekFrom;
use std::ops::Range;

use hyper::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::house::MediaFile;
use super::reply::{Reply, ReplyBody, status};

pub async fn answer(
    file: Option<MediaFile>,
    hash: &str,
    method: &Method,
    asked: &HeaderMap,
) -> Reply {
    let Some(media) = file else { return status(StatusCode::NOT_FOUND) };
    let Ok(mut file) = File::open(&media.path).await else {
        tracing::error!(path = %media.path.display(), "a hosted file cannot be opened");
        return status(StatusCode::NOT_FOUND);
    };
    let Ok(size) = file.metadata().await.map(|meta| meta.len()) else {
        return status(StatusCode::NOT_FOUND);
    };
    let etag = format!("\"{hash}\"");
    let range = range(asked, &etag, size);
    let code = match &range {
        _ if matches(asked, IF_NONE_MATCH.as_str(), &etag) => StatusCode::NOT_MODIFIED,
        Wanted::All => StatusCode::OK,
        Wanted::Part(_) => StatusCode::PARTIAL_CONTENT,
        Wanted::Impossible => StatusCode::RANGE_NOT_SATISFIABLE,
    };
    let mut reply = status(code);
    describe(reply.headers_mut(), &media, &etag);
    let part = match range {
        _ if code == StatusCode::NOT_MODIFIED => return reply,
        Wanted::Impossible => {
            insert(reply.headers_mut(), CONTENT_RANGE.as_str(), &format!("bytes */{size}"));
            return reply;
        }
        Wanted::All => 0..size,
        Wanted::Part(part) => {
            let value = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            insert(reply.headers_mut(), CONTENT_RANGE.as_str(), &value);
            part
        }
    };
    let length = part.end - part.start;
    if method == Method::HEAD {
        insert(reply.headers_mut(), CONTENT_LENGTH.as_str(), &length.to_string());
        return reply;
    }
    if file.seek(SeekFrom::Start(part.start)).await.is_err() {
        return status(StatusCode::NOT_FOUND);
    }
    *reply.body_mut() = ReplyBody::file(file.take(length));
    reply
}

fn describe(headers: &mut HeaderMap, media: &MediaFile, etag: &str) {
    insert(headers, CONTENT_TYPE.as_str(), &media.mime);
    insert(headers, ETAG.as_str(), etag);
    for (name, value) in [
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (ACCEPT_RANGES, "bytes"),
        // Web players fetch media from other origins; what we host is not to be sniffed.
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// Whether a list of entity tags names this one.
fn matches(asked: &HeaderMap, name: &str, etag: &str) -> bool {
    let values = asked.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Wanted {
    All,
    Part(Range<u64>),
    Impossible,
}

/// One range of bytes; several, another unit, or nonsense are answered with the whole (RFC 9110
/// §14.2 lets a server ignore them).
fn range(asked: &HeaderMap, etag: &str, size: u64) -> Wanted {
    let known = |condition: &HeaderValue| condition.as_bytes() == etag.as_bytes();
    if !asked.get(IF_RANGE).is_none_or(known) {
        return Wanted::All;
    }
    let value = asked.get(RANGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let Some((first, last)) = value.strip_prefix("bytes=").and_then(|set| set.split_once('-'))
    else {
        return Wanted::All;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let part = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.trim().is_empty() => first..size,
        (None, Some(suffix)) if first.trim().is_empty() => size.saturating_sub(suffix)..size,
        _ => return Wanted::All,
    };
    if part.is_empty() { Wanted::Impossible } else { Wanted::Part(part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let of = |value: &'static str| {
            range(&HeaderMap::from_iter([(RANGE, HeaderValue::from_static(value))]), "\"e\"", 100)
        };
        for (value, wanted) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=10-", Wanted::Part(10..100)),
            ("bytes=-5", Wanted::Part(95..100)),
            ("bytes=-500", Wanted::Part(0..100)),
            ("bytes=90-200", Wanted::Part(90..100)),
            ("bytes=100-", Wanted::Impossible),
            ("bytes=-0", Wanted::Impossible),
            ("bytes=5-1", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("items=0-1", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=x-y", Wanted::All),
        ] {
            assert_eq!(of(value), wanted, "{value}");
        }
    }

    #[test]
    fn a_range_under_another_tag_is_the_whole() {
        let asked = |tag: &'static str| {
            let pairs = [(RANGE, "bytes=0-0"), (IF_RANGE, tag)];
            HeaderMap::from_iter(pairs.map(|(name, value)| (name, HeaderValue::from_static(value))))
        };
        assert_eq!(range(&asked("\"e\""), "\"e\"", 9), Wanted::Part(0..1));
        assert_eq!(range(&asked("\"f\""), "\"e\"", 9), Wanted::All);
    }
}

//! Reads a request's body: its bytes, its media type, its JSON.

mod json;

pub use json::{parse, parse_order, wrong_quantity};

use crate::problem::{Code, Problem};
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Maximum bytes of a body.
pub const SMALL: usize = 64 << 10;
/// Maximum bytes of the plan of a show, of a batch of holds, and of a picture with all that is left out of it.
pub const LARGE: usize = 1 << 20;

/// Maximum bytes of a drawn plan: 200,000 seats as other programs write them.
pub const PLAN: usize = 32 << 20;

/// Time for a body to arrive: longer than an honest client needs, and short enough that a client
/// which sends one byte a minute does not keep a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of a body that is too large is read and dropped: most clients read the answer only after
/// they have sent everything. Beyond that the connection is closed.
const DRAIN: usize = 32 << 20;

/// Reads the whole body. `dropped` is called when nothing of it is kept, because it is too large.
///
/// # Errors
/// 413, 408, or 400 if it broke off.
pub async fn read(body: Body, max: usize, dropped: impl Fn()) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > DRAIN {
        return Err(too_large(max));
    }
    let mut gathering = pin!(gather(body, max, announced > max, dropped));
    // A small body arrives with its headers: then no timer is set up.
    if let Poll::Ready(gathered) = futures::poll!(gathering.as_mut()) {
        return gathered;
    }
    let late = |_| Problem::new(Code::RequestTimeout, "The body did not arrive in 30 seconds. Send the request again.");
    tokio::time::timeout(PATIENCE, gathering).await.map_err(late)?
}

async fn gather(mut body: Body, max: usize, mut drops: bool, dropped: impl Fn()) -> Result<Bytes, Problem> {
    if drops {
        dropped();
    }
    let (mut first, mut rest, mut seen) = (Bytes::new(), Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let broken = |_| Problem::new(Code::BodyUnreadable, "The body ended early or is malformed. Send the request again.");
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        seen += data.len();
        if seen > DRAIN {
            break;
        }
        if drops {
            continue;
        }
        if seen > max {
            (first, rest) = (Bytes::new(), Vec::new());
            drops = true;
            dropped();
        } else if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if seen > max {
        return Err(too_large(max));
    }
    Ok(if rest.is_empty() { first } else { [first.as_ref(), &rest].concat().into() })
}

fn too_large(max: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("The body may have at most {max} bytes here. Send less.")).fact("most", max)
}

/// Checks that the body says it is JSON.
///
/// # Errors
/// 415.
pub fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(CONTENT_TYPE).is_some_and(|value| is_json(value.as_bytes())) {
        return Ok(());
    }
    Err(Problem::new(Code::UnsupportedMediaType, "Send the body as JSON, with `Content-Type: application/json`."))
}

/// Whether a media type is one of JSON.
#[must_use]
pub fn is_json(value: &[u8]) -> bool {
    if value == b"application/json" {
        return true;
    }
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let Some((kind, name)) = essence.split_once('/') else { return false };
    let ends_in_json = name.len() > 5 && name.get(name.len() - 5..).is_some_and(|end| end.eq_ignore_ascii_case("+json"));
    kind.eq_ignore_ascii_case("application") && (name.eq_ignore_ascii_case("json") || ends_in_json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn media_type(text: &'static str) -> Result<(), Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(text));
        check_media_type(&headers)
    }

    #[test]
    fn every_json_media_type_is_accepted() {
        for good in ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"] {
            assert!(media_type(good).is_ok(), "{good}");
        }
        for bad in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", "text/json+xml"] {
            assert_eq!(media_type(bad).expect_err("refused").code(), Code::UnsupportedMediaType, "{bad}");
        }
        assert!(check_media_type(&HeaderMap::new()).is_err());
    }

    #[tokio::test]
    async fn who_counts_what_is_kept_is_told_when_that_is_nothing() {
        use futures::StreamExt;
        for (sent, expected) in [(10, 0), (11, 1), (30, 1)] {
            let dropped = std::cell::Cell::new(0);
            let chunks = futures::stream::iter((0..sent).map(|_| Ok(Bytes::from_static(b"x"))))
                .chain(futures::stream::pending::<std::io::Result<Bytes>>());
            let reading = read(Body::from_stream(chunks), 10, || dropped.set(dropped.get() + 1));
            assert!(futures::poll!(pin!(reading)).is_pending());
            assert_eq!(dropped.get(), expected, "{sent}");
        }
        // What is announced is not kept at all.
        let dropped = std::cell::Cell::new(0);
        read(Body::from(vec![b'x'; 11]), 10, || dropped.set(dropped.get() + 1)).await.expect_err("refused");
        assert_eq!(dropped.get(), 1);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_with_and_without_content_length() {
        assert_eq!(read(Body::from(vec![b'x'; 10]), 10, || ()).await.unwrap().len(), 10);
        assert_eq!(read(Body::from(vec![b'x'; 11]), 10, || ()).await.expect_err("refused").code(), Code::BodyTooLarge);
        let chunks = futures::stream::iter((0..11).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"x"))));
        assert_eq!(read(Body::from_stream(chunks), 10, || ()).await.expect_err("refused").code(), Code::BodyTooLarge);
        let chunks =
            futures::stream::iter(["{", "\"a\"", ":1}"].map(|text| Ok::<_, std::io::Error>(Bytes::from_static(text.as_bytes()))));
        assert_eq!(read(Body::from_stream(chunks), 10, || ()).await.unwrap(), "{\"a\":1}");
        let broken = futures::stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
        assert_eq!(read(Body::from_stream(broken), 10, || ()).await.expect_err("refused").code(), Code::BodyUnreadable);
        assert!(read(Body::empty(), 10, || ()).await.unwrap().is_empty());
    }
}

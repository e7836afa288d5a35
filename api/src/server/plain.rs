//! An answer as bytes, the same that router and hyper make of it.

use super::{headers, request_id};
use crate::answer::Answer;
use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::cell::Cell;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// The headers of every answer.
static COMMON: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (mut all, mut text) = (HeaderMap::new(), Vec::new());
    headers::add(&mut all);
    for (name, value) in &all {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            text.extend_from_slice(part);
        }
    }
    text
});

/// Bytes of a date, as HTTP writes it.
const DATE: usize = 29;

thread_local! {
    /// The second for which it was written last.
    static DATE_OF: Cell<(u64, [u8; DATE])> = const { Cell::new((0, [b' '; DATE])) };
}

/// Writes the answer to a request over HTTP/1.1 whose connection stays open. The answer must not have a header of
/// [`headers::add`]. `id`: the request's.
#[expect(clippy::disallowed_methods, reason = "the header `date` is the machine's time, as hyper writes it")]
pub(super) fn write(answer: &Answer, id: &HeaderValue, out: &mut BytesMut) {
    out.reserve(512 + answer.body.len());
    let mut put = |part: &[u8]| out.extend_from_slice(part);
    begin(answer.status, answer.headers.iter().map(|(name, value)| (name, value)), &mut put);
    put(b"content-length: ");
    put(http::HeaderValue::from(answer.body.len()).as_bytes());
    put(b"\r\n");
    put(request_id::NAME.as_str().as_bytes());
    put(b": ");
    put(id.as_bytes());
    put(b"\r\n");
    put(&COMMON);
    put(b"date: ");
    put(&date(SystemTime::now()));
    put(b"\r\n\r\n");
    put(&answer.body);
}

/// Writes the head of an answer over HTTP/1.1 that has all its headers but `date`.
#[expect(clippy::disallowed_methods, reason = "the header `date` is the machine's time, as hyper writes it")]
pub(super) fn write_head(status: StatusCode, headers: &HeaderMap, out: &mut Vec<u8>) {
    let mut put = |part: &[u8]| out.extend_from_slice(part);
    begin(status, headers.iter(), &mut put);
    put(b"date: ");
    put(&date(SystemTime::now()));
    put(b"\r\n\r\n");
}

/// The first line and these headers.
fn begin<'a>(status: StatusCode, headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>, put: &mut impl FnMut(&[u8])) {
    put(b"HTTP/1.1 ");
    put(status.as_str().as_bytes());
    put(b" ");
    put(status.canonical_reason().unwrap_or("<none>").as_bytes());
    put(b"\r\n");
    for (name, value) in headers {
        put(name.as_str().as_bytes());
        put(b": ");
        put(value.as_bytes());
        put(b"\r\n");
    }
}

/// Written once a second on each thread.
fn date(now: SystemTime) -> [u8; DATE] {
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (known, text) = DATE_OF.get();
    if known == second {
        return text;
    }
    let written = httpdate::fmt_http_date(now);
    let text = written.as_bytes().try_into().unwrap_or(text);
    DATE_OF.set((second, text));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_date_is_of_this_second() {
        let at = |second| String::from_utf8(date(UNIX_EPOCH + Duration::from_secs(second)).to_vec()).unwrap();
        assert_eq!(at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(784_111_778), "Sun, 06 Nov 1994 08:49:38 GMT");
    }
}

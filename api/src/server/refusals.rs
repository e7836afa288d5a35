//! Refusals that need no router: a request that hyper can't read, and one without a proper `Host`.

use super::headers;
use crate::answer::Answer;
use crate::problem::{Code, Problem};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue};
use http::uri::Authority;
use http::{Request, Version};

/// What hyper answers by itself, as problems. `None` if the bytes are not such an answer: all of ours
/// have the headers of [`headers::add`].
pub(super) fn worded(bytes: &[u8]) -> Option<Bytes> {
    let status = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
    let problem = match status {
        b"431" => Problem::new(
            Code::HeadersTooLarge,
            "The request line and the headers may have 16 kB together. Send less: cookies are not needed here.",
        ),
        b"400" | b"414" => Problem::new(Code::MalformedRequest, "This is not an HTTP/1.1 request. Check what your client sends."),
        _ => return None,
    };
    let ours = headers::MARK.as_str().as_bytes();
    if bytes.windows(ours.len()).any(|window| window.eq_ignore_ascii_case(ours)) {
        return None;
    }
    let Answer { status, headers: fields, body, .. } = problem.into();
    let mut all: http::HeaderMap = fields.into_iter().collect();
    headers::add(&mut all);
    all.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    all.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut text = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in &all {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            text.extend_from_slice(part);
        }
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(&body);
    Some(text.into())
}

/// Requires `Host` exactly once, as HTTP/1.1 does: with two, a proxy and this server could take one
/// request for different sites'. HTTP/1.0, which some health checks speak, may leave it out.
pub(super) fn check_host<B>(request: &Request<B>) -> Result<(), Problem> {
    let mut sent = request.headers().get_all(HOST).iter();
    let is_good = match (sent.next(), sent.next()) {
        (Some(host), None) => is_host(host.as_bytes()),
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    if is_good {
        return Ok(());
    }
    let problem = Problem::new(Code::InvalidHost, "Send the header `Host` exactly once, with this server's name.");
    Err(problem.header(CONNECTION, HeaderValue::from_static("close")))
}

/// Whether a `Host` is one.
pub(super) fn is_host(text: &[u8]) -> bool {
    Authority::try_from(text).is_ok_and(|host| !host.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_hyper_says_by_itself_is_worded() {
        let text = worded(b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n").unwrap();
        let text = std::str::from_utf8(&text).unwrap();
        assert!(text.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{text}");
        assert!(
            text.contains("\r\ncontent-type: application/problem+json\r\n") && text.contains("\"headers_too_large\""),
            "{text}"
        );
        assert!(worded(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").is_some());
        for ours in [
            "HTTP/1.1 400 Bad Request\r\ncontent-security-policy: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 4",
            "{\"title\":\"HTTP/1.1 431 \"}",
            "",
        ] {
            assert!(worded(ours.as_bytes()).is_none(), "{ours}");
        }
    }

    #[test]
    fn a_host_is_sent_once_and_is_one() {
        let with = |version: Version, hosts: &[&str]| {
            let mut request = Request::builder().version(version).body(()).unwrap();
            for host in hosts {
                request.headers_mut().append(HOST, HeaderValue::from_str(host).unwrap());
            }
            check_host(&request).is_ok()
        };
        for good in ["localhost", "127.0.0.1:8080", "[::1]:8080", "tickets.example", "tickets.example:443"] {
            assert!(with(Version::HTTP_11, &[good]), "{good}");
        }
        for bad in ["", "a b", "a/b", "a@b", "http://a", "a,b\\", "a\"b"] {
            assert!(!with(Version::HTTP_11, &[bad]), "{bad}");
        }
        assert!(!with(Version::HTTP_11, &[]) && !with(Version::HTTP_11, &["a", "a"]) && !with(Version::HTTP_10, &["a", "b"]));
        assert!(with(Version::HTTP_10, &[]));
    }
}

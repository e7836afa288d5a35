//! Where the next request ends, and whether a shortcut may see it. Whatever hyper would treat in a way of its own is
//! unclear.

use crate::server::refusals;
use std::mem::MaybeUninit;
use std::net::SocketAddr;

/// More than browsers and proxies send; hyper takes 100.
const MAX_HEADERS: usize = 64;

/// A POST request that has arrived as a whole, over HTTP/1.1, with one good `Host` and one `Content-Length`, on a
/// connection that stays open.
pub struct Post<'a> {
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The target, with its query.
    pub target: &'a str,
    /// In the order in which they were sent, with names in any case.
    pub headers: &'a [httparse::Header<'a>],
    pub body: &'a [u8],
}

/// What the client's bytes begin with.
pub(super) enum Next<'a> {
    /// An incomplete head.
    Partial,
    /// A request whose end is unclear, or that changes what follows.
    Unclear,
    /// A request of so many bytes, perhaps not all of them here.
    Other(u64),
    /// A whole request of so many bytes.
    Post(Post<'a>, usize),
}

/// Looks at what the bytes begin with.
pub(super) fn with_next<T>(bytes: &[u8], peer: SocketAddr, take: impl FnOnce(Next<'_>) -> T) -> T {
    let mut space = [MaybeUninit::uninit(); MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let head = match request.parse_with_uninit_headers(bytes, &mut space) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return take(Next::Partial),
        Err(_) => return take(Next::Unclear),
    };
    let (Some(method), Some(target), Some(1)) = (request.method, request.path, request.version) else {
        return take(Next::Unclear);
    };
    let Some(Framing { length, has_good_host }) = Framing::of(request.headers).filter(|_| method != "CONNECT") else {
        return take(Next::Unclear);
    };
    let other = Next::Other((head as u64).saturating_add(length.unwrap_or(0)));
    let Some(length) = length.and_then(|length| usize::try_from(length).ok()) else { return take(other) };
    match bytes.get(head..head.saturating_add(length)) {
        Some(body) if method == "POST" && has_good_host => {
            let post = Post { peer, target, headers: request.headers, body };
            take(Next::Post(post, head + length))
        }
        _ => take(other),
    }
}

/// What the headers say of the connection.
struct Framing {
    /// Bytes of the body, if that is said.
    length: Option<u64>,
    has_good_host: bool,
}

impl Framing {
    /// `None` if something else than one `Content-Length` says it, or if this may be the connection's last request.
    fn of(headers: &[httparse::Header<'_>]) -> Option<Self> {
        let (mut length, mut hosts, mut good_hosts) = (None, 0, 0);
        for header in headers {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            match header.name.len() {
                4 if is("host") => {
                    hosts += 1;
                    good_hosts += u8::from(refusals::is_host(header.value));
                }
                6 if is("expect") => return None,
                7 if is("upgrade") => return None,
                10 if is("connection") && !header.value.eq_ignore_ascii_case(b"keep-alive") => return None,
                14 if is("content-length") => {
                    if length.is_some() {
                        return None;
                    }
                    length = Some(digits(header.value)?);
                }
                17 if is("transfer-encoding") => return None,
                _ => {}
            }
        }
        Some(Self { length, has_good_host: hosts == 1 && good_hosts == 1 })
    }
}

/// A number as everybody reads it.
fn digits(text: &[u8]) -> Option<u64> {
    let is_plain = (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    is_plain.then(|| text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(bytes: &str) -> String {
        with_next(bytes.as_bytes(), ([127, 0, 0, 1], 1).into(), |next| match next {
            Next::Partial => "partial".to_owned(),
            Next::Unclear => "unclear".to_owned(),
            Next::Other(length) => format!("other {length}"),
            Next::Post(post, length) => format!("{} {} {length}", post.target, String::from_utf8_lossy(post.body)),
        })
    }

    #[test]
    fn a_whole_post_and_nothing_else_is_for_the_shortcut() {
        let head = "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n";
        assert_eq!(next(&format!("{head}\r\n{{}}")), format!("/x {{}} {}", head.len() + 4));
        assert_eq!(next(&format!("{head}Connection: Keep-Alive\r\n\r\n{{}}GET")), format!("/x {{}} {}", head.len() + 28));
        // The rest is hyper's, as far as it is known to go.
        assert_eq!(next(&format!("{head}\r\n{{")), format!("other {}", head.len() + 4));
        assert_eq!(next(&format!("{head}host: b\r\n\r\n{{}}")), format!("other {}", head.len() + 13));
        assert_eq!(next("POST /x HTTP/1.1\r\nhost: a@b\r\ncontent-length: 1\r\n\r\n1"), "other 51");
        assert_eq!(next("POST /x HTTP/1.1\r\nhost: a\r\n\r\n"), "other 29");
        assert_eq!(next("GET /x HTTP/1.1\r\nhost: a\r\n\r\nGET"), "other 28");
        assert_eq!(next("HEAD / HTTP/1.1\r\n\r\n"), "other 19");
    }

    #[test]
    fn where_a_request_ends_is_known_or_it_is_unclear() {
        let with = |line: &str| next(&format!("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n{line}\r\n\r\n{{}}"));
        for line in [
            "Content-Length: 2",
            "transfer-encoding: chunked",
            "Transfer-Encoding: identity",
            "expect: 100-continue",
            "upgrade: h2c",
            "connection: close",
            "connection: keep-alive, upgrade",
            "connection: x",
        ] {
            assert_eq!(with(line), "unclear", "{line}");
        }
        for length in ["-1", "+2", "2,2", "0x2", "2 2", "", "9999999999999999999"] {
            assert_eq!(
                next(&format!("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{{}}")),
                "unclear",
                "{length}"
            );
        }
        assert_eq!(next("GET / HTTP/1.0\r\n\r\n"), "unclear");
        assert_eq!(next("CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n"), "unclear");
        assert_eq!(next("nonsense\r\n\r\n"), "unclear");
        assert_eq!(next("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "unclear");
        let many = "a: b\r\n".repeat(65);
        assert_eq!(next(&format!("GET / HTTP/1.1\r\n{many}\r\n")), "unclear");
        for partial in ["", "\r\n", "POST", "POST /x HTTP/1.1\r\nhost: a\r\n", "POST /x HTTP/1.1\r\nhost: a\r\n\r"] {
            assert_eq!(next(partial), "partial", "{partial}");
        }
    }
}

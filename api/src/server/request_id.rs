//! The id of a request, which its answer and its log lines have.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const NAME: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ones fill log lines.
const LONGEST: usize = 128;

/// Keeps the requests of this process apart from those of others: 32 bits, random as the keys of a hash map are.
static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()) & 0xffff_ffff);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The id of a request: what its client or a proxy has sent, else a new one.
pub(super) fn of<'a>(mut sent: impl Iterator<Item = &'a [u8]>) -> HeaderValue {
    match (sent.next(), sent.next()) {
        (Some(id), None) if is_usable(id) => HeaderValue::from_bytes(id).unwrap_or_else(|_| new()),
        _ => new(),
    }
}

/// The id of a request with these headers.
pub(super) fn of_headers(headers: &HeaderMap) -> HeaderValue {
    of(headers.get_all(NAME).iter().map(HeaderValue::as_bytes))
}

/// In log lines.
pub(super) fn text(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}

fn new() -> HeaderValue {
    let id = format!("{:08x}-{:x}", *PROCESS, NEXT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::from_maybe_shared(bytes::Bytes::from(id)).unwrap_or(HeaderValue::from_static("none"))
}

/// Whether it can be written to a log line and searched for as it is.
fn is_usable(id: &[u8]) -> bool {
    let usable = |b: &u8| b.is_ascii_alphanumeric() || b"-_.~:/+=@".contains(b);
    (1..=LONGEST).contains(&id.len()) && id.iter().all(usable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_was_sent_is_kept_unless_it_could_fool_a_reader_of_the_log() {
        let id = |sent: &[&'static str]| of(sent.iter().map(|sent| sent.as_bytes()));
        for good in ["7f3c", "Root=1-67891233-abcdef012345678912345678", "a/b+c==", "0191e0c6-7a3e-7000-8000-0123456789ab"] {
            assert_eq!(id(&[good]), good);
        }
        let long = "x".repeat(129).leak();
        for bad in ["", "a b", "a\"b", "a{b}", "\u{e9}", long] {
            assert_ne!(id(&[bad]), bad);
        }
        assert!(id(&["one", "two"]) != "one", "which of two is meant, nobody can say");
    }

    #[test]
    fn no_two_requests_of_a_process_get_the_same() {
        let (first, second) = (of([].into_iter()), of([].into_iter()));
        assert_ne!(first, second);
        assert!(text(&first).len() > 9 && is_usable(first.as_bytes()));
    }
}

//! Conditional requests: does `If-None-Match` name what the answer would contain? Which revisions does `If-Match` name?

use http::header::{HeaderName, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};

/// Whether the header lists `etag` (with its quotes) or is `*`. Compares weakly (RFC 9110 §8.8.3.2): a
/// proxy that compresses an answer makes its tag weak, `W/"7"`.
#[must_use]
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|list| lists(list, etag))
}

fn lists(list: &str, etag: &str) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list;
    // Tags may contain commas, so the list is read tag by tag. What is malformed ends it.
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let tag = rest.strip_prefix("W/").unwrap_or(rest);
        let Some((opaque, after)) = tag.strip_prefix('"').and_then(|tag| tag.split_once('"')) else { return false };
        if etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')) == Some(opaque) {
            return true;
        }
        rest = after;
    }
}

/// The tag of a revision of something whose answer depends on more than that: `"3-paused"`.
#[must_use]
pub fn of_revision(revision: u64, rest: &str) -> String {
    format!("\"{revision}-{rest}\"")
}

/// The revisions that a header's tags name; `None` if it is absent or `*`. Tags that name none count for nothing, and so
/// do weak ones (RFC 9110 §13.1.1).
#[must_use]
pub fn revisions(headers: &HeaderMap, header: &HeaderName) -> Option<Vec<u64>> {
    let values: Vec<&str> = headers.get_all(header).iter().map(HeaderValue::to_str).filter_map(Result::ok).collect();
    if !headers.contains_key(header) || values.iter().any(|value| value.trim() == "*") {
        return None;
    }
    let tags = values.iter().flat_map(|value| value.split(',')).map(str::trim);
    let revision = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.split('-').next()?.parse().ok();
    Some(tags.filter_map(revision).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        for known in ["\"7\"", "W/\"7\"", "*", " * ", "\"6\", \"7\"", "\"6\",W/\"7\"", "W/\"a,b\" ,\t\"7\"", "\"7\" "] {
            assert!(lists(known, "\"7\""), "{known}");
        }
        for unknown in ["", "7", "\"77\"", "\"6\"", "W/\"6\", \"8\"", "w/\"7\"", "\"6, 7\"", "\"7", "**", "\"6\" 7"] {
            assert!(!lists(unknown, "\"7\""), "{unknown}");
        }
    }

    #[test]
    fn a_tag_names_the_revision_that_it_was_made_of() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::IF_MATCH, value.parse().unwrap());
            revisions(&headers, &http::header::IF_MATCH)
        };
        assert_eq!(revisions(&HeaderMap::new(), &http::header::IF_MATCH), None);
        assert_eq!(of("*"), None);
        assert_eq!(of(&of_revision(12, "on_sale")), Some(vec![12]));
        assert_eq!(of("\"3-paused\", \"4\""), Some(vec![3, 4]));
        for none in ["W/\"3-paused\"", "3", "\"\"", "\"abc\"", "\"-3\""] {
            assert_eq!(of(none), Some(vec![]), "{none}");
        }
    }

    #[test]
    fn every_line_of_the_header_counts() {
        let mut headers = HeaderMap::new();
        assert!(!is_known(&headers, "\"7\""));
        headers.append(IF_NONE_MATCH, "\"6\"".parse().unwrap());
        headers.append(IF_NONE_MATCH, "W/\"7\"".parse().unwrap());
        assert!(is_known(&headers, "\"7\""));
    }
}

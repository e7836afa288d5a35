//! Conditional reads: does a request's `If-None-Match` name what the answer would contain?

use http::HeaderMap;
use http::header::IF_NONE_MATCH;

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
    fn every_line_of_the_header_counts() {
        let mut headers = HeaderMap::new();
        assert!(!is_known(&headers, "\"7\""));
        headers.append(IF_NONE_MATCH, "\"6\"".parse().unwrap());
        headers.append(IF_NONE_MATCH, "W/\"7\"".parse().unwrap());
        assert!(is_known(&headers, "\"7\""));
    }
}

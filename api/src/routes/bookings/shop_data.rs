//! What the shop that sells wants to find a booking by: a reference and metadata. Both stay in the log for ever.

use crate::problem::{Code, Problem};
use lastseat_domain::event::ShopData;
use std::collections::BTreeMap;

const LONGEST_REFERENCE: usize = 100;
const LONGEST_NAME: usize = 40;
/// Names and values together.
const MOST_BYTES: usize = 1024;

/// Checks what a hold brings.
///
/// # Errors
/// 422 that says what each may be.
pub fn read(reference: Option<String>, metadata: Option<BTreeMap<String, String>>) -> Result<ShopData, Problem> {
    if reference.as_ref().is_some_and(|reference| !is_reference(reference)) {
        let detail = format!("`reference` must be 1 to {LONGEST_REFERENCE} visible characters in one line.");
        return Err(Problem::new(Code::InvalidRequest, detail).fact("field", "reference"));
    }
    let metadata = metadata.unwrap_or_default();
    let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MOST_BYTES {
        let detail =
            format!("`metadata` has {bytes} bytes in its names and values, and may have {MOST_BYTES}. Store a key of your own.");
        return Err(Problem::new(Code::InvalidRequest, detail).fact("field", "metadata").fact("most", MOST_BYTES));
    }
    if let Some(name) = metadata.keys().find(|name| !is_name(name)) {
        let detail = format!("A name in `metadata` must be 1 to {LONGEST_NAME} of a-z, A-Z, 0-9, `.`, `-` and `_`.");
        return Err(Problem::new(Code::InvalidRequest, detail).fact("field", "metadata").fact("name", name));
    }
    if let Some(name) = metadata.iter().find(|(_, value)| value.chars().any(char::is_control)).map(|(name, _)| name) {
        let detail = format!("The value of `metadata.{name}` must be text in one line.");
        return Err(Problem::new(Code::InvalidRequest, detail).fact("field", format!("metadata.{name}")));
    }
    Ok(ShopData { reference, metadata })
}

/// Spaces may be inside.
fn is_reference(text: &str) -> bool {
    (1..=LONGEST_REFERENCE).contains(&text.chars().count()) && text.trim() == text && !text.chars().any(is_invisible)
}

/// Control characters, and those that hide themselves or turn the direction of the text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || c != ' ' && c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether metadata may have a value of this name.
pub fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> Result<ShopData, Problem> {
        read(Some(text.to_owned()), None)
    }

    fn metadata(name: &str, value: &str) -> Result<ShopData, Problem> {
        read(None, Some([(name.to_owned(), value.to_owned())].into()))
    }

    #[test]
    fn a_reference_is_1_to_100_visible_characters() {
        for good in ["7", "order 4711", "Bestellung-№ 7/ä", &"ä".repeat(100), "=1+1"] {
            assert_eq!(reference(good).unwrap().reference.as_deref(), Some(good));
        }
        for bad in ["", " ", " 7", "7 ", "a\nb", "a\tb", "a\u{0}", "a\u{202e}b", "a\u{200b}b", "a\u{a0}b", &"x".repeat(101)] {
            assert_eq!(reference(bad).expect_err(bad).code(), Code::InvalidRequest, "{bad:?}");
        }
        assert_eq!(read(None, None).unwrap(), ShopData::default());
    }

    #[test]
    fn metadata_has_1024_bytes_at_most() {
        assert!(metadata("k", &"v".repeat(MOST_BYTES - 1)).is_ok());
        assert!(metadata("k", &"v".repeat(MOST_BYTES)).is_err());
        assert!(metadata("k", &"ä".repeat(MOST_BYTES / 2)).is_err(), "bytes, not characters");
        let many = (0..200).map(|n| (format!("k{n:03}"), "vv".to_owned())).collect();
        assert!(read(None, Some(many)).is_err(), "names count as well");
    }

    #[test]
    fn metadata_has_plain_names_and_values_of_one_line() {
        assert!(metadata("order.id-7_X", "").is_ok() && metadata("k", "two words, ä").is_ok());
        for bad in ["", "a b", "a]", "[a", "ä", &"x".repeat(41), "a\n"] {
            assert!(metadata(bad, "v").is_err(), "{bad:?}");
        }
        assert!(metadata("k", "a\nb").is_err() && metadata("k", "a\u{0}").is_err());
    }
}

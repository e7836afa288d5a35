//! Whether what a show says to people can be stored and shown.

use crate::event::ShowDetails;
use crate::rejection::Rejection;

/// Longest description, and longest sum of the metadata's names and values, in bytes.
const MAX_TEXT: usize = 4096;
const MAX_URL: usize = 2048;

pub(super) fn validate_details(details: &ShowDetails) -> Result<(), Rejection> {
    if details.venue.as_ref().is_some_and(|venue| !is_line(venue, 200)) {
        return invalid("venue", "`venue` must be 1 to 200 bytes of text");
    }
    if let (Some(doors), Some(starts)) = (details.doors_at, details.starts_at)
        && doors > starts
    {
        return invalid("doors_at", "`doors_at` must not be after starts_at");
    }
    if details.timezone.as_ref().is_some_and(|zone| !is_zone(zone)) {
        return invalid("timezone", "`timezone` must be the IANA name of a time zone, such as `Europe/Vienna`");
    }
    if details.description.as_ref().is_some_and(|text| !is_text(text)) {
        return invalid("description", format!("`description` must be 1 to {MAX_TEXT} bytes of text"));
    }
    if details.image_url.as_ref().is_some_and(|url| !is_https(url)) {
        return invalid("image_url", format!("`image_url` must be an https address of at most {MAX_URL} bytes"));
    }
    let bytes: usize = details.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    let names_ok = details.metadata.keys().all(|name| is_line(name, 64));
    if bytes > MAX_TEXT || !names_ok {
        let why = format!("`metadata` must be at most {MAX_TEXT} bytes in all, with names of 1 to 64 bytes of text");
        return invalid("metadata", why);
    }
    Ok(())
}

fn invalid(field: &'static str, why: impl Into<String>) -> Result<(), Rejection> {
    Err(Rejection::InvalidShow { field, why: why.into() })
}

fn is_line(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.len() <= most && !text.chars().any(char::is_control)
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t')
}

/// Whether it has the form of a time zone's name: `UTC`, `Etc/GMT+1`, `America/Argentina/Buenos_Aires`. Which names
/// exist changes several times a year, and no rule depends on it.
fn is_zone(zone: &str) -> bool {
    let part_ok = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+'))
    };
    (1..=64).contains(&zone.len()) && zone.split('/').count() <= 3 && zone.split('/').all(part_ok)
}

/// Whether it is an absolute https address in ASCII, with a host and without a user's name.
fn is_https(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'`'));
    url.len() <= MAX_URL && plain && host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') && !host.contains('@')
}

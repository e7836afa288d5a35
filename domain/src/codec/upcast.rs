//! Upcasters: convert older stored forms to the current one when they are read. The log itself is
//! never rewritten.
//!
//! To change the form of an event: give its type a higher version in [`current_version`], let
//! [`to_current`] take that version as it is and turn the old JSON into the new, and keep the old
//! golden file. Events of one append share their metadata but for the version, which is that of each
//! one's type.

use crate::event::Event;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The schema version that this program writes an event in.
pub(super) fn current_version(_name: &str) -> u32 {
    1
}

/// Whether this is or was an event type of ours.
pub(super) fn is_ours(name: &str) -> bool {
    Event::NAMES.contains(&name) || name == "SeatReserved"
}

/// Converts a stored name and body to the form that [`Event::from_json`] reads, or says what is wrong.
pub(super) fn to_current<'a>(name: &'a str, version: u32, body: Cow<'a, str>) -> Result<(Cow<'a, str>, Cow<'a, str>), String> {
    match (name, version) {
        // Version 0 was the prototype's: a seat was "reserved", its price a decimal text, its
        // deadline in seconds since the epoch.
        ("SeatReserved", 0) => Ok((Cow::Borrowed("SeatLocked"), Cow::Owned(seat_reserved_v0(&body)?))),
        (_, 1) if Event::NAMES.contains(&name) => Ok((Cow::Borrowed(name), body)),
        _ => Err(format!("version {version} of it is unknown to this version of lastseat; a newer one may have written it")),
    }
}

fn seat_reserved_v0(body: &str) -> Result<String, String> {
    let old: Value = serde_json::from_str(body).map_err(|e| e.to_string())?;
    let field = |name: &str| old.get(name).cloned().ok_or_else(|| format!("`{name}` is missing"));
    let seconds = field("expires")?.as_i64().ok_or("`expires` is no whole number")?;
    let expires_at = chrono::DateTime::from_timestamp(seconds, 0).ok_or("`expires` is out of range")?;
    let price = field("price")?.as_str().and_then(minor_units).ok_or("`price` is no decimal text")?;
    Ok(json!({"booking": field("order")?, "buyer": field("user")?, "price": price, "expires_at": expires_at}).to_string())
}

/// `"85.00"` as 8500: the prototype sold in currencies of two digits only.
fn minor_units(decimal: &str) -> Option<i64> {
    let (whole, cents) = decimal.split_once('.')?;
    // Digits only: `parse` alone would take a sign, and read "1.+5" as 1.05.
    if cents.len() != 2 || !whole.bytes().chain(cents.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents.parse::<u8>().ok()?.into())
}

//! Bookings as lines of CSV (RFC 4180), for spreadsheets.

use crate::names::reason_name;
use lastseat_domain::event::Tender;
use lastseat_projections::BookingView;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The first line. New columns come at the end.
pub const HEADER: &str = "id,show,status,reason,buyer,channel,reference,seats,quantity,amount,currency,opened_at,expires_at,\
                          confirmed_at,attempts,under_review,refund_requested,metadata,tender,refunded,discount,voucher\r\n";

/// Adds a booking's line.
pub fn add(text: &mut String, view: &BookingView) {
    let seats: Vec<&str> = view.seats.iter().map(|priced| priced.seat.as_str()).collect();
    let metadata = if view.shop.metadata.is_empty() { String::new() } else { json(&view.shop.metadata) };
    let cells = [
        view.booking.to_string(),
        view.show.to_string(),
        view.status.as_str().to_owned(),
        view.reason.map(reason_name).unwrap_or_default().to_owned(),
        view.buyer.to_string(),
        view.channel.as_ref().map_or(lastseat_projections::WEB, |channel| channel.as_str()).to_owned(),
        view.shop.reference.clone().unwrap_or_default(),
        seats.join(" "),
        seats.len().to_string(),
        view.amount.value.to_string(),
        view.amount.currency.to_string(),
        time(view.opened_at),
        time(view.expires_at),
        view.confirmed_at.map(time).unwrap_or_default(),
        view.attempts.to_string(),
        view.flagged.to_string(),
        view.refund_requested.to_string(),
        metadata,
        view.tender.map(Tender::name).unwrap_or_default().to_owned(),
        view.refunded.to_string(),
        view.discount.to_string(),
        view.voucher.as_ref().map(ToString::to_string).unwrap_or_default(),
    ];
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        add_cell(text, cell);
    }
    text.push_str("\r\n");
}

/// As the API's JSON has it.
fn time(at: lastseat_domain::Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A cell. A spreadsheet would execute one that begins like a formula: such a one gets an apostrophe, which makes it text.
/// Where the list separator is a semicolon, as in German Excel, a cell ends at each.
fn add_cell(text: &mut String, cell: &str) {
    let cell = &guarded(cell);
    if cell.contains(['"', ',', '\r', '\n']) || cell.starts_with(' ') || cell.ends_with(' ') {
        let _ = write!(text, "\"{}\"", cell.replace('"', "\"\""));
    } else {
        text.push_str(cell);
    }
}

fn guarded(cell: &str) -> Cow<'_, str> {
    const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let parts = || cell.split_inclusive([';', '\t']);
    if !parts().any(|part| part.starts_with(FORMULA)) {
        return Cow::Borrowed(cell);
    }
    let guard = |part: &str| if part.starts_with(FORMULA) { format!("'{part}") } else { part.to_owned() };
    Cow::Owned(parts().map(guard).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        let mut cell = String::new();
        add_cell(&mut cell, text);
        cell
    }

    #[test]
    fn a_cell_is_quoted_only_where_it_has_to_be() {
        assert_eq!(cell("A-1 A-2"), "A-1 A-2");
        assert_eq!(cell("a,b"), "\"a,b\"");
        assert_eq!(cell("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!((cell("two\nlines"), cell(" x")), ("\"two\nlines\"".into(), "\" x\"".into()));
    }

    #[test]
    fn a_cell_is_never_a_formula() {
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("\t=1", "'\t'=1"),
            ("x;=1;y", "x;'=1;y"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
        ] {
            assert_eq!(cell(text), written);
        }
        assert_eq!(cell("a=1"), "a=1");
    }
}

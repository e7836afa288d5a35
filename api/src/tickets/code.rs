//! The text of a ticket: what it says, in bytes, with a signature. docs/API.md describes the form for those who check
//! tickets by themselves.
//!
//! Base32 is what a QR code stores at 5.5 bits a letter, and what survives an address, a header and a person who types it.

use data_encoding::BASE32_NOPAD;
use lastseat_domain::ticket::TicketFacts;
use lastseat_domain::{BookingId, SeatId, ShowId};
use uuid::Uuid;

/// The first byte. Another form gets another one.
const FORM: u8 = 1;
/// Length of a signature.
pub(super) const SIGNATURE: usize = 64;

/// Why a text is not the code of a ticket of this server. `Display` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotATicket {
    /// It does not have the form of one.
    #[error("this is not the code of a ticket")]
    Malformed,
    /// It was changed, made up, or signed with another key.
    #[error("its signature is not valid: it was changed, made up, or is a ticket of another server")]
    Forged,
}

/// What is signed.
pub(super) fn to_bytes(facts: &TicketFacts) -> Vec<u8> {
    let (show, seat) = (facts.show.as_str().as_bytes(), facts.seat.as_str().as_bytes());
    let mut bytes = Vec::with_capacity(32 + show.len() + seat.len());
    bytes.push(FORM);
    bytes.extend_from_slice(facts.booking.0.as_bytes());
    for number in [facts.issue, facts.transfers, facts.exchange] {
        push_number(&mut bytes, number);
    }
    // The id of a show has at most 64 letters.
    bytes.push(u8::try_from(show.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(show);
    bytes.extend_from_slice(seat);
    bytes
}

pub(super) fn of_bytes(bytes: &[u8]) -> Option<TicketFacts> {
    let (form, rest) = bytes.split_first()?;
    let (booking, mut rest) = rest.split_first_chunk::<16>().filter(|_| *form == FORM)?;
    let mut number = || {
        let (number, after) = take_number(rest)?;
        rest = after;
        Some(number)
    };
    let (issue, transfers, exchange) = (number()?, number()?, number()?);
    let (length, rest) = rest.split_first()?;
    let (show, seat) = rest.split_at_checked(usize::from(*length))?;
    Some(TicketFacts {
        show: ShowId::new(str::from_utf8(show).ok()?).ok()?,
        booking: BookingId(Uuid::from_bytes(*booking)),
        seat: SeatId::new(str::from_utf8(seat).ok()?).ok()?,
        issue,
        transfers,
        exchange,
    })
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow (LEB128).
fn push_number(bytes: &mut Vec<u8>, mut number: u32) {
    while let Some(low) = u8::try_from(number & 0x7f).ok().filter(|_| number > 0x7f) {
        bytes.push(low | 0x80);
        number >>= 7;
    }
    bytes.extend(u8::try_from(number));
}

fn take_number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let length = bytes.iter().take(5).position(|byte| byte & 0x80 == 0)? + 1;
    let (number, rest) = bytes.split_at_checked(length)?;
    let value = number.iter().rev().try_fold(0_u32, |value, byte| value.checked_mul(128)?.checked_add(u32::from(byte & 0x7f)))?;
    // Each number has one form: an empty byte at its end would be another code of the same ticket.
    (length == 1 || number.last() != Some(&0)).then_some((value, rest))
}

pub(super) fn to_text(signed: &[u8]) -> String {
    BASE32_NOPAD.encode(signed)
}

/// The signed bytes and their signature. Small letters and the spaces of a line that was broken are fine.
pub(super) fn of_text(text: &str) -> Option<(Vec<u8>, [u8; SIGNATURE])> {
    let letters: String = text.chars().filter(|c| !c.is_ascii_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
    let mut bytes = BASE32_NOPAD.decode(letters.as_bytes()).ok()?;
    let (_, signature) = bytes.split_last_chunk::<SIGNATURE>()?;
    let signature = *signature;
    bytes.truncate(bytes.len() - SIGNATURE);
    Some((bytes, signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_say_what_they_were_made_of(
            booking: u128, issue: u32, transfers in 0_u32..300, exchange: u32,
            show in "[a-z0-9][a-z0-9_-]{0,63}", seat in "[A-Za-z0-9.:_-]{1,80}",
        ) {
            let facts = TicketFacts {
                show: ShowId::new(&show).unwrap(),
                booking: BookingId(Uuid::from_u128(booking)),
                seat: SeatId::new(&seat).unwrap(),
                issue,
                transfers,
                exchange,
            };
            let bytes = to_bytes(&facts);
            prop_assert_eq!(of_bytes(&bytes), Some(facts));
            prop_assert!(of_bytes(&bytes[..17]).is_none());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Some(facts) = of_bytes(&bytes) {
                prop_assert_eq!(to_bytes(&facts), bytes, "each ticket has one form");
            }
        }
    }
}

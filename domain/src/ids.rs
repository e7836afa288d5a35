//! Identifiers of shows, seats, bookings, buyers and so on.
//!
//! Every identifier is checked when it is created, so all other code can build stream names, Redis keys
//! and file names from it without escaping.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use uuid::Uuid;

/// Namespace of every name-based UUID of lastseat. It is arbitrary and must never change: event
/// ids, and so the idempotency of every append, depend on it.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x6c61_7374_7365_6174_8e6f_7468_696e_6721);

/// The text is not a valid identifier. `Display` says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct InvalidId {
    /// The kind of identifier, in words ("a show id").
    pub what: &'static str,
    /// What is allowed, in words.
    pub rule: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and creates the identifier.
            ///
            /// # Errors
            /// [`InvalidId`] if the text breaks the rule of this identifier.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId { what: $what, rule: $rule })
                }
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

text_id!(
    /// A show: one dated performance, or one sale of goods.
    ShowId,
    "a show id",
    "1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit",
    is_slug
);
text_id!(
    /// A part of a show's plan: rows of labelled seats, or places that are sold by quantity.
    AreaId,
    "an area id",
    "1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit",
    is_slug
);
text_id!(
    /// A price category. Every area is in one.
    CategoryId,
    "a category id",
    "1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit",
    is_slug
);
text_id!(
    /// One of several prices of a category, such as `adult` and `child`.
    PriceTypeId,
    "a price type",
    "1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit",
    is_slug
);
text_id!(
    /// Where a booking is sold: `till`, or a channel that a block of seats names.
    ChannelId,
    "a channel",
    "1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit",
    is_slug
);
text_id!(
    /// An endpoint of the shop, which receives webhooks.
    EndpointId,
    "an endpoint's name",
    "1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit",
    is_slug
);
text_id!(
    /// A device that scans tickets.
    DeviceId,
    "a device",
    "1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit",
    is_slug
);
text_id!(
    /// Where tickets are scanned.
    GateId,
    "a gate",
    "1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit",
    is_slug
);
text_id!(
    /// A drawn plan, which many shows may be on.
    PlanId,
    "a plan id",
    "1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit",
    is_slug
);
text_id!(
    /// A sellable place at one show: a seat such as `A-1` or `balcony.A-1`, or one place of an area that is sold by
    /// quantity, such as `floor:17`. Only the latter have a colon.
    SeatId,
    "a seat",
    "1 to 80 of A-Z, a-z, 0-9, '-', '_', '.' and ':'",
    |text| (1..=80).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
);
text_id!(
    /// The buyer: the subject of the caller's token, or `guest:{booking}` for a caller without one.
    BuyerId,
    "a buyer id",
    "1 to 128 visible ASCII characters without spaces",
    |text| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
);
text_id!(
    /// The payment gateway's name for a payment intent.
    IntentId,
    "a payment intent id",
    "1 to 255 visible ASCII characters without spaces",
    |text| (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
);

text_id!(
    /// Hash of a voucher's code. The code itself is known to its bearer only.
    VoucherHash,
    "a voucher's hash",
    "64 of 0-9 and a-f",
    |text| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
);

impl VoucherHash {
    /// The hash with these bytes.
    #[must_use]
    pub fn of_bytes(bytes: [u8; 32]) -> Self {
        let hex = |byte: u8| char::from_digit(u32::from(byte), 16).unwrap_or('0');
        let text: String = bytes.iter().flat_map(|byte| [hex(byte >> 4), hex(byte & 15)]).collect();
        Self(text.into())
    }
}

impl BuyerId {
    /// The buyer of a booking made without a token: the booking itself.
    #[must_use]
    pub fn guest(booking: BookingId) -> Self {
        Self(format!("guest:{booking}").into())
    }

    /// The buyer of a booking made with this account.
    #[must_use]
    pub fn of_account(account: AccountId) -> Self {
        Self(format!("{}{account}", crate::account::BUYER_PREFIX).into())
    }

    /// Whether this is an account here, which only its session proves.
    #[must_use]
    pub fn is_account(&self) -> bool {
        self.0.starts_with(crate::account::BUYER_PREFIX)
    }

    /// Whether this is a guest of a single booking, without an account.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.0.starts_with("guest:")
    }
}

impl SeatId {
    /// The `number`th place (from 1) of an area that is sold by quantity.
    #[must_use]
    pub fn unit(area: &AreaId, number: u32) -> Self {
        Self(format!("{area}:{number}").into())
    }

    /// The `number`th seat (from 1) of a row.
    #[must_use]
    pub fn in_row(row: &str, number: u32) -> Self {
        Self(format!("{row}-{number}").into())
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_| InvalidId { what: $what, rule: "a UUID" })
            }
        }
    };
}

uuid_id!(
    /// A booking: one buyer's checkout of 1..n seats, from hold to confirmed or aborted.
    BookingId,
    "a booking id"
);
uuid_id!(
    /// An account: somebody who signs in here.
    AccountId,
    "an account id"
);
uuid_id!(
    /// A block: seats that are out of the open sale for a reason.
    BlockId,
    "a block id"
);
uuid_id!(
    /// A campaign: vouchers with the same terms, issued together.
    CampaignId,
    "a campaign id"
);
uuid_id!(
    /// A ticket: the admission of a booking to a seat.
    TicketId,
    "a ticket id"
);
uuid_id!(
    /// A voucher: a reward issued once.
    VoucherId,
    "a voucher id"
);

impl BookingId {
    /// The booking that `caller` requests with an idempotency key: the same key always means the same
    /// booking, on every node and after every restart. The hashed text begins with the length of the
    /// caller, because a subject such as `auth0|17` contains the separator: one caller's key must never
    /// equal another's.
    #[must_use]
    pub fn from_key(caller: &str, key: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("booking|{}|{caller}|{key}", caller.len()).as_bytes()))
    }
}

/// A command of a caller. It is the cause of the events that the command leads to, and so a part of
/// their ids: a repeat of the command writes the same events, a rival with the same wish does not.
///
/// A UUID of version 8, so that it is never taken for the id of an event, which has version 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommandId(Uuid);

impl CommandId {
    /// The command that these bytes name: new ones for a command that is sent once, a hash of
    /// caller and idempotency key for one that may be repeated. Six bits are not used.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The command that an event names as its cause; `None` if its cause is something else.
    #[must_use]
    pub fn of_cause(cause: Uuid) -> Option<Self> {
        (cause.get_version_num() == 8).then_some(Self(cause))
    }

    /// As a cause.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

//! The protocol between nodes: JSON over HTTP/1.1, one POST for each method of the payment port and
//! one for the buyer at the bank's page.
//!
//! The sandbox's result, be it an intent or a fault, is a [`Reply`] with status 200. Any other status
//! is about the request itself; the sandbox was not called.

use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus, NextAction};
use lastseat_domain::{BookingId, IntentId, Money, SeatId, Secret, ShowId, Timestamp};
use serde::{Deserialize, Serialize};

/// Version of this protocol. [`super::RemoteSandbox::check`] refuses a node of another one.
pub const VERSION: u32 = 2;
/// Maximum bytes of a body, in either direction.
pub const MAX_BODY: usize = 64 << 10;

pub mod path {
    pub const HELLO: &str = "/sandbox";
    pub const CREATE: &str = "/sandbox/create";
    pub const CONFIRM: &str = "/sandbox/confirm";
    pub const RETRIEVE: &str = "/sandbox/retrieve";
    pub const CAPTURE: &str = "/sandbox/capture";
    pub const CANCEL: &str = "/sandbox/cancel";
    pub const REFUND: &str = "/sandbox/refund";
    pub const AUTHENTICATE: &str = "/sandbox/authenticate";
}

/// The answer to `GET /sandbox`, which distinguishes a sandbox from any other server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub shared_sandbox: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Create {
    pub booking: BookingId,
    pub amount: Money,
    pub show: ShowId,
    pub seats: Vec<SeatId>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Confirm {
    pub intent: IntentId,
    pub booking: BookingId,
    /// Counts from 1.
    pub attempt: u32,
    pub payment_method: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Retrieve {
    pub intent: IntentId,
}

/// A capture or a cancellation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Act {
    pub intent: IntentId,
    pub booking: BookingId,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Refund {
    pub intent: IntentId,
    pub booking: BookingId,
    /// Counts from 1.
    pub number: u32,
    pub amount: Money,
}

/// What the buyer does at the bank's page.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Authenticate {
    pub intent: IntentId,
    pub success: bool,
}

/// The sandbox's result.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Intent(#[serde(with = "IntentForm")] Intent),
    /// As a caller in the sandbox's own process would get it.
    Fault(Fault),
}

/// An [`Intent`]; the compiler keeps the two alike.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Intent")]
struct IntentForm {
    id: IntentId,
    booking: BookingId,
    amount: Money,
    #[serde(with = "StatusForm")]
    status: IntentStatus,
    last_decline: Option<String>,
    #[serde(with = "secret")]
    client_secret: Option<Secret>,
    capture_before: Option<Timestamp>,
    captured: i64,
    refunded: i64,
}

/// Between nodes of one installation the secret is plain text, as the sandbox's money is play money.
mod secret {
    use lastseat_domain::Secret;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the form that serde asks for")]
    pub fn serialize<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.and_then(Secret::new))
    }
}

/// An [`IntentStatus`]; the compiler keeps the two alike.
#[derive(Serialize, Deserialize)]
#[serde(remote = "IntentStatus", rename_all = "snake_case")]
enum StatusForm {
    RequiresPaymentMethod,
    RequiresAction(#[serde(with = "ActionForm")] NextAction),
    Processing,
    RequiresCapture,
    Succeeded,
    Canceled,
}

/// A [`NextAction`]; the compiler keeps the two alike.
#[derive(Serialize, Deserialize)]
#[serde(remote = "NextAction", rename_all = "snake_case")]
enum ActionForm {
    Redirect { url: String },
    ConfirmClientSide,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    Unavailable { message: String },
    OutcomeUnknown { message: String },
    Refused { code: String, message: String },
}

impl From<GatewayFault> for Fault {
    fn from(fault: GatewayFault) -> Self {
        match fault {
            GatewayFault::Unavailable(message) => Self::Unavailable { message },
            GatewayFault::OutcomeUnknown(message) => Self::OutcomeUnknown { message },
            GatewayFault::Refused { code, message } => Self::Refused { code, message },
        }
    }
}

impl From<Fault> for GatewayFault {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unavailable { message } => Self::Unavailable(message),
            Fault::OutcomeUnknown { message } => Self::OutcomeUnknown(message),
            Fault::Refused { code, message } => Self::Refused { code, message },
        }
    }
}

impl From<Result<Intent, GatewayFault>> for Reply {
    fn from(answer: Result<Intent, GatewayFault>) -> Self {
        answer.map_or_else(|fault| Self::Fault(fault.into()), Self::Intent)
    }
}

impl From<Reply> for Result<Intent, GatewayFault> {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Intent(intent) => Ok(intent),
            Reply::Fault(fault) => Err(fault.into()),
        }
    }
}

//! What goes over the wire: JSON over HTTP/1.1, one POST for each method of the port, and one for
//! the buyer at the bank's page.
//!
//! The sandbox's word, a fault of it too, is a [`Reply`] with status 200. Any other status is about
//! the request itself, and then the sandbox was not asked.

use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus};
use lastseat_domain::{BookingId, IntentId, Money};
use serde::{Deserialize, Serialize};

/// Version of this form. Nodes of another one are told so by [`super::SharedSandbox::check`].
pub const VERSION: u32 = 1;

/// Where each thing is asked for.
pub mod path {
    /// Who is there: GET, answered with a [`super::Hello`].
    pub const HELLO: &str = "/sandbox";
    /// Takes a [`super::Create`].
    pub const CREATE: &str = "/sandbox/create";
    /// Takes a [`super::Confirm`].
    pub const CONFIRM: &str = "/sandbox/confirm";
    /// Takes a [`super::Retrieve`].
    pub const RETRIEVE: &str = "/sandbox/retrieve";
    /// Takes an [`super::Act`].
    pub const CAPTURE: &str = "/sandbox/capture";
    /// Takes an [`super::Act`].
    pub const CANCEL: &str = "/sandbox/cancel";
    /// Takes an [`super::Act`].
    pub const REFUND: &str = "/sandbox/refund";
    /// Takes an [`super::Authenticate`].
    pub const AUTHENTICATE: &str = "/sandbox/authenticate";
}

/// Tells a shared sandbox from whatever else may listen at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The [`VERSION`] that is spoken.
    pub shared_sandbox: u32,
}

/// The intent of a booking.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Create {
    /// For which.
    pub booking: BookingId,
    /// How much it costs.
    pub amount: Money,
}

/// One attempt to pay.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Confirm {
    /// Which intent.
    pub intent: IntentId,
    /// Whose.
    pub booking: BookingId,
    /// From 1.
    pub attempt: u32,
    /// The gateway's name for it.
    pub payment_method: String,
}

/// A look at an intent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Retrieve {
    /// Which.
    pub intent: IntentId,
}

/// A capture, a cancellation or a refund: always of all there is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Act {
    /// Which intent.
    pub intent: IntentId,
    /// Whose.
    pub booking: BookingId,
}

/// What the buyer does at the bank's page.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Authenticate {
    /// Which intent waits for it.
    pub intent: IntentId,
    /// Whether the buyer passes.
    pub success: bool,
}

/// The sandbox's word.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The intent as the call left it.
    Intent(#[serde(with = "IntentForm")] Intent),
    /// The same fault as a caller in the sandbox's process gets.
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
    refunded: i64,
}

/// An [`IntentStatus`]; the compiler keeps the two alike.
#[derive(Serialize, Deserialize)]
#[serde(remote = "IntentStatus", rename_all = "snake_case")]
enum StatusForm {
    RequiresPaymentMethod,
    RequiresAction { url: String },
    Processing,
    RequiresCapture,
    Succeeded,
    Canceled,
}

/// A [`GatewayFault`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// [`GatewayFault::Unavailable`].
    Unavailable {
        /// For people.
        message: String,
    },
    /// [`GatewayFault::OutcomeUnknown`].
    OutcomeUnknown {
        /// For people.
        message: String,
    },
    /// [`GatewayFault::Refused`].
    Refused {
        /// Stripe's code.
        code: String,
        /// For people.
        message: String,
    },
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

//! A payment gateway without real money, which behaves as Stripe's test mode does.
//!
//! [`SandboxGateway`] is the gateway in this process. [`stripe::router`] serves it over Stripe's API: to nodes that share it,
//! and to any other client of Stripe. What each payment method does is in [`TEST_METHODS`] and in the README of this crate.
//!
//! A real gateway does not crash with our process. So [`SandboxGateway::open`] stores every change in a file before it
//! answers, and killing the process loses no charge.

mod change;
mod decline;
mod details;
mod endpoint;
mod file_lock;
mod gateway;
mod items;
mod journal;
mod machine;
mod methods;
mod open_error;
mod record;
mod rules;
mod store;
pub mod stripe;
mod undelivered;

pub use change::{Answer, Answered, Change, Given, Kept};
pub use decline::Decline;
pub use details::{Cancellation, CaptureMethod, ChargeNote, Details, Extras, RefundNote, Update};
pub use endpoint::WebhookEndpoint;
pub use gateway::SandboxGateway;
pub use items::{Item, ItemKind};
pub use machine::{Command, Decision, Reply, Request, Subject};
pub use methods::TEST_METHODS;
pub use open_error::OpenError;
pub use record::{Code, Record, Refusal, Status};
pub use rules::ServerError;
pub use store::{Cursor, Page, StoredPayments, Window};
pub use undelivered::Undelivered;

//! A payment gateway without real money, which behaves as Stripe's test mode does.
//!
//! [`SandboxGateway`] is the gateway in this process. [`stripe::router`] serves it over Stripe's API: to nodes that share it,
//! and to any other client of Stripe. What each payment method does is in [`TEST_METHODS`] and in the README of this crate.
//!
//! A real gateway does not crash with our process. So [`SandboxGateway::open`] writes every change to a
//! journal file before it answers, and killing the process loses no charge.

mod decline;
mod details;
mod endpoint;
mod file_lock;
mod gateway;
mod journal;
mod machine;
mod methods;
mod record;
mod rules;
pub mod stripe;

pub use decline::Decline;
pub use details::{Cancellation, CaptureMethod, ChargeNote, Details, Extras, RefundNote, Update};
pub use endpoint::WebhookEndpoint;
pub use gateway::{SandboxGateway, Undelivered};
pub use journal::{OpenError, read_journal};
pub use machine::{Answer, Answered, Change, Command, Decision, Given, Machine, Reply, Request};
pub use methods::TEST_METHODS;
pub use record::{Code, Record, Refusal, Status};
pub use rules::ServerError;

//! A payment gateway without real money, which behaves as Stripe's test mode does.
//!
//! One state machine with two doors: [`SandboxGateway`] is the one in process; an HTTP server that
//! speaks Stripe's PaymentIntents is built on [`SandboxGateway::execute`]. What a payment method
//! does is in [`TEST_METHODS`] and, as a table for people, in the README next to this file.
//!
//! A real gateway does not crash when we do. So with [`SandboxGateway::open`] every change is in a
//! journal file before it is answered, and killing the process loses no charge.

mod file_lock;
mod gateway;
mod journal;
mod machine;
mod methods;
mod record;
mod rules;

pub use gateway::{SandboxGateway, Undelivered};
pub use journal::OpenError;
pub use machine::{Answer, Answered, Change, Command, Decision, Given, Machine, Reply, Request};
pub use methods::TEST_METHODS;
pub use record::{Code, Decline, Record, Refusal, Status};

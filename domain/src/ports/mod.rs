//! Ports: the traits through which lastseat uses the outside world. The crate `lastseat-testkit` has one
//! contract suite for each port, which runs against every adapter.

pub mod accounts;
pub mod check;
pub mod event_log;
pub mod idempotency_keys;
pub mod mailer;
pub mod payments;
pub mod rate_limit;
pub mod seat_guard;
pub mod webhook_endpoint;
pub mod world;

pub use accounts::AccountStore;
pub use check::{Finding, Severity};
pub use event_log::{EventLog, LogFault};
pub use mailer::{Mail, MailFault, MailSender, Mailer};
pub use payments::{PaymentGateway, PaymentRecords};
pub use rate_limit::RateLimiter;
pub use seat_guard::SeatGuard;
pub use webhook_endpoint::WebhookEndpoint;
pub use world::{Clock, Ids, VoucherCodes};

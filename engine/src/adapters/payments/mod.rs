//! Payment gateways: a sandbox without real money, and what every gateway adapter shares.

mod free;
pub mod keys;
pub mod sandbox;
#[cfg(any(test, feature = "testkit"))]
mod testkit;

pub use free::FreeOfCharge;
pub use sandbox::SandboxGateway;
#[cfg(any(test, feature = "testkit"))]
pub use testkit::{FaultyGateway, GatewayCall, Misfortune};

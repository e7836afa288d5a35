//! Notifications of payment gateways.

pub mod endpoints;
pub mod stripe;

//! Notifications of payment gateways.

pub mod stripe;

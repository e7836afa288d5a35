//! The routes, by resource.

pub mod account;
pub mod charges;
pub mod events;
pub mod intents;
mod items;
mod limits;
pub mod methods;
pub mod refunds;
pub mod webhook_endpoints;

//! The routes, by resource.

pub mod account;
pub mod charges;
pub mod events;
pub mod intents;
mod limits;
pub mod methods;
pub mod refunds;

//! Stripe's API over HTTP, as a client sees it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod client;
mod disturbances;
mod endpoints;
mod idempotency;
mod intents;
mod lists;
mod page;
mod refunds;
mod webhooks;

use client::{Answer, Client};

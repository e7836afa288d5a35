//! Money beside the sale: reviews by a person, notifications of the gateway, and the comparison of the gateway with
//! the log, over the wiring of the binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod reconcile;
mod review;
mod stripe;
#[path = "../support/mod.rs"]
mod support;

use lastseat_domain::codec::{Metadata, encode};
use lastseat_domain::event::PaymentFlagged;
use lastseat_domain::ports::event_log::{Direction, Expected};
use lastseat_domain::{BookingId, Event, StreamName};
use serde_json::Value;
use support::test_server::TestServer;

/// The id of a booking that the API answered.
fn id(booking: &Value) -> BookingId {
    support::text(booking, "id").parse().unwrap()
}

/// Flags a booking's payment, as the engine does when it can't find out the outcome.
async fn flag(server: &TestServer, booking: BookingId, reason: &str) {
    append(server, booking, PaymentFlagged { booking, reason: reason.into() }.into()).await;
}

/// Appends an event to the end of a booking's stream.
async fn append(server: &TestServer, booking: BookingId, event: Event) {
    let (log, stream) = (&server.running().log, StreamName::booking(booking));
    let last = log.read_stream(&stream, None, Direction::Backwards, 1).await.unwrap().remove(0);
    let metadata = Metadata::of_booking(booking, "test", server.running().clock.now());
    let write = encode(stream, Expected::Revision(last.revision), &[event], &metadata).unwrap();
    assert!(log.append(vec![write]).await.unwrap().iter().all(|outcome| outcome.is_written()));
}

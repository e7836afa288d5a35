//! What is measured against what.

mod appends;
mod batch;
mod connections;
mod guard;
mod map;
mod memory;
mod nodes;
mod over_http;
mod plan;
mod readers;
mod sale;
mod start;

use crate::figure::Figure;
use crate::outcome::Outcome;

pub(crate) use plan::Plan;

/// Connections, or callers, of each measurement.
const CONNECTIONS: [usize; 2] = [64, 500];

/// Connections to all nodes on one store.
const BUYERS: usize = 256;

/// Bookings whose memory is measured, and the start with them.
const BOOKINGS: [u32; 2] = [10_000, 100_000];

/// Likewise, if it is asked for.
const MILLION: u32 = 1_000_000;

/// Measures everything that is planned and prints it.
pub(crate) async fn all(plan: &Plan, as_json: bool) -> Outcome<()> {
    let mut figures = Vec::new();
    for connections in CONNECTIONS {
        if plan.has("refusals") {
            figures.push(over_http::refusals(connections, plan).await?);
            figures.push(over_http::counted_refusals(connections, plan).await?);
            figures.push(over_http::keyed_refusals(connections, plan).await?);
        }
        if plan.has("holds") {
            figures.push(over_http::holds(connections, plan).await?);
        }
        if plan.has("bookings") {
            figures.push(over_http::bookings(connections, plan).await?);
        }
        if plan.has("stripe") {
            figures.push(over_http::bookings_over_stripe(connections, plan).await?);
        }
        if plan.has("redis") {
            figures.extend(over_http::holds_with_redis(connections, plan).await?);
        }
        if plan.has("eventstore") {
            figures.push(over_http::holds_on_a_served_log(connections, plan).await?);
            figures.push(appends::through_the_server(connections, plan).await?);
        }
    }
    if plan.has("nodes") {
        figures.extend(nodes::bookings(BUYERS, plan).await?);
    }
    if plan.has("batch") {
        figures.extend(batch::holds(plan).await?);
    }
    if plan.has("map") {
        figures.extend(map::snapshots(plan).await?);
    }
    if plan.has("guard") {
        figures.extend(guard::calls(plan).await?);
    }
    for bookings in BOOKINGS.into_iter().filter(|_| plan.has("memory")) {
        figures.extend(memory::of_bookings(bookings).await?.into_iter().flatten());
    }
    for bookings in BOOKINGS.into_iter().filter(|_| plan.has("start")) {
        figures.extend(start::of_bookings(bookings, plan.rounds).await?);
    }
    if plan.has("readers") {
        figures.extend(readers::of_a_stream(plan).await?);
    }
    if plan.has("connections") {
        figures.extend(connections::at_rest(plan).await?);
    }
    // Takes minutes, so only if it is asked for.
    if plan.only.as_deref() == Some("million") {
        let folder = tempfile::tempdir_in(".")?;
        figures.extend(memory::of_bookings_in(folder.path(), MILLION).await?.into_iter().flatten());
        figures.extend(start::of_sale(folder.path(), MILLION, 1).await?);
    }
    if as_json {
        println!("{}", serde_json::to_string_pretty(&figures.iter().map(Figure::to_json).collect::<Vec<_>>())?);
    } else {
        println!("{}", Figure::table(&figures));
    }
    Ok(())
}

//! What a booking costs in memory, while it is sold and afterwards.

use super::sale::{buy, hold_request, schedule};
use crate::client::Connection;
use crate::figure::Figure;
use crate::outcome::Outcome;
use crate::server::{Backing, Server};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

const CONNECTIONS: u32 = 64;
/// Places of a show; more bookings need more shows.
const PLACES: u32 = 100_000;
/// A buyer of so many bookings; of a million, each has five.
const BUYERS: u32 = 200_000;
/// After this, what only the sale needed is given back.
const REST: Duration = Duration::from_secs(12);

/// Confirmed bookings, so many, in one server: bytes for each that the process has at most, and at rest, against those
/// that its events take on disk. None where the system does not tell what a process has.
pub(super) async fn of_bookings(bookings: u32) -> Outcome<Option<[Figure; 2]>> {
    let folder = tempfile::tempdir_in(".")?;
    of_bookings_in(folder.path(), bookings).await
}

/// The same in a folder, which is empty before and keeps the sale.
pub(super) async fn of_bookings_in(folder: &Path, bookings: u32) -> Outcome<Option<[Figure; 2]>> {
    let server = Server::lastseat(folder, &Backing { buyers: BUYERS, ..Backing::default() }).await?;
    let Some(before) = server.memory() else { return Ok(None) };
    for show in 0..bookings.div_ceil(PLACES) {
        let name = format!("sale-{show}");
        schedule(&server, &name, PLACES).await?;
        sell(&server, &name, show * PLACES..bookings.min((show + 1) * PLACES)).await?;
        eprintln!("memory, {} of {bookings} bookings: {:?}", bookings.min((show + 1) * PLACES), server.memory());
    }
    let peak = server.memory().ok_or("the server is gone")?.peak;
    tokio::time::sleep(REST).await;
    let rest = server.memory().ok_or("the server is gone")?.now;
    eprintln!("memory, at most {} MB, at rest {} MB", peak / 1_000_000, rest / 1_000_000);
    server.stop().await?;
    let each = |bytes: u64| bytes.saturating_sub(before.now) as f64 / f64::from(bookings);
    let on_disk = size_of(folder)? as f64 / f64::from(bookings);
    Ok(Some([("memory of a booking, at most", each(peak)), ("memory of a booking, at rest", each(rest))].map(|(name, ours)| {
        let mut figure = Figure::new(name, bookings as usize, "bytes", "its events on disk");
        figure.add(ours, on_disk);
        figure
    })))
}

/// Sells one booking for each of these numbers, which choose the buyer.
pub(super) async fn sell(server: &Server, show: &str, bookings: Range<u32>) -> Outcome<()> {
    let address = server.address;
    let buyers: Vec<_> = (0..CONNECTIONS)
        .map(|buyer| {
            let of_connection = bookings.clone().skip(buyer as usize).step_by(CONNECTIONS as usize);
            let holds: Vec<_> = of_connection.map(|booking| hold_request(server, booking as usize, show)).collect();
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await?;
                for hold in holds {
                    buy(&mut connection, &hold, true).await?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for buyer in buyers {
        buyer.await??;
    }
    Ok(())
}

/// Bytes of the event log.
fn size_of(data: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("events.db") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

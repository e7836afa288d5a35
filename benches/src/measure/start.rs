//! How long a server takes to serve again: from its snapshot and views, and from nothing but its log.

use super::memory::sell;
use super::sale::schedule;
use crate::client::{self, Connection};
use crate::figure::Figure;
use crate::outcome::Outcome;
use crate::server::{Backing, Server};
use rusqlite::OpenFlags;
use std::path::Path;
use std::time::{Duration, Instant};

const SHOW: &str = "sale";
/// What a start from the log alone has to compute again.
const DERIVED: [&str; 2] = ["snapshots", "views"];

/// Between two questions whether the lists are complete.
const QUESTIONS: Duration = Duration::from_millis(2);

/// Starts of a server whose log has so many confirmed bookings, in milliseconds: the one against the start of an empty
/// server, the others against reading the log's rows.
pub(super) async fn of_bookings(bookings: u32, rounds: usize) -> Outcome<[Figure; 3]> {
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::lastseat(folder.path(), &Backing::default()).await?;
    schedule(&server, SHOW, bookings).await?;
    sell(&server, SHOW, 0..bookings).await?;
    server.stop().await?;
    of_sale(folder.path(), bookings, rounds).await
}

/// The same of a sale that was made in a folder before.
pub(super) async fn of_sale(folder: &Path, bookings: u32, rounds: usize) -> Outcome<[Figure; 3]> {
    let at_once = bookings as usize;
    let mut stored = Figure::new("start from snapshot and views", at_once, "ms", "start of an empty server");
    let mut alone = Figure::new("start from the log alone", at_once, "ms", "reading its rows with SQLite");
    let mut lists = Figure::new("the same, until its lists answer", at_once, "ms", "reading its rows with SQLite");
    for _ in 0..rounds {
        let empty = tempfile::tempdir_in(".")?;
        let limit = start(empty.path()).await?.serves;
        stored.add(start(folder).await?.serves, limit);
        for derived in DERIVED {
            std::fs::remove_dir_all(folder.join(derived))?;
        }
        let read = read_rows(folder)?;
        let started = start(folder).await?;
        alone.add(started.serves, read);
        lists.add(started.lists, read);
    }
    Ok([stored, alone, lists])
}

/// Milliseconds of a start.
struct Started {
    /// Until it takes requests.
    serves: f64,
    /// Until its lists answer, too.
    lists: f64,
}

/// Starts it, then stops it in order.
async fn start(data: &Path) -> Outcome<Started> {
    let begun = Instant::now();
    let server = Server::lastseat(data, &Backing::default()).await?;
    let serves = begun.elapsed().as_secs_f64() * 1e3;
    let mut connection = Connection::open(server.address).await?;
    let question = client::get("/health/ready", "application/json", "identity");
    while connection.send(&question).await?.contains("degraded") {
        tokio::time::sleep(QUESTIONS).await;
    }
    let lists = begun.elapsed().as_secs_f64() * 1e3;
    server.stop().await?;
    Ok(Started { serves, lists })
}

/// Milliseconds that SQLite takes to hand over every event.
fn read_rows(data: &Path) -> Outcome<f64> {
    let log = rusqlite::Connection::open_with_flags(data.join("events.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let begun = Instant::now();
    let mut statement = log.prepare(
        "SELECT e.position, s.name, e.revision, e.id, e.type, e.data, e.metadata FROM events e JOIN streams s ON s.id = e.stream \
         ORDER BY e.position",
    )?;
    let mut rows = statement.query([])?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        bytes += row.get_ref(5)?.as_str()?.len() + row.get_ref(6)?.as_str()?.len() + row.get_ref(1)?.as_str()?.len();
    }
    if bytes == 0 { Err("the log has no events".into()) } else { Ok(begun.elapsed().as_secs_f64() * 1e3) }
}

//! Folds one subscription of the log into the file, beside the seat map and never in its way.

use super::blocking::{blocking, drop_elsewhere};
use super::fault::TablesFault;
use super::folder_retry::FolderRetry;
use super::state::Tables;
use super::writer::Writer;
use crate::batch::Batch;
use chrono::TimeDelta;
use futures::StreamExt;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::LogFault;
use lastseat_domain::ports::event_log::{Delivery, Filter};
use std::path::PathBuf;
use tokio::sync::watch;

/// Most deliveries in one transaction, and most that wait for the next.
const BATCH: usize = 8192;
/// Shortest time between the beginnings of two transactions, unless a full batch waits.
const SHORTEST: TimeDelta = TimeDelta::milliseconds(5);
/// Longest time, while nobody waits for the views.
const LONGEST: TimeDelta = TimeDelta::milliseconds(100);
/// Until somebody waits, transactions take at most one part in so many of the time. In a rush a booking changes several
/// times within moments, and its row is written once for all of them.
const SHARE: i32 = 16;

pub(super) type Deliveries = Vec<Result<Delivery, LogFault>>;

/// Why the log is not followed any more. A writer that is not kept is closed.
pub(super) enum End {
    Stopped(Writer),
    Log(Writer, String),
    /// The file that is to be kept can be written again.
    FolderReady(PathBuf, Writer),
    Fault(TablesFault),
    /// A thread has panicked.
    Lost,
}

/// Folds one subscription until it fails or ends. `has_folded` is called after each batch.
pub(super) async fn follow(
    tables: &Tables,
    mut writer: Writer,
    retry: &mut FolderRetry,
    stop: &mut watch::Receiver<bool>,
    mut has_folded: impl FnMut(),
) -> End {
    let mut deliveries = tables.log.subscribe(writer.progress().position, Filter::our_streams()).ready_chunks(BATCH);
    let mut damage = tables.readers.damage();
    let mut waiting: Deliveries = Vec::new();
    let mut has_ended = false;
    let mut awaited = tables.awaited.subscribe();
    let mut pace = Pace::at_once(tables.clock.now());
    loop {
        // A query may have found damage before this began.
        let found = damage.borrow_and_update().clone();
        if let Some(fault) = found {
            drop_elsewhere(writer).await;
            return End::Fault(fault);
        }
        let is_awaited = *awaited.borrow_and_update() > writer.progress().position;
        let next = pace.next(is_awaited);
        let is_due = waiting.len() >= BATCH || (!waiting.is_empty() && next <= tables.clock.now());
        if !is_due && !has_ended {
            let due = tables.clock.sleep_until(next);
            let mut ready = None;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return End::Stopped(writer),
                _ = damage.changed() => {}
                found = retry.ready() => ready = Some(found),
                Ok(()) = awaited.changed() => {}
                () = due, if !waiting.is_empty() => {}
                chunk = deliveries.next() => match chunk {
                    Some(chunk) => waiting.extend(chunk),
                    None => has_ended = true,
                },
            }
            if let Some((folder, kept)) = ready {
                drop_elsewhere(writer).await;
                return End::FolderReady(folder, kept);
            }
            continue;
        }
        if waiting.is_empty() {
            return End::Log(writer, "the log ended its subscription".into());
        }
        let begun = tables.clock.now();
        let batch = std::mem::take(&mut waiting);
        let mut folding = Box::pin(blocking(move || fold(writer, batch)));
        let folded = loop {
            tokio::select! {
                biased;
                folded = &mut folding => break folded,
                chunk = deliveries.next(), if !has_ended && waiting.len() < BATCH => match chunk {
                    Some(chunk) => waiting.extend(chunk),
                    None => has_ended = true,
                },
            }
        };
        match folded {
            Err(_) => return End::Lost,
            Ok(Err(fault)) => return End::Fault(fault),
            Ok(Ok((kept, fault))) => {
                tables.publish(&kept).await;
                if let Some(fault) = fault {
                    return End::Log(kept, fault.to_string());
                }
                has_folded();
                writer = kept;
                pace = Pace::after(begun, tables.clock.now());
            }
        }
    }
}

/// When the next transaction may begin, and when it begins at the latest.
struct Pace {
    earliest: Timestamp,
    latest: Timestamp,
}

impl Pace {
    fn at_once(now: Timestamp) -> Self {
        Self { earliest: now, latest: now }
    }

    /// After a transaction.
    fn after(begun: Timestamp, ended: Timestamp) -> Self {
        Self { earliest: begun + SHORTEST, latest: begun + ((ended - begun) * SHARE).clamp(SHORTEST, LONGEST) }
    }

    fn next(&self, is_awaited: bool) -> Timestamp {
        if is_awaited { self.earliest } else { self.latest }
    }
}

/// Folds a batch. Blocks. Gives the writer back, unless the file has failed, and says why the log has, if it has.
pub(super) fn fold(mut writer: Writer, deliveries: Deliveries) -> Result<(Writer, Option<LogFault>), TablesFault> {
    let batch = Batch::of(deliveries);
    for skipped in &batch.skipped {
        tracing::error!(position = %skipped.position, "an event is skipped in the views: {}", skipped.why);
    }
    writer.fold(&batch)?;
    Ok((writer, batch.fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_took_long_is_followed_by_a_longer_pause_unless_somebody_waits() {
        let begun = Timestamp::UNIX_EPOCH;
        let next = |took: i64, is_awaited| {
            let pace = Pace::after(begun, begun + TimeDelta::milliseconds(took));
            (pace.next(is_awaited) - begun).num_milliseconds()
        };
        assert_eq!([0, 1, 4, 50].map(|took| next(took, false)), [5, 16, 64, 100]);
        assert_eq!([0, 1, 4, 50].map(|took| next(took, true)), [5, 5, 5, 5]);
    }
}

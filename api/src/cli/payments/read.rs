//! Reads gateway and log, twice where they differ: what a running server has done meanwhile is no difference.

use crate::cli::terminal::complain;
use crate::reconcile::{Difference, Reconciliation};
use crate::wiring::chosen::SystemClock;
use crate::wiring::reading;
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter, Position};
use lastseat_domain::ports::payments::{Dispute, GatewayFault, PaymentRecord, UnreadableRecord};
use lastseat_domain::ports::{Clock, LogFault, PaymentRecords};
use lastseat_domain::{IntentId, StreamName};
use std::collections::HashSet;
use std::time::Duration;

/// Events read at a time.
const PAGE: usize = 5000;
/// How often the gateway is asked for the same thing.
const TRIES: u32 = 5;

/// Why gateway and log can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("{0}")]
    Settings(String),
    #[error(transparent)]
    Log(#[from] reading::Unreadable),
    #[error(transparent)]
    Read(#[from] LogFault),
    #[error(transparent)]
    Gateway(#[from] GatewayFault),
}

/// Gateway and log, compared.
pub struct Compared {
    pub reconciliation: Reconciliation,
    pub differences: Vec<Difference>,
    /// Payments at the gateway that could not be compared.
    pub unreadable: Vec<UnreadableRecord>,
}

/// Payments at the gateway.
#[derive(Default)]
pub struct Listed {
    /// Newest first.
    pub records: Vec<PaymentRecord>,
    /// Those that can't be understood.
    pub unreadable: Vec<UnreadableRecord>,
}

/// Compares all of them.
pub async fn compare(records: &dyn PaymentRecords, log: &dyn EventLog) -> Result<Compared, Unreadable> {
    // Before the log: what the gateway has done by now was announced in the log before.
    let Listed { records: all, mut unreadable } = list(records, |_| false).await?;
    let mut first = Reconciliation::of_all(all).except(&unreadable);
    let head = log.head().await?;
    let mut position = Position::START;
    while position < head {
        let page = log.read_all(Some(position), Direction::Forwards, PAGE, &Filter::streams(&["booking-"])).await?;
        let Some(last) = page.last() else { break };
        position = last.position;
        page.iter().for_each(|event| first.observe(event));
    }
    let mut found = first.differences(SystemClock.now());
    if !found.is_empty() {
        let (again, odd) = look_again(records, log, &found).await?;
        found.retain(|first| again.iter().any(|second| (first.kind, &first.intent) == (second.kind, &second.intent)));
        // One that could be read before and can't be any more is no difference, and is not clean either.
        unreadable.extend(odd);
    }
    let mut seen = HashSet::new();
    unreadable.retain(|record| seen.insert(record.clone()));
    Ok(Compared { reconciliation: first, differences: found, unreadable })
}

/// The differences of the same payments, seen again.
async fn look_again(
    records: &dyn PaymentRecords,
    log: &dyn EventLog,
    found: &[Difference],
) -> Result<(Vec<Difference>, Vec<UnreadableRecord>), Unreadable> {
    let mut missing: HashSet<&IntentId> = found.iter().map(|difference| &difference.intent).collect();
    let Listed { records: listed, unreadable } = list(records, |page| {
        page.iter().for_each(|record| {
            missing.remove(&record.intent);
        });
        missing.is_empty()
    })
    .await?;
    let bookings: HashSet<_> = found.iter().filter_map(|difference| difference.booking).collect();
    let intents: HashSet<_> = found.iter().map(|difference| &difference.intent).collect();
    // All intents of these bookings: whether one is a second one, the others tell.
    let compared = listed
        .into_iter()
        .filter(|record| intents.contains(&record.intent) || record.booking.is_none_or(|booking| bookings.contains(&booking)));
    let mut again = Reconciliation::of_all(compared.collect()).except(&unreadable);
    for booking in bookings {
        for event in log.read_stream(&StreamName::booking(booking), None, Direction::Forwards, usize::MAX).await? {
            again.observe(&event);
        }
    }
    Ok((again.differences(SystemClock.now()), unreadable))
}

/// The gateway's records, newest first, until `enough` says so of a page.
pub async fn list(
    records: &dyn PaymentRecords,
    mut enough: impl FnMut(&[PaymentRecord]) -> bool,
) -> Result<Listed, GatewayFault> {
    let (mut all, mut before) = (Listed::default(), None);
    loop {
        let page = patiently(async || records.list(before.as_ref()).await).await?;
        let done = enough(&page.records);
        all.records.extend(page.records);
        all.unreadable.extend(page.unreadable);
        before = page.next.filter(|_| !done);
        if before.is_none() {
            ask_for_disputes(records, &mut all.records).await;
            return Ok(all);
        }
    }
}

/// Asks how disputes stand: a list only says that there was one.
async fn ask_for_disputes(records: &dyn PaymentRecords, all: &mut [PaymentRecord]) {
    for record in all.iter_mut().filter(|record| record.dispute != Dispute::None) {
        match patiently(async || records.dispute(&record.intent).await).await {
            Ok(dispute) => record.dispute = dispute,
            Err(fault) => complain(&format!("whether a dispute of {} is decided is not known: {fault}", record.intent)),
        }
    }
}

/// Asks again while the gateway does not answer.
pub async fn patiently<T>(ask: impl AsyncFn() -> Result<T, GatewayFault>) -> Result<T, GatewayFault> {
    let mut tries = 0;
    loop {
        tries += 1;
        match ask().await {
            Err(GatewayFault::Unavailable(_) | GatewayFault::OutcomeUnknown(_)) if tries < TRIES => {
                tokio::time::sleep(Duration::from_millis(200) * 2_u32.pow(tries)).await;
            }
            answer => return answer,
        }
    }
}

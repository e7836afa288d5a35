//! Reads gateway and log, twice where they differ: what a running server has done meanwhile is no difference.

use crate::reconcile::{Difference, Reconciliation};
use crate::wiring::reading;
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter, Position};
use lastseat_domain::ports::payments::{GatewayFault, PaymentRecord};
use lastseat_domain::ports::{LogFault, PaymentRecords};
use lastseat_domain::{IntentId, StreamName};
use std::collections::HashSet;
use std::time::Duration;

/// Events read at a time.
const PAGE: usize = 5000;
/// How often a page of the gateway's list is asked for.
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

/// All differences, and how many payments were compared.
pub async fn compare(records: &dyn PaymentRecords, log: &dyn EventLog) -> Result<(usize, Vec<Difference>), Unreadable> {
    // Before the log: what the gateway has done by now was announced in the log before.
    let mut first = Reconciliation::of_all(list(records, |_| false).await?);
    let head = log.head().await?;
    let mut position = Position::START;
    while position < head {
        let page = log.read_all(Some(position), Direction::Forwards, PAGE, &Filter::streams(&["booking-"])).await?;
        let Some(last) = page.last() else { break };
        position = last.position;
        page.iter().for_each(|event| first.observe(event));
    }
    let mut found = first.differences();
    if !found.is_empty() {
        let again = look_again(records, log, &found).await?;
        found.retain(|first| again.iter().any(|second| (first.kind, &first.intent) == (second.kind, &second.intent)));
    }
    Ok((first.payments(), found))
}

/// The differences of the same payments, seen again.
async fn look_again(
    records: &dyn PaymentRecords,
    log: &dyn EventLog,
    found: &[Difference],
) -> Result<Vec<Difference>, Unreadable> {
    let mut missing: HashSet<&IntentId> = found.iter().map(|difference| &difference.intent).collect();
    let listed = list(records, |page| {
        page.iter().for_each(|record| {
            missing.remove(&record.intent);
        });
        missing.is_empty()
    })
    .await?;
    let bookings: HashSet<_> = found.iter().filter_map(|difference| difference.booking).collect();
    // All intents of these bookings: whether one is a second one, the others tell.
    let compared = listed.into_iter().filter(|record| record.booking.is_none_or(|booking| bookings.contains(&booking)));
    let mut again = Reconciliation::of_all(compared.collect());
    for booking in bookings {
        for event in log.read_stream(&StreamName::booking(booking), None, Direction::Forwards, usize::MAX).await? {
            again.observe(&event);
        }
    }
    Ok(again.differences())
}

/// The gateway's records, newest first, until `enough` says so of a page.
pub async fn list(
    records: &dyn PaymentRecords,
    mut enough: impl FnMut(&[PaymentRecord]) -> bool,
) -> Result<Vec<PaymentRecord>, GatewayFault> {
    let mut all: Vec<PaymentRecord> = Vec::new();
    loop {
        let page = page(records, all.last().map(|record| &record.intent)).await?;
        let done = enough(&page.records) || !page.more || page.records.is_empty();
        all.extend(page.records);
        if done {
            return Ok(all);
        }
    }
}

async fn page(
    records: &dyn PaymentRecords,
    before: Option<&IntentId>,
) -> Result<lastseat_domain::ports::payments::RecordPage, GatewayFault> {
    let mut tries = 0;
    loop {
        tries += 1;
        match records.list(before).await {
            Err(GatewayFault::Unavailable(_) | GatewayFault::OutcomeUnknown(_)) if tries < TRIES => {
                tokio::time::sleep(Duration::from_millis(200) * 2_u32.pow(tries)).await;
            }
            answer => return answer,
        }
    }
}

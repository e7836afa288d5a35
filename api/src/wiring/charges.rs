//! The gateway's charges, to compare them with the log. Only of the sandbox in this directory: another
//! node's is compared there.

use crate::data_dir::DataDir;
use crate::reconcile::{Difference, Reconciliation};
use futures::{StreamExt, TryStreamExt};
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::{Direction, EventLog, LogFault};
use lastseat_domain::ports::payments::{Dispute, IntentStatus, NextAction, PaymentRecord, RefundRecord};
use lastseat_domain::{IntentId, StreamName};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::{Record, SandboxGateway, Status, StoredPayments};

/// A start compares so many of the newest charges: what a log loses is its end. `lastseat verify` compares
/// all of them.
const COMPARED: usize = 1000;
/// Bookings that are read at the same time: a start waits for all of them.
const READS: usize = 8;

/// Why the log of this directory can't be empty, if the payments show that. A file that can't be read shows it, too.
pub(super) fn evidence_of_sales(data: &DataDir) -> Option<String> {
    let file = data.sandbox();
    StoredPayments::are_in(&file)
        .unwrap_or(true)
        .then(|| format!("payments were made: the payment sandbox has some in {}", file.display()))
}

/// The charges of the directory's sandbox, oldest first.
///
/// # Errors
/// What is wrong with its file.
pub fn of_sandbox(data: &DataDir) -> Result<Vec<PaymentRecord>, String> {
    let records = StoredPayments::open(&data.sandbox()).and_then(|payments| payments.all());
    Ok(records.map_err(|error| error.to_string())?.iter().map(|record| charge(record)).collect())
}

/// The charges of the directory's sandbox that a start compares, newest first.
///
/// # Errors
/// What is wrong with its file.
pub(super) fn newest_of_sandbox(data: &DataDir) -> Result<Vec<PaymentRecord>, String> {
    Ok(page_of_sandbox(data, None, COMPARED)?.0)
}

/// So many charges of the directory's sandbox that are older than `before`, newest first; and whether there are more.
///
/// # Errors
/// What is wrong with its file.
pub(super) fn page_of_sandbox(
    data: &DataDir,
    before: Option<&IntentId>,
    limit: usize,
) -> Result<(Vec<PaymentRecord>, bool), String> {
    let page = StoredPayments::open(&data.sandbox()).and_then(|payments| payments.newest(before, limit));
    let (records, more) = page.map_err(|error| error.to_string())?;
    Ok((records.iter().map(|record| charge(record)).collect(), more))
}

/// One of its charges.
///
/// # Errors
/// What is wrong with its file.
pub(super) fn one_of_sandbox(data: &DataDir, intent: &IntentId) -> Result<Option<PaymentRecord>, String> {
    let record = StoredPayments::open(&data.sandbox()).and_then(|mut payments| payments.intent(intent));
    Ok(record.map_err(|error| error.to_string())?.map(|record| charge(&record)))
}

/// The refunds of one of its intents. None of them ever fails, and nobody numbers them.
///
/// # Errors
/// What is wrong with its file.
pub(super) fn refunds_of_sandbox(data: &DataDir, intent: &IntentId) -> Result<Vec<RefundRecord>, String> {
    let record = StoredPayments::open(&data.sandbox()).and_then(|mut payments| payments.intent(intent));
    let refunds = record.map_err(|error| error.to_string())?.map_or(0, |record| record.refunds.len());
    Ok(vec![RefundRecord { number: None, failed: false }; refunds])
}

/// A record of the sandbox in the port's words.
pub(super) fn charge(record: &Record) -> PaymentRecord {
    let status = match record.status {
        Status::RequiresPaymentMethod => IntentStatus::RequiresPaymentMethod,
        Status::RequiresAction => IntentStatus::RequiresAction(NextAction::ConfirmClientSide),
        Status::RequiresCapture => IntentStatus::RequiresCapture,
        Status::Succeeded => IntentStatus::Succeeded,
        Status::Canceled => IntentStatus::Canceled,
    };
    PaymentRecord {
        intent: record.id.clone(),
        booking: (!record.details.foreign).then_some(record.booking),
        amount: record.amount,
        status,
        captured: record.captured,
        refunded: record.refunded(),
        dispute: match record.details.disputed {
            None => Dispute::None,
            Some(_) if record.details.dispute_lost => Dispute::Lost,
            Some(_) => Dispute::Open,
        },
        created: record.created,
    }
}

/// Charges that a damaged log does not explain, for the message that refuses it. None if that can't be
/// found out: the refusal counts, not this.
pub(super) async fn unmatched(data: &DataDir) -> Vec<Difference> {
    let files = data.clone();
    let Ok(Ok(charges)) = tokio::task::spawn_blocking(move || of_sandbox(&files)).await else { return Vec::new() };
    let found = match SqliteLog::open_read_only(data.events()) {
        Ok(log) => compare(&log, charges).await.unwrap_or_default(),
        // Deleted or emptied.
        Err(_) => Reconciliation::of(charges).differences(SystemClock.now()),
    };
    found.into_iter().filter(|found| found.wrong).collect()
}

/// Compares the newest charges with their bookings, and logs what nothing under way explains.
pub(super) async fn warn_of_unmatched(log: &dyn EventLog, sandbox: &SandboxGateway) {
    let charges = sandbox.newest(COMPARED).await.map_err(|error| error.to_string());
    let charges = charges.map(|records| records.iter().map(|record| charge(record)).collect());
    for found in newest_unmatched(log, charges).await {
        tracing::error!(booking = found.booking.map(tracing::field::display), intent = %found.intent, "payment gateway and log disagree: {}", found.text);
    }
}

/// What nothing under way explains, among these charges, newest first.
pub(super) async fn newest_unmatched(log: &dyn EventLog, charges: Result<Vec<PaymentRecord>, String>) -> Vec<Difference> {
    let compared = match charges {
        Ok(charges) => compare(log, charges).await.map_err(|fault| fault.to_string()),
        Err(reason) => Err(reason),
    };
    match compared {
        Ok(found) => found.into_iter().filter(|found| found.wrong).collect(),
        Err(reason) => {
            tracing::warn!(reason, "payments and log could not be compared");
            Vec::new()
        }
    }
}

/// Compares charges with their bookings' streams.
pub(super) async fn compare(log: &dyn EventLog, charges: Vec<PaymentRecord>) -> Result<Vec<Difference>, LogFault> {
    let bookings: Vec<_> = charges.iter().filter_map(|charge| charge.booking).collect();
    let mut reconciliation = Reconciliation::of(charges);
    let streams: Vec<_> = bookings.into_iter().map(StreamName::booking).collect();
    let reads: Vec<_> = streams.iter().map(|stream| log.read_stream(stream, None, Direction::Forwards, usize::MAX)).collect();
    let mut events = futures::stream::iter(reads).buffer_unordered(READS);
    while let Some(stream) = events.try_next().await? {
        for event in stream {
            reconciliation.observe(&event);
        }
    }
    Ok(reconciliation.differences(SystemClock.now()))
}

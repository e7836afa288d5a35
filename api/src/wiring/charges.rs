//! The gateway's charges, to compare them with the log. Only of the sandbox in this directory: another
//! node's is compared there.

use crate::data_dir::DataDir;
use crate::reconcile::{Difference, Reconciliation};
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::{Direction, EventLog, LogFault};
use lastseat_domain::ports::payments::{Dispute, IntentStatus, NextAction, PaymentRecord, RefundRecord};
use lastseat_domain::{IntentId, StreamName};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::{Record, SandboxGateway, Status, read_journal};

/// A start compares so many of the newest charges: what a log loses is its end. `lastseat verify` compares
/// all of them.
const COMPARED: usize = 1000;

/// The charges of the directory's sandbox, oldest first.
///
/// # Errors
/// What is wrong with its journal.
pub fn of_sandbox(data: &DataDir) -> Result<Vec<PaymentRecord>, String> {
    let records = read_journal(&data.sandbox()).map_err(|error| error.to_string())?;
    Ok(records.iter().map(|record| charge(record)).collect())
}

/// The refunds of one of its intents. None of them ever fails, and nobody numbers them.
///
/// # Errors
/// What is wrong with its journal.
pub(super) fn refunds_of_sandbox(data: &DataDir, intent: &IntentId) -> Result<Vec<RefundRecord>, String> {
    let records = read_journal(&data.sandbox()).map_err(|error| error.to_string())?;
    let refunds = records.iter().find(|record| record.id == *intent).map_or(0, |record| record.refunds.len());
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
    let Ok(charges) = of_sandbox(data) else { return Vec::new() };
    let found = match SqliteLog::open_read_only(data.events()) {
        Ok(log) => compare(&log, charges).await.unwrap_or_default(),
        // Deleted or emptied.
        Err(_) => Reconciliation::of(charges).differences(SystemClock.now()),
    };
    found.into_iter().filter(|found| found.wrong).collect()
}

/// Compares the newest charges with their bookings, and logs what nothing under way explains.
pub(super) async fn warn_of_unmatched(log: &dyn EventLog, sandbox: &SandboxGateway) {
    let charges = sandbox.intents().iter().map(|record| charge(record)).collect();
    for found in newest_unmatched(log, Ok(charges)).await {
        tracing::error!(booking = found.booking.map(tracing::field::display), intent = %found.intent, "payment gateway and log disagree: {}", found.text);
    }
}

/// What nothing under way explains, among the newest of these charges.
pub(super) async fn newest_unmatched(log: &dyn EventLog, charges: Result<Vec<PaymentRecord>, String>) -> Vec<Difference> {
    let compared = match charges {
        Ok(charges) => {
            let newest = charges.into_iter().rev().take(COMPARED).collect();
            compare(log, newest).await.map_err(|fault| fault.to_string())
        }
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
    for booking in bookings {
        for event in log.read_stream(&StreamName::booking(booking), None, Direction::Forwards, usize::MAX).await? {
            reconciliation.observe(&event);
        }
    }
    Ok(reconciliation.differences(SystemClock.now()))
}

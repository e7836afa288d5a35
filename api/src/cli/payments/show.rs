//! `lastseat payments show`: the money history of one booking, from the log and the gateway.

use super::read::{Listed, Unreadable, list};
use crate::cli::terminal::{Paint, complain, say, say_json};
use crate::config::Config;
use crate::exit;
use crate::reconcile::{Difference, Reconciliation};
use crate::wiring::chosen::SystemClock;
use crate::wiring::payment_records::Recorded;
use crate::wiring::reading::Readable;
use chrono::TimeDelta;
use lastseat_domain::booking::evolve;
use lastseat_domain::event::Event;
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::{Direction, EventLog};
use lastseat_domain::ports::payments::{Dispute, IntentStatus, PaymentRecord};
use lastseat_domain::{BookingId, Money, StreamName, Timestamp, codec};
use serde::Serialize;
use std::process::ExitCode;

/// How much later our clock may be than the gateway's.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// Arguments of `payments show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads the booking in the log (the file in --data, or --eventstore) and its payments at the gateway
(--stripe-key; without it the sandbox in --data). Changes nothing.

Exit status: 0 gateway and log agree on it, 1 they differ or there is no such booking, 2 wrong use,
3 gateway or log can't be read, or a payment of the booking can't be understood.")]
pub struct Show {
    /// The booking's id
    booking: BookingId,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Something that happened to the money.
#[derive(Debug, Serialize)]
struct Entry {
    at: Timestamp,
    source: &'static str,
    what: String,
}

#[derive(Serialize)]
struct History {
    booking: BookingId,
    /// As the log has it; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    /// In order.
    history: Vec<Entry>,
    differences: Vec<Difference>,
    /// Its payments at the gateway that can't be understood, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

pub async fn run(args: &Show, config: &Config) -> ExitCode {
    match read(args.booking, config).await {
        Ok(history) => {
            let agrees = !history.history.is_empty() && history.differences.iter().all(|difference| !difference.wrong);
            if args.json {
                say_json(&history);
            } else {
                print(&history);
            }
            match (agrees, history.unreadable.is_empty()) {
                (true, true) => ExitCode::SUCCESS,
                (true, false) => exit::UNREADABLE.into(),
                (false, _) => exit::VIOLATION.into(),
            }
        }
        Err(error) => {
            complain(&error.to_string());
            if matches!(error, Unreadable::Settings(_)) { exit::USAGE } else { exit::UNREADABLE }.into()
        }
    }
}

async fn read(id: BookingId, config: &Config) -> Result<History, Unreadable> {
    let recorded = Recorded::open(config).map_err(Unreadable::Settings)?;
    let log = Readable::open(config)?.log;
    let opened = opened_at(&*log, id).await?;
    // An intent is not older than its booking: the list ends there.
    let older = |record: &PaymentRecord| opened.is_some_and(|opened| record.created < opened - MARGIN);
    let Listed { mut records, unreadable } = list(&*recorded.records, |page| page.last().is_some_and(older)).await?;
    let (mut booking, mut history) = (None, Vec::new());
    let events = log.read_stream(&StreamName::booking(id), None, Direction::Forwards, usize::MAX).await?;
    let mut reconciliation = Reconciliation::of(records.clone()).except(&unreadable).and(id);
    events.iter().for_each(|event| reconciliation.observe(event));
    let intents = reconciliation.intents(id);
    records.retain(|record| intents.contains(&record.intent));
    let own = unreadable.iter().filter(|record| record.intent.as_ref().is_some_and(|intent| intents.contains(intent)));
    let odd = own.map(|record| format!("{} has {}", record.name(), record.why)).collect();
    for event in events {
        let Ok(Some(envelope)) = codec::decode(&event) else { continue };
        let at = envelope.metadata.at;
        booking = evolve(booking, &envelope.event, at);
        history.extend(in_words(&envelope.event).map(|what| Entry { at, source: "log", what }));
    }
    let created = |record: &PaymentRecord| {
        let what = format!("intent {} for {}: {}", record.intent, record.amount, state(record));
        Entry { at: record.created, source: "gateway", what }
    };
    history.extend(records.iter().map(created));
    history.sort_by_key(|entry| entry.at);
    Ok(History {
        booking: id,
        status: booking.as_ref().map(lastseat_domain::booking::Booking::status),
        amount: booking.as_ref().and_then(lastseat_domain::booking::Booking::amount),
        history,
        differences: reconciliation.with(records).differences(SystemClock.now()),
        unreadable: odd,
    })
}

async fn opened_at(log: &dyn EventLog, id: BookingId) -> Result<Option<Timestamp>, Unreadable> {
    let first = log.read_stream(&StreamName::booking(id), None, Direction::Forwards, 1).await?;
    Ok(first.first().and_then(|event| codec::decode(event).ok().flatten()).map(|envelope| envelope.metadata.at))
}

/// What an event says about the money.
fn in_words(event: &Event) -> Option<String> {
    Some(match event {
        Event::BookingOpened(e) => format!("{} held for {}", e.amount, e.buyer),
        Event::PaymentStarted(e) => match (&e.payment_method, e.tender) {
            (_, Some(tender)) => format!("attempt {} at the till: {}", e.attempt, tender.name()),
            (Some(method), None) => format!("attempt {} with {method}", e.attempt),
            (None, None) => format!("attempt {} in the gateway's form", e.attempt),
        },
        Event::PaymentActionRequired(e) => format!("attempt {} waits for the buyer ({})", e.attempt, e.intent),
        Event::PaymentDeclined(e) => format!("attempt {} declined: {}", e.attempt, e.code),
        Event::PaymentAuthorised(e) => format!("{} reserved ({})", e.amount, e.intent),
        Event::BookingCommitted(_) => "decided: the seats are the buyer's".to_owned(),
        Event::PaymentCaptured(e) => format!("{} taken ({})", e.amount, e.intent),
        Event::BookingAborted(e) => format!("over: {}", crate::names::reason_name(e.reason)),
        Event::PaymentVoided(e) => format!("reservation cancelled ({})", e.intent),
        Event::PaymentFlagged(e) => format!("flagged for a person: {}", e.reason),
        Event::PaymentReviewed(e) => format!("reviewed by {}: {}", e.by, e.reason),
        Event::RefundRequested(e) => format!("refund requested by {}", e.by),
        Event::PaymentRefunded(e) => format!("{} returned ({})", e.amount, e.intent),
        Event::PaymentReturnedElsewhere(e) => format!("{} returned by another way, says {}: {}", e.amount, e.by, e.reason),
        _ => return None,
    })
}

/// How the gateway has it now.
fn state(record: &PaymentRecord) -> String {
    let name = match record.status {
        IntentStatus::RequiresPaymentMethod => "now not paid",
        IntentStatus::RequiresAction(_) => "now waits for the buyer",
        IntentStatus::Processing => "now in progress",
        IntentStatus::RequiresCapture => "now reserved",
        IntentStatus::Succeeded => "now taken",
        IntentStatus::Canceled => "now cancelled",
    };
    let amount = |value| Money { value, currency: record.amount.currency };
    let refunded = if record.refunded > 0 { format!(", {} returned", amount(record.refunded)) } else { String::new() };
    let disputed = match record.dispute {
        Dispute::None => "",
        Dispute::Open => ", disputed",
        Dispute::Lost => ", dispute lost: the buyer's bank has returned the money",
    };
    format!("{name}{refunded}{disputed}")
}

fn print(found: &History) {
    let paint = Paint::stdout();
    if found.history.is_empty() {
        return say(&format!("Neither log nor gateway know booking {}.", found.booking));
    }
    let amount = found.amount.map(|amount| format!(", {amount}")).unwrap_or_default();
    say(&format!("\n  {}  {}{amount}\n", paint.bold(&found.booking.to_string()), found.status.unwrap_or("not in the log")));
    for Entry { at, source, what } in &found.history {
        let at = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        say(&format!("  {}  {source:7}  {what}", paint.dim(&at)));
    }
    say("");
    for difference in &found.differences {
        let line = format!("{}; lastseat payments reconcile would {}", difference.in_words(), difference.remedy.text());
        say(&format!("  {}", if difference.wrong { paint.red(&format!("✗ {line}")) } else { format!("! {line}") }));
    }
    for odd in &found.unreadable {
        say(&format!("  {}", paint.red(&format!("✗ {odd}, which can't be understood; look at it at the gateway"))));
    }
    if found.differences.is_empty() && found.unreadable.is_empty() {
        say(&format!("  {} gateway and log agree\n", paint.green("✓")));
    }
}

//! Compares what the gateway has on record with what the log says about each booking.
//!
//! A booking that is under way may differ for a moment: the log announces a call to the gateway before it
//! is made, and records its result after. What can't be explained that way is [`Difference::wrong`].

mod compare;
mod difference;

pub use difference::{Difference, Kind, Remedy};

use compare::Ledger;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::RecordedEvent;
use lastseat_domain::ports::payments::{PaymentRecord, UnreadableRecord};
use lastseat_domain::{BookingId, IntentId, Timestamp, codec};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The gateway's records, and the bookings folded from the log.
pub struct Reconciliation {
    records: Vec<PaymentRecord>,
    /// Intents that the gateway has and that can't be understood: nothing is known of them, so that they are not missing
    /// either.
    unreadable: Vec<(IntentId, Option<BookingId>)>,
    bookings: HashMap<BookingId, Ledger>,
    /// Whether these are all records there are, and bookings without one are compared, too.
    complete: bool,
}

impl Reconciliation {
    /// Compares some records, read from the gateway *before* the log, with their bookings.
    #[must_use]
    pub fn of(records: Vec<PaymentRecord>) -> Self {
        let bookings = records.iter().filter_map(|record| record.booking).map(|booking| (booking, Ledger::default())).collect();
        Self { records, unreadable: Vec::new(), bookings, complete: false }
    }

    /// Compares all records, read from the gateway *before* the log, with all bookings.
    #[must_use]
    pub fn of_all(records: Vec<PaymentRecord>) -> Self {
        Self { records, unreadable: Vec::new(), bookings: HashMap::new(), complete: true }
    }

    /// These the gateway has, too, and they can't be compared.
    #[must_use]
    pub fn except(mut self, unreadable: &[UnreadableRecord]) -> Self {
        self.unreadable = unreadable.iter().filter_map(|record| Some((record.intent.clone()?, record.booking))).collect();
        self
    }

    /// Takes the next event of the log, or of a booking's stream. One that can't be read is the audit's to
    /// report.
    pub fn observe(&mut self, recorded: &RecordedEvent) {
        let compared = recorded.stream.as_booking().is_some_and(|b| self.complete || self.bookings.contains_key(&b));
        if let (true, Ok(Some(envelope))) = (compared, codec::decode(recorded)) {
            self.take(&envelope.event, envelope.metadata.at);
        }
    }

    fn take(&mut self, event: &Event, at: Timestamp) {
        let Some(booking) = event.booking() else { return };
        if self.complete {
            self.bookings.entry(booking).or_default().take(event, at);
        } else if let Some(ledger) = self.bookings.get_mut(&booking) {
            ledger.take(event, at);
        }
    }

    /// Also compares a booking that no record names.
    #[must_use]
    pub fn and(mut self, booking: BookingId) -> Self {
        self.bookings.entry(booking).or_default();
        self
    }

    /// Number of payments of lastseat that were compared.
    #[must_use]
    pub fn payments(&self) -> usize {
        self.matched().iter().filter(|record| record.booking.is_some()).count()
    }

    /// All intents of a booking, those that can't be understood included.
    #[must_use]
    pub fn intents(&self, booking: BookingId) -> Vec<IntentId> {
        let named = self.named();
        let readable = self.records.iter().map(|record| (&record.intent, record.booking));
        let all = readable.chain(self.unreadable.iter().map(|(intent, booking)| (intent, *booking)));
        let of_booking = all.filter(|(intent, of)| named.get(intent).copied().or(*of) == Some(booking));
        of_booking.map(|(intent, _)| intent.clone()).collect()
    }

    /// The records with the bookings that they pay for. Whose events name the intent, that booking it is; the intent's
    /// metadata come second, because people can change and clear them in the gateway's dashboard.
    fn matched(&self) -> Vec<PaymentRecord> {
        let named = self.named();
        let booking = |record: &PaymentRecord| named.get(&record.intent).copied().or(record.booking);
        self.records.iter().map(|record| PaymentRecord { booking: booking(record), ..record.clone() }).collect()
    }

    /// The bookings whose events name an intent.
    fn named(&self) -> HashMap<&IntentId, BookingId> {
        self.bookings.iter().filter_map(|(booking, ledger)| Some((ledger.intent()?, *booking))).collect()
    }

    /// Whether a difference is still one when all events of its booking are read again.
    #[must_use]
    pub fn is_still(&self, found: &Difference, booking: BookingId, events: &[Arc<RecordedEvent>], now: Timestamp) -> bool {
        let records = self.matched().into_iter().filter(|record| record.booking == Some(booking)).collect();
        let mut again = Self { records, unreadable: self.unreadable.clone(), bookings: HashMap::new(), complete: true };
        events.iter().for_each(|event| again.observe(event));
        let same = |now: &Difference| (now.kind, &now.intent, now.remedy) == (found.kind, &found.intent, found.remedy);
        again.differences(now).iter().any(same)
    }

    /// The same bookings with records that were read later.
    #[must_use]
    pub fn with(&self, records: Vec<PaymentRecord>) -> Self {
        Self { records, unreadable: self.unreadable.clone(), bookings: self.bookings.clone(), complete: self.complete }
    }

    /// Where they differ as of `now`: first in the records' order, then bookings without a record.
    #[must_use]
    pub fn differences(&self, now: Timestamp) -> Vec<Difference> {
        let records = self.matched();
        let numbers = refund_numbers(&records, &self.bookings);
        let mut found = Vec::new();
        for record in &records {
            let ledger = record.booking.and_then(|booking| self.bookings.get(&booking)).filter(|ledger| ledger.exists());
            found.extend(compare::record(record, ledger, numbers.get(&record.intent).copied().unwrap_or(1), now));
        }
        if self.complete {
            let unreadable = self.unreadable.iter().map(|(intent, _)| intent);
            let listed: HashSet<&IntentId> = records.iter().map(|record| &record.intent).chain(unreadable).collect();
            let mut without: Vec<_> =
                self.bookings.iter().filter_map(|(booking, ledger)| ledger.without_record(*booking, &listed)).collect();
            without.sort_by_key(|difference| difference.booking);
            found.extend(without);
        }
        found
    }
}

/// Numbers for refunds that the engine never makes itself. Its own refunds of a booking are numbered from 1; the number is
/// part of the idempotency key, so each further intent of a booking has its own, by age.
fn refund_numbers<'a>(records: &'a [PaymentRecord], bookings: &HashMap<BookingId, Ledger>) -> HashMap<&'a IntentId, u32> {
    let mut others: BTreeMap<BookingId, Vec<&PaymentRecord>> = BTreeMap::new();
    for record in records {
        let Some(booking) = record.booking else { continue };
        if bookings.get(&booking).is_some_and(|ledger| ledger.is_other(&record.intent)) {
            others.entry(booking).or_default().push(record);
        }
    }
    let mut numbers = HashMap::new();
    for mut of_booking in others.into_values() {
        of_booking.sort_by(|a, b| (a.created, &a.intent).cmp(&(b.created, &b.intent)));
        numbers.extend(of_booking.into_iter().zip(compare::FIRST_OTHER..).map(|(record, number)| (&record.intent, number)));
    }
    numbers
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

//! The store: loads what a request needs, lets the rules decide, stores what they say.

use super::forgetting::Forgetting;
use super::rows::{self, Payment, key_hash, nanos};
use super::{file, lists};
use crate::change::{Change, Kept};
use crate::endpoint::WebhookEndpoint;
use crate::items::{Item, ItemKind};
use crate::machine::{Command, Decision, Request, Subject, names};
use crate::record::Record;
use hashlink::LruCache;
use lastseat_domain::{Currency, IntentId, Timestamp};
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::Arc;

/// Payments that are kept in memory: those in progress, as far as their next call comes soon.
pub(crate) const REMEMBERED: usize = 4096;

pub(super) const NEXT_NUMBERS: &str = "SELECT max(coalesce((SELECT max(seq) FROM changes), 0), \
    (SELECT forgotten FROM progress)) + 1, coalesce((SELECT max(n) FROM payments), 0) + 1";

/// Payments, answers that are kept under idempotency keys, and webhook endpoints.
pub(crate) struct Payments {
    connection: Connection,
    remembered: LruCache<IntentId, Payment>,
    forgetting: Forgetting,
    next_change: i64,
    next_payment: i64,
    /// Of the running transaction: how many changes, and what they do to the balance.
    added: usize,
    kept_by_currency: HashMap<Currency, i64>,
}

/// An intent before and after a change.
#[derive(Debug)]
pub(crate) struct Step {
    pub before: Option<Arc<Record>>,
    pub after: Arc<Record>,
    pub at: Timestamp,
}

/// What a request is about.
enum Loaded {
    /// Its key was used before.
    Answered(Decision),
    Subject(Option<Payment>, Subject),
}

/// Why a request was not decided.
#[derive(Debug)]
pub(crate) enum Undecided {
    /// What it is about can't be read. Nothing of it was stored.
    Unread(rusqlite::Error),
    /// It can't be stored. A part of it may be in the transaction.
    Unstored(rusqlite::Error),
}

impl Payments {
    /// What is stored on this connection. Reads a few rows, however many there are.
    pub(crate) fn on(connection: Connection) -> rusqlite::Result<Self> {
        let (next_change, next_payment) = next_numbers(&connection)?;
        Ok(Self {
            remembered: LruCache::new(REMEMBERED),
            forgetting: Forgetting::load(&connection)?,
            next_change,
            next_payment,
            added: 0,
            kept_by_currency: HashMap::new(),
            connection,
        })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A disk that is full.
    #[cfg(test)]
    pub(crate) fn limit_pages(&self, most: u32) {
        self.connection.pragma_update_and_check(None, "max_page_count", most, |_| Ok(())).unwrap();
    }

    #[cfg(test)]
    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.remembered.len()
    }

    /// Rolls the transaction back, and forgets what it has left in memory. [`Self::reload`] before the next one.
    pub(crate) fn roll_back(&mut self) -> rusqlite::Result<()> {
        self.remembered.clear();
        self.kept_by_currency.clear();
        self.added = 0;
        // Some errors roll back by themselves.
        if self.is_in_transaction() { self.connection.execute_batch("ROLLBACK") } else { Ok(()) }
    }

    /// Continues from what is stored.
    pub(crate) fn reload(&mut self) -> rusqlite::Result<()> {
        (self.next_change, self.next_payment) = next_numbers(&self.connection)?;
        self.forgetting = Forgetting::load(&self.connection)?;
        Ok(())
    }

    pub(crate) fn begin(&self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
    }

    pub(crate) fn commit(&self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// Whether a transaction is running: some errors roll it back.
    pub(crate) fn is_in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// What a request leads to, stored in the running transaction.
    pub(crate) fn decide(&mut self, request: &Request) -> Result<(Decision, Option<Step>), Undecided> {
        let (before, subject) = match self.load(request).map_err(Undecided::Unread)? {
            Loaded::Answered(decision) => return Ok((decision, None)),
            Loaded::Subject(before, subject) => (before, subject),
        };
        let decision = request.decide(&subject);
        let Some(change) = &decision.change else { return Ok((decision, None)) };
        let step = change.intent.as_ref().map(|after| Step {
            before: before.as_ref().map(|payment| Arc::clone(&payment.record)),
            after: Arc::clone(after),
            at: change.at,
        });
        self.store(change, before).map_err(Undecided::Unstored)?;
        Ok((decision, step))
    }

    /// Reads what a request is about.
    fn load(&mut self, request: &Request) -> rusqlite::Result<Loaded> {
        if let Some(key) = &request.key
            && let Some(replayed) = request.replay(self.kept(key)?.as_ref())
        {
            return Ok(Loaded::Answered(replayed));
        }
        let before = match request.command.intent() {
            Some(id) => self.payment(id)?,
            None => None,
        };
        let subject = match &request.command {
            Command::Create { booking, .. } => {
                let mut free = None;
                for id in names(*booking) {
                    if self.payment(&id)?.is_none() {
                        free = Some(id);
                        break;
                    }
                }
                Subject::New(free)
            }
            _ => Subject::Intent(before.as_ref().map(|payment| Arc::clone(&payment.record))),
        };
        Ok(Loaded::Subject(before, subject))
    }

    /// Stores a change of an earlier version's journal.
    pub(crate) fn import(&mut self, change: &Change) -> rusqlite::Result<()> {
        if let Some(endpoint) = &change.endpoint {
            self.store_endpoint(endpoint)?;
        }
        let before = match &change.intent {
            Some(after) => self.payment(&after.id)?,
            None => None,
        };
        self.store(change, before)
    }

    /// The intent of this name, as it is.
    pub(crate) fn intent(&mut self, id: &IntentId) -> rusqlite::Result<Option<Arc<Record>>> {
        Ok(self.payment(id)?.map(|payment| payment.record))
    }

    /// Every webhook endpoint.
    pub(crate) fn endpoints(&self) -> rusqlite::Result<Vec<WebhookEndpoint>> {
        rows::endpoints(&self.connection)
    }

    /// Every intent, oldest first.
    pub(crate) fn all(&self) -> rusqlite::Result<Vec<Arc<Record>>> {
        lists::all(&self.connection)
    }

    /// Minor units that are captured and not refunded, by currency.
    pub(crate) fn balance(&self) -> rusqlite::Result<Vec<(String, i64)>> {
        lists::balance(&self.connection)
    }

    pub(crate) fn page(&self, kind: ItemKind, window: &lists::Window) -> rusqlite::Result<Option<lists::Page>> {
        lists::page(&self.connection, kind, window)
    }

    /// Ends what the transaction stores; the caller commits it.
    pub(crate) fn finish(&mut self, now: Timestamp) -> rusqlite::Result<()> {
        for (currency, kept) in self.kept_by_currency.drain() {
            let sql = "INSERT INTO balance VALUES (?1, ?2) ON CONFLICT DO UPDATE SET kept = kept + excluded.kept";
            self.connection.prepare_cached(sql)?.execute((currency.code(), kept))?;
        }
        let added = std::mem::take(&mut self.added);
        self.forgetting.forget(&self.connection, now, added)
    }

    pub(crate) fn store_endpoint(&self, endpoint: &WebhookEndpoint) -> rusqlite::Result<()> {
        rows::store_endpoint(&self.connection, endpoint)
    }

    fn kept(&self, key: &str) -> rusqlite::Result<Option<Kept>> {
        let answered = rows::answered(&self.connection, key_hash(key))?;
        Ok(answered.into_iter().find_map(|change| Kept::of(change, key)))
    }

    fn payment(&mut self, id: &IntentId) -> rusqlite::Result<Option<Payment>> {
        if let Some(payment) = self.remembered.get(id) {
            return Ok(Some(payment.clone()));
        }
        let stored = rows::payment(&self.connection, id)?;
        if let Some(payment) = &stored {
            self.remembered.insert(id.clone(), payment.clone());
        }
        Ok(stored)
    }

    fn store(&mut self, change: &Change, before: Option<Payment>) -> rusqlite::Result<()> {
        if change.intent.is_none() && change.answered.is_none() {
            return Ok(());
        }
        let seq = self.next_change;
        let key = change.answered.as_ref().map(|answered| key_hash(&answered.key));
        let payment = match (&change.intent, before) {
            (Some(after), before) => Some(self.store_payment(seq, after, before)?),
            (None, _) => None,
        };
        rows::insert_change(&self.connection, seq, key, payment, change)?;
        self.next_change += 1;
        self.added += 1;
        self.forgetting.added(nanos(change.at));
        Ok(())
    }

    fn store_payment(&mut self, seq: i64, after: &Arc<Record>, before: Option<Payment>) -> rusqlite::Result<i64> {
        let number = before.as_ref().map_or(self.next_payment, |before| before.number);
        if let Some(before) = &before {
            rows::update_payment(&self.connection, number, seq)?;
            // Its key is forgotten, so nothing else needs it.
            if before.latest <= self.forgetting.until {
                rows::delete_change(&self.connection, before.latest)?;
            }
        } else {
            rows::insert_payment(&self.connection, number, &after.id, seq)?;
            self.next_payment += 1;
        }
        let items_before: Vec<Item> = before.as_ref().map(|before| before.record.items()).unwrap_or_default();
        let items = after.items();
        for gone in items_before.iter().filter(|item| !items.contains(item)) {
            rows::delete_item(&self.connection, number, gone)?;
        }
        for new in items.iter().filter(|item| !items_before.contains(item)) {
            rows::insert_item(&self.connection, number, new)?;
        }
        let kept = after.kept().saturating_sub(before.as_ref().map_or(0, |before| before.record.kept()));
        if kept != 0 {
            *self.kept_by_currency.entry(after.amount.currency).or_default() += kept;
        }
        self.remembered.insert(after.id.clone(), Payment { number, latest: seq, record: Arc::clone(after) });
        Ok(number)
    }
}

fn next_numbers(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    // The latest change may be forgotten; its number is not given again while its key could be looked for.
    connection.prepare_cached(NEXT_NUMBERS)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// An empty store that ends with the process.
pub(crate) fn in_memory() -> rusqlite::Result<Payments> {
    Payments::on(file::in_memory()?)
}

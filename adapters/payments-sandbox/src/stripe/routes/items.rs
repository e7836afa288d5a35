//! Lists of what intents have, and one of them: themselves, charges, refunds, disputes.

use crate::items::ItemKind;
use crate::record::Record;
use crate::store::{Cursor, Window};
use crate::stripe::api::Api;
use crate::stripe::call::Call;
use crate::stripe::error::{ApiError, Handled};
use crate::stripe::expand;
use crate::stripe::list::{self, Listed};
use lastseat_domain::{IntentId, Timestamp};
use serde_json::Value;
use std::cmp::Reverse;
use std::sync::Arc;

const NANOS: i64 = 1_000_000_000;

/// A kind of items.
pub struct Kind {
    pub kind: ItemKind,
    /// In messages.
    pub what: &'static str,
    /// The parameter that names one.
    pub param: &'static str,
    /// The intent and number of the item of this name.
    pub find: fn(&str) -> Option<(IntentId, usize)>,
    pub id: fn(&Record, usize) -> String,
    pub render: fn(&Call, &Record, usize) -> Option<Value>,
}

struct Item {
    record: Arc<Record>,
    number: usize,
    at: Timestamp,
    kind: &'static Kind,
}

/// The item of this name.
pub async fn retrieve(api: &Api, call: &Call, kind: &Kind, id: &str) -> Handled {
    let unknown = || ApiError::not_found(kind.what, id, kind.param);
    let (intent, number) = (kind.find)(id).ok_or_else(unknown)?;
    let record = api.sandbox.find(&intent).await?.ok_or_else(unknown)?;
    let item = (kind.render)(call, &record, number).ok_or_else(unknown)?;
    expand::answer(api, call, item, Some(&record)).await
}

/// A page of all items of a kind, newest first.
pub async fn page(api: &Api, call: &Call, kind: &'static Kind) -> Handled {
    let list::Asked { limit, created, cursor } = list::asked(&call.params)?;
    let from = created.start().saturating_mul(NANOS);
    let until = created.end().saturating_add(1).saturating_mul(NANOS).saturating_sub(1);
    let mut window = Window { created: from..=until, ..Window::newest(limit) };
    if let Some(cursor) = cursor {
        let item = |id| (kind.find)(id).ok_or_else(|| cursor.unknown());
        window.cursor = Some(match cursor {
            list::Cursor::After(id) => item(id).map(|(intent, number)| Cursor::After(intent, number))?,
            list::Cursor::Before(id) => item(id).map(|(intent, number)| Cursor::Before(intent, number))?,
        });
    }
    let found = match (api.sandbox.page(kind.kind, window).await?, cursor) {
        (Some(found), _) => found,
        (None, Some(cursor)) => return Err(cursor.unknown()),
        (None, None) => return Err(ApiError::unavailable("the list could not be read")),
    };
    let data = found.items.iter().map(|(record, number)| (kind.render)(call, record, *number).unwrap_or_default()).collect();
    let mut reply = list::reply(&call.path, data, found.has_more);
    reply.body = expand::expand(api, call, reply.body, None).await?;
    Ok(reply)
}

/// A page of one intent's items of a kind, newest first.
pub async fn page_of(api: &Api, call: &Call, kind: &'static Kind, intent: &str) -> Handled {
    let record = match IntentId::new(intent) {
        Ok(id) => api.sandbox.find(&id).await?,
        Err(_) => None,
    };
    let items = |record: Arc<Record>| {
        let all = record.items().into_iter().filter(|item| item.kind == kind.kind);
        all.map(move |item| Item { record: Arc::clone(&record), number: item.number, at: item.at, kind }).collect()
    };
    let mut all: Vec<Item> = record.map(items).unwrap_or_default();
    all.sort_by_key(|item| Reverse((item.at, item.number)));
    let render = |item: &Item| (kind.render)(call, &item.record, item.number).unwrap_or_default();
    let mut reply = list::page(&call.params, &call.path, all, render)?;
    reply.body = expand::expand(api, call, reply.body, None).await?;
    Ok(reply)
}

impl Listed for Item {
    fn id(&self) -> String {
        (self.kind.id)(&self.record, self.number)
    }

    fn created(&self) -> Timestamp {
        self.at
    }
}

//! Lists of what intents have, and one of them: charges, refunds, disputes.

use crate::record::Record;
use crate::stripe::api::Api;
use crate::stripe::call::Call;
use crate::stripe::error::{ApiError, Handled};
use crate::stripe::expand;
use crate::stripe::list::{self, Listed};
use lastseat_domain::{IntentId, Timestamp};
use serde_json::Value;
use std::cmp::Reverse;
use std::sync::Arc;

/// A kind of items.
pub struct Kind {
    /// In messages.
    pub what: &'static str,
    /// The parameter that names one.
    pub param: &'static str,
    /// The intent and number of the item of this name.
    pub find: fn(&str) -> Option<(IntentId, usize)>,
    /// Number and time of every item of an intent.
    pub all: fn(&Record) -> Vec<(usize, Timestamp)>,
    pub id: fn(&Record, usize) -> String,
    pub render: fn(&Record, usize) -> Option<Value>,
}

struct Item {
    record: Arc<Record>,
    number: usize,
    at: Timestamp,
    kind: &'static Kind,
}

/// The item of this name.
pub fn retrieve(api: &Api, call: &Call, kind: &Kind, id: &str) -> Handled {
    let unknown = || ApiError::not_found(kind.what, id, kind.param);
    let (intent, number) = (kind.find)(id).ok_or_else(unknown)?;
    let record = api.sandbox.intent(&intent).ok_or_else(unknown)?;
    let item = (kind.render)(&record, number).ok_or_else(unknown)?;
    expand::answer(api, call, item, Some(&record))
}

/// A page of the items of those intents, newest first.
pub fn page(api: &Api, call: &Call, kind: &'static Kind, of: impl Fn(&Record) -> bool) -> Handled {
    let items = |record: Arc<Record>| {
        let all = (kind.all)(&record);
        all.into_iter().map(move |(number, at)| Item { record: Arc::clone(&record), number, at, kind })
    };
    let mut all: Vec<Item> = api.newest().into_iter().filter(|record| of(record)).flat_map(items).collect();
    all.sort_by_cached_key(|item| Reverse((item.at, item.record.id.to_string(), item.number)));
    let render = |item: &Item| (kind.render)(&item.record, item.number).unwrap_or_default();
    let mut reply = list::page(&call.params, &call.path, all, render)?;
    reply.body = expand::expand(api, call, reply.body, None)?;
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

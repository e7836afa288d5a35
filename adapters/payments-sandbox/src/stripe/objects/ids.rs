//! Names of objects that are part of an intent: they follow from the intent's name, so that each leads back to it.

use crate::record::Record;
use lastseat_domain::IntentId;

const INTENT: &str = "pi_";
const CHARGE: &str = "ch_";
const REFUND: &str = "re_";
const DISPUTE: &str = "du_";

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    Intent(IntentId),
    /// The charge of an intent, counted from 1.
    Charge(IntentId, usize),
    /// The refund of an intent, counted from 1.
    Refund(IntentId, usize),
    Dispute(IntentId),
    Method(String),
}

/// `number` counts from 1.
pub fn charge_id(record: &Record, number: usize) -> String {
    format!("{CHARGE}{}_{number}", stem(record))
}

/// `number` counts from 1.
pub fn refund_id(record: &Record, number: usize) -> String {
    format!("{REFUND}{}_{number}", stem(record))
}

pub fn dispute_id(record: &Record) -> String {
    format!("{DISPUTE}{}", stem(record))
}

fn stem(record: &Record) -> &str {
    record.id.as_str().trim_start_matches(INTENT)
}

/// What this name means, whether or not there is such an object.
pub fn find(id: &str) -> Option<Named> {
    let numbered = |prefix: &str| {
        let (stem, number) = id.strip_prefix(prefix)?.rsplit_once('_')?;
        let number = number.parse().ok().filter(|number| *number > 0)?;
        Some((IntentId::new(&format!("{INTENT}{stem}")).ok()?, number))
    };
    if id.starts_with(INTENT) {
        return IntentId::new(id).ok().map(Named::Intent);
    }
    if id.starts_with("pm_") {
        return Some(Named::Method(id.to_owned()));
    }
    if let Some(stem) = id.strip_prefix(DISPUTE) {
        return IntentId::new(&format!("{INTENT}{stem}")).ok().map(Named::Dispute);
    }
    let charge = numbered(CHARGE).map(|(intent, number)| Named::Charge(intent, number));
    charge.or_else(|| numbered(REFUND).map(|(intent, number)| Named::Refund(intent, number)))
}

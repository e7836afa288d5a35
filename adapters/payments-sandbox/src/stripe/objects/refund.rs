//! The Refund.

use super::{charge_id, currency, refund_id, seconds};
use crate::record::Record;
use serde_json::{Value, json};

/// The refund of this number, from 1.
pub fn refund(record: &Record, number: usize) -> Option<Value> {
    let index = number.checked_sub(1)?;
    let amount = *record.refunds.get(index)?;
    let note = record.refund_note(index);
    Some(json!({
        "id": refund_id(record, number),
        "object": "refund",
        "amount": amount,
        "balance_transaction": null,
        "charge": charge_id(record, record.charges().len()),
        "created": seconds(note.at),
        "currency": currency(record.amount.currency),
        "destination_details": { "type": "card", "card": { "type": "refund", "reference_status": "pending", "reference_type": "acquirer_reference_number" } },
        "metadata": note.metadata,
        "payment_intent": record.id,
        "reason": note.reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": "succeeded",
        "transfer_reversal": null,
    }))
}

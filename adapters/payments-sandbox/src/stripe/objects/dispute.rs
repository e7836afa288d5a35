//! The Dispute.

use super::method::card_of;
use super::{charge_id, currency, dispute_id, seconds};
use crate::record::Record;
use serde_json::{Value, json};

/// How long a shop has to answer a dispute, in seconds.
const DUE_AFTER: i64 = 7 * 24 * 3600;

/// The dispute of an intent's charge, if there is one.
pub fn dispute(record: &Record) -> Option<Value> {
    let at = seconds(record.details.disputed?);
    let charges = record.charges();
    let brand = charges.last().map_or("visa", |charge| card_of(&charge.payment_method).brand);
    Some(json!({
        "id": dispute_id(record),
        "object": "dispute",
        "amount": record.captured,
        "balance_transactions": [],
        "charge": charge_id(record, charges.len()),
        "created": at,
        "currency": currency(record.amount.currency),
        "enhanced_eligibility_types": [],
        "evidence": { "enhanced_evidence": {} },
        "evidence_details": {
            "due_by": at.saturating_add(DUE_AFTER), "enhanced_eligibility": {}, "has_evidence": false, "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": false,
        "livemode": false,
        "metadata": {},
        "payment_intent": record.id,
        "payment_method_details": { "type": "card", "card": { "brand": brand, "case_type": "chargeback", "network": brand, "network_reason_code": "10.4" } },
        "reason": "fraudulent",
        "status": if record.details.dispute_lost { "lost" } else { "needs_response" },
    }))
}

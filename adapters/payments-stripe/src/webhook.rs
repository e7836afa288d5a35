//! Notifications of Stripe: whether they are genuine, and which payment they are about. What they say about it is not
//! read: the intent is asked.

use super::objects::BOOKING;
use hmac::{Hmac, Mac};
use lastseat_domain::ports::payments::Notification;
use lastseat_domain::{IntentId, Secret, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

/// How old a signature may be, in seconds; or how far ahead, for clocks that differ.
pub const TOLERANCE: i64 = 300;

/// A notification that Stripe has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genuine {
    pub notification: Notification,
    /// Whether it is about real money.
    pub livemode: bool,
}

/// A notification that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefused {
    /// The header can't be read.
    #[error("the Stripe-Signature header can't be read")]
    Malformed,
    /// Signed too long ago, or in the future: sent again, or one of the clocks is wrong.
    #[error("the webhook was signed more than five minutes ago, or in the future")]
    Old,
    /// Signed with none of the secrets.
    #[error("no signature fits the body")]
    Forged,
    /// Signed, and not what Stripe sends.
    #[error("the signed body is no event")]
    NoEvent,
}

/// Checks the signature over the body as it came, and only then reads it.
///
/// # Errors
/// [`WebhookRefused`].
pub fn verify(secrets: &[Secret], signature: &str, body: &[u8], now: Timestamp) -> Result<Genuine, WebhookRefused> {
    let (at, signatures) = parse(signature).ok_or(WebhookRefused::Malformed)?;
    let fits = |secret: &Secret| signatures.iter().any(|signature| is_signed(secret, at, body, signature));
    if !secrets.iter().any(fits) {
        return Err(WebhookRefused::Forged);
    }
    if (now.timestamp().saturating_sub(at)).saturating_abs() > TOLERANCE {
        return Err(WebhookRefused::Old);
    }
    read(body).ok_or(WebhookRefused::NoEvent)
}

/// Time and signatures of `t=…,v1=…,v1=…`. Signatures of other schemes are passed over.
fn parse(header: &str) -> Option<(i64, Vec<Vec<u8>>)> {
    let mut at = None;
    let mut signatures = Vec::new();
    for (name, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
        match name {
            "t" => at = Some(value.parse().ok()?),
            "v1" => signatures.extend(from_hex(value)),
            _ => {}
        }
    }
    at.filter(|_| !signatures.is_empty()).map(|at| (at, signatures))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks_exact(2).map(|pair| Some(nibble(*pair.first()?)? << 4 | nibble(*pair.get(1)?)?)).collect()
}

/// In constant time.
fn is_signed(secret: &Secret, at: i64, body: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    livemode: bool,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

/// Reads what is the same in every version of the API: an object with its id, its metadata, and the intent it belongs
/// to.
fn read(body: &[u8]) -> Option<Genuine> {
    let Event { id, kind, livemode, data: Data { object } } = serde_json::from_slice(body).ok()?;
    let text = |member: &str| object.get(member).and_then(Value::as_str);
    let intent = match text("object") {
        Some("payment_intent") => text("id"),
        // An id, or the intent itself.
        _ => text("payment_intent").or_else(|| object.pointer("/payment_intent/id").and_then(Value::as_str)),
    };
    let booking = object.get("metadata").and_then(|metadata| metadata.get(BOOKING)).and_then(Value::as_str);
    let refund_failed = text("object") == Some("refund") && matches!(text("status"), Some("failed" | "canceled"));
    let intent = intent.and_then(|id| IntentId::new(id).ok());
    let booking = booking.and_then(|id| id.parse().ok());
    Some(Genuine { notification: Notification { id, kind, intent, booking, refund_failed }, livemode })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BOOKING_ID: &str = "11112222-3333-4444-5555-666677770001";

    fn now() -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    fn sign(secret: &str, at: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{at}.").as_bytes());
        mac.update(body);
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn event(object: &Value) -> Vec<u8> {
        json!({"id": "evt_1", "object": "event", "type": "some.event", "livemode": false, "data": {"object": object}})
            .to_string()
            .into_bytes()
    }

    fn header(body: &[u8]) -> String {
        format!("t={},v1={}", now().timestamp(), sign("whsec_a", now().timestamp(), body))
    }

    #[test]
    fn only_a_fresh_signature_over_this_body_is_taken() {
        let body = event(&json!({"object": "payment_intent", "id": "pi_1"}));
        let secrets = [secret("whsec_a")];
        let at = now().timestamp();
        let verify = |header: &str, body: &[u8]| verify(&secrets, header, body, now());
        assert!(verify(&header(&body), &body).is_ok());
        let right = sign("whsec_a", at, &body);
        let other = sign("whsec_b", at, &body);
        // Stripe signs with both secrets while one replaces the other; unknown schemes are passed over.
        assert!(verify(&format!("t={at},v0=ignored,v1={other},v1={right}"), &body).is_ok());
        let mut changed = body.clone();
        changed[10] ^= 1;
        assert_eq!(verify(&header(&body), &changed), Err(WebhookRefused::Forged));
        assert_eq!(verify(&format!("t={at},v1={other}"), &body), Err(WebhookRefused::Forged));
        assert_eq!(verify(&format!("t={},v1={right}", at + 1), &body), Err(WebhookRefused::Forged), "the time is signed, too");
        for (seconds, taken) in [(300, true), (301, false), (-300, true), (-301, false)] {
            let at = at - seconds;
            let answer = verify(&format!("t={at},v1={}", sign("whsec_a", at, &body)), &body);
            assert_eq!(answer.is_ok(), taken, "{seconds} s");
        }
        for malformed in
            ["", "t=1", "v1=00", &format!("t=x,v1={right}"), &format!("t={at},v1=zz"), &format!("t={at},v1={right}0")]
        {
            assert_eq!(verify(malformed, &body), Err(WebhookRefused::Malformed), "{malformed}");
        }
        for no_event in [&b"{}"[..], b"", b"[]", b"{\"id\":1}"] {
            assert_eq!(verify(&header(no_event), no_event), Err(WebhookRefused::NoEvent));
        }
    }

    /// Made and verified with Stripe's own library (PyPI `stripe` 16.1).
    #[test]
    fn a_signature_of_stripes_library_fits() {
        let body = r#"{"id":"evt_1","object":"event","api_version":"2019-02-11","type":"payment_intent.amount_capturable_updated","livemode":false,"data":{"object":{"id":"pi_1","object":"payment_intent","metadata":{"lastseat_booking":"11112222-3333-4444-5555-666677770001"},"description":"Café — 1 seat"}}}"#;
        let header = "t=1800000000,v1=4518da714a76a0558ecfdfd4c0e480e019fc3a55528b9bc53128345eaddf8151,\
                      v0=0000000000000000000000000000000000000000000000000000000000000000";
        let secrets = [secret("whsec_lastseat_test_vector")];
        let Genuine { notification: read, livemode } = verify(&secrets, header, body.as_bytes(), now()).unwrap();
        assert_eq!((read.kind.as_str(), livemode), ("payment_intent.amount_capturable_updated", false));
        assert_eq!(read.booking, Some(BOOKING_ID.parse().unwrap()));
        // A signature that can't be read does not spoil the one beside it.
        assert!(verify(&secrets, &format!("v1=zz,{header}"), body.as_bytes(), now()).is_ok());
    }

    #[test]
    fn any_of_several_secrets_is_accepted() {
        let body = event(&json!({"object": "payment_intent", "id": "pi_1"}));
        assert!(verify(&[secret("whsec_new"), secret("whsec_a")], &header(&body), &body, now()).is_ok());
        assert_eq!(verify(&[], &header(&body), &body, now()), Err(WebhookRefused::Forged));
    }

    #[test]
    fn an_event_is_about_an_intent_in_whatever_form() {
        let metadata = json!({"lastseat_booking": BOOKING_ID});
        let table = [
            (json!({"object": "payment_intent", "id": "pi_1", "metadata": metadata}), Some("pi_1"), true),
            (json!({"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "metadata": metadata}), Some("pi_1"), true),
            (json!({"object": "charge", "payment_intent": {"id": "pi_1", "object": "payment_intent"}}), Some("pi_1"), false),
            (json!({"object": "refund", "id": "re_1", "payment_intent": "pi_1", "metadata": {}}), Some("pi_1"), false),
            (json!({"object": "dispute", "payment_intent": "pi_1", "metadata": null}), Some("pi_1"), false),
            (json!({"object": "customer", "id": "cus_1"}), None, false),
            (json!({"object": "payment_intent", "id": 7, "metadata": {"lastseat_booking": "no id"}}), None, false),
        ];
        for (object, intent, booking) in table {
            let body = event(&object);
            let read = verify(&[secret("whsec_a")], &header(&body), &body, now()).unwrap().notification;
            assert_eq!(read.intent.as_ref().map(IntentId::as_str), intent, "{object}");
            assert_eq!(read.booking, booking.then(|| BOOKING_ID.parse().unwrap()), "{object}");
        }
    }
}

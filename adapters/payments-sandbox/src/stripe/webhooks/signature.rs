//! `Stripe-Signature`.

use hmac::{Hmac, Mac};
use lastseat_domain::{Secret, Timestamp};
use sha2::Sha256;
use std::fmt::Write;

/// The header's value for this body, sent at `at`.
#[must_use]
pub fn sign(secret: &Secret, body: &[u8], at: Timestamp) -> String {
    let seconds = at.timestamp();
    let mut header = format!("t={seconds}");
    // HMAC takes keys of any length, so this can't fail.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) {
        mac.update(format!("{seconds}.").as_bytes());
        mac.update(body);
        header.push_str(",v1=");
        for byte in mac.finalize().into_bytes() {
            let _infallible = write!(header, "{byte:02x}");
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `openssl dgst -sha256 -hmac whsec_test`.
    #[test]
    fn the_signature_is_stripes() {
        let secret = Secret::new("whsec_test").unwrap();
        let at = Timestamp::from_timestamp(1_700_000_000, 0).unwrap();
        assert_eq!(
            sign(&secret, b"{\"id\":\"evt_1\"}", at),
            "t=1700000000,v1=c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925"
        );
    }
}

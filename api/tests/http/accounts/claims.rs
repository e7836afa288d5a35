//! Guests who buy without an account, get their link by mail, and take the booking into an account later.

use super::own::traces;
use super::{ANN, BOB, Browser, MINE, Stage, one_place};
use crate::common::Reply;
use serde_json::json;

const GUEST: &str = "a.guest.with.an.address@example.org";

impl Stage {
    /// A booking that a guest has paid for.
    pub(super) async fn guests_booking(&self) -> Reply {
        let held = self.server.hold(one_place()).await;
        let pay = self.server.post(&format!("/v1/bookings/{}/payment", held.text("id"))).bearer(&held.text("token"));
        assert_eq!(pay.json(json!({"payment_method": "pm_card_visa"})).send().await.text("status"), "confirmed");
        held
    }

    async fn mail_link(&self, booking: &Reply, email: &str) -> Reply {
        let mail = self.server.post(&format!("/v1/bookings/{}/mail", booking.text("id")));
        mail.bearer(&booking.text("token")).json(json!({ "email": email })).send().await
    }
}

async fn claim(who: &Browser<'_>, token: &str) -> Reply {
    who.post("/v1/me/bookings").json(json!({ "token": token })).send().await
}

#[tokio::test]
async fn a_guests_booking_becomes_an_accounts_and_its_token_ends() {
    let stage = Stage::open().await;
    let (ann, bob) = (stage.person(ANN).await, stage.person(BOB).await);
    let (booking, other) = (stage.guests_booking().await, stage.guests_booking().await);
    let (id, token) = (booking.text("id"), booking.text("token"));
    for wrong in ["", "x", "bt_", &token[1..], &token.replace("bt_", "bt_A")] {
        claim(&ann, wrong).await.is(404, "booking_not_found");
    }
    ann.bare("POST", "/v1/me/bookings").json(json!({ "token": token })).send().await.is(403, "csrf_token_invalid");
    let by_token = stage.server.post("/v1/me/bookings").bearer(&token).json(json!({ "token": token }));
    by_token.send().await.is(403, "session_required");
    assert_eq!(ann.get(MINE).await.json()["data"], json!([]));

    let claimed = claim(&ann, &token).await;
    assert_eq!((claimed.status.as_u16(), claimed.text("id")), (200, id.clone()), "{claimed:?}");
    assert_eq!(claim(&ann, &token).await.text("id"), id, "a repeat");
    claim(&bob, &token).await.is(404, "booking_not_found");
    stage.server.get(&format!("/v1/bookings/{id}")).bearer(&token).send().await.is(404, "booking_not_found");
    assert_eq!(ann.get(&format!("/v1/bookings/{id}")).await.text("status"), "confirmed");
    assert_eq!(
        stage.server.get(&format!("/v1/bookings/{}", other.text("id"))).bearer(&other.text("token")).send().await.status,
        200
    );
    stage.server.stop().await;
}

#[tokio::test]
async fn a_hold_is_not_claimed() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    let held = stage.server.hold(one_place()).await;
    claim(&ann, &held.text("token")).await.is(409, "booking_not_changeable");
    stage.mail_link(&held, GUEST).await.is(409, "not_confirmed");
    stage.server.stop().await;
}

#[tokio::test]
async fn the_link_of_a_booking_is_mailed_and_the_address_is_kept_nowhere() {
    let stage = Stage::open().await;
    let booking = stage.guests_booking().await;
    for bad in ["", "x", "a@example.org\r\nBcc: b@example.org"] {
        stage.mail_link(&booking, bad).await.is(422, "invalid_request");
    }
    let asked = stage.mail_link(&booking, GUEST).await;
    assert_eq!((asked.status.as_u16(), asked.json()), (202, json!({"next": "open_mail"})));
    let mail = stage.server.mails.next().await;
    let link = format!("http://tickets.test/wallet#booking={}&token={}", booking.text("id"), booking.text("token"));
    assert!(mail.to.as_str() == GUEST && mail.text.lines().any(|line| line == link), "{}", mail.text);
    assert_eq!(traces(stage.dir.path(), GUEST), Vec::<String>::new());
    // Only who has the booking.
    let path = format!("/v1/bookings/{}/mail", booking.text("id"));
    let body = json!({"email": "mallory@example.org"});
    stage.server.post(&path).json(&body).send().await.is(401, "authentication_required");
    stage.person(BOB).await.post(&path).json(&body).send().await.is(404, "booking_not_found");
    let other = stage.guests_booking().await;
    stage.server.post(&path).bearer(&other.text("token")).json(&body).send().await.is(404, "booking_not_found");
    stage.server.stop().await;
}

#[tokio::test]
async fn a_booking_that_was_claimed_has_no_link_any_more() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    let booking = stage.guests_booking().await;
    assert_eq!(claim(&ann, &booking.text("token")).await.status, 200);
    stage.mail_link(&booking, GUEST).await.is(404, "booking_not_found");
    let own = ann.post(&format!("/v1/bookings/{}/mail", booking.text("id"))).json(json!({ "email": GUEST }));
    own.send().await.is(404, "booking_not_found");
    stage.server.stop().await;
}

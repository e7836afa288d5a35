//! Mails with links: addresses that are confirmed, passwords that are replaced, and what nobody learns from either.

use super::{ANN, BOB, Browser, MINE, PASSWORD, Stage, device_of};
use crate::common::Reply;
use lastseat_domain::ports::{Mail, MailFault};
use serde_json::{Value, json};
use std::time::Duration;

const NEW: &str = "four other random words";

impl Stage {
    /// The next mail, which is to this address, and the token in its link.
    pub(super) async fn link(&self, email: &str, purpose: &str) -> String {
        let mail = self.server.mails.next().await;
        assert_eq!(mail.to.as_str(), email);
        token_in(&mail, purpose)
    }

    async fn confirm(&self, token: &str, password: &str) -> Reply {
        self.server.post("/v1/accounts/verification").json(json!({"token": token, "password": password})).send().await
    }

    async fn forget(&self, email: &str) -> Reply {
        self.server.post("/v1/accounts/password-reset").json(json!({ "email": email })).send().await
    }

    pub(super) async fn reset(&self, token: &str, password: &str) -> Reply {
        let body = json!({"token": token, "password": password});
        self.server.post("/v1/accounts/password-reset/confirm").json(body).send().await
    }

    /// Until all mails that were asked for are on their way: those before this one came first.
    async fn no_mail_but_to(&self, email: &str) {
        self.forget(email).await;
        assert_eq!(self.server.mails.next().await.to.as_str(), email);
    }
}

#[track_caller]
fn token_in(mail: &Mail, purpose: &str) -> String {
    let start = format!("http://tickets.test/account#{purpose}=");
    let link = mail.text.lines().find_map(|line| line.strip_prefix(&start));
    link.unwrap_or_else(|| panic!("no link to {purpose} in {}", mail.text)).to_owned()
}

async fn verified(who: &Browser<'_>) -> Value {
    who.get("/v1/accounts/me").await.json()["verified"].clone()
}

#[tokio::test]
async fn an_address_is_confirmed_once_with_the_mail_and_the_password() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    assert_eq!(verified(&ann).await, json!(false));
    let token = stage.link(ANN, "verify").await;
    assert_eq!(token.len(), 43, "256 bits");
    for wrong in ["", "x", &token[1..], &token.to_lowercase(), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        stage.confirm(wrong, PASSWORD).await.is(410, "link_not_usable");
    }
    stage.reset(&token, NEW).await.is(410, "link_not_usable");
    assert_eq!(verified(&ann).await, json!(false));
    let confirmed = stage.confirm(&token, PASSWORD).await;
    assert_eq!(confirmed.status, 204, "{confirmed:?}");
    device_of(&confirmed);
    assert_eq!(verified(&ann).await, json!(true));
    stage.confirm(&token, PASSWORD).await.is(410, "link_not_usable");
    assert_eq!(ann.post("/v1/accounts/me/verification").send().await.status, 204, "nothing to do");
    // Now a role can be given.
    let path = format!("/v1/accounts/{}", ann.id().await);
    let given = stage.server.call("PATCH", &path).admin(&stage.server).json(json!({"role": "staff"})).send().await;
    assert_eq!(given.status, 200, "{given:?}");
    stage.server.stop().await;
}

#[tokio::test]
async fn nobody_is_made_to_confirm_an_account_that_somebody_else_has_made() {
    let stage = Stage::open().await;
    // Mallory signs up with Ann's address and a password of her own. Ann opens the link.
    stage.sign_up(ANN).await;
    let token = stage.link(ANN, "verify").await;
    for number in 0..5 {
        stage.confirm(&token, &format!("what Ann believes {number}")).await.is(401, "wrong_credentials");
    }
    stage.confirm(&token, PASSWORD).await.is(429, "too_many_tries");
    let mallory = stage.sign_in(ANN).await;
    assert_eq!(verified(&mallory).await, json!(false));
    // She takes her address back.
    stage.forget(ANN).await;
    let token = stage.link(ANN, "reset").await;
    assert_eq!(stage.reset(&token, NEW).await.status, 204);
    assert!(mallory.is_over().await);
    stage.try_sign_in(ANN, PASSWORD).await.is(401, "wrong_credentials");
    stage.server.stop().await;
}

#[tokio::test]
async fn a_link_works_for_a_time_and_is_sent_again() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    let first = stage.link(ANN, "verify").await;
    stage.clock.advance(Duration::from_secs(24 * 3600));
    stage.confirm(&first, PASSWORD).await.is(410, "link_not_usable");
    let again = ann.post("/v1/accounts/me/verification").send().await;
    assert_eq!((again.status.as_u16(), again.json()), (202, json!({"next": "open_mail"})));
    let second = stage.link(ANN, "verify").await;
    stage.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(stage.confirm(&second, PASSWORD).await.status, 204);
    stage.forget(ANN).await;
    let reset = stage.link(ANN, "reset").await;
    stage.clock.advance(Duration::from_secs(30 * 60));
    stage.reset(&reset, NEW).await.is(410, "link_not_usable");
    ann.bare("POST", "/v1/accounts/me/verification").send().await.is(403, "csrf_token_invalid");
    stage.server.post("/v1/accounts/me/verification").send().await.is(401, "authentication_required");
    stage.server.stop().await;
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_everything_before_it_ends() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    stage.link(ANN, "verify").await;
    for number in 0..5 {
        stage.try_sign_in(ANN, &format!("wrong password {number}")).await.is(401, "wrong_credentials");
    }
    stage.try_sign_in(ANN, PASSWORD).await.is(429, "too_many_tries");
    let asked = stage.forget(" Ann@Example.org").await;
    assert_eq!((asked.status.as_u16(), asked.json()), (202, json!({"next": "open_mail"})));
    stage.forget(ANN).await;
    let (first, second) = (stage.link(ANN, "reset").await, stage.link(ANN, "reset").await);
    stage.confirm(&first, PASSWORD).await.is(410, "link_not_usable");
    stage.reset(&first, "too short").await.is(422, "weak_password");
    stage.reset(&first, ANN).await.is(422, "weak_password");
    assert!(!ann.is_over().await);
    let reset = stage.reset(&first, NEW).await;
    assert_eq!(reset.status, 204, "{reset:?}");
    assert!(ann.is_over().await);
    for used in [&first, &second] {
        stage.reset(used, PASSWORD).await.is(410, "link_not_usable");
    }
    let news = stage.server.mails.next().await;
    assert_eq!((news.to.as_str(), news.subject.as_str()), (ANN, "Your password was changed"));
    stage.try_sign_in(ANN, PASSWORD).await.is(401, "wrong_credentials");
    // Whatever a stranger does meanwhile, this browser signs in.
    while stage.try_sign_in(ANN, "wrong password").await.status == 401 {}
    let again = stage.signing_in(ANN, NEW).header("cookie", &device_of(&reset)).send().await;
    assert_eq!(verified(&Browser::of(&stage.server, &again)).await, json!(true), "the mail has reached her");
    stage.server.stop().await;
}

#[tokio::test]
async fn neither_answers_nor_mails_tell_strangers_who_has_an_account() {
    let stage = Stage::open().await;
    stage.sign_up(ANN).await;
    stage.link(ANN, "verify").await;
    let parts = |reply: &Reply| (reply.status, reply.json(), reply.header("set-cookie").to_owned());
    let (known, unknown) = (stage.forget(ANN).await, stage.forget("nobody@example.org").await);
    assert_eq!(parts(&known), parts(&unknown));
    stage.link(ANN, "reset").await;
    stage.no_mail_but_to(ANN).await;
    // Who signs up again learns by mail that there is an account, and nobody else does.
    stage.sign_up(ANN).await;
    let news = stage.server.mails.next().await;
    assert_eq!((news.to.as_str(), news.subject.as_str()), (ANN, "You already have an account"));
    assert!(news.text.contains("\nhttp://tickets.test/account#forgot\n"), "{}", news.text);
    for bad in [json!({}), json!({"email": "x"}), json!({"email": ANN, "url": "https://evil.example"})] {
        stage.server.post("/v1/accounts/password-reset").json(bad).send().await.is(422, "invalid_request");
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn links_lead_here_whatever_host_a_request_names() {
    let stage = Stage::open().await;
    stage.sign_up(ANN).await;
    stage.link(ANN, "verify").await;
    for header in ["x-forwarded-host", "forwarded", "x-original-host"] {
        let asked = stage.server.post("/v1/accounts/password-reset").header(header, "evil.example");
        assert_eq!(asked.json(json!({ "email": ANN })).send().await.status, 202);
        let mail = stage.server.mails.next().await;
        assert!(mail.text.contains("http://tickets.test/account#reset=") && !mail.text.contains("evil"), "{}", mail.text);
    }
    let cross = stage.server.post("/v1/accounts/password-reset").header("sec-fetch-site", "cross-site");
    cross.json(json!({ "email": ANN })).send().await.is(403, "cross_site_request");
    stage.server.stop().await;
}

#[tokio::test]
async fn an_address_gets_so_many_mails_an_hour_and_a_place_asks_for_so_many() {
    let stage = Stage::open().await;
    for email in [ANN, BOB] {
        stage.sign_up(email).await;
        stage.link(email, "verify").await;
    }
    for _ in 0..10 {
        assert_eq!(stage.forget(ANN).await.status, 202);
    }
    for _ in 0..5 {
        stage.link(ANN, "reset").await;
    }
    stage.no_mail_but_to(BOB).await;
    stage.clock.advance(Duration::from_secs(720));
    stage.forget(ANN).await;
    stage.link(ANN, "reset").await;
    let mut refused = stage.forget("nobody@example.org").await;
    for number in 0..30 {
        refused = stage.forget(&format!("{number}@example.org")).await;
    }
    refused.is(429, "rate_limited");
    assert_eq!(refused.json()["policy"], "mails");
    stage.server.stop().await;
}

#[tokio::test]
async fn mails_that_a_stranger_causes_keep_no_other_mail_back() {
    let stage = Stage::open().await;
    stage.sign_up(ANN).await;
    stage.link(ANN, "verify").await;
    for _ in 0..7 {
        stage.sign_up(ANN).await;
    }
    for _ in 0..5 {
        assert_eq!(stage.server.mails.next().await.subject, "You already have an account");
    }
    stage.forget(ANN).await;
    stage.link(ANN, "reset").await;
    stage.server.stop().await;
}

#[tokio::test]
async fn links_can_not_be_guessed_from_one_place() {
    let stage = Stage::open().await;
    for _ in 0..30 {
        stage.reset("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NEW).await.is(410, "link_not_usable");
    }
    let refused = stage.reset("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NEW).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.json()["policy"], "sign_ins");
    stage.server.stop().await;
}

#[tokio::test]
async fn a_server_for_mails_that_refuses_fails_no_request() {
    let stage = Stage::open().await;
    stage.server.mails.fail_next(MailFault::Refused("550".to_owned()));
    let ann = stage.person(ANN).await;
    assert_eq!(ann.get(MINE).await.status, 200);
    while !stage.server.mails.has_failed() {
        tokio::task::yield_now().await;
    }
    ann.post("/v1/accounts/me/verification").send().await;
    let token = stage.link(ANN, "verify").await;
    assert_eq!(stage.confirm(&token, PASSWORD).await.status, 204);
    let metrics = stage.server.get("/metrics").send().await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(metrics.contains("lastseat_mails_total{outcome=\"failed\"} 1\n"), "{metrics}");
    // The secret of a link is nowhere in the file.
    for file in ["accounts.db", "accounts.db-wal"] {
        let bytes = std::fs::read(stage.dir.path().join(file)).unwrap();
        assert!(!bytes.windows(token.len()).any(|part| part == token.as_bytes()), "{file}");
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn a_changed_password_is_news_and_ends_links_to_replace_it() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    let verification = stage.link(ANN, "verify").await;
    let change = |from: &str, to: &str| {
        ann.post("/v1/accounts/me/password").json(json!({"current_password": from, "password": to})).send()
    };
    // Nobody knows whose the address is: who signed up with it could have its owner sent one mail after the other.
    assert_eq!(change(PASSWORD, NEW).await.status, 204);
    assert_eq!(change(NEW, PASSWORD).await.status, 204);
    assert_eq!(stage.confirm(&verification, PASSWORD).await.status, 204);
    stage.forget(ANN).await;
    let token = stage.link(ANN, "reset").await;
    assert_eq!(change(PASSWORD, NEW).await.status, 204);
    assert_eq!(stage.server.mails.next().await.subject, "Your password was changed");
    stage.reset(&token, PASSWORD).await.is(410, "link_not_usable");
    stage.server.stop().await;
}

//! The server is killed, and connections break, at every call that a payment makes. Whatever happened, once
//! everything had its time the gateway has taken what the confirmed bookings cost, to the cent.

use crate::proxy::{FATES, Fate, Proxy};
use crate::sandbox::Sandbox;
use crate::support::process::{Server, token, verify};
use crate::support::{books, show, text};
use futures::StreamExt;
use serde_json::{Value, json};
use std::path::Path;

/// What a buyer does with a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// Pays with a card that works.
    Pays,
    /// Is sent to the bank, passes, and comes back.
    PassesTheBank,
    /// Pays in the gateway's own form.
    PaysInTheForm,
    /// Is sent to the bank, and gives the seats back.
    Cancels,
    /// Is sent to the bank, and the hold ends.
    LetsItEnd,
    /// Pays, and gets the money back.
    IsRefunded,
}

/// Each with the calls that it makes when nothing disturbs it.
const STORIES: [(Story, &[&str]); 6] = [
    (Story::Pays, &["POST payment_intents", "POST confirm", "POST capture"]),
    (Story::PassesTheBank, &["POST payment_intents", "POST confirm", "GET intent", "POST capture"]),
    (Story::PaysInTheForm, &["POST payment_intents", "GET intent", "POST capture"]),
    (Story::Cancels, &["POST payment_intents", "POST confirm", "POST cancel"]),
    (Story::LetsItEnd, &["POST payment_intents", "POST confirm", "POST cancel"]),
    (Story::IsRefunded, &["POST payment_intents", "POST confirm", "POST capture", "GET intent", "POST refunds", "GET intent"]),
];

/// One story with one disturbed call.
#[derive(Debug, Clone, Copy)]
struct Trial {
    story: Story,
    disturbed: Option<(usize, Fate)>,
}

fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (story, calls) in STORIES {
        trials.push(Trial { story, disturbed: None });
        for nth in 0..calls.len() {
            trials.extend(FATES.map(|fate| Trial { story, disturbed: Some((nth, fate)) }));
        }
    }
    trials
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_may_be_the_last_one() {
    let trials = trials();
    let count = trials.len();
    // Several at a time: each waits most of the time, for a restart or the end of a hold.
    let done = futures::stream::iter(trials).map(run);
    let hits = done.buffer_unordered(4).map(usize::from).fold(0, async |sum, hit| sum + hit).await;
    eprintln!("{count} trials, {hits} calls were disturbed");
    assert_eq!(hits, count - STORIES.len(), "every planned call was made and disturbed");
}

/// Returns whether the call was made that was to be disturbed.
async fn run(trial: Trial) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let sandbox = Sandbox::start().await;
    let proxy = Proxy::to(sandbox.addr).await;
    let hold_seconds = if trial.story == Story::LetsItEnd { 3 } else { 60 };
    let server = start(&data, &proxy).await;
    let admin = token(&data, "admin", "admin");
    server.client.post("/v1/shows").bearer(&admin).json(&show("gala", hold_seconds, 5)).send().await;
    let client = server.client.clone();
    let held = client.post("/v1/shows/gala/bookings").json(&json!({"seats": ["A-1", "A-2"]})).send().await.json();
    let buyer = Buyer { id: text(&held, "id").to_owned(), token: text(&held, "token").to_owned() };

    match trial.disturbed {
        Some((nth, fate)) => proxy.disturb(nth, fate, server),
        None => proxy.disturb(usize::MAX - 1, Fate::AnswerLost, server),
    }
    let mut acts = Acts { data: &data, proxy: &proxy, server: None, sandbox: &sandbox, client, admin: &admin, buyer: &buyer };
    acts.play(trial.story).await;
    let hit = proxy.seen().1;
    if trial.disturbed.is_none() {
        let expected = STORIES.iter().find(|(story, _)| *story == trial.story).map(|(_, calls)| calls.to_vec()).unwrap();
        assert_eq!(proxy.seen().0, expected, "{trial:?}: without a disturbance");
    }
    acts.restarted().await;
    check(&acts, trial).await;
    hit
}

/// `--settle-seconds 1`: what is unclear is looked at again after a second.
async fn start(data: &Path, proxy: &Proxy) -> Server {
    Server::start_with(
        data,
        &["--stripe-key", "sk_test_crash", "--stripe-url", &proxy.url, "--stripe-publishable-key", "pk_test_crash"],
    )
    .await
}

struct Buyer {
    id: String,
    token: String,
}

/// The buyer's side, on whichever process there is.
struct Acts<'a> {
    data: &'a Path,
    proxy: &'a Proxy,
    /// The process after the first, which the proxy has.
    server: Option<Server>,
    sandbox: &'a Sandbox,
    client: crate::support::client::Client,
    admin: &'a str,
    buyer: &'a Buyer,
}

impl Acts<'_> {
    async fn play(&mut self, story: Story) {
        let visa = json!({"payment_method": "pm_card_visa"});
        let bank = json!({"payment_method": "pm_card_authenticationRequired"});
        match story {
            Story::Pays => self.pay_until(&visa, &["confirmed"]).await,
            Story::PassesTheBank => {
                self.pay_until(&bank, &["action_required"]).await;
                self.sandbox.authenticate().await;
                self.pay_until(&json!({}), &["confirmed"]).await;
            }
            Story::PaysInTheForm => {
                let answer = self.pay_until_answer(&json!({"confirm": "client"}), &["action_required"]).await;
                let secret = text(&answer["next_action"], "client_secret");
                self.sandbox.confirm_in_form(secret, "pm_card_visa").await;
                self.pay_until(&json!({}), &["confirmed"]).await;
            }
            Story::Cancels => {
                self.pay_until(&bank, &["action_required"]).await;
                self.until("it is cancelled", async |acts| {
                    let call = acts.client.delete(&acts.path("")).bearer(&acts.buyer.token);
                    call.try_send().await.ok().filter(|answer| answer.status == 200).map(|_| ())
                })
                .await;
                self.until_over().await;
            }
            Story::LetsItEnd => {
                self.pay_until(&bank, &["action_required", "aborted"]).await;
                self.until_over().await;
            }
            Story::IsRefunded => {
                self.pay_until(&visa, &["confirmed"]).await;
                self.until("it is refunded", async |acts| {
                    let call = acts.client.post(&acts.path("/refund")).bearer(acts.admin);
                    let answer = call.try_send().await.ok()?;
                    (answer.status == 200 && answer.json()["status"] == "refunded").then_some(())
                })
                .await;
            }
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/bookings/{}{rest}", self.buyer.id)
    }

    /// Asks until there is an answer, on a new process if the old one was killed.
    async fn until<T>(&mut self, what: &str, ask: impl AsyncFn(&Self) -> Option<T>) -> T {
        let given_up = std::time::Instant::now() + crate::support::PATIENCE;
        loop {
            if let Some(answer) = ask(self).await {
                return answer;
            }
            self.restart_if_killed().await;
            assert!(std::time::Instant::now() < given_up, "waited in vain until {what}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Repeats the payment until the booking is in one of these states.
    async fn pay_until(&mut self, body: &Value, states: &[&str]) {
        self.pay_until_answer(body, states).await;
    }

    async fn pay_until_answer(&mut self, body: &Value, states: &[&str]) -> Value {
        self.until("the payment is answered", async |acts| {
            let call = acts.client.post(&acts.path("/payment")).bearer(&acts.buyer.token).json(body);
            let answer = call.try_send().await.ok()?;
            let over = answer.status == 410 && states.contains(&"aborted");
            let status = answer.json()["status"].as_str().map(ToOwned::to_owned);
            (over || status.is_some_and(|status| states.contains(&status.as_str()))).then(|| answer.json())
        })
        .await
    }

    async fn until_over(&mut self) {
        self.until("the booking is over", async |acts| {
            let call = acts.client.get(&acts.path("")).bearer(&acts.buyer.token);
            call.try_send().await.ok().filter(|answer| answer.json()["status"] == "aborted").map(|_| ())
        })
        .await;
        // And its intent is cancelled.
        self.until("the intent is cancelled", async |acts| acts.sandbox.none_open().then_some(())).await;
    }

    async fn restart_if_killed(&mut self) {
        if self.server.is_none() && self.proxy.was_killed() {
            self.server = Some(start(self.data, self.proxy).await);
            self.client = self.server.as_ref().map(|server| server.client.clone()).unwrap();
        }
    }

    /// Ends the process in order, so that its log can be read in peace.
    async fn restarted(&mut self) {
        self.restart_if_killed().await;
        let server = self.server.take().or_else(|| self.proxy.rest());
        server.expect("a process is running").stop();
    }
}

async fn check(acts: &Acts<'_>, trial: Trial) {
    let (code, report) = verify(acts.data);
    assert_eq!((code, &report["clean"]), (0, &json!(true)), "{trial:?}: {report:#}");
    let (_, books) = books::read(acts.data).await;
    let intents = acts.sandbox.intents();
    let mut wrong = books.compare_with_gateway(&intents);
    let taken: i64 = intents.iter().map(|intent| intent.kept()).sum();
    let due = if matches!(trial.story, Story::Pays | Story::PassesTheBank | Story::PaysInTheForm) { 9_000 } else { 0 };
    if (taken, books.revenue()) != (due, due) {
        wrong.push(format!("{taken} are kept, the confirmed bookings come to {}, and it should be {due}", books.revenue()));
    }
    assert!(wrong.is_empty(), "{trial:?}: {wrong:#?}");
}

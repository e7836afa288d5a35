//! The load: buyers who hold, pay, cancel and abandon, and record every answer.

use crate::support::client::{Answer, Client};
use crate::support::{seats_of, text};
use lastseat_domain::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What an answer promised, which must stay true.
#[derive(Debug, Clone)]
pub struct Fact {
    pub token: String,
    pub show: String,
    pub seats: Vec<String>,
    pub amount: i64,
    pub deadline: Timestamp,
    /// The final answer: confirmed, refunded or cancelled by the buyer.
    pub confirmed: bool,
    pub refunded: bool,
    pub cancelled: bool,
    /// Requested, with or without an answer.
    pub pay_sent: bool,
    pub refund_sent: bool,
    pub cancel_sent: bool,
}

/// A request without an answer, to be repeated under its key.
#[derive(Debug, Clone)]
pub enum Unanswered {
    Hold { show: String, key: String, selection: Value },
    Pay { booking: String, key: String, method: String },
}

/// All answers.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By booking.
    pub facts: BTreeMap<String, Fact>,
    pub unanswered: Vec<Unanswered>,
    /// Answers that the API does not document.
    pub unexpected: Vec<String>,
    /// Requests that were in progress when the server was killed.
    pub cut_off: u64,
    pub repeated: u64,
}

impl Ledger {
    pub fn count(&self, holds: impl Fn(&Fact) -> bool) -> usize {
        self.facts.values().filter(|fact| holds(fact)).count()
    }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
#[derive(Debug, Clone)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// The servers that the buyers use.
pub struct Market {
    /// One for each node; every request goes to the next.
    pub clients: Vec<Client>,
    /// Whether a part may be down during the load: buyers then retry after a 503 and after a lost
    /// connection.
    pub outages: bool,
    pub admin: String,
    pub show: String,
    pub ledger: Mutex<Ledger>,
    pub stop: AtomicBool,
    /// Makes keys unique across all cycles.
    pub numbers: AtomicU64,
    pub seed: u64,
}

/// The server is gone.
struct CutOff;

impl Market {
    /// Buys until the server is gone.
    pub async fn buy(&self, mut rng: Rng) {
        while !self.stop.load(Ordering::Relaxed) {
            if self.one_booking(&mut rng).await.is_err() {
                if !self.outages {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    fn client(&self) -> &Client {
        let turn = self.numbers.fetch_add(1, Ordering::Relaxed);
        &self.clients[usize::try_from(turn).unwrap() % self.clients.len()]
    }

    /// The answer, if it is final.
    fn answered(&self, answer: Result<Answer, String>) -> Option<Answer> {
        answer.ok().filter(|answer| !self.outages || answer.status != 503)
    }

    fn key(&self) -> String {
        format!("{:x}-{}", self.seed, self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    async fn one_booking(&self, rng: &mut Rng) -> Result<(), CutOff> {
        let Some(id) = self.hold(rng).await? else { return Ok(()) };
        match rng.below(100) {
            0..45 => self.pay(&id, "pm_card_visa", rng).await?,
            45..50 => {
                self.pay(&id, "pm_card_chargeDeclined", rng).await?;
                self.pay(&id, "pm_card_visa", rng).await?;
            }
            50..54 => self.pay(&id, "pm_card_chargeDeclinedInsufficientFunds", rng).await?,
            54..59 => self.pay(&id, "pm_lastseat_answerLost", rng).await?,
            59..63 => self.pay(&id, "pm_lastseat_captureAnswerLost", rng).await?,
            63..66 => self.pay(&id, "pm_lastseat_captureFails", rng).await?,
            66..71 => self.pay(&id, "pm_card_threeDSecure2Required", rng).await?,
            71..76 => self.pay_at_the_bank(&id, rng).await?,
            76..78 => self.pay(&id, "pm_lastseat_slow", rng).await?,
            78..86 => self.cancel(&id).await?,
            86..90 => {
                self.extend(&id).await?;
                self.pay(&id, "pm_card_visa", rng).await?;
            }
            // Abandoned.
            _ => {}
        }
        Ok(())
    }

    fn selection(rng: &mut Rng) -> Value {
        match rng.below(10) {
            0..5 => {
                let (row, first, count) = (rng.below(20), rng.below(47) + 1, rng.below(3) + 1);
                let seats: Vec<_> = (first..first + count).map(|seat| format!("R{row}-{seat}")).collect();
                json!({"seats": seats})
            }
            5..8 => json!({"area": "floor", "quantity": rng.below(4) + 1}),
            _ => json!({"best_available": {"quantity": 2, "category": "stalls"}}),
        }
    }

    async fn hold(&self, rng: &mut Rng) -> Result<Option<String>, CutOff> {
        let (key, selection) = (self.key(), Self::selection(rng));
        let answer = self.client().post(&format!("/v1/shows/{}/bookings", self.show)).key(&key).json(&selection).try_send().await;
        let Some(answer) = self.answered(answer) else {
            let show = self.show.clone();
            return Err(self.cut_off(Some(Unanswered::Hold { show, key, selection })));
        };
        Ok(self.ledger.lock().take_hold(&self.show, &answer))
    }

    async fn pay(&self, id: &str, method: &str, rng: &mut Rng) -> Result<(), CutOff> {
        let key = self.key();
        let token = self.note(id, |fact| fact.pay_sent = true);
        let call = self.client().post(&format!("/v1/bookings/{id}/payment")).bearer(&token).key(&key);
        let Some(answer) = self.answered(call.json(&json!({"payment_method": method})).try_send().await) else {
            let (booking, method) = (id.to_owned(), method.to_owned());
            return Err(self.cut_off(Some(Unanswered::Pay { booking, key, method })));
        };
        if self.ledger.lock().take_payment(id, &answer) && rng.below(8) == 0 {
            self.refund(id).await?;
        }
        Ok(())
    }

    async fn pay_at_the_bank(&self, id: &str, rng: &mut Rng) -> Result<(), CutOff> {
        let token = self.note(id, |fact| fact.pay_sent = true);
        let path = format!("/v1/bookings/{id}/payment");
        let method = json!({"payment_method": "pm_card_authenticationRequired"});
        let Some(answer) = self.answered(self.client().post(&path).bearer(&token).json(&method).try_send().await) else {
            return Err(self.cut_off(None));
        };
        self.ledger.lock().take_payment(id, &answer);
        if answer.status != 202 {
            return Ok(());
        }
        let page = answer.json()["next_action"]["url"].as_str().unwrap_or_default().to_owned();
        let passes = rng.below(4) > 0;
        if self.answered(self.answer_the_bank(&page, passes).await).is_none() {
            return Err(self.cut_off(None));
        }
        // The money is reserved, and one buyer in three does not return to the shop.
        if rng.below(3) == 0 {
            return Ok(());
        }
        let Some(answer) = self.answered(self.client().post(&path).bearer(&token).json(&json!({})).try_send().await) else {
            return Err(self.cut_off(None));
        };
        self.ledger.lock().take_payment(id, &answer);
        Ok(())
    }

    /// What the bank's page sends: to the node, or to the sandbox that the nodes share.
    async fn answer_the_bank(&self, page: &str, passes: bool) -> Result<Answer, String> {
        if let Some((sandbox, secret)) = page.split_once("/3ds/") {
            let sandbox = Client::new(sandbox.trim_start_matches("http://").parse().unwrap());
            let result = if passes { "result=complete" } else { "result=fail" };
            return sandbox.post(&format!("/3ds/{secret}")).form(result).try_send().await;
        }
        let intent = page.rsplit('/').next().unwrap_or_default();
        let outcome = json!({"outcome": if passes { "succeeded" } else { "failed" }});
        self.client().post(&format!("/v1/sandbox/intents/{intent}/authenticate")).json(&outcome).try_send().await
    }

    async fn refund(&self, id: &str) -> Result<(), CutOff> {
        self.note(id, |fact| fact.refund_sent = true);
        let Some(answer) =
            self.answered(self.client().post(&format!("/v1/bookings/{id}/refund")).bearer(&self.admin).try_send().await)
        else {
            return Err(self.cut_off(None));
        };
        match answer.status {
            200 => drop(self.note(id, |fact| fact.refunded = true)),
            202 => {}
            _ => self.ledger.lock().did_not_expect("a refund", &answer),
        }
        Ok(())
    }

    async fn cancel(&self, id: &str) -> Result<(), CutOff> {
        let token = self.note(id, |fact| fact.cancel_sent = true);
        let Some(answer) = self.answered(self.client().delete(&format!("/v1/bookings/{id}")).bearer(&token).try_send().await)
        else {
            return Err(self.cut_off(None));
        };
        match answer.status {
            200 => drop(self.note(id, |fact| fact.cancelled = true)),
            _ => self.ledger.lock().did_not_expect("a cancellation", &answer),
        }
        Ok(())
    }

    async fn extend(&self, id: &str) -> Result<(), CutOff> {
        let token = self.note(id, |_| ());
        let Some(answer) =
            self.answered(self.client().post(&format!("/v1/bookings/{id}/extend")).bearer(&token).try_send().await)
        else {
            return Err(self.cut_off(None));
        };
        match answer.status {
            200 => {
                let deadline = text(&answer.json(), "expires_at").parse().unwrap();
                self.note(id, |fact| fact.deadline = deadline);
            }
            410 => {}
            _ => self.ledger.lock().did_not_expect("an extension", &answer),
        }
        Ok(())
    }

    /// Records a fact. Returns the booking's token.
    fn note(&self, id: &str, what: impl FnOnce(&mut Fact)) -> String {
        let mut ledger = self.ledger.lock();
        let fact = ledger.facts.get_mut(id).unwrap();
        what(fact);
        fact.token.clone()
    }

    fn cut_off(&self, again: Option<Unanswered>) -> CutOff {
        let mut ledger = self.ledger.lock();
        ledger.cut_off += 1;
        ledger.unanswered.extend(again);
        CutOff
    }

    /// Repeats the unanswered requests under their keys against the new process. What it does not answer
    /// either is kept for the next one.
    pub async fn repeat(&self) {
        let mut unanswered = std::mem::take(&mut self.ledger.lock().unanswered);
        while let Some(request) = unanswered.pop() {
            let answer = match &request {
                Unanswered::Hold { show, key, selection } => {
                    self.client().post(&format!("/v1/shows/{show}/bookings")).key(key).json(selection).try_send().await
                }
                Unanswered::Pay { booking, key, method } => {
                    let token = self.note(booking, |_| ());
                    let call = self.client().post(&format!("/v1/bookings/{booking}/payment")).bearer(&token).key(key);
                    call.json(&json!({"payment_method": method})).try_send().await
                }
            };
            let answer = self.answered(answer);
            let mut ledger = self.ledger.lock();
            match (&request, answer) {
                (Unanswered::Hold { show, .. }, Some(answer)) => drop(ledger.take_hold(show, &answer)),
                (Unanswered::Pay { booking, .. }, Some(answer)) => drop(ledger.take_payment(booking, &answer)),
                (_, None) => {
                    ledger.unanswered.push(request);
                    ledger.unanswered.append(&mut unanswered);
                    return;
                }
            }
            ledger.repeated += 1;
        }
    }
}

impl Ledger {
    /// The booking, if the answer is one.
    fn take_hold(&mut self, show: &str, answer: &Answer) -> Option<String> {
        match (answer.status, answer.code().as_str()) {
            (201, _) => {}
            (409, "seat_unavailable") | (410, "sold_out" | "booking_over") => return None,
            _ => {
                self.did_not_expect("a hold", answer);
                return None;
            }
        }
        let booking = answer.json();
        let fact = Fact {
            token: text(&booking, "token").to_owned(),
            show: show.to_owned(),
            seats: seats_of(&booking),
            amount: booking["amount"]["value"].as_i64().unwrap(),
            deadline: text(&booking, "expires_at").parse().unwrap(),
            confirmed: false,
            refunded: false,
            cancelled: false,
            pay_sent: false,
            refund_sent: false,
            cancel_sent: false,
        };
        let id = text(&booking, "id").to_owned();
        // A repeat is answered with the booking as it is now, which may be paid already.
        (self.facts.insert(id.clone(), fact).is_none() && booking["status"] == "held").then_some(id)
    }

    /// Whether the buyer was answered that it is confirmed.
    fn take_payment(&mut self, id: &str, answer: &Answer) -> bool {
        match (answer.status, answer.code().as_str()) {
            (200, _) => {
                self.facts.get_mut(id).unwrap().confirmed = true;
                return true;
            }
            (202, _) | (402, "payment_declined" | "capture_failed") | (410, "booking_over") => {}
            _ => self.did_not_expect("a payment", answer),
        }
        false
    }

    fn did_not_expect(&mut self, of: &str, answer: &Answer) {
        self.unexpected.push(format!("{of}: {} {}", answer.status, String::from_utf8_lossy(&answer.body)));
    }
}

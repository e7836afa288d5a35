//! A buyer: holds seats, uses vouchers, pays, exchanges, and has a booking refunded, on whichever node there is.

use crate::common::random_faults::SeededRandom;
use crate::common::{best, exchange, floor, seats, show};
use crate::world::{World, patiently, vouchers};
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{AbortReason, RequestFingerprint, VoucherCause};
use lastseat_domain::loyalty::voucher_id;
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::{BookingId, BuyerId, Rejection, VoucherHash};
use lastseat_engine::{BoxOffice, CommandError, Hold, HoldRequest, Paid, PayRequest, SeatSelection};
use lastseat_testkit::PlainCodes;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// What each of them does, one after the other.
const ACTS: u64 = 6;

pub struct Buyer {
    pub world: Arc<World>,
    pub random: SeededRandom,
    pub name: String,
    pub keys: u64,
}

impl Buyer {
    pub async fn live(mut self) {
        for _ in 0..ACTS {
            tokio::time::sleep(Duration::from_millis(self.random.below(20_000))).await;
            let Some(booking) = self.hold().await else { continue };
            tokio::time::sleep(Duration::from_millis(self.random.below(4_000))).await;
            self.use_voucher(&booking).await;
            match self.random.below(10) {
                0 => drop(self.on(async |office| office.cancel(booking.id, "buyer").await).await),
                1 => {}
                2 => {
                    drop(self.on(async |office| office.extend(booking.id, "buyer").await).await);
                    self.pay(&booking).await;
                }
                // At the very end of the hold.
                3 => {
                    let left = (booking.expires_at.unwrap() - self.world.bench.clock.now()).num_milliseconds();
                    let wait = left - 300 + i64::try_from(self.random.below(400)).unwrap();
                    tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
                    self.pay(&booking).await;
                }
                _ => self.pay(&booking).await,
            }
            if self.random.percent(30) {
                self.exchange(&booking).await;
            }
            if self.random.percent(20) {
                self.world.answers.lock().unwrap().refunds.insert(booking.id);
                drop(self.on(async |office| office.refund(booking.id, "admin").await).await);
            }
        }
    }

    /// The code of a booking that was paid, which may be refunded by now; or of one that has earned none.
    fn earned(&self) -> VoucherHash {
        let confirmed: Vec<_> = self.world.answers.lock().unwrap().confirmed.iter().copied().collect();
        let booking = if confirmed.is_empty() { BookingId(Uuid::nil()) } else { self.random.pick(&confirmed) };
        PlainCodes.of_reward(voucher_id(booking, VoucherCause::Booking, 0))
    }

    /// Mostly one that others want, too; some take it off again.
    async fn use_voucher(&self, booking: &Booking) {
        if self.random.percent(50) {
            return;
        }
        let voucher = if self.random.percent(50) { self.earned() } else { self.random.pick(&vouchers()) };
        match self.on(async |office| office.apply_voucher(booking.id, &voucher, "buyer").await).await {
            Some(Ok(_)) => self.world.count("voucher applied"),
            Some(Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection))) => {
                self.world.count(rejection.code())
            }
            Some(Err(CommandError::Failed(_))) => self.world.count("voucher failed"),
            None => self.world.count("voucher: no answer"),
        }
        tokio::time::sleep(Duration::from_millis(self.random.below(2_000))).await;
        if self.random.percent(20) {
            drop(self.on(async |office| office.remove_voucher(booking.id, "buyer").await).await);
        }
    }

    /// To a place that others want, too.
    async fn exchange(&self, booking: &Booking) {
        let (from, to) = (booking.seats()[0].seat.to_string(), format!("A-{}", 1 + self.random.below(6)));
        match self.on(async |office| exchange(&office, booking.id, &[&from], &[&to]).await).await {
            Some(Ok(_)) => self.world.count("exchanged"),
            Some(Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection))) => {
                self.world.count(rejection.code())
            }
            Some(Err(CommandError::Failed(_))) => self.world.count("exchange failed"),
            None => self.world.count("exchange: no answer"),
        }
    }

    /// Asks some node.
    async fn on<T>(&self, ask: impl AsyncFnOnce(BoxOffice) -> T) -> Option<T> {
        let office = self.world.node(&self.random)?;
        patiently(ask(office)).await
    }

    async fn hold(&mut self) -> Option<Booking> {
        let random = &self.random;
        let selection = match random.below(4) {
            0 => floor(1 + u32::try_from(random.below(4)).unwrap()),
            1 => best(1 + u32::try_from(random.below(3)).unwrap()),
            _ => {
                let mut labels: Vec<String> = (0..=random.below(3)).map(|_| format!("A-{}", 1 + random.below(5))).collect();
                labels.sort();
                labels.dedup();
                seats(&labels.iter().map(String::as_str).collect::<Vec<_>>())
            }
        };
        self.keys += 1;
        let key = format!("key-{}", self.keys);
        let buyer = BuyerId::new(&self.name).unwrap();
        // The same request up to three times, on any node, until there is an answer.
        let booking = BookingId::from_key(&self.name, &key);
        let fingerprint = Some(RequestFingerprint { key, body: format!("{selection:?}") });
        let request = HoldRequest { fingerprint, ..HoldRequest::new(booking, show(), SeatSelection::clone(&selection), buyer) };
        for _ in 0..3 {
            match self.on(async |office| self.place(&office, &request).await).await {
                Some(Ok(hold)) => {
                    self.world.count(if hold.replayed { "held (replayed)" } else { "held" });
                    return Some(hold.booking);
                }
                Some(Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection))) => {
                    self.world.count(rejection.code());
                    return None;
                }
                Some(Err(CommandError::Failed(_))) => self.world.count("hold failed"),
                None => self.world.count("hold: no answer"),
            }
            tokio::time::sleep(Duration::from_millis(self.random.below(3_000))).await;
        }
        None
    }

    /// Every third hold comes in a batch, in front of a stranger's for the same seats, who never pays.
    async fn place(&self, office: &BoxOffice, request: &HoldRequest) -> Result<Hold, CommandError> {
        if !self.keys.is_multiple_of(3) {
            return office.hold(request.clone()).await;
        }
        let fingerprint = request.fingerprint.clone().map(|of| RequestFingerprint { key: format!("stranger {}", of.key), ..of });
        let booking = BookingId::from_key("stranger", &format!("{} {}", self.name, self.keys));
        let stranger = HoldRequest { booking, buyer: BuyerId::new("stranger").unwrap(), fingerprint, ..request.clone() };
        let mut answers = office.hold_all(&[request.clone(), stranger], "seller").await;
        assert_eq!(answers.len(), 2);
        answers.swap_remove(0)
    }

    async fn pay(&mut self, booking: &Booking) {
        for _ in 0..1 + self.random.below(3) {
            self.keys += 1;
            let methods = [
                "pm_card_visa",
                "pm_card_visa",
                "pm_card_visa",
                "pm_card_chargeDeclined",
                "pm_card_authenticationRequired",
                "pm_lastseat_slow",
                "pm_lastseat_answerLost",
                "pm_lastseat_answerLostDeclined",
                "pm_lastseat_captureFails",
                "pm_lastseat_captureAnswerLost",
                "pm_lastseat_unavailable",
            ];
            let method = self.random.pick(&methods);
            let request = RequestFingerprint { key: format!("pay-{}", self.keys), body: method.to_owned() };
            let pay = |method: Option<&str>| PayRequest {
                pay_with: method.map(ToOwned::to_owned).into(),
                return_url: None,
                fingerprint: method.map(|_| request.clone()).filter(|_| self.keys.is_multiple_of(2)),
                origin: self.name.as_str().into(),
            };
            let mut paid = self.on(async |office| office.pay(booking.id, pay(Some(method))).await).await;
            if let Some(Ok(Paid::ActionRequired { booking, .. })) = &paid {
                let intent = booking.intent.clone().unwrap();
                tokio::time::sleep(Duration::from_millis(self.random.below(10_000))).await;
                // The booking may be over by now, and the intent cancelled.
                let _maybe_too_late = self.world.bench.sandbox.authenticate(&intent, self.random.percent(70)).await;
                paid = self.on(async |office| office.pay(booking.id, pay(None)).await).await;
            }
            match paid {
                Some(Ok(Paid::Confirmed(_))) => {
                    self.world.count("confirmed");
                    self.world.answers.lock().unwrap().confirmed.insert(booking.id);
                    return;
                }
                Some(Ok(_)) => self.world.count("pending"),
                Some(Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection))) => {
                    let lost = Rejection::BookingOver { reason: AbortReason::SeatLost };
                    assert_ne!(rejection, lost, "{} was answered that it holds its seats", booking.id);
                    self.world.count(rejection.code());
                }
                Some(Err(CommandError::Failed(_))) => self.world.count("payment failed"),
                None => self.world.count("payment: no answer"),
            }
            tokio::time::sleep(Duration::from_millis(self.random.below(5_000))).await;
        }
    }
}

//! Buyers and the answers that they got.

use crate::cluster::{floor_area, new_booking, show};
use lastseat_domain::{BookingId, BuyerId, SeatId};
use lastseat_engine::{BoxOffice, CommandError, Fault, Hold, HoldRequest, Paid, PayRequest, SeatSelection};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

pub fn any(quantity: u32) -> SeatSelection {
    SeatSelection::Any { area: floor_area(), quantity }
}

pub fn seat(n: u32) -> SeatSelection {
    SeatSelection::Seats(vec![SeatId::in_row("A", n)])
}

pub async fn hold(office: &BoxOffice, selection: SeatSelection) -> Result<Hold, CommandError> {
    let booking = new_booking();
    office.hold(HoldRequest::new(booking, show(), selection, BuyerId::guest(booking))).await
}

/// A batch of holds of one seat each, every one for a buyer of its own.
pub async fn hold_all(office: &BoxOffice, seats: impl IntoIterator<Item = u32>) -> Vec<Result<Hold, CommandError>> {
    let request = |n| {
        let booking = new_booking();
        let buyer = BuyerId::new(&format!("buyer-{booking}")).unwrap();
        HoldRequest::new(booking, show(), seat(n), buyer)
    };
    let requests: Vec<_> = seats.into_iter().map(request).collect();
    office.hold_all(&requests, "seller").await
}

pub async fn pay(office: &BoxOffice, booking: BookingId) -> Result<Paid, CommandError> {
    let method = Some("pm_card_visa".to_owned());
    office.pay(booking, PayRequest { pay_with: method.into(), return_url: None, fingerprint: None, origin: "buyer".into() }).await
}

/// The answers that all buyers got.
#[derive(Default)]
pub struct Answers {
    /// Seats of bookings that were confirmed and not refunded.
    pub sold: AtomicU32,
    /// Confirmed bookings.
    pub confirmed: Mutex<Vec<BookingId>>,
    /// Refunded bookings.
    pub refunded: Mutex<Vec<BookingId>>,
    /// How long holds took, won or lost, in microseconds.
    holds: Mutex<Vec<u64>>,
    /// Number of refusals and failures by name.
    pub refusals: Mutex<BTreeMap<String, u64>>,
}

impl Answers {
    fn refuse(&self, error: &CommandError) {
        let name = match error {
            CommandError::Rejected(rejection) | CommandError::Contended(rejection) => rejection.code().to_owned(),
            CommandError::Failed(Fault::Busy { .. }) => "busy".to_owned(),
            CommandError::Failed(fault) => fault.to_string(),
        };
        *self.refusals.lock().entry(name).or_default() += 1;
    }

    pub async fn timed_hold(&self, office: &BoxOffice, selection: SeatSelection) -> Result<Hold, CommandError> {
        let started = Instant::now();
        let held = hold(office, selection).await;
        self.holds.lock().push(u64::try_from(started.elapsed().as_micros()).unwrap());
        held.inspect_err(|error| self.refuse(error))
    }

    /// Holds and pays; how many seats that were.
    pub async fn buy(&self, office: &BoxOffice, selection: SeatSelection) -> u32 {
        let Ok(held) = self.timed_hold(office, selection).await else { return 0 };
        self.pay_for(office, &held).await
    }

    async fn pay_for(&self, office: &BoxOffice, held: &Hold) -> u32 {
        let booking = held.booking.id;
        let is_confirmed = match pay(office, booking).await {
            Ok(Paid::Confirmed(_)) => true,
            Err(CommandError::Rejected(rejection)) => {
                self.refuse(&rejection.into());
                false
            }
            // Not known yet: look again until it is.
            _ => self.wait_until_decided(office, booking).await,
        };
        if !is_confirmed {
            return 0;
        }
        let seats = u32::try_from(held.booking.seats().len()).unwrap();
        self.confirmed.lock().push(booking);
        self.sold.fetch_add(seats, Ordering::SeqCst);
        seats
    }

    async fn wait_until_decided(&self, office: &BoxOffice, booking: BookingId) -> bool {
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < crate::cluster::SOON, "the outcome of {booking} stays unknown");
            match office.booking(booking).await {
                Ok(Some(found)) if matches!(found.status(), "confirmed" | "aborted") => return found.status() == "confirmed",
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// The time that 95 of 100 holds took at most, of those that won or lost.
    pub fn p95(&self) -> Duration {
        let mut holds = self.holds.lock().clone();
        holds.sort_unstable();
        Duration::from_micros(holds.get(holds.len() * 95 / 100).copied().unwrap_or(0))
    }
}

/// Buyers of all kinds who go on until they are stopped: most buy, some abandon their hold, some refund,
/// some contend for the same few seats.
pub struct Crowd {
    pub answers: Arc<Answers>,
    stop: Arc<AtomicBool>,
    buyers: Vec<tokio::task::JoinHandle<()>>,
}

impl Crowd {
    pub fn rush(nodes: &[BoxOffice], buyers: u64) -> Self {
        let (answers, stop) = (Arc::new(Answers::default()), Arc::new(AtomicBool::new(false)));
        let dice = Arc::new(AtomicU64::new(buyers));
        let buyers = (0..buyers)
            .map(|n| {
                let (answers, stop, dice) = (answers.clone(), stop.clone(), dice.clone());
                let nodes = nodes.to_vec();
                tokio::spawn(async move {
                    while !stop.load(Ordering::SeqCst) {
                        let throw = throw(&dice);
                        let office = &nodes[usize::try_from(throw % nodes.len() as u64).unwrap()];
                        act(&answers, office, n, throw >> 8).await;
                        tokio::time::sleep(Duration::from_millis(50 + throw % 100)).await;
                    }
                })
            })
            .collect();
        Self { answers, stop, buyers }
    }

    /// Waits for that many further confirmed bookings.
    pub async fn until_sold(&self, more: usize, what: &str) {
        let (before, started) = (self.answers.confirmed.lock().len(), Instant::now());
        while self.answers.confirmed.lock().len() < before + more {
            assert!(
                started.elapsed() < crate::cluster::SOON,
                "{what}: the sale does not go on: {:?}",
                self.answers.refusals.lock()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops all buyers and returns their answers.
    pub async fn stop(self) -> Arc<Answers> {
        self.stop.store(true, Ordering::SeqCst);
        for buyer in self.buyers {
            tokio::time::timeout(crate::cluster::SOON, buyer).await.expect("a buyer waits too long").unwrap();
        }
        self.answers
    }
}

async fn act(answers: &Answers, office: &BoxOffice, n: u64, throw: u64) {
    match throw % 10 {
        // Abandons the hold.
        0 => drop(answers.timed_hold(office, any(1)).await),
        // Cancels before paying.
        1 => {
            if let Ok(held) = answers.timed_hold(office, any(2)).await {
                drop(office.cancel(held.booking.id, "buyer").await);
            }
        }
        // Gets a refund.
        2 => {
            if let Ok(held) = answers.timed_hold(office, any(1)).await
                && answers.pay_for(office, &held).await > 0
                && office.refund(held.booking.id, "admin").await.is_ok_and(|booking| booking.status() == "refunded")
            {
                answers.sold.fetch_sub(1, Ordering::SeqCst);
                answers.confirmed.lock().retain(|booking| *booking != held.booking.id);
                answers.refunded.lock().push(held.booking.id);
            }
        }
        // Contends for one of the same few seats.
        3..6 => drop(answers.buy(office, seat(1 + u32::try_from((throw >> 8) % 20).unwrap())).await),
        _ => drop(answers.buy(office, any(1 + u32::try_from(n % 3).unwrap())).await),
    }
}

/// SplitMix64.
fn throw(state: &AtomicU64) -> u64 {
    let mut z = state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

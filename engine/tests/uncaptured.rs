//! A sold booking that nobody pays for is called out before its authorisation ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use async_trait::async_trait;
use common::checker::flagged;
use common::*;
use lastseat_domain::booking::Booking;
use lastseat_domain::booking::Review;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_domain::{BookingId, IntentId};
use lastseat_engine::{BoxOffice, ReviewRequest, Settings};
use lastseat_testkit::{ForwardGateway, ForwardingGateway};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

const DAY: u64 = 24 * 3600;
/// How long the sandbox keeps an authorisation.
const AUTHORISED: u64 = 7 * DAY;

/// How a gateway answers captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Captures {
    Done,
    /// It is down for them: the process tries again and again.
    Unavailable,
    /// It refuses them, and to show the intent: flagged.
    Refused,
}

struct Disturbed {
    inner: Arc<dyn PaymentGateway>,
    captures: Arc<Mutex<Captures>>,
    /// Whether it says until when an authorisation can be captured.
    says_until: bool,
}

impl Disturbed {
    fn refuses(&self) -> Option<GatewayFault> {
        let refused = || GatewayFault::Refused { code: "account_closed".to_owned(), message: "closed".to_owned() };
        (*self.captures.lock() == Captures::Refused).then(refused)
    }
}

#[async_trait]
impl ForwardGateway for Disturbed {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.inner
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        let now = *self.captures.lock();
        match (now, self.refuses()) {
            (_, Some(fault)) => Err(fault),
            (Captures::Unavailable, _) => Err(GatewayFault::Unavailable("down".to_owned())),
            _ => self.inner.capture(intent, booking).await,
        }
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        let confirmed = self.inner.confirm(intent, booking, attempt, method).await?;
        let capture_before = confirmed.capture_before.filter(|_| self.says_until);
        Ok(Intent { capture_before, ..confirmed })
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        match self.refuses() {
            Some(fault) => Err(fault),
            None => self.inner.retrieve(intent).await,
        }
    }
}

/// What is logged at error.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<u8>>>);

impl io::Write for Errors {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Errors {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Errors {
    /// How often a booking was called out, since the last time.
    fn take(&self, booking: &Booking) -> usize {
        self.take_lines(booking).len()
    }

    fn take_lines(&self, booking: &Booking) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock())).unwrap();
        let is_about = |line: &&str| line.contains("authorisation") && line.contains(&booking.id.to_string());
        text.lines().filter(is_about).map(str::to_owned).collect()
    }
}

fn in_virtual_time(test: impl AsyncFn(TestBench, Arc<Mutex<Captures>>, Errors)) {
    with_gateway(true, test);
}

fn with_gateway(says_until: bool, test: impl AsyncFn(TestBench, Arc<Mutex<Captures>>, Errors)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let errors = Errors::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).with_writer(errors.clone()).finish();
    let _here = tracing::subscriber::set_default(subscriber);
    runtime.block_on(async {
        let bench = TestBench::new(true);
        let captures = Arc::new(Mutex::new(Captures::Done));
        let disturbed = Disturbed { inner: bench.payments.clone(), captures: Arc::clone(&captures), says_until };
        let bench = TestBench { payments: Arc::new(ForwardingGateway(disturbed)), ..bench };
        test(bench, captures, errors).await;
    });
}

/// A node, and a booking that is sold and not captured.
async fn sold(bench: &TestBench) -> (BoxOffice, Booking) {
    bench.open().await.drain(Duration::ZERO).await;
    // Days pass: with few looks each.
    let seldom = Duration::from_secs(3600);
    let office = bench.node_with(Settings { settle_after: seldom, passivate_after: seldom, ..test_settings() }).await;
    let held = hold(bench, &office, seats(&["A-1"])).await.unwrap().booking;
    pay(&office, &held, "pm_card_visa").await.unwrap();
    (office, held)
}

#[test]
fn a_sold_booking_that_is_not_paid_is_called_out_again_and_again_flagged_or_not() {
    for how in [Captures::Unavailable, Captures::Refused] {
        in_virtual_time(async |bench, captures, errors| {
            *captures.lock() = how;
            let (office, held) = sold(&bench).await;
            assert_eq!(flagged(&bench).await, usize::from(how == Captures::Refused));
            later(AUTHORISED - DAY - 600).await;
            assert_eq!((errors.take(&held), office.status().uncaptured), (0, 0), "{how:?}: there is time");
            later(1200).await;
            assert!(errors.take(&held) >= 9, "{how:?}: within 24 h");
            assert_eq!(office.status().uncaptured, 1, "{how:?}");
            // A node that starts finds it in the log.
            drop(office);
            let office = bench.node().await;
            later(600).await;
            assert!(errors.take(&held) >= 9, "{how:?}: after a start");
            *captures.lock() = Captures::Done;
            if how == Captures::Refused {
                let outcome = Review::Continue;
                let review = ReviewRequest { outcome, reason: "reopened".to_owned(), origin: "admin".into() };
                assert_eq!(office.review(held.id, review).await.unwrap().status(), "confirmed");
            }
            later(600).await;
            errors.take(&held);
            later(600).await;
            assert_eq!((errors.take(&held), office.status().uncaptured), (0, 0), "{how:?}: paid");
        });
    }
}

/// Nobody looks for days: what has ended is called out, too.
#[test]
fn a_flagged_booking_whose_authorisation_has_ended_is_still_called_out() {
    in_virtual_time(async |bench, captures, errors| {
        *captures.lock() = Captures::Refused;
        let (office, held) = sold(&bench).await;
        later(AUTHORISED + DAY).await;
        errors.take(&held);
        later(600).await;
        assert!(errors.take(&held) >= 9);
        assert_eq!(office.status().uncaptured, 1);
    });
}

/// Without an assumption, nobody would hear of it before a buyer does.
#[test]
fn an_authorisation_of_which_nobody_says_when_it_ends_is_assumed_to_end_after_five_days() {
    with_gateway(false, async |bench, captures, errors| {
        *captures.lock() = Captures::Unavailable;
        let (office, held) = sold(&bench).await;
        later(4 * DAY - 600).await;
        assert_eq!((errors.take(&held), office.status().uncaptured), (0, 0), "there is time");
        later(1200).await;
        let lines = errors.take_lines(&held);
        assert!(lines.len() >= 9 && lines.iter().all(|line| line.contains("(assumed")), "{lines:#?}");
        assert_eq!(office.status().uncaptured, 1);
        *captures.lock() = Captures::Done;
        later(3600).await;
        errors.take(&held);
        later(600).await;
        assert_eq!((errors.take(&held), office.status().uncaptured), (0, 0), "paid");
    });
}

/// What the gateway says is no assumption.
#[test]
fn an_authorisation_of_which_the_gateway_says_when_it_ends_is_not_called_an_assumption() {
    in_virtual_time(async |bench, captures, errors| {
        *captures.lock() = Captures::Unavailable;
        let (_office, held) = sold(&bench).await;
        later(AUTHORISED - DAY + 600).await;
        let lines = errors.take_lines(&held);
        assert!(lines.len() >= 9 && !lines.iter().any(|line| line.contains("(assumed")), "{lines:#?}");
    });
}

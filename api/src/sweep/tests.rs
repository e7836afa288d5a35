use super::*;
use crate::reconcile::{Difference, Kind, Remedy};
use crate::wiring::chosen::SystemClock;
use async_trait::async_trait;
use futures::FutureExt;
use lastseat_domain::event::{PricedSeat, ShopData};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::payments::{Dispute, IntentStatus, NextAction, RecordPage, RefundRecord, UnreadableRecord};
use lastseat_domain::{Currency, Money, SeatId, ShowId};
use lastseat_projections::BookingStatus;
use parking_lot::Mutex;

mod faults;
mod later;

fn booking(number: usize) -> BookingId {
    format!("11112222-3333-4444-8555-{number:012}").parse().unwrap()
}

fn euros() -> Money {
    Money { value: 100, currency: Currency::new("EUR").unwrap() }
}

fn view(status: BookingStatus, flagged: bool) -> BookingView {
    let at = Timestamp::UNIX_EPOCH;
    BookingView {
        booking: booking(0),
        show: ShowId::new("gala").unwrap(),
        buyer: "ann".parse().unwrap(),
        first_buyer: None,
        tender: None,
        exchange: None,
        fee: 0,
        status,
        reason: None,
        seats: vec![PricedSeat::new(SeatId::new("A-1").unwrap(), 100)],
        amount: euros(),
        voucher: None,
        discount: 0,
        channel: None,
        shop: ShopData::default(),
        opened_at: at,
        expires_at: at,
        confirmed_at: None,
        extended: false,
        confirm_at: None,
        attempts: 1,
        last_decline: None,
        intent: None,
        refund_requested: false,
        returned_elsewhere: false,
        refunds: vec![],
        refunded: 0,
        flagged,
        opened: Position(1),
        position: Position(1),
    }
}

/// The booking of a payment.
fn view_of(record: &PaymentRecord, status: BookingStatus) -> BookingView {
    BookingView { booking: record.booking.unwrap(), ..view(status, false) }
}

fn record(number: usize, status: IntentStatus, created: Timestamp) -> PaymentRecord {
    PaymentRecord {
        intent: IntentId::new(&format!("pi_{number}")).unwrap(),
        booking: Some(booking(number)),
        amount: euros(),
        status,
        captured: 0,
        refunded: 0,
        dispute: Dispute::None,
        created,
    }
}

/// Newest first.
#[derive(Default)]
struct Gateway {
    records: Mutex<Vec<PaymentRecord>>,
    lists: Mutex<usize>,
    looked_at: Mutex<Vec<BookingId>>,
    /// Each with the number of payments before its page.
    unreadable: Mutex<Vec<(usize, UnreadableRecord)>>,
    /// What the comparison with the log finds, if the gateway still has the money.
    wrong: Mutex<Vec<(IntentId, Kind)>>,
    /// How the gateway answers when it is asked again.
    again: Mutex<Option<PaymentRecord>>,
    compared: Mutex<Vec<PaymentRecord>>,
    /// Comparisons that fail, from now on.
    failing: Mutex<usize>,
    /// A payment whose comparison always fails.
    never_compared: Mutex<Option<IntentId>>,
    /// What the list answers instead, once, after so many more pages.
    fault: Mutex<Option<(usize, GatewayFault)>>,
}

#[async_trait]
impl PaymentRecords for Gateway {
    async fn list(&self, before: Option<&IntentId>) -> Result<RecordPage, GatewayFault> {
        *self.lists.lock() += 1;
        let mut planned = self.fault.lock();
        match planned.take() {
            Some((0, fault)) => return Err(fault),
            later => *planned = later.map(|(pages, fault)| (pages - 1, fault)),
        }
        let records = self.records.lock();
        let start = before.map_or(0, |before| records.iter().position(|record| record.intent == *before).unwrap() + 1);
        let page: Vec<_> = records.iter().skip(start).take(100).cloned().collect();
        let next = page.last().filter(|_| start + page.len() < records.len()).map(|record| record.intent.clone());
        let unreadable = self.unreadable.lock();
        let unreadable = unreadable.iter().filter(|(at, _)| *at == start).map(|(_, record)| record.clone()).collect();
        Ok(RecordPage { records: page, unreadable, next })
    }

    async fn refunds(&self, _: &IntentId) -> Result<Vec<RefundRecord>, GatewayFault> {
        Err(GatewayFault::Unavailable("not asked here".into()))
    }

    async fn dispute(&self, _: &IntentId) -> Result<Dispute, GatewayFault> {
        Err(GatewayFault::Unavailable("not asked here".into()))
    }
}

#[async_trait]
impl Payments for Gateway {
    async fn booking_of(&self, _: &IntentId, _: Option<BookingId>) -> Result<BookingId, GatewayFault> {
        Err(GatewayFault::Unavailable("not asked here".into()))
    }

    async fn look_at(&self, booking: BookingId) {
        self.looked_at.lock().push(booking);
    }
}

#[async_trait]
impl Compare for Gateway {
    async fn differences(&self, record: PaymentRecord) -> Result<Vec<Difference>, String> {
        let mut failing = self.failing.lock();
        let fails = *failing > 0 || *self.never_compared.lock() == Some(record.intent.clone());
        *failing = failing.saturating_sub(1);
        if fails {
            return Err("the log can't be read".into());
        }
        self.compared.lock().push(record.clone());
        let wrong = self.wrong.lock();
        let found = wrong.iter().filter(|(intent, _)| *intent == record.intent && record.captured > record.refunded);
        let difference = |kind| Difference {
            kind,
            booking: record.booking,
            intent: record.intent.clone(),
            text: "wrong",
            wrong: true,
            since: None,
            remedy: Remedy::Decide,
        };
        Ok(found.map(|(_, kind)| difference(*kind)).collect())
    }

    async fn read_again(&self, record: &PaymentRecord) -> Result<PaymentRecord, String> {
        Ok(self.again.lock().clone().unwrap_or_else(|| record.clone()))
    }
}

fn sweep(gateway: &Arc<Gateway>, status: BookingStatus) -> Sweep {
    Sweep {
        records: Arc::clone(gateway) as _,
        payments: Arc::clone(gateway) as _,
        compare: Arc::clone(gateway) as _,
        bookings: Arc::new(move |record| std::future::ready(Ok(Some(view_of(record, status)))).boxed()),
        clock: Arc::new(SystemClock),
        metrics: Arc::default(),
        every: Duration::from_secs(30),
    }
}

#[test]
fn only_what_the_gateway_knows_better_is_checked() {
    use BookingStatus as B;
    let at = Timestamp::UNIX_EPOCH;
    let action = || IntentStatus::RequiresAction(NextAction::ConfirmClientSide);
    for (gateway, log, expected) in [
        (IntentStatus::RequiresCapture, B::ActionRequired, true),
        (IntentStatus::RequiresCapture, B::Paying, true),
        (IntentStatus::RequiresCapture, B::Aborted, true),
        (IntentStatus::RequiresCapture, B::Confirmed, false),
        (IntentStatus::Succeeded, B::Paying, true),
        (IntentStatus::Succeeded, B::Confirmed, false),
        (IntentStatus::Succeeded, B::Aborted, false),
        (IntentStatus::Canceled, B::ActionRequired, true),
        (IntentStatus::Canceled, B::Aborted, false),
        (IntentStatus::RequiresPaymentMethod, B::ActionRequired, false),
        (action(), B::ActionRequired, false),
        (IntentStatus::Processing, B::Paying, false),
    ] {
        let record = record(1, gateway, at);
        let now = at + rule::IN_PROGRESS;
        assert_eq!(is_unreported(&record, &view(log, false), now), expected, "{record:?} {log:?}");
        assert!(!is_unreported(&record, &view(log, true), now), "a person looks at it");
    }
}

/// In a rush every payment is ahead of the log for a moment, on one node or another. A sweep that checked those would
/// make every call to the gateway a second time.
#[tokio::test(start_paused = true)]
async fn a_payment_in_progress_is_left_to_the_node_that_works_on_it() {
    let gateway = Arc::<Gateway>::default();
    let now = SystemClock.now();
    let aged = |number: usize| {
        let created = now - if number.is_multiple_of(10) { rule::IN_PROGRESS * 2 } else { rule::IN_PROGRESS / 2 };
        record(number, IntentStatus::RequiresCapture, created)
    };
    *gateway.records.lock() = (0..100).map(aged).collect();
    for (status, expected) in [
        (BookingStatus::Paying, 10),
        (BookingStatus::Held, 10),
        (BookingStatus::Aborted, 10),
        // Its buyer was at the bank, and has not come back.
        (BookingStatus::ActionRequired, 100),
    ] {
        let pass = sweep(&gateway, status).pass(&mut Progress::default()).await.unwrap();
        assert_eq!((pass.found, pass.checked), (expected, expected), "{status:?}");
    }
}

/// Without the older pages, a reservation older than 300 other intents would never be found.
#[tokio::test(start_paused = true)]
async fn a_pass_is_bounded_and_the_passes_reach_everything_that_may_be_in_progress() {
    let gateway = Arc::<Gateway>::default();
    let now = SystemClock.now();
    let of = |number: usize| {
        let status = if number % 250 == 249 { IntentStatus::RequiresCapture } else { IntentStatus::Succeeded };
        record(number, status, now)
    };
    *gateway.records.lock() = (0..2000).map(of).chain([record(2000, IntentStatus::RequiresCapture, now - WINDOW * 2)]).collect();
    let sweep = Sweep {
        bookings: Arc::new(|record| {
            let booking = record.booking.unwrap();
            let capturable = booking.to_string().ends_with("49") || booking.to_string().ends_with("99");
            let status = if capturable { BookingStatus::ActionRequired } else { BookingStatus::Confirmed };
            std::future::ready(Ok(Some(view_of(record, status)))).boxed()
        }),
        ..sweep(&gateway, BookingStatus::Confirmed)
    };
    let mut progress = Progress::default();
    for _ in 0..9 {
        let before = *gateway.lists.lock();
        sweep.pass(&mut progress).await.unwrap();
        assert!(*gateway.lists.lock() - before <= NEWEST + OLDER + ALL);
    }
    let looked_at = gateway.looked_at.lock();
    for number in (249..2000).step_by(250) {
        assert!(looked_at.contains(&booking(number)), "{number} was not checked");
    }
    assert!(!looked_at.contains(&booking(2000)), "too old");
}

#[tokio::test(start_paused = true)]
async fn it_runs_again_and_again_until_it_is_stopped() {
    let gateway = Arc::<Gateway>::default();
    *gateway.records.lock() = vec![record(1, IntentStatus::RequiresCapture, SystemClock.now())];
    let stop = CancellationToken::new();
    let sweep = sweep(&gateway, BookingStatus::ActionRequired);
    let metrics = Arc::clone(&sweep.metrics);
    let task = tokio::spawn(sweep.run(stop.clone()));
    tokio::time::sleep(Duration::from_secs(95)).await;
    assert_eq!(*gateway.looked_at.lock(), [booking(1), booking(1), booking(1)]);
    stop.cancel();
    task.await.unwrap();
    let text = metrics.render(crate::metrics::Gauges::default(), crate::metrics::Format::Prometheus);
    for line in ["passes_total{outcome=\"done\"} 3", "found_total 3", "looked_at_total 3"] {
        assert!(text.contains(&format!("lastseat_payments_sweep_{line}\n")), "{line}\n{text}");
    }
}

fn odd(intent: &str) -> UnreadableRecord {
    UnreadableRecord { intent: IntentId::new(intent).ok(), booking: None, why: "an unknown status".into() }
}

/// One odd payment must not end the search for all others, and must not go unseen.
#[tokio::test(start_paused = true)]
async fn a_payment_that_can_not_be_read_is_counted_and_the_others_are_checked() {
    let gateway = Arc::<Gateway>::default();
    *gateway.records.lock() = vec![record(1, IntentStatus::RequiresCapture, SystemClock.now())];
    *gateway.unreadable.lock() = vec![(0, odd("pi_odd"))];
    let sweep = sweep(&gateway, BookingStatus::ActionRequired);
    let pass = sweep.pass(&mut Progress::default()).await.unwrap();
    assert_eq!(pass, SweepPass { found: 1, checked: 1, unreadable: 1 });
    assert_eq!(*gateway.looked_at.lock(), [booking(1)]);
}

/// One pass of a round reads it. A metric of that pass alone would be back at 0 before anybody has read it.
#[tokio::test(start_paused = true)]
async fn an_old_payment_that_can_not_be_read_counts_until_a_round_has_understood_it() {
    let gateway = Arc::<Gateway>::default();
    let old = SystemClock.now() - WINDOW * 90;
    *gateway.records.lock() = (0..1500).map(|number| record(number, IntentStatus::Canceled, old)).collect();
    *gateway.unreadable.lock() = vec![(0, odd("pi_new")), (700, odd("pi_old"))];
    let sweep = sweep(&gateway, BookingStatus::Aborted);
    let mut progress = Progress::default();
    let mut counted = Vec::new();
    // A round is five passes: all are older than the window, so 100 are the newest, and 300 in each pass follow.
    for pass in 0..14 {
        if pass == 6 {
            gateway.unreadable.lock().pop();
        }
        counted.push(sweep.pass(&mut progress).await.unwrap().unreadable);
    }
    // The third pass reads it. The second round, which ends with the tenth, does not.
    assert_eq!(counted, [1, 1, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
}

/// Checks that change nothing, such as while the gateway refuses, must not keep others from their turn.
#[tokio::test(start_paused = true)]
async fn each_booking_gets_its_turn_when_more_differ_than_one_pass_checks() {
    let gateway = Arc::<Gateway>::default();
    let now = SystemClock.now();
    *gateway.records.lock() = (0..250).map(|number| record(number, IntentStatus::RequiresCapture, now)).collect();
    let sweep = sweep(&gateway, BookingStatus::ActionRequired);
    let mut progress = Progress::default();
    for _ in 0..3 {
        let before = gateway.looked_at.lock().len();
        let pass = sweep.pass(&mut progress).await.unwrap();
        assert_eq!(pass, SweepPass { found: 250, checked: CHECKED, unreadable: 0 });
        assert_eq!(gateway.looked_at.lock().len() - before, CHECKED);
    }
    let looked_at = gateway.looked_at.lock();
    for number in 0..250 {
        assert!(looked_at.contains(&booking(number)), "{number} was not checked");
    }
}

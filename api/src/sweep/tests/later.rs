//! Payments that went wrong after their booking was done with.

use super::*;

#[test]
fn what_may_have_gone_wrong_later_is_compared() {
    use BookingStatus as B;
    let at = Timestamp::UNIX_EPOCH;
    let taken = |refunded| PaymentRecord { refunded, ..kept(1, at) };
    let reserved = || record(1, IntentStatus::RequiresCapture, at);
    for (gateway, log, expected) in [
        (taken(0), B::Confirmed, false),
        (taken(100), B::Confirmed, true),
        (taken(40), B::Confirmed, true),
        (reserved(), B::Confirmed, true),
        (taken(100), B::Refunded, false),
        (taken(0), B::Refunded, true),
        (taken(40), B::Aborted, true),
        (reserved(), B::Aborted, true),
        (record(1, IntentStatus::Canceled, at), B::Aborted, false),
        (taken(0), B::Paying, false),
        (PaymentRecord { dispute: Dispute::Open, ..taken(0) }, B::Confirmed, true),
        (PaymentRecord { dispute: Dispute::Open, ..taken(100) }, B::Refunded, true),
    ] {
        assert_eq!(is_doubtful(&gateway, &view(log, false)), expected, "{gateway:?} {log:?}");
    }
    assert!(is_doubtful(&taken(0), &BookingView { refund_requested: true, ..view(B::Confirmed, true) }), "it is owed");
    let elsewhere = || BookingView { returned_elsewhere: true, ..view(B::Refunded, false) };
    assert!(!is_doubtful(&taken(0), &elsewhere()), "a transfer; the gateway knows nothing of it");
    assert!(is_doubtful(&taken(100), &elsewhere()), "and a slow worker's refund");
}

fn kept(number: usize, created: Timestamp) -> PaymentRecord {
    PaymentRecord { captured: 100, ..record(number, IntentStatus::Succeeded, created) }
}

fn reported(sweep: &Sweep) -> u64 {
    counted(sweep, "wrong_total")
}

fn counted(sweep: &Sweep, name: &str) -> u64 {
    let text = sweep.metrics.render(crate::metrics::Gauges::default(), crate::metrics::Format::Prometheus);
    let count = text.lines().find_map(|line| line.strip_prefix(&format!("lastseat_payments_sweep_{name} ")));
    count.unwrap().parse().unwrap()
}

/// The webhook of a refund that failed is lost, and its payment is months old.
#[tokio::test(start_paused = true)]
async fn the_passes_reach_every_payment_however_old_and_report_each_that_is_wrong_once() {
    let gateway = Arc::<Gateway>::default();
    let old = SystemClock.now() - WINDOW * 90;
    *gateway.records.lock() = (0..2000).map(|number| PaymentRecord { refunded: 100, ..kept(number, old) }).collect();
    for number in [1, 777, 1999] {
        gateway.records.lock()[number].refunded = 0;
        gateway.wrong.lock().push((IntentId::new(&format!("pi_{number}")).unwrap(), Kind::RefundedCharged));
    }
    let sweep = sweep(&gateway, BookingStatus::Refunded);
    let mut progress = Progress::default();
    for _ in 0..14 {
        let before = *gateway.lists.lock();
        sweep.pass(&mut progress).await.unwrap();
        assert!(*gateway.lists.lock() - before <= NEWEST + OLDER + ALL);
    }
    assert_eq!(reported(&sweep), 3);
    assert!(gateway.looked_at.lock().is_empty(), "nothing is in progress");
}

/// The list was read before the log: a refund that was made in between looks like one that failed.
#[tokio::test(start_paused = true)]
async fn what_a_second_comparison_explains_is_not_reported() {
    let gateway = Arc::<Gateway>::default();
    let listed = kept(1, SystemClock.now());
    *gateway.records.lock() = vec![listed.clone()];
    gateway.wrong.lock().push((listed.intent.clone(), Kind::RefundedCharged));
    *gateway.again.lock() = Some(PaymentRecord { refunded: 100, ..listed });
    let sweep = sweep(&gateway, BookingStatus::Refunded);
    sweep.pass(&mut Progress::default()).await.unwrap();
    assert_eq!((gateway.compared.lock().len(), reported(&sweep)), (2, 0));
    *gateway.again.lock() = None;
    sweep.pass(&mut Progress::default()).await.unwrap();
    assert_eq!(reported(&sweep), 1);
}

#[tokio::test(start_paused = true)]
async fn as_many_are_compared_as_one_pass_may_and_each_gets_its_turn() {
    let gateway = Arc::<Gateway>::default();
    let now = SystemClock.now();
    *gateway.records.lock() = (0..250).map(|number| kept(number, now)).collect();
    let sweep = sweep(&gateway, BookingStatus::Refunded);
    let mut progress = Progress::default();
    for pass in 1..=3 {
        sweep.pass(&mut progress).await.unwrap();
        assert_eq!(gateway.compared.lock().len(), pass * 100);
    }
    let compared: HashSet<_> = gateway.compared.lock().iter().map(|record| record.intent.clone()).collect();
    assert_eq!(compared.len(), 250);
}

/// As after a day on which a bank refused all refunds.
#[tokio::test(start_paused = true)]
async fn one_round_compares_all_that_it_finds_however_many() {
    let gateway = Arc::<Gateway>::default();
    let old = SystemClock.now() - WINDOW * 90;
    *gateway.records.lock() = (0..1500).map(|number| kept(number, old)).collect();
    let sweep = sweep(&gateway, BookingStatus::Refunded);
    let mut progress = Progress::default();
    let mut passes = 0;
    while passes == 0 || progress.all.is_some() || progress.reported.is_behind() {
        let (compared, read) = (gateway.compared.lock().len(), *gateway.lists.lock());
        sweep.pass(&mut progress).await.unwrap();
        assert!(gateway.compared.lock().len() <= compared + 100 && *gateway.lists.lock() <= read + NEWEST + OLDER + ALL);
        passes += 1;
        assert!(passes < 100, "the round never ends");
    }
    let compared: HashSet<_> = gateway.compared.lock().iter().map(|record| record.intent.clone()).collect();
    assert_eq!(compared.len(), 1500);
}

/// Runs passes until a whole round is compared, and returns what was.
async fn compared_in_a_round(gateway: &Gateway, sweep: &Sweep) -> HashSet<IntentId> {
    let mut progress = Progress::default();
    let mut passes = 0;
    while passes == 0 || progress.all.is_some() || progress.reported.is_behind() {
        sweep.pass(&mut progress).await.unwrap();
        passes += 1;
        assert!(passes < 100, "the round never ends");
    }
    gateway.compared.lock().iter().map(|record| record.intent.clone()).collect()
}

/// No pass reads them again before the next round, which may be a day later.
#[tokio::test(start_paused = true)]
async fn what_a_round_found_is_compared_although_a_comparison_fails() {
    let gateway = Arc::<Gateway>::default();
    let old = SystemClock.now() - WINDOW * 90;
    *gateway.records.lock() = (0..1500).map(|number| kept(number, old)).collect();
    *gateway.failing.lock() = 250;
    let sweep = sweep(&gateway, BookingStatus::Refunded);
    assert_eq!(compared_in_a_round(&gateway, &sweep).await.len(), 1500);
    assert_eq!(counted(&sweep, "not_compared_total"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_round_goes_on_without_a_payment_that_can_not_be_compared_and_counts_it() {
    let gateway = Arc::<Gateway>::default();
    let old = SystemClock.now() - WINDOW * 90;
    *gateway.records.lock() = (0..1500).map(|number| kept(number, old)).collect();
    *gateway.never_compared.lock() = Some(IntentId::new("pi_777").unwrap());
    let sweep = sweep(&gateway, BookingStatus::Refunded);
    assert_eq!(compared_in_a_round(&gateway, &sweep).await.len(), 1499);
    assert_eq!(counted(&sweep, "not_compared_total"), 1);
}

/// The gateway is down for an hour: neither its list nor its payments can be read.
#[tokio::test(start_paused = true)]
async fn what_a_round_found_waits_while_the_gateway_can_not_be_listed() {
    let gateway = Arc::<Gateway>::default();
    let old = SystemClock.now() - WINDOW * 90;
    *gateway.records.lock() = (0..1500).map(|number| kept(number, old)).collect();
    let sweep = sweep(&gateway, BookingStatus::Refunded);
    let mut progress = Progress::default();
    *gateway.failing.lock() = usize::MAX;
    sweep.pass(&mut progress).await.unwrap();
    for _ in 0..60 {
        *gateway.fault.lock() = Some((0, GatewayFault::Unavailable("down".into())));
        sweep.pass(&mut progress).await.unwrap_err();
    }
    *gateway.failing.lock() = 0;
    while progress.all.is_some() || progress.reported.is_behind() {
        sweep.pass(&mut progress).await.unwrap();
    }
    let compared: HashSet<_> = gateway.compared.lock().iter().map(|record| record.intent.clone()).collect();
    assert_eq!((compared.len(), counted(&sweep, "not_compared_total")), (1500, 0));
}

/// Another program's, or another shop's with the same account.
#[tokio::test(start_paused = true)]
async fn payments_without_a_booking_in_the_log_are_left_to_the_comparison_with_all_of_it() {
    let gateway = Arc::<Gateway>::default();
    let now = SystemClock.now();
    *gateway.records.lock() = vec![kept(1, now), record(2, IntentStatus::RequiresCapture, now)];
    let sweep = Sweep { bookings: Arc::new(|_| std::future::ready(Ok(None)).boxed()), ..sweep(&gateway, BookingStatus::Paying) };
    assert_eq!(sweep.pass(&mut Progress::default()).await.unwrap(), SweepPass::default());
    assert!(gateway.compared.lock().is_empty() && gateway.looked_at.lock().is_empty());
}

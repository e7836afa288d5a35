//! Passes that fail in the middle.

use super::*;

/// Payments that are young, of bookings that are confirmed, but for these, whose buyers have paid at their bank.
fn gateway(count: usize, unreported: &[usize]) -> Arc<Gateway> {
    let now = SystemClock.now();
    let of = |number: usize| {
        let status = if unreported.contains(&number) { IntentStatus::RequiresCapture } else { IntentStatus::Canceled };
        record(number, status, now)
    };
    let gateway = Arc::<Gateway>::default();
    *gateway.records.lock() = (0..count).map(of).collect();
    gateway
}

fn paid_at_the_bank(gateway: &Arc<Gateway>) -> Sweep {
    let bookings: Bookings = Arc::new(|record| {
        let waits = record.status == IntentStatus::RequiresCapture;
        let status = if waits { BookingStatus::ActionRequired } else { BookingStatus::Aborted };
        std::future::ready(Ok(Some(view_of(record, status)))).boxed()
    });
    Sweep { bookings, ..sweep(gateway, BookingStatus::Aborted) }
}

fn overloaded() -> GatewayFault {
    GatewayFault::Unavailable("429".into())
}

fn cursors(progress: &Progress) -> (Option<String>, Option<String>) {
    let text = |cursor: &Option<IntentId>| cursor.as_ref().map(ToString::to_string);
    (text(&progress.older), text(&progress.all))
}

/// While the views are folded again, no payment has a booking. A pass that took that for the truth would skip a lost webhook
/// for a whole round.
#[tokio::test(start_paused = true)]
async fn a_pass_without_the_views_fails_and_the_next_one_reads_the_same_pages() {
    let gateway = gateway(2000, &[]);
    let mut progress = Progress::default();
    paid_at_the_bank(&gateway).pass(&mut progress).await.unwrap();
    let before = cursors(&progress);
    assert_eq!(before, (Some("pi_499".into()), Some("pi_599".into())));

    let unreadable = || ProjectionError::Tables("it is folded again".into());
    let blind = Sweep {
        bookings: Arc::new(move |_| std::future::ready(Err(unreadable())).boxed()),
        ..sweep(&gateway, BookingStatus::Aborted)
    };
    let broken = blind.pass(&mut progress).await.unwrap_err();
    assert!(matches!(broken.fault, ReadFault::Views(_)), "{broken:?}");
    assert_eq!(cursors(&progress), before);

    // Also in the middle of the older pages.
    let blind = Sweep {
        bookings: Arc::new(move |record| {
            let is_older = record.intent.as_str() > "pi_5" && record.intent.as_str().len() == 6;
            let view = view_of(record, BookingStatus::Aborted);
            std::future::ready(if is_older { Err(unreadable()) } else { Ok(Some(view)) }).boxed()
        }),
        ..sweep(&gateway, BookingStatus::Aborted)
    };
    blind.pass(&mut progress).await.unwrap_err();
    assert_eq!(cursors(&progress), before);
}

#[tokio::test(start_paused = true)]
async fn a_pass_without_the_views_counts_as_failed() {
    let gateway = gateway(10, &[]);
    let stop = CancellationToken::new();
    let blind = Sweep {
        bookings: Arc::new(|_| std::future::ready(Err(ProjectionError::Tables("damaged".into()))).boxed()),
        ..sweep(&gateway, BookingStatus::Aborted)
    };
    let metrics = Arc::clone(&blind.metrics);
    let task = tokio::spawn(blind.run(stop.clone()));
    tokio::time::sleep(Duration::from_secs(65)).await;
    stop.cancel();
    task.await.unwrap();
    let text = metrics.render(crate::metrics::Gauges::default(), crate::metrics::Format::Prometheus);
    for line in ["passes_total{outcome=\"done\"} 0", "passes_total{outcome=\"failed\"} 2", "last_timestamp_seconds 0"] {
        assert!(text.contains(&format!("lastseat_payments_sweep_{line}\n")), "{line}\n{text}");
    }
}

/// A round through a million payments takes a day. One refused request must not begin it again.
#[tokio::test(start_paused = true)]
async fn a_round_whose_list_fails_goes_on_at_the_same_page() {
    let gateway = gateway(3000, &[]);
    let sweep = paid_at_the_bank(&gateway);
    let mut progress = Progress::default();
    sweep.pass(&mut progress).await.unwrap();
    assert_eq!(cursors(&progress), (Some("pi_499".into()), Some("pi_599".into())));
    // Each request of the pass in turn: three of the newest, two of the older ones, three of all.
    for (request, expected) in [
        (0, ("pi_499", "pi_599")),
        (2, ("pi_499", "pi_599")),
        (3, ("pi_499", "pi_599")),
        (4, ("pi_599", "pi_599")),
        (5, ("pi_799", "pi_599")),
        (7, ("pi_999", "pi_799")),
    ] {
        *gateway.fault.lock() = Some((request, overloaded()));
        let broken = sweep.pass(&mut progress).await.unwrap_err();
        assert!(matches!(broken.fault, ReadFault::Gateway(GatewayFault::Unavailable(_))), "{broken:?}");
        assert_eq!(cursors(&progress), (Some(expected.0.into()), Some(expected.1.into())), "request {request}");
    }
    sweep.pass(&mut progress).await.unwrap();
    assert_eq!(cursors(&progress), (Some("pi_1199".into()), Some("pi_1099".into())));
}

/// The gateway has forgotten the intent at which the round was: it would refuse for ever.
#[tokio::test(start_paused = true)]
async fn a_round_whose_last_intent_is_gone_begins_again() {
    let gateway = gateway(3000, &[]);
    let sweep = paid_at_the_bank(&gateway);
    let mut progress = Progress::default();
    sweep.pass(&mut progress).await.unwrap();
    let gone = GatewayFault::Refused { code: "resource_missing".into(), message: "No such payment_intent".into() };
    *gateway.fault.lock() = Some((5, gone));
    sweep.pass(&mut progress).await.unwrap_err();
    assert_eq!(cursors(&progress), (Some("pi_699".into()), None));
    sweep.pass(&mut progress).await.unwrap();
    assert_eq!(cursors(&progress), (Some("pi_899".into()), Some("pi_599".into())));
}

/// Their buyers wait. The list was read as far as they are.
#[tokio::test(start_paused = true)]
async fn what_was_found_before_a_fault_is_checked() {
    let gateway = gateway(2000, &[7, 150]);
    let sweep = paid_at_the_bank(&gateway);
    for request in [1, 2, 4, 6] {
        *gateway.fault.lock() = Some((request, overloaded()));
        gateway.looked_at.lock().clear();
        let broken = sweep.pass(&mut Progress::default()).await.unwrap_err();
        let expected = if request == 1 { vec![booking(7)] } else { vec![booking(7), booking(150)] };
        assert_eq!(*gateway.looked_at.lock(), expected, "request {request}");
        assert_eq!((broken.pass.found, broken.pass.checked), (expected.len(), expected.len()));
    }
}

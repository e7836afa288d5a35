//! The contract suite of the event log against a server that behaves like a busy or failing cluster: it ends live
//! subscriptions, falls silent, is late, follows another, and loses its leader in the middle of a batch.

use crate::support;

use async_trait::async_trait;
use chrono::TimeDelta;
use eventstore::{Client, ReadAllOptions, StreamPosition, SubscribeToAllOptions, SubscriptionEvent};
use futures::future::join_all;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Direction, Expected, Filter, LogFault, Position};
use lastseat_event_log_eventstore::EventStoreLog;
use lastseat_eventstore_server::{Disturbance, DisturbanceCounts, Disturbances, Leader, ServerSettings, Stall};
use lastseat_testkit::event_log::{self as suite, Subject};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::sync::Arc;
use std::time::Duration;
use support::{Server, bounded, memory, settings, write};
use tokio::task::JoinError;

/// EventStoreDB lets 32 messages wait. The rules write less than that in a burst, so here every message that comes live is one
/// too many.
fn cuts() -> Disturbances {
    Disturbances { live_buffer: Some(0), ..Disturbances::default() }
}

/// From the start on, so that the shortest rule meets one.
fn stalls(lasts: i64, every: i64) -> Disturbances {
    let millis = TimeDelta::milliseconds;
    let stall = Stall { after: TimeDelta::zero(), lasts: millis(lasts), every: Some(millis(every)) };
    Disturbances { stall: Some(stall), ..Disturbances::default() }
}

fn slow() -> Disturbances {
    Disturbances { slow: Duration::from_millis(20), ..Disturbances::default() }
}

/// With this seed the first append meets one.
fn depositions() -> Disturbances {
    Disturbances { depositions: 0.05, seed: SEED, ..Disturbances::default() }
}

const SEED: u64 = 14;

/// Rules that make no call: an append of nothing, and one that only logs with atomic appends have to keep.
const NO_CALL: [&str; 2] = ["an_append_of_nothing_is_nothing", "one_conflict_withholds_the_rest_where_appends_are_atomic"];
/// Rules whose appends the adapter refuses.
const NO_APPEND: [&str; 2] = ["a_write_without_events_is_refused", "a_stream_twice_in_one_append_is_refused"];
/// Rules of subscriptions to which nothing comes live, or so little that a cut is a matter of luck.
const NOT_LIVE: [&str; 2] =
    ["a_subscription_from_the_start_delivers_everything_in_order", "a_subscription_tells_when_it_has_caught_up"];

/// Whether a rule must meet a disturbance, so that a green rule means that it holds under it.
fn must_meet(rule: &str, disturbance: Disturbance) -> bool {
    let is_met = match disturbance {
        Disturbance::Cut => rule.contains("subscription") && !NOT_LIVE.contains(&rule),
        Disturbance::Deposition => !NO_APPEND.contains(&rule),
        // It may end before the first.
        Disturbance::Stall => rule != "a_repeat_of_many_events_is_answered_as_the_first_time",
        Disturbance::LateAnswer | Disturbance::Refusal => true,
    };
    is_met && !NO_CALL.contains(&rule)
}

/// Between two tries of an append.
const LATER: Duration = Duration::from_millis(10);

async fn serve(log: Arc<dyn EventLog>, disturbances: Disturbances) -> Server {
    serve_counted(log, disturbances, Arc::default()).await
}

async fn serve_counted(log: Arc<dyn EventLog>, disturbances: Disturbances, disturbed: Arc<DisturbanceCounts>) -> Server {
    let settings = ServerSettings { disturbances, disturbed, ..settings() };
    Server::start_with(log, "127.0.0.1:0".parse().unwrap(), settings).await
}

fn assert_met(rule: &str, counts: &DisturbanceCounts, disturbances: &[Disturbance]) {
    for disturbance in disturbances.iter().filter(|disturbance| must_meet(rule, **disturbance)) {
        assert!(counts.get(*disturbance) > 0, "{rule} has met no {disturbance:?}");
    }
}

/// A log that already has a foreign event.
async fn on(server: &Server) -> Subject {
    server.log.append(vec![write("foreign-test", Expected::NoStream, "foreign")]).await.unwrap();
    let log: Arc<dyn EventLog> = Arc::new(server.client());
    Subject::new("test", move || futures::future::ready(Arc::clone(&log)).boxed())
}

/// Runs one rule against a server that is disturbed like this, and checks that it has met each of these.
macro_rules! check {
    ($rule:ident, $disturbances:expr, $($must_meet:ident)*) => {{
        let counts = Arc::<DisturbanceCounts>::default();
        let server = serve_counted(Arc::new(memory()), $disturbances, Arc::clone(&counts)).await;
        bounded("the rule", suite::$rule(&on(&server).await)).await;
        assert_met(stringify!($rule), &counts, &[$(Disturbance::$must_meet),*]);
    }};
}

mod subscriptions_are_cut {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                check!($rule, cuts(), Cut);
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

mod the_server_stalls {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                check!($rule, stalls(200, 400), Stall);
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

mod the_server_is_slow {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                check!($rule, slow(), LateAnswer);
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

/// The leader serves the same log.
mod the_server_is_a_follower {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let counts = Arc::default();
                let (_leader, follower) = leader_and_follower(0, &counts).await;
                bounded("the rule", suite::$rule(&on(&follower).await)).await;
                assert_met(stringify!($rule), &counts, &[Disturbance::Refusal]);
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

mod leaders_are_deposed {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                check!($rule, depositions(), Deposition);
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

mod all_at_once {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let (stall, slow, live_buffer) = (stalls(150, 600).stall, Duration::from_millis(5), Some(1));
                check!($rule, Disturbances { stall, slow, live_buffer, ..depositions() }, Stall LateAnswer);
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

/// Two servers on one log. The second one leads until it has taken so many appends, then the first one does.
async fn leader_and_follower(after_appends: u64, counts: &Arc<DisturbanceCounts>) -> (Server, Server) {
    let leader = serve(Arc::new(memory()), Disturbances::default()).await;
    let (host, port) = (leader.address.ip().to_string(), leader.address.port());
    let follows = Some(Leader { host, port, after_appends });
    let disturbances = Disturbances { follows, ..Disturbances::default() };
    let follower = serve_counted(Arc::clone(&leader.log), disturbances, Arc::clone(counts)).await;
    (leader, follower)
}

/// Appends two events to each of many streams, all at once.
async fn append_all(log: &EventStoreLog, streams: u64) {
    let both = async |n: u64| {
        let stream = format!("seat-{n}");
        for (expected, name) in [(Expected::NoStream, "first"), (Expected::Revision(0), "second")] {
            // The engine repeats what is unknown, and what was certainly not written.
            let outcome = loop {
                if let Ok(outcomes) = log.append(vec![write(&stream, expected, name)]).await {
                    break outcomes[0];
                }
                tokio::time::sleep(LATER).await;
            };
            assert!(outcome.is_written(), "{stream}/{name}: {outcome:?}");
        }
    };
    bounded("the appends", join_all((0..streams).map(both))).await;
}

async fn count(log: &Arc<dyn EventLog>) -> usize {
    log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_deposed_under_load_loses_and_repeats_nothing() {
    let counts = Arc::default();
    let (leader, deposed) = leader_and_follower(150, &counts).await;
    append_all(&deposed.client(), 200).await;
    assert!(counts.get(Disturbance::Refusal) > 0);
    assert_eq!(count(&leader.log).await, 400);
}

/// As long as in the load that once failed: two seconds of silence, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_of_two_seconds_loses_and_repeats_nothing() {
    let server = serve(Arc::new(memory()), Disturbances { live_buffer: Some(32), ..stalls(2_000, 2_100) }).await;
    let log = server.client();
    let follower = log.subscribe(Position::START, Filter::all());
    let followed = tokio::spawn(positions(follower, 400));
    append_all(&log, 200).await;
    assert_eq!(count(&server.log).await, 400);
    assert_eq!(bounded("the subscription", followed).await.unwrap(), expected(&server.log).await);
}

async fn expected(log: &Arc<dyn EventLog>) -> Vec<Position> {
    let events = log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap();
    events.iter().map(|event| event.position).collect()
}

type Deliveries = BoxStream<'static, Result<Delivery, LogFault>>;

/// Positions of the next events, or of those before the subscription ends.
async fn positions(mut follower: Deliveries, count: usize) -> Vec<Position> {
    let mut positions = Vec::new();
    while positions.len() < count {
        match follower.next().await {
            Some(Ok(Delivery::Event(event))) => positions.push(event.position),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break,
        }
    }
    positions
}

/// What a live reader gets of bursts that are larger than what may wait for it.
async fn through_bursts(log: impl EventLog, server: &Server) -> Vec<Position> {
    const BURSTS: usize = 20;
    let mut follower = log.subscribe(Position::START, Filter::all());
    server.log.append(vec![write("seat-first", Expected::NoStream, "x")]).await.unwrap();
    bounded("the first event", async { while !matches!(follower.next().await, Some(Ok(Delivery::Event(_)))) {} }).await;
    let followed = tokio::spawn(positions(follower, BURSTS * 100));
    for burst in 0..BURSTS {
        let writes = (0..100).map(|n| write(&format!("seat-{burst}.{n}"), Expected::NoStream, "x"));
        server.log.append(writes.collect()).await.unwrap();
        tokio::task::yield_now().await;
    }
    bounded("the bursts", followed).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_cut_a_reader_that_misses_nothing() {
    let server = serve(Arc::new(memory()), Disturbances { live_buffer: Some(32), ..Disturbances::default() }).await;
    let got = through_bursts(server.client(), &server).await;
    assert_eq!(got, expected(&server.log).await[1..]);
}

/// The failing twin: a log whose readers don't subscribe again.
struct OneSubscription {
    log: Arc<dyn EventLog>,
    client: Client,
}

impl OneSubscription {
    /// It has connected already: a reader that comes late finds everything in the history.
    async fn at(server: &Server) -> ForwardingLog<Self> {
        let client = Client::new(server.connection_string().parse().unwrap()).unwrap();
        bounded("a connection", client.read_all(&ReadAllOptions::default())).await.unwrap();
        ForwardingLog(Self { log: Arc::new(server.client()), client })
    }
}

#[async_trait]
impl ForwardLog for OneSubscription {
    fn inner(&self) -> &dyn EventLog {
        &*self.log
    }

    fn subscribe(&self, from: Position, filter: Filter) -> Deliveries {
        let (log, client) = (Arc::clone(&self.log), self.client.clone());
        let start = async move {
            let from = match from {
                Position::START => StreamPosition::Start,
                Position(at) => StreamPosition::Position(eventstore::Position { commit: at, prepare: at }),
            };
            let subscription = client.subscribe_to_all(&SubscribeToAllOptions::default().position(from)).await;
            futures::stream::unfold((subscription, log), async |(mut subscription, log)| {
                loop {
                    let message = subscription.next_subscription_event().await.ok()?;
                    let SubscriptionEvent::EventAppeared(event) = message else { continue };
                    let before = Position(event.get_original_event().position.commit - 1);
                    let event = log.read_all(Some(before), Direction::Forwards, 1, &Filter::all()).await.unwrap().remove(0);
                    return Some((event, (subscription, log)));
                }
            })
        };
        let events = start.flatten_stream().filter_map(move |event| {
            let passes = filter.matches(event.stream.as_str(), &event.event_type);
            futures::future::ready(passes.then_some(Ok(Delivery::Event(event))))
        });
        events.boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_subscribe_again_misses_events() {
    let server = serve(Arc::new(memory()), Disturbances { live_buffer: Some(32), ..Disturbances::default() }).await;
    let got = through_bursts(OneSubscription::at(&server).await, &server).await;
    let expected = expected(&server.log).await;
    assert!(got.len() < 2_000 && got == expected[1..=got.len()], "{} events", got.len());
}

/// How the contract's rule of subscriptions under load ends for it.
async fn rule_for_one_subscription(disturbances: Disturbances) -> Result<(), JoinError> {
    let server = serve(Arc::new(memory()), disturbances).await;
    let log: Arc<dyn EventLog> = Arc::new(OneSubscription::at(&server).await);
    let subject = Subject::new("test", move || futures::future::ready(Arc::clone(&log)).boxed());
    let rule = async move { suite::a_subscription_has_no_gap_and_no_repeat_under_concurrent_appends(&subject).await };
    bounded("the rule", tokio::spawn(rule)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_subscribe_again_breaks_the_contract_only_if_disturbed() {
    rule_for_one_subscription(Disturbances::default()).await.unwrap();
    assert!(rule_for_one_subscription(cuts()).await.unwrap_err().is_panic());
}

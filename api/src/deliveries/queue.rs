//! The messages that an endpoint has not taken yet: which may be sent now, and how far everything was done.
//!
//! Messages about one thing (a booking, a show) go one after the other, so that the shop never learns of the refund before the
//! sale. A message that the endpoint doesn't take holds up only those about the same thing.

use chrono::TimeDelta;
use lastseat_domain::deliveries::MAX_PENDING;
use lastseat_domain::event::Pending;
use lastseat_domain::ports::event_log::{Position, RecordedEvent};
use lastseat_domain::{StreamName, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Pauses after each failed try, in seconds, as the Standard Webhooks specification proposes; the last one is repeated.
const PAUSES: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// How long a message is tried, and no fewer times than there are pauses: one that was old when it was tried first is not given up at once.
pub(super) const PATIENCE: TimeDelta = TimeDelta::days(3);
/// Failures in a row, of whichever messages, after which the endpoint counts as down.
const DOWN_AFTER: u32 = 3;

#[derive(Debug)]
struct Waiting {
    event: Arc<RecordedEvent>,
    /// What was read before it.
    before: Position,
    /// Since when it is tried.
    since: Timestamp,
    tries: u32,
    due: Timestamp,
    in_flight: bool,
}

/// What became of a message that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    /// It is tried again.
    Later,
    /// It was tried long enough, so often.
    GiveUp { tries: u32 },
}

/// The messages of an endpoint that are to be sent, in the order of the log.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: BTreeMap<Position, Waiting>,
    /// Those about each thing.
    about: HashMap<StreamName, BTreeSet<Position>>,
    /// The last event that was read.
    read: Position,
    failures_in_a_row: u32,
}

impl Queue {
    /// Everything up to `from` is done.
    pub(super) fn new(from: Position) -> Self {
        Self { waiting: BTreeMap::new(), about: HashMap::new(), read: from, failures_in_a_row: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn read(&self) -> Position {
        self.read
    }

    /// An event that nothing is sent for.
    pub(super) fn skip(&mut self, position: Position) {
        self.read = self.read.max(position);
    }

    /// An event that a message is to be sent for. `since`: when it was decided, or when it was requested again.
    /// Also one that was read by an earlier sender; those before all others.
    pub(super) fn push(&mut self, event: Arc<RecordedEvent>, since: Timestamp) {
        let (position, before) = (event.position, self.read);
        self.read = before.max(position);
        self.about.entry(event.stream.clone()).or_default().insert(position);
        self.waiting.insert(position, Waiting { event, before, since, tries: 0, due: since, in_flight: false });
    }

    /// Everything up to a position was taken or given up, but for these.
    pub(super) fn done(&self) -> (Position, Vec<Pending>) {
        let pending = |w: &Waiting| Pending { stream: w.event.stream.clone(), revision: w.event.revision };
        let reached = self.waiting.values().nth(MAX_PENDING).map_or(self.read, |first_too_many| first_too_many.before);
        (reached, self.waiting.values().take(MAX_PENDING).map(pending).collect())
    }

    /// The next message that may be sent at `now`; it is in flight then.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Arc<RecordedEvent>> {
        let about = &self.about;
        let is_first =
            |waiting: &Waiting| about.get(&waiting.event.stream).and_then(BTreeSet::first) == Some(&waiting.event.position);
        let found = self.waiting.values_mut().find(|w| !w.in_flight && w.due <= now && is_first(w))?;
        found.in_flight = true;
        Some(Arc::clone(&found.event))
    }

    /// When the next one is due that waits for a time to come.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let is_first = |w: &&Waiting| self.about.get(&w.event.stream).and_then(BTreeSet::first) == Some(&w.event.position);
        self.waiting.values().filter(|w| !w.in_flight).filter(is_first).map(|w| w.due).min()
    }

    /// The endpoint has taken it. If it was down until now, everything that waits is due at once.
    pub(super) fn taken(&mut self, position: Position, now: Timestamp) {
        self.remove(position);
        let was_down = self.is_down();
        self.failures_in_a_row = 0;
        if was_down {
            self.waiting.values_mut().for_each(|w| w.due = w.due.min(now));
        }
    }

    /// The endpoint has not taken it. One that is to be given up stays until it is [`Self::given_up`].
    pub(super) fn failed(&mut self, position: Position, now: Timestamp, retry_after: Option<Duration>) -> Failed {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let Some(waiting) = self.waiting.get_mut(&position) else { return Failed::Later };
        waiting.in_flight = false;
        waiting.tries = waiting.tries.saturating_add(1);
        let nth = usize::try_from(waiting.tries).unwrap_or(usize::MAX).min(PAUSES.len());
        let pause = TimeDelta::seconds(PAUSES.get(nth.saturating_sub(1)).copied().unwrap_or(86_400));
        let asked = retry_after.and_then(|wait| TimeDelta::from_std(wait).ok()).unwrap_or_default();
        waiting.due = now + pause.max(asked).min(TimeDelta::days(1));
        let is_tried = usize::try_from(waiting.tries).is_ok_and(|tries| tries > PAUSES.len());
        if is_tried && now - waiting.since >= PATIENCE { Failed::GiveUp { tries: waiting.tries } } else { Failed::Later }
    }

    /// It is recorded that this message is given up.
    pub(super) fn given_up(&mut self, position: Position) {
        self.remove(position);
    }

    /// Whether it has taken nothing for a while.
    pub(super) fn is_down(&self) -> bool {
        self.failures_in_a_row >= DOWN_AFTER
    }

    /// Failures in a row, of whichever messages.
    pub(super) fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    fn remove(&mut self, position: Position) {
        let Some(waiting) = self.waiting.remove(&position) else { return };
        if let Some(others) = self.about.get_mut(&waiting.event.stream) {
            others.remove(&position);
            if others.is_empty() {
                self.about.remove(&waiting.event.stream);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::BookingId;
    use lastseat_domain::ports::event_log::Decoded;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_780_000_000 + seconds, 0).unwrap()
    }

    fn event(position: u64, booking: u128) -> Arc<RecordedEvent> {
        let json = || RawValue::from_string("{}".to_owned()).unwrap();
        Arc::new(RecordedEvent {
            position: Position(position),
            stream: StreamName::booking(BookingId(Uuid::from_u128(booking))),
            revision: position,
            id: Uuid::from_u128(position.into()),
            event_type: "Any".to_owned(),
            data: json(),
            metadata: json(),
            recorded_at: at(0),
            decoded: Decoded::default(),
        })
    }

    /// Of these positions and bookings.
    fn queue(events: &[(u64, u128)]) -> Queue {
        let mut queue = Queue::new(Position(1));
        events.iter().for_each(|(position, booking)| queue.push(event(*position, *booking), at(0)));
        queue
    }

    fn sendable(queue: &mut Queue, now: Timestamp) -> Vec<u64> {
        std::iter::from_fn(|| queue.next(now)).map(|event| event.position.0).collect()
    }

    #[test]
    fn messages_about_one_booking_go_one_after_the_other() {
        let mut queue = queue(&[(4, 1), (6, 2), (7, 1), (9, 1)]);
        assert_eq!(sendable(&mut queue, at(0)), [4, 6]);
        queue.taken(Position(4), at(1));
        assert_eq!(sendable(&mut queue, at(1)), [7]);
        // One that is not taken holds up no other booking's, and its own booking's until it is taken or given up.
        assert_eq!(queue.failed(Position(7), at(2), None), Failed::Later);
        queue.push(event(12, 3), at(2));
        assert_eq!(sendable(&mut queue, at(2)), [12]);
        assert_eq!(sendable(&mut queue, at(7)), [7]);
        queue.taken(Position(7), at(8));
        assert_eq!(sendable(&mut queue, at(8)), [9]);
    }

    #[test]
    fn what_is_done_is_a_position_and_what_is_missing_up_to_it() {
        let mut queue = queue(&[(4, 1), (6, 2), (9, 3)]);
        let pending = |missing: &[(u64, u128)]| {
            let one = |(revision, booking): &(u64, u128)| Pending {
                stream: event(*revision, *booking).stream.clone(),
                revision: *revision,
            };
            missing.iter().map(one).collect::<Vec<_>>()
        };
        assert_eq!(queue.done(), (Position(9), pending(&[(4, 1), (6, 2), (9, 3)])));
        sendable(&mut queue, at(0));
        queue.taken(Position(6), at(1));
        assert_eq!(queue.done(), (Position(9), pending(&[(4, 1), (9, 3)])));
        queue.taken(Position(4), at(1));
        queue.taken(Position(9), at(1));
        queue.skip(Position(30));
        assert_eq!((queue.done(), queue.len()), ((Position(30), vec![]), 0));
    }

    #[test]
    fn no_more_is_recorded_as_missing_than_an_event_should_have() {
        let events: Vec<_> = (0..MAX_PENDING as u64 + 5).map(|n| (10 + n, u128::from(n))).collect();
        let queue = queue(&events);
        let (reached, pending) = queue.done();
        assert_eq!((reached, pending.len()), (Position(10 + MAX_PENDING as u64 - 1), MAX_PENDING));
    }

    /// Read by an earlier sender, and not taken.
    #[test]
    fn what_was_missing_is_sent_again_before_what_follows() {
        let mut queue = Queue::new(Position(20));
        queue.push(event(4, 1), at(0));
        queue.push(event(23, 1), at(0));
        assert_eq!((queue.read(), sendable(&mut queue, at(0))), (Position(23), vec![4]));
        queue.taken(Position(4), at(1));
        assert_eq!(sendable(&mut queue, at(1)), [23]);
    }

    #[test]
    fn pauses_grow_and_an_endpoint_may_ask_for_longer_ones() {
        let mut queue = queue(&[(4, 1)]);
        let mut now = at(0);
        let mut pauses = vec![];
        for _ in 0..4 {
            assert_eq!(sendable(&mut queue, now), [4]);
            queue.failed(Position(4), now, None);
            let due = queue.next_due().unwrap();
            pauses.push((due - now).num_seconds());
            assert!(sendable(&mut queue, due - TimeDelta::seconds(1)).is_empty());
            now = due;
        }
        assert_eq!(pauses, [5, 300, 1_800, 7_200]);
        assert_eq!(sendable(&mut queue, now), [4]);
        queue.failed(Position(4), now, Some(Duration::from_secs(20_000)));
        assert_eq!(queue.next_due(), Some(now + TimeDelta::seconds(20_000)));
    }

    #[test]
    fn what_was_tried_for_three_days_is_given_up_and_what_follows_it_is_sent() {
        let mut queue = queue(&[(4, 1), (6, 1)]);
        let mut now = at(0);
        let mut tries = 0;
        let given_up = loop {
            assert_eq!(sendable(&mut queue, now), [4]);
            tries += 1;
            if let Failed::GiveUp { tries } = queue.failed(Position(4), now, None) {
                break tries;
            }
            now = queue.next_due().unwrap();
        };
        assert!(given_up == tries && now - at(0) >= PATIENCE && now - at(0) < PATIENCE + TimeDelta::days(1));
        queue.given_up(Position(4));
        assert_eq!(sendable(&mut queue, now), [6]);
    }

    /// Such as after the endpoint was not configured for a week.
    #[test]
    fn an_old_message_is_not_given_up_at_once() {
        let mut queue = queue(&[(4, 1)]);
        let mut now = at(0) + TimeDelta::days(7);
        for _ in 0..PAUSES.len() {
            assert_eq!(sendable(&mut queue, now), [4]);
            assert_eq!(queue.failed(Position(4), now, None), Failed::Later);
            now = queue.next_due().unwrap();
        }
        assert_eq!(sendable(&mut queue, now), [4]);
        assert_eq!(queue.failed(Position(4), now, None), Failed::GiveUp { tries: 10 });
    }

    #[test]
    fn after_an_outage_everything_is_due_as_soon_as_one_is_taken() {
        let mut queue = queue(&[(4, 1), (5, 2), (6, 3), (7, 4)]);
        assert_eq!(sendable(&mut queue, at(0)), [4, 5, 6, 7]);
        for position in 4..8 {
            for _ in 0..2 {
                queue.failed(Position(position), at(1), None);
            }
        }
        assert_eq!((sendable(&mut queue, at(300)).len(), sendable(&mut queue, at(301)).len()), (0, 4));
        queue.failed(Position(5), at(302), None);
        queue.failed(Position(6), at(302), None);
        queue.failed(Position(7), at(302), None);
        queue.taken(Position(4), at(303));
        assert_eq!(sendable(&mut queue, at(303)), [5, 6, 7]);
    }

    /// Else one message that the endpoint can't read would be sent as often as others are taken.
    #[test]
    fn a_message_that_fails_beside_others_that_are_taken_waits_its_time() {
        let mut queue = queue(&[(4, 1), (5, 2), (6, 3)]);
        assert_eq!(sendable(&mut queue, at(0)), [4, 5, 6]);
        queue.failed(Position(4), at(1), None);
        queue.taken(Position(5), at(1));
        queue.taken(Position(6), at(1));
        assert!(sendable(&mut queue, at(5)).is_empty());
        assert_eq!(sendable(&mut queue, at(6)), [4]);
    }
}

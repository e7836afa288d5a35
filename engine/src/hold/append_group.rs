//! Sends what the holds of a batch append to the log in one call, so that the log commits it together.
//!
//! A hold that is ready hands its writes to the group. The group sends them when none of its members is
//! deciding any more, or after a while, and then what is late as soon as it can. A hold that decides again
//! appends alone: the group only saves commits.

use crate::error::Fault;
use crate::journal::{Journal, LogAnswer};
use futures::future::select;
use lastseat_domain::ports::event_log::{LogFault, StreamWrite, WriteOutcome};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use tokio::sync::{Notify, oneshot};

/// Holds that are placed at the same time.
pub(super) struct AppendGroup {
    state: Mutex<State>,
    /// Something is to be sent.
    due: Notify,
}

/// Members have their place in the batch.
struct State {
    deciding: BTreeSet<usize>,
    /// Sent in the order of the places.
    ready: BTreeMap<usize, Ready>,
    /// Nothing waits for those that are still deciding.
    waited_enough: bool,
}

struct Ready {
    writes: Vec<StreamWrite>,
    answer: oneshot::Sender<LogAnswer>,
}

/// One hold's place in the group.
pub(super) struct Member<'a> {
    group: &'a AppendGroup,
    place: usize,
}

impl AppendGroup {
    /// A group that waits for so many members, whose places begin with 0.
    pub(super) fn new(members: usize) -> Self {
        let state = State { deciding: (0..members).collect(), ready: BTreeMap::new(), waited_enough: false };
        Self { state: Mutex::new(state), due: Notify::new() }
    }

    pub(super) fn member(&self, place: usize) -> Member<'_> {
        Member { group: self, place }
    }

    /// Sends what the members append, once none is deciding or `longest` is over. Completes when all is sent.
    /// It belongs to no member, so that each gets its answer whatever becomes of the others.
    pub(super) async fn send(&self, journal: &Journal, longest: impl Future<Output = ()>) {
        select(pin!(self.due.notified()), pin!(longest)).await;
        loop {
            let (ready, is_last) = {
                let mut state = self.state.lock();
                state.waited_enough = true;
                (std::mem::take(&mut state.ready), state.deciding.is_empty())
            };
            send_together(journal, ready).await;
            if is_last {
                return;
            }
            self.due.notified().await;
        }
    }

    /// Whether it was still deciding.
    fn decides_no_more(&self, state: &mut State, place: usize) -> bool {
        let was_deciding = state.deciding.remove(&place);
        if was_deciding && (state.waited_enough || state.deciding.is_empty()) {
            self.due.notify_one();
        }
        was_deciding
    }
}

async fn send_together(journal: &Journal, ready: BTreeMap<usize, Ready>) {
    // A hold that was dropped has not been answered, and nobody waits for it.
    let waiting = ready.into_values().filter(|ready| !ready.answer.is_closed());
    let (appends, answers): (Vec<_>, Vec<_>) = waiting.map(|ready| (ready.writes, ready.answer)).unzip();
    if appends.is_empty() {
        return;
    }
    for (waiting, answer) in answers.into_iter().zip(journal.try_each(appends).await) {
        // It may have been dropped meanwhile.
        drop(waiting.send(answer));
    }
}

impl Member<'_> {
    /// Appends, the first time together with the others.
    ///
    /// # Errors
    /// As those of [`Journal::append`].
    pub(super) async fn append(&self, journal: &Journal, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, Fault> {
        let Some(answer) = self.hand_over(&writes) else { return journal.append(writes).await };
        let lost = || Err(LogFault::OutcomeUnknown("the log gave no answer to one of several appends".to_owned()));
        let answer = answer.await.unwrap_or_else(|_| lost());
        journal.append_after(answer, writes).await
    }

    /// `None` if it has done so before.
    fn hand_over(&self, writes: &[StreamWrite]) -> Option<oneshot::Receiver<LogAnswer>> {
        let mut state = self.group.state.lock();
        if !self.group.decides_no_more(&mut state, self.place) {
            return None;
        }
        let (answer, answered) = oneshot::channel();
        state.ready.insert(self.place, Ready { writes: writes.to_vec(), answer });
        Some(answered)
    }
}

impl Drop for Member<'_> {
    /// A hold that has ended keeps no other waiting.
    fn drop(&mut self) {
        self.group.decides_no_more(&mut self.group.state.lock(), self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use futures::future::{join, pending, ready};
    use futures::{FutureExt, join};
    use lastseat_domain::StreamName;
    use lastseat_domain::ports::EventLog;
    use lastseat_domain::ports::event_log::{Expected, NewEvent};
    use lastseat_testkit::{ForwardLog, ForwardingLog, MemoryLog, SteppingClock};
    use serde_json::value::to_raw_value;
    use std::sync::Arc;
    use uuid::Uuid;

    /// A log that notes its calls: the streams of each append. It answers when it is let.
    struct Calls {
        inner: MemoryLog,
        calls: Arc<Mutex<Vec<Vec<String>>>>,
        may_answer: Arc<Notify>,
    }

    fn streams(appends: &[Vec<StreamWrite>]) -> Vec<String> {
        appends.iter().flatten().map(|write| write.stream.as_str().to_owned()).collect()
    }

    #[async_trait]
    impl ForwardLog for Calls {
        fn inner(&self) -> &dyn EventLog {
            &self.inner
        }

        async fn append(&self, writes: Vec<StreamWrite>) -> LogAnswer {
            self.calls.lock().push(streams(std::slice::from_ref(&writes)));
            self.inner.append(writes).await
        }

        async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<LogAnswer> {
            self.calls.lock().push(streams(&appends));
            self.may_answer.notified().await;
            self.inner.append_each(appends).await
        }
    }

    struct TestLog {
        journal: Journal,
        calls: Arc<Mutex<Vec<Vec<String>>>>,
        may_answer: Arc<Notify>,
    }

    impl TestLog {
        fn new() -> Self {
            let (clock, calls, may_answer) = (Arc::new(SteppingClock::default()), Arc::default(), Arc::new(Notify::new()));
            let inner = MemoryLog::new(clock.clone(), true);
            let log = Calls { inner, calls: Arc::clone(&calls), may_answer: Arc::clone(&may_answer) };
            may_answer.notify_one();
            Self { journal: Journal::new(Arc::new(ForwardingLog(log)), clock), calls, may_answer }
        }

        /// The calls so far, each with the numbers of its streams.
        fn calls(&self) -> Vec<String> {
            let number = |stream: &String| stream.trim_start_matches("test-").to_owned();
            self.calls.lock().iter().map(|call| call.iter().map(number).collect::<Vec<_>>().join(" ")).collect()
        }

        /// What a member appends.
        async fn append(&self, member: &Member<'_>, seat: usize) -> bool {
            let outcomes = member.append(&self.journal, vec![write(seat)]).await.unwrap();
            outcomes.first().unwrap().is_written()
        }
    }

    fn write(seat: usize) -> StreamWrite {
        let json = || to_raw_value("").unwrap();
        let id = Uuid::from_u128(seat as u128);
        let event = NewEvent { id, event_type: "Test".to_owned(), data: json(), metadata: json() };
        StreamWrite { stream: StreamName::from_log(&format!("test-{seat}")), expected: Expected::NoStream, events: vec![event] }
    }

    #[tokio::test]
    async fn a_group_is_sent_in_the_order_of_its_places_once_each_member_is_ready_or_has_ended() {
        let (log, group) = (TestLog::new(), AppendGroup::new(4));
        let [first, second, third, fourth] = [0, 1, 2, 3].map(|place| group.member(place));
        let mut sending = pin!(group.send(&log.journal, pending()));
        let mut last_two = pin!(join(log.append(&fourth, 4), log.append(&third, 3)));
        assert!(sending.as_mut().now_or_never().is_none() && last_two.as_mut().now_or_never().is_none());
        drop(second);
        assert!(sending.as_mut().now_or_never().is_none(), "the first is still deciding");
        assert_eq!(log.calls(), [] as [&str; 0]);
        let (written, (), others) = join!(log.append(&first, 1), sending, last_two);
        assert_eq!((written, others), (true, (true, true)));
        assert_eq!(log.calls(), ["1 3 4"]);
        // It decides again.
        assert!(log.append(&first, 5).await);
        assert_eq!(log.calls(), ["1 3 4", "5"]);
    }

    #[tokio::test]
    async fn those_that_are_late_are_sent_together_as_soon_as_the_log_has_answered() {
        let (log, group) = (TestLog::new(), AppendGroup::new(5));
        log.may_answer.notified().await;
        let [first, second, third, fourth, fifth] = [0, 1, 2, 3, 4].map(|place| group.member(place));
        let mut sending = pin!(group.send(&log.journal, ready(())));
        let mut in_time = pin!(join(log.append(&first, 1), log.append(&second, 2)));
        assert!(in_time.as_mut().now_or_never().is_none() && sending.as_mut().now_or_never().is_none());
        let mut late = pin!(join(log.append(&third, 3), log.append(&fourth, 4)));
        assert!(late.as_mut().now_or_never().is_none() && sending.as_mut().now_or_never().is_none());
        log.may_answer.notify_one();
        assert!(sending.as_mut().now_or_never().is_none());
        assert_eq!(in_time.now_or_never(), Some((true, true)));
        log.may_answer.notify_one();
        assert!(sending.as_mut().now_or_never().is_none(), "the fifth is still deciding");
        assert_eq!(late.now_or_never(), Some((true, true)));
        drop(fifth);
        assert!(sending.now_or_never().is_some());
        assert_eq!(log.calls(), ["1 2", "3 4"]);
    }

    #[tokio::test]
    async fn a_member_that_is_dropped_takes_no_answer_from_the_others() {
        let (log, group) = (TestLog::new(), AppendGroup::new(3));
        log.may_answer.notified().await;
        let [first, second, third] = [0, 1, 2].map(|place| group.member(place));
        let mut sending = pin!(group.send(&log.journal, pending()));
        let mut stays = pin!(log.append(&first, 1));
        let mut before = Box::pin(async { log.append(&second, 2).await });
        let mut meanwhile = Box::pin(async { log.append(&third, 3).await });
        assert!(stays.as_mut().now_or_never().is_none() && before.as_mut().now_or_never().is_none());
        drop(before);
        assert!(meanwhile.as_mut().now_or_never().is_none());
        assert!(sending.as_mut().now_or_never().is_none(), "the log has not answered");
        drop(meanwhile);
        log.may_answer.notify_one();
        assert_eq!(join!(stays, sending), (true, ()));
        assert_eq!(log.calls(), ["1 3"], "what was dropped before it was sent is not written");
    }
}

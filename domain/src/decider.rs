//! The contract of an aggregate, so that the engine and the test kit load and run all of them with
//! the same code.

use crate::Timestamp;
use crate::event::Event;
use crate::position::Revision;
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use std::fmt::Debug;

/// An aggregate: one thing with a stream of its own, and the rules that decide what may be appended
/// to that stream.
///
/// An aggregate is never stored. Its state is what remains of its stream's events after
/// [`evolve`](Self::evolve) has been applied to them, oldest first, beginning with
/// [`initial`](Self::initial). A command is handled in three steps, and the engine does the first
/// and the last of them:
///
/// 1. read the stream and fold its events into a state; remember the revision of the last event;
/// 2. ask [`decide`](Self::decide) which events follow from the command in this state;
/// 3. append these events at the remembered revision. If another writer was faster, begin again.
///
/// An implementation has to keep these promises:
///
/// * **It is pure.** No clock, no I/O, no randomness. The time and everything else that a rule needs
///   is a part of the command. The same state and command always lead to the same events, on every
///   node, today and when an incident is replayed.
/// * **`evolve` is total.** The events of a stream are facts, so it has to accept each of them, in
///   any order, without an error or a panic. An event that means nothing to the aggregate leaves
///   the state as it is. Whether something is allowed is only asked in `decide`.
/// * **`decide` is idempotent.** Every command may arrive twice: after a crash, from two nodes, from
///   an impatient client. If the state already is what the command is meant to achieve, the answer
///   is no events, not an error. Where the caller has to know that a second request had no effect
///   (a voucher is redeemed once), the answer is a rejection that says so. It is never a second
///   effect.
///
/// The aggregates are what implements this: shows with their pictures and plans, seats and blocks, bookings, loyalty accounts, vouchers and
/// campaigns, tickets, and deliveries to endpoints. The test kit's
/// `given(…).when(…).then_events(…)` checks the last promise for every command it is given.
pub trait Decider {
    /// What identifies one aggregate among its kind.
    type Id: Clone + Debug;

    /// What its events amount to. `Option` where a stream without events is "there is no such thing".
    type State;

    /// What can be requested of it.
    type Command: Clone + Debug;

    /// Whether the last event of a stream alone determines the state, so that the events before it
    /// need not be read.
    const LAST_EVENT_SUFFICES: bool = false;

    /// The name of the aggregate's stream.
    fn stream(id: &Self::Id) -> StreamName;

    /// The state of a stream without events.
    fn initial() -> Self::State;

    /// The events that `command` leads to in `state`, in the order in which they are to be appended.
    /// None if its effect has already been achieved.
    ///
    /// # Errors
    /// The [`Rejection`] that says why the command is refused. A refusal changes nothing.
    fn decide(id: &Self::Id, state: &Self::State, command: Self::Command) -> Result<Vec<Event>, Rejection>;

    /// The command as it is decided at `now`, which its events will carry and which is not before the stream's last event:
    /// clocks of nodes differ, but time never goes back within a stream. A command that carries the time gets
    /// the later of the two.
    #[must_use]
    fn not_before(command: Self::Command, _now: Timestamp) -> Self::Command {
        command
    }

    /// The state after `event`, which was decided at `at` by the clock of the engine that decided it.
    fn evolve(state: Self::State, event: &Event, at: Timestamp) -> Self::State;

    /// Likewise for an event that is in the log, at `revision` of the aggregate's stream. Differs only for an aggregate
    /// whose state names revisions.
    fn evolve_at(state: Self::State, event: &Event, at: Timestamp, _revision: Revision) -> Self::State {
        Self::evolve(state, event, at)
    }
}

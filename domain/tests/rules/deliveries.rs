//! Who sends to an endpoint, and how far it has got.

use crate::support::*;
use lastseat_domain::deliveries::{Deliveries, DeliveriesCommand as C};
use lastseat_domain::event::{DeliveriesReplayed, DeliveryAbandoned, Event, Pending};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{Decider, EndpointId, Rejection, StreamName, Timestamp};
use uuid::Uuid;

fn shop() -> EndpointId {
    EndpointId::new("shop").unwrap()
}

fn node(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// The events so far, each decided a minute after the one before.
#[derive(Default)]
struct History(Vec<(Event, Timestamp)>);

impl History {
    fn state(&self) -> Deliveries {
        self.0.iter().fold(Deliveries::initial(), |state, (event, at)| Deliveries::evolve(state, event, *at))
    }

    /// Also from the last event alone, which is what a node reads.
    fn ask(&self, command: C) -> Result<Vec<Event>, Rejection> {
        let state = self.state();
        if let Some((last, at)) = self.0.last() {
            assert_eq!(Deliveries::evolve(Deliveries::initial(), last, *at), state, "the last event says all");
        }
        Deliveries::decide(&shop(), &state, command)
    }

    #[track_caller]
    fn done(mut self, at: u32, command: C) -> Self {
        let events = self.ask(command.clone()).unwrap();
        assert!(!events.is_empty());
        self.0.extend(events.into_iter().map(|event| (event, minute(at.into()))));
        if matches!(command, C::Claim { .. } | C::Checkpoint { .. } | C::Replay { .. }) {
            assert_eq!(self.ask(command), Ok(vec![]), "a repeat has no effect");
        }
        self
    }

    #[track_caller]
    fn refused(&self, command: C) {
        assert!(matches!(self.ask(command), Err(Rejection::OutOfOrder { .. })));
    }
}

fn event(revision: u64) -> Pending {
    Pending { stream: StreamName::booking(booking(1)), revision }
}

fn claim(sender: u128, now: u32, until: u32) -> C {
    C::Claim { sender: node(sender), now: minute(now.into()), until: minute(until.into()), begin: Position(10) }
}

fn checkpoint(sender: u128, position: u64, until: u32) -> C {
    checkpoint_without(sender, position, &[], until)
}

/// Those of these numbers were not taken.
fn checkpoint_without(sender: u128, position: u64, pending: &[u64], until: u32) -> C {
    let pending = pending.iter().copied().map(event).collect();
    C::Checkpoint { sender: node(sender), position: Position(position), pending, until: minute(until.into()) }
}

fn abandon(sender: u128, position: u64) -> C {
    let (sender, message) = (node(sender), node(position.into()));
    C::Abandon { sender, message, event: event(position), position: Position(position), tries: 10, reason: "answered 500".into() }
}

fn replay(position: u64) -> C {
    C::Replay { position: Position(position), by: "maria".into() }
}

#[test]
fn the_first_to_claim_sends_until_it_stops() {
    let claimed = History::default().done(0, claim(1, 0, 2));
    assert_eq!(claimed.state().position, Some(Position(10)), "nobody asks for what was before the endpoint");
    claimed.refused(claim(2, 1, 3));
    claimed.refused(checkpoint(2, 20, 3));
    claimed.refused(abandon(2, 20));
    let taken_over = claimed.done(1, checkpoint(1, 20, 2)).done(2, claim(2, 2, 4));
    assert_eq!(taken_over.state().position, Some(Position(20)), "it goes on there");
    // The first was only slow.
    taken_over.refused(checkpoint(1, 30, 4));
    taken_over.refused(abandon(1, 30));
}

#[test]
fn a_checkpoint_never_goes_back() {
    let sent = History::default().done(0, claim(1, 0, 2)).done(1, checkpoint(1, 20, 3));
    assert_eq!(sent.ask(checkpoint(1, 15, 4)), Ok(vec![]));
    assert_eq!(sent.done(1, checkpoint(1, 20, 4)).state().position, Some(Position(20)));
}

#[test]
fn a_message_that_is_given_up_is_recorded_once_and_its_sender_goes_on() {
    let sent = History::default().done(0, claim(1, 0, 2)).done(1, abandon(1, 25));
    let (abandoned, reason) = (node(25), "answered 500".to_owned());
    let expected = DeliveryAbandoned { endpoint: shop(), message: abandoned, position: Position(25), tries: 10, reason };
    assert_eq!(sent.0[1].0, expected.into());
    assert_eq!(sent.state().position, Some(Position(10)), "messages before it may still be tried");
    let beyond = sent.done(1, checkpoint(1, 30, 3));
    assert_eq!(beyond.ask(abandon(1, 25)), Ok(vec![]));
}

/// Else who takes over would send again all that was taken after one that was not.
#[test]
fn what_was_not_taken_is_remembered_beside_what_was() {
    let sent = History::default().done(0, claim(1, 0, 2)).done(1, checkpoint_without(1, 30, &[12, 15], 2));
    let taken_over = sent.done(2, claim(2, 2, 4));
    assert_eq!(taken_over.state().pending, [event(12), event(15)]);
    let given_up = taken_over.done(3, abandon(2, 12));
    assert_eq!((given_up.state().position, given_up.state().pending.clone()), (Some(Position(30)), vec![event(15)]));
    assert_eq!(given_up.ask(abandon(2, 12)), Ok(vec![]));
}

/// Else it would be passed over: what was not sent yet lies after the position, what was not taken before it.
#[test]
fn a_replay_passes_over_nothing_that_is_still_to_be_sent() {
    let sent = History::default().done(0, claim(1, 0, 2)).done(1, checkpoint_without(1, 30, &[12], 2));
    let ahead = sent.done(2, replay(900));
    assert_eq!((ahead.state().position, ahead.state().pending.clone()), (Some(Position(30)), vec![event(12)]));
    let claimed = ahead.done(3, claim(2, 3, 5));
    assert_eq!((claimed.state().position, claimed.state().pending.clone()), (Some(Position(30)), vec![event(12)]));
}

#[test]
fn a_replay_begins_where_it_says_and_ends_the_claim() {
    let sent = History::default().done(0, claim(1, 0, 9)).done(1, checkpoint(1, 40, 9));
    let replayed = sent.done(2, replay(7));
    assert_eq!(
        replayed.0.last().unwrap().0,
        DeliveriesReplayed { endpoint: shop(), position: Position(7), pending: vec![], by: "maria".into() }.into()
    );
    // What it sends now is what followed its own checkpoint.
    replayed.refused(checkpoint(1, 41, 9));
    let again = replayed.done(3, claim(1, 3, 9)).done(4, checkpoint(1, 8, 9));
    assert_eq!(
        again.state(),
        Deliveries {
            position: Some(Position(8)),
            pending: vec![],
            sender: Some((node(1), minute(9))),
            replayed_at: Some(minute(2))
        }
    );
}

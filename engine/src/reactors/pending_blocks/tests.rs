//! When a block is due to be finished, also if its events are read long after they were written.

use super::*;
use crate::reactors::pending_bookings::Patience;
use chrono::TimeDelta;
use lastseat_domain::event::{BlockOpened, SeatBlocked};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{Metadata, StreamName};
use std::time::Duration;
use uuid::Uuid;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn block() -> BlockId {
    BlockId(Uuid::from_u128(1))
}

fn apply(pending: &mut PendingBlocks, event: Event) {
    let stream = match &event {
        Event::BlockOpened(opened) => StreamName::block(opened.block),
        _ => StreamName::seat(&show(), &seat(0)),
    };
    apply_to(pending, stream, event);
}

fn apply_to(pending: &mut PendingBlocks, stream: StreamName, event: Event) {
    let metadata = Metadata::new("manager", at(0));
    let envelope = Envelope { position: Position(1), stream, revision: 0, id: Uuid::nil(), event, metadata };
    let patience = Patience::new(Duration::from_secs(10), Duration::ZERO);
    pending.apply(&envelope, &Reading { patience, own: false, earns: &|_| false, returns: &|_| false });
}

fn show() -> ShowId {
    ShowId::new("gala").unwrap()
}

fn seat(n: usize) -> SeatId {
    SeatId::new(&format!("A-{n}")).unwrap()
}

fn opened(seats: usize) -> Event {
    BlockOpened {
        block: block(),
        show: show(),
        seats: (0..seats).map(seat).collect(),
        reason: "Sponsor".to_owned(),
        channel: None,
        access_code: None,
        by: "manager".to_owned(),
        request: None,
    }
    .into()
}

/// Another node wrote them a minute ago. Each made the block due at once again, and it was finished once for each seat.
#[test]
fn a_block_that_is_read_late_is_taken_once_and_not_at_each_of_its_seats() {
    let mut pending = PendingBlocks::default();
    let mut taken = 0;
    for n in 0..100 {
        apply_to(&mut pending, StreamName::seat(&show(), &seat(n)), SeatBlocked { block: block() }.into());
        taken += pending.take_due(at(60), at(70)).len();
    }
    assert_eq!(taken, 1);
    assert_eq!(pending.next_due(), Some(at(70)));
    apply(&mut pending, opened(100));
    assert_eq!((pending.next_due(), pending.unfinished()), (None, 0));
}

#[test]
fn a_seat_that_a_block_was_opened_without_is_finished_and_the_others_are_not() {
    let mut pending = PendingBlocks::default();
    for n in 0..3 {
        apply_to(&mut pending, StreamName::seat(&show(), &seat(n)), SeatBlocked { block: block() }.into());
    }
    apply(&mut pending, opened(2));
    assert_eq!(pending.take_due(at(9), at(70)), []);
    assert_eq!(pending.take_due(at(10), at(70)), [(block(), vec![(show(), seat(2))])]);
}

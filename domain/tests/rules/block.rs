//! The rules of a block, and who may buy from it.

use crate::support;

use lastseat_domain::block::{Access, BlockCommand, MAX_REASON, MAX_SEATS_PER_BLOCK};
use lastseat_domain::event::{BlockLifted, BlockOpened, Event, LiftReason};
use lastseat_domain::rejection::Rejection;
use lastseat_domain::{AccessCodeHash, ChannelId};
use lastseat_testkit::given::given;
use support::*;

fn opened() -> Event {
    block_opened().into()
}

fn lifted(reason: LiftReason) -> Event {
    BlockLifted { block: block(1), show: show(), reason, by: "admin".into() }.into()
}

fn open() -> BlockCommand {
    BlockCommand::Open(block_opened())
}

fn fence() -> BlockCommand {
    BlockCommand::Fence { show: show(), by: "admin".into() }
}

fn lift() -> BlockCommand {
    BlockCommand::Lift { by: "admin".into() }
}

fn channel(name: &str) -> Option<ChannelId> {
    Some(ChannelId::new(name).unwrap())
}

fn code(text: &str) -> Option<AccessCodeHash> {
    Some(AccessCodeHash(text.to_owned()))
}

#[test]
fn a_block_is_opened_once_and_lifted_once() {
    given([]).when(open()).then_events([opened()]);
    given([opened()]).when(open()).then_nothing();
    given([opened()]).when(lift()).then_events([lifted(LiftReason::Requested)]);
    given([opened(), lifted(LiftReason::Requested)]).when(lift()).then_nothing();
    given([opened(), lifted(LiftReason::Requested)]).when(open()).then_rejected("block_over");
}

#[test]
fn a_block_is_fenced_before_it_opens_or_never() {
    given([]).when(fence()).then_events([lifted(LiftReason::Fenced)]);
    given([lifted(LiftReason::Fenced)]).when(open()).then_rejected("block_over");
    given([lifted(LiftReason::Fenced)]).when(lift()).then_rejected("block_not_found");
    given([opened()]).when(fence()).then_nothing();
    given([opened(), lifted(LiftReason::Requested)]).when(fence()).then_nothing();
}

#[test]
fn there_is_nothing_to_lift_before_it_opens() {
    given([]).when(lift()).then_rejected("block_not_found");
}

#[test]
fn another_block_under_the_same_id_is_refused() {
    let other = BlockOpened { reason: "Press".to_owned(), ..block_opened() };
    given([opened()]).when(BlockCommand::Open(other)).then_rejected("idempotency_key_reused");
}

#[test]
fn a_block_needs_seats_a_reason_and_a_code_for_its_channel() {
    let none = BlockOpened { channel: None, access_code: None, ..block_opened() };
    let wrong = |opened: BlockOpened| match given([]).when(BlockCommand::Open(opened)).then_rejected("invalid_block") {
        Rejection::InvalidBlock { field, .. } => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(BlockOpened { seats: vec![], ..none.clone() }), "seats");
    assert_eq!(wrong(BlockOpened { seats: vec![seat(1); MAX_SEATS_PER_BLOCK as usize + 1], ..none.clone() }), "seats");
    for reason in ["", "  ", "two\nlines", &"x".repeat(MAX_REASON + 1)] {
        assert_eq!(wrong(BlockOpened { reason: reason.to_owned(), ..none.clone() }), "reason", "{reason:?}");
    }
    assert_eq!(wrong(BlockOpened { channel: channel("sponsor"), ..none.clone() }), "access_code");
    for reserved in ["web", "batch"] {
        assert_eq!(wrong(BlockOpened { channel: channel(reserved), ..block_opened() }), "channel");
    }
    let till = BlockOpened { channel: channel("till"), ..none.clone() };
    given([]).when(BlockCommand::Open(till.clone())).then_events([till.into()]);
    let most = BlockOpened { seats: vec![seat(1); MAX_SEATS_PER_BLOCK as usize], ..none };
    given([]).when(BlockCommand::Open(most.clone())).then_events([most.into()]);
}

#[test]
fn a_block_opens_to_its_code_or_at_the_till() {
    let sponsor = block_opened();
    let hash = sponsor.access_code.clone();
    let opens = |block: &BlockOpened, channel: Option<ChannelId>, code| Access { channel, code, by_voucher: vec![] }.opens(block);
    assert!(opens(&sponsor, None, hash.clone()) && opens(&sponsor, channel("sponsor"), hash.clone()));
    for (wrong_channel, wrong_code) in [
        (None, None),
        (None, code("5e884898da280472")),
        (None, code("")),
        (channel("sponsor"), None),
        (channel("till"), None),
        (channel("press"), hash.clone()),
        (channel("till"), hash.clone()),
    ] {
        assert!(!opens(&sponsor, wrong_channel.clone(), wrong_code.clone()), "{wrong_channel:?} {wrong_code:?}");
    }
    let till = BlockOpened { channel: channel("till"), access_code: None, ..block_opened() };
    assert!(opens(&till, channel("till"), None) && !opens(&till, None, None) && !opens(&till, None, hash.clone()));
    let closed = BlockOpened { channel: None, access_code: None, ..block_opened() };
    for channel in [None, channel("till"), channel("sponsor")] {
        assert!(!opens(&closed, channel.clone(), None) && !opens(&closed, channel, hash.clone()));
    }
}

#[test]
fn a_block_opens_to_a_voucher_for_it_wherever_that_is_sent() {
    let sponsor = block_opened();
    let opens = |by_voucher: &[_], channel: Option<ChannelId>| {
        Access { channel, code: None, by_voucher: by_voucher.to_vec() }.opens(&sponsor)
    };
    for channel in [None, channel("till"), channel("sponsor"), channel("press")] {
        assert!(opens(&[block(1)], channel.clone()) && opens(&[block(2), block(1)], channel.clone()));
        assert!(!opens(&[block(2)], channel.clone()) && !opens(&[], channel));
    }
    assert!(Access::default().is_none());
    assert!(!Access { by_voucher: vec![block(1)], ..Access::default() }.is_none());
}

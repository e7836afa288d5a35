//! Random valid histories. A list of numbers is a history, so that a failing one shrinks.

use super::kept_seats::hold_kept_seat;
use super::partial_refunds;
use super::world::{World, plan, plan_with_price_types, seat_id, show_id, terms};
use chrono::TimeDelta;
use lastseat_domain::booking::{Booking, BookingCommand, Phase, Review};
use lastseat_domain::deliveries::{Deliveries, DeliveriesCommand};
use lastseat_domain::event::{AbortReason, Discount, LossAccepted, Pending, PlanDrawn, Reward, Tender, VoucherTerms};
use lastseat_domain::loyalty::LoyaltyCommand;
use lastseat_domain::plan::{Category, Drawing, DrawnArea, PlanCategory, PriceType, Row, merged};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat::{Seat, SeatCommand};
use lastseat_domain::show::{SaleState, Show, ShowChanges, ShowCommand};
use lastseat_domain::ticket::{ScanId, Ticket, TicketCommand, TicketFacts};
use lastseat_domain::voucher::VoucherCommand;
use lastseat_domain::{
    AreaId, BookingId, BuyerId, CategoryId, Currency, Decider, DeviceId, EndpointId, GateId, Money, PlanId, ScanKind, SeatId,
    ShowId, StreamName,
};
use proptest::prelude::*;
use uuid::Uuid;

/// One step: what, and two dice.
pub type Step = (u8, u8, u16);

pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any::<Step>(), 1..most)
}

pub const SHOWS: [&str; 3] = ["gala", "rave", "club"];

/// The world after these steps. Nothing is left undone for longer than the audit's grace.
pub fn history(steps: &[Step], stride: u64) -> World {
    let mut world = World::new(stride);
    world.schedule(plan("gala", 2, 6, 9));
    // Some of its bookings earn a code.
    let mut rave = plan("rave", 0, 0, 14);
    rave.rewards.push(Reward { reward: "Half price".into(), weight: 4, discount: Some(Discount::Percent(50)) });
    world.schedule(rave);
    for (n, step) in steps.iter().enumerate() {
        // A show may come up while others sell.
        if n == 5 {
            world.schedule(plan_with_price_types("club", 1, 8, 0));
        }
        take(&mut world, *step);
    }
    world
}

/// A plan of five places, which no show is on.
fn draw_plan(world: &mut World) {
    let (area, category) = (AreaId::new("floor").unwrap(), CategoryId::new("floor").unwrap());
    let drawing = Drawing {
        name: "House".into(),
        categories: vec![PlanCategory { category: category.clone(), name: None, color: None }],
        shapes: vec![],
        areas: vec![DrawnArea { area, section: None, category, rows: vec![], capacity: Some(5) }],
    };
    let (plan, fingerprint) = (PlanId::new("house").unwrap(), drawing.fingerprint());
    let stream = StreamName::plan(&plan);
    world.append(stream, &[PlanDrawn { plan, revision: 1, part: 1, parts: 1, fingerprint, drawing }.into()]);
}

/// A scan that was made offline so many seconds ago.
fn scanned_offline(world: &World, code: &TicketFacts, kind: ScanKind, n: u128, ago: i64) -> TicketCommand {
    TicketCommand::Record {
        code: code.clone(),
        kind,
        gate: GateId::new("south").unwrap(),
        device: DeviceId::new("hand-1").unwrap(),
        scan: Uuid::from_u128(n),
        scanned_at: world.now - TimeDelta::seconds(ago),
        now: world.now,
        void: None,
        by: "staff-1".to_owned(),
    }
}

/// A ticket is issued again, and admits; its bearer leaves. Then a device sends what it scanned offline since: somebody came in
/// again, and in once more; that they had gone out in between is sent last.
pub fn use_ticket(world: &mut World, booking: BookingId, seat: &str) {
    let seat = seat_id(seat);
    let Ok(code) = world.bookings[&booking].ticket(&seat) else { return };
    let (ticket, mut state) = (code.ticket(), Ticket::default());
    let (code, gate) = (TicketFacts { issue: 1, ..code }, GateId::new("north").unwrap());
    let by = || "staff-1".to_owned();
    let scan = |n| ScanId { device: None, scan: Uuid::from_u128(n) };
    let mut command = |world: &mut World, command| {
        let events = Ticket::decide(&ticket, &state, command).unwrap();
        world.append(StreamName::ticket(ticket), &events);
        state = events.iter().fold(std::mem::take(&mut state), |state, event| Ticket::evolve(state, event, world.now));
    };
    command(world, TicketCommand::Reissue { booking, seat, voids: 0, by: by() });
    command(world, TicketCommand::Admit { code: code.clone(), gate: gate.clone(), scan: scan(1), by: by() });
    command(world, TicketCommand::Leave { code: code.clone(), gate, scan: scan(2), by: by() });
    world.pass(10);
    for (n, kind, ago) in [(3, ScanKind::Entry, 5), (4, ScanKind::Entry, 1), (5, ScanKind::Exit, 3)] {
        let scanned = scanned_offline(world, &code, kind, n, ago);
        command(world, scanned);
    }
}

/// Adds a show whose sale has an event of every type, so that none is left to chance.
pub fn every_event(world: &mut World) {
    let show = show_id("opera");
    draw_plan(world);
    world.schedule(plan("opera", 1, 30, 0));
    world.command_show(&show, ShowCommand::Pause);
    world.command_show(&show, ShowCommand::Resume);
    let other_price = world.shows[&show].facts.categories.iter().map(|c| Category { price: c.price + 500, ..c.clone() });
    let changes = ShowChanges { categories: Some(other_price.collect()), ..ShowChanges::default() };
    world.command_show(&show, ShowCommand::Revise { changes: Box::new(changes), expected: Some(0) });

    // Sold in the end, and used.
    let sold = world.hold("buyer-1", "opera", &["A-1", "A-2", "A-3"]);
    let intent = world.intent(sold);
    let now = world.now;
    assert!(world.booking(sold, BookingCommand::Extend { now, seconds: 2 * super::world::HOLD_SECONDS }));
    assert!(world.start_payment(sold));
    let decline = BookingCommand::Decline { attempt: 1, intent: Some(intent.clone()), code: "card_declined".into() };
    assert!(world.booking(sold, decline));
    assert!(world.start_payment(sold));
    let url = Some("https://bank.example".into());
    assert!(world.booking(sold, BookingCommand::RequireAction { attempt: 2, intent, url }));
    assert!(world.commit(sold));
    world.book_seats(sold);
    assert!(world.capture(sold));
    world.credit(sold);
    let buyer = BuyerId::new("buyer-1").unwrap();
    let voucher = world.accounts[&buyer].vouchers.keys().next_back().copied().unwrap();
    assert!(world.loyalty(&buyer, LoyaltyCommand::Redeem { voucher }));

    use_ticket(world, sold, "A-1");

    // Refunded, by the gateway and by hand.
    let refunded = world.hold("buyer-8", "opera", &["A-4", "A-5", "A-6"]);
    world.pay(refunded);
    world.refund(refunded);
    let returned = world.hold("buyer-9", "opera", &["A-7"]);
    world.pay(returned);
    assert!(world.booking(returned, BookingCommand::RequestRefund { by: "admin".into() }));
    review_as(world, returned, Review::ReturnedElsewhere);
    world.release(returned, AbortReason::Refunded);
    world.revoke(returned);

    // Refunded, and with it the code that it has earned.
    let mut soiree = plan("soiree", 0, 0, 9);
    soiree.rewards = vec![Reward { reward: "Half price".into(), weight: 1, discount: Some(Discount::Percent(50)) }];
    world.schedule(soiree);
    let earning = world.hold("buyer-7", "soiree", &["floor:1", "floor:2", "floor:3"]);
    world.pay(earning);
    world.refund(earning);

    // Given back in parts: a seat, an amount, a seat whose money went another way, one that is kept; the last under way.
    let parts = world.hold("buyer-8", "opera", &["A-20", "A-21", "A-22"]);
    world.pay(parts);
    world.refund_part(parts, &["A-20"], None);
    world.refund_part(parts, &[], Some(100));
    for outcome in [Review::Abandoned, Review::ReturnedElsewhere] {
        assert!(world.request_part(parts, &[SeatId::new("A-21").unwrap()], Some(50)));
        review_as(world, parts, outcome);
        world.finish_part(parts);
    }
    assert!(world.request_part(parts, &[], Some(7)));

    // Given up during the payment: its intent is cancelled, or a person sees to it.
    for (seat, by_hand) in [("A-8", false), ("A-9", true)] {
        let aborted = world.hold("buyer-9", "opera", &[seat]);
        assert!(world.start_payment(aborted));
        assert!(world.booking(aborted, BookingCommand::Cancel { reason: AbortReason::Cancelled }));
        world.release(aborted, AbortReason::Cancelled);
        let intent = world.intent(aborted);
        if by_hand {
            review_as(world, aborted, Review::Settled);
        } else {
            assert!(world.booking(aborted, BookingCommand::RecordVoid { intent }));
        }
    }

    // Left as they are: flagged, released by a person, not rewarded, held.
    for (seat, is_reviewed) in [("A-10", false), ("A-11", true)] {
        let flagged = world.hold("buyer-9", "opera", &[seat]);
        assert!(world.start_payment(flagged));
        if is_reviewed {
            review_as(world, flagged, Review::Continue);
        } else {
            assert!(world.booking(flagged, BookingCommand::Flag { reason: "the gateway does not say".into() }));
        }
    }
    // Two vouchers: one is taken off again, one paid with; a third is for goods.
    let vouchers = world.campaign(&terms(Discount::Percent(50)), 2);
    let discounted = world.hold("buyer-9", "opera", &["A-18"]);
    assert!(world.apply_voucher(discounted, &vouchers[0]));
    let now = world.now;
    assert!(world.booking(discounted, BookingCommand::RemoveVoucher { now }));
    assert!(world.settle_voucher(discounted) && world.apply_voucher(discounted, &vouchers[1]));
    world.pay(discounted);
    assert!(world.settle_voucher(discounted));
    let goods = world.campaign(&terms(Discount::Goods("A drink".into())), 1);
    assert!(world.voucher(&goods[0], VoucherCommand::HandOver { now, by: "staff".into() }));

    // Moved to another seat, and given to another buyer.
    let moved = world.hold("buyer-9", "opera", &["A-23"]);
    world.pay(moved);
    world.exchange(moved, &["A-23"], &["A-24"]);
    assert!(world.request_exchange(moved, &[seat_id("A-24")], &[seat_id("A-25")]));
    give_up_exchange(world, moved);
    let to = BuyerId::new("buyer-8").unwrap();
    assert!(world.booking(moved, BookingCommand::Transfer { buyer: to, by: "admin".into() }));
    // Kept for sponsors: one seat is sold, one comes back before the block is lifted, one after.
    let block = world.block("opera", &["A-14", "A-15", "A-16"]);
    let [bought, early, late] = ["A-14", "A-15", "A-16"].map(|seat| world.hold_from(block, "buyer-9", "opera", seat));
    world.pay(bought);
    for (booking, is_lifted) in [(early, false), (late, true)] {
        if is_lifted {
            world.lift(block);
        }
        assert!(world.booking(booking, BookingCommand::Cancel { reason: AbortReason::Cancelled }));
        world.release(booking, AbortReason::Cancelled);
    }
    world.unblock_lifted();
    world.block("opera", &["A-17"]);
    let unrewarded = world.hold("buyer-9", "opera", &["A-12"]);
    assert!(world.start_payment(unrewarded) && world.commit(unrewarded));
    world.book_seats(unrewarded);
    assert!(world.capture(unrewarded));
    world.hold("buyer-9", "opera", &["A-13"]);
    world.command_show(&show, ShowCommand::Cancel);
    world.command_show(&show, ShowCommand::RequestRefunds { by: "manager".into() });
    let (shop, sender) = (EndpointId::new("shop").unwrap(), Uuid::from_u128(0xa));
    let (now, until) = (world.now, world.now + TimeDelta::seconds(30));
    let reached = |world: &World| world.log.last().map_or(Position::START, |event| event.position);
    for command in [
        DeliveriesCommand::Claim { sender, now, until, begin: Position::START },
        DeliveriesCommand::Abandon {
            sender,
            message: sender,
            event: Pending { stream: StreamName::show(&show), revision: 0 },
            position: reached(world),
            tries: 10,
            reason: "answered 500".into(),
        },
        DeliveriesCommand::Checkpoint { sender, position: reached(world), pending: vec![], until },
        DeliveriesCommand::Replay { position: Position(1), by: "manager".into() },
    ] {
        let events = Deliveries::decide(&shop, &world.deliveries, command).unwrap();
        world.append(StreamName::webhook(&shop), &events);
        let before = std::mem::take(&mut world.deliveries);
        world.deliveries = events.iter().fold(before, |state, event| Deliveries::evolve(state, event, now));
    }
    let found_position = world.log.last().map_or(0, |event| event.position.0);
    let loss = LossAccepted { expected_position: None, found_position, reason: "planted".into(), by: "admin".into() };
    world.append(StreamName::operations(), &[loss.into()]);
}

fn review_as(world: &mut World, id: BookingId, outcome: Review) {
    assert!(world.booking(id, BookingCommand::Flag { reason: "the gateway does not say".into() }));
    assert!(world.booking(id, BookingCommand::Review { outcome, kept: None, reason: "seen".into(), by: "admin".into() }));
}

/// Ends all that is under way.
pub fn finish(world: &mut World) {
    pass(world, 40);
    let ids: Vec<_> = world.bookings.keys().copied().collect();
    for id in &ids {
        if world.bookings[id].flagged {
            look_at(world, *id);
        }
        give_up_exchange(world, *id);
        while settle(world, *id) {}
    }
    world.unblock_lifted();
}

fn nth<'a, T>(of: impl IntoIterator<Item = &'a T>, dice: u16) -> Option<&'a T> {
    let all: Vec<_> = of.into_iter().collect();
    (!all.is_empty()).then(|| all[usize::from(dice) % all.len()])
}

fn pick(world: &World, dice: u16, wanted: impl Fn(&Booking) -> bool) -> Option<BookingId> {
    nth(world.bookings.values().filter(|b| wanted(b)).map(|b| &b.id), dice).copied()
}

fn take(world: &mut World, (what, small, dice): Step) {
    match what % 26 {
        22 => {
            if let Some(id) = pick(world, dice, |b| matches!(b.phase, Phase::Confirmed { .. })) {
                partial_refunds::request(world, id, small);
            }
        }
        23 if small.is_multiple_of(3) => hold_kept_seat(world, small / 3, dice),
        23 => use_voucher(world, small, dice),
        24 => take_voucher_off(world, small, dice),
        25 => exchange(world, small, dice),
        20 => block(world, small, dice),
        21 => lift(world, dice),
        0..=3 => hold(world, small, dice),
        4 | 5 => {
            let id = pick(world, dice, |b| matches!(b.phase, Phase::Held | Phase::ActionRequired { .. }));
            if let Some(id) = id.filter(|id| has_all(world, *id)) {
                match (small % 8, small % 3) {
                    (0, 0) => world.start_at_till(id, Tender::Complimentary),
                    (0, 1) => world.start_at_till(id, Tender::Invoice),
                    (0, _) => world.start_at_till(id, Tender::Cash),
                    _ => world.start_payment(id),
                };
            }
        }
        6 | 7 => {
            if let Some(id) = pick(world, dice, |b| matches!(b.phase, Phase::Paying | Phase::ActionRequired { .. })) {
                let intent = world.intent(id);
                let attempt = world.bookings.get(&id).map_or(0, Booking::attempt);
                match small % 5 {
                    0 => {
                        world.booking(id, BookingCommand::Decline { attempt, intent: Some(intent), code: "card_declined".into() })
                    }
                    1 => world
                        .booking(id, BookingCommand::RequireAction { attempt, intent, url: Some("https://bank.example".into()) }),
                    _ => world.commit(id),
                };
            }
        }
        8 | 9 => {
            if let Some(id) = nth(world.bookings.keys(), dice).copied() {
                settle(world, id);
            }
        }
        10 => {
            if let Some(id) = pick(world, dice, Booking::is_undecided) {
                let command = if small.is_multiple_of(2) {
                    BookingCommand::Extend { now: world.now, seconds: super::world::HOLD_SECONDS }
                } else {
                    BookingCommand::Cancel { reason: AbortReason::Cancelled }
                };
                world.booking(id, command);
            }
        }
        11 => {
            if let Some(id) = pick(world, dice, |b| matches!(b.phase, Phase::Confirmed { .. })) {
                world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
            }
        }
        12 => {
            let good = world.accounts.iter().flat_map(|(buyer, a)| a.vouchers.keys().map(move |v| (buyer.clone(), *v)));
            let all: Vec<_> = good.collect();
            if let Some((buyer, voucher)) = nth(&all, dice) {
                world.loyalty(buyer, LoyaltyCommand::Redeem { voucher: *voucher });
            }
        }
        13 => {
            if let Some(id) = pick(world, dice, |b| b.phase == Phase::Committed) {
                let intent = world.intent(id);
                world.booking(id, BookingCommand::FailCapture { intent });
            }
        }
        14 => {
            let show = nth(world.shows.keys(), dice).cloned().unwrap();
            let command = match small % 4 {
                0 => ShowCommand::Pause,
                1 => ShowCommand::Resume,
                _ => revision(&world.shows[&show], small),
            };
            world.command_show(&show, command);
        }
        15 => flag(world, small, dice),
        16 | 17 => review(world, small, dice),
        18 if small.is_multiple_of(8) => {
            let show = nth(world.shows.keys(), dice).cloned().unwrap();
            world.command_show(&show, ShowCommand::Cancel);
        }
        _ => pass(world, i64::from(small % 45)),
    }
}

fn dearer(category: &Category, by: i64) -> Category {
    let types = category.price_types.iter().map(|known| PriceType { price: known.price + by, ..known.clone() });
    Category { price: category.price + by, price_types: types.collect(), ..category.clone() }
}

/// Other prices, another title, or more seats: rows in an area that has rows, places in one that has places, or an area of
/// its own.
fn revision(show: &Show, small: u8) -> ShowCommand {
    let mut changes = ShowChanges::default();
    match small >> 2 {
        n if n.is_multiple_of(4) => changes.title = Some(format!("The {n}")),
        n if n.is_multiple_of(2) => {
            let prices = show.facts.categories.iter().map(|c| dearer(c, n.into()));
            changes.categories = Some(prices.collect());
        }
        n => {
            let mut areas = merged(&show.facts.areas);
            let next = areas.iter().map(|area| area.rows.len()).sum::<usize>();
            let row = Row { row: format!("N{next}"), seats: 2, gaps_after: vec![1] };
            match areas.iter_mut().find(|area| area.capacity.is_some() == n.is_multiple_of(3)) {
                Some(area) if area.capacity.is_some() => area.capacity = area.capacity.map(|places| places + 2),
                Some(area) => area.rows.push(row),
                None => {}
            }
            changes.areas = Some(areas);
        }
    }
    ShowCommand::Revise { changes: Box::new(changes), expected: None }
}

/// A payment is left to a person: its outcome can't be found out, or its money can't be returned.
fn flag(world: &mut World, small: u8, dice: u16) {
    let is_stuck = |b: &Booking| match b.phase {
        Phase::Paying => small.is_multiple_of(4),
        Phase::Confirmed { refund_requested } => refund_requested,
        Phase::Aborted { .. } => !b.voided && !b.attempts.is_empty(),
        _ => false,
    };
    if let Some(id) = pick(world, dice, is_stuck) {
        world.booking(id, BookingCommand::Flag { reason: "the gateway does not say".into() });
    }
}

/// Ends what is under way without a move.
fn give_up_exchange(world: &mut World, id: BookingId) {
    if let Some(exchange) = world.bookings[&id].exchange.as_ref().map(|requested| requested.exchange) {
        world.booking(id, BookingCommand::AbandonExchange { exchange });
        world.finish_exchanges(id);
    }
}

/// A person has looked at a flagged payment.
fn review(world: &mut World, small: u8, dice: u16) {
    let Some(id) = pick(world, dice, |b| b.flagged) else { return };
    if small.is_multiple_of(3) {
        let outcome = Review::Continue;
        world.booking(id, BookingCommand::Review { outcome, kept: None, reason: "seen".into(), by: "admin".into() });
    } else {
        look_at(world, id);
    }
}

/// They have seen to the money of a flagged payment, if it is theirs to do.
fn look_at(world: &mut World, id: BookingId) {
    let outcome = match world.bookings[&id].phase {
        Phase::Confirmed { .. } => Review::ReturnedElsewhere,
        Phase::Aborted { .. } => Review::Settled,
        _ => Review::Continue,
    };
    world.booking(id, BookingCommand::Review { outcome, kept: None, reason: "seen".into(), by: "admin".into() });
}

fn has_all(world: &World, id: BookingId) -> bool {
    let booking = &world.bookings[&id];
    let show = booking.show().unwrap();
    booking.seats().iter().all(|s| world.seats.get(&(show.clone(), s.seat.clone())).and_then(Seat::owner) == Some(id))
}

/// A hold of one to four seats, some of which may be another's; its events in any order that a log
/// may have them in.
fn hold(world: &mut World, small: u8, dice: u16) {
    let show: ShowId = show_id(SHOWS[usize::from(small) % SHOWS.len()]);
    let Some(state) = world.shows.get(&show).filter(|show| show.sale != SaleState::Cancelled) else { return };
    let plan = std::sync::Arc::clone(&state.plan);
    let count = 1 + usize::from(small >> 2) % 4;
    let start = u32::from(dice) % plan.len();
    let mut seats: Vec<SeatId> = (0..plan.len()).cycle().skip(start as usize).take(count).filter_map(|i| plan.id_of(i)).collect();
    seats.sort();
    let id = world.new_booking();
    let buyer = match small >> 4 {
        0 => BuyerId::guest(id),
        n => BuyerId::new(&format!("buyer-{}", n % 3)).unwrap(),
    };
    let opened = world.opening(id, &buyer, &show, &seats);
    let open_after = usize::from(dice >> 8) % (count + 2);
    let mut lost = false;
    for (n, seat) in seats.iter().enumerate() {
        if n == open_after {
            world.booking(id, BookingCommand::Open(opened.clone()));
        }
        lost |= !world.lock(id, &buyer, &show, seat);
    }
    match open_after {
        n if n < count => {}
        n if n == count => drop(world.booking(id, BookingCommand::Open(opened))),
        // The opener died in between: the recoverer closes the booking before it opens.
        _ => drop(world.booking(id, BookingCommand::Fence { booking: id })),
    }
    if lost {
        world.booking(id, BookingCommand::Cancel { reason: AbortReason::SeatLost });
    }
}

/// Up to three seats are blocked, which may be another's. If one is, none is kept.
fn block(world: &mut World, small: u8, dice: u16) {
    let show: ShowId = show_id(SHOWS[usize::from(small) % SHOWS.len()]);
    let Some(state) = world.shows.get(&show) else { return };
    let plan = std::sync::Arc::clone(&state.plan);
    let first = u32::from(dice) % plan.len();
    let last = plan.len().min(first + 1 + u32::from(small >> 2) % 3);
    let seats: Vec<SeatId> = (first..last).filter_map(|i| plan.id_of(i)).collect();
    let is_free = |seat: &SeatId| world.seats.get(&(show.clone(), seat.clone())).copied().unwrap_or_default() == Seat::Free;
    if seats.iter().all(is_free) {
        world.block(show.as_str(), &seats.iter().map(SeatId::as_str).collect::<Vec<_>>());
    }
}

/// A sold booking is to be moved, or what is under way is decided, given up or completed.
fn exchange(world: &mut World, small: u8, dice: u16) {
    let is_sold = |b: &Booking| b.phase == (Phase::Confirmed { refund_requested: false });
    let Some(id) = pick(world, dice, is_sold) else { return };
    let booking = world.bookings[&id].clone();
    if small.is_multiple_of(16) {
        let buyer = BuyerId::new(&format!("buyer-{}", dice % 3)).unwrap();
        world.booking(id, BookingCommand::Transfer { buyer, by: "admin".into() });
    }
    if let Some(requested) = &booking.exchange {
        let exchange = requested.exchange;
        let command = if world.take_seats(id) && !small.is_multiple_of(4) {
            BookingCommand::DecideExchange { exchange }
        } else {
            BookingCommand::AbandonExchange { exchange }
        };
        world.booking(id, command);
    } else if !small.is_multiple_of(3) {
        let show = booking.show().unwrap();
        let plan = std::sync::Arc::clone(&world.shows[show].plan);
        let wanted = plan.id_of(u32::from(dice) % plan.len()).unwrap();
        world.request_exchange(id, &[booking.seats()[0].seat.clone()], &[wanted]);
    }
    world.finish_exchanges(id);
}

fn lift(world: &mut World, dice: u16) {
    let open = world.blocks.iter().filter(|(_, block)| block.is_open()).map(|(id, _)| id);
    if let Some(block) = nth(open, dice).copied() {
        world.lift(block);
    }
}

/// A voucher, of a new campaign or of one that is there, for a booking.
fn use_voucher(world: &mut World, small: u8, dice: u16) {
    if world.vouchers.is_empty() || small.is_multiple_of(4) {
        let discount = match small % 3 {
            0 => Discount::Percent(u32::from(dice % 100) + 1),
            1 => Discount::Amount(Money { value: i64::from(dice) + 1, currency: Currency::new("EUR").unwrap() }),
            _ => Discount::FreeSeats(u32::from(dice % 3) + 1),
        };
        let categories = if dice.is_multiple_of(5) { vec![CategoryId::new("first").unwrap()] } else { vec![] };
        world.campaign(&VoucherTerms { uses: u32::from(small % 2) + 1, categories, ..terms(discount) }, 2);
    }
    let voucher = nth(world.vouchers.keys(), dice).cloned().unwrap();
    if let Some(id) = pick(world, dice, |b| b.phase == Phase::Held) {
        world.apply_voucher(id, &voucher);
    }
}

/// Off a booking, or kept from being applied after it was reserved.
fn take_voucher_off(world: &mut World, small: u8, dice: u16) {
    let Some(id) = pick(world, dice, |b| b.phase == Phase::Held) else { return };
    let voucher = nth(world.vouchers.keys(), dice).cloned();
    match voucher.filter(|_| small.is_multiple_of(2) && world.bookings[&id].voucher.is_none()) {
        Some(voucher) => drop(world.reserve_voucher(id, &voucher)),
        None => drop(world.booking(id, BookingCommand::RemoveVoucher { now: world.now })),
    }
}

/// One step of what has to follow for a booking. Whether there was one.
fn settle(world: &mut World, id: BookingId) -> bool {
    if world.settle_voucher(id) {
        return true;
    }
    let booking = world.bookings[&id].clone();
    let held = world.held.get(&id).cloned().unwrap_or_default();
    let release = |world: &mut World, reason| {
        let Some((show, seat)) = held.first() else { return false };
        world.seat(show, seat, SeatCommand::Release { booking: id, reason })
    };
    // The account of who paid, whoever has it now.
    let counted = booking
        .opened
        .as_ref()
        .map(|opened| &opened.buyer)
        .and_then(|b| world.accounts.get(b))
        .and_then(|a| a.counted.get(&id))
        .copied();
    match booking.phase {
        Phase::Committed => {
            let sold = |key: &&(ShowId, SeatId)| matches!(world.seats[*key], Seat::Booked { .. });
            match held.iter().find(|key| !sold(key)) {
                Some((show, seat)) => world.seat(show, seat, SeatCommand::Book { booking: id }),
                None => world.capture(id),
            }
        }
        Phase::Confirmed { .. } if counted.is_none() => {
            world.credit(id);
            true
        }
        Phase::Confirmed { refund_requested: true } if !booking.flagged => {
            world.return_money(id);
            true
        }
        Phase::Confirmed { refund_requested: false } => partial_refunds::settle(world, id),
        Phase::Aborted { reason } => {
            if release(world, reason) {
                return true;
            }
            let intent = world.intent(id);
            let is_settled = booking.voided || booking.flagged || booking.reviewed == Some(Review::Settled);
            !is_settled
                && !booking.attempts.is_empty()
                && booking.tender().is_none()
                && world.booking(id, BookingCommand::RecordVoid { intent })
        }
        Phase::Refunded => {
            if release(world, AbortReason::Refunded) {
                return true;
            }
            if counted.is_some_and(|seats| seats > 0) {
                world.revoke(id);
                return true;
            }
            false
        }
        _ => false,
    }
}

/// Time passes; what is over is settled before and after, so that nothing is late.
fn pass(world: &mut World, seconds: i64) {
    let moving: Vec<_> = world.bookings.values().filter(|b| b.exchange.is_some()).map(|b| b.id).collect();
    for id in moving {
        give_up_exchange(world, id);
    }
    settle_all_over(world);
    world.pass(seconds);
    let overdue: Vec<_> = world.bookings.values().filter(|b| b.is_overdue(world.now)).map(|b| b.id).collect();
    for id in overdue {
        let now = world.now;
        world.booking(id, BookingCommand::Expire { now });
    }
    settle_all_over(world);
}

fn settle_all_over(world: &mut World) {
    let all: Vec<_> = world.bookings.keys().copied().collect();
    for id in all {
        while world.settle_voucher(id) {}
    }
    let over = |b: &&Booking| matches!(b.phase, Phase::Aborted { .. } | Phase::Refunded) || partial_refunds::is_begun(b);
    let ids: Vec<_> = world.bookings.values().filter(over).map(|b| b.id).collect();
    for id in ids {
        while settle(world, id) {}
    }
    world.unblock_lifted();
}

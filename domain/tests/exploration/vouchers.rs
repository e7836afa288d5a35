//! Every interleaving of two bookings that want one voucher, a buyer who takes it off again, payments, a manager who
//! withdraws it, and nodes that complete what is left undone; driven by the real deciders of vouchers and bookings.
//!
//! Each append is decided on what was read and lands later, or never: its node may die at any moment.

use crate::support::*;
use lastseat_domain::booking::{self, Booking, BookingCommand, Phase};
use lastseat_domain::event::{
    AbortReason, Discount, Event, VoucherCreated, VoucherSource, VoucherTerms, VoucherWithdrawn, Withdrawal,
};
use lastseat_domain::voucher::{self, Voucher, VoucherCommand, VoucherStep, next_step};
use lastseat_domain::{CampaignId, VoucherHash};
use uuid::Uuid;

mod explore;

use explore::explore;

/// The protocol as designed, or one of its failing twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Twin {
    None,
    /// An append to the voucher lands wherever its stream ends.
    BlindAppend,
    /// A reservation that was not applied is freed without fencing the application first.
    FreeWithoutFence,
    /// It is freed whichever application has it.
    FreeOfAnothers,
    /// It is freed while the booking still has it.
    FreeBeforeTheEnd,
    NobodyCompletes,
    /// A booking is paid for without the voucher that it was opened with.
    PayWithoutTheVoucher,
}

/// What one node is doing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Node {
    /// Nothing, and it may begin so many things yet.
    Idle(u8),
    /// It has reserved the voucher for this application, and goes on to apply it.
    Reserved(u8, u8),
    /// An append is on its way, decided at this revision.
    Flying { left: u8, stream: Stream, revision: usize, event: Fact, then: Option<u8> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stream {
    Voucher,
    Booking,
}

/// An event, as far as it matters here. The number is that of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fact {
    Reserved(u8, u8),
    Freed(u8, u8),
    Used(u8, u8),
    Withdrawn,
    Applied(u8),
    Removed(u8),
    Started,
    Authorised,
    Committed,
    Captured,
    Aborted,
}

/// A manager who withdraws the voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Manager {
    Waits,
    /// The append is on its way, decided at this revision.
    Flying(usize),
    /// There is none, or nothing more comes.
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    /// Whether the voucher opens seats, and both bookings were opened with it.
    opens: bool,
    voucher: Vec<Fact>,
    bookings: [Vec<Fact>; 2],
    /// Of each booking: the node that its buyer talks to, and one that only completes what is left.
    nodes: [[Node; 2]; 2],
    manager: Manager,
}

fn hash() -> VoucherHash {
    VoucherHash::of_bytes([1; 32])
}

fn number(of: u8) -> u8 {
    of + 1
}

fn event_of(fact: Fact, of: u8) -> Event {
    let (voucher, booking) = (hash(), booking(number(of)));
    let with = |n: u8, application: u8| (hash(), crate::support::booking(number(n)), u32::from(application));
    match fact {
        Fact::Reserved(n, application) => {
            let (voucher, booking, application) = with(n, application);
            lastseat_domain::event::VoucherReserved { voucher, booking, application }.into()
        }
        Fact::Freed(n, application) => {
            let (voucher, booking, application) = with(n, application);
            lastseat_domain::event::VoucherFreed { voucher, booking, application }.into()
        }
        Fact::Used(n, application) => {
            let (voucher, booking, application) = with(n, application);
            lastseat_domain::event::VoucherUsed { voucher, booking, application }.into()
        }
        Fact::Withdrawn => {
            let cause = Withdrawal::Staff { by: "manager".into(), reason: None };
            VoucherWithdrawn { voucher, cause }.into()
        }
        Fact::Applied(application) => {
            let application = application.into();
            lastseat_domain::event::VoucherApplied { booking, voucher, application, discount: 1_000 }.into()
        }
        Fact::Removed(application) => {
            lastseat_domain::event::VoucherRemoved { booking, voucher, application: application.into() }.into()
        }
        Fact::Started => started(1),
        Fact::Authorised => authorised(1),
        Fact::Committed => committed(),
        Fact::Captured => captured(),
        Fact::Aborted => aborted(AbortReason::Cancelled),
    }
}

/// The one event that a decision leads to; `None` if there is none, or it is refused.
fn fact_of(decided: Result<Vec<Event>, lastseat_domain::Rejection>, of: u8) -> Option<Fact> {
    let event = decided.ok()?.into_iter().next()?;
    let small = |application: u32| u8::try_from(application).unwrap();
    Some(match event {
        Event::VoucherReserved(e) => Fact::Reserved(of, small(e.application)),
        Event::VoucherFreed(e) => Fact::Freed(of, small(e.application)),
        Event::VoucherUsed(e) => Fact::Used(of, small(e.application)),
        Event::VoucherWithdrawn(_) => Fact::Withdrawn,
        Event::VoucherApplied(e) => Fact::Applied(small(e.application)),
        Event::VoucherRemoved(e) => Fact::Removed(small(e.application)),
        Event::PaymentStarted(_) => Fact::Started,
        Event::BookingAborted(_) => Fact::Aborted,
        other => panic!("{}", other.name()),
    })
}

impl World {
    fn start() -> Self {
        // One booking takes it, removes it and takes it again; the other wants it, too.
        let nodes = [[Node::Idle(3), Node::Idle(1)], [Node::Idle(1), Node::Idle(0)]];
        Self { opens: false, voucher: vec![], bookings: [vec![], vec![]], nodes, manager: Manager::Done }
    }

    /// A manager withdraws it meanwhile.
    fn with_a_manager() -> Self {
        let nodes = [[Node::Idle(2), Node::Idle(1)], [Node::Idle(1), Node::Idle(0)]];
        Self { nodes, manager: Manager::Waits, ..Self::start() }
    }

    /// Two holds of kept seats that the voucher has opened: each buyer applies it and pays, or cancels.
    fn of_kept_seats() -> Self {
        let nodes = [[Node::Idle(2), Node::Idle(1)], [Node::Idle(2), Node::Idle(0)]];
        Self { opens: true, nodes, ..Self::start() }
    }

    fn voucher(&self) -> Voucher {
        let terms = VoucherTerms {
            discount: Discount::Percent(50),
            uses: 1,
            valid_from: None,
            valid_until: None,
            shows: vec![],
            categories: vec![],
            opens: if self.opens { vec![block(1)] } else { vec![] },
        };
        let source = VoucherSource::Campaign { campaign: CampaignId(Uuid::nil()), number: 1 };
        let created: Event = VoucherCreated { voucher: hash(), terms, source }.into();
        let events = std::iter::once(created).chain(self.voucher.iter().map(|fact| event_of(*fact, 0)));
        events.fold(None, |state, event| voucher::evolve(state, &event)).unwrap()
    }

    fn booking(&self, of: u8) -> Booking {
        self.booking_opened_with(of, self.opens.then(hash))
    }

    fn booking_opened_with(&self, of: u8, voucher: Option<VoucherHash>) -> Booking {
        let opened: Event = lastseat_domain::event::BookingOpened { booking: booking(number(of)), voucher, ..opened() }.into();
        let events = std::iter::once(opened).chain(self.bookings[usize::from(of)].iter().map(|fact| event_of(*fact, of)));
        events.fold(None, |state, event| booking::evolve(state, &event, minute(0))).unwrap()
    }

    fn stream(&mut self, stream: Stream, of: u8) -> &mut Vec<Fact> {
        match stream {
            Stream::Voucher => &mut self.voucher,
            Stream::Booking => &mut self.bookings[usize::from(of)],
        }
    }

    /// Nobody has it who must not, and who has applied it has it.
    fn violation(&self) -> Option<&'static str> {
        let voucher = self.voucher();
        if voucher.claims.len() > 1 {
            return Some("two bookings have it");
        }
        let after = self.voucher.iter().skip_while(|fact| **fact != Fact::Withdrawn);
        if after.clone().any(|fact| matches!(fact, Fact::Reserved(..))) {
            return Some("it is reserved after it was withdrawn");
        }
        let paid = |of: usize| self.bookings[of].contains(&Fact::Committed);
        if self.opens && paid(0) && paid(1) {
            return Some("one voucher has sold two bookings");
        }
        for of in 0..2 {
            let booking = self.booking(of);
            let claim = voucher.claims.get(&booking.id);
            let over = matches!(booking.phase, Phase::Aborted { .. });
            if let Some(applied) = booking.voucher.as_ref().filter(|_| !over)
                && claim.is_none_or(|claim| claim.application != applied.application)
            {
                return Some("a booking costs less, and does not have it");
            }
        }
        None
    }

    /// Whether nothing is left to be done for the voucher.
    fn is_resolved(&self) -> bool {
        let voucher = self.voucher();
        voucher.claims.iter().all(|(id, claim)| {
            let of = if *id == booking(1) { 0 } else { 1 };
            match next_step(&self.booking(of), &hash(), claim.application, false) {
                VoucherStep::Keep => true,
                VoucherStep::UseUp => claim.used,
                VoucherStep::Fence | VoucherStep::Free => false,
            }
        })
    }

    fn with_node(&self, of: u8, node: usize, is: Node) -> Self {
        let mut next = self.clone();
        next.nodes[usize::from(of)][node] = is;
        next
    }

    fn fly(&self, of: u8, node: usize, left: u8, stream: Stream, event: Fact, then: Option<u8>) -> Self {
        let revision = self.clone().stream(stream, of).len();
        self.with_node(of, node, Node::Flying { left, stream, revision, event, then })
    }

    /// What the manager may do next.
    fn manage(&self, twin: Twin, next: &mut Vec<Self>) {
        let with = |manager| Self { manager, ..self.clone() };
        match self.manager {
            Manager::Done => {}
            Manager::Waits => {
                let withdraw = VoucherCommand::Withdraw(Withdrawal::Staff { by: "manager".into(), reason: None });
                let decided = fact_of(voucher::decide(&hash(), Some(&self.voucher()), withdraw), 0);
                next.extend(decided.map(|_| with(Manager::Flying(self.voucher.len()))));
            }
            Manager::Flying(revision) => {
                next.push(with(Manager::Done));
                if self.voucher.len() == revision || twin == Twin::BlindAppend {
                    let mut landed = with(Manager::Done);
                    landed.voucher.push(Fact::Withdrawn);
                    next.push(landed);
                } else {
                    next.push(with(Manager::Waits));
                }
            }
        }
    }

    /// What may happen next.
    fn next(&self, twin: Twin) -> Vec<Self> {
        let mut next = Vec::new();
        self.manage(twin, &mut next);
        for of in 0..2_u8 {
            for node in 0..2 {
                match self.nodes[usize::from(of)][node].clone() {
                    Node::Idle(0) => {}
                    Node::Idle(left) if node == 0 => self.commands(of, left - 1, twin, &mut next),
                    Node::Idle(left) => next.extend(self.complete(of, node, left - 1, twin)),
                    Node::Reserved(left, application) => next.extend(self.apply(of, node, left, application)),
                    Node::Flying { left, stream, revision, event, then } => {
                        let blind = match twin {
                            Twin::BlindAppend => stream == Stream::Voucher,
                            Twin::FreeOfAnothers => matches!(event, Fact::Freed(..)),
                            _ => false,
                        };
                        let idle = Node::Idle(left);
                        let mut landed = self.with_node(of, node, then.map_or(idle.clone(), |n| Node::Reserved(left, n)));
                        let events = landed.stream(stream, of);
                        if events.len() == revision || blind {
                            events.push(event);
                            next.push(landed);
                        }
                        // It is lost, or its node dies: both look the same from here.
                        next.push(self.with_node(of, node, idle));
                    }
                }
            }
            next.extend(self.decide_payment(of));
        }
        next
    }

    /// What the buyer may ask for.
    fn commands(&self, of: u8, left: u8, twin: Twin, next: &mut Vec<Self>) {
        let booking = self.booking(of);
        let application = booking.voucher_applications + 1;
        if booking.check_takes_voucher(in_time()).is_ok() && application <= 2 {
            let reserve = VoucherCommand::Reserve { now: in_time(), booking: booking.id, application };
            let small = u8::try_from(application).unwrap();
            match voucher::decide(&hash(), Some(&self.voucher()), reserve) {
                Ok(events) if events.is_empty() => next.push(self.with_node(of, 0, Node::Reserved(left, small))),
                decided => {
                    let fact = fact_of(decided, of);
                    next.extend(fact.map(|fact| self.fly(of, 0, left, Stream::Voucher, fact, Some(small))));
                }
            }
        }
        for command in
            [BookingCommand::RemoveVoucher { now: in_time() }, BookingCommand::Cancel { reason: AbortReason::Cancelled }]
        {
            let fact = fact_of(booking::decide(Some(&booking), command), of);
            next.extend(fact.map(|fact| self.fly(of, 0, left, Stream::Booking, fact, None)));
        }
        let pay = BookingCommand::StartPayment { now: in_time(), payment_method: None, return_url: None, request: None };
        if booking.attempts.is_empty() {
            let asked = if twin == Twin::PayWithoutTheVoucher { self.booking_opened_with(of, None) } else { booking };
            let fact = fact_of(booking::decide(Some(&asked), pay), of);
            next.extend(fact.map(|fact| self.fly(of, 0, left, Stream::Booking, fact, None)));
        }
        next.extend(self.complete(of, 0, left, twin));
    }

    fn apply(&self, of: u8, node: usize, left: u8, application: u8) -> Option<Self> {
        let command =
            BookingCommand::ApplyVoucher { now: in_time(), voucher: hash(), application: application.into(), discount: 1_000 };
        match fact_of(booking::decide(Some(&self.booking(of)), command), of) {
            Some(fact) => Some(self.fly(of, node, left, Stream::Booking, fact, None)),
            None => Some(self.with_node(of, node, Node::Idle(left))),
        }
    }

    /// What any node completes: the next step for the reservation that the voucher's stream shows.
    fn complete(&self, of: u8, node: usize, left: u8, twin: Twin) -> Option<Self> {
        if twin == Twin::NobodyCompletes {
            return None;
        }
        let booking = self.booking(of);
        let voucher = self.voucher();
        let claim = *voucher.claims.get(&booking.id)?;
        let application = claim.application;
        let free = |application| VoucherCommand::Free { booking: booking.id, application };
        let command = match next_step(&booking, &hash(), application, false) {
            VoucherStep::Keep if twin == Twin::FreeBeforeTheEnd => free(application),
            VoucherStep::Keep => return None,
            VoucherStep::Fence if twin != Twin::FreeWithoutFence => {
                let fence = BookingCommand::FenceVoucher { voucher: hash(), application };
                let fact = fact_of(booking::decide(Some(&booking), fence), of)?;
                return Some(self.fly(of, node, left, Stream::Booking, fact, None));
            }
            VoucherStep::Fence | VoucherStep::Free => free(application),
            VoucherStep::UseUp if claim.used => return None,
            VoucherStep::UseUp => VoucherCommand::Use { booking: booking.id, application },
        };
        let fact = fact_of(voucher::decide(&hash(), Some(&voucher), command), of)?;
        Some(self.fly(of, node, left, Stream::Voucher, fact, None))
    }

    /// The gateway's answer: paid, once the payment was begun.
    fn decide_payment(&self, of: u8) -> Option<Self> {
        let mut next = self.clone();
        let events = &mut next.bookings[usize::from(of)];
        let follows = match events.last()? {
            Fact::Started => vec![Fact::Authorised, Fact::Committed],
            _ if events.contains(&Fact::Committed) && !events.contains(&Fact::Captured) => vec![Fact::Captured],
            _ => return None,
        };
        events.extend(follows);
        Some(next)
    }
}

#[test]
fn two_bookings_and_one_voucher() {
    let found = explore(World::start(), Twin::None);
    println!("vouchers: {} states", found.states);
    assert_eq!((found.violation, found.stuck), (None, 0));
    assert_eq!(found.ways.iter().map(String::as_str).collect::<Vec<_>>(), ["free", "kept", "used"]);
}

/// One that opens kept seats, and has one use.
#[test]
fn two_holds_of_kept_seats_and_one_voucher() {
    let found = explore(World::of_kept_seats(), Twin::None);
    println!("vouchers that open seats: {} states", found.states);
    assert_eq!((found.violation, found.stuck), (None, 0));
    assert_eq!(found.ways.iter().map(String::as_str).collect::<Vec<_>>(), ["free", "kept", "used"]);
    let found = explore(World::of_kept_seats(), Twin::PayWithoutTheVoucher);
    println!("{:?}: {:?}, after {} states", Twin::PayWithoutTheVoucher, found.violation, found.states);
    assert_eq!(found.violation, Some("one voucher has sold two bookings"));
}

/// A booking that was faster keeps it; one that was not never has it.
#[test]
fn two_bookings_one_voucher_and_a_manager_who_withdraws_it() {
    let found = explore(World::with_a_manager(), Twin::None);
    println!("vouchers that are withdrawn: {} states", found.states);
    assert_eq!((found.violation, found.stuck), (None, 0));
    let ways: Vec<_> = found.ways.iter().map(String::as_str).collect();
    assert_eq!(ways, ["free", "free, withdrawn", "kept", "kept, withdrawn", "used", "used, withdrawn"]);
    let mut alone = World::with_a_manager();
    // Only one booking, so that nothing but the withdrawal is in its way.
    alone.nodes[1] = [Node::Idle(0), Node::Idle(0)];
    let found = explore(alone, Twin::BlindAppend);
    println!("{:?}: {:?}, after {} states", Twin::BlindAppend, found.violation, found.states);
    assert_eq!(found.violation, Some("it is reserved after it was withdrawn"));
}

#[test]
fn each_twin_is_caught() {
    for twin in [Twin::BlindAppend, Twin::FreeWithoutFence, Twin::FreeOfAnothers, Twin::FreeBeforeTheEnd, Twin::NobodyCompletes] {
        let found = explore(World::start(), twin);
        println!("{twin:?}: {:?}, {} stuck, after {} states", found.violation, found.stuck, found.states);
        assert!(found.violation.is_some() || found.stuck > 0, "{twin:?} goes unnoticed in {} states", found.states);
    }
}

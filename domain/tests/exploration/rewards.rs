//! Every interleaving of a reward with a code: two nodes that create and issue it, and take it back once its booking is
//! refunded, and a buyer who uses the code meanwhile; driven by the real deciders of vouchers and accounts.
//!
//! Each append is decided on what was read and lands later, or never: its node may die at any moment.

use crate::support::*;
use lastseat_domain::event::{
    Discount, Event, Reward, VoucherCreated, VoucherFreed, VoucherReserved, VoucherSource, VoucherTerms, VoucherUsed,
    VoucherWithdrawn, Withdrawal,
};
use lastseat_domain::loyalty::{self, Account, LoyaltyCommand, VoucherState};
use lastseat_domain::voucher::{self, Voucher, VoucherCommand, Withdrawn};
use lastseat_domain::{Rejection, VoucherHash};
use std::collections::{BTreeSet, HashMap};

/// The order as designed, or one of its failing twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Twin {
    None,
    /// The reward is issued first, and its voucher is created afterwards.
    CreateAfterIssue,
    /// The account takes the reward back first, as if nobody had used it, and its voucher is withdrawn afterwards.
    WithdrawAfterRevoke,
    /// An append to the voucher lands wherever its stream ends.
    BlindAppend,
    /// Whether it was used is what it looks like after the withdrawal, not how that found it.
    LookAfterWithdrawal,
    NobodyCompletes,
}

/// An event, or those of one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fact {
    Created,
    /// By the n-th other booking.
    Reserved(u8),
    Used(u8),
    Freed(u8),
    Withdrawn,
    /// Counted, and the reward issued.
    Credited,
    /// Points are taken back, and the reward if so.
    Revoked(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stream {
    Voucher,
    Account,
}

/// What one node, or the buyer, is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Node {
    Idle,
    /// An append is on its way, decided at this revision.
    Flying {
        stream: Stream,
        revision: usize,
        fact: Fact,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    voucher: Vec<Fact>,
    account: Vec<Fact>,
    /// Whether the booking that earned the reward was refunded.
    refunded: bool,
    /// Two nodes, and the buyer.
    nodes: [Node; 3],
    /// Bookings that the buyer may still try the code on.
    tries: u8,
}

fn hash() -> VoucherHash {
    VoucherHash::of_bytes([1; 32])
}

fn rewards() -> Vec<Reward> {
    vec![Reward { reward: "10 % off".into(), weight: 1, discount: Some(Discount::Percent(10)) }]
}

fn credit() -> LoyaltyCommand {
    let (buyer, booking, show) = (buyer(1), booking(1), show());
    LoyaltyCommand::Credit { buyer, booking, draw: draw(), show, seats: 3, rewards: rewards(), code: Some(hash()) }
}

fn revoke(withdrawn: Option<Withdrawn>) -> LoyaltyCommand {
    LoyaltyCommand::Revoke { booking: booking(1), withdrawn }
}

fn create() -> VoucherCreated {
    let (reward, _) = loyalty::drawn(booking(1), draw(), 3, &rewards()).unwrap();
    let terms = VoucherTerms::once(Discount::Percent(10));
    VoucherCreated { voucher: hash(), terms, source: VoucherSource::Reward { reward } }
}

/// The events of a fact. Those of the account follow from its rules.
fn events_of(fact: Fact) -> Vec<Event> {
    let (voucher, application) = (hash(), 1);
    let counted = || loyalty::decide(&Account::default(), credit()).unwrap();
    match fact {
        Fact::Created => vec![create().into()],
        Fact::Reserved(n) => vec![VoucherReserved { voucher, booking: booking(n), application }.into()],
        Fact::Used(n) => vec![VoucherUsed { voucher, booking: booking(n), application }.into()],
        Fact::Freed(n) => vec![VoucherFreed { voucher, booking: booking(n), application }.into()],
        Fact::Withdrawn => vec![VoucherWithdrawn { voucher, cause: Withdrawal::Refund { booking: booking(1) } }.into()],
        Fact::Credited => counted(),
        Fact::Revoked(reward) => {
            let account = counted().iter().fold(Account::default(), loyalty::evolve);
            let found = if reward { Withdrawn::Unused } else { Withdrawn::Used };
            loyalty::decide(&account, revoke(Some(found))).unwrap()
        }
    }
}

/// The fact that a decision leads to; `None` if there is none, or it is refused.
fn fact_of(decided: Result<Vec<Event>, Rejection>) -> Option<Fact> {
    let events = decided.ok()?;
    let other = |id| if id == booking(2) { 2 } else { 3 };
    Some(match events.first()? {
        Event::VoucherCreated(_) => Fact::Created,
        Event::VoucherReserved(e) => Fact::Reserved(other(e.booking)),
        Event::VoucherUsed(e) => Fact::Used(other(e.booking)),
        Event::VoucherFreed(e) => Fact::Freed(other(e.booking)),
        Event::VoucherWithdrawn(_) => Fact::Withdrawn,
        Event::PointsEarned(_) => Fact::Credited,
        Event::PointsRevoked(_) => Fact::Revoked(events.len() > 1),
        event => panic!("{}", event.name()),
    })
}

impl World {
    fn start() -> Self {
        Self { voucher: vec![], account: vec![], refunded: false, nodes: [Node::Idle; 3], tries: 2 }
    }

    fn voucher(&self) -> Option<Voucher> {
        self.voucher.iter().flat_map(|fact| events_of(*fact)).fold(None, |state, event| voucher::evolve(state, &event))
    }

    fn account(&self) -> Account {
        let events = self.account.iter().flat_map(|fact| events_of(*fact));
        events.fold(Account::default(), |state, event| loyalty::evolve(state, &event))
    }

    fn reward(&self) -> Option<VoucherState> {
        self.account().vouchers.values().next().map(|voucher| voucher.state)
    }

    fn violation(&self) -> Option<&'static str> {
        let withdrawn = self.voucher.iter().position(|fact| *fact == Fact::Withdrawn);
        let after = withdrawn.map_or(&[][..], |at| &self.voucher[at..]);
        let voucher = self.voucher();
        let found = voucher.as_ref().and_then(|voucher| voucher.found_at_refund);
        if self.reward().is_some() && voucher.is_none() {
            Some("a reward is issued, and its code is none")
        } else if after.iter().any(|fact| matches!(fact, Fact::Reserved(_))) {
            Some("it is reserved after it was withdrawn")
        } else if voucher.is_some_and(|voucher| voucher.claims.len() > 1) {
            Some("two bookings have it")
        } else if self.reward() == Some(VoucherState::Revoked) && found != Some(Withdrawn::Unused) {
            Some("the account has taken back what is good, or was used")
        } else if self.account.contains(&Fact::Revoked(false)) && found != Some(Withdrawn::Used) {
            Some("the account has left what was not used")
        } else {
            None
        }
    }

    /// Whether nothing is left to be done for the reward.
    fn is_resolved(&self) -> bool {
        let account = self.account();
        let withdrawn = self.voucher().is_some_and(|voucher| voucher.found_at_refund.is_some());
        account.counted.contains_key(&booking(1)) && (!self.refunded || (account.seats == 0 && withdrawn))
    }

    fn with_node(&self, node: usize, is: Node) -> Self {
        let mut next = self.clone();
        next.nodes[node] = is;
        next
    }

    fn fly(&self, node: usize, stream: Stream, fact: Option<Fact>) -> Option<Self> {
        let revision = if stream == Stream::Voucher { self.voucher.len() } else { self.account.len() };
        Some(self.with_node(node, Node::Flying { stream, revision, fact: fact? }))
    }

    fn decide_voucher(&self, command: VoucherCommand) -> Option<Fact> {
        fact_of(voucher::decide(&hash(), self.voucher().as_ref(), command))
    }

    /// The next step of a node, as the log is now.
    fn step(&self, node: usize, twin: Twin) -> Option<Self> {
        let (account, voucher) = (self.account(), self.voucher());
        let withdraw = || self.decide_voucher(VoucherCommand::Withdraw(Withdrawal::Refund { booking: booking(1) }));
        let counted = account.counted.contains_key(&booking(1));
        let create = (voucher.is_none() && (!counted || twin == Twin::CreateAfterIssue))
            .then(|| self.decide_voucher(VoucherCommand::Create(create())));
        if let Some(create) = create
            && (twin != Twin::CreateAfterIssue || counted)
        {
            return self.fly(node, Stream::Voucher, create);
        }
        if !counted {
            return self.fly(node, Stream::Account, fact_of(loyalty::decide(&account, credit())));
        }
        if !self.refunded {
            return None;
        }
        let used = voucher.as_ref().is_some_and(|voucher| voucher.claims.values().any(|claim| claim.used));
        let withdrawn = voucher.as_ref().and_then(|voucher| voucher.found_at_refund);
        let as_seen = |used| Some(if used { Withdrawn::Used } else { Withdrawn::Unused });
        let (withdrawn, first) = match twin {
            Twin::WithdrawAfterRevoke => (as_seen(false), account.to_withdraw(booking(1), None).is_none()),
            Twin::LookAfterWithdrawal => (as_seen(used), withdrawn.is_none()),
            _ => (withdrawn, withdrawn.is_none() && account.to_withdraw(booking(1), None).is_some()),
        };
        if first {
            return self.fly(node, Stream::Voucher, withdraw());
        }
        self.fly(node, Stream::Account, fact_of(loyalty::decide(&account, revoke(withdrawn))))
    }

    /// What the buyer may do with the code, which they see once it was issued.
    fn buyer(&self, next: &mut Vec<Self>) {
        let Some(voucher) = self.voucher() else { return };
        if self.tries > 0 && self.reward() == Some(VoucherState::Issued) {
            let reserve = VoucherCommand::Reserve { now: in_time(), booking: booking(1 + self.tries), application: 1 };
            let fact = self.decide_voucher(reserve);
            let tried = Self { tries: self.tries - 1, ..self.clone() };
            next.extend(tried.fly(2, Stream::Voucher, fact));
        }
        for (id, claim) in &voucher.claims {
            let pay = VoucherCommand::Use { booking: *id, application: 1 };
            let free = VoucherCommand::Free { booking: *id, application: 1 };
            next.extend((!claim.used).then(|| self.fly(2, Stream::Voucher, self.decide_voucher(pay))).flatten());
            // It is removed, or its booking is refunded by a show that returns vouchers.
            next.extend(self.fly(2, Stream::Voucher, self.decide_voucher(free)));
        }
    }

    /// What may happen next.
    fn next(&self, twin: Twin) -> Vec<Self> {
        let mut next = Vec::new();
        if !self.refunded {
            next.push(Self { refunded: true, ..self.clone() });
        }
        for node in 0..3 {
            match self.nodes[node] {
                Node::Idle if node == 2 => self.buyer(&mut next),
                Node::Idle if twin == Twin::NobodyCompletes && (node == 1 || self.refunded) => {}
                Node::Idle => next.extend(self.step(node, twin)),
                Node::Flying { stream, revision, fact } => {
                    let mut landed = self.with_node(node, Node::Idle);
                    let facts = if stream == Stream::Voucher { &mut landed.voucher } else { &mut landed.account };
                    if facts.len() == revision || (twin == Twin::BlindAppend && stream == Stream::Voucher) {
                        facts.push(fact);
                        next.push(landed);
                    }
                    // It is lost, or its node dies: both look the same from here.
                    next.push(self.with_node(node, Node::Idle));
                }
            }
        }
        next
    }
}

struct Found {
    states: usize,
    violation: Option<&'static str>,
    /// States from which no way leads to a resolution.
    stuck: usize,
    /// How a refunded reward may end.
    ways: BTreeSet<&'static str>,
}

fn explore(twin: Twin) -> Found {
    let (mut numbers, mut worlds, mut from) = (HashMap::new(), vec![World::start()], vec![Vec::<usize>::new()]);
    numbers.insert(World::start(), 0_usize);
    let (mut at, mut ways) = (0, BTreeSet::new());
    while at < worlds.len() {
        let world = worlds[at].clone();
        if let Some(what) = world.violation() {
            return Found { states: worlds.len(), violation: Some(what), stuck: 0, ways };
        }
        if world.refunded && world.is_resolved() {
            ways.insert(if world.reward() == Some(VoucherState::Revoked) { "taken back" } else { "used before" });
        }
        for world in world.next(twin) {
            let number = *numbers.entry(world.clone()).or_insert_with(|| {
                worlds.push(world);
                from.push(vec![]);
                worlds.len() - 1
            });
            from[number].push(at);
        }
        at += 1;
    }
    let mut reaches = vec![false; worlds.len()];
    let mut queue: Vec<usize> = (0..worlds.len()).filter(|n| worlds[*n].is_resolved()).collect();
    queue.iter().for_each(|n| reaches[*n] = true);
    while let Some(n) = queue.pop() {
        for before in &from[n] {
            if !std::mem::replace(&mut reaches[*before], true) {
                queue.push(*before);
            }
        }
    }
    Found { states: worlds.len(), violation: None, stuck: reaches.iter().filter(|r| !**r).count(), ways }
}

#[test]
fn a_reward_that_is_used_while_its_booking_is_refunded() {
    let found = explore(Twin::None);
    println!("rewards: {} states", found.states);
    assert_eq!((found.violation, found.stuck), (None, 0));
    assert_eq!(found.ways.into_iter().collect::<Vec<_>>(), ["taken back", "used before"]);
}

#[test]
fn each_twin_is_caught() {
    use Twin::{BlindAppend, CreateAfterIssue, LookAfterWithdrawal, NobodyCompletes, WithdrawAfterRevoke};
    for twin in [CreateAfterIssue, WithdrawAfterRevoke, BlindAppend, LookAfterWithdrawal, NobodyCompletes] {
        let found = explore(twin);
        println!("{twin:?}: {:?}, {} stuck, after {} states", found.violation, found.stuck, found.states);
        assert!(found.violation.is_some() || found.stuck > 0, "{twin:?} goes unnoticed in {} states", found.states);
    }
}

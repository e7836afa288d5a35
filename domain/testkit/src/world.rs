//! A world in which a history happens: every step goes through the domain's deciders, and every
//! event is in the log as the engine would have written it.

mod exchanges;
mod vouchers;

use chrono::{DateTime, TimeDelta};
use lastseat_domain::block::{self, Block, BlockCommand};
use lastseat_domain::booking::{self, Booking, BookingCommand};
use lastseat_domain::deliveries::Deliveries;
use lastseat_domain::event::Reward;
use lastseat_domain::event::{
    AbortReason, BlockOpened, BookingOpened, Event, Fees, PricedSeat, RequestFingerprint, ShopData, ShowDetails, ShowScheduled,
    SingleSeats, Tender,
};
use lastseat_domain::loyalty::{self, Account, LoyaltyCommand};
use lastseat_domain::plan::{Area, Category, PriceType, Row};
use lastseat_domain::ports::event_log::{Decoded, Expected, Position, RecordedEvent};
use lastseat_domain::seat::{self, Seat, SeatCommand};
use lastseat_domain::show::{self, Show};
use lastseat_domain::voucher::Voucher;
use lastseat_domain::{
    AccessCodeHash, AreaId, BlockId, BookingId, BuyerId, CategoryId, Currency, IntentId, Metadata, PriceTypeId, SeatId, ShowId,
    StreamName, Timestamp, VoucherHash, codec,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;
pub use vouchers::terms;

pub const HOLD_SECONDS: u32 = 120;

pub fn epoch() -> Timestamp {
    DateTime::from_timestamp(1_900_000_000, 0).unwrap()
}

pub fn show_id(text: &str) -> ShowId {
    ShowId::new(text).unwrap()
}

pub fn seat_id(text: &str) -> SeatId {
    SeatId::new(text).unwrap()
}

pub fn booking_id(n: u128) -> BookingId {
    BookingId(Uuid::from_u128((n << 64) | 5))
}

/// That of all blocks.
pub fn access_code() -> AccessCodeHash {
    AccessCodeHash("hash".to_owned())
}

/// A show of `rows` labelled rows of `per_row`, and an unlabelled floor of `floor` places.
pub fn plan(show: &str, rows: u32, per_row: u32, floor: u32) -> ShowScheduled {
    let category = |text: &str| CategoryId::new(text).unwrap();
    let row = |n: u32| Row { row: char::from(b'A' + n as u8).to_string(), seats: per_row, gaps_after: vec![] };
    let mut areas = Vec::new();
    if rows > 0 {
        let rows = (0..rows).map(row).collect();
        areas.push(Area {
            area: AreaId::new("stalls").unwrap(),
            category: category("first"),
            rows,
            own_rows: false,
            capacity: None,
        });
    }
    if floor > 0 {
        areas.push(Area {
            area: AreaId::new("floor").unwrap(),
            category: category("floor"),
            rows: vec![],
            own_rows: false,
            capacity: Some(floor),
        });
    }
    ShowScheduled {
        show: show_id(show),
        title: format!("The {show}"),
        details: ShowDetails::default(),
        fees: Fees::default(),
        currency: Currency::new("EUR").unwrap(),
        categories: vec![Category::new(category("first"), 8500), Category::new(category("floor"), 4000)],
        areas,
        plan: None,
        max_seats_per_booking: 4,
        max_seats_per_buyer: None,
        guests: true,
        guest_challenge: false,
        single_seats: SingleSeats::Allow,
        vouchers_return: false,
        hold_seconds: HOLD_SECONDS,
        sale_opens_at: None,
        sale_closes_at: None,
        rewards: vec![
            Reward { reward: "A drink".into(), weight: 3, discount: None },
            Reward { reward: "A poster".into(), weight: 1, discount: None },
        ],
    }
}

/// The same, where a labelled seat has one of three prices, and seats and bookings have a fee.
pub fn plan_with_price_types(show: &str, rows: u32, per_row: u32, floor: u32) -> ShowScheduled {
    let mut show = plan(show, rows, per_row, floor);
    let price_type = |(name, price)| PriceType { price_type: PriceTypeId::new(name).unwrap(), price };
    show.categories[0].price_types = [("adult", 8500), ("child", 3000), ("free", 0)].map(price_type).into();
    ShowScheduled { fees: Fees { per_seat: 150, per_booking: 200 }, ..show }
}

pub struct World {
    pub now: Timestamp,
    pub log: Vec<Arc<RecordedEvent>>,
    pub shows: BTreeMap<ShowId, Show>,
    pub seats: HashMap<(ShowId, SeatId), Seat>,
    /// In the order in which they came up, fenced ones included.
    pub bookings: BTreeMap<BookingId, Booking>,
    /// Seats locked for a booking.
    pub held: BTreeMap<BookingId, Vec<(ShowId, SeatId)>>,
    /// Of its one endpoint.
    pub deliveries: Deliveries,
    pub accounts: BTreeMap<BuyerId, Account>,
    pub blocks: BTreeMap<BlockId, Block>,
    pub vouchers: BTreeMap<VoucherHash, Voucher>,
    campaigns: u128,
    revisions: HashMap<StreamName, u64>,
    /// Distance of two positions.
    pub stride: u64,
    next_booking: u128,
}

impl World {
    pub fn new(stride: u64) -> Self {
        Self {
            now: epoch(),
            log: vec![],
            shows: BTreeMap::new(),
            seats: HashMap::new(),
            bookings: BTreeMap::new(),
            held: BTreeMap::new(),
            deliveries: Deliveries::default(),
            accounts: BTreeMap::new(),
            blocks: BTreeMap::new(),
            vouchers: BTreeMap::new(),
            campaigns: 0,
            revisions: HashMap::new(),
            stride,
            next_booking: 0,
        }
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    /// Puts events into the log as they are, right or wrong.
    pub fn append(&mut self, stream: StreamName, events: &[Event]) {
        self.append_as(stream, events, &Metadata::new("test", self.now));
    }

    /// Likewise, with this metadata.
    pub fn append_as(&mut self, stream: StreamName, events: &[Event], metadata: &Metadata) {
        let count = self.revisions.entry(stream.clone()).or_default();
        let write = codec::encode(stream.clone(), Expected::after(*count), events, metadata).unwrap();
        for new in write.events {
            let last = self.log.last().map_or(0, |e| e.position.0);
            self.log.push(Arc::new(RecordedEvent {
                position: Position(last + self.stride),
                stream: stream.clone(),
                revision: *count,
                id: new.id,
                event_type: new.event_type,
                data: new.data,
                metadata: new.metadata,
                recorded_at: self.now,
                decoded: Decoded::default(),
            }));
            *count += 1;
        }
    }

    pub fn schedule(&mut self, show: ShowScheduled) {
        let id = show.show.clone();
        let events = show::decide(self.shows.get(&id), show::ShowCommand::Schedule(Box::new(show))).unwrap();
        self.append(StreamName::show(&id), &events);
        let state = events.iter().fold(self.shows.remove(&id), show::evolve);
        self.shows.insert(id, state.unwrap());
    }

    pub fn command_show(&mut self, id: &ShowId, command: show::ShowCommand) {
        let Ok(events) = show::decide(self.shows.get(id), command) else { return };
        self.append(StreamName::show(id), &events);
        let state = events.iter().fold(self.shows.remove(id), show::evolve);
        self.shows.insert(id.clone(), state.unwrap());
    }

    pub fn new_booking(&mut self) -> BookingId {
        self.next_booking += 1;
        booking_id(self.next_booking)
    }

    /// One command to one seat. Whether the log has its effect.
    pub fn seat(&mut self, show: &ShowId, seat: &SeatId, command: SeatCommand) -> bool {
        let key = (show.clone(), seat.clone());
        let state = self.seats.get(&key).copied().unwrap_or_default();
        let Ok(events) = seat::decide(seat, &state, command) else { return false };
        self.append(StreamName::seat(show, seat), &events);
        let state = events.iter().fold(state, seat::evolve);
        for event in &events {
            match event {
                Event::SeatLocked(e) => self.held.entry(e.booking).or_default().push(key.clone()),
                Event::SeatReleased(e) => self.held.entry(e.booking).or_default().retain(|held| *held != key),
                _ => {}
            }
        }
        self.seats.insert(key, state);
        true
    }

    pub fn price(&self, show: &ShowId, seat: &SeatId) -> i64 {
        let plan = &self.shows[show].plan;
        plan.seat(plan.index_of(seat).unwrap()).unwrap().price
    }

    /// A seat as it is sold here: its place in the plan says which of its category's price types it has.
    pub fn priced(&self, show: &ShowId, seat: &SeatId) -> PricedSeat {
        let show = &self.shows[show];
        let types = &show.category_of(seat).unwrap().price_types;
        let index = show.plan.index_of(seat).unwrap() as usize;
        let chosen = (!types.is_empty()).then(|| &types[index % types.len()].price_type);
        show.priced(seat, chosen).unwrap()
    }

    pub fn lock(&mut self, booking: BookingId, buyer: &BuyerId, show: &ShowId, seat: &SeatId) -> bool {
        let price = self.priced(show, seat).price;
        let expires_at = self.now + TimeDelta::seconds(HOLD_SECONDS.into());
        self.seat(show, seat, SeatCommand::Lock { booking, buyer: buyer.clone(), price, expires_at, blocks: vec![] })
    }

    pub fn opening(&self, booking: BookingId, buyer: &BuyerId, show: &ShowId, seats: &[SeatId]) -> BookingOpened {
        let seats: Vec<_> = seats.iter().map(|s| self.priced(show, s)).collect();
        let facts = &self.shows[show].facts;
        let (currency, fee) = (facts.currency, facts.fees.per_booking);
        BookingOpened {
            booking,
            show: show.clone(),
            buyer: buyer.clone(),
            amount: PricedSeat::total(&seats, fee, currency).unwrap(),
            seats,
            expires_at: self.now + TimeDelta::seconds(HOLD_SECONDS.into()),
            show_revision: self.shows[show].revision,
            fee,
            channel: None,
            access_code: None,
            voucher: None,
            shop: ShopData::default(),
            request: Some(RequestFingerprint { key: booking.to_string(), body: "body".into() }),
        }
    }

    /// One command to one booking. Whether the decider took it.
    pub fn booking(&mut self, id: BookingId, command: BookingCommand) -> bool {
        let Ok(events) = booking::decide(self.bookings.get(&id), command) else { return false };
        self.append(StreamName::booking(id), &events);
        let now = self.now;
        let state = events.iter().fold(self.bookings.remove(&id), |state, event| booking::evolve(state, event, now));
        self.bookings.extend(state.map(|state| (id, state)));
        true
    }

    /// A hold of seats that are all free.
    pub fn hold(&mut self, buyer: &str, show: &str, seats: &[&str]) -> BookingId {
        let (id, show, buyer) = (self.new_booking(), show_id(show), BuyerId::new(buyer).unwrap());
        let seats: Vec<_> = seats.iter().map(|s| seat_id(s)).collect();
        let opened = self.opening(id, &buyer, &show, &seats);
        assert!(self.booking(id, BookingCommand::Open(opened)));
        for seat in &seats {
            assert!(self.lock(id, &buyer, &show, seat));
        }
        id
    }

    /// A block of seats that are all free, for buyers with its code.
    pub fn block(&mut self, show: &str, seats: &[&str]) -> BlockId {
        let (id, show) = (BlockId(Uuid::from_u128(((self.blocks.len() as u128 + 1) << 64) | 7)), show_id(show));
        let seats: Vec<_> = seats.iter().map(|s| seat_id(s)).collect();
        for seat in &seats {
            assert!(self.seat(&show, seat, SeatCommand::Block { block: id }));
        }
        let code = Some(access_code());
        let (reason, by) = ("Sponsor".to_owned(), "admin".to_owned());
        let opened = BlockOpened { block: id, show, seats, reason, channel: None, access_code: code, by, request: None };
        assert!(self.command_block(id, BlockCommand::Open(opened)));
        id
    }

    /// One command to one block. Whether the decider took it.
    pub fn command_block(&mut self, id: BlockId, command: BlockCommand) -> bool {
        let Ok(events) = block::decide(id, self.blocks.get(&id), command) else { return false };
        self.append(StreamName::block(id), &events);
        let now = self.now;
        let state = events.iter().fold(self.blocks.remove(&id), |state, event| block::evolve(state, event, now));
        self.blocks.extend(state.map(|state| (id, state)));
        true
    }

    /// A hold of a seat of this block, with its code.
    pub fn hold_from(&mut self, block: BlockId, buyer: &str, show: &str, seat: &str) -> BookingId {
        let (id, show, buyer, seat) = (self.new_booking(), show_id(show), BuyerId::new(buyer).unwrap(), seat_id(seat));
        let opened =
            BookingOpened { access_code: Some(access_code()), ..self.opening(id, &buyer, &show, std::slice::from_ref(&seat)) };
        let (price, expires_at) = (self.priced(&show, &seat).price, opened.expires_at);
        assert!(self.booking(id, BookingCommand::Open(opened)));
        assert!(self.seat(&show, &seat, SeatCommand::Lock { booking: id, buyer, price, expires_at, blocks: vec![block] }));
        id
    }

    /// Ends a block, and puts what it has back on sale.
    pub fn lift(&mut self, id: BlockId) {
        assert!(self.command_block(id, BlockCommand::Lift { by: "admin".into() }));
        self.unblock_lifted();
    }

    /// Puts the seats of lifted blocks back on sale, those included that bookings have returned since.
    pub fn unblock_lifted(&mut self) {
        let lifted = |block: BlockId| self.blocks.get(&block).is_some_and(|block| block.lifted_at.is_some());
        let due = self.seats.iter().filter_map(|(key, seat)| match seat {
            Seat::Blocked { block } if lifted(*block) => Some((key.clone(), *block)),
            _ => None,
        });
        let mut due: Vec<_> = due.collect();
        due.sort();
        for ((show, seat), block) in due {
            assert!(self.seat(&show, &seat, SeatCommand::Unblock { block }));
        }
    }

    pub fn intent(&self, id: BookingId) -> IntentId {
        if self.bookings.get(&id).is_some_and(|booking| booking.tender().is_some()) {
            return Tender::intent(id).unwrap();
        }
        IntentId::new(&format!("pi_{}", id.0.simple())).unwrap()
    }

    pub fn start_payment(&mut self, id: BookingId) -> bool {
        let command = BookingCommand::StartPayment {
            now: self.now,
            payment_method: Some("pm_card_visa".into()),
            return_url: None,
            request: None,
        };
        self.booking(id, command)
    }

    pub fn start_at_till(&mut self, id: BookingId, tender: Tender) -> bool {
        self.booking(id, BookingCommand::PayAtTill { now: self.now, tender, request: None })
    }

    /// The gateway authorises: decided, one way or the other.
    pub fn commit(&mut self, id: BookingId) -> bool {
        let (intent, amount) = (self.intent(id), self.bookings[&id].amount().unwrap());
        self.booking(id, BookingCommand::Commit { now: self.now, intent, amount, capture_before: None })
    }

    pub fn book_seats(&mut self, id: BookingId) {
        for (show, seat) in self.held.get(&id).cloned().unwrap_or_default() {
            assert!(self.seat(&show, &seat, SeatCommand::Book { booking: id }));
        }
    }

    pub fn capture(&mut self, id: BookingId) -> bool {
        let (intent, amount) = (self.intent(id), self.bookings[&id].amount().unwrap());
        self.booking(id, BookingCommand::RecordCapture { intent, amount, draw: self.draw(id) })
    }

    /// What its reward is drawn by; the same in each run.
    #[must_use]
    pub fn draw(&self, id: BookingId) -> Uuid {
        Uuid::new_v5(&id.0, b"draw")
    }

    pub fn release(&mut self, id: BookingId, reason: AbortReason) {
        for (show, seat) in self.held.get(&id).cloned().unwrap_or_default() {
            assert!(self.seat(&show, &seat, SeatCommand::Release { booking: id, reason }));
        }
    }

    /// From hold to confirmed.
    pub fn pay(&mut self, id: BookingId) {
        assert!(self.start_payment(id));
        assert!(self.commit(id));
        self.book_seats(id);
        assert!(self.capture(id));
        self.credit(id);
    }

    /// From confirmed to given back.
    pub fn refund(&mut self, id: BookingId) {
        assert!(self.booking(id, BookingCommand::RequestRefund { by: "admin".into() }));
        self.return_money(id);
        self.release(id, AbortReason::Refunded);
        self.revoke(id);
    }

    pub fn return_money(&mut self, id: BookingId) {
        let (intent, amount) = (self.intent(id), self.bookings[&id].left().unwrap());
        assert!(self.booking(id, BookingCommand::RecordRefund { intent, amount }));
    }

    pub fn loyalty(&mut self, buyer: &BuyerId, command: LoyaltyCommand) -> bool {
        let account = self.accounts.remove(buyer).unwrap_or_default();
        let decided = loyalty::decide(&account, command);
        let events = decided.clone().unwrap_or_default();
        self.append(StreamName::loyalty(buyer), &events);
        self.accounts.insert(buyer.clone(), events.iter().fold(account, loyalty::evolve));
        decided.is_ok()
    }

    pub fn credit(&mut self, id: BookingId) {
        let opened = self.bookings[&id].opened.clone().unwrap();
        let rewards = self.shows[&opened.show].facts.rewards.clone();
        let seats = opened.seats.len() as u32;
        let (buyer, draw) = (opened.buyer, self.draw(id));
        let code = self.create_reward(id, draw, seats, &rewards);
        self.loyalty(
            &buyer,
            LoyaltyCommand::Credit { buyer: buyer.clone(), booking: id, draw, show: opened.show, seats, rewards, code },
        );
    }

    pub fn revoke(&mut self, id: BookingId) {
        let buyer = self.bookings[&id].opened.as_ref().unwrap().buyer.clone();
        let withdrawn = self.withdraw_reward(id, None);
        self.loyalty(&buyer, LoyaltyCommand::Revoke { booking: id, withdrawn });
    }
}

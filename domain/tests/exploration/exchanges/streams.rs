//! What the streams of the booking and the seats come to, and what the deciders say to them.

use super::*;

pub fn price() -> i64 {
    8500
}

/// Sold with the first seat.
fn sold() -> Booking {
    let opened = lastseat_domain::event::BookingOpened {
        seats: vec![PricedSeat::new(seat(AT[0]), price())],
        amount: eur(price()),
        ..opened()
    };
    let (booking, intent, amount) = (booking(1), intent(1), eur(price()));
    let events: Vec<Event> = vec![
        opened.into(),
        started(1),
        lastseat_domain::event::PaymentAuthorised { booking, attempt: 1, intent: intent.clone(), amount, capture_before: None }
            .into(),
        lastseat_domain::event::BookingCommitted { booking }.into(),
        lastseat_domain::event::PaymentCaptured { booking, intent, amount, draw: Some(draw()) }.into(),
    ];
    events.iter().fold(None, |state, event| booking::evolve(state, event, minute(1))).unwrap()
}

impl Tables {
    /// With a late worker at this seat, if any; then two exchanges and no rival suffice.
    pub fn new(twin: Twin, late: Option<usize>) -> (Self, World) {
        let booked = Seat::Booked { booking: booking(1), block: None, exchange: 0 };
        let tables = Self { twin, bookings: vec![(0, sold())], seats: vec![(0, booked), (0, Seat::Free)] };
        let world = World {
            booking: 0,
            seats: [0, 1],
            workers: [Worker::Idle; 2],
            late: [Late::Gone; 2],
            rival: Rival::Unsent,
            requests: 0,
        };
        let world = late.map_or(world, |seat| World { requests: 1, rival: Rival::Over, ..world.with_late(seat) });
        (tables, world)
    }

    pub fn booking(&self, stream: Stream) -> &Booking {
        &self.bookings[usize::from(stream)].1
    }

    pub fn seat(&self, stream: Stream) -> Seat {
        self.seats[usize::from(stream)].1
    }

    /// What the booking, as it was read, asks of the seats, in the order of the engine.
    pub fn tasks(&self, stream: Stream) -> Vec<Task> {
        let found = self.booking(stream);
        let id = found.id;
        let place = |name: &lastseat_domain::SeatId| AT.iter().position(|n| seat(*n) == *name).unwrap();
        let give_up = |name, reason, by| Task { seat: place(name), command: SeatCommand::GiveUp { booking: id, reason, by } };
        match next_step(found, minute(2)) {
            Step::Exchange => {
                let requested = found.exchange.as_ref().unwrap();
                let take = |taken: &PricedSeat| Task { seat: place(&taken.seat), command: self.take(requested.exchange) };
                let mut tasks: Vec<Task> = requested.takes.iter().map(take).collect();
                if self.twin == Twin::ReleaseBeforeTheDecision {
                    let by = (0, requested.exchange - 1);
                    tasks.extend(requested.leaves.iter().map(|name| give_up(name, AbortReason::Exchanged, by)));
                }
                if self.twin == Twin::DecideWithoutLocks { vec![] } else { tasks }
            }
            Step::FinishExchanges if self.twin == Twin::NobodyFinishes => vec![],
            Step::FinishExchanges => {
                let mut tasks = vec![];
                for past in &found.past_exchanges {
                    let exchange = past.requested.exchange;
                    if past.made {
                        let book = SeatCommand::BookTaken { booking: id, exchange };
                        tasks.extend(past.kept(found).map(|name| Task { seat: place(name), command: book.clone() }));
                        let leaves = past.requested.leaves.iter();
                        tasks.extend(leaves.map(|name| give_up(name, AbortReason::Exchanged, (0, exchange - 1))));
                    } else {
                        let takes = past.requested.takes.iter();
                        tasks.extend(takes.map(|taken| give_up(&taken.seat, AbortReason::SeatLost, (exchange, exchange))));
                    }
                }
                tasks
            }
            Step::ReleaseSeats(reason) => {
                let release = SeatCommand::Release { booking: id, reason };
                (0..2).map(|seat| Task { seat, command: release.clone() }).collect()
            }
            _ => vec![],
        }
    }

    pub fn take(&self, exchange: u32) -> SeatCommand {
        let (booking, buyer) = (booking(1), buyer(1));
        SeatCommand::Take { booking, buyer, price: price(), expires_at: minute(10), blocks: vec![], exchange }
    }

    /// Sells the seat that the booking was opened with; frees the other, which the booking has no right to as it was then.
    pub fn late_command(&self, seat: usize) -> SeatCommand {
        let (booking, reason) = (booking(1), AbortReason::SeatLost);
        match seat {
            0 => SeatCommand::Book { booking },
            _ if self.twin == Twin::ReleaseStrays => SeatCommand::Release { booking, reason },
            _ => SeatCommand::GiveUp { booking, reason, by: (0, 0) },
        }
    }

    pub fn decide_seat(&self, state: Seat, command: SeatCommand) -> Result<Vec<Event>, lastseat_domain::Rejection> {
        let is_own = state.owner() == Some(booking(1));
        match (self.twin, &command) {
            (Twin::AnyLockWillDo, SeatCommand::Take { .. } | SeatCommand::BookTaken { .. }) if is_own => Ok(vec![]),
            (Twin::SellWhateverItHas, SeatCommand::Book { booking }) => match state {
                Seat::Locked { block, exchange, .. } if is_own => {
                    Ok(vec![lastseat_domain::event::SeatBooked { booking: *booking, block, exchange }.into()])
                }
                _ => seat::decide(&seat(1), &state, command),
            },
            (Twin::GiveUpWhateverItHas, SeatCommand::GiveUp { reason, .. }) => {
                let command = SeatCommand::GiveUp { booking: booking(1), reason: *reason, by: (0, u32::MAX) };
                seat::decide(&seat(1), &state, command)
            }
            _ => seat::decide(&seat(1), &state, command),
        }
    }

    pub fn append_seat(&mut self, now: Stream, events: &[Event], by: u8) -> Result<Stream, &'static str> {
        let (mut revision, mut state) = self.seats[usize::from(now)];
        for event in events {
            let owner = state.owner();
            let legal = match event {
                Event::SeatLocked(_) => owner.is_none(),
                Event::SeatBooked(_) | Event::SeatReleased(_) => owner == Some(booking(by)),
                _ => false,
            };
            if !legal {
                return Err("a seat has two live owners");
            }
            revision += 1;
            state = seat::evolve(state, event);
        }
        Ok(intern(&mut self.seats, (revision, state)))
    }

    pub fn command(&self, ask: Ask) -> BookingCommand {
        match ask {
            Ask::Exchange(from) => BookingCommand::RequestExchange {
                leaves: vec![seat(AT[usize::from(from)])],
                takes: vec![PricedSeat::new(seat(AT[1 - usize::from(from)]), price())],
                show_revision: 0,
                by: "staff-1".to_owned(),
            },
            Ask::Decide(exchange) => BookingCommand::DecideExchange { exchange },
            Ask::Abandon(exchange) => BookingCommand::AbandonExchange { exchange },
            Ask::RequestRefund => BookingCommand::RequestRefund { by: "admin".to_owned() },
            Ask::RecordRefund => BookingCommand::RecordRefund { intent: intent(1), amount: eur(price()) },
        }
    }

    pub fn decide_booking(&self, seen: Stream, ask: Ask) -> Vec<Event> {
        let state = self.booking(seen).clone();
        Booking::decide(&state.id.clone(), &Some(state), self.command(ask)).unwrap_or_default()
    }

    pub fn append_booking(&mut self, now: Stream, events: &[Event]) -> Stream {
        let (revision, state) = self.bookings[usize::from(now)].clone();
        let next = events.iter().try_fold(state, |state, event| booking::evolve(Some(state), event, minute(1)));
        intern(&mut self.bookings, (revision + events.len(), next.unwrap()))
    }
}

fn intern<T: PartialEq>(table: &mut Vec<T>, content: T) -> Stream {
    let found = table.iter().position(|known| *known == content);
    let index = found.unwrap_or_else(|| {
        table.push(content);
        table.len() - 1
    });
    Stream::try_from(index).unwrap()
}

//! Every step that can follow, and what must never be.

use super::*;

impl World {
    pub fn successors(&self, tables: &mut Tables, out: &mut Vec<Next>) {
        self.rival(tables, out);
        self.staff(tables, out);
        for w in 0..2 {
            if self.workers[w] != Worker::Idle {
                out.push(Next::Chance(self.worker(w, Worker::Idle)));
            }
            self.work(w, tables, out);
        }
        for seat in 0..2 {
            self.come_late(seat, tables, out);
        }
    }

    pub fn come_late(&self, seat: usize, tables: &mut Tables, out: &mut Vec<Next>) {
        let mut next = *self;
        match self.late[seat] {
            Late::Coming => {
                next.late[seat] = Late::Read(self.seats[seat]);
                out.push(Next::Chance(next));
            }
            Late::Read(seen) => {
                next.late[seat] = Late::Gone;
                out.push(Next::Progress(next));
                let events = tables.decide_seat(tables.seat(seen), tables.late_command(seat)).unwrap_or_default();
                if seen == self.seats[seat] && !events.is_empty() {
                    match tables.append_seat(seen, &events, 1) {
                        Ok(stream) => next.seats[seat] = stream,
                        Err(why) => return out.push(Next::Violation(why)),
                    }
                    out.push(Next::Chance(next));
                }
            }
            Late::Gone => {}
        }
    }

    pub fn with_late(mut self, seat: usize) -> Self {
        self.late[seat] = Late::Coming;
        self
    }

    pub fn worker(mut self, w: usize, worker: Worker) -> Self {
        self.workers[w] = worker;
        self
    }

    /// Somebody holds the second seat, and gives it up some time.
    pub fn rival(&self, tables: &mut Tables, out: &mut Vec<Next>) {
        let seats = |stream| [self.seats[0], stream];
        let (id, buyer) = (booking(2), buyer(2));
        match self.rival {
            Rival::Unsent if tables.seat(self.seats[1]) == Seat::Free => {
                out.push(Next::Chance(Self { rival: Rival::Flying(self.seats[1]), ..*self }));
            }
            Rival::Unsent | Rival::Over => {}
            Rival::Flying(seen) => {
                if seen != self.seats[1] && tables.twin != Twin::BlindAppendOnSeat {
                    return out.push(Next::Progress(Self { rival: Rival::Over, ..*self }));
                }
                let lock = SeatCommand::Lock { booking: id, buyer, price: price(), expires_at: minute(10), blocks: vec![] };
                let events = seat::decide(&seat(2), &tables.seat(seen), lock).unwrap();
                out.push(match tables.append_seat(self.seats[1], &events, 2) {
                    Ok(stream) => Next::Progress(Self { seats: seats(stream), rival: Rival::Has, ..*self }),
                    Err(why) => Next::Violation(why),
                });
            }
            Rival::Has => {
                let release = SeatCommand::Release { booking: id, reason: AbortReason::Expired };
                let events = seat::decide(&seat(2), &tables.seat(self.seats[1]), release).unwrap();
                let stream = tables.append_seat(self.seats[1], &events, 2).unwrap();
                out.push(Next::Progress(Self { seats: seats(stream), rival: Rival::Over, ..*self }));
            }
        }
    }

    /// Requests of staff: up to three exchanges, and a refund.
    pub fn staff(&self, tables: &mut Tables, out: &mut Vec<Next>) {
        let mut ask = |ask, requests| {
            let events = tables.decide_booking(self.booking, ask);
            if !events.is_empty() {
                let booking = tables.append_booking(self.booking, &events);
                out.push(Next::Chance(Self { booking, requests, ..*self }));
            }
        };
        if self.requests < 3 {
            ask(Ask::Exchange(0), self.requests + 1);
            ask(Ask::Exchange(1), self.requests + 1);
        }
        ask(Ask::RequestRefund, self.requests);
        if tables.twin == Twin::LockWithoutRequest && self.requests < 3 {
            // It locks the seat first, and dies before it says why.
            if let Ok(events) = tables.decide_seat(tables.seat(self.seats[1]), tables.take(self.requests.into()))
                && let Ok(stream) = tables.append_seat(self.seats[1], &events, 1)
            {
                out.push(Next::Chance(Self { seats: [self.seats[0], stream], requests: 3, ..*self }));
            }
        }
    }

    pub fn work(&self, w: usize, tables: &mut Tables, out: &mut Vec<Next>) {
        let go = |worker| Next::Progress(self.worker(w, worker));
        match self.workers[w] {
            Worker::Idle => {
                let found = tables.booking(self.booking);
                match next_step(found, minute(2)) {
                    Step::Exchange | Step::FinishExchanges | Step::ReleaseSeats(_) => out.push(go(Worker::Read(self.booking, 0))),
                    Step::Refund => out.push(go(Worker::Append(self.booking, Ask::RecordRefund))),
                    _ => {}
                }
            }
            Worker::Read(seen, nth) => match tables.tasks(seen).get(usize::from(nth)) {
                Some(task) => out.push(go(Worker::Write(seen, nth, self.seats[task.seat]))),
                // All seats of an exchange are there.
                None => out.push(go(match &tables.booking(seen).exchange {
                    Some(requested) if matches!(tables.booking(seen).phase, Phase::Confirmed { .. }) => {
                        Worker::Append(seen, Ask::Decide(requested.exchange))
                    }
                    _ => Worker::Idle,
                })),
            },
            Worker::Write(seen, nth, seat_seen) => self.write(w, (seen, nth, seat_seen), tables, out),
            Worker::Append(seen, ask) => {
                if seen != self.booking && tables.twin != Twin::BlindAppendOnBooking {
                    // Decided again on what is there now.
                    return out.push(go(Worker::Append(self.booking, ask)));
                }
                let events = tables.decide_booking(seen, ask);
                let booking = if events.is_empty() { self.booking } else { tables.append_booking(self.booking, &events) };
                out.push(Next::Progress(Self { booking, ..self.worker(w, Worker::Idle) }));
            }
        }
    }

    pub fn write(&self, w: usize, (seen, nth, seat_seen): (Stream, u8, Stream), tables: &mut Tables, out: &mut Vec<Next>) {
        let go = |worker| Next::Progress(self.worker(w, worker));
        let Some(Task { seat, command }) = tables.tasks(seen).into_iter().nth(usize::from(nth)) else { return };
        let is_take = matches!(command, SeatCommand::Take { .. });
        match tables.decide_seat(tables.seat(seat_seen), command) {
            Err(_) if is_take => {
                let exchange = tables.booking(seen).exchange.as_ref().unwrap().exchange;
                out.push(go(Worker::Append(seen, Ask::Abandon(exchange))));
            }
            // The booking has moved on since it was read.
            Err(_) => out.push(go(Worker::Idle)),
            Ok(events) if events.is_empty() => out.push(go(Worker::Read(seen, nth + 1))),
            Ok(_) if self.seats[seat] != seat_seen && tables.twin != Twin::BlindAppendOnSeat => {
                out.push(go(Worker::Read(seen, nth)));
            }
            Ok(events) => match tables.append_seat(self.seats[seat], &events, 1) {
                Ok(stream) => {
                    let mut next = self.worker(w, Worker::Read(seen, nth + 1));
                    next.seats[seat] = stream;
                    out.push(Next::Progress(next));
                }
                Err(why) => out.push(Next::Violation(why)),
            },
        }
    }

    /// What must never be.
    pub fn violation(&self, tables: &Tables) -> Option<&'static str> {
        let found = tables.booking(self.booking);
        let owns = |n: u32| tables.seat(self.seats[AT.iter().position(|at| *at == n).unwrap()]).owner() == Some(found.id);
        let has_all = AT.into_iter().filter(|n| found.seats().iter().any(|own| own.seat == seat(*n))).all(owns);
        let is_sold = matches!(found.phase, Phase::Confirmed { .. });
        (is_sold && !has_all).then_some("a sold booking has fewer seats than it paid for")
    }

    /// Nothing is left to do: the booking has its seats, sold, and no other; and the rival is gone.
    pub fn is_resolved(&self, tables: &Tables) -> bool {
        let found = tables.booking(self.booking);
        let is_sold = found.phase == Phase::Confirmed { refund_requested: false };
        let fits = |place: usize| {
            let state = tables.seat(self.seats[place]);
            let own = is_sold && found.seats().iter().any(|own| own.seat == seat(AT[place]));
            if own { matches!(state, Seat::Booked { booking, .. } if booking == found.id) } else { state == Seat::Free }
        };
        let idle = self.workers == [Worker::Idle; 2] && !self.late.iter().any(|late| matches!(late, Late::Read(_)));
        let no_rival = matches!(self.rival, Rival::Unsent | Rival::Over);
        idle && no_rival && found.exchange.is_none() && (is_sold || found.phase == Phase::Refunded) && fits(0) && fits(1)
    }

    /// What an exploration has to get to, or it shows nothing.
    pub fn way(&self, tables: &Tables) -> Option<&'static str> {
        let found = tables.booking(self.booking);
        let made = found.past_exchanges.iter().filter(|past| past.made).count();
        let resolved = self.is_resolved(tables);
        match (made, found.past_exchanges.len() - made, &found.phase) {
            (1, 0, Phase::Confirmed { .. }) if resolved => Some("moved"),
            (2, 0, Phase::Confirmed { .. }) if resolved => Some("moved, and back again"),
            (0, 1, Phase::Confirmed { .. }) if resolved => Some("lost to a rival"),
            (1, 1, Phase::Confirmed { .. }) if resolved => Some("moved at the second try"),
            (1, 0, Phase::Refunded) if resolved => Some("moved and refunded"),
            _ => None,
        }
    }
}

//! One state of the model, and every step that may be taken from it.
//!
//! Who acts: an opener a booking, whose three appends (`BookingOpened`, two `SeatLocked`) land in
//! any order, late or never; workers that walk `settle::next_step`, several on one booking; the
//! clock; the bank. A worker may crash before any of its steps: it forgets where it was and starts
//! again. So there is no bound on the number of crashes, nor on that of time-outs at the gateway.

use crate::scope::{Scope, Twin};
use crate::streams::{Ask, Outcome, SeatAsk, Stream, Streams};
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::AbortReason;
use lastseat_domain::settle::{Step, next_step};

/// An append of an opener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Message {
    Unsent,
    /// Under way, at the revision of what was seen.
    Flying(Stream),
    Landed,
    Conflict,
}

/// The gateway's side of one booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Intent {
    None,
    Open,
    ActionRequired,
    Authorised,
    Captured,
    Cancelled,
    /// Captured, and the money of the first seat returned.
    PartRefunded,
    Refunded,
}

/// The gateway's first answer to an attempt, which it gives again to every repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    None,
    Authorised,
    Declined,
    ActionRequired,
}

/// What a worker is doing, with what it has in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Worker {
    Idle,
    /// About to check the seats for a payment, having read the booking first.
    CheckSeats(Stream, u8),
    /// About to decide on what was seen at that reading of the clock, and to append.
    Append(Stream, u8, Ask),
    /// About to confirm the attempt at the gateway.
    Confirm(u8),
    /// About to look what the buyer did.
    Look(u8),
    BookSeats(u8),
    Capture,
    /// About to free the seats from this one on; then to void or not.
    Release(u8, bool),
    Void,
    Refund,
    RefundPart,
    /// About to free the seats that were given up; then to return their money or not, which only a twin does.
    ReleaseGivenUp(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct World {
    pub seats: [Stream; 2],
    pub bookings: [Stream; 2],
    pub clock: [u8; 2],
    pub messages: [[Message; 3]; 2],
    pub intents: [Intent; 2],
    pub answers: [[Answer; 2]; 2],
    pub workers: [Worker; 3],
}

/// Where a step leads. A crash is possible everywhere, but nothing may depend on one.
pub enum Next {
    Progress(World),
    Crash(World),
    Violation(&'static str),
}

impl World {
    pub fn initial() -> Self {
        Self {
            seats: [0; 2],
            bookings: [0; 2],
            clock: [0; 2],
            messages: [[Message::Unsent; 3]; 2],
            intents: [Intent::None; 2],
            answers: [[Answer::None; 2]; 2],
            workers: [Worker::Idle; 3],
        }
    }

    /// Every step of everybody.
    pub fn successors(&self, scope: &Scope, streams: &mut Streams, out: &mut Vec<Next>) {
        for b in 0..2_u8 {
            if !scope.wants[usize::from(b)].is_empty() {
                self.environment(b, scope, streams, out);
                self.opener(b, scope, streams, out);
            }
        }
        for (w, b) in scope.workers.iter().copied().enumerate() {
            if self.workers[w] != Worker::Idle {
                out.push(Next::Crash(self.worker_at(w, Worker::Idle)));
            }
            self.worker(w, b, scope, streams, out);
        }
    }

    fn environment(&self, owner: u8, scope: &Scope, streams: &mut Streams, out: &mut Vec<Next>) {
        let b = usize::from(owner);
        if self.clock[b] + 1 < scope.readings {
            let mut next = *self;
            next.clock[b] += 1;
            out.push(Next::Progress(next));
        }
        if scope.twin == Twin::SeatsExpireByThemselves && self.clock[b] > 0 {
            for s in 0..2 {
                let expire = SeatAsk::Release(AbortReason::Expired);
                apply(streams.append_seat(self.seats[s], self.seats[s], owner, expire), out, |stream| {
                    let mut next = *self;
                    next.seats[s] = stream;
                    next
                });
            }
        }
        match self.intents[b] {
            // The bank withdraws its approval. May happen, must not be needed.
            Intent::Authorised => out.push(Next::Crash(self.intent_at(b, Intent::Cancelled))),
            Intent::ActionRequired => {
                out.push(Next::Progress(self.intent_at(b, Intent::Authorised)));
                out.push(Next::Progress(self.intent_at(b, Intent::Open)));
            }
            _ => {}
        }
    }

    fn opener(&self, b: u8, scope: &Scope, streams: &mut Streams, out: &mut Vec<Next>) {
        let at = usize::from(b);
        let wants = streams.wants(b).to_vec();
        if self.messages[at][0] == Message::Unsent {
            let free = wants
                .iter()
                .all(|s| matches!(streams.append_seat(self.seats[*s], self.seats[*s], b, SeatAsk::Lock), Outcome::Appended(_)));
            if free {
                let mut next = *self;
                next.messages[at][0] = Message::Flying(0);
                for s in &wants {
                    next.messages[at][1 + s] = Message::Flying(self.seats[*s]);
                }
                out.push(Next::Progress(next));
            }
            return;
        }
        if let Message::Flying(seen) = self.messages[at][0] {
            let mut next = *self;
            if self.bookings[at] == seen {
                next.messages[at][0] = Message::Landed;
                apply(streams.append_booking(seen, seen, b, 0, Ask::Open), out, |stream| {
                    next.bookings[at] = stream;
                    next
                });
            } else {
                next.messages[at][0] = Message::Conflict;
                out.push(Next::Progress(next));
            }
        }
        for s in wants {
            let Message::Flying(seen) = self.messages[at][1 + s] else { continue };
            let mut next = *self;
            if self.seats[s] == seen || scope.twin == Twin::BlindAppendOnSeat {
                next.messages[at][1 + s] = Message::Landed;
                apply(streams.append_seat(seen, self.seats[s], b, SeatAsk::Lock), out, |stream| {
                    next.seats[s] = stream;
                    next
                });
            } else {
                next.messages[at][1 + s] = Message::Conflict;
                out.push(Next::Progress(next));
            }
        }
        // A seat was lost: the opener gives up, if it still lives and nobody else did.
        if self.messages[at][0] == Message::Landed && self.messages[at][1..].contains(&Message::Conflict) {
            let stream = self.bookings[at];
            if let Outcome::Appended(stream) = streams.append_booking(stream, stream, b, self.clock[at], Ask::SeatLost) {
                let mut next = *self;
                next.bookings[at] = stream;
                out.push(Next::Progress(next));
            }
        }
    }

    fn worker(&self, w: usize, b: u8, scope: &Scope, streams: &mut Streams, out: &mut Vec<Next>) {
        let at = usize::from(b);
        let go = |worker| Next::Progress(self.worker_at(w, worker));
        match self.workers[w] {
            Worker::Idle => self.pick_up(w, b, scope, streams, out),
            Worker::CheckSeats(seen, nth) => {
                let wants = streams.wants(b);
                let Some(s) = wants.get(usize::from(nth)) else {
                    return out.push(go(Worker::Append(seen, self.clock[at], Ask::Pay)));
                };
                let fine = streams.owns(self.seats[*s], b) || scope.twin == Twin::PayWithoutCheckingSeats;
                out.push(go(if fine { Worker::CheckSeats(seen, nth + 1) } else { Worker::Idle }));
            }
            Worker::Append(seen, reading, ask) => {
                let there = self.bookings[at];
                let lands = there == seen || scope.twin == Twin::BlindAppendOnBooking;
                let outcome = streams.append_booking(seen, if lands { there } else { seen }, b, reading, ask);
                match outcome {
                    Outcome::Refused | Outcome::Nothing => out.push(go(Worker::Idle)),
                    _ if lands => apply(outcome, out, |stream| {
                        let mut next = self.worker_at(w, Worker::Idle);
                        next.bookings[at] = stream;
                        next
                    }),
                    // Lost the race. A payment starts over, because its seats must be checked after
                    // the revision; all else is decided again on what is there now.
                    _ if ask == Ask::Pay => out.push(go(Worker::Idle)),
                    _ => out.push(go(Worker::Append(there, self.clock[at], ask))),
                }
            }
            Worker::Confirm(attempt) => self.confirm(w, b, attempt, scope, out),
            Worker::Look(attempt) => match self.intents[at] {
                Intent::Authorised => out.push(go(self.decide(at, Ask::Commit))),
                Intent::Open => out.push(go(self.decide(at, Ask::Decline(attempt)))),
                _ => out.push(go(Worker::Idle)),
            },
            Worker::BookSeats(nth) => {
                let Some(s) = streams.wants(b).get(usize::from(nth)).copied() else { return out.push(go(Worker::Capture)) };
                let mut next = self.worker_at(w, Worker::BookSeats(nth + 1));
                match streams.append_seat(self.seats[s], self.seats[s], b, SeatAsk::Book) {
                    // Only to a worker that slept through the end of its booking: the states
                    // themselves are watched for a committed booking that lacks a seat.
                    Outcome::Refused => out.push(go(Worker::Idle)),
                    Outcome::Nothing => out.push(Next::Progress(next)),
                    outcome => apply(outcome, out, |stream| {
                        next.seats[s] = stream;
                        next
                    }),
                }
            }
            Worker::Capture => self.capture(w, at, scope, out),
            Worker::Release(s, void) if usize::from(s) < 2 => {
                let mut next = self.worker_at(w, Worker::Release(s + 1, void));
                let s = usize::from(s);
                let release = SeatAsk::Release(reason(streams.booking(self.bookings[at])));
                match streams.append_seat(self.seats[s], self.seats[s], b, release) {
                    Outcome::Refused | Outcome::Nothing => out.push(Next::Progress(next)),
                    outcome => apply(outcome, out, |stream| {
                        next.seats[s] = stream;
                        next
                    }),
                }
            }
            Worker::Release(_, void) => out.push(go(if void { Worker::Void } else { Worker::Idle })),
            Worker::Void => {
                // Without an intent, one is created under the booking's key, so as to be cancelled.
                let gone = matches!(self.intents[at], Intent::Captured | Intent::PartRefunded | Intent::Refunded);
                let next = if gone { *self } else { self.intent_at(at, Intent::Cancelled) };
                let then = if gone { Worker::Idle } else { self.decide(at, Ask::RecordVoid) };
                out.push(Next::Progress(next.worker_at(w, then)));
            }
            Worker::RefundPart => {
                // The number is a part of the key: a repeat returns nothing more.
                let next = if self.intents[at] == Intent::Captured { self.intent_at(at, Intent::PartRefunded) } else { *self };
                out.push(Next::Progress(next.worker_at(w, self.decide(at, Ask::RecordPart))));
                // A time-out: done or not.
                out.push(Next::Crash(next.worker_at(w, Worker::Idle)));
            }
            Worker::ReleaseGivenUp(then_refund) => {
                let mut next = self.worker_at(w, if then_refund { Worker::RefundPart } else { Worker::Idle });
                match streams.append_seat(self.seats[0], self.seats[0], b, SeatAsk::Release(AbortReason::Refunded)) {
                    Outcome::Refused | Outcome::Nothing => out.push(Next::Progress(next)),
                    outcome => apply(outcome, out, |stream| {
                        next.seats[0] = stream;
                        next
                    }),
                }
            }
            Worker::Refund => {
                let next = self.intent_at(at, Intent::Refunded);
                out.push(Next::Progress(next.worker_at(w, self.decide(at, Ask::RecordRefund))));
            }
        }
    }

    /// Reads the booking and does what `next_step` says, or what its buyer wants.
    fn pick_up(&self, w: usize, b: u8, scope: &Scope, streams: &Streams, out: &mut Vec<Next>) {
        let at = usize::from(b);
        let go = |worker| Next::Progress(self.worker_at(w, worker));
        let owns_any = self.seats.iter().any(|s| streams.owns(*s, b));
        let Some(booking) = streams.booking(self.bookings[at]) else {
            // Locked by a booking that never opened.
            if owns_any {
                let fence = self.decide(at, Ask::Fence);
                out.push(go(if scope.twin == Twin::ReleaseWithoutFence { Worker::Release(0, false) } else { fence }));
            }
            return;
        };
        let attempt = u8::try_from(booking.attempt()).unwrap();
        if booking.is_undecided() && scope.second_thoughts {
            out.push(go(self.decide(at, Ask::Cancel)));
        }
        match next_step(booking, streams.now(self.clock[at])) {
            Step::Done => {
                if scope.second_thoughts {
                    out.push(go(self.decide(at, Ask::RequestRefund)));
                }
                if scope.parts && booking.partial_refunds.is_empty() {
                    out.push(go(self.decide(at, Ask::RequestPart)));
                }
            }
            Step::RefundPart if scope.twin == Twin::ReleaseBeforeTheMoney => out.push(go(Worker::ReleaseGivenUp(true))),
            Step::RefundPart => out.push(go(Worker::RefundPart)),
            Step::ReleaseGivenUp => {
                if streams.owns(self.seats[0], b) {
                    out.push(go(Worker::ReleaseGivenUp(false)));
                }
                if scope.second_thoughts {
                    out.push(go(self.decide(at, Ask::RequestRefund)));
                }
            }
            // Forgotten by the gateway, undecided.
            Step::WaitUntil(_) if scope.twin == Twin::FlagBeforeTheAbort && booking.phase == Phase::Paying => {
                out.push(go(self.decide(at, Ask::Flag)));
            }
            Step::WaitUntil(_) if booking.attempts.len() < scope.attempts => {
                out.push(go(Worker::CheckSeats(self.bookings[at], 0)));
            }
            Step::WaitUntil(_) => {}
            Step::Expire => out.push(go(self.decide(at, Ask::Expire))),
            Step::ResumePayment => out.push(go(Worker::Confirm(attempt))),
            Step::CheckAction => out.push(go(Worker::Look(attempt))),
            Step::CommitAtTill | Step::CommitAuthorised => out.push(go(self.decide(at, Ask::Commit))),
            Step::BookSeatsAndCapture => out.push(go(Worker::BookSeats(0))),
            Step::ReleaseSeats(_) if owns_any => out.push(go(Worker::Release(0, false))),
            Step::ReleaseSeats(_) => {}
            Step::ReleaseSeatsAndVoid(_) => out.push(go(Worker::Release(0, true))),
            Step::Flag => out.push(go(self.decide(at, Ask::Flag))),
            Step::Refund => out.push(go(Worker::Refund)),
            // Exchanges are explored apart.
            Step::Exchange | Step::FinishExchanges => {}
        }
    }

    fn confirm(&self, w: usize, b: u8, attempt: u8, scope: &Scope, out: &mut Vec<Next>) {
        let at = usize::from(b);
        let nth = usize::from(attempt) - 1;
        let mut answered = |answer: Answer, intent: Intent| {
            let mut next = self.intent_at(at, intent);
            next.answers[at][nth] = answer;
            let then = match answer {
                // The twin takes the money first and asks the log afterwards.
                Answer::Authorised if scope.twin == Twin::CaptureBeforeCommit => Worker::Capture,
                Answer::Authorised => self.decide(at, Ask::Commit),
                Answer::Declined => self.decide(at, Ask::Decline(attempt)),
                Answer::ActionRequired => self.decide(at, Ask::Action(attempt)),
                Answer::None => Worker::Idle,
            };
            out.push(Next::Progress(next.worker_at(w, then)));
        };
        match (self.answers[at][nth], self.intents[at]) {
            (Answer::None, Intent::None | Intent::Open | Intent::ActionRequired) => {
                answered(Answer::Authorised, Intent::Authorised);
                if scope.bank_objects {
                    answered(Answer::Declined, Intent::Open);
                    answered(Answer::ActionRequired, Intent::ActionRequired);
                }
            }
            // Refused in this state of the intent: the worker looks what that is.
            (Answer::None, Intent::Authorised) => out.push(Next::Progress(self.worker_at(w, Worker::Look(attempt)))),
            (Answer::None, _) => out.push(Next::Progress(self.worker_at(w, Worker::Idle))),
            (repeat, intent) => answered(repeat, intent),
        }
    }

    fn capture(&self, w: usize, at: usize, scope: &Scope, out: &mut Vec<Next>) {
        let taken = self.intent_at(at, Intent::Captured);
        let after = if scope.twin == Twin::CaptureBeforeCommit { Ask::Commit } else { Ask::RecordCapture };
        match self.intents[at] {
            Intent::Authorised => {
                out.push(Next::Progress(taken.worker_at(w, self.decide(at, after))));
                // A time-out: done or not done. That is found out by starting over.
                let unknown = match scope.twin {
                    Twin::VoidOnCaptureTimeout => self.decide(at, Ask::FailCapture),
                    _ => Worker::Idle,
                };
                out.push(Next::Crash(taken.worker_at(w, unknown)));
                out.push(Next::Crash(self.worker_at(w, unknown)));
            }
            Intent::Captured => out.push(Next::Progress(self.worker_at(w, self.decide(at, Ask::RecordCapture)))),
            Intent::Cancelled => out.push(Next::Progress(self.worker_at(w, self.decide(at, Ask::FailCapture)))),
            _ => out.push(Next::Progress(self.worker_at(w, Worker::Idle))),
        }
    }

    /// Reads the booking as it is now, to decide on that.
    fn decide(&self, at: usize, ask: Ask) -> Worker {
        Worker::Append(self.bookings[at], self.clock[at], ask)
    }

    fn worker_at(mut self, w: usize, worker: Worker) -> Self {
        self.workers[w] = worker;
        self
    }

    fn intent_at(mut self, at: usize, intent: Intent) -> Self {
        self.intents[at] = intent;
        self
    }
}

/// The reason that the log gives. It never changes, so when it is read does not matter.
fn reason(booking: Option<&Booking>) -> AbortReason {
    match booking.map(|b| &b.phase) {
        Some(Phase::Aborted { reason }) => *reason,
        Some(Phase::Refunded) => AbortReason::Refunded,
        _ => AbortReason::Fenced,
    }
}

fn apply(outcome: Outcome, out: &mut Vec<Next>, mut appended: impl FnMut(Stream) -> World) {
    match outcome {
        Outcome::Appended(stream) => out.push(Next::Progress(appended(stream))),
        Outcome::Illegal(why) => out.push(Next::Violation(why)),
        Outcome::Refused | Outcome::Nothing => {}
    }
}

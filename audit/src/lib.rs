//! Proves guarantees 1, 2, 4, 5 and 6 from the log alone, and says what a log can't show.
//!
//! The audit reads raw events in position order and folds them with state machines of its own, so
//! that a mistake in the engine's deciders does not repeat itself here. All it takes from the domain
//! is the stored form of events, how a plan is laid out, and how a voucher is drawn. It computes every
//! id from what is stored, so it finds an event that was changed unless its id was forged as well.
//!
//! What is wrong is a [`Violation`] under a stable [`Code`]. What is merely unfinished (a hold that
//! ran out a moment ago and is not released yet) is [`Pending`], until it has been so for longer than
//! [`GRACE`] by the log's own time.
//!
//! Memory grows by about 20 bytes an event (its id) and a command, 450 a booking, 200 a seat, 80 a scan.

mod activity;
mod blocks;
mod bookings;
mod campaigns;
mod code;
mod deliveries;
mod exchanges;
mod facts;
mod identity;
mod loyalty;
mod offline_scans;
mod partial_refunds;
mod pictures;
mod plan_facts;
mod plans;
mod prices;
mod refunds;
mod render;
mod report;
mod reward_codes;
mod seats;
mod state;
mod streams;
mod tickets;
mod till;
mod transfer;
mod vouchers;

pub use code::Code;
pub use facts::GRACE;
pub use report::{AcceptedLoss, Flow, Guarantee, MOST_NAMED, Pending, Report, Violation};
pub use state::Audit;

use facts::{Edition, ShowFacts, TicketFact};
use lastseat_domain::event::{Event, ShowScheduled};
use lastseat_domain::plan::Plan;
use lastseat_domain::ports::event_log::RecordedEvent;
use lastseat_domain::{Envelope, Metadata, codec};
use report::Place;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A show with these facts. How a plan is laid out is the domain's.
fn edition(facts: ShowScheduled, revision: u64) -> Edition {
    let plan = Arc::new(Plan::of(&facts));
    Edition { revision, facts: Arc::new(facts), plan }
}

impl Audit {
    /// An audit of a log from its beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event of the log. All of them, in position order.
    pub fn observe(&mut self, recorded: &RecordedEvent) {
        self.streams.check_position(recorded, &mut self.findings);
        match codec::decode(recorded) {
            Ok(None) => {
                self.streams.check_foreign(recorded, &mut self.findings);
                self.foreign += 1;
            }
            Ok(Some(envelope)) => {
                self.streams.check_stream(recorded, Some(&envelope.metadata), &mut self.findings);
                self.events += 1;
                self.activity.saw(envelope.metadata.at);
                self.take(&envelope);
            }
            Err(unreadable) => {
                self.streams.check_stream(recorded, None, &mut self.findings);
                self.events += 1;
                let place = Place::of_recorded(recorded);
                let version = serde_json::from_str::<Metadata>(recorded.metadata.get()).map(|m| m.v);
                let code = if version.is_ok_and(|v| v > 1) { Code::UnknownVersion } else { Code::Unreadable };
                self.findings.wrong(code, &place, || unreadable.to_string());
            }
        }
    }

    fn take(&mut self, envelope: &Envelope) {
        let place = Place::of(envelope);
        let category = match &envelope.event {
            Event::PlanDrawn(_) => "plan",
            Event::ShowPictured(_) | Event::ShowPictureRemoved(_) => "picture",
            Event::ShowScheduled(_)
            | Event::ShowRevised(_)
            | Event::SalesPaused(_)
            | Event::SalesResumed(_)
            | Event::ShowCancelled(_)
            | Event::ShowRefundsRequested(_) => "show",
            Event::SeatLocked(_)
            | Event::SeatReleased(_)
            | Event::SeatBooked(_)
            | Event::SeatBlocked(_)
            | Event::SeatUnblocked(_) => "seat",
            Event::BlockOpened(_) | Event::BlockLifted(_) => "block",
            Event::PointsEarned(_)
            | Event::PointsRevoked(_)
            | Event::VoucherIssued(_)
            | Event::VoucherRevoked(_)
            | Event::VoucherRedeemed(_) => "loyalty",
            Event::VoucherCreated(_)
            | Event::VoucherReserved(_)
            | Event::VoucherFreed(_)
            | Event::VoucherUsed(_)
            | Event::VoucherWithdrawn(_)
            | Event::GoodsHandedOver(_) => "voucher",
            Event::TicketReissued(_) | Event::TicketAdmitted(_) | Event::TicketLeft(_) | Event::TicketScannedOffline(_) => {
                "ticket"
            }
            Event::CampaignStarted(_)
            | Event::CampaignCompleted(_)
            | Event::CampaignEndRequested(_)
            | Event::CampaignEnded(_) => "campaign",
            Event::DeliveriesCheckpointed(_) | Event::DeliveryAbandoned(_) | Event::DeliveriesReplayed(_) => "webhook",
            Event::LossAccepted(_) => "operations",
            _ => "booking",
        };
        let named = envelope.metadata.correlation;
        let same = envelope.event.booking().is_none_or(|own| named.is_none_or(|named| named == own.0));
        self.findings
            .check(Code::CorrelationDiffers, same, &place, || format!("its metadata name booking {}", named.unwrap_or_default()));
        let fits = envelope.stream.category() == category;
        self.findings.check(Code::Unreadable, true, &place, String::new);
        self.findings
            .check(Code::WrongStream, fits, &place, || format!("{} does not belong into this stream", envelope.event.name()));
        if !fits {
            return;
        }
        match category {
            "plan" => self.take_plan(envelope),
            "picture" => self.take_picture(envelope),
            "show" => self.take_show(envelope),
            "seat" => self.take_seat(envelope),
            "block" => self.take_block(envelope),
            "loyalty" => self.take_loyalty(envelope),
            "voucher" => self.take_voucher(envelope),
            "ticket" => self.take_ticket(envelope),
            "campaign" => self.take_campaign(envelope),
            "webhook" => self.take_deliveries(envelope),
            "operations" => self.take_operations(envelope),
            _ => self.take_booking(envelope),
        }
    }

    fn take_operations(&mut self, envelope: &Envelope) {
        if let Event::LossAccepted(e) = &envelope.event {
            self.accepted_losses.push(AcceptedLoss {
                position: envelope.position,
                at: envelope.metadata.at,
                by: e.by.clone(),
                expected_position: e.expected_position,
                found_position: e.found_position,
                reason: e.reason.clone(),
            });
        }
    }

    fn take_show(&mut self, envelope: &Envelope) {
        let place = Place::of(envelope);
        let (show, scheduled) = match &envelope.event {
            Event::ShowScheduled(e) => (&e.show, Some(e)),
            Event::ShowRevised(e) => (&e.show, None),
            Event::SalesPaused(e) => (&e.show, None),
            Event::SalesResumed(e) => (&e.show, None),
            Event::ShowCancelled(e) => (&e.show, None),
            Event::ShowRefundsRequested(e) => (&e.show, None),
            _ => return,
        };
        let own = envelope.stream.as_show().is_some_and(|of_stream| of_stream == *show);
        self.findings.check(Code::WrongStream, own, &place, || format!("it is about show {show}"));
        let Some(facts) = scheduled else {
            let known = self.shows.get_mut(show);
            self.findings.check(Code::SeatNotInPlan, known.is_some(), &place, || format!("show {show} was never scheduled"));
            match (known, &envelope.event) {
                (Some(known), Event::ShowRevised(e)) => {
                    self.findings.check(Code::AfterTheEnd, !known.cancelled, &place, || format!("show {show} was cancelled"));
                    let fits = e.added.is_empty() || known.latest().facts.plan.is_none();
                    self.findings
                        .check(Code::SeatNotInPlan, fits, &place, || "a show on a plan gets seats of its own".to_owned());
                    let facts = e.applied_to(&known.latest().facts);
                    known.revise(edition(facts, envelope.revision));
                }
                (Some(known), Event::ShowCancelled(_)) => known.cancelled = true,
                (Some(known), Event::ShowRefundsRequested(_)) => {
                    let first = known.refunds_at.is_none();
                    self.findings.check(Code::RefundOutOfTurn, known.cancelled && first, &place, || {
                        format!("show {show} is refunded and was not cancelled, or is refunded already")
                    });
                    known.refunds_at.get_or_insert(envelope.metadata.at);
                }
                _ => {}
            }
            return;
        };
        let new = !self.shows.contains_key(show);
        self.findings.check(Code::OpenedTwice, new, &place, || format!("show {show} is scheduled again"));
        if new {
            let facts = self.on_plan(facts.clone(), &place);
            self.shows.insert(show.clone(), ShowFacts::new(edition(facts, envelope.revision)));
        }
    }

    /// What it came to, taking the last event for the end of the log.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.streams.finish(&mut self.findings);
        if let Some(until) = self.activity.until() {
            self.finish_seats(until);
            self.finish_blocks(until);
            self.finish_bookings();
            self.finish_loyalty();
            self.finish_vouchers();
            self.finish_campaigns();
            self.finish_codes_of_rewards();
        }
        let mut seats = BTreeMap::from([("available", 0), ("locked", 0), ("booked", 0), ("unavailable", 0)]);
        for seat in self.shows.values().flat_map(|show| &show.seats) {
            *seats.entry(seat.state_name()).or_default() += 1;
        }
        let mut bookings = BTreeMap::new();
        for book in self.bookings.values() {
            if let Some(status) = book.status_name() {
                *bookings.entry(status).or_default() += 1;
            }
        }
        let mut report = Report {
            events: self.events,
            foreign_events: self.foreign,
            position: self.streams.position(),
            until: self.activity.until(),
            shows: self.shows.len() as u64,
            bookings,
            seats,
            money: self.money,
            vouchers: self.rewards.count_vouchers(&self.vouchers),
            scans: TicketFact::count_scans(self.tickets.values()),
            accepted_losses: self.accepted_losses,
            pending: vec![],
            pending_total: 0,
            violations: vec![],
            violations_total: 0,
            guarantees: vec![],
            not_shown: vec![],
        };
        self.findings.into_report(&mut report);
        report
    }
}

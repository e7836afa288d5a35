//! The invariants, checked on what is there: the raw events of the log and the gateway's records.
//! Knows nothing of the deciders: a map of owners and a ledger, folded in the log's order.

use lastseat_domain::ports::event_log::{Direction, Filter, RecordedEvent};
use lastseat_payments_sandbox::{Record, Status};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::TestBench;

#[derive(Default)]
struct Story {
    opened: bool,
    buyer: String,
    seats: BTreeSet<String>,
    /// What is charged, discount deducted.
    amount: i64,
    /// Paid at the till, where the gateway takes nothing.
    at_till: bool,
    /// The exchange that is under way: what it gives up, and what it gets.
    exchange: Option<(BTreeSet<String>, BTreeSet<String>)>,
    /// The gateway may have an intent of it.
    at_gateway: bool,
    discount: i64,
    authorised: bool,
    committed: bool,
    captured: bool,
    aborted: Option<String>,
    refunded: bool,
    flagged: bool,
    /// The flag is newer than the refund, requested or recorded.
    refund_refused: bool,
    refund_requested: bool,
    returned_elsewhere: bool,
    parts: BTreeMap<u64, Part>,
    earned: Vec<i64>,
    revoked: Vec<i64>,
}

/// A refund of a part.
struct Part {
    amount: i64,
    seats: BTreeSet<String>,
    /// None while it is under way.
    end: Option<&'static str>,
}

impl Story {
    fn returned(&self, how: &[&str]) -> i64 {
        self.parts.values().filter(|part| part.end.is_some_and(|end| how.contains(&end))).map(|part| part.amount).sum()
    }

    /// The parts that gave seats up.
    fn given_up(&self) -> impl Iterator<Item = &Part> {
        self.parts.values().filter(|part| part.end.is_some_and(|end| end != "abandoned") && !part.seats.is_empty())
    }

    fn has(&self, seat: &str) -> bool {
        self.seats.contains(seat) && !self.given_up().any(|part| part.seats.contains(seat))
    }

    fn is_sold(&self) -> bool {
        self.captured && !self.refunded
    }
}

/// The show of a booking's seats.
fn event_show(seats: &BTreeSet<String>) -> String {
    let first = seats.iter().next().and_then(|stream| stream.strip_prefix("seat-")?.split_once('.'));
    first.map(|(show, _)| show.to_owned()).unwrap_or_default()
}

struct Findings {
    stories: BTreeMap<String, Story>,
    /// Seat stream to the booking that has it, and whether it is sold.
    owners: BTreeMap<String, (String, bool)>,
    /// Prices by category, by show and the revision that named them; and each show's categories by area and row.
    prices: BTreeMap<(String, u64), BTreeMap<String, i64>>,
    categories: BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl Findings {
    fn note(&mut self, event: &RecordedEvent, what: &str) {
        self.wrong.push(format!("{} {}@{} {}: {what}", event.position, event.stream, event.revision, event.event_type));
    }

    fn fold(&mut self, event: &RecordedEvent) {
        let body: Value = serde_json::from_str(event.data.get()).unwrap();
        let metadata: Value = serde_json::from_str(event.metadata.get()).unwrap();
        // What a test has written itself has no cause, and other programs' events need neither.
        let is_caused = !metadata["$causationId"].is_null() || metadata["actor"] == "test";
        let is_ours = !event.event_type.starts_with('$');
        if is_ours && (metadata["$correlationId"].is_null() || !is_caused) {
            self.note(event, "its metadata don't say what it belongs to, or what caused it");
        }
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let stream = event.stream.as_str().to_owned();
        let booking = text("booking");
        if stream.starts_with("booking-") && stream != format!("booking-{booking}") {
            self.note(event, "an event of another booking");
        }
        let story = self.stories.entry(booking.clone()).or_default();
        let owner = self.owners.get(&stream).cloned();
        let mut wrong = Vec::new();
        let mut require = |is_right: bool, what: &str| {
            if !is_right {
                wrong.push(what.to_owned());
            }
        };
        match event.event_type.as_str() {
            "ShowScheduled" | "ShowRevised" => {
                let price = |c: &Value| Some((c["category"].as_str()?.to_owned(), c["price"].as_i64()?));
                let listed: BTreeMap<_, _> = body["categories"].as_array().into_iter().flatten().filter_map(price).collect();
                let before = self.prices.iter().rev().find(|((show, _), _)| *show == text("show"));
                let prices =
                    if listed.is_empty() { before.map(|(_, prices)| prices.clone()).unwrap_or_default() } else { listed };
                self.prices.insert((text("show"), event.revision), prices);
                for area in ["areas", "added"].iter().filter_map(|name| body[*name].as_array()).flatten() {
                    let category = area["category"].as_str().unwrap().to_owned();
                    let rows = area["rows"].as_array().into_iter().flatten().filter_map(|row| row["row"].as_str());
                    let names = rows.chain(area["area"].as_str());
                    self.categories.extend(names.map(|name| (name.to_owned(), category.clone())));
                }
            }
            "SeatLocked" => {
                require(owner.is_none(), &format!("the seat is {owner:?}'s"));
                self.owners.insert(stream, (booking, false));
            }
            "SeatBooked" => {
                require(owner == Some((booking.clone(), false)), &format!("sold while the seat is {owner:?}'s"));
                require(story.committed, "sold before the booking was committed");
                self.owners.insert(stream, (booking, true));
            }
            "SeatReleased" => {
                require(owner.as_ref().is_some_and(|(o, _)| *o == booking), &format!("released while the seat is {owner:?}'s"));
                let alive = story.opened && story.aborted.is_none() && !story.refunded;
                require(!(alive && story.has(&stream)), "released while its booking lives");
                self.owners.remove(&stream);
            }
            "BookingOpened" => {
                require(event.revision == 0 && !story.opened, "opened twice");
                story.opened = true;
                story.buyer = text("buyer");
                story.amount = body["amount"]["value"].as_i64().unwrap();
                let (show, seats) = (text("show"), body["seats"].as_array().unwrap());
                story.seats = seats.iter().map(|s| format!("seat-{show}.{}", s["seat"].as_str().unwrap())).collect();
                let sum: i64 = seats.iter().map(|s| s["price"].as_i64().unwrap()).sum();
                require(sum == story.amount, "the amount is not the sum of the prices");
                let prices = self.prices.get(&(show, body["show_revision"].as_u64().unwrap_or_default()));
                require(prices.is_some(), "its show had no such revision");
                let price = |seat: &str| prices?.get(self.categories.get(seat.split(['-', ':']).next()?)?);
                let right = |s: &Value| price(s["seat"].as_str()?).map(|price| s["price"].as_i64() == Some(*price));
                require(seats.iter().all(|s| right(s) == Some(true)), "a price is not the one of its revision");
            }
            "PaymentStarted" if !body["tender"].is_null() => {
                require(!story.at_till && !story.at_gateway, "paid at the till, and elsewhere");
                story.at_till = true;
                if text("tender") == "complimentary" {
                    story.amount = 0;
                }
            }
            "PaymentStarted" => {
                require(!story.at_till, "paid at the gateway, and at the till");
                story.at_gateway = true;
            }
            "PaymentDeclined" => story.at_gateway = !body["intent"].is_null(),
            "VoucherApplied" => {
                require(!story.authorised && story.discount == 0, "a discount after the payment, or a second one");
                story.discount = body["discount"].as_i64().unwrap();
                story.amount -= story.discount;
            }
            // Without one it keeps a voucher from being applied.
            "VoucherRemoved" => story.amount += std::mem::take(&mut story.discount),
            "PaymentAuthorised" => {
                require(body["amount"]["value"].as_i64() == Some(story.amount), "another amount was authorised");
                story.authorised = true;
            }
            "BookingCommitted" => {
                require(story.opened && story.aborted.is_none(), "a late payer was confirmed");
                require(story.authorised, "committed without money");
                let has_all = story.seats.iter().all(|s| self.owners.get(s).is_some_and(|(owner, _)| *owner == booking));
                require(has_all, "committed without having the seats");
                story.committed = true;
            }
            "PaymentCaptured" => {
                require(story.committed && !story.captured && story.aborted.is_none(), "captured without a decision");
                require(body["amount"]["value"].as_i64() == Some(story.amount), "another amount was taken");
                let sold = story.seats.iter().all(|s| self.owners.get(s) == Some(&(booking.clone(), true)));
                require(sold, "captured before the seats were sold");
                story.captured = true;
            }
            "ExchangeRequested" => {
                require(
                    story.captured && !story.refund_requested && story.exchange.is_none(),
                    "moved, and not sold or in motion",
                );
                let show = event_show(&story.seats);
                let names = |list: &str, name: fn(&Value) -> Option<&str>| -> BTreeSet<String> {
                    let seats = body[list].as_array().unwrap().iter().filter_map(name);
                    seats.map(|seat| format!("seat-{show}.{seat}")).collect()
                };
                let (leaves, takes) = (names("leaves", Value::as_str), names("takes", |taken| taken["seat"].as_str()));
                require(leaves.len() == takes.len() && leaves.is_subset(&story.seats), "gives up what it does not have");
                story.exchange = Some((leaves, takes));
            }
            "BookingExchanged" => {
                let Some((leaves, takes)) = story.exchange.take() else { panic!("decided without a request") };
                let has = |seat: &String| self.owners.get(seat).is_some_and(|(owner, _)| *owner == booking);
                require(
                    takes.iter().all(has) && story.seats.iter().filter(|seat| story.has(seat)).all(has),
                    "moved to seats that it does not have",
                );
                story.seats = story.seats.iter().filter(|seat| !leaves.contains(*seat)).cloned().chain(takes).collect();
            }
            "ExchangeAbandoned" => require(story.exchange.take().is_some(), "given up without a request"),
            "BookingAborted" => {
                let reason = text("reason");
                require(story.aborted.is_none() && !story.captured, "aborted after its end");
                require(!story.committed || reason == "capture_failed", "aborted after the decision");
                story.aborted = Some(reason);
            }
            "PaymentRefunded" => {
                require(story.captured && !story.refunded, "refunded what was not paid, or twice");
                let rest = story.amount - story.returned(&["made", "elsewhere"]);
                require(body["amount"]["value"].as_i64() == Some(rest), "returned other than what was left");
                story.refunded = true;
                story.refund_refused = false;
            }
            "RefundRequested" => {
                story.refund_requested = true;
                story.refund_refused = false;
            }
            "PartialRefundRequested" => {
                let open = story.parts.values().any(|part| part.end.is_none());
                let live = story.captured && !story.refunded && !story.refund_requested && !open;
                require(live, "a part is to be refunded of what is not sold, or beside another refund");
                let amount = body["amount"]["value"].as_i64().unwrap();
                let seats = body["seats"].as_array().into_iter().flatten();
                let seats: BTreeSet<_> = seats
                    .map(|seat| {
                        story.seats.iter().find(|s| s.ends_with(&format!(".{}", seat.as_str().unwrap()))).cloned().unwrap()
                    })
                    .collect();
                require(seats.iter().all(|seat| story.has(seat)), "a seat is to be refunded that it does not have");
                let before = story.returned(&["made", "elsewhere"]);
                require(before + amount < story.amount, "all the money is to be returned in parts");
                story.refund_refused = false;
                story.parts.insert(body["refund"].as_u64().unwrap(), Part { amount, seats, end: None });
            }
            "PaymentPartlyRefunded" => {
                let part = story.parts.get_mut(&body["refund"].as_u64().unwrap());
                let right = part.as_ref().is_some_and(|p| p.end.is_none() && body["amount"]["value"].as_i64() == Some(p.amount));
                require(right, "a part was refunded that was not requested, or twice");
                part.into_iter().for_each(|part| part.end = Some("made"));
            }
            "PaymentReviewed" if text("outcome") == "abandoned" => {
                story.parts.values_mut().filter(|part| part.end.is_none()).for_each(|part| part.end = Some("abandoned"));
            }
            "PaymentReturnedElsewhere" if body["refund"].is_u64() => {
                let part = story.parts.get_mut(&body["refund"].as_u64().unwrap());
                // Or the gateway had accepted it, and a flag says that it has failed since.
                let failed = story.flagged && part.as_ref().is_some_and(|part| part.end == Some("made"));
                require(story.refund_refused || failed, "a part returned elsewhere before the gateway had refused");
                story.refund_refused = false;
                part.into_iter().for_each(|part| part.end = Some("elsewhere"));
            }
            // A person says that it went back by another way; the gateway keeps it on record.
            "PaymentReturnedElsewhere" => {
                let may = story.captured && story.refund_refused && !story.returned_elsewhere;
                require(may, "returned what was not paid, twice, or before the gateway had refused");
                story.refunded = true;
                story.returned_elsewhere = true;
                story.refund_refused = false;
            }
            "PaymentFlagged" => {
                story.flagged = true;
                story.refund_refused = story.refund_requested || story.parts.values().any(|part| part.end.is_none());
            }
            "PointsEarned" => {
                require(story.captured, "rewarded before it was paid");
                story.earned.push(body["seats"].as_i64().unwrap());
            }
            "PointsRevoked" => story.revoked.push(body["seats"].as_i64().unwrap()),
            _ => {}
        }
        for what in wrong {
            self.note(event, &what);
        }
    }
}

async fn fold(bench: &TestBench) -> (Findings, Vec<Arc<Record>>) {
    let mut findings = Findings {
        stories: BTreeMap::new(),
        owners: BTreeMap::new(),
        prices: BTreeMap::new(),
        categories: BTreeMap::new(),
        wrong: Vec::new(),
    };
    let events = bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap();
    for event in &events {
        findings.fold(event);
    }
    let intents = bench.sandbox.intents();
    // At any moment: money is only taken for a decided booking.
    for intent in &intents {
        let Some(story) = findings.stories.get(&intent.booking.to_string()) else {
            findings.wrong.push(format!("{} is for a booking that is not in the log", intent.id));
            continue;
        };
        if intent.captured > 0 && !story.committed {
            findings.wrong.push(format!("{} was captured, and its booking was never committed", intent.id));
        }
        if intent.captured > 0 && intent.captured != story.amount {
            findings.wrong.push(format!("{}: {} were taken for a booking of {}", intent.id, intent.captured, story.amount));
        }
    }
    (findings, intents)
}

/// What must hold at any moment. Says what does not.
pub async fn unsafe_now(bench: &TestBench) -> Vec<String> {
    fold(bench).await.0.wrong
}

/// What must hold besides once everything had its time. Flagged bookings are a person's.
pub async fn unsettled(bench: &TestBench) -> Vec<String> {
    let (Findings { stories, owners, mut wrong, .. }, intents) = fold(bench).await;
    for (seat, (owner, sold)) in &owners {
        let story = &stories[owner];
        let is_sale = story.is_sold() && *sold && story.has(seat);
        let is_a_persons = story.flagged && story.committed;
        if !is_sale && !is_a_persons {
            wrong.push(format!("{seat} is stuck: {owner} has it (sold: {sold}), which is not a sale of it"));
        }
    }
    let mut kept: BTreeMap<String, i64> = BTreeMap::new();
    for intent in &intents {
        let booking = intent.booking.to_string();
        *kept.entry(booking.clone()).or_default() += intent.kept();
        if intent.status == Status::RequiresCapture && !stories.get(&booking).is_some_and(|s| s.flagged) {
            wrong.push(format!("{} still keeps the buyer's money reserved", intent.id));
        }
    }
    for (id, story) in stories.iter().filter(|(id, s)| !id.is_empty() && !s.flagged) {
        let kept = kept.get(id).copied().unwrap_or(0);
        let due = match (story.at_till, story.is_sold()) {
            (true, _) => 0,
            (false, true) => story.amount - story.returned(&["made"]),
            (false, false) => story.returned(&["elsewhere"]),
        };
        if kept != due {
            wrong.push(format!("{id}: {kept} were kept instead of {due}"));
        }
        if story.opened && !story.captured && story.aborted.is_none() {
            wrong.push(format!("{id} is neither sold nor over"));
        }
        if story.exchange.is_some() {
            wrong.push(format!("{id} is still being moved"));
        }
        if story.is_sold() && story.seats.iter().any(|s| story.has(s) && owners.get(s) != Some(&(id.clone(), true))) {
            wrong.push(format!("{id} is paid, and does not have its seats"));
        }
        let seats = i64::try_from(story.seats.len()).unwrap();
        // A guest's account is worth writing for a voucher only; the test show draws one from three seats on.
        let counts = !story.buyer.starts_with("guest:") || seats >= 3;
        let once = |counts: bool| if counts { vec![seats] } else { vec![] };
        let earned = once(story.captured && counts);
        let mut revoked: Vec<i64> = story.given_up().filter(|_| counts).map(|part| part.seats.len() as i64).collect();
        if story.refunded && counts {
            revoked.push(seats - revoked.iter().sum::<i64>());
        }
        revoked.sort_unstable();
        let mut found = story.revoked.clone();
        found.sort_unstable();
        if (&story.earned, &found) != (&earned, &revoked) {
            wrong.push(format!("{id}: earned {:?}, revoked {:?} for {seats} seats", story.earned, story.revoked));
        }
    }
    wrong
}

/// Bookings that a person has to look at.
pub async fn flagged(bench: &TestBench) -> usize {
    fold(bench).await.0.stories.values().filter(|s| s.flagged).count()
}

pub async fn assert_safe(bench: &TestBench, what: &str) {
    let wrong = unsafe_now(bench).await;
    assert!(wrong.is_empty(), "{what}:\n{}\n{}", wrong.join("\n"), log_text(bench).await);
}

pub async fn assert_settled(bench: &TestBench, what: &str) {
    let wrong = unsettled(bench).await;
    assert!(wrong.is_empty(), "{what}:\n{}\n{}", wrong.join("\n"), log_text(bench).await);
}

/// The log, for a failure's report.
pub async fn log_text(bench: &TestBench) -> String {
    let events = bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap();
    let line = |e: &Arc<RecordedEvent>| {
        let metadata: Value = serde_json::from_str(e.metadata.get()).unwrap();
        let body: String = e.data.get().chars().take(150).collect();
        format!("  {} {} {}@{} {} {body}", e.position, e.recorded_at.format("%T%.3f"), e.stream, e.revision, e.event_type)
            + &format!(" by {}", metadata["actor"])
    };
    events.iter().filter(|e| !e.stream.as_str().starts_with("show-")).map(line).collect::<Vec<_>>().join("\n")
}

//! How long a list takes beside how many bookings there are: fills files of views with made-up bookings and measures the
//! queries on each, side by side in one run.
//!
//! `cargo run --release -p lastseat-projections --example lists_bench [bookings] [folder]`, with 1,000,000 bookings and a
//! temporary folder if not given. A booking takes about 0.8 kB. Filling takes an hour where millions no longer fit in
//! memory, so a folder keeps the large file, and one that has it is measured as it is, also if filling was ended early.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement, not a part of the program"
)]

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use lastseat_domain::event::{
    BookingCommitted, BookingOpened, Event, PaymentAuthorised, PaymentCaptured, PaymentStarted, PointsEarned, PricedSeat,
    ShopData,
};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, Filter, LogFault, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use lastseat_domain::{BookingId, BuyerId, Currency, Envelope, IntentId, Metadata, Money, SeatId, ShowId, StreamName};
use lastseat_projections::{Filler, ReadModel};
use lastseat_testkit::scripted_log::TokioClock;
use lastseat_testkit::world::{epoch, plan};
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const FEW: u64 = 10_000;
const SHOWS: u64 = 50;
/// Every so many bookings one is the agency's.
const AGENCY: u64 = 10;
const EVENTS: usize = 6;
const QUERIES: u64 = 2_000;
const BATCH: usize = 8_000;

fn show_of(n: u64) -> ShowId {
    ShowId::new(&format!("show-{}", n % SHOWS)).unwrap()
}

fn buyer_of(n: u64) -> BuyerId {
    // About four bookings each.
    BuyerId::new(&if n.is_multiple_of(AGENCY) { "agency".to_owned() } else { format!("buyer-{}", n / 4) }).unwrap()
}

fn booking_of(n: u64) -> BookingId {
    BookingId::from_key("bench", &n.to_string())
}

fn intent_of(n: u64) -> IntentId {
    IntentId::new(&format!("pi_{n}")).unwrap()
}

/// The events of one booking, from its opening to its points.
fn events_of(n: u64) -> [(StreamName, Event); EVENTS] {
    let (booking, show, buyer, intent) = (booking_of(n), show_of(n), buyer_of(n), intent_of(n));
    let amount = Money::sum(Currency::new("EUR").unwrap(), [8500, 8500]).unwrap();
    let seat = |number: u64| PricedSeat::new(SeatId::new(&format!("A-{number}")).unwrap(), 8500);
    let seats = vec![seat(2 * n + 1), seat(2 * n + 2)];
    let expires_at = epoch() + Duration::from_secs(600);
    let opened = BookingOpened {
        booking,
        show: show.clone(),
        buyer: buyer.clone(),
        amount,
        seats,
        expires_at,
        show_revision: 0,
        fee: 0,
        channel: None,
        access_code: None,
        voucher: None,
        shop: ShopData::default(),
        request: None,
    };
    let stream = StreamName::booking(booking);
    let of_booking = |event: Event| (stream.clone(), event);
    [
        of_booking(opened.into()),
        of_booking(
            PaymentStarted { booking, attempt: 1, payment_method: None, tender: None, return_url: None, request: None }.into(),
        ),
        of_booking(PaymentAuthorised { booking, attempt: 1, intent: intent.clone(), amount, capture_before: None }.into()),
        of_booking(BookingCommitted { booking }.into()),
        of_booking(PaymentCaptured { booking, intent, amount, draw: None }.into()),
        (StreamName::loyalty(&buyer), PointsEarned { booking, show, seats: 2, points: 20 }.into()),
    ]
}

fn envelope(position: u64, (stream, event): (StreamName, Event)) -> Arc<Envelope> {
    let (id, metadata) = (Uuid::from_u128(position.into()), Metadata::new("bench", epoch()));
    Arc::new(Envelope { position: Position(position), stream, revision: 0, id, event, metadata })
}

/// The bookings of a file that is there, as far as it was filled, and its last event.
fn filled_before(folder: &Path) -> Option<(u64, Arc<Envelope>)> {
    let file = Connection::open_with_flags(folder.join("views.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let position: i64 = file.query_row("SELECT position FROM progress", [], |row| row.get(0)).ok()?;
    let position = u64::try_from(position).ok()?;
    let (events, each) = (position.checked_sub(SHOWS).filter(|events| *events > 0)?, EVENTS as u64);
    let (booking, place) = ((events - 1) / each, (events - 1) % each);
    let (_, last) = (0..).zip(events_of(booking)).find(|(n, _)| *n == place)?;
    Some((events / each, envelope(position, last)))
}

/// Fills a file; returns its last event.
fn fill(folder: &Path, bookings: u64) -> Arc<Envelope> {
    let mut filler = Filler::create(folder).unwrap();
    let shows = (0..SHOWS).map(|n| {
        let show = plan(&format!("show-{n}"), 1, 10, 0);
        (StreamName::show(&show.show), show.into())
    });
    let mut position = 0;
    let mut envelope = |event: (StreamName, Event)| {
        position += 1;
        envelope(position, event)
    };
    let mut batch: Vec<_> = shows.map(&mut envelope).collect();
    let mut last = batch.last().map(Arc::clone);
    for n in 0..bookings {
        batch.extend(events_of(n).map(&mut envelope));
        if batch.len() >= BATCH || n + 1 == bookings {
            last = batch.last().map(Arc::clone);
            filler.fold(std::mem::take(&mut batch)).unwrap();
        }
    }
    filler.close().unwrap();
    last.unwrap()
}

/// A log that ends with an event, and has no other.
struct Stub(Arc<Envelope>);

impl Stub {
    fn recorded(&self) -> Arc<RecordedEvent> {
        let raw = || serde_json::value::RawValue::from_string("{}".to_owned()).unwrap();
        Arc::new(RecordedEvent {
            position: self.0.position,
            stream: self.0.stream.clone(),
            revision: self.0.revision,
            id: self.0.id,
            event_type: self.0.event.name().to_owned(),
            data: raw(),
            metadata: raw(),
            recorded_at: epoch(),
            decoded: Default::default(),
        })
    }
}

#[async_trait]
impl EventLog for Stub {
    fn atomic_across_streams(&self) -> bool {
        true
    }

    async fn append(&self, _: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        Err(LogFault::Refused("it is a stub".into()))
    }

    async fn read_stream(
        &self,
        _: &StreamName,
        _: Option<Revision>,
        _: Direction,
        _: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        Ok(vec![self.recorded()])
    }

    async fn read_all(
        &self,
        _: Option<Position>,
        direction: Direction,
        _: usize,
        _: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        Ok(if direction == Direction::Backwards { vec![self.recorded()] } else { vec![] })
    }

    fn subscribe(&self, _: Position, _: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let caught_up = futures::stream::iter([Ok(Delivery::CaughtUp(self.0.position))]);
        caught_up.chain(futures::stream::pending()).boxed()
    }

    async fn head(&self) -> Result<Position, LogFault> {
        Ok(self.0.position)
    }
}

/// p50 and p99 of a query, asked for bookings all over the file.
async fn measure(bookings: u64, mut ask: impl AsyncFnMut(u64)) -> (Duration, Duration) {
    let mut took = Vec::new();
    for n in 0..QUERIES {
        let of = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % bookings;
        let start = Instant::now();
        ask(of).await;
        took.push(start.elapsed());
    }
    took.sort();
    (took[took.len() / 2], took[took.len() * 99 / 100])
}

type Figures = Vec<(&'static str, (Duration, Duration))>;

async fn queries(folder: &Path, bookings: u64, last: Arc<Envelope>) -> Figures {
    let end = last.position;
    let model = ReadModel::open(Arc::new(Stub(last)), TokioClock::new(epoch()), Some(folder.into())).await.unwrap();
    assert!(model.wait_for(end, Duration::from_secs(60)).await);
    let agency = BuyerId::new("agency").unwrap();
    let figures = vec![
        (
            "a buyer's list, newest first",
            measure(bookings, async |n| assert!(!model.bookings_of(&buyer_of(n), None, 20).await.unwrap().data.is_empty())).await,
        ),
        (
            "an agency's list, newest first",
            measure(bookings, async |_| assert_eq!(model.bookings_of(&agency, None, 20).await.unwrap().data.len(), 20)).await,
        ),
        (
            "an agency's list, from a booking on",
            measure(bookings, async |n| {
                let cursor = booking_of(n - n % AGENCY);
                model.bookings_of(&agency, Some(cursor), 20).await.unwrap();
            })
            .await,
        ),
        ("one booking", measure(bookings, async |n| assert!(model.booking(booking_of(n)).await.unwrap().is_some())).await),
        (
            "the booking of an intent",
            measure(bookings, async |n| assert!(model.booking_of_intent(&intent_of(n)).await.unwrap().is_some())).await,
        ),
        (
            "a buyer's rewards",
            measure(bookings, async |n| assert!(model.rewards_of(&buyer_of(n)).await.unwrap().seats > 0)).await,
        ),
        ("the sales of a show", measure(bookings, async |n| assert!(model.sales(&show_of(n)).await.unwrap().is_some())).await),
    ];
    model.stop().await;
    figures
}

async fn at(folder: &Path, bookings: u64) -> Figures {
    let place = folder.join(format!("lists-{bookings}"));
    if let Some((bookings, last)) = filled_before(&place) {
        println!("{bookings} bookings, filled before");
        return queries(&place, bookings, last).await;
    }
    fs::create_dir_all(&place).unwrap();
    let start = Instant::now();
    let filled = tokio::task::spawn_blocking({
        let place = place.clone();
        move || fill(&place, bookings)
    });
    let last = filled.await.unwrap();
    let bytes = fs::metadata(place.join("views.db")).unwrap().len();
    println!("{bookings} bookings: filled in {:.1} s, {} MB", start.elapsed().as_secs_f64(), bytes >> 20);
    let figures = queries(&place, bookings, last).await;
    if bookings == FEW {
        fs::remove_dir_all(&place).unwrap();
    }
    figures
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let many: u64 = arguments.next().map_or(1_000_000, |n| n.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or_else(|| temporary.path().to_owned(), Into::into);
    let (few, many) = (at(&folder, FEW).await, at(&folder, many).await);
    println!("{:<40} {:>22} {:>22}", "p50 and p99", "of 10,000", "of all");
    for ((what, (p50, p99)), (_, (all_p50, all_p99))) in few.into_iter().zip(many) {
        let pair = |p50: Duration, p99: Duration| format!("{} µs, {} µs", p50.as_micros(), p99.as_micros());
        println!("{what:<40} {:>22} {:>22}", pair(p50, p99), pair(all_p50, all_p99));
    }
}

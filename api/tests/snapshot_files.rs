//! Whatever happened to the files, a start has the right state.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use lastseat::snapshots::{SnapshotFiles, Undecodable, decode, encode};
use lastseat_domain::ports::event_log::{Direction, Expected, Filter, NewEvent, RecordedEvent, StreamWrite};
use lastseat_domain::ports::{Clock, EventLog, Ids};
use lastseat_domain::{BookingId, BuyerId};
use lastseat_engine::{BoxOffice, HoldRequest, Ports, PriceTypeChoice, SeatSelection, Settings, Snapshot};
use lastseat_in_process::{InProcessGuard, SystemClock, TimeOrderedIds};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_testkit::MemoryLog;
use lastseat_testkit::world::{plan, seat_id, show_id};
use std::sync::Arc;
use std::time::Duration;

struct Place {
    dir: tempfile::TempDir,
    log: Arc<MemoryLog>,
    clock: Arc<dyn Clock>,
}

impl Place {
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self { dir: tempfile::tempdir().unwrap(), log: Arc::new(MemoryLog::new(clock.clone(), true)), clock }
    }

    fn files(&self) -> SnapshotFiles {
        SnapshotFiles::at(self.dir.path().join("snapshots"))
    }

    fn ports(&self) -> Ports {
        Ports {
            log: self.log.clone(),
            guard: Arc::new(InProcessGuard::new(self.clock.clone())),
            payments: Arc::new(SandboxGateway::in_memory(self.clock.clone())),
            clock: self.clock.clone(),
            ids: Arc::new(TimeOrderedIds::new(self.clock.clone())),
            vouchers: Arc::new(lastseat_testkit::PlainCodes),
        }
    }

    async fn open(&self) -> BoxOffice {
        let office = BoxOffice::open(self.ports(), Settings::default()).await.unwrap();
        office.schedule_show(plan("test", 1, 9, 0), "admin").await.unwrap();
        office
    }

    /// The position of the snapshot that a start uses.
    async fn starts_from(&self) -> Option<u64> {
        self.files().load_at_start(&*self.log).await.unwrap().map(|loaded| loaded.position.0)
    }

    /// A start from what is stored, and what it says of a seat.
    async fn refuses(&self, seat: &str) -> bool {
        let loaded = self.files().load_at_start(&*self.log).await.unwrap();
        let office = BoxOffice::open_from(self.ports(), Settings::default(), loaded.map(|loaded| loaded.snapshot)).await.unwrap();
        let refused = office
            .refuse_at_once(&show_id("test"), &SeatSelection::Seats(vec![seat_id(seat)]), &PriceTypeChoice::First, None)
            .is_err();
        office.drain(Duration::from_secs(1)).await;
        refused
    }
}

async fn hold(office: &BoxOffice, seat: &str) {
    let booking = BookingId(TimeOrderedIds::new(Arc::new(SystemClock)).uuid());
    let (show, selection, buyer) = (show_id("test"), SeatSelection::Seats(vec![seat_id(seat)]), BuyerId::guest(booking));
    office.hold(HoldRequest::new(booking, show, selection, buyer)).await.unwrap();
}

async fn bytes(office: &BoxOffice) -> Vec<u8> {
    encode(&take_snapshot(office).await).unwrap()
}

/// Of everything that was written.
async fn take_snapshot(office: &BoxOffice) -> Snapshot {
    loop {
        match office.take_snapshot().await.unwrap() {
            Some(snapshot) if snapshot.position == office.last_written() => return snapshot,
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// Two snapshots are stored, and more was sold since: A-1 before both, A-2 between them, A-3 after them.
async fn sold() -> (Place, u64, u64) {
    let place = Place::new();
    let office = place.open().await;
    hold(&office, "A-1").await;
    let first = take_snapshot(&office).await;
    hold(&office, "A-2").await;
    let second = take_snapshot(&office).await;
    hold(&office, "A-3").await;
    for snapshot in [&first, &second] {
        place.files().store(&encode(snapshot).unwrap()).unwrap();
    }
    office.drain(Duration::from_secs(1)).await;
    (place, first.position.0, second.position.0)
}

async fn is_right(place: &Place, what: &str) {
    for (seat, taken) in [("A-1", true), ("A-2", true), ("A-3", true), ("A-4", false)] {
        assert_eq!(place.refuses(seat).await, taken, "{seat} {what}");
    }
}

#[tokio::test]
async fn the_newest_is_used_then_the_one_before_it_then_the_log() {
    let (place, first, second) = sold().await;
    assert_eq!(place.starts_from().await, Some(second));
    is_right(&place, "from the newest").await;
    std::fs::remove_file(&place.files().stored()[0].path).unwrap();
    assert_eq!(place.starts_from().await, Some(first));
    is_right(&place, "from the older one").await;
    std::fs::remove_file(&place.files().stored()[0].path).unwrap();
    assert_eq!(place.starts_from().await, None);
    is_right(&place, "from the log").await;
}

/// Reading and checking 30 MB at each start, to refuse it each time, would be a waste.
#[tokio::test]
async fn what_the_log_has_refused_at_a_start_is_not_read_again() {
    let (place, ..) = sold().await;
    let other = Place::new();
    hold(&other.open().await, "A-1").await;
    let dir = other.dir.path().join("snapshots");
    std::fs::create_dir_all(&dir).unwrap();
    for stored in place.files().stored() {
        std::fs::copy(&stored.path, dir.join(stored.path.file_name().unwrap())).unwrap();
    }
    // `snapshot export` looks at the files of a server that runs, perhaps with the wrong log.
    assert!(other.files().load(&*other.log).await.unwrap().is_none());
    assert_eq!(other.files().stored().len(), 2);
    assert_eq!(other.starts_from().await, None);
    assert_eq!(other.files().stored().len(), 0, "no start looks at them any more");
    let mut names: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["engine.snapshot.old.refused", "engine.snapshot.refused"], "for a look, or an import");
    // One that is damaged or of another form stays: the program before may still use it.
    let path = &place.files().stored()[0].path;
    std::fs::write(path, "torn").unwrap();
    assert!(place.starts_from().await.is_some() && path.exists());
}

#[tokio::test]
async fn only_the_newest_two_are_kept() {
    let (place, _, second) = sold().await;
    let office = place.open().await;
    hold(&office, "A-5").await;
    let third = bytes(&office).await;
    place.files().store(&third).unwrap();
    let positions: Vec<u64> = place.files().stored().into_iter().map(|it| it.snapshot.unwrap().position.0).collect();
    assert_eq!(positions, [second + 4, second]);
    assert_eq!(std::fs::read_dir(place.dir.path().join("snapshots")).unwrap().count(), 2);
}

#[tokio::test]
async fn a_torn_file_is_skipped_wherever_it_was_torn() {
    let (place, first, second) = sold().await;
    let path = place.files().stored()[0].path.clone();
    let whole = std::fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(place.starts_from().await, Some(first), "torn after {length} bytes");
    }
    is_right(&place, "beside a torn file").await;
    // A crash before the rename leaves the new file under another name.
    std::fs::write(&path, &whole).unwrap();
    std::fs::write(path.with_extension("snapshot.new"), &whole[..99]).unwrap();
    assert_eq!(place.starts_from().await, Some(second));
}

#[tokio::test]
async fn a_flipped_bit_is_noticed_wherever_it_is() {
    let (place, first, _) = sold().await;
    let path = place.files().stored()[0].path.clone();
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(decode(&flipped).is_err(), "the bit in byte {at}");
        if at % 23 == 0 {
            std::fs::write(&path, &flipped).unwrap();
            assert_eq!(place.starts_from().await, Some(first), "a bit flipped in byte {at}");
        }
    }
    is_right(&place, "beside a damaged file").await;
}

#[tokio::test]
async fn a_file_of_another_kind_or_version_says_so() {
    let (place, first, _) = sold().await;
    let path = place.files().stored()[0].path.clone();
    let whole = std::fs::read(&path).unwrap();
    let mut future = whole.clone();
    future[8] += 1;
    let expected = format!("its form is version {}, this program's is {}", Snapshot::SCHEMA + 1, Snapshot::SCHEMA);
    assert_eq!(decode(&future).unwrap_err().to_string(), expected);
    assert_eq!(decode(b"{\"view\":\"seat_map\"}").unwrap_err(), Undecodable::Foreign);
    std::fs::write(&path, &future).unwrap();
    assert_eq!(place.starts_from().await, Some(first));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(place.starts_from().await, Some(first), "a folder in its place");
    let why = place.files().store(&whole).unwrap_err();
    assert!(why.contains("engine.snapshot: "), "{why}");
    assert!(!path.with_extension("snapshot.new").exists(), "what could not be stored takes no room");
}

#[tokio::test]
async fn another_logs_snapshot_is_not_used() {
    let (place, ..) = sold().await;
    let other = Place::new();
    let office = other.open().await;
    // As long as the other log, and another booking has A-4.
    for seat in ["A-4", "A-1", "A-2"] {
        hold(&office, seat).await;
    }
    let foreign = bytes(&office).await;
    place.files().store(&foreign).unwrap();
    place.files().store(&foreign).unwrap();
    assert_eq!(place.starts_from().await, None);
    is_right(&place, "beside another log's snapshots").await;
}

#[tokio::test]
async fn a_snapshot_that_is_newer_than_a_restored_log_is_not_used() {
    let (place, ..) = sold().await;
    let (clock, all) = (place.clock.clone(), place.log.read_all(None, Direction::Forwards, 99, &Filter::all()).await.unwrap());
    let restored = Place { log: Arc::new(MemoryLog::new(clock, true)), ..place };
    // Only the show and A-1.
    for event in all.iter().take(3) {
        let RecordedEvent { stream, revision, id, event_type, data, metadata, .. } = RecordedEvent::clone(event);
        let events = vec![NewEvent { id, event_type, data, metadata }];
        restored.log.append(vec![StreamWrite { stream, expected: Expected::after(revision), events }]).await.unwrap();
    }
    assert!(!restored.refuses("A-2").await && !restored.refuses("A-3").await, "the restored log has them free");
    assert!(restored.refuses("A-1").await);
    assert_eq!(restored.starts_from().await, Some(3), "the older snapshot is as old as the backup");
}

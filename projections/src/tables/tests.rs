//! The rows say what plain folds in memory say, at every cut, and a file in doubt is folded again.

use super::fault::TablesFault;
use super::place::{self, FILE};
use super::stored::Stored;
use super::writer::Writer;
use super::{VIEWS, booking_rows, campaign_rows, dump, file, scan_rows};
use crate::batch::Batch;
use crate::oracle::Oracle;
use crate::{ReadModel, StoredView, rebuild, stored_status};
use lastseat_domain::event::Event;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Position, RecordedEvent};
use lastseat_domain::{BuyerId, ChannelId, Envelope, PriceTypeId, codec};
use lastseat_testkit::history::{every_event, finish, history, steps, use_ticket};
use lastseat_testkit::scripted_log::{ScriptedLog, TokioClock};
use lastseat_testkit::world::{World, epoch, plan, show_id};
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod faults;
mod foreign_files;
mod lists;

pub(super) use faults::Closing;

const PATIENCE: Duration = Duration::from_secs(20);

fn decoded(log: &[Arc<RecordedEvent>]) -> Vec<Arc<Envelope>> {
    log.iter().map(|e| codec::decode(e).unwrap().unwrap()).collect()
}

/// The same events, and many bookings have a channel, price types, a fee and what the shop finds them by.
fn with_shop_data(events: Vec<Arc<Envelope>>) -> Vec<Arc<Envelope>> {
    let mut number = 0_usize;
    let changed = |event: Arc<Envelope>| {
        let Event::BookingOpened(opened) = &event.event else { return event };
        let (mut envelope, mut opened) = ((*event).clone(), opened.clone());
        number += 1;
        opened.channel = number.is_multiple_of(3).then(|| ChannelId::new("till").unwrap());
        opened.shop.reference = number.is_multiple_of(2).then(|| format!("order {}", number % 6));
        for (name, value, every) in [("campaign", "spring", 2), ("campaign", "autumn", 3), ("gate", "=1+1", 5)] {
            if number.is_multiple_of(every) {
                opened.shop.metadata.insert(name.into(), value.into());
            }
        }
        for (n, priced) in opened.seats.iter_mut().enumerate() {
            priced.price_type = (n + number).is_multiple_of(2).then(|| PriceTypeId::new("child").unwrap());
            priced.fee = 50;
        }
        envelope.event = Event::BookingOpened(opened);
        Arc::new(envelope)
    };
    events.into_iter().map(changed).collect()
}

fn batch(events: &[Arc<Envelope>]) -> Batch {
    Batch { events: events.to_vec(), until: events.last().map_or(Position::START, |e| e.position), ..Batch::default() }
}

/// The canonical form of a view, without its envelope.
fn content(writer: &Writer, view: &'static str) -> String {
    let mut text = Vec::new();
    dump::dump(writer.connection(), view, writer.progress(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let whole: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(whole["view"], view);
    let (_, content) = text.split_once(",\"content\":").unwrap();
    content.strip_suffix("}\n").unwrap().to_owned()
}

fn assert_says(writer: &Writer, oracle: &Oracle) {
    for view in VIEWS {
        assert_eq!(content(writer, view), oracle.content(view), "{view} at {:?}", writer.progress());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the size of the batches, and whether the file is closed, or its server killed, in between.
    #[test]
    fn rows_say_what_the_folds_say_at_every_cut(
        steps in steps(80), stride in 1_u64..5, sizes in prop::collection::vec(1_usize..12, 1..40), ends in any::<u64>()
    ) {
        let mut world = history(&steps, stride);
        // What no random history has: scans of tickets.
        every_event(&mut world);
        finish(&mut world);
        let log = with_shop_data(decoded(&world.log));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (mut writer, mut oracle) = (Writer::create(&path).unwrap(), Oracle::default());
        let mut rest = &log[..];
        for (turn, size) in sizes.iter().cycle().enumerate() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at(rest.len().min(*size));
            writer.fold(&batch(now)).unwrap();
            now.iter().for_each(|event| oracle.apply(event));
            rest = later;
            assert_says(&writer, &oracle);
            if ends >> (turn % 32 * 2) & 1 == 1 {
                if ends >> (turn % 32 * 2 + 1) & 1 == 1 { writer.close().unwrap() } else { drop(writer) }
                writer = Writer::open(&path).unwrap().unwrap();
                assert_says(&writer, &oracle);
            }
        }
        prop_assert_eq!(writer.progress().events, log.len() as u64);
        // What was seen already changes nothing.
        let before = writer.digests().unwrap();
        writer.fold(&batch(&log)).unwrap();
        prop_assert_eq!(writer.digests().unwrap(), before);
    }
}

fn some_world() -> World {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let id = world.hold("buyer-1", "gala", &["A-1", "A-2", "A-3"]);
    world.pay(id);
    use_ticket(&mut world, id, "A-1");
    world.hold("buyer-2", "gala", &["B-1", "floor:3"]);
    world
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

async fn follow(log: &Arc<ScriptedLog>, folder: &Path) -> ReadModel {
    let model = ReadModel::open(Arc::clone(log) as Arc<dyn EventLog>, TokioClock::new(epoch()), Some(folder.into())).await;
    let model = model.unwrap();
    assert!(model.wait_for(log.end(), PATIENCE).await);
    model
}

/// Stored views of some world, in a folder, with what they are.
async fn stored() -> (tempfile::TempDir, Arc<ScriptedLog>, Vec<StoredView>) {
    let folder = tempfile::tempdir().unwrap();
    let log = ScriptedLog::of(&some_world().log);
    follow(&log, folder.path()).await.stop().await;
    let status = stored_status(folder.path()).unwrap();
    assert!(status.len() == 6 && status.iter().all(|view| view.problem.is_none()), "{status:?}");
    (folder, log, status)
}

async fn assert_right(model: &ReadModel) {
    let sales = model.sales(&show_id("gala")).await.unwrap().unwrap();
    assert_eq!((sales.captured.value, sales.seats.booked, sales.seats.held), (25_500, 3, 2));
    for (buyer, status) in [("buyer-1", "confirmed"), ("buyer-2", "held")] {
        let buyer = BuyerId::new(buyer).unwrap();
        let page = model.bookings_of(&buyer, None, 5).await.unwrap();
        assert_eq!(page.data.iter().map(|b| b.status.as_str()).collect::<Vec<_>>(), [status]);
        let booking = page.data[0].booking;
        assert_eq!(model.booking(booking).await.unwrap().as_ref(), Some(&page.data[0]));
        assert_eq!(model.buyer_of(booking).await.unwrap(), Some(buyer));
    }
}

fn change(folder: &Path, sql: &str) {
    let file = Connection::open(folder.join(FILE)).unwrap();
    file.execute_batch(sql).unwrap();
}

#[test]
fn a_file_in_doubt_is_folded_again() {
    type Spoil = fn(&Path);
    let spoils: [(&str, Spoil); 12] = [
        ("cut to nothing", |folder| fs::write(folder.join(FILE), "").unwrap()),
        ("cut within a page", |folder| {
            let bytes = fs::read(folder.join(FILE)).unwrap();
            fs::write(folder.join(FILE), &bytes[..bytes.len() / 2 + 100]).unwrap();
        }),
        ("cut between pages", |folder| {
            let bytes = fs::read(folder.join(FILE)).unwrap();
            fs::write(folder.join(FILE), &bytes[..bytes.len() - 4096]).unwrap();
        }),
        ("a page of noise", |folder| {
            let mut bytes = fs::read(folder.join(FILE)).unwrap();
            bytes[4096..4096 * 3].fill(0x5a);
            fs::write(folder.join(FILE), &bytes).unwrap();
        }),
        ("some text", |folder| fs::write(folder.join(FILE), "Dear diary, today I have lost my keys.").unwrap()),
        ("another program's database", |folder| {
            fs::remove_file(folder.join(FILE)).unwrap();
            change(folder, "CREATE TABLE diary (entry); INSERT INTO diary VALUES ('I have lost my keys')");
        }),
        ("an older form", |folder| change(folder, "PRAGMA user_version = 0")),
        ("a newer form", |folder| change(folder, "ALTER TABLE bookings ADD COLUMN mood TEXT; PRAGMA user_version = 99")),
        ("an entry missing in an index", |folder| {
            change(
                folder,
                "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'bookings_of_buyer';
                 PRAGMA writable_schema = RESET; INSERT INTO bookings SELECT opened + 1000, x'00', buyer, show, status, opened_at, confirmed_at, reference, view
                 FROM bookings LIMIT 1;
                 DROP TABLE holds",
            );
        }),
        ("ahead of the log", |folder| change(folder, "UPDATE progress SET position = position + 1")),
        ("another log", |folder| change(folder, "UPDATE progress SET last = replace(last, '-', '-0')")),
        ("no progress", |folder| change(folder, "DELETE FROM progress")),
    ];
    for (what, spoil) in spoils {
        paused().block_on(async {
            let (folder, log, good) = stored().await;
            spoil(folder.path());
            let model = follow(&log, folder.path()).await;
            assert_right(&model).await;
            model.stop().await;
            assert_eq!(stored_status(folder.path()).unwrap(), good, "{what}");
        });
    }
}

/// As after a restore of a backup that was made while the server ran: pages of different moments.
#[test]
fn a_copy_that_was_made_in_use_is_not_believed() {
    paused().block_on(async {
        let (folder, log, good) = stored().await;
        let copy = tempfile::tempdir().unwrap();
        let model = follow(&log, folder.path()).await;
        for name in [FILE, "seat_map.json"] {
            fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        // It is in order by all other signs, but has something else in it.
        change(copy.path(), "UPDATE sales SET view = replace(view, '25500', '25501')");
        let other = follow(&log, copy.path()).await;
        assert_right(&other).await;
        other.stop().await;
        model.stop().await;
        assert_eq!(stored_status(copy.path()).unwrap(), good);
        // The twin: a copy of a complete file is as good as the file.
        let copy = tempfile::tempdir().unwrap();
        fs::copy(folder.path().join(FILE), copy.path().join(FILE)).unwrap();
        assert_eq!(Writer::open(&copy.path().join(FILE)).unwrap().unwrap().progress().position, log.end());
    });
}

#[test]
fn a_place_that_cannot_be_written_is_replaced_by_a_temporary_one() {
    paused().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        let log = ScriptedLog::of(&some_world().log);
        let model = follow(&log, folder.path()).await;
        assert_right(&model).await;
        model.stop().await;
        assert!(folder.path().join(FILE).is_dir());
    });
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_the_file() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join(FILE)).unwrap();
    writer.fold(&batch(&decoded(&some_world().log))).unwrap();
    for name in [FILE, "views.db-wal", "views.db-shm"] {
        assert_eq!(fs::metadata(folder.path().join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_replaced() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    paused().block_on(async {
        let (folder, log, good) = stored().await;
        let path = folder.path().join(FILE);
        let before = fs::metadata(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let is_bound = fs::OpenOptions::new().write(true).open(&path).is_err();
        let model = follow(&log, folder.path()).await;
        assert_right(&model).await;
        model.stop().await;
        assert_eq!(stored_status(folder.path()).unwrap(), good);
        // The root user writes to it all the same.
        assert_eq!(fs::metadata(&path).unwrap().ino() != before.ino(), is_bound);
    });
}

/// Killed within a transaction, or out of space: the file is as it was before.
#[test]
fn a_transaction_that_fails_leaves_nothing() {
    let log = decoded(&some_world().log);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let mut writer = Writer::create(&path).unwrap();
    let (first, second) = log.split_at(4);
    writer.fold(&batch(first)).unwrap();
    let before = writer.digests().unwrap();
    let pages: i64 = writer.connection().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    writer.connection().query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    let mut large = batch(second);
    let long = "x".repeat(100_000);
    large.skipped.push(crate::batch::Skipped { position: Position(1000), why: long });
    large.until = Position(1000);
    assert!(matches!(writer.fold(&large), Err(TablesFault::Failed(_))));
    drop(writer);
    let mut writer = Writer::open(&path).unwrap().unwrap();
    assert_eq!(writer.digests().unwrap(), before);
    writer.fold(&batch(second)).unwrap();
    let mut oracle = Oracle::default();
    log.iter().for_each(|event| oracle.apply(event));
    assert_says(&writer, &oracle);
    assert_eq!(oracle.value("bookings").as_object().unwrap().len(), 2);
}

/// The integrity of a large file is not checked when it is opened.
#[test]
fn damage_that_a_query_finds_is_repaired_while_the_server_runs() {
    paused().block_on(async {
        let (folder, log, good) = stored().await;
        let model = follow(&log, folder.path()).await;
        change(folder.path(), "UPDATE bookings SET view = json_quote(substr(view, 1, 40))");
        let buyer = BuyerId::new("buyer-1").unwrap();
        assert!(model.bookings_of(&buyer, None, 5).await.is_err());
        for _ in 0..100 {
            if model.bookings_of(&buyer, None, 5).await.is_ok() {
                break;
            }
            assert!(model.position() == log.end(), "what was reported stays true");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_right(&model).await;
        assert!(model.status().iter().all(|view| view.lag == 0 && view.error.is_none()), "{:?}", model.status());
        model.stop().await;
        assert_eq!(stored_status(folder.path()).unwrap(), good);
    });
}

#[test]
fn a_rebuild_notices_a_row_that_the_log_does_not_support() {
    paused().block_on(async {
        let (folder, log, good) = stored().await;
        change(folder.path(), "UPDATE bookings SET view = replace(view, 'held', 'paying')");
        let again = async || rebuild(log.clone(), TokioClock::new(epoch()), Some(folder.path().into()), |_, _| {}).await.unwrap();
        let report = again().await;
        let identical: Vec<_> = report.views.iter().map(|view| (view.name, view.identical)).collect();
        assert_eq!(
            identical,
            [
                ("seat_map", Some(true)),
                ("bookings", Some(false)),
                ("loyalty", Some(true)),
                ("campaigns", Some(true)),
                ("sales", Some(true)),
                ("checkins", Some(true))
            ]
        );
        assert_eq!(stored_status(folder.path()).unwrap(), good);
        assert!(again().await.views.iter().all(|view| view.identical == Some(true)));
        // Scans are a view as well.
        let scans = || {
            let file = Connection::open(folder.path().join(FILE)).unwrap();
            file.query_row("SELECT count(*) FROM scans", [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert!(scans() > 2, "the world has none");
        change(folder.path(), "UPDATE scans SET view = replace(view, 'south', 'elsewhere')");
        let wrong: Vec<_> =
            again().await.views.iter().filter(|view| view.identical != Some(true)).map(|view| view.name).collect();
        assert_eq!(wrong, ["checkins"]);
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["seat_map.json", FILE]);
    });
}

#[test]
fn a_server_that_runs_does_not_keep_others_from_looking() {
    paused().block_on(async {
        let (folder, log, good) = stored().await;
        let model = follow(&log, folder.path()).await;
        let looked = Stored::open(folder.path()).unwrap().unwrap();
        assert_eq!(looked.digests().unwrap().len(), 5);
        assert_eq!(stored_status(folder.path()).unwrap(), good);
        model.stop().await;
    });
}

/// A disk that hangs must not delay the seat map.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_seat_map_does_not_wait_for_the_file() {
    let (folder, world) = (tempfile::tempdir().unwrap(), some_world());
    let log = ScriptedLog::of(&world.log[..4]);
    let model = ReadModel::open(Arc::clone(&log) as Arc<dyn EventLog>, TokioClock::new(epoch()), Some(folder.path().into()));
    let model = model.await.unwrap();
    assert!(model.wait_for(log.end(), PATIENCE).await);
    let other = Connection::open(folder.path().join(FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    log.push(&world.log[4..]);
    assert!(model.wait_for_seats(log.end(), PATIENCE).await);
    assert!(model.seats_freshness().position == log.end() && model.freshness().position == Position(4));
    assert!(!model.wait_for(log.end(), Duration::from_millis(50)).await);
    let seats = |model: &ReadModel| model.seat_map(&show_id("gala")).unwrap().position;
    let sales = model.sales(&show_id("gala")).await.unwrap().unwrap();
    assert!(sales.position <= Position(4) && seats(&model) > Position(4), "and queries are answered, as of then");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(model.wait_for(log.end(), PATIENCE).await);
    assert_right(&model).await;
    model.stop().await;
}

/// A page of a list costs the same whatever the number of bookings.
#[test]
fn queries_use_an_index_and_sort_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = file::create(&folder.path().join(FILE)).unwrap();
    let buyer = BuyerId::new("anna").unwrap();
    assert!(booking_rows::of(&file, &buyer, None, 5).unwrap().unwrap().data.is_empty());
    for query in [
        "SELECT view FROM bookings WHERE buyer = 'a' AND opened < 7 ORDER BY opened DESC LIMIT 5",
        "SELECT opened FROM bookings WHERE booking = x'00' AND buyer = 'a'",
        "SELECT view FROM bookings WHERE booking = x'00'",
        "SELECT view FROM bookings WHERE view ->> '$.intent' = 'pi_1' ORDER BY opened DESC LIMIT 1",
        "SELECT view FROM vouchers WHERE buyer = 'a' ORDER BY issued DESC",
        "SELECT issued, view FROM vouchers WHERE voucher = x'00' AND buyer = 'a' ORDER BY issued DESC LIMIT 1",
        "SELECT booking, view FROM bookings ORDER BY booking",
        &scan_rows::OF_SHOW.replace("?1", "'gala'"),
        &campaign_rows::PAGE.replace("?1", "7").replace("?2", "5"),
        &campaign_rows::ONE.replace("?1", "x'00'"),
        "SELECT started FROM campaigns WHERE campaign = x'00'",
        "SELECT campaign, claims FROM campaign_vouchers WHERE voucher = 'a'",
        "UPDATE campaigns SET used = used + 1 WHERE campaign = x'00'",
    ] {
        let mut explained = file.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let steps = explained.query_map([], |row| row.get::<_, String>(3)).unwrap();
        for step in steps.map(Result::unwrap) {
            assert!(step.contains("INDEX") || step.contains("PRIMARY KEY"), "{query}: {step}");
            assert!(!step.contains("TEMP B-TREE"), "{query}: {step}");
        }
    }
}

//! Files that are not ours: they are put aside, whole.

use super::{follow, paused, stored};
use crate::tables::doubt::Doubt;
use crate::tables::place::{self, FILE};
use crate::tables::writer::Writer;
use crate::{rebuild, stored_status};
use lastseat_testkit::scripted_log::TokioClock;
use lastseat_testkit::world::epoch;
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn a_foreign_file_is_put_aside() {
    paused().block_on(async {
        let (folder, log, _) = stored().await;
        fs::write(folder.path().join(FILE), "Dear diary").unwrap();
        follow(&log, folder.path()).await.stop().await;
        assert_eq!(fs::read_to_string(folder.path().join("views.db.unused")).unwrap(), "Dear diary");
    });
}

/// Another program's database, with an entry that is in its write-ahead log only.
fn diary(folder: &Path, entry: &str) {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join(FILE);
    let diary = Connection::open(&path).unwrap();
    diary.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    diary.execute_batch("CREATE TABLE diary (entry); PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    diary.execute("INSERT INTO diary VALUES (?1)", [entry]).unwrap();
    for name in [FILE, "views.db-wal"] {
        fs::copy(elsewhere.path().join(name), folder.join(name)).unwrap();
    }
}

fn entry_of(file: &Path) -> String {
    Connection::open(file).unwrap().query_row("SELECT entry FROM diary", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_foreign_file_is_put_aside_whole_and_beside_earlier_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let foreign = Doubt { why: "it is not a file of views".into(), is_foreign: true };
    for entry in ["I have lost my keys", "I have found them", "Dear diary"] {
        diary(folder.path(), entry);
        drop(Writer::replace(&path, &foreign).unwrap());
        place::remove(&path).unwrap();
    }
    let entries = ["views.db.unused", "views.db.unused.2", "views.db.unused.3"].map(|name| entry_of(&folder.path().join(name)));
    assert_eq!(entries, ["I have lost my keys", "I have found them", "Dear diary"]);
}

#[test]
fn a_rebuild_puts_a_foreign_file_aside() {
    paused().block_on(async {
        let (folder, log, good) = stored().await;
        fs::remove_file(folder.path().join(FILE)).unwrap();
        diary(folder.path(), "I have lost my keys");
        let report = rebuild(log, TokioClock::new(epoch()), Some(folder.path().into()), |_, _| {}).await.unwrap();
        assert!(report.views[1..].iter().all(|view| view.problem.is_some()), "{report:?}");
        assert_eq!(stored_status(folder.path()).unwrap(), good);
        assert_eq!(entry_of(&folder.path().join("views.db.unused")), "I have lost my keys");
    });
}

#[test]
fn files_of_earlier_versions_are_removed_and_others_stay() {
    paused().block_on(async {
        let (folder, log, _) = stored().await;
        let old = ["bookings.json", "loyalty.json", "sales.json", "sales.json.new"].map(|name| folder.path().join(name));
        let other = folder.path().join("notes.json");
        old.iter().chain([&other]).for_each(|path| fs::write(path, "{}").unwrap());
        follow(&log, folder.path()).await.stop().await;
        let left = |paths: &[PathBuf]| paths.iter().filter(|path| path.exists()).count();
        assert_eq!((left(&old), left(&[other]), left(&[folder.path().join("seat_map.json")])), (0, 1, 1));
    });
}

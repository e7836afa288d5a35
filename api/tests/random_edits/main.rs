//! Random edits of a log: each is found by `verify`, or belongs to a class that no log can show by
//! itself. `LASTSEAT_EDITS` says how many; the same seed makes the same edits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod export;
mod file;
mod random;
#[path = "../support/mod.rs"]
mod support;

use lastseat::auth::Role;
use random::Random;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::surgery::{copy, sql};
use support::test_server::TestServer;
use support::text;
use tempfile::TempDir;

/// Edits of each kind of log, unless `LASTSEAT_EDITS` asks for more.
const EDITS: usize = 100;
const SEED: u64 = 20_261_127;

/// Why an edit may stay unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unseen {
    /// Never: it has to be found.
    Never,
    /// The last events of the log are gone: the rest is a log as it once was.
    CutTail,
    /// The last event of a stream is gone, nothing followed from it, and all events after it were given
    /// other positions: ids don't cover positions, which the log itself assigns.
    Renumbered,
    /// Two events of different streams have changed places, and neither followed from the other.
    Swapped,
    /// The log's own clock, for people: the id is made before it is known.
    RecordedAt,
    /// The same value, written differently.
    SameValue,
}

/// What became of the edits of each class: how many there were, and how many were found.
#[derive(Default)]
struct Tally(BTreeMap<Unseen, (usize, usize)>);

impl Tally {
    fn count(&mut self, class: Unseen, found: bool, what: &str) {
        assert!(found || class != Unseen::Never, "not found: {what}");
        let (all, seen) = self.0.entry(class).or_default();
        *all += 1;
        *seen += usize::from(found);
    }

    fn print(&self, title: &str) {
        for (class, (all, seen)) in &self.0 {
            println!("{title}: {class:?}: {all} edits, {seen} found");
        }
    }
}

fn edits() -> usize {
    std::env::var("LASTSEAT_EDITS").map_or(EDITS, |n| n.parse().unwrap())
}

/// A sale in which everything has happened that a log can tell of, at rest, in one file.
struct Sale {
    dir: TempDir,
    data: PathBuf,
}

impl Sale {
    async fn hold() -> Self {
        let server = TestServer::open(600).await;
        let (ann, bob) = (server.token("ann", Role::Buyer), server.token("bob", Role::Buyer));
        let post = |path: &str, token: &str| server.client.post(path).bearer(token);
        let hold = async |token: &str, seats: Value| post("/v1/shows/gala/bookings", token).json(&seats).send().await.ok(201);
        let rewarded = hold(&ann, json!({"seats": ["A-1", "A-2", "A-3"]})).await;
        post(&format!("/v1/bookings/{}/extend", text(&rewarded, "id")), &ann).send().await.ok(200);
        server.pay(&rewarded, "pm_card_chargeDeclined").await.ok(402);
        server.pay(&rewarded, "pm_card_visa").await.ok(200);
        for action in ["pause", "resume"] {
            post(&format!("/v1/shows/gala/{action}"), &server.admin()).send().await.ok(200);
        }
        for seats in [json!({"area": "floor", "quantity": 2}), json!({"seats": ["B-1"]})] {
            let booking = hold(&bob, seats).await;
            server.pay(&booking, "pm_card_visa").await.ok(200);
            server.refund(&booking).await.ok(200);
        }
        let let_go = hold(&bob, json!({"seats": ["C-1", "C-2"]})).await;
        server.cancel(&let_go).await.ok(200);
        hold(&bob, json!({"best_available": {"quantity": 2, "category": "stalls"}})).await;
        let voucher = support::eventually("ann has her voucher", async || {
            let rewards = server.client.get("/v1/me/rewards").bearer(&ann).send().await.ok(200);
            rewards["vouchers"][0]["voucher"].as_str().map(str::to_owned)
        })
        .await;
        post(&format!("/v1/me/rewards/{voucher}/redeem"), &ann).send().await.ok(200);
        let running = server.data().to_owned();
        support::eventually("the sale is at rest", async || {
            let (report, _) = support::books::read(&running).await;
            (report.pending_total == 0).then_some(())
        })
        .await;
        let dir = tempfile::tempdir().unwrap();
        let data = copy(&running, &dir.path().join("sale"));
        server.close().await;
        sql(&data, "PRAGMA journal_mode = DELETE");
        Self { dir, data }
    }

    /// A place for an edited copy.
    fn edited(&self) -> PathBuf {
        let edited = self.dir.path().join("edited");
        std::fs::create_dir_all(&edited).unwrap();
        edited
    }
}

/// The exit status of `verify` on a directory, or on an export.
fn verify(data: &Path, export: Option<&Path>) -> i32 {
    let file = export.map(|file| file.to_str().unwrap());
    let arguments: Vec<&str> = ["verify"].into_iter().chain(file.iter().flat_map(|file| ["--file", file])).collect();
    let run = support::process::run(&arguments, data);
    assert!([0, 1, 3].contains(&run.code), "{run:?}");
    run.code
}

#[tokio::test(flavor = "multi_thread")]
async fn every_edit_of_the_file_is_found_or_of_a_class_that_no_log_shows() {
    let sale = Sale::hold().await;
    assert_eq!(verify(&sale.data, None), 0);
    let (mut random, mut tally, data) = (Random::new(SEED), Tally::default(), sale.edited());
    let mut done = 0;
    while done < edits() {
        std::fs::copy(sale.data.join("events.db"), data.join("events.db")).unwrap();
        // The file's own constraints refuse some.
        let Some((class, what)) = file::edit(&data, &mut random) else { continue };
        tally.count(class, file::is_found(&data).await, &what);
        // The program also compares the file with its high-water mark, and overlooks none of these.
        if done.is_multiple_of(4) || class != Unseen::Never {
            std::fs::copy(sale.data.join("events.mark"), data.join("events.mark")).unwrap();
            assert_ne!(verify(&data, None), 0, "not found with the mark: {what}");
        }
        done += 1;
    }
    tally.print("file");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_edit_of_an_export_is_found_or_of_a_class_that_no_log_shows() {
    let sale = Sale::hold().await;
    let exported = support::process::run(&["audit", "export"], &sale.data);
    assert_eq!(exported.code, 0, "{exported:?}");
    let place = sale.edited().join("export.ndjson");
    std::fs::write(&place, &exported.out).unwrap();
    assert_eq!(verify(&sale.data, Some(&place)), 0);
    let (mut random, mut tally) = (Random::new(SEED), Tally::default());
    for _ in 0..edits() {
        let (class, what, text) = export::edit(&exported.out, &mut random);
        std::fs::write(&place, text).unwrap();
        tally.count(class, verify(&sale.data, Some(&place)) != 0, &what);
    }
    tally.print("export");
}

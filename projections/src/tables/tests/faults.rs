//! What happens to the file while a server runs: it is damaged, replaced, can't be written, or was left by a process
//! that is gone.

use super::*;
use futures::StreamExt;
use futures::stream::BoxStream;
use lastseat_domain::ports::LogFault;
use lastseat_domain::ports::event_log::{Delivery, Filter};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use parking_lot::Mutex;
use std::thread::{self, ThreadId};

/// Connections that have closed, and on which thread.
static CLOSED: Mutex<Vec<(PathBuf, ThreadId)>> = Mutex::new(Vec::new());

/// Notes where a connection closes.
pub(in crate::tables) struct Closing(PathBuf);

impl Closing {
    pub fn of(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        CLOSED.lock().push((self.0.clone(), thread::current().id()));
    }
}

fn buyer() -> BuyerId {
    BuyerId::new("buyer-1").unwrap()
}

/// The file that is read.
fn file_in(folder: &Path) -> PathBuf {
    place::file_in(folder)
}

/// Spoils what a query reads, and has a query find it.
async fn damage(model: &ReadModel, folder: &Path) {
    let file = Connection::open(file_in(folder)).unwrap();
    file.execute_batch("UPDATE bookings SET view = json_quote(substr(view, 1, 40))").unwrap();
    drop(file);
    assert!(model.bookings_of(&buyer(), None, 5).await.is_err());
}

/// Waits for a state; the clock goes on by itself.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..2_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never happens that {what}");
}

async fn repaired(model: &ReadModel) {
    until("the lists are answered", async || model.bookings_of(&buyer(), None, 5).await.is_ok()).await;
}

fn errors(model: &ReadModel) -> Vec<String> {
    model.status().into_iter().filter_map(|view| view.error).collect()
}

/// A connection that closes may write and sync megabytes.
#[test]
fn no_connection_closes_on_a_thread_of_the_runtime() {
    let mut folders = Vec::new();
    paused().block_on(async {
        let (folder, log, _) = stored().await;
        // The test has looked at the file, too.
        CLOSED.lock().retain(|(path, _)| !path.starts_with(folder.path()));
        let model = follow(&log, folder.path()).await;
        assert_right(&model).await;
        damage(&model, folder.path()).await;
        repaired(&model).await;
        model.stop().await;
        // One that does not fit the log, and one that fails while it is written.
        let shorter = ScriptedLog::of(&some_world().log[..6]);
        let model = follow(&shorter, folder.path()).await;
        let file = Connection::open(file_in(folder.path())).unwrap();
        file.execute_batch("DROP TABLE skipped; DROP TABLE holds; DROP TABLE sales").unwrap();
        drop(file);
        shorter.push(&some_world().log[6..]);
        until("the file is written again", async || model.position() == log.end()).await;
        assert_right(&model).await;
        model.stop().await;
        folders.push(folder);
    });
    let runtime = thread::current().id();
    let closed = CLOSED.lock();
    let ours: Vec<_> = closed.iter().filter(|(path, _)| folders.iter().any(|folder| path.starts_with(folder.path()))).collect();
    let at_fault: Vec<_> = ours.iter().filter(|(_, thread)| *thread == runtime).collect();
    assert!(
        ours.len() > 7 && at_fault.is_empty(),
        "{} of {} closed on the runtime's thread: {at_fault:?}",
        at_fault.len(),
        ours.len()
    );
}

/// SQLite removes a write-ahead log by its name when the last connection to its file closes, but not if its file has
/// another name by then, or none.
#[test]
fn a_connection_to_the_old_file_takes_nothing_from_the_new_one() {
    paused().block_on(async {
        let (folder, _, _) = stored().await;
        let world = some_world();
        let log = ScriptedLog::of(&world.log);
        let model = follow(&log, folder.path()).await;
        let old = Connection::open(file_in(folder.path())).unwrap();
        let count = |file: &Connection| file.query_row("SELECT count(*) FROM bookings", [], |row| row.get::<_, u32>(0)).unwrap();
        assert_eq!(count(&old), 2);
        damage(&model, folder.path()).await;
        repaired(&model).await;
        drop(old);
        let mut longer = world;
        longer.hold("buyer-1", "gala", &["B-6"]);
        let known = usize::try_from(log.end().0).unwrap();
        log.push(&longer.log[known..]);
        assert!(model.wait_for(log.end(), PATIENCE).await);
        // As any other program sees it.
        let new = Connection::open(file_in(folder.path())).unwrap();
        assert_eq!(count(&new), 3);
        drop(new);
        assert_eq!(model.bookings_of(&buyer(), None, 5).await.unwrap().data.len(), 2);
        model.stop().await;
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["seat_map.json", FILE]);
    });
}

#[test]
fn views_that_could_not_be_kept_are_kept_once_they_can_be() {
    paused().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        let world = some_world();
        let log = ScriptedLog::of(&world.log[..6]);
        let model = follow(&log, folder.path()).await;
        let says_so = |model: &ReadModel| errors(model).iter().any(|error| error.contains("can't be written"));
        assert!(says_so(&model), "{:?}", errors(&model));
        let temporary = || {
            let mut names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.find(|name| name.starts_with("lastseat-views-"))
        };
        assert!(temporary().is_some(), "it is as private as the folder, and on the same disk");
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert!(says_so(&model) && model.sales(&show_id("gala")).await.is_ok());
        fs::remove_dir(folder.path().join(FILE)).unwrap();
        log.push(&world.log[6..]);
        until("the views are kept again", async || {
            assert!(model.sales(&show_id("gala")).await.is_ok(), "queries are answered all the time");
            !says_so(&model)
        })
        .await;
        assert!(model.wait_for(log.end(), PATIENCE).await);
        assert_right(&model).await;
        until("the temporary file is gone", async || temporary().is_none()).await;
        model.stop().await;
        let status = stored_status(folder.path()).unwrap();
        assert!(
            status.len() == 6 && status.iter().all(|view| view.position == log.end() && view.problem.is_none()),
            "{status:?}"
        );
    });
}

#[test]
fn what_a_killed_process_has_left_is_removed_by_the_next_start() {
    paused().block_on(async {
        let (folder, log, _) = stored().await;
        let left = folder.path().join("lastseat-views-killed");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("in-use"), "").unwrap();
        fs::write(left.join(FILE), "buyer-1").unwrap();
        follow(&log, folder.path()).await.stop().await;
        assert!(!left.exists());
    });
}

#[test]
fn a_file_that_is_wrong_again_after_a_rebuild_is_not_rebuilt_for_ever() {
    paused().block_on(async {
        let (folder, log, _) = stored().await;
        let model = follow(&log, folder.path()).await;
        damage(&model, folder.path()).await;
        repaired(&model).await;
        let which = || file::identity(&file_in(folder.path())).unwrap();
        let rebuilt = which();
        damage(&model, folder.path()).await;
        until("it gives up", async || errors(&model).iter().any(|error| error.contains("not rebuilt once more"))).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(model.bookings_of(&buyer(), None, 5).await.is_err());
        assert_eq!(which(), rebuilt, "it was rebuilt once");
        let seats = model.seat_map(&show_id("gala")).unwrap();
        assert!(seats.position <= log.end() && model.seats_freshness().position == log.end(), "the seat map goes on");
        model.stop().await;
        // The next start begins with a clean slate.
        let model = follow(&log, folder.path()).await;
        let _ = model.bookings_of(&buyer(), None, 5).await;
        repaired(&model).await;
        assert_right(&model).await;
        model.stop().await;
    });
}

/// A log that says nothing to those who follow it.
struct Silent(Arc<ScriptedLog>);

impl ForwardLog for Silent {
    fn inner(&self) -> &dyn EventLog {
        &*self.0
    }

    fn subscribe(&self, _: Position, _: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        futures::stream::pending().boxed()
    }
}

/// "There is no such show" would be false.
#[test]
fn before_the_file_has_what_the_log_had_at_the_start_there_are_no_answers() {
    paused().block_on(async {
        let log = Arc::new(ForwardingLog(Silent(ScriptedLog::of(&some_world().log))));
        let model = ReadModel::open(log, TokioClock::new(epoch()), None).await.unwrap();
        assert!(model.sales(&show_id("gala")).await.is_err());
        assert!(errors(&model).iter().any(|error| error.contains("catching up with the log")), "{:?}", errors(&model));
        model.stop().await;
    });
}

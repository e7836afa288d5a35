use super::super::file;
use super::*;
use lastseat_testkit::history::{finish, history};
use lastseat_testkit::scripted_log::{ScriptedLog, TokioClock};
use lastseat_testkit::world::epoch;

/// Of a large file, only the page that a query has hit shows the damage.
#[tokio::test(start_paused = true)]
async fn a_damaged_file_that_could_not_be_replaced_is_never_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = history(&[], 1);
    finish(&mut world);
    let log: Arc<dyn EventLog> = ScriptedLog::of(&world.log);
    let head = log.head().await.expect("a head");
    let mut feeder = open(log, TokioClock::new(epoch()), Some(folder.path()), head).await.expect("a file");
    let damaged = file::identity(&file_in(folder.path())).expect("a file");
    feeder.writer = None;
    feeder.damage = Some("a page is damaged".into());
    let (_stop, mut stopped) = watch::channel(false);
    feeder.step(&mut stopped).await;
    assert_ne!(file::identity(&file_in(folder.path())).expect("a file"), damaged);
    assert!(feeder.writer.as_ref().is_some_and(|writer| writer.progress().position == Position::START));
    assert_eq!(feeder.damage, None);
}

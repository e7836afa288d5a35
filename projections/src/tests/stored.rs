//! Files of the seat map: which are used, and which are not.

use super::{assert_matches_world, follow, paused, some_world};
use crate::{checkpoint, stored_status};
use lastseat_domain::codec;
use lastseat_domain::ports::event_log::{Position, RecordedEvent};
use lastseat_testkit::scripted_log::ScriptedLog;
use lastseat_testkit::world::{World, plan, show_id};
use std::sync::Arc;

#[test]
fn a_doubtful_file_is_rebuilt() {
    let world = some_world();
    paused().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let log = ScriptedLog::of(&world.log);
        follow(&log, Some(dir.path())).await.stop().await;
        let path = checkpoint::path_of(dir.path(), "seat_map");
        let good = std::fs::read_to_string(&path).unwrap();
        let damaged = [
            good[..good.len() / 2].to_owned(),
            good.replace(".l", "l."),
            good.replace("\"schema\":4", "\"schema\":1"),
            good.replace(&codec_field(0), &codec_field(1)),
            good.replace("\"view\":\"seat_map\"", "\"view\":\"seat_mop\""),
            String::new(),
        ];
        for bad in damaged {
            assert_ne!(bad, good);
            std::fs::write(&path, &bad).unwrap();
            let status = stored_status(dir.path()).unwrap();
            assert!(status.first().is_some_and(|map| map.problem.is_some()), "{status:?}");
            let model = follow(&log, Some(dir.path())).await;
            assert_matches_world(&model, &world).await;
            model.stop().await;
            assert_eq!(std::fs::read_to_string(&path).unwrap(), good);
        }
        // Ahead of the log: the log was put back to an older state.
        let shorter = ScriptedLog::of(&world.log[..world.log.len() - 1]);
        let model = follow(&shorter, Some(dir.path())).await;
        assert_eq!(model.sales(&show_id("gala")).await.unwrap().unwrap().seats.held, 1);
        drop(model);
    });
}

#[test]
fn a_view_of_another_log_is_not_used() {
    paused().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let world = some_world();
        follow(&ScriptedLog::of(&world.log), Some(dir.path())).await.stop().await;
        let mut other = World::new(1);
        other.schedule(plan("gala", 2, 6, 9));
        for seat in ["A-1", "A-2", "A-3", "A-4", "A-5", "A-6", "B-1", "B-2", "B-3", "B-4"] {
            other.hold("buyer-1", "gala", &[seat]);
        }
        assert!(other.log.len() > world.log.len());
        assert_matches_world(&follow(&ScriptedLog::of(&other.log), Some(dir.path())).await, &other).await;
    });
}

/// As stored by a program that knows other events, if `change` is not 0.
fn codec_field(change: u32) -> String {
    format!("\"codec\":{},", codec::fingerprint() ^ change)
}

/// A version that does not know an event folds past it, and the next one does not.
#[test]
fn views_that_a_program_with_other_events_stored_are_folded_again() {
    paused().block_on(async {
        let (dir, world) = (tempfile::tempdir().unwrap(), some_world());
        let older: Vec<_> = world.log.iter().take(world.log.len() - 1).cloned().collect();
        let log = ScriptedLog::of(&world.log);
        follow(&ScriptedLog::of(&older), Some(dir.path())).await.stop().await;
        let path = checkpoint::path_of(dir.path(), "seat_map");
        let at = older.last().unwrap().position.0;
        let stored = std::fs::read_to_string(&path).unwrap();
        let past =
            stored.replacen(&format!("\"position\":{at},\"events\""), &format!("\"position\":{},\"events\"", log.end()), 1);
        let past = past.replacen(&codec_field(0), &codec_field(1), 1);
        assert!(past.contains(&codec_field(1)));
        std::fs::write(&path, past).unwrap();
        let file = rusqlite::Connection::open(dir.path().join("views.db")).unwrap();
        file.execute("UPDATE progress SET position = ?1, codec = (codec & ~1) | (~codec & 1)", [log.end().0.cast_signed()])
            .unwrap();
        drop(file);
        let model = follow(&log, Some(dir.path())).await;
        let status = model.status();
        assert!(status.iter().all(|view| view.events_folded == world.log.len() as u64), "{status:?}");
        assert_matches_world(&model, &world).await;
    });
}

/// As after a restore of the log: the event that the views saw last was written again, after other events.
#[test]
fn a_log_with_the_last_event_at_another_position_is_another_log() {
    paused().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (world, mut other) = (some_world(), some_world());
        follow(&ScriptedLog::of(&world.log), Some(dir.path())).await.stop().await;
        other.hold("buyer-0", "gala", &["A-6"]);
        let (last, before) = world.log.split_last().unwrap();
        let events = before.iter().chain(&other.log[world.log.len()..]).chain([last]);
        let moved = (1..).map(Position).zip(events).map(|(position, event)| RecordedEvent { position, ..(**event).clone() });
        let log = ScriptedLog::of(&moved.map(Arc::new).collect::<Vec<_>>());
        let model = follow(&log, Some(dir.path())).await;
        let status = model.status();
        assert!(status.iter().all(|view| view.events_folded == other.log.len() as u64), "{status:?}");
        assert_matches_world(&model, &other).await;
    });
}

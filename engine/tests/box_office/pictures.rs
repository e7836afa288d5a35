//! Pictures of shows on both kinds of log and with several nodes.

use crate::common;

use common::fault_injection::{AppendFate, FaultPlan};
use common::*;
use lastseat_domain::picture::CheckedPicture;
use lastseat_domain::{CommandId, ShowId};
use lastseat_engine::{BoxOffice, Origin, Snapshot};
use lastseat_testkit::pictures::png;

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

fn picture(seed: u32) -> CheckedPicture {
    CheckedPicture::new(&png(3, 2, seed), Some("image/png")).unwrap()
}

/// By a caller who may send it again.
fn repeatable(n: u128) -> Origin {
    Origin::from("admin").repeatable(Some(CommandId::new(n.to_be_bytes())))
}

async fn events(bench: &TestBench) -> Vec<&'static str> {
    let names = bench.history().await.iter().map(|e| e.event.name()).collect::<Vec<_>>();
    names.into_iter().filter(|name| name.starts_with("ShowPicture")).collect()
}

/// The bytes that the node would send for the show's picture.
async fn shown(office: &BoxOffice, id: &ShowId) -> Option<Vec<u8>> {
    let facts = office.picture(id)?;
    Some(office.picture_bytes(id, &facts).await.unwrap().to_vec())
}

#[test]
fn a_picture_is_set_replaced_and_removed() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.node().await;
        assert_eq!(code(office.set_picture(&show(), picture(1), None, "admin").await), "show_not_found");
        assert_eq!(code(office.remove_picture(&show(), "admin").await), "show_not_found");
        office.schedule_show(test_show(), "admin").await.unwrap();
        assert_eq!(shown(&office, &show()).await, None);
        assert!(office.set_picture(&show(), picture(1), None, "admin").await.unwrap());
        assert!(!office.set_picture(&show(), picture(1), None, "admin").await.unwrap());
        assert_eq!(shown(&office, &show()).await, Some(png(3, 2, 1)));
        assert!(office.set_picture(&show(), picture(2), Some("A mask".into()), "admin").await.unwrap());
        assert_eq!(shown(&office, &show()).await, Some(png(3, 2, 2)));
        // Of a cancelled show, too: it may be there against somebody's right.
        office.cancel_show(&show(), "admin").await.unwrap();
        office.remove_picture(&show(), "admin").await.unwrap();
        office.remove_picture(&show(), "admin").await.unwrap();
        assert_eq!(shown(&office, &show()).await, None);
        assert_eq!(events(&bench).await, ["ShowPictured", "ShowPictured", "ShowPictureRemoved"]);
    });
}

#[test]
fn other_nodes_later_ones_and_those_with_a_snapshot_know_it() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let (first, second) = (bench.node().await, bench.node().await);
        first.schedule_show(test_show(), "admin").await.unwrap();
        // The second has not read the log yet.
        assert!(second.set_picture(&show(), picture(1), None, "admin").await.unwrap());
        assert!(!first.set_picture(&show(), picture(1), None, "admin").await.unwrap());
        assert_eq!(shown(&first, &show()).await, Some(png(3, 2, 1)));
        first.set_picture(&show(), picture(2), None, "admin").await.unwrap();
        later(1).await;
        assert_eq!(shown(&second, &show()).await, Some(png(3, 2, 2)));
        let snapshot: Snapshot = first.take_snapshot().await.unwrap().unwrap();
        let text = serde_json::to_string(&snapshot).unwrap();
        // Its hash, and not the bytes in base64.
        assert!(text.contains(picture(2).sha256()) && !text.contains("iVBORw0KGgo"));
        assert_eq!(shown(&bench.node_from(&snapshot).await.unwrap(), &show()).await, Some(png(3, 2, 2)));
        second.remove_picture(&show(), "admin").await.unwrap();
        assert_eq!(shown(&bench.node_from(&snapshot).await.unwrap(), &show()).await, None);
        assert_eq!(shown(&bench.node().await, &show()).await, None);
    });
}

#[test]
fn an_answer_that_is_lost_and_a_late_repeat_set_nothing_twice() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.node().await.schedule_show(test_show(), "admin").await.unwrap();
        let (plan, outside) = FaultPlan::around(&bench);
        let office = outside.node().await;
        plan.append(0, AppendFate::AnswerLost);
        plan.append(1, AppendFate::RequestLost);
        office.set_picture(&show(), picture(1), None, repeatable(1)).await.unwrap();
        office.set_picture(&show(), picture(2), None, repeatable(2)).await.unwrap();
        // The first request comes again, at a node that never saw it, after another picture has taken its place.
        let other = bench.node().await;
        assert!(!other.set_picture(&show(), picture(1), None, repeatable(1)).await.unwrap());
        assert_eq!(shown(&other, &show()).await, Some(png(3, 2, 2)));
        assert_eq!(events(&bench).await, ["ShowPictured", "ShowPictured"]);
    });
}

#[test]
fn of_two_nodes_that_set_one_at_once_both_are_in_the_log_and_the_last_is_shown() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let nodes = [bench.node().await, bench.node().await];
        nodes[0].schedule_show(test_show(), "admin").await.unwrap();
        let id = show();
        let set = |n: usize, seed| nodes[n].set_picture(&id, picture(seed), None, "admin");
        let (one, two) = tokio::join!(set(0, 1), set(1, 2));
        assert!(one.unwrap() && two.unwrap());
        let (one, two) = tokio::join!(set(0, 3), set(1, 3));
        assert_ne!(one.unwrap(), two.unwrap());
        later(1).await;
        for node in &nodes {
            assert_eq!(shown(node, &show()).await, Some(png(3, 2, 3)));
        }
        assert_eq!(events(&bench).await, ["ShowPictured"; 3]);
    });
}

#[test]
fn a_copy_takes_over_the_picture_once() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.node().await;
        let copy = ShowId::new("copy").unwrap();
        office.schedule_show(test_show(), "admin").await.unwrap();
        let second = lastseat_domain::event::ShowScheduled { show: copy.clone(), ..test_show() };
        office.schedule_show(second, "admin").await.unwrap();
        assert!(office.stored_picture(&show()).await.unwrap().is_none());
        office.set_picture(&show(), picture(1), Some("A mask".into()), "admin").await.unwrap();
        let stored = office.stored_picture(&show()).await.unwrap().unwrap();
        office.take_over_picture(&copy, &stored, repeatable(1)).await.unwrap();
        assert_eq!(office.picture(&copy).unwrap().alt.as_deref(), Some("A mask"));
        assert_eq!(shown(&office, &copy).await, Some(png(3, 2, 1)));
        // What is changed of the one changes nothing of the other.
        office.remove_picture(&show(), "admin").await.unwrap();
        assert_eq!(shown(&office, &copy).await, Some(png(3, 2, 1)));
        office.remove_picture(&copy, "admin").await.unwrap();
        office.take_over_picture(&copy, &stored, repeatable(1)).await.unwrap();
        assert_eq!(shown(&office, &copy).await, None);
    });
}

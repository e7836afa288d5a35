//! Drawn plans on both kinds of log and with several nodes: whole or not there, whatever happens while they are drawn.

use crate::common;

use common::fault_injection::{AppendFate, FaultPlan};
use common::*;
use lastseat_domain::drawing::CheckedDrawing;
use lastseat_domain::event::{ShowScheduled, SingleSeats};
use lastseat_domain::plan::{Drawing, DrawnArea, DrawnRow, DrawnSeat, PlanCategory, PlanOfShow, Point, RowSeats};
use lastseat_domain::show::ShowChanges;
use lastseat_domain::{AreaId, CategoryId, CommandId, PlanId, SeatId};
use lastseat_engine::{BoxOffice, CommandError, Origin, Snapshot};

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

fn house() -> PlanId {
    PlanId::new("house").unwrap()
}

fn row(name: &str, ids: impl Iterator<Item = String>, gaps_after: Vec<u32>) -> DrawnRow {
    let seat = |(n, id): (i32, String)| DrawnSeat {
        seat: SeatId::new(&id).unwrap(),
        label: n.to_string(),
        at: Some(Point { x: n * 2_000, y: 12_345 }),
    };
    DrawnRow { row: name.to_owned(), seats: RowSeats::Listed((1..).zip(ids).map(seat).collect()), gaps_after }
}

fn area(name: &str, category: &str, rows: Vec<DrawnRow>, capacity: Option<u32>) -> DrawnArea {
    let (area, category) = (AreaId::new(name).unwrap(), CategoryId::new(category).unwrap());
    DrawnArea { area, section: None, category, rows, capacity }
}

/// Two areas that both have a row A, of ten seats with an aisle after the fifth, and a floor. `more`: rows of 800 seats.
fn drawing(name: &str, more: usize) -> Drawing {
    let of = |area: &str| row("A", (1..=10).map(|n| format!("{area}.A-{n}")).collect::<Vec<_>>().into_iter(), vec![5]);
    let large = (0..more).map(|n| row(&n.to_string(), (0..800).map(move |seat| format!("more.{n}-{seat}")), vec![]));
    let category = |name: &str| PlanCategory { category: CategoryId::new(name).unwrap(), name: None, color: None };
    let mut areas = vec![
        area("stalls", "stalls", vec![of("stalls")], None),
        area("balcony", "stalls", vec![of("balcony")], None),
        area("floor", "floor", vec![], Some(20)),
    ];
    if more > 0 {
        areas.push(area("more", "floor", large.collect(), None));
    }
    Drawing { name: name.to_owned(), categories: vec![category("stalls"), category("floor")], shapes: vec![], areas }
}

fn checked(name: &str, more: usize) -> CheckedDrawing {
    CheckedDrawing::new(drawing(name, more)).unwrap()
}

fn on_house(revision: u32) -> ShowScheduled {
    ShowScheduled { areas: vec![], plan: Some(PlanOfShow { plan: house(), revision, drawn: None }), ..test_show() }
}

/// By a caller who may send it again.
fn repeatable(n: u128) -> Origin {
    Origin::from("admin").repeatable(Some(CommandId::new(n.to_be_bytes())))
}

async fn revision(office: &BoxOffice) -> Result<u32, CommandError> {
    Ok(office.plan(&house(), None).await?.revision)
}

#[test]
fn seats_of_two_areas_with_a_row_of_the_same_name_are_sold_each_once() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.node().await;
        assert_eq!(code(revision(&office).await), "plan_not_found");
        assert_eq!(code(office.schedule_show(on_house(1), "admin").await), "invalid_show");
        let (drawn, is_new) = office.draw_plan(&house(), checked("House", 0), None, "admin").await.unwrap();
        assert_eq!((drawn.revision, is_new), (1, true));
        let (again, is_new) = office.draw_plan(&house(), checked("House", 0), None, "admin").await.unwrap();
        assert_eq!((again.revision, is_new), (1, false));
        let strict = ShowScheduled { single_seats: SingleSeats::Refuse, ..on_house(1) };
        let scheduled = office.schedule_show(strict.clone(), "admin").await.unwrap();
        assert_eq!(scheduled.plan.len(), 40);
        office.schedule_show(strict, "admin").await.unwrap();

        let held = hold(&bench, &office, seats(&["stalls.A-1", "balcony.A-1"])).await.unwrap().booking;
        assert_eq!(held.amount().unwrap().value, 10_000);
        assert_eq!(code(hold(&bench, &office, seats(&["stalls.A-1"])).await), "seat_unavailable");
        assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "unknown_seat");
        // The aisle is a gap: of 2 to 5, taking 4 leaves 5 alone.
        assert_eq!(code(hold(&bench, &office, seats(&["stalls.A-4"])).await), "leaves_single_seat");
        // And five seats side by side are not across it.
        let five = hold(&bench, &office, best(5)).await.unwrap().booking;
        let ids: Vec<String> = five.seats().iter().map(|seat| seat.seat.to_string()).collect();
        assert!(ids == ["stalls.A-10", "stalls.A-6", "stalls.A-7", "stalls.A-8", "stalls.A-9"], "{ids:?}");
        hold(&bench, &office, floor(5)).await.unwrap();

        let dearer = ShowChanges { categories: Some(prices(9_000, 3_000)), ..ShowChanges::default() };
        office.revise_show(&show(), dearer, None, "admin").await.unwrap();
        let held = hold(&bench, &office, seats(&["balcony.A-3", "balcony.A-2"])).await.unwrap().booking;
        assert_eq!(held.amount().unwrap().value, 18_000);
        let more = ShowChanges { areas: Some(test_show().areas), ..ShowChanges::default() };
        assert_eq!(code(office.revise_show(&show(), more, None, "admin").await), "invalid_show");
    });
}

#[test]
fn a_plan_that_is_cut_anywhere_is_not_there_until_the_request_is_sent_again() {
    in_virtual_time(async |atomic| {
        let parts = u64::from(checked("Large", 20).parts());
        assert!(parts >= 2, "{parts}");
        for nth in 0..parts {
            for fate in [AppendFate::CutBefore, AppendFate::CutAfter] {
                let what = format!("atomic: {atomic}, {fate:?} at {nth}");
                let bench = TestBench::new(atomic);
                let (plan, cut) = FaultPlan::around(&bench);
                let dying = cut.node().await;
                plan.append(nth, fate);
                let id = house();
                tokio::select! {
                    _ = dying.draw_plan(&id, checked("Large", 20), None, repeatable(1)) => panic!("{what}: not cut"),
                    () = plan.power.went_out() => {}
                }
                drop(dying);
                let office = bench.node().await;
                let is_whole = nth == parts - 1 && fate == AppendFate::CutAfter;
                assert_eq!(revision(&office).await.is_ok(), is_whole, "{what}");
                assert_eq!(office.plans().len(), usize::from(is_whole), "{what}");
                assert_eq!(office.schedule_show(on_house(1), "admin").await.is_ok(), is_whole, "{what}");
                let (drawn, _) = office.draw_plan(&house(), checked("Large", 20), None, repeatable(1)).await.unwrap();
                assert_eq!((drawn.revision, &drawn.drawing), (1, &drawing("Large", 20)), "{what}");
                let events = bench.history().await.iter().filter(|e| e.event.name() == "PlanDrawn").count();
                assert_eq!(events as u64, parts, "{what}");
                office.schedule_show(on_house(1), "admin").await.unwrap();
                assert_eq!(bench.node().await.show(&show()).unwrap().plan.len(), 16_040, "{what}");
            }
        }
    });
}

#[test]
fn an_answer_that_is_lost_draws_nothing_twice() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let (plan, outside) = FaultPlan::around(&bench);
        let office = outside.node().await;
        plan.append(0, AppendFate::AnswerLost);
        plan.append(2, AppendFate::RequestLost);
        let (drawn, _) = office.draw_plan(&house(), checked("Large", 20), None, "admin").await.unwrap();
        assert_eq!(drawn.drawing, drawing("Large", 20));
        let events = bench.history().await.iter().filter(|e| e.event.name() == "PlanDrawn").count();
        assert_eq!(events, checked("Large", 20).parts() as usize);
    });
}

#[test]
fn of_two_drawings_at_once_each_is_whole_or_refused() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let nodes = [bench.node().await, bench.node().await];
        let draw = async |n: usize, name: &str| nodes[n].draw_plan(&house(), checked(name, 20), None, "admin").await;
        let (one, two) = tokio::join!(draw(0, "One"), draw(1, "Two"));
        let drawn: Vec<_> = [("One", one), ("Two", two)]
            .into_iter()
            .filter_map(|(name, answer)| match answer {
                Ok((drawn, _)) => Some((name, drawn)),
                Err(_) => None,
            })
            .collect();
        assert!(!drawn.is_empty());
        for (name, drawn) in &drawn {
            assert_eq!(drawn.drawing, drawing(name, 20));
        }
        let late = bench.node().await;
        assert_eq!(revision(&late).await.unwrap() as usize, drawn.len());
        // The same drawing by both is one revision.
        let (one, two) = tokio::join!(draw(0, "Same"), draw(1, "Same"));
        assert_eq!(one.unwrap().0.revision, two.unwrap().0.revision);
        assert_eq!(revision(&late).await.unwrap() as usize, drawn.len() + 1);
    });
}

#[test]
fn another_node_knows_a_plan_at_once_and_shows_stay_on_their_revision() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let (first, second) = (bench.node().await, bench.node().await);
        first.draw_plan(&house(), checked("House", 0), None, "admin").await.unwrap();
        // The second has not read the log yet.
        second.schedule_show(on_house(1), "admin").await.unwrap();
        assert_eq!(second.show(&show()).unwrap().plan.len(), 40);
        second.draw_plan(&house(), checked("Larger", 1), Some(1), "admin").await.unwrap();
        assert_eq!(revision(&first).await.unwrap(), 2);
        assert_eq!(code(first.draw_plan(&house(), checked("Other", 0), Some(1), "admin").await), "plan_changed");
        // Neither has the first node read the show.
        let shorter = ShowChanges { hold_seconds: Some(60), ..ShowChanges::default() };
        let revised = first.revise_show(&show(), shorter, None, "admin").await.unwrap();
        assert_eq!(revised.plan.len(), 40);
        later(1).await;
        assert_eq!(first.show(&show()).unwrap().plan.len(), 40);
        hold(&bench, &first, seats(&["balcony.A-10"])).await.unwrap();
        assert_eq!(code(hold(&bench, &first, seats(&["more.0-1"])).await), "unknown_seat");
    });
}

#[test]
fn a_snapshot_has_the_plans_that_shows_are_on_or_may_be_put_on() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let first = bench.node().await;
        first.draw_plan(&house(), checked("House", 0), None, "admin").await.unwrap();
        first.schedule_show(on_house(1), "admin").await.unwrap();
        first.draw_plan(&house(), checked("Larger", 1), None, "admin").await.unwrap();
        hold(&bench, &first, seats(&["stalls.A-3"])).await.unwrap();
        later(1).await;
        let snapshot: Snapshot = first.take_snapshot().await.unwrap().unwrap();
        drop(first);
        let second = bench.node_from(&snapshot).await.unwrap();
        assert_eq!(second.show(&show()).unwrap().plan.len(), 40);
        assert_eq!(code(hold(&bench, &second, seats(&["stalls.A-3"])).await), "seat_unavailable");
        hold(&bench, &second, seats(&["balcony.A-3"])).await.unwrap();
        assert_eq!(second.plans()[0].revision, 2);
    });
}

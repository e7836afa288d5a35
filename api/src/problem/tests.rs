use super::*;
use lastseat_domain::SeatId;
use lastseat_domain::rejection::SeatState;

fn json(problem: &Problem) -> serde_json::Value {
    serde_json::from_slice(&problem.to_json()).expect("a problem is JSON")
}

#[test]
fn a_taken_seat_names_itself_and_when_it_may_be_free() {
    let free_at = "2030-01-01T00:00:00Z".parse().unwrap();
    let seat = SeatId::new("A-1").unwrap();
    let problem = Problem::from(Rejection::SeatUnavailable {
        seat,
        state: SeatState::InProcess,
        free_at: Some(free_at),
        position: Some(7),
    });
    assert_eq!(
        json(&problem),
        serde_json::json!({
            "type": "/problems/seat_unavailable",
            "title": "The seat is taken",
            "status": 409,
            "code": "seat_unavailable",
            "detail": "Seat `A-1` is taken. Choose another one.",
            "seat": "A-1",
            "state": "in_process",
            "position": 7,
            "free_at": "2030-01-01T00:00:00Z",
        })
    );
    assert!(problem.into_answer().decided);
}

#[test]
fn every_title_can_stand_in_json_as_it_is() {
    for code in Code::ALL {
        let problem = Problem::new(*code, "\"quoted\" \\ and\nbroken \u{1F3AD}");
        assert_eq!(json(&problem)["title"], code.title());
        assert_eq!(json(&problem)["detail"], "\"quoted\" \\ and\nbroken \u{1F3AD}");
    }
}

#[test]
fn waiting_is_at_least_a_second_and_rounded_up() {
    assert_eq!(whole_seconds(Duration::ZERO), 1);
    assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
    assert_eq!(whole_seconds(Duration::from_secs(3)), 3);
}

#[test]
fn damage_is_not_told_to_the_caller() {
    let problem = Problem::from(Fault::Damaged("/var/lib/secret is broken".into()));
    assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!String::from_utf8_lossy(&problem.to_json()).contains("secret"));
}

#[test]
fn what_may_be_otherwise_in_a_moment_is_not_a_decision() {
    for fault in [Fault::Stopping, Fault::Unavailable("x".into()), Fault::OutcomeUnknown("x".into())] {
        assert!(!Problem::from(fault).into_answer().decided);
    }
    let show = lastseat_domain::ShowId::new("demo").unwrap();
    assert!(!Problem::from(Rejection::SalesPaused { show }).into_answer().decided);
    assert!(!Problem::from(Rejection::PaymentInProgress).into_answer().decided);
    // The parser's 422 is not a decision of the rules.
    assert!(!Problem::new(Code::InvalidQuantity, "no").into_answer().decided);
}

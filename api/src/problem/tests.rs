use super::*;
use lastseat_domain::Rejection;
use lastseat_domain::SeatId;
use lastseat_domain::seat_state::SeatState;

fn json(problem: &Problem) -> serde_json::Value {
    serde_json::from_slice(&problem.to_json()).expect("a problem is JSON")
}

#[test]
fn a_taken_seat_is_named_with_the_time_it_may_be_free() {
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
    assert!(problem.is_decision());
}

#[test]
fn every_title_is_json_without_escaping() {
    for code in Code::ALL {
        let problem = Problem::new(*code, "\"quoted\" \\ and\nbroken \u{1F3AD}");
        let always = facts::of(*code).iter().filter(|fact| fact.always);
        let problem = always.fold(problem, |problem, fact| problem.fact(fact.name, "some"));
        assert_eq!(json(&problem)["title"], code.title());
        assert_eq!(json(&problem)["detail"], "\"quoted\" \\ and\nbroken \u{1F3AD}");
    }
}

#[test]
#[should_panic(expected = "`rows` of sold_out is not in api/src/problem/facts.rs")]
fn a_fact_that_is_not_documented_fails_the_tests() {
    let problem = Problem::from(Rejection::SoldOut { free_at: None }).fact("rows", 1);
    let _ = problem.to_json();
}

#[test]
#[should_panic(expected = "buyer_limit has no `have`")]
fn a_documented_fact_that_is_left_out_fails_the_tests() {
    let _ = Problem::new(Code::BuyerLimit, "No more.").fact("most", 4).to_json();
}

#[test]
fn retry_after_is_rounded_up_and_at_least_one_second() {
    assert_eq!(whole_seconds(Duration::ZERO), 1);
    assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
    assert_eq!(whole_seconds(Duration::from_secs(3)), 3);
}

#[test]
fn damage_is_not_disclosed_to_the_caller() {
    let problem = Problem::from(Fault::Damaged("/var/lib/secret is broken".into()));
    assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!String::from_utf8_lossy(&problem.to_json()).contains("secret"));
}

#[test]
fn a_busy_server_says_when_to_come_back_and_why_only_to_the_operator() {
    let retry_after = std::time::Duration::from_millis(1_500);
    let problem = Problem::from(Fault::Busy { retry_after, cause: BusyCause::Append });
    assert_eq!(
        (problem.status(), problem.code(), problem.busy()),
        (StatusCode::SERVICE_UNAVAILABLE, Code::Busy, Some(BusyCause::Append))
    );
    assert!(!problem.is_decision());
    let json: serde_json::Value = serde_json::from_slice(&problem.to_json()).unwrap();
    assert_eq!((&json["retry_after"], json.get("cause")), (&2.into(), None), "{json}");
}

#[test]
fn a_refusal_that_may_pass_is_not_a_decision() {
    for fault in [Fault::Stopping, Fault::Unavailable("x".into()), Fault::OutcomeUnknown("x".into())] {
        assert!(!Problem::from(fault).is_decision());
    }
    let show = lastseat_domain::ShowId::new("demo").unwrap();
    assert!(!Problem::from(Rejection::SalesPaused { show }).is_decision());
    assert!(!Problem::from(Rejection::PaymentInProgress).is_decision());
    // The parser's 422 is not a decision of the domain.
    assert!(!Problem::new(Code::InvalidQuantity, "no").is_decision());
}

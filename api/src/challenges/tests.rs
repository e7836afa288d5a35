use super::*;
use altcha::{SolveChallengeOptions, solve_challenge};
use uuid::Uuid;

fn challenges(free_holds: Option<Quota>) -> Challenges {
    Challenges::new(ChallengeRules { free_holds, cost: 1 }, "secret".to_owned())
}

/// In the far future: the crate compares the end of a challenge with the system's clock, and ours is to decide.
fn noon() -> Timestamp {
    Timestamp::from_timestamp(4_000_000_000, 0).unwrap()
}

fn show() -> ShowId {
    ShowId::new("gala").unwrap()
}

fn booking(n: u128) -> BookingId {
    BookingId(Uuid::from_u128(n))
}

fn encoded(payload: &Payload) -> Vec<u8> {
    STANDARD.encode(serde_json::to_vec(payload).unwrap()).into_bytes()
}

fn solve(challenge: Challenge) -> Payload {
    let solution = solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
    Payload { challenge, solution }
}

fn reason(checked: Result<Option<Use>, Problem>) -> String {
    let problem = checked.err().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&problem.to_json()).unwrap();
    body.get("reason").and_then(|reason| reason.as_str()).map_or_else(|| problem.code().text().to_owned(), str::to_owned)
}

#[test]
fn a_solution_counts_for_one_booking_and_its_repeats() {
    let (challenges, now) = (challenges(None), noon());
    let solution = encoded(&solve(challenges.create(&show(), now).unwrap()));
    let check = |booking| challenges.check(&show(), true, Some(&solution), booking, now);
    // The hold was refused: the solution is there for the next one.
    drop(check(booking(1)).unwrap().unwrap());
    let first = check(booking(2)).unwrap().unwrap();
    assert_eq!(reason(check(booking(3))), "spent", "while the first hold is being placed");
    first.spend();
    assert_eq!(reason(check(booking(3))), "spent");
    // The repeat of the request that used it, whether that succeeds or not.
    drop(check(booking(2)).unwrap().unwrap());
    assert_eq!(reason(check(booking(3))), "spent");
}

#[test]
fn what_is_no_solution_of_this_show_is_refused() {
    let (challenges, now) = (challenges(None), noon());
    let good = solve(challenges.create(&show(), now).unwrap());
    let check = |solution: &[u8], show: &ShowId, now| challenges.check(show, true, Some(solution), booking(1), now);
    for text in ["", "x", "eyJ9", &"A".repeat(5000)] {
        assert_eq!(reason(check(text.as_bytes(), &show(), now)), "unreadable", "{text}");
    }
    assert_eq!(reason(check(&encoded(&good), &ShowId::new("other").unwrap(), now)), "other_show");
    assert_eq!(reason(check(&encoded(&good), &show(), now + VALID_FOR)), "expired");
    let mut wrong = good.clone();
    wrong.solution.derived_key = "00".repeat(32);
    assert_eq!(reason(check(&encoded(&wrong), &show(), now)), "wrong");
    // What makes a challenge easier, or later, is signed.
    let edits: [fn(&mut Payload); 5] = [
        |p| p.challenge.parameters.key_prefix = "0".into(),
        |p| p.challenge.parameters.cost = 2,
        |p| p.challenge.parameters.expires_at = p.challenge.parameters.expires_at.map(|at| at + 60),
        |p| p.challenge.parameters.nonce = "00".repeat(16),
        |p| p.challenge.signature = None,
    ];
    for (n, edit) in edits.into_iter().enumerate() {
        let mut forged = good.clone();
        edit(&mut forged);
        assert_eq!(reason(check(&encoded(&forged), &show(), now)), "forged", "{n}");
    }
    let foreign = solve(Challenges::new(ChallengeRules::default(), "other".into()).create(&show(), now).unwrap());
    assert_eq!(reason(check(&encoded(&foreign), &show(), now)), "forged");
    // Where none is asked for, a solution that came too late is no reason to refuse.
    assert!(challenges.check(&show(), false, Some(&encoded(&good)), booking(1), now + VALID_FOR).unwrap().is_none());
    assert!(check(&encoded(&good), &show(), now).is_ok());
}

#[test]
fn a_show_asks_always_and_the_others_when_the_free_holds_are_used_up() {
    let (challenges, now) = (challenges(Quota::new(2, 10).ok()), noon());
    let check = |asked, now| challenges.check(&show(), asked, None, booking(1), now);
    assert_eq!(reason(check(true, now)), "challenge_required");
    assert!(check(false, now).unwrap().is_none() && check(false, now).unwrap().is_none());
    assert_eq!(reason(check(false, now)), "challenge_required");
    let solution = encoded(&solve(challenges.create(&show(), now).unwrap()));
    assert!(challenges.check(&show(), false, Some(&solution), booking(1), now).unwrap().is_some());
    assert!(check(false, now + TimeDelta::seconds(5)).is_ok(), "half of the free holds are there again");
    let without_limit = super::tests::challenges(None);
    assert!((0..100).all(|n| without_limit.check(&show(), false, None, booking(n), now).is_ok()));
}

use super::hmac_key::hmac;
use super::*;
use crate::answer::Answer;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use serde_json::json;
use uuid::Uuid;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const HOUR: Duration = Duration::from_secs(3600);

struct Fixed(Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
    fn sleep_until(&self, _: Timestamp) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn noon() -> Timestamp {
    "2030-06-01T12:00:00Z".parse().unwrap()
}

fn mint(secret: &[u8], role: Role) -> String {
    Auth::new(secret).mint(&BuyerId::new("anna").unwrap(), role, HOUR, &Fixed(noon()))
}

fn ask(token: &str, now: Timestamp) -> Result<Caller, Problem> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    Auth::new(SECRET).caller(&headers, now)
}

fn code(answer: Result<Caller, Problem>) -> &'static str {
    let problem = Answer::from(answer.expect_err("refused"));
    assert_eq!(problem.status, http::StatusCode::UNAUTHORIZED);
    assert!(problem.headers.iter().any(|(name, _)| name == http::header::WWW_AUTHENTICATE));
    problem.problem.unwrap().text()
}

fn signed(header: &serde_json::Value, claims: &serde_json::Value) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let seal = hmac(SECRET).chain_update(text.as_bytes()).finalize().into_bytes();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(seal))
}

#[test]
fn a_request_without_a_token_is_a_guests() {
    assert_eq!(Auth::new(SECRET).caller(&HeaderMap::new(), noon()).unwrap(), Caller::Guest);
}

#[test]
fn a_minted_token_is_valid_until_it_expires() {
    let token = mint(SECRET, Role::Admin);
    let anna = Caller::Token { sub: BuyerId::new("anna").unwrap(), role: Role::Admin };
    assert_eq!(ask(&token, noon()).unwrap(), anna);
    // Clocks may differ by half a minute.
    assert_eq!(ask(&token, noon() + chrono::TimeDelta::seconds(3629)).unwrap(), anna);
    assert_eq!(code(ask(&token, noon() + chrono::TimeDelta::seconds(3630))), "token_expired");
    assert_eq!(ask(&token, noon() - chrono::TimeDelta::seconds(30)).unwrap(), anna);
    assert_eq!(code(ask(&token, noon() - chrono::TimeDelta::seconds(31))), "invalid_token", "made in the future");
}

#[test]
fn a_long_secret_signs_as_the_library_verifies() {
    let secret = [7_u8; 200];
    let token = Auth::new(&secret).mint(&BuyerId::new("anna").unwrap(), Role::Buyer, HOUR, &Fixed(noon()));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("bearer {token}")).unwrap());
    assert!(Auth::new(&secret).caller(&headers, noon()).is_ok());
}

#[test]
fn foreign_unsigned_and_incomplete_tokens_are_refused() {
    let good = json!({"iss": "lastseat", "sub": "anna", "role": "admin", "iat": 0, "exp": 4_000_000_000_u64});
    let hs256 = json!({"alg": "HS256", "typ": "JWT"});
    assert!(ask(&signed(&hs256, &good), noon()).is_ok());

    let mut bad = vec![mint(b"another secret, just as long ....", Role::Admin), String::new(), "x".into(), "a.b.c".into()];
    for alg in ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", ""] {
        bad.push(signed(&json!({"alg": alg}), &good));
    }
    let unsigned = signed(&json!({"alg": "none"}), &good);
    bad.push(format!("{}.", unsigned.rsplit_once('.').unwrap().0));
    let token = mint(SECRET, Role::Buyer);
    bad.push(format!("{}.", token.rsplit_once('.').unwrap().0));
    for (claim, value) in [
        ("iss", json!("somebody")),
        ("role", json!("root")),
        ("sub", json!("")),
        ("sub", json!("two words")),
        ("exp", json!("soon")),
        ("exp", json!(null)),
        ("iss", json!(null)),
    ] {
        let mut claims = good.clone();
        claims[claim] = value;
        bad.push(signed(&hs256, &claims));
    }
    for missing in ["iss", "sub", "role", "exp"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(missing);
        bad.push(signed(&hs256, &claims));
    }
    for token in bad {
        assert_eq!(code(ask(&token, noon())), "invalid_token", "{token}");
    }
}

fn with_claim(claim: &str, value: serde_json::Value) -> String {
    let mut claims = json!({"iss": "lastseat", "sub": "anna", "role": "buyer", "exp": 4_000_000_000_u64});
    claims[claim] = value;
    signed(&json!({"alg": "HS256", "typ": "JWT"}), &claims)
}

#[test]
fn a_token_is_refused_before_its_nbf() {
    let nbf = noon().timestamp();
    let token = with_claim("nbf", json!(nbf));
    assert_eq!(code(ask(&token, noon() - chrono::TimeDelta::seconds(31))), "invalid_token");
    assert!(ask(&token, noon() - chrono::TimeDelta::seconds(30)).is_ok());
    assert!(ask(&with_claim("nbf", json!(null)), noon()).is_ok());
    assert_eq!(code(ask(&with_claim("nbf", json!("soon")), noon())), "invalid_token");
}

#[test]
fn a_token_with_extensions_that_must_be_understood_is_refused() {
    let claims = json!({"iss": "lastseat", "sub": "anna", "role": "buyer", "exp": 4_000_000_000_u64});
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!("x"), json!(null)] {
        let header = json!({"alg": "HS256", "typ": "JWT", "b64": false, "crit": crit});
        assert_eq!(code(ask(&signed(&header, &claims), noon())), "invalid_token", "{crit}");
    }
    // What need not be understood is ignored.
    assert!(ask(&signed(&json!({"alg": "HS256", "b64": true, "x": 1}), &claims), noon()).is_ok());
}

#[test]
fn a_token_with_the_subject_of_a_guest_is_refused() {
    let guest = BuyerId::guest(BookingId(Uuid::from_u128(7)));
    assert_eq!(code(ask(&with_claim("sub", json!(guest.as_str())), noon())), "invalid_token");
    assert_eq!(code(ask(&with_claim("sub", json!("guest:anything")), noon())), "invalid_token");
    assert!(ask(&with_claim("sub", json!("guest")), noon()).is_ok());
}

#[test]
fn other_schemes_and_two_headers_are_refused() {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
    assert_eq!(code(Auth::new(SECRET).caller(&headers, noon())), "invalid_token");
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    assert_eq!(code(Auth::new(SECRET).caller(&headers, noon())), "invalid_token");
    headers.insert(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").unwrap());
    assert_eq!(code(Auth::new(SECRET).caller(&headers, noon())), "invalid_token");
}

#[test]
fn a_booking_always_has_the_same_token_and_no_other_booking_has_it() {
    let booking = BookingId(Uuid::from_u128(7));
    let auth = Auth::new(SECRET);
    let token = auth.booking_token(booking);
    assert!(token.starts_with("bt_"));
    assert_eq!(token, auth.booking_token(booking));
    assert_eq!(ask(&token, noon()).unwrap(), Caller::Booking(booking));
    assert_ne!(token, auth.booking_token(BookingId(Uuid::from_u128(8))));
    assert_eq!(code(ask(&Auth::new(b"another").booking_token(booking), noon())), "invalid_token");
    for bad in ["bt_", "bt_!", "bt_AAAA", &token[..token.len() - 4], &format!("{token}AAAA")] {
        assert_eq!(code(ask(bad, noon())), "invalid_token", "{bad}");
    }
}

#[test]
fn the_needed_roles_are_named_in_the_refusal() {
    let caller = ask(&mint(SECRET, Role::Buyer), noon()).unwrap();
    let problem = caller.needs(Permission::ReadHistory).expect_err("refused");
    assert_eq!(problem.status(), http::StatusCode::FORBIDDEN);
    let body: serde_json::Value = serde_json::from_slice(&problem.to_json()).unwrap();
    assert_eq!((&body["needed_role"], &body["role"]), (&json!("auditor"), &json!("buyer")));
    assert_eq!(body["needed_roles"], json!(["auditor", "admin"]));
    assert!(body["detail"].as_str().unwrap().contains("the role `auditor` or `admin`"), "{body}");
    assert_eq!(Caller::Guest.needs(Permission::ReadOwn).expect_err("refused").code(), Code::AuthenticationRequired);
    let booking = Caller::Booking(BookingId(Uuid::from_u128(7)));
    assert_eq!(booking.needs(Permission::CommandOwn).expect_err("refused").code(), Code::Forbidden);
    assert!(caller.needs(Permission::CommandOwn).is_ok());
}

#[test]
fn every_role_has_what_its_sentence_says() {
    use Permission as P;
    let all = [
        P::HoldSeats,
        P::ReadOwn,
        P::CommandOwn,
        P::HoldForBuyers,
        P::ReadBookings,
        P::ChangeBookings,
        P::RefundBookings,
        P::ReviewPayments,
        P::RunShows,
        P::ReadSales,
        P::ReadHistory,
        P::ExceedLimits,
    ];
    let of = |role| all.into_iter().filter(move |permission| permission.is_of(role)).collect::<Vec<_>>();
    assert_eq!(of(Role::Admin), all, "an admin may do everything");
    assert!(of(Role::Staff).iter().all(|permission| permission.is_of(Role::Manager)), "a manager may do what staff may");
    assert!(of(Role::Buyer).iter().all(|permission| permission.is_of(Role::Staff)), "staff may buy, too");
    assert_eq!(of(Role::Auditor), [P::ReadOwn, P::ReadBookings, P::ReadSales, P::ReadHistory], "an auditor reads");
    assert_eq!(of(Role::Buyer), [P::HoldSeats, P::ReadOwn, P::CommandOwn]);
}

#[test]
fn every_role_is_named_as_it_is_written_in_tokens() {
    for role in Role::ALL {
        assert_eq!(role.name().parse::<Role>(), Ok(role));
        assert_eq!(json!(role), role.name());
        assert!(matches!(ask(&mint(SECRET, role), noon()).unwrap(), Caller::Token { role: found, .. } if found == role));
    }
    assert!("root".parse::<Role>().is_err());
}

//! Random requests: addresses of the API with right, wrong and absurd values, headers and bodies. Whatever comes,
//! the answer is a success or a documented refusal, and the log stays clean.

use crate::common::{TestServer, start_limited};
use lastseat::auth::Role;
use lastseat::limits::{GuestRules, Limits, Proxies, Quotas};
use lastseat_audit::Audit;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Filter};
use lastseat_in_process::{InProcessLimiter, SystemClock};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

/// A value for a place in a path or a query.
fn value(rng: &mut Rng, good: &[&str]) -> String {
    const BAD: [&str; 14] = [
        "",
        "%00",
        "..",
        "%2e%2e%2f",
        "-1",
        "0",
        "99999999999999999999",
        "%ff",
        "a%20b",
        "%F0%9F%8E%AB",
        "null",
        "'--",
        "A-1",
        "%7Bid%7D",
    ];
    match rng.below(8) {
        0 => rng.pick(&BAD).to_owned(),
        1 => "x".repeat(rng.below(3000)),
        _ => rng.pick(good).to_owned(),
    }
}

/// JSON that may be right, almost right, or nothing like it.
fn body(rng: &mut Rng, depth: usize) -> Value {
    const NAMES: [&str; 16] = [
        "seats",
        "area",
        "quantity",
        "best_available",
        "category",
        "payment_method",
        "price",
        "id",
        "title",
        "currency",
        "categories",
        "areas",
        "rows",
        "seat",
        "outcome",
        "hold_seconds",
    ];
    const TEXTS: [&str; 12] = [
        "A-1",
        "A-2",
        "B-10",
        "Z-9",
        "floor",
        "parquet",
        "stalls",
        "pm_card_visa",
        "pm_card_chargeDeclined",
        "EUR",
        "",
        "\u{0}\u{202e}🎫",
    ];
    match rng.below(if depth > 3 { 5 } else { 8 }) {
        0 => json!(rng.pick(&TEXTS)),
        1 => json!(rng.next().cast_signed()),
        2 => json!(rng.below(20)),
        3 => json!(null),
        4 => json!(-0.5),
        5 => Value::Array((0..rng.below(4)).map(|_| body(rng, depth + 1)).collect()),
        _ => Value::Object((0..rng.below(4)).map(|_| (rng.pick(&NAMES).to_owned(), body(rng, depth + 1))).collect()),
    }
}

/// A body that the operation may accept, so that the fuzz gets past the first check.
fn likely_body(rng: &mut Rng, path: &str) -> Value {
    let seat = format!("{}-{}", rng.pick(&["A", "B", "C", "D"]), rng.below(12));
    match path {
        _ if path.ends_with("/bookings") => match rng.below(4) {
            0 => json!({"seats": [seat]}),
            1 => json!({"area": "floor", "quantity": rng.below(4)}),
            2 => json!({"best_available": {"quantity": rng.below(4), "category": "stalls"}}),
            _ => json!({"seats": [seat, seat, "A-1"], "price": 1}),
        },
        _ if path.ends_with("/bookings:batch") => {
            json!({"holds": (0..rng.below(5)).map(|_| likely_hold(rng)).collect::<Vec<_>>()})
        }
        _ if path.ends_with("/checkins:batch") => {
            let device = rng.pick(&["hand-1", "Hand 1"]);
            json!({"device": device, "scans": (0..rng.below(4)).map(|_| likely_scan(rng)).collect::<Vec<_>>()})
        }
        _ if path.ends_with("/payment") => {
            json!({"payment_method": rng.pick(&["pm_card_visa", "pm_card_chargeDeclined", "nothing"])})
        }
        _ if path.ends_with("/authenticate") => json!({"outcome": rng.pick(&["succeeded", "failed", "maybe"])}),
        _ => body(rng, 0),
    }
}

/// A scan of a batch.
fn likely_scan(rng: &mut Rng) -> Value {
    json!({
        "ticket": rng.pick(&["NO-TICKET", "AEAZ64DZN2QXOSKZUF3ZTXJ7FQ", ""]),
        "gate": rng.pick(&["north", "North Gate"]),
        "scan": rng.pick(&["0c5e7b1e-93a4-4b57-9d0c-6a4b8f0d2a01", "1"]),
        "scanned_at": rng.pick(&["2030-06-01T18:00:00Z", "0000-01-01T00:00:00Z", "+99999-01-01T00:00:00Z", "yesterday"]),
    })
}

/// A hold of a batch.
fn likely_hold(rng: &mut Rng) -> Value {
    let mut hold = likely_body(rng, "/bookings");
    hold["buyer"] = json!(rng.pick(&["anna", "bob", "guest:x", ""]));
    if rng.below(3) == 0 {
        hold["idempotency_key"] = json!(rng.pick(&["k1", "k2", "two words"]));
    }
    hold
}

struct Fuzz {
    rng: Rng,
    /// Method and path.
    operations: Vec<(String, String)>,
    tokens: Vec<String>,
    /// Bookings and their tokens.
    bookings: Vec<String>,
    /// Number of answers by status.
    answers: BTreeMap<u16, u64>,
}

impl Fuzz {
    fn address(&mut self, template: &str) -> String {
        let mut path = String::new();
        for part in template.split('/').skip(1) {
            path.push('/');
            let ids: Vec<&str> =
                self.bookings.iter().map(String::as_str).chain(["00000000-0000-4000-8000-000000000000"]).collect();
            match part {
                "{show}" => path.push_str(&value(&mut self.rng, &["demo", "demo", "demo", "none"])),
                _ if part.starts_with('{') => path.push_str(&value(&mut self.rng, &ids)),
                _ => path.push_str(part),
            }
        }
        for _ in 0..self.rng.below(3) {
            let name = self.rng.pick(&["limit", "starting_after", "from", "to", "category", "x"]);
            let separator = if path.contains('?') { '&' } else { '?' };
            path.push_str(&format!("{separator}{name}={}", value(&mut self.rng, &["1", "100", "demo"])));
        }
        path
    }

    async fn request(&mut self, server: &TestServer) {
        let (method, template) = self.operations[self.rng.below(self.operations.len())].clone();
        let path = self.address(&template);
        let likely = self.rng.below(4) > 0;
        let method = if likely { method.as_str() } else { self.rng.pick(&METHODS) };
        let mut call = server.call(method, &path);
        if self.rng.below(4) > 0 {
            call = call.bearer({
                // Mostly the first five: a booking's token may do little.
                let end = if self.rng.below(3) > 0 { 5 } else { self.tokens.len() };
                &self.tokens[self.rng.below(end)]
            });
        }
        if self.rng.below(3) == 0 {
            call = call.key(self.rng.pick(&["k1", "k2", "\"quoted\"", "a-longer-key-0123456789"]));
        }
        if self.rng.below(5) == 0 {
            let name =
                self.rng.pick(&["if-none-match", "last-event-id", "lastseat-min-position", "accept", "range", "expect-nothing"]);
            call = call.header(
                name,
                self.rng.pick(&["*", "1", "W/\"7\"", "18446744073709551615", "text/event-stream", "bytes=0-1", "-1"]),
            );
        }
        if method != "GET" && method != "HEAD" {
            let json = if likely { likely_body(&mut self.rng, &path) } else { body(&mut self.rng, 0) };
            call = match self.rng.below(8) {
                0 => call.header("content-type", "application/json").bytes(vec![0xff; self.rng.below(2000)]),
                1 => call.header("content-type", "text/plain").bytes(json.to_string()),
                2 => call.header("content-type", "application/json").bytes("[".repeat(self.rng.below(3000))),
                _ => call.json(json),
            };
        }
        let (parts, body) = call.open().await;
        let status = parts.status.as_u16();
        *self.answers.entry(status).or_default() += 1;
        assert!(status < 500 || status == 501, "{method} {path}: {status}");
        let kind = parts.headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
        assert!(status < 400 || method == "HEAD" || kind == "application/problem+json", "{method} {path}: {status} as {kind:?}");
        if status == 201 && path.ends_with("/bookings") {
            let held: Value = serde_json::from_slice(&http_body_util::BodyExt::collect(body).await.unwrap().to_bytes()).unwrap();
            self.bookings.push(held["id"].as_str().unwrap().to_owned());
            self.tokens.push(held["token"].as_str().unwrap().to_owned());
        }
    }
}

#[tokio::test]
async fn random_requests_get_documented_answers_and_leave_a_clean_log() {
    let (count, seed) = (number("LASTSEAT_ATTACK_REQUESTS", 4000), number("LASTSEAT_ATTACK_SEED", 1));
    let dir = tempfile::tempdir().unwrap();
    // All come from one address, faster than any limit allows. A few are limited all the same: a guest's holds.
    let quotas = Quotas { caller: None, address: None, guests: GuestRules::default(), ..Quotas::default() };
    let local = Arc::new(InProcessLimiter::new(Arc::new(SystemClock)));
    let server = start_limited(dir.path(), true, Limits::new(quotas, Proxies::default(), local, None)).await;
    let document = serde_json::to_value(lastseat::routes::document()).unwrap();
    let mut operations: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        operations.extend(methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    // A cancelled or paused show has nothing left to find.
    operations.retain(|(_, path)| !path.ends_with("/cancel") && !path.ends_with("/pause"));
    // Most are refused before they do anything, so those that could do most come as often as all others together.
    let others = operations.len();
    let likely = [
        ("POST", "/v1/shows/{show}/bookings"),
        ("POST", "/v1/shows/{show}/bookings"),
        ("POST", "/v1/shows/{show}/bookings"),
        ("POST", "/v1/shows/{show}/bookings:batch"),
        ("POST", "/v1/bookings/{id}/payment"),
    ];
    operations.extend(likely.into_iter().cycle().take(others).map(|(method, path)| (method.to_owned(), path.to_owned())));
    operations.extend(["/nothing", "/docs/nothing"].map(|path| ("GET".to_owned(), path.to_owned())));
    let tokens = vec![
        server.token("anna", Role::Buyer),
        server.token("bob", Role::Buyer),
        server.token("audrey", Role::Auditor),
        server.token("root", Role::Admin),
        "forged".to_owned(),
    ];
    let mut fuzz = Fuzz { rng: Rng(seed), operations, tokens, bookings: Vec::new(), answers: BTreeMap::new() };
    for _ in 0..count {
        fuzz.request(&server).await;
    }
    eprintln!("seed {seed}: {:?}", fuzz.answers);
    assert!(fuzz.bookings.len() >= 10, "the fuzz holds nothing, so it tests little: {:?}", fuzz.answers);
    let mut audit = Audit::new();
    for event in server.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    let report = audit.finish();
    assert!(report.holds(), "seed {seed}: {report}");
    server.stop().await;
}

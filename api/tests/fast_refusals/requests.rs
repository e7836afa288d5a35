//! What clients send: holds in every form, right and wrong, among other requests, cut anywhere.

use crate::twins::SHOP;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt;

/// Bytes, as they are written.
#[derive(Clone)]
pub struct Sent {
    pub pieces: Vec<Vec<u8>>,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| writeln!(f, "{:?}", String::from_utf8_lossy(piece)))
    }
}

/// Some requests, pipelined, then one after which the connection ends.
pub fn conversation(tokens: Vec<String>) -> impl Strategy<Value = Sent> {
    let request = prop_oneof![16 => usual_hold(tokens.clone()), 4 => odd_hold(tokens), 2 => other(), 1 => last()];
    let end = prop_oneof![
        4 => Just(b"GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_vec()),
        1 => last(),
    ];
    (vec(request, 1..12), end, vec(any::<prop::sample::Index>(), 0..6)).prop_map(|(requests, end, cuts)| {
        let mut all = requests.concat();
        all.extend_from_slice(&end);
        // For `last`s that do not end it.
        all.extend_from_slice(b"GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(all.len())).collect();
        cuts.extend([0, all.len()]);
        cuts.sort_unstable();
        Sent { pieces: cuts.windows(2).map(|cut| all[cut[0]..cut[1]].to_vec()).filter(|piece| !piece.is_empty()).collect() }
    })
}

fn seat() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (1..10).prop_map(|n| format!("A-{n}")),
        2 => (0..4_usize, 10..99).prop_map(|(row, n)| format!("{}-{n}", ["A", "B", "C", "D"][row])),
        1 => select(vec!["", "Z-1", "a-1", "floor:1", "A 1", "A-1\\n", "\\u0041-1", "A-\\u0031", "é"]).prop_map(str::to_owned),
    ]
}

/// A seat by its label alone, or with a price type that there is or is not.
fn asked_seat() -> impl Strategy<Value = String> {
    let price_type = select(vec![
        "",
        ",\"price_type\":\"adult\"",
        ",\"price_type\":\"child\"",
        ",\"price_type\":\"senior\"",
        ",\"price_type\":null",
    ]);
    prop_oneof![
        5 => seat().prop_map(|seat| format!("\"{seat}\"")),
        2 => (seat(), price_type).prop_map(|(seat, price_type)| format!("{{\"seat\":\"{seat}\"{price_type}}}")),
    ]
}

/// What the shop wants to find a booking by, right and wrong.
const SHOP_DATA: [&str; 8] = [
    "",
    "",
    ",\"reference\":\"order 4711\"",
    ",\"reference\":\"7\",\"metadata\":{\"a\":\"b\"}",
    ",\"reference\":\"\"",
    ",\"reference\":null,\"metadata\":null",
    ",\"metadata\":{\"a b\":\"c\"}",
    ",\"metadata\":{\"a\":1}",
];

fn usual_body() -> impl Strategy<Value = String> {
    let shop = prop_oneof![3 => Just(""), 1 => select(SHOP_DATA.to_vec())];
    (vec(asked_seat(), 1..4), shop).prop_map(|(seats, shop)| format!("{{\"seats\":[{}]{shop}}}", seats.join(",")))
}

fn odd_body() -> impl Strategy<Value = String> {
    let texts = vec![
        "",
        "{}",
        "[]",
        "null",
        "{\"seats\":[]}",
        "{\"seats\":null}",
        "{\"seats\":\"A-1\"}",
        "{\"seats\":[1]}",
        "{\"seats\":[\"A-1\"],\"access_code\":\"sesame-2027\"}",
        "{\"seats\":[\"A-1\"],\"access_code\":\"short\"}",
        "{\"seats\":[\"A-1\"],\"voucher\":\"7K2M-Q9XA-0R4T-ZC5E\"}",
        "{\"seats\":[\"A-1\"],\"channel\":\"till\"}",
        "{\"seats\":[\"A-1\"],}",
        "{\"seats\":[\"A-1\"]} ",
        " {\t\"seats\" :\r\n [ \"A-1\" ] } ",
        "{\"seats\":[\"A-1\"]}x",
        "{\"seats\":[\"A-1\"]}{}",
        "{\"seats\":[\"A-1\"],\"seats\":[\"A-2\"]}",
        "{\"seats\":[\"A-1\"],\"price\":1}",
        "{\"seats\":[{\"seat\":\"A-1\",\"price\":1}]}",
        "{\"seats\":[{\"seat\":\"A-1\",\"price_type\":\"Child\"}]}",
        "{\"seats\":[{\"price_type\":\"child\"}]}",
        "{\"seats\":[{\"seat\":\"A-1\",\"seat\":\"A-1\"}]}",
        "{\"seats\":[[\"A-1\"]]}",
        "{\"seats\":[\"A-1\"],\"price_types\":{\"adult\":1}}",
        "{\"area\":\"floor\",\"quantity\":2,\"price_types\":{\"adult\":1}}",
        "{\"area\":\"floor\",\"quantity\":1,\"price_types\":{\"senior\":1}}",
        "{\"seats\":[\"A-1\"],\"area\":null}",
        "{\"seats\":[\"A-1\"],\"quantity\":1}",
        "{\"seats\":[\"A-1\",\"A-1\"]}",
        "{\"area\":\"floor\",\"quantity\":0}",
        "{\"se\\u0061ts\":[\"A-1\"]}",
        "{\"area\":\"nothing\",\"quantity\":1}",
        "{\"best_available\":{\"quantity\":99,\"category\":\"stalls\"}}",
        "\u{feff}{\"seats\":[\"A-1\"]}",
        "{\"seats\":[\"A-1\",\"A-2\",\"A-3\",\"A-4\",\"A-5\",\"A-6\",\"A-7\",\"A-8\",\"A-9\",\"A-10\",\"A-11\"]}",
        "{\"seats\":[\"A-1\"",
    ];
    prop_oneof![3 => select(texts).prop_map(str::to_owned), 3 => usual_body()]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        // A few that come again, with the same body or another.
        4 => (10..30).prop_map(|n| format!("idempotency-key: 0c0ffe{n}-1dea-4bad-9abc-5eed5eed5eed\r\n")),
        3 => any::<u128>().prop_map(|n| format!("Idempotency-Key: {n:032x}-ghijkl\r\n")),
        1 => select(vec!["idempotency-key: 1\r\n", "idempotency-key:\r\n", "idempotency-key: a b\r\n", "idempotency-key: a\r\nidempotency-key: b\r\n"])
            .prop_map(str::to_owned),
    ]
}

fn authorization(tokens: Vec<String>) -> impl Strategy<Value = String> {
    let mut all: Vec<String> = tokens.iter().map(|token| format!("authorization: Bearer {token}\r\n")).collect();
    all.push(format!("Authorization: bearer  {}\r\n", tokens[0]));
    all.push("authorization: Bearer nonsense\r\n".to_owned());
    all.push("authorization: Bearer bt_AAAA\r\n".to_owned());
    all.push("authorization: Basic YTpi\r\n".to_owned());
    all.push(format!("authorization: Bearer {0}\r\nauthorization: Bearer {0}\r\n", tokens[0]));
    select(all)
}

fn from() -> impl Strategy<Value = String> {
    (1..4).prop_map(|n| format!("X-Forwarded-For: 203.0.113.{n}\r\n"))
}

/// Of the shop's page, of other pages, and of what is no page.
fn origin() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(format!("Origin: {SHOP}\r\n")),
        1 => select(vec!["https://shop.example.evil.com", "http://shop.example", "https://SHOP.example", "null", "*", ""])
            .prop_map(|other| format!("origin: {other}\r\n")),
        1 => Just(format!("origin: https://evil.example\r\norigin: {SHOP}\r\n")),
    ]
}

fn maybe(headers: impl Strategy<Value = String> + 'static, weight: u32) -> impl Strategy<Value = String> {
    prop_oneof![10 - weight => Just(String::new()), weight => headers]
}

fn usual_hold(tokens: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let headers = (maybe(key(), 4), maybe(authorization(tokens), 3), maybe(from(), 8), maybe(origin(), 4));
    (usual_body(), headers).prop_map(|(body, (key, token, from, origin))| {
        let length = body.len();
        format!(
            "POST /v1/shows/gala/bookings HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: x\r\nContent-Type: application/json\r\n\
             {key}{token}{from}{origin}Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    })
}

/// Headers that leave the length of the body as it is.
const ODD_HEADERS: &[&str] = &[
    "",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
    "accept-encoding: br, gzip\r\ncookie: a=b; c=d\r\n",
    "connection: keep-alive\r\n",
    "connection: Keep-Alive\r\nkeep-alive: timeout=5\r\n",
    "te: trailers\r\n",
    "x-request-id: sent-1\r\n",
    "X-Request-ID: one\r\nx-request-id: two\r\n",
    "x-request-id: two words\r\n",
    "x-long: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n",
    "x-bytes: \u{fc}\r\n",
    "x-forwarded-for: 203.0.113.9\r\nx-forwarded-for: 203.0.113.1, 127.0.0.1\r\n",
    "x-forwarded-for: unknown\r\n",
    "forwarded: for=203.0.113.9\r\n",
    "content-encoding: gzip\r\n",
    "x-http-method-override: GET\r\n",
    "lastseat-min-position: 99999999\r\n",
    "range: bytes=0-1\r\nif-none-match: *\r\n",
    "origin: https://shop.example\r\naccess-control-request-method: POST\r\n",
];

fn odd_hold(tokens: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let targets = vec![
        "/v1/shows/gala/bookings",
        "/v1/shows/gala/bookings",
        "/v1/shows/gala/bookings",
        "/v1/shows/gala/bookings?x=1",
        "/v1/shows/gala/bookings/",
        "/v1/shows/none/bookings",
        "/v1/shows/GALA/bookings",
        "/v1/shows/g%61la/bookings",
        "/v1/shows//bookings",
        "//v1/shows/gala/bookings",
        "http://a/v1/shows/gala/bookings",
        "/v1/shows/gala/bookings#x",
        "/v1/shows/gala",
    ];
    let types = vec![
        "content-type: application/json\r\n",
        "content-type: application/json\r\n",
        "Content-Type:application/JSON; charset=utf-8 \r\n",
        "content-type: application/vnd.x+json\r\n",
        "content-type: text/plain\r\n",
        "",
        "content-type: application/json\r\ncontent-type: text/plain\r\n",
    ];
    let hosts = vec!["host: a\r\n", "host: a\r\n", "host: a\r\n", "HOST: [::1]:80\r\n", "host: a:b\r\n", "host: a:99999\r\n"];
    let methods = vec!["POST", "POST", "POST", "POST", "PUT", "post", "DELETE", "X-Y"];
    let line = (select(methods), select(targets), select(hosts), select(types), select(ODD_HEADERS));
    (line, odd_body(), maybe(key(), 3), maybe(authorization(tokens), 3), maybe(from(), 8), 0..12_u8).prop_map(
        |((method, target, host, media_type, odd), body, key, token, from, framing)| {
            let length = body.len();
            let head = format!("{method} {target} HTTP/1.1\r\n{host}{media_type}{odd}{key}{token}{from}");
            match framing {
                0 => format!("{head}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk(&body)),
                1 => format!("\r\n{head}content-length: {length}\r\n\r\n{body}"),
                2 => format!("{head}content-length:   00{length}  \r\n\r\n{body}"),
                3 => format!("{head}content-length: {length}\r\ncontent-length: {length}\r\n\r\n{body}"),
                4 => format!("{head}content-length: {length}\r\n\r\n{body}").replace("\r\n", "\n"),
                _ => format!("{head}content-length: {length}\r\n\r\n{body}"),
            }
            .into_bytes()
        },
    )
}

fn chunk(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("{:x}\r\n{body}\r\n", body.len()) }
}

/// Requests that are no holds.
fn other() -> impl Strategy<Value = Vec<u8>> {
    let bytes = "x".repeat(3000);
    select(vec![
        "GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "HEAD /health/live HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "GET /v1/nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc".to_owned(),
        "GET /docs HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        format!("OPTIONS /v1/shows/gala/bookings HTTP/1.1\r\nhost: a\r\norigin: {SHOP}\r\naccess-control-request-method: POST\r\n\r\n"),
        format!("POST /v1/nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: 3000\r\n\r\n{bytes}"),
        format!("POST /v1/shows/gala/bookings HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 3000\r\n\r\n{bytes}"),
    ])
    .prop_map(String::into_bytes)
}

/// Requests after which the connection ends.
fn last() -> impl Strategy<Value = Vec<u8>> {
    let hold = |line: &str| {
        format!(
            "POST /v1/shows/gala/bookings HTTP/1.1\r\n{line}content-type: application/json\r\ncontent-length: 17\r\n\r\n{{\"seats\":[\"A-1\"]}}"
        )
    };
    select(vec![
        hold("host: a\r\nconnection: close\r\n"),
        hold("host: a\r\nConnection: keep-alive, close\r\n"),
        hold(""),
        hold("host: a\r\nhost: a\r\n"),
        hold("host: a@b\r\n"),
        hold("host: a\r\ntransfer-encoding: chunked\r\n"),
        hold("host: a\r\ncontent-length: 18\r\n"),
        hold("host: a\r\nbad header: x\r\n"),
        hold("host: a\r\n").replace("HTTP/1.1", "HTTP/1.0"),
        hold("host: a\r\n").replace("HTTP/1.1", "HTTP/3.0"),
        hold(&format!("host: a\r\nx-huge: {}\r\n", "y".repeat(90_000))),
        "nonsense\r\n\r\n".to_owned(),
        "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ])
    .prop_map(String::into_bytes)
}

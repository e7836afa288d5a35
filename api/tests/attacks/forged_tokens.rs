//! Tokens that were not made by the server, on an operation that only admins may do.

use crate::common::{SECRET, TestServer, start_for_test};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use lastseat::auth::Role;
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn seal(secret: &[u8], text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

fn signed(secret: &[u8], header: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", encode(header), encode(claims));
    format!("{text}.{}", seal(secret, &text))
}

fn claims() -> Value {
    json!({"iss": "lastseat", "sub": "root", "role": "admin", "exp": 4_102_444_800_u64})
}

/// Every forgery, by name.
fn forgeries(server: &TestServer) -> Vec<(String, String)> {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let buyer = server.token("mallory", Role::Buyer);
    let parts: Vec<&str> = buyer.split('.').collect();
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, token: String| all.push((name.to_owned(), token));

    // Keys that somebody might have set.
    for secret in
        ["", "secret", "password", "lastseat", "changeme", "0123456789abcdef0123456789abcde", "0123456789ABCDEF0123456789ABCDEF"]
    {
        add(&format!("key {secret:?}"), signed(secret.as_bytes(), &header, &claims()));
    }
    add("the key in hex", signed(b"3031323334353637383961626364656630313233343536373839616263646566", &header, &claims()));
    add("the key in base64", signed(STANDARD.encode(SECRET).as_bytes(), &header, &claims()));
    // Algorithms, with an empty signature, the right one, and one that a confused verifier would accept.
    for alg in
        ["none", "None", "NONE", "nOnE", "HS1", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "", "HS256 ", "hs256"]
    {
        let text = format!("{}.{}", encode(&json!({"alg": alg, "typ": "JWT"})), encode(&claims()));
        add(&format!("{alg:?}, no signature"), format!("{text}."));
        if alg != "HS256" {
            add(&format!("{alg:?}, signed by a guess"), format!("{text}.{}", seal(b"guess", &text)));
        }
    }
    let text = format!("{}.{}", encode(&json!({"alg": "HS384"})), encode(&claims()));
    let mut mac = Hmac::<Sha384>::new_from_slice(b"guess").unwrap();
    mac.update(text.as_bytes());
    add("HS384", format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())));
    let text = format!("{}.{}", encode(&json!({"alg": "HS512"})), encode(&claims()));
    let mut mac = Hmac::<Sha512>::new_from_slice(b"guess").unwrap();
    mac.update(text.as_bytes());
    add("HS512", format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())));
    // Headers that name the key.
    for (name, value) in [
        ("jwk", json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode("guess")})),
        ("jku", json!("http://127.0.0.1:9/keys")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' UNION SELECT 'guess")),
        ("x5u", json!("http://127.0.0.1:9/cert")),
        ("x5c", json!(["AAAA"])),
    ] {
        let mut header = header.clone();
        header[name] = value;
        add(&format!("{name} names the key"), signed(b"guess", &header, &claims()));
        add(&format!("{name} names an empty key"), signed(b"", &header, &claims()));
    }
    // A real token, changed.
    add("other claims, real signature", format!("{}.{}.{}", parts[0], encode(&claims()), parts[2]));
    add("other header, real signature", format!("{}.{}.{}", encode(&json!({"alg": "none"})), parts[1], parts[2]));
    add("no signature", format!("{}.{}", parts[0], parts[1]));
    add("empty signature", format!("{}.{}.", parts[0], parts[1]));
    add("signature cut", buyer[..buyer.len() - 2].to_owned());
    add("signature longer", format!("{buyer}AA"));
    add("signature padded", format!("{buyer}="));
    add("four parts", format!("{buyer}.{}", parts[2]));
    add("two tokens", format!("{buyer}{buyer}"));
    add("parts swapped", format!("{}.{}.{}", parts[1], parts[0], parts[2]));
    for place in [0, 5, parts[0].len() + 3, parts[0].len() + 20, buyer.len() - 20, buyer.len() - 3] {
        let mut bytes = buyer.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        add(&format!("byte {place} changed"), String::from_utf8(bytes).unwrap());
    }
    // No tokens at all.
    for text in [
        "",
        ".",
        "..",
        "a.b.c",
        "null",
        "undefined",
        "bt_",
        "bt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "eyJhbGciOiJIUzI1NiJ9",
    ] {
        add(&format!("{text:?}"), text.to_owned());
    }
    all
}

#[tokio::test]
async fn no_forged_token_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let before = server.head().await;
    let forgeries = forgeries(&server);
    assert!(forgeries.len() >= 70, "{}", forgeries.len());
    for (name, token) in forgeries {
        let reply = server.post("/v1/shows/demo/cancel").bearer(&token).send().await;
        assert_eq!(reply.status, 401, "{name}: {reply:?}");
    }
    assert_eq!(server.head().await, before);

    // The failing twin: with the real key the same claims are an admin's.
    let real = signed(SECRET, &json!({"alg": "HS256", "typ": "JWT"}), &claims());
    let reply = server.post("/v1/shows/demo/cancel").bearer(&real).send().await;
    assert!(reply.status.is_success(), "{reply:?}");
    server.stop().await;
}

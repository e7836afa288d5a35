//! Tokens that an OpenID provider did not make, or not for this server, on an operation that only admins may do.

use crate::support::issuer::{Issuer, SigningKey};
use crate::support::show;
use crate::support::test_server::{GALA, TestServer};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// A key of each kind, whose public halves everybody knows.
struct Keys {
    rsa: SigningKey,
    ec: SigningKey,
    ed: SigningKey,
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn sealed(secret: &[u8], header: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", encode(header), encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn with(value: &Value, name: &str, other: Value) -> Value {
    let mut value = value.clone();
    value[name] = other;
    value
}

fn without(value: &Value, name: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove(name);
    value
}

/// What an operator's token says.
fn claims(issuer: &Issuer) -> Value {
    with(&issuer.claims("root"), "groups", json!(["operators"]))
}

/// Signed by the right key, with claims that make the token another's, or no longer valid.
fn wrong_claims(issuer: &Issuer, keys: &Keys) -> Vec<(String, String)> {
    let good = claims(issuer);
    let now = good["iat"].as_i64().unwrap();
    let mut all = Vec::new();
    for (name, values) in [
        ("iss", json!(["https://login.example", "lastseat", "", null, format!("{}/", issuer.url), issuer.url.to_uppercase(), 1])),
        ("aud", json!(["https://other.example", "", null, [], ["https://other.example"], "https://tickets.example/", 1])),
        ("exp", json!([now - 31, 0, -1, null, "9999999999", true])),
        ("nbf", json!([now + 90, "soon"])),
        ("iat", json!([now + 90, "now"])),
        ("sub", json!(["", null, 1, ["root"]])),
    ] {
        for value in values.as_array().unwrap() {
            all.push((format!("{name} = {value}"), keys.ec.token(&with(&good, name, value.clone()))));
        }
    }
    for name in ["iss", "aud", "exp", "sub"] {
        all.push((format!("no {name}"), keys.ec.token(&without(&good, name))));
    }
    all
}

/// The right claims, with a header or a signature that a confused verifier would accept.
fn wrong_signatures(issuer: &Issuer, keys: &Keys) -> Vec<(String, String)> {
    let good = claims(issuer);
    let mut all = Vec::new();
    let mut add = |name: String, token: String| all.push((name, token));
    for key in [&keys.rsa, &keys.ec, &keys.ed] {
        let (header, its) = (key.header(), key.algorithm());
        // HS256 with what everybody knows of the key.
        let jwk = key.jwk();
        let secrets = [key.public(), STANDARD.encode(key.public()).into_bytes(), jwk.to_string().into_bytes(), Vec::new()];
        for (number, secret) in secrets.iter().enumerate() {
            let hs256 = with(&header, "alg", json!("HS256"));
            add(format!("{its}: HS256 with the public key, {number}"), sealed(secret, &hs256, &good));
            add(format!("{its}: its own name with an HMAC, {number}"), sealed(secret, &header, &good));
        }
        for alg in ["none", "None", "HS256", "RS384", "PS256", "ES384", "ES256K", "EdDSA ", "rs256", ""] {
            let text = format!("{}.{}", encode(&with(&header, "alg", json!(alg))), encode(&good));
            add(format!("{its}: {alg:?}, no signature"), format!("{text}."));
            add(format!("{its}: {alg:?}, real signature"), key.sign(&with(&header, "alg", json!(alg)), &good));
        }
        add(format!("{its}: no signature"), format!("{}.{}.", encode(&header), encode(&good)));
        // A buyer's signature under an operator's claims.
        let buyer = key.token(&issuer.claims("mallory"));
        let parts: Vec<&str> = buyer.split('.').collect();
        add(format!("{its}: other claims"), format!("{}.{}.{}", parts[0], encode(&good), parts[2]));
        // The name of another key, of another kind, with either's algorithm.
        for other in [&keys.rsa, &keys.ec, &keys.ed].into_iter().filter(|other| other.id != key.id) {
            let swapped = with(&header, "kid", json!(other.id));
            add(format!("{its}: kid of {}", other.algorithm()), key.sign(&swapped, &good));
            let both = with(&swapped, "alg", json!(other.algorithm()));
            add(format!("{its}: kid and alg of {}", other.algorithm()), key.sign(&both, &good));
        }
        add(format!("{its}: no kid among several keys"), key.sign(&without(&header, "kid"), &good));
        add(format!("{its}: a kid that is no text"), key.sign(&with(&header, "kid", json!([key.id])), &good));
        add(format!("{its}: crit"), key.sign(&with(&header, "crit", json!(["exp"])), &good));
        add(format!("{its}: a logout token"), key.sign(&with(&header, "typ", json!("logout+jwt")), &good));
    }
    // A forger's keys, under the names of the provider's, or brought along.
    for forger in [SigningKey::rsa("rsa"), SigningKey::ec("ec"), SigningKey::ed("ed"), SigningKey::ec("forger")] {
        let (id, header) = (forger.id.clone(), forger.header());
        add(format!("a forger's {id}"), forger.token(&good));
        add(format!("a forger's {id} with jwk"), forger.sign(&with(&header, "jwk", forger.jwk()), &good));
        add(format!("a forger's {id} with jku"), forger.sign(&with(&header, "jku", json!("http://127.0.0.1:9/keys")), &good));
        add(format!("a forger's {id} as this server"), forger.token(&with(&good, "iss", json!("lastseat"))));
    }
    all
}

#[tokio::test]
async fn no_token_that_the_provider_did_not_make_for_this_server_is_accepted() {
    let keys = Keys { rsa: SigningKey::rsa("rsa"), ec: SigningKey::ec("ec"), ed: SigningKey::ed("ed") };
    let issuer = Issuer::start(&[&keys.rsa, &keys.ec, &keys.ed]).await;
    let server = TestServer::open_with(issuer.config()).await;
    server.put_on_sale(&show(GALA, 600, 20)).await;
    let cancel = async |token: &str| server.client.post("/v1/shows/gala/cancel").bearer(token).send().await;
    let forgeries = [wrong_claims(&issuer, &keys), wrong_signatures(&issuer, &keys)].concat();
    assert!(forgeries.len() >= 150, "{}", forgeries.len());
    let mut accepted = Vec::new();
    for (name, token) in forgeries {
        let status = cancel(&token).await.status;
        if status != 401 {
            accepted.push(format!("{name}: {status}"));
        }
    }
    assert_eq!(accepted, Vec::<String>::new());
    // The failing twin: the same claims, signed by the provider, are an admin's.
    let answer = cancel(&keys.rsa.token(&claims(&issuer))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    server.close().await;
}

/// Keys that are for something else, or too weak, are never used, though the provider publishes them.
#[tokio::test]
async fn a_key_is_used_for_its_own_algorithm_only() {
    let key = SigningKey::rsa("rsa");
    let jwk = key.jwk();
    let unusable = [
        with(&jwk, "use", json!("enc")),
        with(&jwk, "key_ops", json!(["encrypt"])),
        with(&jwk, "alg", json!("PS256")),
        with(&jwk, "alg", json!("RS512")),
        with(&jwk, "n", json!(&jwk["n"].as_str().unwrap()[..170])),
        json!({"kty": "oct", "kid": "rsa", "k": "c2VjcmV0", "alg": "HS256"}),
    ];
    let other = SigningKey::ec("other");
    for jwk in unusable {
        let issuer = Issuer::start(&[]).await;
        issuer.publish_as(vec![jwk.clone(), other.jwk()]);
        let server = TestServer::open_with(issuer.config()).await;
        let mine = async |token: &str| server.client.get("/v1/me/bookings").bearer(token).send().await.status;
        assert_eq!(mine(&other.token(&issuer.claims("anna"))).await, 200);
        assert_eq!(mine(&key.token(&issuer.claims("anna"))).await, 401, "{jwk}");
        let secret = with(&key.header(), "alg", json!("HS256"));
        assert_eq!(mine(&sealed(b"secret", &secret, &issuer.claims("anna"))).await, 401, "{jwk}");
        server.close().await;
    }
}

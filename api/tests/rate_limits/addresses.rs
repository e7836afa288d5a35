//! Limits on addresses: which one counts, and that a client can't choose it.

use super::node::{HOLD, Node, OFF, fields, limited, quota};
use http::StatusCode;
use lastseat::limits::{Proxies, ProxyHeader, Quotas};
use serde_json::json;

/// A server that allows three commands an hour from one address, and trusts these proxies.
async fn addresses(trusted: &str, header: ProxyHeader) -> Node {
    let trusted = trusted.split_whitespace().map(|network| network.parse().unwrap()).collect();
    let quotas = Quotas { address: quota("4/1h"), ..OFF };
    let node = limited(quotas, Proxies { trusted, header }, None).await;
    // The demo show was the first of this machine's four.
    node.guest(&[]).await;
    node
}

#[tokio::test]
async fn an_untrusted_peers_headers_change_nothing() {
    let node = addresses("10.0.0.0/8", ProxyHeader::XForwardedFor).await;
    for n in 0..8 {
        let (address, list) = (format!("for=203.0.113.{n}"), format!("203.0.113.{n}, 10.0.0.1"));
        let reply = node.guest(&[("x-forwarded-for", &list), ("forwarded", &address), ("x-real-ip", &list)]).await;
        if n < 2 {
            reply.is(409, "seat_unavailable");
        } else {
            reply.is(429, "rate_limited");
            assert_eq!(fields(&reply).0, "\"address\";q=4;w=3600");
        }
    }
    assert_eq!(node.metric("lastseat_rate_limited_total{policy=\"address\"}").await, 6);
    node.server.stop().await;
}

#[tokio::test]
async fn from_a_trusted_proxy_the_right_most_untrusted_address_counts() {
    let node = addresses("127.0.0.0/8 10.0.0.0/8", ProxyHeader::XForwardedFor).await;
    // One client, who sends another header each time, through two proxies.
    for n in 0..8 {
        let list = format!("198.51.100.{n}, 203.0.113.9, 10.0.0.7");
        let reply = node.guest(&[("x-forwarded-for", &list), ("forwarded", &format!("for=198.51.100.{n}"))]).await;
        assert_eq!(reply.status.as_u16(), if n < 4 { 409 } else { 429 }, "{n}");
    }
    // Another client, and one household with many addresses.
    node.guest(&[("x-forwarded-for", "203.0.113.10")]).await.is(409, "seat_unavailable");
    for n in 0..6 {
        let reply = node.guest(&[("x-forwarded-for", &format!("2001:db8:1:2::{n}"))]).await;
        assert_eq!(reply.status.as_u16(), if n < 4 { 409 } else { 429 }, "{n}");
    }
    node.guest(&[("x-forwarded-for", "2001:db8:1:3::1")]).await.is(409, "seat_unavailable");
    node.server.stop().await;
}

#[tokio::test]
async fn proxies_that_write_the_standard_header_are_understood() {
    let node = addresses("127.0.0.1", ProxyHeader::Forwarded).await;
    for n in 0..8 {
        let list = format!("for=198.51.100.{n}, for=\"203.0.113.9:{n}\";proto=https");
        let reply = node.guest(&[("forwarded", &list), ("x-forwarded-for", &format!("198.51.100.{n}"))]).await;
        assert_eq!(reply.status.as_u16(), if n < 4 { 409 } else { 429 }, "{n}");
    }
    node.server.stop().await;
}

#[tokio::test]
async fn address_and_caller_are_both_counted_and_both_reported() {
    let quotas = Quotas { caller: quota("2/1h"), address: quota("10/1h"), ..OFF };
    let node = limited(quotas, Proxies::default(), None).await;
    let anna = node.buyer("anna");
    let hold = |seat: &str| node.server.post(HOLD).bearer(&anna).json(json!({"seats": [seat]})).send();
    let first = hold("A-1").await;
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!(
        fields(&first),
        ("\"address\";q=10;w=3600, \"caller\";q=2;w=3600", "\"address\";r=8;t=360, \"caller\";r=1;t=1800")
    );
    hold("A-2").await;
    let limited = hold("A-3").await;
    limited.is(429, "rate_limited");
    assert_eq!(limited.text("policy"), "caller");
    node.server.stop().await;
}

use super::*;
use http::{HeaderValue, Request};

const PROXY: &str = "10.0.0.1";

fn proxies(trusted: &str, header: ProxyHeader) -> Proxies {
    Proxies { trusted: Network::list(trusted).unwrap(), header }
}

fn parts(peer: &str, headers: &[(&'static str, &str)]) -> Parts {
    let mut parts = Request::new(()).into_parts().0;
    parts.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
    for (name, value) in headers {
        parts.headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    parts
}

/// The client of a request, where 10.0.0.0/8 are proxies that write `X-Forwarded-For`.
fn x(peer: &str, sent: &[&str]) -> String {
    let headers: Vec<_> = sent.iter().map(|value| ("x-forwarded-for", *value)).collect();
    proxies("10.0.0.0/8, fd00::/8", ProxyHeader::XForwardedFor).client(&parts(peer, &headers)).to_string()
}

/// The same with proxies that write `Forwarded`.
fn f(peer: &str, sent: &str) -> String {
    proxies("10.0.0.0/8", ProxyHeader::Forwarded).client(&parts(peer, &[("forwarded", sent)])).to_string()
}

#[test]
fn a_peer_that_is_not_a_proxy_is_the_client_whatever_it_sends() {
    for sent in ["", "1.2.3.4", "10.0.0.1", "1.2.3.4, 10.0.0.1", "unknown"] {
        assert_eq!(x("203.0.113.9", &[sent]), "from:203.0.113.9");
        assert_eq!(f("203.0.113.9", &format!("for={sent}")), "from:203.0.113.9");
    }
    let nobody = Proxies::default().client(&parts("127.0.0.1", &[("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4")]));
    assert_eq!(nobody.to_string(), "from:127.0.0.1");
}

#[test]
fn from_a_proxy_the_right_most_address_that_is_no_proxy_counts() {
    assert_eq!(x(PROXY, &["203.0.113.9"]), "from:203.0.113.9");
    assert_eq!(x(PROXY, &["1.2.3.4, 203.0.113.9"]), "from:203.0.113.9");
    assert_eq!(x(PROXY, &["1.2.3.4, 203.0.113.9, 10.9.9.9"]), "from:203.0.113.9");
    assert_eq!(x(PROXY, &["1.2.3.4,203.0.113.9:50123 ,\t10.9.9.9"]), "from:203.0.113.9");
    // Each proxy may add a line of its own.
    assert_eq!(x(PROXY, &["1.2.3.4", "203.0.113.9", "10.9.9.9"]), "from:203.0.113.9");
    assert_eq!(x("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "from:203.0.113.9");
    assert_eq!(x("fd00::1", &["[2001:db8:1:2::3]:443"]), "from:2001:db8:1:2::/64");
}

#[test]
fn without_a_named_client_the_nearest_hop_is_the_client() {
    assert_eq!(x(PROXY, &[]), "from:10.0.0.1");
    assert_eq!(x(PROXY, &["1.2.3.4, unknown"]), "from:10.0.0.1");
    assert_eq!(x(PROXY, &["1.2.3.4, "]), "from:10.0.0.1");
    // A client among the proxies can't pass for another one.
    assert_eq!(x(PROXY, &["10.7.7.7, 10.3.3.3"]), "from:10.3.3.3");
    assert_eq!(x(PROXY, &["1.2.3.4, nonsense, 10.3.3.3"]), "from:10.3.3.3");
}

#[test]
fn the_forwarded_header_is_parsed_as_rfc_7239_says() {
    assert_eq!(f(PROXY, "for=203.0.113.9"), "from:203.0.113.9");
    assert_eq!(f(PROXY, "for=1.2.3.4, For=\"203.0.113.9:4711\";proto=https;by=10.0.0.1"), "from:203.0.113.9");
    assert_eq!(f(PROXY, "for=1.2.3.4, proto=https;for=\"[2001:db8:1:2::3]:47011\", for=10.2.2.2"), "from:2001:db8:1:2::/64");
    assert_eq!(f(PROXY, "for=1.2.3.4, for=_hidden"), "from:10.0.0.1");
    assert_eq!(f(PROXY, "for=1.2.3.4, by=10.0.0.1"), "from:10.0.0.1");
    // A quotation mark that a client leaves open does not swallow what the proxy wrote after it.
    assert_eq!(f(PROXY, "for=\"1.2.3.4, for=203.0.113.9"), "from:203.0.113.9");
}

#[test]
fn a_header_that_the_proxies_do_not_write_is_ignored() {
    let headers = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=1.2.3.4")];
    let parts = parts(PROXY, &headers);
    assert_eq!(proxies("10.0.0.0/8", ProxyHeader::XForwardedFor).client(&parts).to_string(), "from:203.0.113.9");
    assert_eq!(proxies("10.0.0.0/8", ProxyHeader::Forwarded).client(&parts).to_string(), "from:1.2.3.4");
}

#[test]
fn one_household_is_one_client_whatever_addresses_it_has() {
    assert_eq!(x("2001:db8:1:2::3", &[]), x("2001:db8:1:2:ffff:ffff:ffff:ffff", &[]));
    assert_ne!(x("2001:db8:1:2::3", &[]), x("2001:db8:1:3::3", &[]));
    assert_eq!(x("::ffff:203.0.113.9", &[]), x("203.0.113.9", &[]));
    assert_ne!(x("203.0.113.9", &[]), x("203.0.113.8", &[]));
}

/// Whether one client gets several names by what it sends through a proxy that appends its address.
fn can_be_forged(who: impl Fn(&str) -> String) -> bool {
    let real = who("203.0.113.9");
    ["1.2.3.4", "5.6.7.8, 9.9.9.9", "10.0.0.2", "unknown", "", "2001:db8::1"]
        .iter()
        .any(|forged| who(&format!("{forged}, 203.0.113.9")) != real)
}

#[test]
fn a_client_can_not_choose_its_address() {
    assert!(!can_be_forged(|sent| x(PROXY, &[sent])));
    assert!(!can_be_forged(|sent| f(PROXY, &sent.split(',').map(|hop| format!("for={hop}")).collect::<Vec<_>>().join(","))));
}

#[test]
fn trusting_the_left_most_address_is_caught() {
    // The broken twin: what most tutorials do.
    assert!(can_be_forged(|sent| sent.split(',').next().unwrap_or_default().trim().to_owned()));
}

#[test]
fn networks_are_parsed_and_displayed_alike() {
    for (text, inside, outside) in [
        ("10.0.0.0/8", "10.255.1.1", "11.0.0.1"),
        ("192.168.4.7/24", "192.168.4.1", "192.168.5.7"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("fd00::/8", "fdff::1", "fe00::1"),
        ("::1", "::1", "::2"),
        ("128.0.0.0/1", "200.1.1.1", "1.1.1.1"),
    ] {
        let network: Network = text.parse().unwrap();
        assert!(network.has(inside.parse().unwrap()) && !network.has(outside.parse().unwrap()), "{text}");
        assert_eq!(network.to_string().parse(), Ok(network));
    }
    for text in ["", "10.0.0.0/33", "10.0.0.0/0", "::/0", "fd00::/129", "10.0.0/8", "example.org", "10.0.0.0/", "10.0.0.0/-1"] {
        assert!(text.parse::<Network>().is_err(), "{text}");
    }
    assert_eq!(Network::list("").unwrap(), []);
    assert_eq!(Network::list(" 10.0.0.0/8 ,::1,").unwrap().len(), 2);
    assert!(Network::list("10.0.0.0/8 ::1").is_none());
}

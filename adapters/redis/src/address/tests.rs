use super::*;
use redis::ConnectionAddr;

fn single(url: &str) -> ConnectionInfo {
    match Address::parse(url).expect("a URL").servers {
        Servers::Single(info) => info,
        other => panic!("{url} is {other:?}"),
    }
}

#[test]
fn one_server_with_all_its_parts() {
    let info = single("redis://ann:s%40crt@host:7000/3");
    assert_eq!(info.addr(), &ConnectionAddr::Tcp("host".to_owned(), 7000));
    assert_eq!(info.redis_settings().username(), Some("ann"));
    assert_eq!(info.redis_settings().password(), Some("s@crt"));
    assert_eq!(info.redis_settings().db(), 3);
    assert!(info.tcp_settings().nodelay());
    for plain in ["redis://host", "redis://host/", " redis://host:6379/0 "] {
        let info = single(plain);
        assert_eq!(info.addr(), &ConnectionAddr::Tcp("host".to_owned(), 6379), "{plain}");
        assert_eq!((info.redis_settings().db(), info.redis_settings().username()), (0, None), "{plain}");
    }
    assert_eq!(single("redis://[::1]:7000").addr(), &ConnectionAddr::Tcp("::1".to_owned(), 7000));
    assert_eq!(single("redis://[::1]").addr(), &ConnectionAddr::Tcp("::1".to_owned(), 6379));
    let tls = single("rediss://:pw@host");
    assert!(matches!(tls.addr(), ConnectionAddr::TcpTls { insecure: false, port: 6379, .. }));
    assert_eq!(tls.redis_settings().password(), Some("pw"));
}

#[test]
fn sentinels_and_the_name_of_the_master() {
    let parsed = Address::parse("redis+sentinel://:pw@s1:26379,s2:26380,s3/the-master/2").unwrap();
    let Servers::Sentinel { sentinels, master, template } = parsed.servers else { panic!("{parsed:?}") };
    assert_eq!(master, "the-master");
    let addresses: Vec<_> = sentinels.iter().map(|s| s.addr().to_string()).collect();
    assert_eq!(addresses, ["s1:26379", "s2:26380", "s3:26379"]);
    assert!(sentinels.iter().all(|s| s.redis_settings().password().is_none()), "the password is the master's");
    assert_eq!((template.redis_settings().password(), template.redis_settings().db()), (Some("pw"), 2));
}

#[test]
fn a_cluster_by_some_of_its_nodes() {
    let parsed = Address::parse("rediss+cluster://ann:pw@h1:7001,h2:7002").unwrap();
    assert_eq!(parsed.display, "rediss+cluster://ann@h1:7001,h2:7002");
    let Servers::Cluster(nodes) = parsed.servers else { panic!("{parsed:?}") };
    assert_eq!(nodes.len(), 2);
    assert!(nodes.iter().all(|n| n.redis_settings().password() == Some("pw")));
    assert!(nodes.iter().all(|n| matches!(n.addr(), ConnectionAddr::TcpTls { .. })));
}

#[test]
fn people_see_no_password() {
    for (url, shown) in [
        ("redis://:s3cret@host:1/2", "redis://host:1/2"),
        ("redis://ann:s3cret@host", "redis://ann@host"),
        ("redis+sentinel://ann:s3cret@a,b/m", "redis+sentinel://ann@a,b/m"),
    ] {
        assert_eq!(Address::parse(url).unwrap().display, shown);
    }
    for broken in ["redis://:s3cret@", "redis://:s3cret@host:port", "redis://u:s3cret@a,b", "redis+cluster://u:s3cret@a/7"] {
        let error = Address::parse(broken).unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn what_is_no_address_is_told_so() {
    for broken in [
        "",
        "host:6379",
        "http://host",
        "redis://",
        "redis+://host",
        "redis+sentinels://host/m",
        "redis://host/name",
        "redis://host/1/2",
        "redis://a,b",
        "redis://host?protocol=resp3",
        "rediss://host#insecure",
        "redis+sentinel://host",
        "redis+sentinel://host/",
        "redis+sentinel://host/m/x",
        "redis+cluster://a,,b",
        "redis+cluster://a/1",
        "redis://0.0.0.0",
    ] {
        assert!(Address::parse(broken).is_err(), "{broken}");
    }
}

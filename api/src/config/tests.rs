use super::*;

fn layered(flags: &Flags, environment: &[(&str, &str)], file: Option<&str>) -> Result<Effective, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("some.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    let environment = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
    Effective::of(&Layers { flags, environment: &environment, file: None, default_file: &path })
}

fn error(flags: &Flags, environment: &[(&str, &str)], file: Option<&str>) -> String {
    let error = layered(flags, environment, file).unwrap_err().to_string();
    assert!(!error.contains('\n'), "one line: {error}");
    error
}

#[test]
fn without_anything_the_defaults_hold() {
    let effective = layered(&Flags::default(), &[], None).unwrap();
    assert_eq!(effective.config, Config::default());
    assert!(effective.sources.values().all(|source| *source == Source::Default));
    assert_eq!(effective.sources.len(), SETTINGS.len());
}

#[test]
fn flag_over_environment_over_file_over_default() {
    let file = "listen = \"127.0.0.1:1\"\nmax_in_flight = 1\nhold_seconds = 1\nguests = false\n";
    let environment = [("LASTSEAT_LISTEN", "127.0.0.1:2"), ("LASTSEAT_MAX_IN_FLIGHT", "2")];
    let flags = Flags { listen: Some("127.0.0.1:3".into()), ..Flags::default() };
    let effective = layered(&flags, &environment, Some(file)).unwrap();
    assert_eq!(effective.config.listen.port(), 3);
    assert_eq!(effective.config.max_in_flight, 2);
    assert_eq!(effective.config.hold.as_secs(), 1);
    assert!(!effective.config.guests);
    assert_eq!(effective.config.settle.as_secs(), 10);
    assert_eq!(effective.sources["listen"].to_string(), "flag --listen");
    assert_eq!(effective.sources["max_in_flight"].to_string(), "environment LASTSEAT_MAX_IN_FLIGHT");
    assert!(matches!(effective.sources["hold_seconds"], Source::File(_)));
    assert_eq!(effective.sources["settle_seconds"], Source::Default);
}

#[test]
fn every_setting_has_a_flag_and_shows_what_it_reads() {
    for setting in SETTINGS {
        let shown = (setting.show)(&Config::default());
        let mut config = Config::default();
        if !shown.is_empty() {
            assert!((setting.read)(&shown, &mut config).is_some(), "{} can't read {shown:?}", setting.key);
        }
        assert_eq!(config, Config::default(), "{}", setting.key);
        let flags = Flags {
            data: Some("x".into()),
            eventstore: Some("x".into()),
            listen: Some("x".into()),
            redis: Some("x".into()),
            redis_timeout_ms: Some("x".into()),
            eventstore_listen: Some("x".into()),
            eventstore_listen_write: Some("x".into()),
            eventstore_listen_token: Some("x".into()),
            eventstore_listen_write_token: Some("x".into()),
            eventstore_listen_certificate: Some("x".into()),
            eventstore_listen_key: Some("x".into()),
            eventstore_advertise: Some("x".into()),
            sandbox: Some("x".into()),
            sandbox_listen: Some("x".into()),
            sandbox_listen_anywhere: Some("x".into()),
            token_key: Some("x".into()),
            guests: Some("x".into()),
            demo: Some("x".into()),
            max_in_flight: Some("x".into()),
            hold_seconds: Some("x".into()),
            passivate_seconds: Some("x".into()),
            settle_seconds: Some("x".into()),
            payment_patience_seconds: Some("x".into()),
            drain_seconds: Some("x".into()),
            rate_limit_caller: Some("x".into()),
            rate_limit_address: Some("x".into()),
            rate_limit_reads: Some("x".into()),
            rate_limit_streams: Some("x".into()),
            trusted_proxies: Some("x".into()),
            proxy_header: Some("x".into()),
            public_url: Some("x".into()),
            log_level: Some("x".into()),
            log_format: Some("x".into()),
        };
        assert_eq!(flags.get(setting.key), Some("x"), "{}", setting.key);
    }
}

#[test]
fn a_wrong_value_is_one_line_that_names_setting_source_and_rule() {
    let flags = Flags { listen: Some("8080".into()), ..Flags::default() };
    assert_eq!(
        error(&flags, &[], None),
        "listen is \"8080\" (from flag --listen), but must be an IP address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080"
    );
    assert_eq!(
        error(&Flags::default(), &[("LASTSEAT_MAX_IN_FLIGHT", "0")], None),
        "max_in_flight is \"0\" (from environment LASTSEAT_MAX_IN_FLIGHT), but must be a whole number from 1 to 1000000"
    );
    let line = error(&Flags::default(), &[], Some("hold_seconds = -5"));
    assert!(line.starts_with("hold_seconds is \"-5\" (from file ") && line.ends_with("from 1 to 86400"), "{line}");
    for (key, value) in [
        ("LASTSEAT_GUESTS", "maybe"),
        ("LASTSEAT_LOG_LEVEL", "loud"),
        ("LASTSEAT_LOG_FORMAT", "xml"),
        ("LASTSEAT_PUBLIC_URL", "ftp://x"),
        ("LASTSEAT_RATE_LIMIT_CALLER", "60"),
        ("LASTSEAT_RATE_LIMIT_ADDRESS", "0/1s"),
        ("LASTSEAT_RATE_LIMIT_READS", "no"),
        ("LASTSEAT_RATE_LIMIT_STREAMS", "5/1d"),
        ("LASTSEAT_TRUSTED_PROXIES", "everybody"),
        ("LASTSEAT_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("LASTSEAT_PROXY_HEADER", "x-real-ip"),
        ("LASTSEAT_DRAIN_SECONDS", "1e9"),
        ("LASTSEAT_LISTEN", "example.org:80"),
        ("LASTSEAT_EVENTSTORE", "http://127.0.0.1:2113"),
        ("LASTSEAT_EVENTSTORE_LISTEN", "2113"),
        ("LASTSEAT_EVENTSTORE_LISTEN_TOKEN", "short"),
        ("LASTSEAT_EVENTSTORE_ADVERTISE", "log.example.org"),
        ("LASTSEAT_REDIS", "127.0.0.1:6379"),
        ("LASTSEAT_SANDBOX", "127.0.0.1:2114"),
    ] {
        assert!(error(&Flags::default(), &[(key, value)], None).contains(key));
    }
    for key in ["LASTSEAT_REDIS", "LASTSEAT_EVENTSTORE"] {
        let line = error(&Flags::default(), &[(key, "http://ann:s3cret@host")], None);
        assert!(!line.contains("s3cret"), "{line}");
    }
}

#[test]
fn a_wrong_file_is_one_line_too() {
    let unknown = error(&Flags::default(), &[], Some("listn = \"127.0.0.1:1\""));
    assert!(unknown.contains("sets \"listn\", which is no setting; the settings are listen, data, eventstore"), "{unknown}");
    let broken = error(&Flags::default(), &[], Some("guests = true\nlisten = \n"));
    assert!(broken.contains("can't be read: line 2: "), "{broken}");
    let named = Layers {
        flags: &Flags::default(),
        environment: &|_| None,
        file: Some(Path::new("/nowhere/at/all.toml")),
        default_file: Path::new("unused"),
    };
    let missing = Effective::of(&named).unwrap_err().to_string();
    assert!(missing.starts_with("the configuration file /nowhere/at/all.toml can't be read: "), "{missing}");
}

#[test]
fn an_empty_variable_is_not_set() {
    let effective = layered(&Flags::default(), &[("LASTSEAT_LISTEN", "")], None).unwrap();
    assert_eq!(effective.sources["listen"], Source::Default);
}

#[test]
fn friendly_spellings() {
    let environment = [
        ("LASTSEAT_LISTEN", "localhost:9"),
        ("LASTSEAT_DEMO", "off"),
        ("LASTSEAT_PUBLIC_URL", "https://a.example/"),
        ("LASTSEAT_RATE_LIMIT_CALLER", "off"),
        ("LASTSEAT_RATE_LIMIT_ADDRESS", "300/60s"),
        ("LASTSEAT_TRUSTED_PROXIES", "10.0.0.0/8,::1"),
        ("LASTSEAT_PROXY_HEADER", "Forwarded"),
    ];
    let config = layered(&Flags::default(), &environment, None).unwrap().config;
    assert_eq!(config.listen.to_string(), "127.0.0.1:9");
    assert!(!config.demo);
    assert_eq!(config.public_url.as_deref(), Some("https://a.example"));
    assert_eq!((config.quotas.caller, config.quotas.address), (None, "300/1m".parse().ok()));
    assert_eq!(config.proxies.trusted, ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
    assert_eq!(config.proxies.header, crate::limits::ProxyHeader::Forwarded);
}

#[test]
fn every_setting_is_in_the_operators_table() {
    let table = include_str!("../../../docs/OPERATIONS.md");
    for setting in SETTINGS {
        let shown = (setting.show)(&Config::default());
        let name = format!("`{}`", setting.key);
        let line = table.lines().find(|line| line.split('|').nth(1).is_some_and(|cell| cell.contains(&name)));
        let line = line.unwrap_or_else(|| panic!("{name} is not in docs/OPERATIONS.md"));
        assert!(shown.is_empty() || line.contains(&shown), "{name} is {shown} by default, but documented as {line}");
    }
}

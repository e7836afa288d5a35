use super::*;
use clap::{Args, Command, FromArgMatches};
use std::path::Path;

fn flags(line: &str) -> SettingFlags {
    let matches = Flags::augment_args(Command::new("serve").no_binary_name(true)).get_matches_from(line.split_whitespace());
    Flags::from_arg_matches(&matches).unwrap().0
}

fn layered(flags: &SettingFlags, environment: &[(&str, &str)], file: Option<&str>) -> Result<Effective, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("some.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    let environment = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
    Effective::of(&Layers { flags, environment: &environment, file: None, default_file: &path })
}

fn error(flags: &SettingFlags, environment: &[(&str, &str)], file: Option<&str>) -> String {
    let error = layered(flags, environment, file).unwrap_err().to_string();
    assert!(!error.contains('\n'), "one line: {error}");
    error
}

#[test]
fn without_anything_the_defaults_hold() {
    let effective = layered(&SettingFlags::default(), &[], None).unwrap();
    assert_eq!(effective.config, Config::default());
    assert!(effective.sources.values().all(|source| *source == Source::Default));
    assert_eq!(effective.sources.len(), SETTINGS.len());
}

#[test]
fn flag_over_environment_over_file_over_default() {
    let file = "listen = \"127.0.0.1:1\"\nmax_in_flight = 1\nhold_seconds = 1\nguests = false\n";
    let environment = [("LASTSEAT_LISTEN", "127.0.0.1:2"), ("LASTSEAT_MAX_IN_FLIGHT", "2")];
    let flags = flags("--listen 127.0.0.1:3");
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
fn every_setting_shows_what_it_reads() {
    for setting in SETTINGS {
        let shown = (setting.show)(&Config::default());
        let mut config = Config::default();
        if !shown.is_empty() {
            assert!((setting.read)(&shown, &mut config).is_some(), "{} can't read {shown:?}", setting.key);
        }
        assert_eq!(config, Config::default(), "{}", setting.key);
    }
}

#[test]
fn a_wrong_value_is_one_line_that_names_setting_source_and_rule() {
    let flags = flags("--listen 8080");
    assert_eq!(
        error(&flags, &[], None),
        "listen is \"8080\" (from flag --listen), but must be an IP address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080"
    );
    assert_eq!(
        error(&SettingFlags::default(), &[("LASTSEAT_MAX_IN_FLIGHT", "0")], None),
        "max_in_flight is \"0\" (from environment LASTSEAT_MAX_IN_FLIGHT), but must be a whole number from 1 to 1000000"
    );
    let line = error(&SettingFlags::default(), &[], Some("hold_seconds = -5"));
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
        ("LASTSEAT_PAYMENTS", "stripe"),
        ("LASTSEAT_LOG_LEVEL", "info,"),
        ("LASTSEAT_LOG_LEVEL", "info, lastseat=debug"),
        ("LASTSEAT_LOG_LEVEL", "info,lastseat[request]=debug"),
        ("LASTSEAT_STRIPE_KEY", "pk_test_1"),
        ("LASTSEAT_STRIPE_KEY", "sk_test_"),
        ("LASTSEAT_STRIPE_KEY", "sk_other_1"),
        ("LASTSEAT_STRIPE_PUBLISHABLE_KEY", "sk_test_1"),
        ("LASTSEAT_STRIPE_WEBHOOK_SECRET", "whsec_1,"),
        ("LASTSEAT_STRIPE_WEBHOOK_SECRET", "secret"),
        ("LASTSEAT_STRIPE_URL", "127.0.0.1:12111"),
        ("LASTSEAT_STRIPE_RATE_SHARE", "0"),
        ("LASTSEAT_STRIPE_RATE_SHARE", "1.5"),
        ("LASTSEAT_STRIPE_URL", "http://127.0.0.1:12111/v1"),
        ("LASTSEAT_PAYMENTS_SWEEP_SECONDS", "0"),
        ("LASTSEAT_CORS_ORIGIN", "*"),
        ("LASTSEAT_OIDC_ISSUER", "http://login.example.org"),
        ("LASTSEAT_OIDC_ISSUER", "https://login.example.org/?tenant=shop"),
        ("LASTSEAT_OIDC_AUDIENCE", " "),
        ("LASTSEAT_OIDC_ROLE_CLAIM", " "),
        ("LASTSEAT_OIDC_ROLE", "boss=shop-managers"),
        ("LASTSEAT_CORS_ORIGIN", "https://shop.example.org/"),
    ] {
        assert!(error(&SettingFlags::default(), &[(key, value)], None).contains(key));
    }
    for key in ["LASTSEAT_REDIS", "LASTSEAT_EVENTSTORE"] {
        let line = error(&SettingFlags::default(), &[(key, "http://ann:s3cret@host")], None);
        assert!(!line.contains("s3cret"), "{line}");
    }
}

/// The keys of Stripe, and every setting in effect with them, as `config show`, an error and a log line would have it.
#[test]
fn keys_and_secrets_are_never_shown() {
    let environment = [
        ("LASTSEAT_STRIPE_KEY", "sk_test_s3cret"),
        ("LASTSEAT_STRIPE_WEBHOOK_SECRET", "whsec_s3cret1, whsec_s3cret2"),
        ("LASTSEAT_STRIPE_URL", "http://127.0.0.1:12111/"),
        ("LASTSEAT_STRIPE_PUBLISHABLE_KEY", "pk_test_1"),
    ];
    let config = layered(&SettingFlags::default(), &environment, None).unwrap().config;
    assert_eq!(config.stripe_key.as_ref().map(lastseat_domain::Secret::expose), Some("sk_test_s3cret"));
    assert_eq!(config.stripe_webhook_secret.len(), 2);
    let shown: String = SETTINGS.iter().map(|setting| format!("{} ", (setting.show)(&config))).collect();
    assert!(shown.contains("(secret) http://127.0.0.1:12111 pk_test_1 (2 secret)"), "{shown}");
    assert!(!shown.contains("s3cret") && !format!("{config:?}").contains("s3cret"), "{shown}");
    for (key, wrong) in [("LASTSEAT_STRIPE_KEY", "sk_prod_s3cret"), ("LASTSEAT_STRIPE_PUBLISHABLE_KEY", "sk_live_s3cret")] {
        let line = error(&SettingFlags::default(), &[(key, wrong)], None);
        assert!(!line.contains("s3cret"), "{line}");
    }
}

#[test]
fn a_list_is_repeated_flags_commas_or_a_list_of_the_file() {
    let expected = ["whsec_1", "whsec_2"];
    let by_flags = layered(&flags("--stripe-webhook-secret whsec_1 --stripe-webhook-secret whsec_2"), &[], None).unwrap();
    let by_file = layered(&SettingFlags::default(), &[], Some(r#"stripe_webhook_secret = ["whsec_1", "whsec_2"]"#)).unwrap();
    for effective in [by_flags, by_file] {
        let secrets: Vec<_> = effective.config.stripe_webhook_secret.iter().map(lastseat_domain::Secret::expose).collect();
        assert_eq!(secrets, expected);
    }
    assert!(error(&SettingFlags::default(), &[], Some("listen = [\"127.0.0.1:1\", \"a\"]")).contains("listen is"));
    assert!(error(&SettingFlags::default(), &[], Some("stripe_webhook_secret = [1]")).contains("(not shown)"));
}

#[test]
fn a_wrong_file_is_one_line_too() {
    let unknown = error(&SettingFlags::default(), &[], Some("listn = \"127.0.0.1:1\""));
    assert!(unknown.contains("sets \"listn\", which is no setting; the settings are listen, data, eventstore"), "{unknown}");
    let broken = error(&SettingFlags::default(), &[], Some("guests = true\nlisten = \n"));
    assert!(broken.contains("can't be read: line 2: "), "{broken}");
    let named = Layers {
        flags: &SettingFlags::default(),
        environment: &|_| None,
        file: Some(Path::new("/nowhere/at/all.toml")),
        default_file: Path::new("unused"),
    };
    let missing = Effective::of(&named).unwrap_err().to_string();
    assert!(missing.starts_with("the configuration file /nowhere/at/all.toml can't be read: "), "{missing}");
}

#[test]
fn an_empty_variable_is_not_set() {
    let effective = layered(&SettingFlags::default(), &[("LASTSEAT_LISTEN", "")], None).unwrap();
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
    let config = layered(&SettingFlags::default(), &environment, None).unwrap().config;
    assert_eq!(config.listen.to_string(), "127.0.0.1:9");
    assert!(!config.demo);
    assert_eq!(config.public_url.as_deref(), Some("https://a.example"));
    assert_eq!((config.rate_limit_caller, config.rate_limit_address), (None, "300/1m".parse().ok()));
    assert_eq!(config.trusted_proxies, ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
    assert_eq!(config.proxy_header, crate::limits::ProxyHeader::Forwarded);
}

#[test]
fn every_setting_has_a_flag() {
    for setting in SETTINGS {
        let command = if setting.is_common { CommonFlags::augment_args } else { Flags::augment_args };
        let command = command(Command::new("serve"));
        let arg = command.get_arguments().find(|arg| arg.get_id() == setting.key).unwrap();
        assert_eq!(format!("--{}", arg.get_long().unwrap()), setting.flag());
    }
    assert_eq!(flags("--guests").get("guests"), Some("true"), "a switch without a value is on");
    assert_eq!(flags("--max-in-flight 7").get("max_in_flight"), Some("7"));
}

/// `just settings-table` writes the table.
#[test]
fn the_operators_table_is_the_declaration() {
    const BEGIN: &str = "<!-- settings: written by `just settings-table` -->\n";
    const END: &str = "<!-- end of settings -->\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATIONS.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let declared = settings::markdown();
    if std::env::var_os("LASTSEAT_WRITE_DOCS").is_some() {
        std::fs::write(&file, format!("{before}{BEGIN}{declared}{END}{after}")).unwrap();
    } else {
        assert_eq!(table, declared, "run `just settings-table`");
    }
}

//! Settings, through the real environment and working directory.

use crate::binary::{Place, Run};

fn shown(run: &Run, setting: &str) -> (String, String) {
    let all = run.json();
    let line = all.as_array().unwrap().iter().find(|line| line["setting"] == setting).unwrap();
    (line["value"].as_str().unwrap().to_owned(), line["source"].as_str().unwrap().to_owned())
}

#[test]
fn flag_over_environment_over_file_over_default() {
    let place = Place::new();
    std::fs::write(place.path().join("lastseat.toml"), "max_in_flight = 1\nsettle_seconds = 1\nguests = false\n").unwrap();
    let mut command = place.command(&["config", "show", "--json", "--max-in-flight", "3"]);
    let run = Run::of(command.env("LASTSEAT_MAX_IN_FLIGHT", "2").env("LASTSEAT_SETTLE_SECONDS", "2"));
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(shown(&run, "max_in_flight"), ("3".into(), "flag --max-in-flight".into()));
    assert_eq!(shown(&run, "settle_seconds"), ("2".into(), "environment LASTSEAT_SETTLE_SECONDS".into()));
    assert_eq!(shown(&run, "guests"), ("false".into(), "file lastseat.toml".into()));
    assert_eq!(shown(&run, "listen"), ("127.0.0.1:8080".into(), "default".into()));
}

#[test]
fn for_people() {
    insta::assert_snapshot!(Place::new().run(&["config", "show", "--data", "elsewhere", "--demo", "off"]).out);
}

#[test]
fn a_wrong_setting_is_one_line_whatever_the_verb() {
    let place = Place::new();
    for verb in [&["serve"][..], &[], &["verify"], &["config", "show"], &["token", "--sub", "ann", "--role", "buyer"]] {
        let mut command = place.command(verb);
        let run = Run::of(command.env("LASTSEAT_LISTEN", "everywhere"));
        assert_eq!(
            run.one_line(2),
            "listen is \"everywhere\" (from environment LASTSEAT_LISTEN), but must be an IP address and a port, \
             such as 127.0.0.1:8080 or 0.0.0.0:8080"
        );
    }
    std::fs::write(place.path().join("lastseat.toml"), "lsten = 1").unwrap();
    assert!(place.run(&["verify"]).one_line(2).starts_with("lastseat.toml sets \"lsten\", which is no setting; "));
    let line = place.run(&["verify", "--config", "other.toml"]).err;
    assert!(line.starts_with("lastseat: the configuration file other.toml can't be read: "), "{line}");
}

#[test]
fn settings_of_stripe_that_do_not_fit_together_are_refused_at_the_start() {
    let place = Place::new();
    for (environment, part) in [
        (&[("LASTSEAT_STRIPE_KEY", "pk_live_S3cret")][..], "(pk_… is the publishable key)"),
        (&[("LASTSEAT_STRIPE_KEY", "sk_live_S3cret"), ("LASTSEAT_STRIPE_URL", "http://127.0.0.1:12111")], "use a test key"),
        (&[("LASTSEAT_STRIPE_KEY", "sk_live_S3cret"), ("LASTSEAT_STRIPE_PUBLISHABLE_KEY", "pk_test_1")], "the same mode"),
        (&[("LASTSEAT_STRIPE_PUBLISHABLE_KEY", "pk_test_1")], "stripe_key is not"),
        (&[("LASTSEAT_STRIPE_WEBHOOK_SECRET", "whsec_S3cret")], "stripe_key is not"),
        (&[("LASTSEAT_PAYMENTS", "stripe-live")], "payments is stripe-live, but stripe_key is not set"),
        (&[("LASTSEAT_PAYMENTS", "sandbox"), ("LASTSEAT_STRIPE_KEY", "sk_live_S3cret")], "stripe_key is a live key"),
        (&[("LASTSEAT_PUBLIC_URL", "https://tickets.example.org")], "Set payments to stripe-live"),
    ] {
        let run = Run::of(place.command(&["serve", "--listen", "127.0.0.1:0"]).envs(environment.iter().copied()));
        let line = run.one_line(2);
        assert!(line.contains(part) && !line.contains("S3cret"), "{line}");
    }
    assert!(!place.path().join("lastseat-data").exists(), "refused before anything is made");
}

#[test]
fn keys_of_stripe_are_not_in_what_config_shows() {
    let environment = [
        ("LASTSEAT_STRIPE_KEY", "sk_live_S3cret"),
        ("LASTSEAT_STRIPE_PUBLISHABLE_KEY", "pk_live_public"),
        ("LASTSEAT_STRIPE_WEBHOOK_SECRET", "whsec_S3cret1,whsec_S3cret2"),
    ];
    for arguments in [&["config", "show"][..], &["config", "show", "--json"]] {
        let run = Run::of(Place::new().command(arguments).envs(environment));
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.out.contains("pk_live_public") && run.out.contains("(2 secret)"), "{run:?}");
        assert!(!run.out.contains("S3cret") && !run.err.contains("S3cret"), "{run:?}");
    }
}

//! The first thing that a new user reads: what this is, where to look, what to type.

use super::terminal::Paint;
use crate::config::Config;
use crate::config::stripe::KeyMode;
use crate::demo;

/// What the banner says.
pub struct Banner<'a> {
    /// What was typed to start this: what to type for its other verbs.
    pub program: &'a str,
    /// Where the server can be reached.
    pub url: &'a str,
    /// What was chosen: where the data lies, who may hold, which services are used.
    pub config: &'a Config,
    /// Whether the demo show is on sale, and its first free seat.
    pub demo: Option<&'a str>,
    /// What clients connect to for the event log of this process.
    pub eventstore_server: Option<&'a str>,
    /// Events found in the log.
    pub events: u64,
}

impl Banner<'_> {
    /// The whole text.
    #[must_use]
    pub fn text(&self, paint: Paint) -> String {
        let url = self.url;
        let mut lines = vec![String::new()];
        let name = paint.bold(&format!("lastseat {}", env!("CARGO_PKG_VERSION")));
        lines.push(format!("  {name}   Thousands want the last seat. One gets it, provably."));
        lines.push(String::new());
        lines.push(format!("  Seat map   {}", paint.link(&format!("{url}/"))));
        lines.push(format!("  API        {}", paint.link(&format!("{url}/docs"))));
        if self.demo.is_some() {
            lines.push(format!("  Live feed  {}", paint.link(&format!("{url}/v1/shows/{}/seats/stream", demo::SHOW))));
        }
        self.services(paint, &mut lines);
        if let Some(seat) = self.demo.filter(|_| self.config.guests && self.mode() != Some(KeyMode::Live)) {
            self.try_it(paint, seat, &mut lines);
        }
        lines.push(String::new());
        let data = self.place();
        let (program, elsewhere) = (self.program, self.elsewhere());
        lines.push(format!("  {}", paint.bold("Send 500 buyers for one seat, then prove that it was not sold twice")));
        lines.push(format!("    {program} load{elsewhere}{data}"));
        lines.push(format!("    {program} verify{data}"));
        lines.push(String::new());
        lines.push(format!("  {}", paint.dim("Stop with Ctrl-C.")));
        lines.push(String::new());
        lines.join("\n")
    }

    /// Where everything is kept that outlives the process, and what else there is.
    fn services(&self, paint: Paint, lines: &mut Vec<String>) {
        let history = match self.events {
            0 => "a new log".to_owned(),
            events => super::terminal::count(events, "event so far", "events so far"),
        };
        match &self.config.eventstore {
            None => lines.push(format!("  Data       {}  {}", self.config.data.display(), paint.dim(&format!("({history})")))),
            Some(url) => lines.push(format!("  Event log  {url}")),
        }
        if let Some(redis) = &self.config.redis {
            lines.push(format!("  Seat guard {redis}"));
        }
        lines.push(format!("  Payments   {}", self.payments(paint)));
        lines.extend(self.mail(paint).map(|mail| format!("  Mail       {mail}")));
        let may = if self.config.eventstore_listen_write { "nodes may append" } else { "for reading" };
        if let Some(url) = self.eventstore_server {
            lines.push(format!("  Event log  {}  {}", paint.link(url), paint.dim(&format!("({may})"))));
        }
    }

    /// Where mails to people with accounts go, if there may be any.
    fn mail(&self, paint: Paint) -> Option<String> {
        let Config { smtp_url, data, eventstore, accounts, .. } = self.config;
        if eventstore.is_some() || *accounts == Some(false) {
            return None;
        }
        Some(match smtp_url {
            Some(url) => url.to_string(),
            None => format!("{}  {}", data.join("mail").display(), paint.yellow("files: nobody receives them")),
        })
    }

    /// Where the money goes.
    fn payments(&self, paint: Paint) -> String {
        let at =
            self.config.stripe_url.as_ref().map(|url| format!("  {}", paint.dim(&format!("(at {url})")))).unwrap_or_default();
        match self.mode() {
            Some(KeyMode::Live) => format!("Stripe  {}", paint.red("LIVE: real money")),
            Some(KeyMode::Test) => format!("Stripe  {}{at}", paint.yellow("test mode: no real money")),
            None => paint.yellow("sandbox: not for production money"),
        }
    }

    /// The mode of Stripe's key, if there is one.
    fn mode(&self) -> Option<KeyMode> {
        self.config.stripe_key.as_ref().map(|key| KeyMode::of(key.expose()))
    }

    /// How other verbs find the same log.
    fn place(&self) -> String {
        let data = match self.config.data.to_str() {
            Some("./lastseat-data") | None => String::new(),
            Some(data) => format!(" --data {data}"),
        };
        // Without its password: that one is in the environment, or known to the reader.
        let eventstore = self.config.eventstore.as_ref().map(|url| format!(" --eventstore '{url}'")).unwrap_or_default();
        let key = self.config.token_key.as_ref().map(|key| format!(" --token-key {}", key.display())).unwrap_or_default();
        format!("{data}{eventstore}{key}")
    }

    fn try_it(&self, paint: Paint, seat: &str, lines: &mut Vec<String>) {
        let (url, show) = (self.url, demo::SHOW);
        let json = "-H 'content-type: application/json'";
        let mut step = |what: &str, commands: &[String]| {
            lines.push(String::new());
            lines.push(format!("  {}", paint.bold(what)));
            lines.extend(commands.iter().map(|command| format!("    {command}")));
        };
        step("Watch seats change", &[format!("curl -N {url}/v1/shows/{show}/seats/stream")]);
        step(
            "Hold a seat",
            &[format!("hold=$(curl -s {url}/v1/shows/{show}/bookings {json} -d '{{\"seats\":[\"{seat}\"]}}'); echo \"$hold\"")],
        );
        step(
            "Pay for it",
            &[
                "id=$(echo \"$hold\" | sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/'); \
                 token=$(echo \"$hold\" | sed 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/')"
                    .to_owned(),
                format!(
                    "curl -s {url}/v1/bookings/$id/payment {json} -H \"authorization: Bearer $token\" -d '{{\"payment_method\":\"pm_card_visa\"}}'"
                ),
            ],
        );
    }

    fn elsewhere(&self) -> String {
        if self.url == "http://127.0.0.1:8080" { String::new() } else { format!(" --url {}", self.url) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::service_url::ServiceUrl;

    fn banner(url: &str, data: &str, demo: Option<&str>) -> String {
        let config = Config { data: data.into(), ..Config::default() };
        Banner { program: "./lastseat", url, config: &config, demo, eventstore_server: None, events: 0 }.text(Paint::plain())
    }

    #[test]
    fn it_says_where_to_look_and_what_to_copy() {
        let text = banner("http://127.0.0.1:8080", "./lastseat-data", Some("A-1"));
        for part in [
            "http://127.0.0.1:8080/docs",
            "./lastseat-data",
            "not for production money",
            r#"-d '{"seats":["A-1"]}'"#,
            "pm_card_visa",
            "curl -N http://127.0.0.1:8080/v1/shows/demo/seats/stream",
            "    ./lastseat load\n",
            "Stop with Ctrl-C.",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn a_cluster_is_named_without_its_passwords() {
        let url = |text: &str| ServiceUrl::of(text, &["esdb://", "redis://"]);
        let config = Config {
            eventstore: url("esdb://ann:s3cret@db:2113"),
            redis: url("redis://:s3cret@cache"),
            token_key: Some("k".into()),
            ..Config::default()
        };
        let banner = Banner { program: "l", url: "http://a", config: &config, demo: None, eventstore_server: None, events: 9 };
        let text = banner.text(Paint::plain());
        assert!(
            text.contains("--eventstore 'esdb://ann:***@db:2113' --token-key k\n") && text.contains("redis://:***@cache"),
            "{text}"
        );
        assert!(!text.contains("s3cret"));
    }

    #[test]
    fn it_says_whether_real_money_moves_and_never_shows_the_key() {
        let text = |key: &str| {
            let stripe_url = ServiceUrl::of("http://127.0.0.1:12111", &["http://"]).filter(|_| key.contains("test"));
            let config = Config { stripe_key: lastseat_domain::Secret::new(key), stripe_url, ..Config::default() };
            let (demo, url) = (Some("A-1"), "http://a");
            Banner { program: "l", url, config: &config, demo, eventstore_server: None, events: 0 }.text(Paint::plain())
        };
        let (live, test) = (text("sk_live_S3cret"), text("sk_test_S3cret"));
        assert!(live.contains("Payments   Stripe  LIVE: real money\n") && !live.contains("pm_card_visa"), "{live}");
        assert!(test.contains("Payments   Stripe  test mode: no real money  (at http://127.0.0.1:12111)\n"), "{test}");
        assert!(test.contains("pm_card_visa") && !live.contains("S3cret") && !test.contains("S3cret"));
    }

    #[test]
    fn it_says_where_mails_go_and_never_shows_the_password() {
        let text = |config: &Config| {
            Banner { program: "l", url: "http://a", config, demo: None, eventstore_server: None, events: 0 }.text(Paint::plain())
        };
        let files = text(&Config { data: "d".into(), ..Config::default() });
        assert!(files.contains("Mail       d/mail  files: nobody receives them\n"), "{files}");
        let smtp_url = ServiceUrl::of("smtps://ann:s3cret@mail.example", &["smtps://"]);
        let server = text(&Config { smtp_url, ..Config::default() });
        assert!(server.contains("Mail       smtps://ann:***@mail.example\n") && !server.contains("s3cret"), "{server}");
        let none = text(&Config { accounts: Some(false), ..Config::default() });
        assert!(!none.contains("Mail"), "{none}");
    }

    #[test]
    fn servers_for_other_programs_are_named() {
        let config = Config::default();
        let banner = Banner {
            program: "l",
            url: "http://a",
            config: &config,
            demo: None,
            eventstore_server: Some("esdb://127.0.0.1:2113"),
            events: 0,
        };
        let text = banner.text(Paint::plain());
        assert!(text.contains("Event log  esdb://127.0.0.1:2113  (for reading)"), "{text}");
    }

    #[test]
    fn commands_name_the_place_if_it_is_not_the_usual_one() {
        let text = banner("http://127.0.0.1:9", "/tmp/x", None);
        assert!(text.contains("./lastseat load --url http://127.0.0.1:9 --data /tmp/x\n"), "{text}");
        assert!(text.contains("./lastseat verify --data /tmp/x\n"));
        assert!(!text.contains("curl"));
    }
}

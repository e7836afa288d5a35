//! `lastseat sandbox`: serves the payment sandbox in Stripe's protocol. Sells nothing, moves no money.

use super::service;
use super::terminal::{Paint, complain, say_apart};
use crate::config::Config;
use crate::exit;
use crate::wiring::sandbox_options::{Disturbances, Options, Outage, WebhookOptions};
use crate::wiring::{SandboxHost, SandboxSettings};
use chrono::TimeDelta;
use clap::Args;
use lastseat_domain::Secret;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
#[command(after_help = "\
Use it as Stripe's test mode, with any key that begins with sk_test_:
  curl http://127.0.0.1:12111/v1/payment_intents -u sk_test_1: -d amount=1200 -d currency=eur \\
    -d payment_method=pm_card_visa -d confirm=true

Official SDKs take its address as the base of the API. Webhooks go to an endpoint of yours:
  lastseat sandbox --webhook http://127.0.0.1:8080/v1/webhooks/stripe --webhook-secret whsec_1

Shares are from 0 to 1. The same --seed gives the same decisions for the same requests.")]
pub struct SandboxArgs {
    /// Address and port to serve on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:12111")]
    listen: SocketAddr,
    /// Listen beyond this machine. The sandbox accepts any test key, so do this only where nobody else gets in
    #[arg(long)]
    listen_anywhere: bool,
    /// Where buyers' browsers reach this server, for the bank's page [default: what the client calls it]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    #[command(flatten)]
    webhooks: WebhookArgs,
    #[command(flatten)]
    disturbances: DisturbanceArgs,
    /// Decides what is disturbed
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Webhooks")]
struct WebhookArgs {
    /// Where events are sent, an http address; further endpoints are made over the API
    #[arg(long, value_name = "URL", requires = "webhook_secret")]
    webhook: Option<String>,
    /// What they are signed with
    #[arg(long, value_name = "SECRET", env = "LASTSEAT_SANDBOX_WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: Option<String>,
    /// From the event to its first delivery
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    webhook_delay_ms: u64,
    /// Share of the events that are never delivered
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    webhook_loss: f64,
    /// Share of the events that are delivered twice
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    webhook_repeat: f64,
    /// Share of the events that later ones overtake
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    webhook_reorder: f64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Disturbances")]
struct DisturbanceArgs {
    /// Share of the requests that break the connection, and do nothing
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    lost_requests: f64,
    /// Share of the requests that are carried out, and break the connection
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    lost_answers: f64,
    /// Share of the confirmations that are declined
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    declines: f64,
    /// Share of the changes that are answered with a server error, which their idempotency key keeps
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    server_errors: f64,
    /// Share of the requests that begin a burst of answers 429
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    too_many_requests: f64,
    /// Answer nothing for so long, once
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    outage_seconds: u32,
    /// When that begins, counted from the start
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    outage_after_seconds: u32,
    /// Answer every change with a server error for so long, once. Idempotency keys keep these errors; nothing is done
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    failing_seconds: u32,
    /// When that begins, counted from the start
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    failing_after_seconds: u32,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("a share is from 0 to 1".to_owned()) }
}

impl SandboxArgs {
    fn options(&self) -> Result<Options, String> {
        let args = &self.webhooks;
        let mut webhooks = match (&args.webhook, args.webhook_secret.as_deref().and_then(Secret::new)) {
            (None, _) => WebhookOptions::default(),
            (Some(_), None) => return Err("--webhook needs --webhook-secret, which is not empty".to_owned()),
            (Some(url), Some(secret)) => WebhookOptions::new(url, secret).map_err(|error| error.to_string())?,
        };
        webhooks.seed = self.seed;
        webhooks.delay = Duration::from_millis(args.webhook_delay_ms);
        (webhooks.loss, webhooks.repeat, webhooks.reorder) = (args.webhook_loss, args.webhook_repeat, args.webhook_reorder);
        Ok(Options { public_url: self.public_url.clone(), disturbances: self.disturbances.of_seed(self.seed), webhooks })
    }
}

impl DisturbanceArgs {
    fn of_seed(&self, seed: u64) -> Disturbances {
        let seconds = |seconds: u32| TimeDelta::seconds(i64::from(seconds));
        let time = |after, lasts| (lasts > 0).then(|| Outage { after: seconds(after), lasts: seconds(lasts) });
        Disturbances {
            seed,
            lost_requests: self.lost_requests,
            lost_answers: self.lost_answers,
            declines: self.declines,
            server_errors: self.server_errors,
            too_many_requests: self.too_many_requests,
            outage: time(self.outage_after_seconds, self.outage_seconds),
            failing: time(self.failing_after_seconds, self.failing_seconds),
        }
    }
}

/// Serves until Ctrl-C or SIGTERM.
pub async fn run(args: &SandboxArgs, config: &Config) -> ExitCode {
    let options = match args.options() {
        Ok(options) => options,
        Err(why) => {
            complain(&why);
            return exit::USAGE.into();
        }
    };
    let settings = SandboxSettings { listen: args.listen, anywhere: args.listen_anywhere, options };
    let start = async || SandboxHost::start(&config.data, settings).await;
    service::run(config, start, async |host| say_apart(greeting(host, args, config, Paint::stdout()))).await
}

fn greeting(host: &SandboxHost, args: &SandboxArgs, config: &Config, paint: Paint) -> String {
    let mut lines = vec![
        String::new(),
        format!("  {}", paint.bold("lastseat sandbox   Stripe's API, with play money.")),
        String::new(),
        format!(
            "  API        {}  {}",
            paint.link(&format!("http://{}", host.server.addr)),
            paint.dim("any key that begins with sk_test_")
        ),
    ];
    if let Some(url) = &args.webhooks.webhook {
        lines.push(format!("  Webhooks   {}", paint.link(url)));
    }
    lines.push(format!("  Data       {}", config.data.display()));
    lines.push(String::new());
    lines.push(format!("  {}", paint.yellow("Not for production money.")));
    lines.push(format!("  {}", paint.dim("Stop with Ctrl-C.")));
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: SandboxArgs,
    }

    fn options(line: &str) -> Result<Options, String> {
        let words = std::iter::once("sandbox").chain(line.split_whitespace());
        Line::try_parse_from(words).map_err(|error| error.to_string())?.args.options()
    }

    #[test]
    fn flags_become_options() {
        assert_eq!(options("").unwrap().disturbances, Disturbances::default());
        let disturbed =
            options("--seed 7 --declines 0.02 --outage-seconds 10 --webhook http://a/b --webhook-secret whsec_1").unwrap();
        assert_eq!((disturbed.disturbances.seed, disturbed.disturbances.declines), (7, 0.02));
        assert!(disturbed.disturbances.outage.is_some() && disturbed.disturbances.failing.is_none());
        let failing = options("--failing-seconds 60 --failing-after-seconds 5").unwrap().disturbances.failing;
        assert_eq!(failing, Some(Outage { after: TimeDelta::seconds(5), lasts: TimeDelta::seconds(60) }));
        assert_eq!(options("--webhook-loss 0.5").unwrap().webhooks.loss, 0.5);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--declines 1.1",
            "--declines x",
            "--webhook http://a/b",
            "--webhook https://a/b --webhook-secret s",
            "--webhook x --webhook-secret s",
        ] {
            assert!(options(line).is_err(), "{line}");
        }
    }
}

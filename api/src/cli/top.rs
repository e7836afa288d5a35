//! `lastseat top`: a live view of a sale in the terminal; figures in JSON where there is no terminal.

mod draw;
mod exposition;
mod figures;
mod follow;
mod lines;
mod model;
mod poll;
mod reader;
mod scrape;
mod screen;
mod seat_map;
mod seats;
mod view;
mod window;

use super::terminal::{Paint, complain};
use crate::exit;
use draw::Look;
use follow::Follow;
use http::StatusCode;
use lastseat_domain::{Secret, ShowId};
use poll::Poll;
use reader::{NotRead, Server};
use screen::{Ended, Screen};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use view::View;

/// News that wait to be shown. A reader of the stream that is slower than a rush waits, and the server cuts it.
const WAITING: usize = 4096;

/// Arguments of `top`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lastseat top                                      the server on this machine
  lastseat top --url http://10.0.0.7:8080 --show gala
  lastseat top --url https://tickets.example --metrics-url http://10.0.0.7:8080
  lastseat top --once | jq .sale                    figures in JSON, for a script

Keys: q quits, arrows choose a show, enter shows its seats, tab goes on, p pauses, ? explains.

People read the screen; machines read JSON. Where stdout is no terminal, and with --once, each
line is a JSON object with the same figures: one line every --interval, or just one with --once.
Rates are per second over the last ten seconds, with --once over one interval. Figures that are
not known are null.

Only what is public is read: /metrics, /health/ready, the list of shows, and the seats with their
stream. None of it needs a token; --token is for servers that limit reads by caller.

Metrics are those of one node: name a node, not a load balancer. A proxy that hides /metrics from
buyers hides it from --url too: name the node with --metrics-url.

Colours are off where NO_COLOR is set, and seats are letters where the locale is not UTF-8.
Exit status: 0 ended by a key or a signal, or the line was printed; 2 wrong use; 3 with JSON: the
server can't be reached; 70 the terminal can't be used. The screen waits for a server and says so.")]
pub struct Top {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The show that is chosen first [default: the first on sale]. In JSON, the only one
    #[arg(long, value_name = "SHOW", value_parser = |text: &str| ShowId::new(text).map_err(|e| e.to_string()))]
    show: Option<ShowId>,
    /// Where /metrics and /health/ready are read [default: the server]
    #[arg(long, value_name = "URL")]
    metrics_url: Option<String>,
    /// A token for the server; none is needed
    #[arg(long, value_name = "TOKEN", env = "LASTSEAT_TOP_TOKEN", hide_env_values = true, value_parser = token)]
    token: Option<Secret>,
    /// How often metrics are read, in seconds
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    interval: u64,
    /// Print one line of JSON and end
    #[arg(long)]
    once: bool,
}

fn token(text: &str) -> Result<Secret, String> {
    Secret::new(text).ok_or_else(|| "must not be empty".to_owned())
}

/// Runs it.
pub async fn run(args: &Top) -> ExitCode {
    let (server, metrics) = match servers(args) {
        Ok(servers) => servers,
        Err(why) => {
            complain(&why);
            return exit::USAGE.into();
        }
    };
    if let Some(code) = refuse_unknown_show(args, &server).await {
        return code.into();
    }
    let (started, every) = (Instant::now(), Duration::from_secs(args.interval));
    let poll = Poll::new(server.clone(), metrics, started);
    if args.once || !is_terminal() {
        let show = args.show.as_ref().map(ShowId::as_str);
        return lines::print(poll, every, args.once, show).await.into();
    }
    let (news, read_news) = mpsc::channel(WAITING);
    let (followed, chosen) = watch::channel(None);
    let follow = Follow::new(server, started, news.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(follow.run(chosen));
    tasks.spawn(poll.run(every, news));
    let look = Look::new(Paint::stdout().is_on(), locale_is_utf8(|name| std::env::var(name).ok()));
    let view = View::of(args.show.as_ref().map(ToString::to_string));
    let screen = Screen { url: args.url.clone(), look, started, news: read_news, followed, view };
    let ended = tokio::select! {
        ended = screen.run() => ended,
        // Neither ends as long as the screen is there.
        _ = tasks.join_next() => Ok(Ended::NoNews),
    };
    match ended {
        Ok(Ended::Wanted | Ended::NoTerminal) => exit::CLEAN.into(),
        Ok(Ended::NoNews) => {
            complain("a part of this program has ended; start it again");
            exit::FATAL.into()
        }
        Err(error) => {
            complain(&format!("the terminal can't be used: {error}; --once prints the figures without one"));
            exit::FATAL.into()
        }
    }
}

/// The server, and where its metrics are.
fn servers(args: &Top) -> Result<(Server, Server), String> {
    let server = Server::new(&args.url, args.token.as_ref())?;
    let metrics = match &args.metrics_url {
        // The token is the server's: nobody else gets it.
        Some(url) => {
            let url = url.trim_end_matches('/');
            Server::new(url.strip_suffix("/metrics").unwrap_or(url), None)?
        }
        None => server.clone(),
    };
    Ok((server, metrics))
}

/// A show that is not there is a slip of the pen. A server that can't be reached may come.
async fn refuse_unknown_show(args: &Top, server: &Server) -> Option<u8> {
    let show = args.show.as_ref()?;
    match server.json::<model::Show>(&format!("/v1/shows/{show}"), "application/json").await {
        Err(NotRead::Refused { status, .. }) if status == StatusCode::NOT_FOUND => {
            complain(&format!("{} has no show {show}", args.url));
            Some(exit::USAGE)
        }
        _ => None,
    }
}

/// Whether there is a screen to draw on.
fn is_terminal() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether the terminal shows more than ASCII, as far as the environment says.
fn locale_is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_that_is_set_counts() {
        let of = |set: &[(&str, &str)]| {
            locale_is_utf8(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(of(&[("LANG", "de_DE.UTF-8")]) && of(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!of(&[]) && !of(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
    }

    #[test]
    fn metrics_may_be_at_another_address() {
        let args = |metrics: &str| Top {
            url: "https://tickets.example/".into(),
            show: None,
            metrics_url: Some(metrics.to_owned()),
            token: Secret::new("abc"),
            interval: 2,
            once: true,
        };
        for (given, base) in [("http://10.0.0.7:8080/metrics", "http://10.0.0.7:8080"), ("http://a/b/", "http://a/b")] {
            let (_, metrics) = servers(&args(given)).unwrap();
            assert_eq!(metrics.base(), base);
            assert!(!metrics.has_token(), "the token is for the server");
        }
        for wrong in ["", "ftp://a", "10.0.0.7:8080", "http://"] {
            assert!(servers(&args(wrong)).is_err(), "{wrong}");
        }
    }
}

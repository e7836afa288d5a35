//! `lastseat webhooks`: an endpoint for one's own machine, and secrets.

use super::signals::Signals;
use super::terminal::{Paint, complain, say, tell};
use crate::exit;
use crate::wiring::key_file;
use crate::wiring::webhook_options::Signer;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::{Args, Subcommand};
use http::{HeaderMap, StatusCode};
use lastseat_domain::Secret;
use serde_json::Value;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What can be done with webhooks.
#[derive(Debug, Subcommand)]
pub enum WebhooksVerb {
    /// Take the messages that a server sends to this machine, check and print them
    Listen(Listen),
    /// Print a new secret for an endpoint
    Secret,
}

/// Arguments of `webhooks listen`.
#[derive(Debug, Args)]
#[command(after_help = "\
Start it, then a server with the two settings that it prints. Each message is one line; --json prints their bodies.")]
pub struct Listen {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// What messages are signed with [default: a new one]
    #[arg(long, value_name = "SECRET", env = "LASTSEAT_LISTEN_SECRET", hide_env_values = true, value_parser = secret)]
    secret: Option<Secret>,
    /// Print each message's body
    #[arg(long)]
    json: bool,
}

fn secret(text: &str) -> Result<Secret, String> {
    Signer::new([text]).map_err(|error| error.to_string())?;
    Secret::new(text).ok_or_else(|| "must not be empty".to_owned())
}

struct Listening {
    signer: Signer,
    json: bool,
    paint: Paint,
}

/// Runs it.
pub async fn run(verb: &WebhooksVerb) -> ExitCode {
    match verb {
        WebhooksVerb::Listen(args) => listen(args).await,
        WebhooksVerb::Secret => match new_secret() {
            Ok(secret) => {
                say(secret.expose());
                ExitCode::SUCCESS
            }
            Err(why) => failed(&why),
        },
    }
}

fn failed(why: &str) -> ExitCode {
    complain(why);
    exit::FATAL.into()
}

fn new_secret() -> Result<Secret, String> {
    let key = key_file::random().map_err(|error| error.to_string())?;
    Secret::new(format!("whsec_{}", STANDARD.encode(key))).ok_or_else(|| "there is no secret".to_owned())
}

async fn listen(args: &Listen) -> ExitCode {
    let secret = match args.secret.clone().map_or_else(new_secret, Ok) {
        Ok(secret) => secret,
        Err(why) => return failed(&why),
    };
    let signer = match Signer::new([secret.expose()]) {
        Ok(signer) => signer,
        Err(error) => return failed(&error.to_string()),
    };
    let (listener, mut signals) = match (TcpListener::bind(args.listen).await, Signals::new()) {
        (Ok(listener), Ok(signals)) => (listener, signals),
        (Err(error), _) => return failed(&format!("{} can't be listened on: {error}", args.listen)),
        (_, Err(error)) => return failed(&error.to_string()),
    };
    let address = listener.local_addr().map_or_else(|_| args.listen.to_string(), |address| address.to_string());
    tell(&format!(
        "Listening on http://{address}/. Start a server that sends here, in another terminal:\n\n  \
         LASTSEAT_WEBHOOK_ENDPOINTS=dev=http://{address}/ \\\n  LASTSEAT_WEBHOOK_ENDPOINT_SECRETS=dev={} lastseat\n",
        secret.expose()
    ));
    let listening = Arc::new(Listening { signer, json: args.json, paint: Paint::stdout() });
    let router = Router::new().route("/", post(take)).with_state(listening);
    let served = axum::serve(listener, router).with_graceful_shutdown(async move {
        signals.next().await;
    });
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

async fn take(State(listening): State<Arc<Listening>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(text) = std::str::from_utf8(&body) else { return StatusCode::BAD_REQUEST };
    let Ok(seconds) = header("webhook-timestamp").parse() else { return StatusCode::BAD_REQUEST };
    let signature = listening.signer.sign(header("webhook-id"), seconds, text);
    if !header("webhook-signature").split(' ').any(|one| one == signature) {
        complain("a message with another signature was refused: the server has another secret");
        return StatusCode::UNAUTHORIZED;
    }
    if listening.json {
        say(text);
    } else {
        say(&line(listening.paint, text));
    }
    StatusCode::NO_CONTENT
}

/// A message as people read it.
fn line(paint: Paint, body: &str) -> String {
    let message: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let data = message.get("data").unwrap_or(&Value::Null);
    let of = |name: &str| data.get(name).map(text).unwrap_or_default();
    let seats = data.get("seats").and_then(Value::as_array).map(|seats| {
        let names: Vec<String> = seats.iter().filter_map(|seat| seat.get("seat")).map(text).collect();
        format!("  {}", names.join(" "))
    });
    let kind = message.get("type").map(text).unwrap_or_default();
    let when = message.get("timestamp").map(text).unwrap_or_default();
    let about = [of("show"), of("booking"), of("reason")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    format!("{}  {}  {}{}", paint.dim(&when), paint.bold(&format!("{kind:<24}")), about.join("  "), seats.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_signs_and_is_another_one_each_time() {
        let secrets = [new_secret().unwrap(), new_secret().unwrap()];
        assert!(secrets.iter().all(|secret| Signer::new([secret.expose()]).is_ok()));
        assert_ne!(secrets[0].expose(), secrets[1].expose());
    }

    #[test]
    fn a_message_is_one_line() {
        let body = r#"{"type":"booking.aborted","timestamp":"2026-11-28T12:00:00Z","data":{"booking":"b-1","show":"gala",
            "reason":"expired","seats":[{"seat":"A-1","price":1},{"seat":"A-2","price":1}]}}"#;
        let shown = line(Paint::plain(), body);
        assert_eq!(shown, "2026-11-28T12:00:00Z  booking.aborted           gala  b-1  expired  A-1 A-2");
        assert_eq!(line(Paint::plain(), "no JSON").trim(), "");
    }
}

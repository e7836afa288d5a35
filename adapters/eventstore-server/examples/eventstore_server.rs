//! Serves an empty log, to try clients: prints the connection string, and runs until its standard input
//! ends.
//!
//! ```text
//! cargo run -p lastseat-eventstore-server --example eventstore_server -- --write --writer-token secret
//! ```
//! `--folder PATH` stores the log in a file there instead of in memory. `--listen ADDRESS` defaults to a
//! free loopback port. `--tls FOLDER` uses `certificate.pem` and `key.pem` of that folder. `--advertise HOST`
//! sets the name in gossip.

use lastseat_domain::ports::EventLog;
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_eventstore_server::{Secret, ServerSettings, Tls, serve};
use lastseat_in_process::SystemClock;
use lastseat_testkit::MemoryLog;
use std::error::Error;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let clock = Arc::new(SystemClock);
    let mut settings = ServerSettings::new(clock.clone());
    let mut log: Arc<dyn EventLog> = Arc::new(MemoryLog::new(clock.clone(), true));
    let mut advertise = None;
    let mut listen = "127.0.0.1:0".to_owned();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--write" => settings.write = true,
            "--reader-token" => settings.reader_token = Secret::new(value()?),
            "--writer-token" => settings.writer_token = Secret::new(value()?),
            "--folder" => log = Arc::new(SqliteLog::open(std::path::Path::new(&value()?).join("events.db"), clock.clone())?),
            "--tls" => {
                let folder = value()?;
                let read = |file: &str| std::fs::read(std::path::Path::new(&folder).join(file));
                settings.tls = Some(Tls::from_pem(&read("certificate.pem")?, &read("key.pem")?)?);
            }
            "--listen" => listen = value()?,
            "--advertise" => advertise = Some(value()?),
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let listener = TcpListener::bind(&listen).await?;
    let address = listener.local_addr()?;
    settings.may_listen_on(address)?;
    settings.advertise = advertise.map(|host| (host, address.port()));
    println!("esdb://{address}?tls={}", settings.tls.is_some());
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(listener, log, settings, shutdown.clone()));
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    shutdown.cancel();
    Ok(server.await??)
}

//! `lastseat audit export`: prints the whole event history, one JSON object per line.

use super::terminal::complain;
use crate::config::Config;
use crate::exit;
use crate::wiring::reading::{Readable, Unreadable};
use lastseat_domain::ports::event_log::{Decoded, Direction, EventLog, Filter, LogFault, Position, RecordedEvent};
use lastseat_domain::{StreamName, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::sync::Arc;
use uuid::Uuid;

/// Events read at a time.
const PAGE: usize = 1000;

/// What `audit` can do.
#[derive(Debug, clap::Subcommand)]
pub enum AuditVerb {
    /// Export the event history: one JSON object per line, oldest first
    Export(Export),
}

/// Arguments of `audit export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads only the log, so it works while the server runs and after a crash. For a cluster, add
--eventstore esdb://…

Examples:
  lastseat audit export > history.ndjson
  lastseat audit export --stream seat-demo.A-1 | jq -c '[.revision, .type, .data.booking]'")]
pub struct Export {
    /// Only events after this position
    #[arg(long, value_name = "POS", default_value_t = 0)]
    from: u64,
    /// Only this stream, such as seat-demo.A-1 or booking-{id}; with * at the end, all streams with this prefix
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// At most this many events
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// An event as it is exported: the whole envelope.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line {
    position: Position,
    stream: StreamName,
    revision: u64,
    id: Uuid,
    #[serde(rename = "type")]
    event_type: String,
    data: Box<RawValue>,
    metadata: Box<RawValue>,
    recorded_at: Timestamp,
}

impl From<&RecordedEvent> for Line {
    fn from(event: &RecordedEvent) -> Self {
        Self {
            position: event.position,
            stream: event.stream.clone(),
            revision: event.revision,
            id: event.id,
            event_type: event.event_type.clone(),
            data: event.data.clone(),
            metadata: event.metadata.clone(),
            recorded_at: event.recorded_at,
        }
    }
}

impl From<Line> for RecordedEvent {
    fn from(line: Line) -> Self {
        Self {
            position: line.position,
            stream: line.stream,
            revision: line.revision,
            id: line.id,
            event_type: line.event_type,
            data: line.data,
            metadata: line.metadata,
            recorded_at: line.recorded_at,
            decoded: Decoded::default(),
        }
    }
}

/// Why the export ended early.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Log(#[from] LogFault),
    #[error("the history can't be written: {0}")]
    Write(#[from] io::Error),
    #[error("an event can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

pub async fn run(args: &Export, config: &Config) -> ExitCode {
    let exported = match Readable::open(config) {
        Ok(readable) => export(&*readable.log, args, BufWriter::new(io::stdout().lock())).await,
        Err(error) => Err(error.into()),
    };
    match exported {
        Ok(()) => ExitCode::SUCCESS,
        // `| head` has seen enough.
        Err(Failed::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            exit::UNREADABLE.into()
        }
    }
}

async fn export(log: &dyn EventLog, args: &Export, mut out: impl Write) -> Result<(), Failed> {
    let mut left = args.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let (stream, filter) = match args.stream.as_deref() {
        None => (None, Filter::all()),
        Some(name) => match name.strip_suffix('*') {
            Some(prefix) => (None, Filter::streams(&[prefix])),
            None => (Some(StreamName::from_log(name)), Filter::all()),
        },
    };
    let (mut position, mut revision) = (Position(args.from), 0);
    while left > 0 {
        let page: Vec<Arc<RecordedEvent>> = match &stream {
            Some(stream) => log.read_stream(stream, Some(revision), Direction::Forwards, PAGE).await?,
            None => log.read_all(Some(position), Direction::Forwards, PAGE.min(left), &filter).await?,
        };
        let Some(last) = page.last() else { break };
        (position, revision) = (last.position, last.revision + 1);
        for event in page.iter().filter(|event| event.position.0 > args.from).take(left) {
            serde_json::to_writer(&mut out, &Line::from(&**event)).map_err(|error| match error.io_error_kind() {
                Some(kind) => Failed::Write(kind.into()),
                None => Failed::Json(error),
            })?;
            out.write_all(b"\n")?;
            left -= 1;
        }
    }
    Ok(out.flush()?)
}

//! Sends one append: through one of several batch sessions, or as a single call.
//!
//! A session pipelines appends and is many times faster than single calls. But the client ends it with
//! the first conflict: that conflict arrives as mere text, and the other appends under way fail without
//! an answer. So there are several sessions, and a stream always uses the same one: contention for one
//! stream affects few others.

use crate::call_error::CallError;
use crate::connection::{Connection, NumberedClient};
use crate::record::valid_position;
use eventstore::{AppendToStreamOptions, BatchAppendClient, BatchAppendOptions, Error, EventData, StreamState};
use lastseat_domain::ports::event_log::{Expected, NewEvent, Position, Revision, StreamWrite};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// The server's answer to a successful append.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acknowledged {
    pub last_revision: Option<Revision>,
    /// Position of the last event, if the server sent one.
    pub position: Option<Position>,
}

pub(crate) struct AppendSessions {
    slots: Vec<tokio::sync::Mutex<Option<Arc<Session>>>>,
    /// The server has no batch sessions, or they are switched off.
    single_only: AtomicBool,
}

struct Session {
    client: BatchAppendClient,
    /// Number of its client.
    client_number: u64,
    ended: AtomicBool,
}

impl AppendSessions {
    pub(crate) fn new(batch: bool, sessions: usize) -> Self {
        let slots = (0..sessions.max(1)).map(|_| tokio::sync::Mutex::default()).collect();
        Self { slots, single_only: AtomicBool::new(!batch) }
    }

    /// Whether batch sessions can be used.
    pub(crate) fn available(&self) -> bool {
        !self.single_only.load(Ordering::Relaxed)
    }

    /// Sends one append through a session.
    pub(crate) async fn send(
        &self,
        connection: &Connection,
        write: &StreamWrite,
        within: Duration,
        sent_at: &SentAt,
    ) -> Result<Acknowledged, CallError> {
        let sent = connection.call(within, |numbered| async move {
            let session = self.session(connection, &numbered, write).await?;
            let events = events_of(write)?;
            sent_at.note(connection, &numbered);
            let answer = session.client.append_to_stream(write.stream.as_str(), state_of(write.expected), events).await;
            answer.map_err(|error| {
                session.ended.store(true, Ordering::Relaxed);
                session_error(error)
            })
        });
        let answer = sent.await.inspect_err(|error| {
            if *error == CallError::Unsupported {
                self.single_only.store(true, Ordering::Relaxed);
            }
        })?;
        let position = answer.current_position().and_then(|position| valid_position(position.commit));
        Ok(Acknowledged { last_revision: answer.current_revision(), position })
    }

    /// The stream's session, opened if necessary.
    async fn session(
        &self,
        connection: &Connection,
        numbered: &NumberedClient,
        write: &StreamWrite,
    ) -> Result<Arc<Session>, CallError> {
        let mut hasher = DefaultHasher::new();
        write.stream.hash(&mut hasher);
        let count = self.slots.len() as u64;
        let slot = usize::try_from(hasher.finish() % count).ok().and_then(|slot| self.slots.get(slot));
        let mut slot = slot.ok_or_else(|| CallError::Other("there is no session".to_owned()))?.lock().await;
        if let Some(session) = slot.as_ref().filter(|s| s.client_number == numbered.number && !s.ended.load(Ordering::Relaxed)) {
            return Ok(Arc::clone(session));
        }
        // No deadline: it would end the session, not one append.
        let mut options = BatchAppendOptions::default().requires_leader(true);
        if let Some(credentials) = &connection.target.credentials {
            options = options.authenticated(credentials.clone());
        }
        let client = numbered.client.batch_append(&options).await?;
        let session = Arc::new(Session { client, client_number: numbered.number, ended: AtomicBool::new(false) });
        *slot = Some(Arc::clone(&session));
        Ok(session)
    }
}

/// When an append was handed to a connection that was there; none while it waits for a connection or a session.
#[derive(Default)]
pub(crate) struct SentAt(OnceLock<Instant>);

impl SentAt {
    pub(crate) fn get(&self) -> Option<Instant> {
        self.0.get().copied()
    }

    fn note(&self, connection: &Connection, numbered: &NumberedClient) {
        // The client connects with its first call, and says nothing of how long that took.
        if connection.has_heard(numbered.number) {
            self.0.get_or_init(Instant::now);
        }
    }
}

/// Sends one append as a single call, whose conflict names the actual revision.
pub(crate) async fn send_single(
    connection: &Connection,
    write: &StreamWrite,
    within: Duration,
    sent_at: &SentAt,
) -> Result<Acknowledged, CallError> {
    let mut options =
        AppendToStreamOptions::default().stream_state(state_of(write.expected)).requires_leader(true).deadline(within);
    if let Some(credentials) = &connection.target.credentials {
        options = options.authenticated(credentials.clone());
    }
    let (events, options) = (events_of(write)?, &options);
    let answer = connection
        .call(within, |numbered| async move {
            sent_at.note(connection, &numbered);
            Ok(numbered.client.append_to_stream(write.stream.as_str(), options, events).await?)
        })
        .await?;
    Ok(Acknowledged { last_revision: Some(answer.next_expected_version), position: valid_position(answer.position.commit) })
}

fn state_of(expected: Expected) -> StreamState {
    match expected {
        Expected::NoStream => StreamState::NoStream,
        Expected::Revision(revision) => StreamState::StreamRevision(revision),
    }
}

fn events_of(write: &StreamWrite) -> Result<Vec<EventData>, CallError> {
    let event = |event: &NewEvent| {
        let data = EventData::json(&event.event_type, &event.data)?.metadata_as_json(&event.metadata)?;
        Ok(data.id(event.id))
    };
    let events: Result<_, serde_json::Error> = write.events.iter().map(event).collect();
    events.map_err(|e| CallError::Other(format!("the events can't be encoded: {e}")))
}

/// gRPC codes with which a session says that an append was certainly not written: none (the server was
/// not ready), invalid argument, not found, conflict (two codes), permission denied, unauthenticated.
const NOT_WRITTEN: [i32; 7] = [0, 3, 5, 6, 7, 9, 16];

/// The call was cancelled, most likely with its connection.
const CANCELLED: i32 = 1;

/// A session reports a conflict as the text of a status, and its own end as a server error. Any other
/// status, such as a commit time-out, leaves the outcome open.
fn session_error(error: Error) -> CallError {
    match error {
        Error::ServerError(why) if why.contains("Batch-append stream has been closed") => CallError::SessionEnded,
        Error::Grpc { code, message } if NOT_WRITTEN.contains(&i32::from(code)) => {
            CallError::TextAnswer(format!("{code}: {message}"))
        }
        Error::Grpc { code, message } if i32::from(code) == CANCELLED => CallError::Lost(format!("{code}: {message}")),
        Error::Grpc { code, message } => CallError::GaveUp(format!("{code}: {message}")),
        Error::ResourceAlreadyExists => CallError::TextAnswer("conflict".to_owned()),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes and messages of real servers.
    #[test]
    fn only_a_rejected_append_was_certainly_not_written() {
        let answer = |code: i32, message: &str| session_error(Error::Grpc { code: code.into(), message: message.to_owned() });
        for (code, message) in [
            (0, "Server Is Not Ready"),
            (3, "MaximumAppendSizeExceeded"),
            (5, "StreamDeleted"),
            (6, "WrongExpectedVersion"),
            (7, "AccessDenied"),
            (9, "InvalidTransaction"),
        ] {
            assert!(matches!(answer(code, message), CallError::TextAnswer(_)), "{message}");
        }
        for (code, message) in [(2, "Unknown"), (4, "Timeout"), (10, "aborted"), (13, "internal"), (14, "gone")] {
            assert!(matches!(answer(code, message), CallError::GaveUp(_)), "{message}");
        }
    }
}

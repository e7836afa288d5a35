//! How one append is sent: through one of a few batch sessions, or as a call of its own.
//!
//! A session takes appends one behind the other without waiting, and is many times faster than
//! calls of their own. But the client ends it with the first conflict: that one is told in words,
//! and whatever else was under way fails without having been answered. So there are several, and a
//! stream always takes the same one: those who fight for one stream disturb few others.

use crate::link::{Held, Link};
use crate::record::told;
use crate::trouble::Trouble;
use eventstore::{AppendToStreamOptions, BatchAppendClient, BatchAppendOptions, Error, EventData, StreamState};
use lastseat_domain::ports::event_log::{Expected, NewEvent, Position, Revision, StreamWrite};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The server says that the events are in the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Landed {
    /// Revision of the last one.
    pub last_revision: Option<Revision>,
    /// Its position, if told.
    pub position: Option<Position>,
}

pub(crate) struct Lanes {
    lanes: Vec<tokio::sync::Mutex<Option<Arc<Session>>>>,
    /// The server has no batch sessions, or they are not wanted.
    single: AtomicBool,
}

struct Session {
    client: BatchAppendClient,
    /// Number of the client that it belongs to.
    of: u64,
    ended: AtomicBool,
}

impl Lanes {
    pub(crate) fn new(batch: bool, sessions: usize) -> Self {
        let lanes = (0..sessions.max(1)).map(|_| tokio::sync::Mutex::default()).collect();
        Self { lanes, single: AtomicBool::new(!batch) }
    }

    /// Whether appends can go through sessions.
    pub(crate) fn batch(&self) -> bool {
        !self.single.load(Ordering::Relaxed)
    }

    /// Sends one append through a session.
    pub(crate) async fn send(&self, link: &Link, write: &StreamWrite, within: Duration) -> Result<Landed, Trouble> {
        let sent = link.call(within, |held| async move {
            let session = self.session(link, &held, write).await?;
            let events = events_of(write)?;
            let answer = session.client.append_to_stream(write.stream.as_str(), state_of(write.expected), events).await;
            answer.map_err(|error| {
                session.ended.store(true, Ordering::Relaxed);
                of_session(error)
            })
        });
        let answer = sent.await.inspect_err(|trouble| {
            if *trouble == Trouble::Unsupported {
                self.single.store(true, Ordering::Relaxed);
            }
        })?;
        let position = answer.current_position().and_then(|position| told(position.commit));
        Ok(Landed { last_revision: answer.current_revision(), position })
    }

    /// The session of a stream, opened if it has none.
    async fn session(&self, link: &Link, held: &Held, write: &StreamWrite) -> Result<Arc<Session>, Trouble> {
        let mut hasher = DefaultHasher::new();
        write.stream.hash(&mut hasher);
        let count = self.lanes.len() as u64;
        let lane = usize::try_from(hasher.finish() % count).ok().and_then(|lane| self.lanes.get(lane));
        let mut lane = lane.ok_or_else(|| Trouble::Odd("there is no session".to_owned()))?.lock().await;
        if let Some(session) = lane.as_ref().filter(|s| s.of == held.number && !s.ended.load(Ordering::Relaxed)) {
            return Ok(Arc::clone(session));
        }
        // No deadline here: it would end the session, not an append.
        let mut options = BatchAppendOptions::default().requires_leader(true);
        if let Some(credentials) = &link.connection.credentials {
            options = options.authenticated(credentials.clone());
        }
        let client = held.client.batch_append(&options).await?;
        let session = Arc::new(Session { client, of: held.number, ended: AtomicBool::new(false) });
        *lane = Some(Arc::clone(&session));
        Ok(session)
    }
}

/// Sends one append as a call of its own, whose conflict is told with the actual revision.
pub(crate) async fn send_alone(link: &Link, write: &StreamWrite, within: Duration) -> Result<Landed, Trouble> {
    let mut options =
        AppendToStreamOptions::default().stream_state(state_of(write.expected)).requires_leader(true).deadline(within);
    if let Some(credentials) = &link.connection.credentials {
        options = options.authenticated(credentials.clone());
    }
    let (events, options) = (events_of(write)?, &options);
    let answer = link
        .call(within, |held| async move { Ok(held.client.append_to_stream(write.stream.as_str(), options, events).await?) })
        .await?;
    Ok(Landed { last_revision: Some(answer.next_expected_version), position: told(answer.position.commit) })
}

fn state_of(expected: Expected) -> StreamState {
    match expected {
        Expected::NoStream => StreamState::NoStream,
        Expected::Revision(revision) => StreamState::StreamRevision(revision),
    }
}

fn events_of(write: &StreamWrite) -> Result<Vec<EventData>, Trouble> {
    let event = |event: &NewEvent| {
        let data = EventData::json(&event.event_type, &event.data)?.metadata_as_json(&event.metadata)?;
        Ok(data.id(event.id))
    };
    let events: Result<_, serde_json::Error> = write.events.iter().map(event).collect();
    events.map_err(|e| Trouble::Odd(format!("the events can't be encoded: {e}")))
}

/// Codes of gRPC with which a session says that an append was surely not carried out: the server was
/// not ready and gave none, a bad argument, no such thing, a conflict (two codes), no permission, no
/// credentials.
const TURNED_DOWN: [i32; 7] = [0, 3, 5, 6, 7, 9, 16];

/// A conflict comes out of a session as the mere text of a status, the end of the session as a
/// server's error. Any other status, such as that it took too long to commit, leaves open what
/// became of the append.
fn of_session(error: Error) -> Trouble {
    match error {
        Error::ServerError(why) if why.contains("Batch-append stream has been closed") => Trouble::SessionEnded,
        Error::Grpc { code, message } if TURNED_DOWN.contains(&i32::from(code)) => {
            Trouble::Answered(format!("{code}: {message}"))
        }
        Error::Grpc { code, message } => Trouble::Lost(format!("{code}: {message}")),
        Error::ResourceAlreadyExists => Trouble::Answered("conflict".to_owned()),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As servers number and word them.
    #[test]
    fn only_what_was_turned_down_was_surely_not_written() {
        let answer = |code: i32, message: &str| of_session(Error::Grpc { code: code.into(), message: message.to_owned() });
        for (code, message) in [
            (0, "Server Is Not Ready"),
            (3, "MaximumAppendSizeExceeded"),
            (5, "StreamDeleted"),
            (6, "WrongExpectedVersion"),
            (7, "AccessDenied"),
            (9, "InvalidTransaction"),
        ] {
            assert!(matches!(answer(code, message), Trouble::Answered(_)), "{message}");
        }
        for (code, message) in [(2, "Unknown"), (4, "Timeout"), (10, "aborted"), (13, "internal"), (14, "gone")] {
            assert!(matches!(answer(code, message), Trouble::Lost(_)), "{message}");
        }
    }
}

//! How a door is opened.

use crate::tls::Tls;
use lastseat_domain::ports::Clock;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A token that opens the door. Never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A secret of this text; `None` if it is empty, for everybody would know that one.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty()).then_some(Self(text))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a door is opened: who may come in, and how much may be under way.
#[derive(Clone)]
pub struct DoorSettings {
    /// Whether anybody may append. Without, the door is for reading only, whatever the tokens.
    pub write: bool,
    /// Opens the door for reading. With neither token set, everybody may come in.
    pub reader_token: Option<Secret>,
    /// Opens the door for reading and appending. If only the reader's token is set, that one does.
    pub writer_token: Option<Secret>,
    /// Speaks TLS. Without, clients connect with `tls=false`; note that the official clients for
    /// Python and Node send their credentials over TLS only, so that a door with a token needs it for
    /// them, here or in a proxy in front.
    pub tls: Option<Tls>,
    /// Where clients are told to find this node, as host and port; by default where they found it.
    pub advertise: Option<(String, u16)>,
    /// Longest an append is waited for. Clients may ask for less, not for more.
    pub append_deadline: Duration,
    /// Most connections; the next ones are closed at once.
    pub max_connections: usize,
    /// Most calls at one time on one connection, subscriptions included; clients queue the others.
    pub max_calls_per_connection: u32,
    /// How long calls may take to end after the door was told to shut.
    pub grace: Duration,
    /// The time, for clients that send deadlines as a date, and for the dates in answers.
    pub clock: Arc<dyn Clock>,
}

impl DoorSettings {
    /// A door for reading, open to everybody: see [`may_open`](Self::may_open).
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            write: false,
            reader_token: None,
            writer_token: None,
            tls: None,
            advertise: None,
            append_deadline: Duration::from_secs(10),
            max_connections: 256,
            max_calls_per_connection: 256,
            grace: Duration::from_secs(5),
            clock,
        }
    }

    /// Whether a door with these settings may be opened at an address: one that asks for no token
    /// only where nobody but this machine reaches it.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn may_open(&self, at: SocketAddr) -> Result<(), String> {
        if self.reader_token.is_some() || self.writer_token.is_some() || at.ip().is_loopback() {
            return Ok(());
        }
        Err(format!("a door at {at} that asks for no token would be open to the network; set a token, or listen on 127.0.0.1"))
    }
}

impl fmt::Debug for DoorSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoorSettings")
            .field("write", &self.write)
            .field("reader_token", &self.reader_token)
            .field("writer_token", &self.writer_token)
            .field("tls", &self.tls.is_some())
            .field("advertise", &self.advertise)
            .finish_non_exhaustive()
    }
}

//! Settings of the server.

use crate::disturbances::{DisturbanceCounts, Disturbances};
use crate::tls::Tls;
use lastseat_domain::Secret;
use lastseat_domain::ports::Clock;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Access, addresses and limits.
#[derive(Clone)]
pub struct ServerSettings {
    /// Whether appends are allowed at all. If not, no token allows them.
    pub write: bool,
    /// Allows reading. With neither token set, everybody may read.
    pub reader_token: Option<Secret>,
    /// Allows reading and appending. If only the reader's token is set, that one allows both.
    pub writer_token: Option<Secret>,
    /// Without TLS, clients connect with `tls=false`. The official clients for Python and Node send
    /// credentials over TLS only: with a token set they need TLS here, or in a proxy in front.
    pub tls: Option<Tls>,
    /// Host and port that gossip names, for clients that discover nodes. By default the address at
    /// which the client reached this server; set it if the certificate names DNS names only.
    pub advertise: Option<(String, u16)>,
    /// Longest wait for an append. Clients may ask for less, not for more.
    pub append_deadline: Duration,
    /// Connections that have made a call which was allowed. Calls of further ones are refused.
    pub max_connections: usize,
    /// Connections that have not. Further ones take the places of the oldest. Not fewer than all nodes
    /// together open at once after a restart: some 80 each. Without a token there is nothing to prove,
    /// and [`Self::max_connections`] counts.
    pub max_unproven_connections: usize,
    /// Concurrent calls on one connection, subscriptions included; clients queue the others.
    pub max_calls_per_connection: u32,
    /// How long calls may take to end after shutdown began.
    pub grace: Duration,
    /// For deadlines that clients send as a date, and for the dates in answers.
    pub clock: Arc<dyn Clock>,
    /// For tests. Nothing is disturbed by default.
    pub disturbances: Disturbances,
    /// Counts what was disturbed.
    pub disturbed: Arc<DisturbanceCounts>,
}

impl ServerSettings {
    /// [`Self::max_connections`], unless set otherwise.
    pub const CONNECTIONS: usize = 512;
    /// [`Self::max_unproven_connections`], unless set otherwise.
    pub const UNPROVEN_CONNECTIONS: usize = 256;

    /// A read-only server without a token: see [`may_listen_on`](Self::may_listen_on).
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            write: false,
            reader_token: None,
            writer_token: None,
            tls: None,
            advertise: None,
            append_deadline: Duration::from_secs(10),
            max_connections: Self::CONNECTIONS,
            max_unproven_connections: Self::UNPROVEN_CONNECTIONS,
            max_calls_per_connection: 256,
            grace: Duration::from_secs(5),
            clock,
            disturbances: Disturbances::default(),
            disturbed: Arc::default(),
        }
    }

    /// Without a token, only loopback addresses are allowed.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn may_listen_on(&self, address: SocketAddr) -> Result<(), String> {
        if self.reader_token.is_some() || self.writer_token.is_some() || address.ip().is_loopback() {
            return Ok(());
        }
        Err(format!(
            "at {address} the EventStoreDB-protocol server would be open to the network without a token; set a token, or listen on 127.0.0.1"
        ))
    }
}

impl fmt::Debug for ServerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSettings")
            .field("write", &self.write)
            .field("reader_token", &self.reader_token)
            .field("writer_token", &self.writer_token)
            .field("tls", &self.tls.is_some())
            .field("advertise", &self.advertise)
            .field("disturbances", &self.disturbances)
            .finish_non_exhaustive()
    }
}

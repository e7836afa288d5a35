//! How patient the connection is.

use lastseat_domain::ports::Clock;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Bounds of a connection to Redis.
#[derive(Clone)]
pub struct RedisOptions {
    /// How long a call waits for its answer, in all; 250 ms by default. What is not answered by
    /// then is "unavailable", and whether it was done is not known.
    pub response_timeout: Duration,
    /// How long one server has for accepting a connection and greeting; 500 ms by default. Only the
    /// background waits for it, no call does.
    pub connect_timeout: Duration,
    /// The longest pause between two tries to connect; 1 s by default.
    pub most_backoff: Duration,
    /// For `rediss://` URLs: the certificates, in PEM, of the authorities that servers are believed by;
    /// none (the default) for those that browsers believe.
    pub root_certificates: Option<Vec<u8>>,
    /// For [`Redis::check`](crate::Redis::check): the clock that the server's is compared with. None
    /// by default: the two are not compared.
    pub clock: Option<Arc<dyn Clock>>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            response_timeout: Duration::from_millis(250),
            connect_timeout: Duration::from_millis(500),
            most_backoff: Duration::from_secs(1),
            root_certificates: None,
            clock: None,
        }
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("response_timeout", &self.response_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("most_backoff", &self.most_backoff)
            .field("root_certificates", &self.root_certificates.is_some())
            .field("clock", &self.clock.is_some())
            .finish()
    }
}

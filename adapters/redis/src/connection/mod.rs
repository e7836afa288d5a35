//! The connection to Redis, shared by all callers.

mod connect;
mod no_answer;
mod reconnecting;
mod server;

pub use no_answer::NoAnswer;

use crate::address::{Address, BadRedisUrl};
use crate::options::RedisOptions;
use connect::Connector;
use reconnecting::Reconnecting;
use redis::{Cmd, Value};
use std::fmt;
use std::sync::Arc;
use tokio::time::Instant;

/// A connection to one Redis server, to the master of a Sentinel set-up, or to a cluster. Cheap to
/// clone; all clones share it, and the commands of all are pipelined.
///
/// It is opened, monitored and reopened in the background for as long as a clone is alive. While it is
/// down, calls fail at once.
#[derive(Clone)]
pub struct Redis {
    connection: Arc<Reconnecting>,
    address: Arc<str>,
    options: Arc<RedisOptions>,
}

impl Redis {
    /// Begins to connect to `redis://[user:pass@]host:port[/db]`,
    /// `redis+sentinel://[user:pass@]h1:26379,h2:26379/master-name[/db]` or
    /// `redis+cluster://[user:pass@]h1:7001,h2:7002`; with `rediss` in place of `redis` over TLS, for
    /// which the process has to have installed rustls' crypto provider. Does not wait, and does not
    /// fail if Redis is down. To be called within a tokio runtime.
    ///
    /// # Errors
    /// [`BadRedisUrl`].
    pub fn open(url: &str, options: RedisOptions) -> Result<Self, BadRedisUrl> {
        let address = Address::parse(url)?;
        let connection = Reconnecting::new(Connector::new(&address, &options), options.clone());
        Ok(Self { connection, address: address.display.into(), options: Arc::new(options) })
    }

    /// The URL without its password, for messages.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Why there is no connection, if there is none: the last attempt to connect failed, or the connection
    /// broke. Reads what the background task found out; sends nothing.
    #[must_use]
    pub fn trouble(&self) -> Option<NoAnswer> {
        self.connection.trouble()
    }

    pub(crate) fn options(&self) -> &RedisOptions {
        &self.options
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.connection.is_cluster()
    }

    /// When a call that begins now has to be over.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.options.response_timeout
    }

    /// Sends one command, and waits for its answer until `deadline`.
    pub(crate) async fn request(&self, command: &Cmd, deadline: Instant) -> Result<Value, NoAnswer> {
        self.connection.request(command, deadline).await
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("address", &self.address).finish_non_exhaustive()
    }
}

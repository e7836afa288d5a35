//! A Lua script, known to servers by its hash.

use crate::connection::{NoAnswer, Redis};
use redis::{Cmd, Value};
use tokio::time::Instant;

/// A script of `lua/`, compiled into the program.
pub(crate) struct Script {
    /// The name of its file, without the ending.
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    hash: String,
}

impl Script {
    pub(crate) fn new(name: &'static str, source: &'static str) -> Self {
        let hash = redis::Script::new(source).get_hash().to_owned();
        Self { name, source, hash }
    }

    /// Calls it on `keys`, which are all in one slot, with `args`. A server that does not know the
    /// script (restarted, flushed, or new) is sent its text. All within one response time-out.
    pub(crate) async fn call(&self, redis: &Redis, keys: &[String], args: &[&str]) -> Result<Value, NoAnswer> {
        self.call_until(redis.deadline(), redis, keys, args).await
    }

    /// The same with another bound than the response time-out.
    pub(crate) async fn call_until(
        &self,
        deadline: Instant,
        redis: &Redis,
        keys: &[String],
        args: &[&str],
    ) -> Result<Value, NoAnswer> {
        match redis.request(&command("EVALSHA", &self.hash, keys, args), deadline).await {
            Err(why) if why.is_unknown_script() => redis.request(&command("EVAL", self.source, keys, args), deadline).await,
            answer => answer,
        }
        .map_err(|why| why.during(self.name))
    }
}

fn command(how: &str, script: &str, keys: &[String], args: &[&str]) -> Cmd {
    let mut command = redis::cmd(how);
    command.arg(script).arg(keys.len()).arg(keys).arg(args);
    command
}

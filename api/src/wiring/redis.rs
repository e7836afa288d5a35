//! Redis, which guards the seats and counts the commands of all nodes.

use super::start_error::StartError;
use crate::config::Config;
use lastseat_domain::ports::Clock;
use lastseat_redis::{Redis, RedisOptions, Severity};
use std::sync::Arc;

/// Opens what the configuration names, if it does. A Redis that can't be reached is no reason not to
/// start: it is a filter, and the node sells without it until it answers. One that would lose locks is.
pub(super) async fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Redis>, StartError> {
    let Some(url) = &config.redis else { return Ok(None) };
    let options = options(config, clock);
    let redis = Redis::open(url.expose(), options).map_err(|error| StartError::Guard(error.to_string()))?;
    match redis.check().await {
        Ok(checkup) => {
            for finding in checkup.findings {
                match finding.severity {
                    Severity::Refuse => return Err(StartError::Guard(finding.to_string())),
                    Severity::Warn => tracing::warn!(redis = redis.address(), %finding, "Redis could be set up better"),
                    Severity::Ok => {}
                }
            }
        }
        Err(error) => tracing::warn!(%error, "selling on without the seat guard until it answers"),
    }
    Ok(Some(redis))
}

/// How patient the connection is.
pub(super) fn options(config: &Config, clock: &Arc<dyn Clock>) -> RedisOptions {
    RedisOptions { response_timeout: config.redis_timeout, clock: Some(Arc::clone(clock)), ..RedisOptions::default() }
}

//! Which seat guard: one in this process, or Redis for all nodes.

use super::StartError;
use crate::config::Config;
use lastseat_domain::ports::{Clock, SeatGuard};
use lastseat_engine::adapters::seat_guard::InProcessGuard;
use lastseat_redis::{Redis, RedisGuard, RedisOptions};
use std::sync::Arc;

/// Opens what the configuration names. A Redis that can't be reached is no reason not to start: it is
/// a filter, and the node sells without it until it answers. One that would lose locks is.
pub(super) async fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<dyn SeatGuard>, StartError> {
    let Some(url) = &config.redis else { return Ok(Arc::new(InProcessGuard::new(Arc::clone(clock)))) };
    let redis = Redis::open(url.expose(), RedisOptions::default()).map_err(|error| StartError::Guard(error.to_string()))?;
    match redis.check().await {
        Ok(checkup) => {
            if let Some(why) = checkup.refusal() {
                return Err(StartError::Guard(why));
            }
            for warning in checkup.warnings() {
                tracing::warn!(redis = redis.address(), warning, "Redis could be set up better");
            }
        }
        Err(error) => tracing::warn!(redis = redis.address(), %error, "Redis does not answer; selling on without it until it does"),
    }
    Ok(Arc::new(RedisGuard::new(redis)))
}

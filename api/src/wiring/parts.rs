//! The parts of a server that follow from its configuration alone, or from its log.

use super::eventstore_server;
use super::snapshots::open_box_office;
use super::start_error::StartError;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::demo;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::stripe_amounts;
use lastseat_domain::ports::event_log::{Filter, last_position};
use lastseat_domain::ports::{Clock, EventLog, RateLimiter};
use lastseat_engine::{BoxOffice, Ports, Settings};
use lastseat_in_process::InProcessLimiter;
use lastseat_projections::ReadModel;
use lastseat_redis::{Redis, RedisLimiter};
use std::sync::Arc;
use std::time::Duration;

/// How long a start waits for the seat map before it serves the map as it is.
const MAP_PATIENCE: Duration = Duration::from_secs(30);
/// How long it waits for the lists besides. On a long log they take much longer than the map, and nobody needs them to sell:
/// until they are complete, they answer 503.
const LISTS_PATIENCE: Duration = Duration::from_millis(500);

/// Connections that another server of this process may take.
pub(super) fn other_connections(config: &Config) -> u64 {
    config.eventstore_listen.map_or(0, |_| eventstore_server::MAX_CONNECTIONS as u64)
}

/// The write side and the read side, with the demo show if it is wanted. They read the log at the same time: what the one
/// has read and decoded, the other need not.
pub(super) async fn open_both_sides(
    config: &Config,
    data: &DataDir,
    ports: Ports,
    metrics: &Metrics,
) -> Result<(BoxOffice, ReadModel), StartError> {
    let (log, clock) = (Arc::clone(&ports.log), Arc::clone(&ports.clock));
    let views = open_views(data, Arc::clone(&log), Arc::clone(&clock));
    let (box_office, read_model) = tokio::join!(open_box_office(data, ports, settings(config), metrics), views);
    let (box_office, read_model) = match (box_office, read_model) {
        (Ok(box_office), Ok(read_model)) => (box_office, read_model),
        (Ok(box_office), Err(error)) => {
            box_office.drain(config.drain).await;
            return Err(error);
        }
        (Err(error), Ok(read_model)) => {
            read_model.stop().await;
            return Err(error);
        }
        (Err(error), Err(_)) => return Err(error),
    };
    let rest = async {
        if config.demo {
            demo::put_on_sale(&box_office, config.hold, clock.now()).await?;
        }
        let head = last_position(&*log, &Filter::our_streams()).await?;
        if !read_model.wait_for_seats(head, MAP_PATIENCE).await {
            tracing::warn!("the seat map has not caught up with the log yet");
        }
        if !read_model.wait_for(head, LISTS_PATIENCE).await {
            tracing::info!(
                "seats are on sale; lists of bookings, rewards, sales and check-ins answer 503 until they have caught up with the log"
            );
        }
        Ok(())
    };
    let done: Result<(), StartError> = rest.await;
    if let Err(error) = done {
        box_office.drain(config.drain).await;
        read_model.stop().await;
        return Err(error);
    }
    Ok((box_office, read_model))
}

async fn open_views(data: &DataDir, log: Arc<dyn EventLog>, clock: Arc<dyn Clock>) -> Result<ReadModel, StartError> {
    let dir = data.views();
    ReadModel::open(log, clock, Some(dir.clone())).await.map_err(|source| StartError::Views { source, dir })
}

/// Each node limits what comes to it; with Redis, all of them together.
pub(super) fn limits(config: &Config, redis: Option<Redis>, clock: &Arc<dyn Clock>) -> Limits {
    let own = Arc::new(InProcessLimiter::new(Arc::clone(clock)));
    let shared = redis.map(|redis| Arc::new(RedisLimiter::new(redis)) as Arc<dyn RateLimiter>);
    Limits::new(config.quotas(), config.proxies(), own, shared)
}

fn settings(config: &Config) -> Settings {
    Settings {
        max_in_flight: config.max_in_flight,
        passivate_after: config.passivate,
        max_seat_actors: config.max_seat_actors,
        settle_after: config.settle,
        payment_patience: config.payment_patience,
        can_charge: if config.stripe_key.is_some() { stripe_amounts::can_charge } else { |_| true },
    }
}

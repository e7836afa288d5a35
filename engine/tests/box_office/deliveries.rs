//! What is sent to the shop's endpoints, as commands see it.

use crate::common;

use common::*;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{Direction, Filter, Position};
use lastseat_domain::{CommandId, EndpointId};
use lastseat_engine::Origin;
use std::time::Duration;
use uuid::Uuid;

/// The last event of the stream has all of the state, but not every command: a claim follows the replay.
#[tokio::test(start_paused = true)]
async fn a_replay_that_is_sent_again_happens_once_also_at_another_node() {
    for atomic in [true, false] {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let shop = EndpointId::new("shop").unwrap();
        let head = bench.history().await.last().unwrap().position;
        let origin = || Origin::from("maria").repeatable(Some(CommandId::new([7; 16])));
        office.replay_deliveries(&shop, Position::START, origin()).await.unwrap();
        let first = bench.log.read_all(None, Direction::Forwards, 1, &Filter::all()).await.unwrap().remove(0);
        let lasts = Duration::from_secs(30);
        assert!(office.claim_deliveries(&shop, Uuid::from_u128(1), (&first, head), lasts).await.unwrap().is_some());
        let other = bench.node().await;
        later(1).await;
        for office in [&office, &other] {
            office.replay_deliveries(&shop, Position::START, origin()).await.unwrap();
        }
        let replays = bench.history().await.into_iter().filter(|event| matches!(event.event, Event::DeliveriesReplayed(_)));
        assert_eq!(replays.count(), 1);
        // Another command is another replay.
        office.replay_deliveries(&shop, Position::START, Origin::from("maria")).await.unwrap();
        let replays = bench.history().await.into_iter().filter(|event| matches!(event.event, Event::DeliveriesReplayed(_)));
        assert_eq!(replays.count(), 2);
    }
}

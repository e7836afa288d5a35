//! What is counted of messages.

use super::*;
use crate::actors::mailbox::Posted;
use std::time::Duration;
use tokio::sync::Notify;

/// Works on a message until its gate opens, and then does with it what the message says.
#[derive(Clone)]
struct Worker;

struct Task {
    gate: Arc<Notify>,
    end: End,
    reply: Option<oneshot::Sender<()>>,
}

#[derive(Clone, Copy)]
enum End {
    Done,
    Fault,
    Panic,
}

impl Actor for Worker {
    type Msg = Posted<Task>;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        Posted { message: Task { gate, end, reply }, counted: _counted }: Self::Msg,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        gate.notified().await;
        match end {
            End::Done => {
                if let Some(reply) = reply {
                    // Who asked may have gone away.
                    let _gone = reply.send(());
                }
                Ok(())
            }
            End::Fault => Err("planted".into()),
            End::Panic => panic!("planted"),
        }
    }
}

struct Bench {
    registry: Registry<u8, Worker>,
    gate: Arc<Notify>,
}

impl Bench {
    /// An actor that has been started and has nothing to do.
    async fn new() -> Self {
        let (supervisor, _) = Supervisor::spawn(None, Supervisor, ()).await.unwrap();
        let bench = Self { registry: Registry::new(supervisor.get_cell(), 8), gate: Arc::default() };
        bench.gate.notify_one();
        bench.ask().await.unwrap();
        bench.settled(0).await;
        bench
    }

    async fn ask(&self) -> Result<(), Fault> {
        let task = |reply| Task { gate: self.gate.clone(), end: End::Done, reply: Some(reply) };
        self.registry.ask(&1, Timestamp::UNIX_EPOCH, || (Worker, ()), task).await
    }

    fn tell(&self, end: End) {
        self.registry.tell(&1, Task { gate: self.gate.clone(), end, reply: None });
    }

    /// Until so many messages are left.
    async fn settled(&self, messages: usize) {
        for _ in 0..1000 {
            if self.registry.messages() == messages {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{} messages, not {messages}", self.registry.messages());
    }
}

#[tokio::test(start_paused = true)]
async fn messages_count_until_they_are_handled() {
    let bench = Bench::new().await;
    (0..3).for_each(|_| bench.tell(End::Done));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.registry.messages(), 3, "the first is being handled, and the others wait for it");
    bench.gate.notify_one();
    bench.settled(2).await;
    let asking = bench.ask();
    let handling = async {
        bench.settled(3).await;
        for _ in 0..3 {
            bench.gate.notify_one();
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (asked, ()) = tokio::join!(asking, handling);
    asked.unwrap();
    bench.settled(0).await;
}

#[tokio::test(start_paused = true)]
async fn what_an_actor_leaves_unhandled_when_it_dies_is_not_counted_any_more() {
    for end in [End::Fault, End::Panic] {
        let bench = Bench::new().await;
        bench.tell(end);
        (0..5).for_each(|_| bench.tell(End::Done));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(bench.registry.messages(), 6);
        bench.gate.notify_one();
        bench.settled(0).await;
        // Nobody receives this one.
        bench.tell(End::Done);
        bench.settled(0).await;
        assert_eq!(bench.registry.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn nor_is_what_a_killed_actor_was_handling() {
    let bench = Bench::new().await;
    (0..5).for_each(|_| bench.tell(End::Done));
    bench.settled(5).await;
    bench.registry.entries.get(&1).unwrap().actor.kill();
    bench.settled(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_has_gone_away_leaves_its_message() {
    let bench = Bench::new().await;
    assert!(tokio::time::timeout(Duration::from_secs(1), bench.ask()).await.is_err());
    assert_eq!(bench.registry.messages(), 1);
    bench.gate.notify_one();
    bench.settled(0).await;
}

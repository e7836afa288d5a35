//! The server's subscription, pumped by a task of its own: the client's call must not be given up
//! half-way, and takes for granted that a server keeps to the protocol.

use crate::filter;
use crate::link::Link;
use crate::record::Raw;
use crate::trouble::Trouble;
use eventstore::{Position as ServerPosition, StreamPosition, SubscribeToAllOptions, SubscriptionEvent};
use futures::FutureExt;
use lastseat_domain::ports::event_log::{Filter, Position};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Events that may wait for the reader; then the server has to.
const WAITING: usize = 512;

/// What the server has to say.
pub(crate) enum News {
    /// The subscription stands.
    Confirmed,
    /// An event; which one is for the reader to judge.
    Event(Box<Raw>),
    /// The server reached some point; it may be worth a look.
    Hint,
    /// The server can't keep up for the moment.
    FellBehind,
}

/// A subscription of the server's. Dropped, it ends.
pub(crate) struct Pump {
    news: mpsc::Receiver<Result<News, Trouble>>,
    _task: AbortOnDropHandle<()>,
}

impl Pump {
    /// Subscribes behind `from`.
    pub(crate) fn start(link: Arc<Link>, from: Position, filter: &Filter) -> Self {
        let position = match from {
            Position::START => StreamPosition::Start,
            Position(at) => StreamPosition::Position(ServerPosition { commit: at, prepare: at }),
        };
        let mut options = SubscribeToAllOptions::default().position(position).filter(filter::at_server(filter));
        if let Some(credentials) = &link.connection.credentials {
            options = options.authenticated(credentials.clone());
        }
        let (sender, news) = mpsc::channel(WAITING);
        let task = async move {
            let pumped = AssertUnwindSafe(pump(&link, &options, &sender)).catch_unwind().await;
            let trouble = pumped.unwrap_or_else(|_| Trouble::Lost("the client failed on the server's message".to_owned()));
            let _ = sender.send(Err(trouble)).await;
        };
        Self { news, _task: AbortOnDropHandle::new(tokio::spawn(task)) }
    }

    /// The next news; the last is why it ended.
    pub(crate) async fn next(&mut self) -> Option<Result<News, Trouble>> {
        self.news.recv().await
    }
}

/// Pumps until something goes wrong, and says what.
async fn pump(link: &Link, options: &SubscribeToAllOptions, sender: &mpsc::Sender<Result<News, Trouble>>) -> Trouble {
    // The first answer within the time of a read, under the eyes of the circuit breaker.
    let first = link
        .call(link.options.read_deadline, |held| async move {
            let mut subscription = held.client.subscribe_to_all(options).await;
            let first = subscription.next_subscription_event().await?;
            Ok((subscription, first))
        })
        .await;
    let (mut subscription, mut event) = match first {
        Ok(first) => first,
        Err(trouble) => return trouble,
    };
    loop {
        if let Some(news) = news_of(event)
            && sender.send(Ok(news)).await.is_err()
        {
            return Trouble::Resting("nobody reads any more".to_owned());
        }
        event = match subscription.next_subscription_event().await {
            Ok(event) => event,
            Err(error) => return error.into(),
        };
    }
}

fn news_of(event: SubscriptionEvent) -> Option<News> {
    match event {
        SubscriptionEvent::Confirmed(_) => Some(News::Confirmed),
        SubscriptionEvent::EventAppeared(resolved) => Raw::of(resolved).map(|raw| News::Event(Box::new(raw))),
        SubscriptionEvent::Checkpoint(_) | SubscriptionEvent::CaughtUp(_) => Some(News::Hint),
        SubscriptionEvent::FellBehind(_) => Some(News::FellBehind),
        SubscriptionEvent::FirstStreamPosition(_)
        | SubscriptionEvent::LastStreamPosition(_)
        | SubscriptionEvent::LastAllPosition(_) => None,
    }
}

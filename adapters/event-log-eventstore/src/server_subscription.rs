//! The server's subscription, read by a task of its own: the client's call must not be cancelled
//! half-way, and panics on servers that violate the protocol.

use crate::call_error::CallError;
use crate::connection::Connection;
use crate::filter;
use crate::options::Options;
use crate::record::RawEvent;
use eventstore::{Position as ServerPosition, StreamPosition, SubscribeToAllOptions, SubscriptionEvent};
use futures::FutureExt;
use lastseat_domain::ports::event_log::{Filter, Position};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Messages buffered for the reader; when full, the server has to wait.
const WAITING: usize = 512;

pub(crate) enum ServerMessage {
    /// The subscription is established.
    Confirmed,
    /// An event, which may have been delivered before.
    Event(Box<RawEvent>),
    /// A checkpoint or "caught up": the log should be read to see how far it is.
    Hint,
    FellBehind,
}

/// Ends when dropped.
pub(crate) struct ServerSubscription {
    messages: mpsc::Receiver<Result<ServerMessage, CallError>>,
    _task: AbortOnDropHandle<()>,
}

impl ServerSubscription {
    /// Subscribes after `from`.
    pub(crate) fn start(connection: Arc<Connection>, from: Position, filter: &Filter) -> Self {
        let position = match from {
            Position::START => StreamPosition::Start,
            Position(at) => StreamPosition::Position(ServerPosition { commit: at, prepare: at }),
        };
        let mut options = SubscribeToAllOptions::default().position(position).filter(filter::server_filter(filter));
        if let Some(credentials) = &connection.target.credentials {
            options = options.authenticated(credentials.clone());
        }
        let (sender, messages) = mpsc::channel(WAITING);
        let task = async move {
            let forwarded = AssertUnwindSafe(forward(&connection, &options, &sender)).catch_unwind().await;
            let error = forwarded.unwrap_or_else(|_| CallError::Lost("the client failed on the server's message".to_owned()));
            let _ = sender.send(Err(error)).await;
        };
        Self { messages, _task: AbortOnDropHandle::new(tokio::spawn(task)) }
    }

    /// A message that is there already: no timers for each of a burst.
    pub(crate) fn arrived(&mut self) -> Option<Result<ServerMessage, CallError>> {
        self.messages.try_recv().ok()
    }

    /// The next message; the last one is the reason of the end.
    pub(crate) async fn next(&mut self) -> Option<Result<ServerMessage, CallError>> {
        self.messages.recv().await
    }
}

/// Forwards messages until an error, which it returns.
async fn forward(
    connection: &Connection,
    options: &SubscribeToAllOptions,
    sender: &mpsc::Sender<Result<ServerMessage, CallError>>,
) -> CallError {
    // The first answer has the time limit of a read, and is counted by the circuit breaker.
    let first = connection
        .call(Options::one_try(connection.options.read_deadline), |numbered| async move {
            let mut subscription = numbered.client.subscribe_to_all(options).await;
            let first = subscription.next_subscription_event().await?;
            Ok((subscription, first, numbered.number))
        })
        .await;
    let (mut subscription, mut event, number) = match first {
        Ok(first) => first,
        Err(error) => return error,
    };
    loop {
        if let Some(message) = message_of(event)
            && sender.send(Ok(message)).await.is_err()
        {
            return CallError::Suspended("the reader is gone".to_owned());
        }
        event = match subscription.next_subscription_event().await {
            Ok(event) => event,
            Err(error) => return error.into(),
        };
        connection.heard(number);
    }
}

fn message_of(event: SubscriptionEvent) -> Option<ServerMessage> {
    match event {
        SubscriptionEvent::Confirmed(_) => Some(ServerMessage::Confirmed),
        SubscriptionEvent::EventAppeared(resolved) => RawEvent::of(resolved).map(|raw| ServerMessage::Event(Box::new(raw))),
        SubscriptionEvent::Checkpoint(_) | SubscriptionEvent::CaughtUp(_) => Some(ServerMessage::Hint),
        SubscriptionEvent::FellBehind(_) => Some(ServerMessage::FellBehind),
        SubscriptionEvent::FirstStreamPosition(_)
        | SubscriptionEvent::LastStreamPosition(_)
        | SubscriptionEvent::LastAllPosition(_) => None,
    }
}

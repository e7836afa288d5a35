//! Follows the seats of the chosen show: reads them once, then their changes from the stream. After a cut it goes on
//! where it was.

use super::model::{Source, Update};
use super::poll::News;
use super::reader::{NotRead, Server};
use super::seat_map::{Aisles, Message, SeatList, SeatMap};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use sse_stream::SseByteStream;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

const JSON: &str = "application/json";
/// Before the next try.
const PAUSE: Duration = Duration::from_secs(1);

/// Who follows.
#[derive(Debug)]
pub struct Follow {
    server: Server,
    started: Instant,
    news: mpsc::Sender<News>,
}

/// Nobody reads the news.
#[derive(Debug)]
struct Unread;

/// Why the changes have ended.
enum End {
    /// The seats have to be read again.
    Stale,
    Unread,
}

impl From<Unread> for End {
    fn from(_: Unread) -> Self {
        Self::Unread
    }
}

impl Follow {
    #[must_use]
    pub fn new(server: Server, started: Instant, news: mpsc::Sender<News>) -> Self {
        Self { server, started, news }
    }

    /// Follows whichever show is chosen, until nobody chooses or reads the news.
    pub async fn run(self, mut chosen: watch::Receiver<Option<String>>) {
        loop {
            let show = chosen.borrow_and_update().clone();
            let follow = async {
                match &show {
                    Some(show) => self.follow(show).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = chosen.changed() => if changed.is_err() { return },
                Unread = follow => return,
            }
        }
    }

    async fn tell(&self, update: Update) -> Result<(), Unread> {
        self.news.send((self.started.elapsed(), update)).await.map_err(|_| Unread)
    }

    async fn follow(&self, show: &str) -> Unread {
        loop {
            let end = match self.seats(show).await {
                Ok((list, aisles)) => self.changes(show, list, aisles).await,
                Err(error) => {
                    let lost = Update::Lost(Source::Stream, error.to_string());
                    self.tell(lost).await.map_or_else(End::from, |()| End::Stale)
                }
            };
            if matches!(end, End::Unread) {
                return Unread;
            }
            sleep(PAUSE).await;
        }
    }

    async fn seats(&self, show: &str) -> Result<(SeatList, Aisles), NotRead> {
        let aisles = self.server.json(&format!("/v1/shows/{show}"), JSON).await?;
        Ok((self.server.json(&format!("/v1/shows/{show}/seats"), JSON).await?, aisles))
    }

    /// Hands on the seats and their changes, over as many connections as it takes.
    async fn changes(&self, show: &str, list: SeatList, aisles: Aisles) -> End {
        let mut after = list.position.to_string();
        if let Err(unread) = self.tell(Update::Map(show.to_owned(), SeatMap::new(list, &aisles))).await {
            return unread.into();
        }
        loop {
            let why = match self.server.follow(&format!("/v1/shows/{show}/seats/stream"), &after).await {
                Ok(bytes) => match self.hand_on(show, bytes, &mut after).await {
                    Ok(why) => why,
                    Err(end) => return end,
                },
                // The log has not got so far, after a restore from a backup; or the show is gone.
                Err(error @ NotRead::Refused { .. }) => {
                    let lost = Update::Lost(Source::Stream, error.to_string());
                    return self.tell(lost).await.map_or_else(End::from, |()| End::Stale);
                }
                Err(error) => error.to_string(),
            };
            if let Err(unread) = self.tell(Update::Lost(Source::Stream, why)).await {
                return unread.into();
            }
            sleep(PAUSE).await;
        }
    }

    /// Hands on the changes of one connection, and says why it ended. `after` is moved to the last one.
    async fn hand_on(
        &self,
        show: &str,
        bytes: impl Stream<Item = Result<Bytes, NotRead>> + Unpin,
        after: &mut String,
    ) -> Result<String, End> {
        self.tell(Update::Following(show.to_owned())).await?;
        let mut events = std::pin::pin!(SseByteStream::new(bytes));
        loop {
            let event = match events.next().await {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Ok(error.to_string()),
                None => return Ok("the server ended the stream".to_owned()),
            };
            // Comments and what a later version adds have nothing that is understood here.
            let message: Option<Message> = event.data.and_then(|data| serde_json::from_str(&data).ok());
            if let Some(Message::Revised { .. }) = message {
                return Err(End::Stale);
            }
            if let Some(message) = message {
                self.tell(Update::Message(show.to_owned(), message)).await?;
            }
            after.clone_from(&event.id.unwrap_or_else(|| after.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::top::seats::SeatState;
    use axum::extract::State;
    use axum::routing::get;
    use axum::{Json, Router};
    use http::{HeaderMap, StatusCode};
    use parking_lot::Mutex;
    use serde_json::{Value, json};
    use std::sync::Arc;

    /// What was asked: `seats`, or the id after which the stream was to begin.
    type Asked = Arc<Mutex<Vec<String>>>;

    async fn seats(State(asked): State<Asked>) -> Json<Value> {
        asked.lock().push("seats".to_owned());
        let seat = |seat: &str| json!({ "seat": seat, "area": "a", "state": "available" });
        Json(json!({ "position": 3, "seats": [seat("A-1"), seat("A-2")], "areas": [] }))
    }

    /// Cuts each stream in the middle of a change; has not got further than position 5.
    async fn stream(State(asked): State<Asked>, headers: HeaderMap) -> (StatusCode, &'static str) {
        let after = headers["last-event-id"].to_str().unwrap().to_owned();
        asked.lock().push(after.clone());
        match after.as_str() {
            "3" => (
                StatusCode::OK,
                "retry: 1000\n: hello\n\nid: 4\nevent: seat_locked\ndata: {\"seat\":\"A-1\",\"state\":\"locked\",\"position\":4,\
                 \"at\":\"2026-11-20T13:57:07Z\"}\n\n: still here\n\nid: 5\nevent: seat_booked\ndata: {\"seat\":\"A-2\",",
            ),
            "4" => (
                StatusCode::OK,
                "event: a_later_version\ndata: [1]\n\nid: 5\nevent: seat_booked\ndata: {\"seat\":\"A-2\",\"state\":\"booked\",\
                 \"position\":5,\"at\":\"2026-11-20T13:57:08Z\"}\n\n",
            ),
            _ => (StatusCode::BAD_REQUEST, "{\"detail\":\"load the seats again\"}"),
        }
    }

    /// Starts the server and follows it.
    async fn followed() -> (Asked, mpsc::Receiver<News>, watch::Sender<Option<String>>) {
        let asked = Asked::default();
        let router = Router::new()
            .route("/v1/shows/gala", get(async || Json(json!({ "id": "gala", "areas": [] }))))
            .route("/v1/shows/gala/seats", get(seats))
            .route("/v1/shows/gala/seats/stream", get(stream));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router.with_state(Arc::clone(&asked))).into_future());
        let (news, read) = mpsc::channel(16);
        let (choose, chosen) = watch::channel(None);
        tokio::spawn(Follow::new(Server::new(&url, None).unwrap(), Instant::now(), news).run(chosen));
        (asked, read, choose)
    }

    #[tokio::test]
    async fn after_a_cut_it_goes_on_at_the_last_whole_change() {
        let (asked, mut news, choose) = followed().await;
        choose.send_replace(Some("gala".to_owned()));
        let mut changes = Vec::new();
        let mut maps = 0;
        while maps < 2 {
            match news.recv().await.unwrap().1 {
                Update::Map(..) => maps += 1,
                Update::Message(_, Message::Seat { seat, state, .. }) => changes.push((seat, state)),
                _ => {}
            }
        }
        assert_eq!(changes, [("A-1".to_owned(), SeatState::Locked), ("A-2".to_owned(), SeatState::Booked)]);
        // The log has not got to 5, as after a restore: the seats are read again.
        assert_eq!(asked.lock()[..5], ["seats", "3", "4", "5", "seats"]);
    }

    #[tokio::test]
    async fn nothing_is_read_before_a_show_is_chosen_and_nothing_after_the_news_are_left() {
        let (asked, news, choose) = followed().await;
        tokio::task::yield_now().await;
        assert!(asked.lock().is_empty());
        drop(news);
        choose.send_replace(Some("gala".to_owned()));
        // It ends, and with it the receiver of what is chosen.
        choose.closed().await;
    }
}

//! Makes a snapshot of a log without a box office: nothing is sold, expired or rewarded meanwhile.

use crate::error::Fault;
use crate::reactors::fold::Knowledge;
use crate::reactors::pending_bookings::PendingBookings;
use crate::settings::Settings;
use crate::snapshot::{CheckedSnapshot, Snapshot};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::landmark::Landmark;
use lastseat_domain::ports::event_log::{Direction, Filter, Position};
use lastseat_domain::{Timestamp, codec};

/// Events read at a time.
const PAGE: usize = 2_000;

impl Snapshot {
    /// A snapshot of everything that the log has now; none if it has no event of ours. `start`: an older one of the same
    /// log, after which it is read.
    ///
    /// # Errors
    /// [`Fault`] if the log can't be read.
    pub async fn of_log(log: &dyn EventLog, start: Option<CheckedSnapshot>, now: Timestamp) -> Result<Option<Self>, Fault> {
        let atomic = log.atomic_across_streams();
        let knowledge = Knowledge::empty(atomic, Settings::default().settle_after);
        let (mut position, mut last) = (Position::START, None);
        let mut pending = PendingBookings::default();
        if let Some(start) = start {
            (position, last) = (start.position, Some(start.landmark.clone()));
            pending = knowledge.restore(start, now);
        }
        loop {
            let page = log.read_all(Some(position), Direction::Forwards, PAGE, &Filter::our_streams()).await?;
            for recorded in &page {
                if let Some(envelope) = codec::decode(recorded)? {
                    knowledge.apply(&envelope, true, &mut pending);
                }
            }
            if let Some(recorded) = page.last() {
                (position, last) = (recorded.position, Some(Landmark::from(&**recorded)));
            }
            if page.len() < PAGE {
                break;
            }
        }
        let (shows, known_bookings) = (knowledge.shows.take_snapshot(), knowledge.known_bookings.take_snapshot());
        let (plans, pictures) = (knowledge.shows.plans_snapshot(), knowledge.shows.pictures_snapshot());
        let state = knowledge.take_snapshot(&pending);
        let of = |landmark: Landmark| Self {
            position,
            landmark,
            taken_at: now,
            atomic,
            shows,
            plans,
            pictures,
            known_bookings,
            state,
        };
        Ok(last.map(of))
    }
}

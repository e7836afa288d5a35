//! Whether stored views belong to a log.

use crate::batch::Skipped;
use lastseat_domain::codec;
use lastseat_domain::ports::event_log::landmark::Landmark;
use lastseat_domain::ports::event_log::{Direction, Filter, Position};
use lastseat_domain::ports::{EventLog, LogFault};

/// Why views of the log up to `position`, whose last event is `last`, are not used with this log, if so.
pub(crate) async fn doubt_of(
    log: &dyn EventLog,
    position: Position,
    last: Option<&Landmark>,
    skipped: &[Skipped],
    head: Position,
) -> Result<Option<String>, LogFault> {
    if position > head {
        return Ok(Some(format!("they need the log up to position {position}, and the log ends at {head}")));
    }
    if let Some(last) = last
        && !last.is_in(log).await?
    {
        return Ok(Some(format!("the log does not have their last event, {last}")));
    }
    for skipped in skipped {
        if !is_unreadable(log, skipped.position).await? {
            return Ok(Some(format!("the event at position {}, which was skipped, can be read now", skipped.position)));
        }
    }
    Ok(None)
}

async fn is_unreadable(log: &dyn EventLog, position: Position) -> Result<bool, LogFault> {
    let before = Position(position.0.saturating_sub(1));
    let found = log.read_all(Some(before), Direction::Forwards, 1, &Filter::our_streams()).await?;
    Ok(found.first().is_some_and(|event| event.position == position && codec::decode(event).is_err()))
}

//! Compares what was acknowledged to buyers with the log, which is read from its file.

use crate::cli::load::seats::Won;
use crate::config::Config;
use crate::wiring::reading::Readable;
use lastseat_audit::Audit;
use lastseat_domain::ports::event_log::{Direction, Filter, Position};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Events read at a time.
const PAGE: usize = 5000;

/// What the log says about the acknowledged bookings.
pub struct Comparison {
    pub events: u64,
    pub violations: Vec<String>,
    /// Acknowledged, but not in the log.
    pub lost: Vec<String>,
}

/// Audits the log of a data directory, and looks for every booking that was acknowledged.
pub async fn compare(data: &Path, show: &str, won: &[Won]) -> Result<Comparison, String> {
    let config = Config { data: data.to_owned(), ..Config::default() };
    let log = Readable::open(&config).map_err(|error| error.to_string())?.log;
    let mut audit = Audit::new();
    let (mut position, mut events) = (Position::START, 0);
    let (mut opened, mut captured, mut owners) = (HashSet::new(), HashSet::new(), HashMap::new());
    loop {
        let page = log.read_all(Some(position), Direction::Forwards, PAGE, &Filter::all()).await;
        let page = page.map_err(|error| error.to_string())?;
        let Some(last) = page.last() else { break };
        position = last.position;
        events += page.len() as u64;
        for event in &page {
            audit.observe(event);
            let stream = event.stream.as_str();
            match event.event_type.as_str() {
                "BookingOpened" => drop(opened.insert(stream.to_owned())),
                "PaymentCaptured" => drop(captured.insert(stream.to_owned())),
                "SeatBooked" => drop(owners.insert(stream.to_owned(), booking_in(event.data.get()))),
                "SeatReleased" => drop(owners.remove(stream)),
                _ => {}
            }
        }
    }
    let mut lost = Vec::new();
    for booking in won {
        let stream = format!("booking-{}", booking.id);
        if !opened.contains(&stream) {
            lost.push(format!("booking {} was acknowledged, but was never opened", booking.id));
        }
        if booking.paid && !captured.contains(&stream) {
            lost.push(format!("booking {} was confirmed, but its payment is not in the log", booking.id));
        }
        for seat in booking.seats.iter().filter(|_| booking.paid) {
            if owners.get(&format!("seat-{show}.{}", seat.seat)) != Some(&booking.id) {
                lost.push(format!("seat {} of the confirmed booking {} is not sold to it", seat.seat, booking.id));
            }
        }
    }
    let report = audit.finish();
    let violations = report.violations.iter().map(|found| format!("{} ({})", found.text, found.stream)).collect();
    Ok(Comparison { events, violations, lost })
}

fn booking_in(data: &str) -> String {
    let data: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
    data.get("booking").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_event_log_sqlite::SqliteLog;
    use lastseat_in_process::SystemClock;
    use std::sync::Arc;

    #[tokio::test]
    async fn what_is_not_in_the_log_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        SqliteLog::open(dir.path().join("events.db"), Arc::new(SystemClock)).unwrap().close().await.unwrap();
        let won = |paid| Won {
            paid,
            ..serde_json::from_str(r#"{"id":"b","seats":[{"seat":"A-1"}],"token":"t","expires_at":"2026-01-01T00:10:00Z"}"#)
                .unwrap()
        };
        let compared = compare(dir.path(), "rush", &[won(false)]).await.unwrap();
        assert_eq!((compared.events, compared.lost.len()), (0, 1));
        assert_eq!(compare(dir.path(), "rush", &[won(true)]).await.unwrap().lost.len(), 3);
        assert!(compare(dir.path(), "rush", &[]).await.unwrap().lost.is_empty());
    }
}

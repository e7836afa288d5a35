//! The bodies of seat maps, each written once for all who ask at the same position.

use crate::seat_map::{AreaView, areas_of};
use crate::show_seats::ShowSeats;
use bytes::Bytes;
use lastseat_domain::ShowId;
use lastseat_domain::plan::{Hundredths, Plan, PlanOfShow};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How a seat map is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MapForm {
    /// An object for each labelled seat.
    Seats,
    /// A text for each row, with a letter for each of its seats: the first of its state's name.
    Rows,
}

/// A seat map as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapBody {
    /// Of the log, where this is true.
    pub position: Position,
    pub bytes: Bytes,
}

/// What is written: of which show, in which form and with which content coding; `""` is none.
type Kind = (ShowId, MapForm, &'static str);

#[derive(Default)]
pub(crate) struct MapBodies {
    kinds: Mutex<HashMap<Kind, Arc<Mutex<Option<Latest>>>>>,
    /// Bytes of bodies that are not the latest of their kind: only slow readers keep them.
    pub superseded: Arc<AtomicUsize>,
}

struct Latest {
    body: MapBody,
    /// Whether it was asked for since [`MapBodies::forget_unused`] was last called.
    is_used: bool,
    counted: Arc<Counted>,
}

/// Counts a body from when there is a later one until its last reader is gone.
struct Counted {
    bytes: usize,
    is_superseded: AtomicBool,
    total: Arc<AtomicUsize>,
}

/// A body with its count.
struct CountedBytes {
    bytes: Vec<u8>,
    counted: Arc<Counted>,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        if self.counted.is_superseded.load(Ordering::Acquire) {
            self.counted.total.fetch_sub(self.counted.bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Latest {
    fn drop(&mut self) {
        self.counted.total.fetch_add(self.counted.bytes, Ordering::Relaxed);
        self.counted.is_superseded.store(true, Ordering::Release);
    }
}

impl MapBodies {
    /// The body of a kind at `position` or later. `write` is called only if there is none yet, and says where what it
    /// has written is true.
    pub fn get(&self, kind: Kind, position: Position, write: impl FnOnce() -> Option<(Position, Vec<u8>)>) -> Option<MapBody> {
        let latest = Arc::clone(self.kinds.lock().entry(kind).or_default());
        // Held while writing: of a thousand concurrent requests, one writes and the others wait for it.
        let mut held = latest.lock();
        if let Some(latest) = held.as_mut().filter(|latest| latest.body.position >= position) {
            latest.is_used = true;
            return Some(latest.body.clone());
        }
        let (position, bytes) = write()?;
        let (is_superseded, total) = (AtomicBool::new(false), Arc::clone(&self.superseded));
        let counted = Arc::new(Counted { bytes: bytes.len(), is_superseded, total });
        let bytes = Bytes::from_owner(CountedBytes { bytes, counted: Arc::clone(&counted) });
        let body = MapBody { position, bytes };
        *held = Some(Latest { body: body.clone(), is_used: true, counted });
        Some(body)
    }

    /// Frees the bodies that nobody asked for since the last call.
    pub fn forget_unused(&self) {
        self.kinds.lock().retain(|_, latest| {
            // One that is being written is asked for.
            let Some(mut latest) = latest.try_lock() else { return true };
            latest.as_mut().is_some_and(|latest| std::mem::take(&mut latest.is_used))
        });
    }
}

/// A copy of what is needed to write a map, taken under the view's lock and written outside it.
pub(crate) struct ShowSnapshot {
    plan: Arc<Plan>,
    show: ShowId,
    on_plan: Option<PlanOfShow>,
    position: Position,
    states: Vec<SeatState>,
    areas: Vec<AreaView>,
}

impl ShowSnapshot {
    pub fn of(show_seats: &ShowSeats) -> Self {
        Self {
            plan: Arc::clone(&show_seats.plan),
            show: show_seats.facts.show.clone(),
            on_plan: show_seats.facts.plan.clone(),
            position: show_seats.changed_at,
            states: show_seats.states.clone(),
            areas: areas_of(show_seats),
        }
    }

    pub fn write(&self, form: MapForm) -> Option<(Position, Vec<u8>)> {
        let body = match form {
            MapForm::Seats => seats(self),
            MapForm::Rows => rows(self),
        };
        Some((self.position, body?))
    }
}

// Ids and states need no escaping: their alphabets have no quotes, backslashes or control characters. What is printed
// on a seat may have any.

/// What every form begins with, up to the member `name`.
fn begin(body: &mut Vec<u8>, map: &ShowSnapshot, name: &str) -> Option<()> {
    write!(body, r#"{{"show":"{}","position":{},"#, map.show, map.position).ok()?;
    if let Some(PlanOfShow { plan, revision, .. }) = &map.on_plan {
        write!(body, r#""plan":{{"plan":"{plan}","revision":{revision}}},"#).ok()?;
    }
    write!(body, r#""{name}":["#).ok()
}

fn seats(map: &ShowSnapshot) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(256 + map.states.len() * 72);
    begin(&mut body, map, "seats")?;
    let mut separator = "";
    for ((index, (id, seat)), state) in (0_u32..).zip(map.plan.seats()).zip(&map.states) {
        let Some(area) = map.plan.area_of(seat).filter(|area| area.labelled) else { continue };
        let (area, state, price) = (&area.area, state.name(), seat.price);
        write!(body, r#"{separator}{{"seat":"{id}","area":"{area}","state":"{state}","price":{price}"#).ok()?;
        if map.on_plan.is_some() {
            printed(&mut body, map, index)?;
        }
        body.push(b'}');
        separator = ",";
    }
    body.extend_from_slice(br#"],"areas":"#);
    serde_json::to_writer(&mut body, &map.areas).ok()?;
    body.push(b'}');
    Some(body)
}

/// What the plan prints on a seat, and where it is.
fn printed(body: &mut Vec<u8>, map: &ShowSnapshot, index: u32) -> Option<()> {
    let Some(printed) = map.plan.printed(index) else { return Some(()) };
    let mut text = |name: &str, text: &str| {
        write!(body, r#","{name}":"#).ok()?;
        serde_json::to_writer(&mut *body, text).ok()
    };
    if let Some(section) = printed.section {
        text("section", section)?;
    }
    text("row", printed.row)?;
    text("label", &printed.label)?;
    if let Some(at) = printed.at {
        write!(body, r#","x":{},"y":{}"#, Hundredths(at.x), Hundredths(at.y)).ok()?;
    }
    Some(())
}

fn rows(map: &ShowSnapshot) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(256 + map.states.len() * 2);
    begin(&mut body, map, "areas")?;
    for (index, area) in (0_u32..).zip(&map.areas) {
        if index > 0 {
            body.push(b',');
        }
        serde_json::to_writer(&mut body, area).ok()?;
        if !area.labelled {
            continue;
        }
        // The rows are the last member of the area's object.
        body.pop();
        body.extend_from_slice(br#","rows":["#);
        for (number, row) in map.plan.rows(index).enumerate() {
            let separator = if number > 0 { "," } else { "" };
            write!(body, r#"{separator}{{"row":"#).ok()?;
            serde_json::to_writer(&mut body, row.row).ok()?;
            body.extend_from_slice(br#","seats":""#);
            let states = map.states.iter().skip(row.first as usize).take(row.seats as usize);
            body.extend(states.filter_map(|state| state.name().bytes().next()));
            body.extend_from_slice(br#""}"#);
        }
        body.extend_from_slice(b"]}");
    }
    body.extend_from_slice(b"]}");
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_while_it_is_asked_for_and_freed_the_second_time_nobody_did() {
        let bodies = MapBodies::default();
        let written = std::cell::Cell::new(0);
        let get = || {
            let write = || {
                written.set(written.get() + 1);
                Some((Position(1), b"map".to_vec()))
            };
            bodies.get((ShowId::new("noon").unwrap(), MapForm::Seats, ""), Position(1), write).unwrap()
        };
        get();
        bodies.forget_unused();
        get();
        bodies.forget_unused();
        get();
        assert_eq!(written.get(), 1, "it was asked for each time");
        let slow_reader = get();
        bodies.forget_unused();
        bodies.forget_unused();
        assert!(bodies.kinds.lock().is_empty());
        assert_eq!(bodies.superseded.load(Ordering::Relaxed), slow_reader.bytes.len(), "a reader keeps it");
        drop(slow_reader);
        assert_eq!(bodies.superseded.load(Ordering::Relaxed), 0);
        get();
        assert_eq!(written.get(), 2);
    }
}

//! Every order in which two devices scan one ticket offline and send that, while a gate decides online. The rules of tickets
//! are the real ones; who is inside is found here by looking at all scans.

use crate::support::{booking, minute, seat, show};
use lastseat_domain::event::{Event, TicketAdmitted, TicketLeft, TicketScannedOffline};
use lastseat_domain::ticket::{ScanId, Ticket, TicketCommand, TicketFacts};
use lastseat_domain::{Decider, DeviceId, GateId, ScanConflict, ScanKind};
use std::collections::HashSet;
use uuid::Uuid;

/// Readings of the clock, offline scans of each device, and scans of the gate.
const CLOCK: u8 = 3;
const OFFLINE: [u8; 2] = [2, 1];
const ONLINE: u8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Twin {
    None,
    /// Goes by the order in which scans are recorded, not by that in which they were made.
    OrderOfTheLog,
    /// Refuses an offline scan that does not fit.
    Refuses,
    /// Decides online without the scans that were made offline.
    OnlineAlone,
}

/// A scan that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Made {
    id: u8,
    /// The device; none for the gate.
    device: Option<u8>,
    is_entry: bool,
    at: u8,
}

/// A scan that is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Recorded {
    made: Made,
    recorded_at: u8,
    /// The other scans of its double entries.
    named: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct World {
    clock: u8,
    /// Made and not sent.
    pending: Vec<Made>,
    made: [u8; 2],
    online: u8,
    next: u8,
    log: Vec<Recorded>,
}

fn code() -> TicketFacts {
    TicketFacts { show: show(), booking: booking(1), seat: seat(1), issue: 0, transfers: 0, exchange: 0 }
}

fn gate() -> GateId {
    GateId::new("north").unwrap()
}

fn device(n: u8) -> DeviceId {
    DeviceId::new(&format!("hand-{n}")).unwrap()
}

fn id(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n))
}

fn kind(is_entry: bool) -> ScanKind {
    if is_entry { ScanKind::Entry } else { ScanKind::Exit }
}

impl Recorded {
    fn event(&self) -> Event {
        let TicketFacts { show, booking, seat, issue, transfers, exchange } = code();
        let (ticket, gate, by, scan) = (code().ticket(), gate(), "stan".to_owned(), id(self.made.id));
        match self.made {
            Made { device: Some(by_device), is_entry, at, .. } => TicketScannedOffline {
                ticket,
                show,
                booking,
                seat,
                issue,
                transfers,
                exchange,
                kind: kind(is_entry),
                gate,
                device: device(by_device),
                scan,
                scanned_at: minute(at.into()),
                by,
                conflicts: vec![],
            }
            .into(),
            Made { is_entry: true, .. } => {
                let device = None;
                TicketAdmitted { ticket, show, booking, seat, issue, transfers, exchange, gate, device, scan, by }.into()
            }
            Made { is_entry: false, .. } => TicketLeft { ticket, show, booking, seat, gate, device: None, scan, by }.into(),
        }
    }
}

impl World {
    fn ticket(&self, is_known: impl Fn(&Made) -> bool) -> Ticket {
        let known = self.log.iter().filter(|recorded| is_known(&recorded.made));
        known.fold(Ticket::default(), |state, recorded| {
            Ticket::evolve(state, &recorded.event(), minute(recorded.recorded_at.into()))
        })
    }

    fn by_time(&self) -> Vec<&Recorded> {
        let mut scans: Vec<&Recorded> = self.log.iter().collect();
        scans.sort_by_key(|recorded| recorded.made.at);
        scans
    }

    fn with(&self, made: Made, named: Vec<u8>) -> Self {
        let mut next = self.clone();
        next.log.push(Recorded { made, recorded_at: self.clock, named });
        next
    }

    /// A device sends a scan.
    fn send(&self, made: Made, twin: Twin) -> Self {
        let mut next = self.clone();
        next.pending.retain(|pending| *pending != made);
        let last = self.log.last().map(|recorded| recorded.made).filter(|last| made.is_entry && last.is_entry);
        if twin == Twin::OrderOfTheLog {
            return next.with(made, last.map(|last| last.id).into_iter().collect());
        }
        let command = TicketCommand::Record {
            code: code(),
            kind: kind(made.is_entry),
            gate: gate(),
            device: device(made.device.unwrap_or_default()),
            scan: id(made.id),
            scanned_at: minute(made.at.into()),
            now: minute(self.clock.into()),
            void: None,
            by: "stan".into(),
        };
        let events = Ticket::decide(&code().ticket(), &self.ticket(|_| true), command).unwrap();
        let [Event::TicketScannedOffline(recorded)] = events.as_slice() else { panic!("{events:?}") };
        if twin == Twin::Refuses && !recorded.conflicts.is_empty() {
            return next;
        }
        let other = |conflict: &ScanConflict| match conflict {
            ScanConflict::DoubleEntry { scan, .. } => Some(u8::try_from(scan.as_u128()).unwrap()),
            _ => None,
        };
        next.with(made, recorded.conflicts.iter().filter_map(other).collect())
    }

    /// The gate asks the server. `None`: it is refused.
    fn decide_online(&self, is_entry: bool, twin: Twin) -> Option<Self> {
        let made = Made { id: self.next, device: None, is_entry, at: self.clock };
        let scan = ScanId { device: None, scan: id(made.id) };
        let (code, gate, by) = (code(), gate(), "stan".to_owned());
        let ticket = code.ticket();
        let command = match is_entry {
            true => TicketCommand::Admit { code, gate, scan, by },
            false => TicketCommand::Leave { code, gate, scan, by },
        };
        let state = self.ticket(|made| made.device.is_none() || twin != Twin::OnlineAlone);
        Ticket::decide(&ticket, &state, command).ok()?;
        Some(Self { online: self.online + 1, next: self.next + 1, ..self.with(made, vec![]) })
    }

    fn successors(&self, twin: Twin) -> Result<Vec<Self>, &'static str> {
        let mut next = Vec::new();
        if self.clock + 1 < CLOCK {
            next.push(Self { clock: self.clock + 1, ..self.clone() });
        }
        for device in 0..2_u8 {
            if self.made[usize::from(device)] == OFFLINE[usize::from(device)] {
                continue;
            }
            for is_entry in [true, false] {
                let mut world = self.clone();
                world.pending.push(Made { id: self.next, device: Some(device), is_entry, at: self.clock });
                world.made[usize::from(device)] += 1;
                world.next += 1;
                next.push(world);
            }
        }
        next.extend(self.pending.iter().map(|made| self.send(*made, twin)));
        for is_entry in [true, false].into_iter().filter(|_| self.online < ONLINE) {
            let Some(world) = self.decide_online(is_entry, twin) else { continue };
            let was_inside = self.by_time().last().is_some_and(|last| last.made.is_entry);
            if was_inside == is_entry {
                return Err("the gate let somebody in who was inside, or out who was not, as the log says");
            }
            next.push(world);
        }
        Ok(next)
    }

    /// What is true once everything is sent.
    fn check(&self) -> Result<(), &'static str> {
        if !self.pending.is_empty() {
            return Ok(());
        }
        let recorded = self.log.iter().filter(|recorded| recorded.made.device.is_some()).count();
        if recorded != usize::from(self.made[0] + self.made[1]) {
            return Err("a scan is lost");
        }
        for pair in self.by_time().windows(2) {
            let [first, second] = pair else { continue };
            let named = first.named.contains(&second.made.id) || second.named.contains(&first.made.id);
            if first.made.is_entry && second.made.is_entry && !named {
                return Err("a double entry is named by neither of its scans");
            }
        }
        Ok(())
    }
}

/// How many states there are, or the first that breaks a rule.
fn explore(twin: Twin) -> Result<usize, (&'static str, World)> {
    let mut seen = HashSet::from([World::default()]);
    let mut open = vec![World::default()];
    while let Some(world) = open.pop() {
        world.check().map_err(|why| (why, world.clone()))?;
        for next in world.successors(twin).map_err(|why| (why, world.clone()))? {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    Ok(seen.len())
}

#[test]
fn whoever_scans_and_sends_when_each_double_entry_is_named_and_no_scan_is_lost() {
    let states = explore(Twin::None).unwrap_or_else(|(why, world)| panic!("{why}: {world:#?}"));
    println!("scans: {states} states");
    assert!(states > 10_000, "{states}");
}

#[test]
fn the_order_of_the_log_and_a_refusal_and_a_gate_that_looks_at_its_own_scans_are_caught() {
    for (twin, why) in [
        (Twin::OrderOfTheLog, "a double entry is named by neither of its scans"),
        (Twin::Refuses, "a scan is lost"),
        (Twin::OnlineAlone, "the gate let somebody in who was inside, or out who was not, as the log says"),
    ] {
        let found = explore(twin).err().map(|(found, _)| found);
        assert_eq!(found, Some(why), "{twin:?}");
    }
}

//! What every command of one engine shares: ports, shows, seats, limits.

use crate::admission::Gate;
use crate::buyers::BuyerLedger;
use crate::guard_service::GuardService;
use crate::journal::Journal;
use crate::ports::Ports;
use crate::seats::Seats;
use crate::settings::Settings;
use crate::show_registry::ShowRegistry;
use lastseat_domain::Timestamp;

/// The shared parts of one engine.
pub(crate) struct Core {
    pub ports: Ports,
    pub settings: Settings,
    pub journal: Journal,
    pub guard: GuardService,
    pub shows: ShowRegistry,
    pub seats: Seats,
    pub buyers: BuyerLedger,
    /// Bounds holds and commands on shows.
    pub holds: Gate,
    /// Bounds commands on open bookings. A gate of its own, so that a rush for seats never keeps those
    /// who have some from paying.
    pub checkouts: Gate,
}

impl Core {
    pub(crate) fn new(ports: Ports, settings: Settings, supervisor: ractor::ActorCell) -> Self {
        let (journal, shows) = (Journal::new(ports.log.clone(), ports.clock.clone()), ShowRegistry::default());
        Self {
            guard: GuardService::new(ports.guard.clone(), ports.clock.clone()),
            seats: Seats::new(journal.clone(), shows.clone(), supervisor),
            buyers: BuyerLedger::default(),
            holds: Gate::new(settings.max_in_flight),
            checkouts: Gate::new(settings.max_in_flight),
            journal,
            shows,
            ports,
            settings,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
}

//! What the parts of one engine share. Behaviour is in the services themselves.

use crate::actors::mailbox::Mailboxes;
use crate::admission::Gate;
use crate::blocks::BlocksInHand;
use crate::buyers::BuyerLedger;
use crate::guard_service::GuardService;
use crate::health::Health;
use crate::journal::Journal;
use crate::keyed_locks::KeyedLocks;
use crate::known_bookings::KnownBookings;
use crate::open_holds::OpenHolds;
use crate::ports::Ports;
use crate::seats::Seats;
use crate::settings::Settings;
use crate::show_registry::ShowRegistry;
use crate::uncaptured::Uncaptured;
use crate::vouchers::Vouchers;
use lastseat_domain::{CampaignId, Timestamp, VoucherHash};
use std::sync::Arc;

pub(crate) struct Services {
    pub ports: Ports,
    pub settings: Settings,
    pub journal: Journal,
    pub shows: ShowRegistry,
    pub buyers: BuyerLedger,
    pub known_bookings: Arc<KnownBookings>,
    pub open_holds: Arc<OpenHolds>,
    pub seats: Seats,
    pub guard: GuardService,
    pub blocks_in_hand: BlocksInHand,
    pub vouchers: Vouchers,
    pub vouchers_in_hand: KeyedLocks<VoucherHash>,
    pub campaigns_in_hand: KeyedLocks<CampaignId>,
    /// Admits holds and commands of staff.
    pub holds: Gate,
    /// Admits commands on open bookings. A gate of its own, so that a rush for seats never keeps
    /// buyers who have some from paying.
    pub checkouts: Gate,
    /// Sold, and not paid yet.
    pub uncaptured: Arc<Uncaptured>,
    /// What the rewards task has to do.
    pub rewards: Mailboxes,
    pub health: Health,
}

impl Services {
    pub(crate) fn new(ports: Ports, settings: Settings, supervisor: ractor::ActorCell) -> Self {
        let journal = Journal::new(ports.log.clone(), ports.clock.clone());
        let shows = ShowRegistry::default();
        Self {
            seats: Seats::new(journal.clone(), shows.clone(), supervisor, settings.max_seat_actors),
            buyers: BuyerLedger::default(),
            known_bookings: Arc::default(),
            open_holds: Arc::default(),
            guard: GuardService::new(ports.guard.clone(), ports.clock.clone()),
            blocks_in_hand: BlocksInHand::default(),
            vouchers: Vouchers::new(journal.clone()),
            vouchers_in_hand: KeyedLocks::default(),
            campaigns_in_hand: KeyedLocks::default(),
            holds: Gate::new(settings.max_in_flight),
            checkouts: Gate::new(settings.max_in_flight),
            uncaptured: Arc::default(),
            rewards: Mailboxes::default(),
            health: Health::default(),
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

//! The write side of lastseat: commands in, events out.
//!
//! Start with [`BoxOffice`].

mod actors;
mod admission;
mod blocks;
mod box_office;
mod buyers;
mod campaigns;
mod error;
mod guard_service;
mod health;
mod hold;
mod journal;
mod keyed_locks;
mod known_bookings;
mod loaded;
mod log_reader;
mod maintenance;
mod open_holds;
mod origin;
mod own_appends;
mod payment;
mod ports;
mod reactors;
mod requests;
mod seat_table;
mod seats;
mod services;
mod settings;
mod show_registry;
mod snapshot;
mod status;
mod uncaptured;
mod vouchers;

pub use box_office::BoxOffice;
pub use box_office::checkins::{ScanRequest, Scanned};
pub use box_office::offline_scans::{OfflineScan, RecordedScan};
pub use box_office::pictures::StoredPicture;
pub use box_office::tickets::ListedTicket;
pub use error::{BusyCause, CommandError, Fault};
pub use origin::Origin;
pub use ports::Ports;
pub use requests::{
    BlockRequest, BlockSelection, BlockStatus, BuyerAction, CampaignRequest, CampaignStatus, ExchangeRequest, Hold, HoldRequest,
    OpenedBlock, Paid, PartialRefundRequest, PayRequest, PayWith, PriceTypeChoice, ReviewRequest, SeatInState, SeatSelection,
};
pub use settings::Settings;
pub use snapshot::{CheckedSnapshot, Snapshot, SnapshotDoubt};
pub use status::{Messages, RecoverySummary, Status};

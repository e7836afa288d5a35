//! What a history is made of: its nodes, the show and the vouchers that are wanted, and what everybody was answered.

use crate::common::random_faults::SeededRandom;
use crate::common::{TestBench, test_show};
use lastseat_domain::event::{Discount, Reward, ShowScheduled, VoucherTerms};
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::{BookingId, CampaignId, VoucherHash};
use lastseat_engine::{BoxOffice, CampaignRequest, Snapshot};
use lastseat_testkit::PlainCodes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use uuid::Uuid;

/// What buyers got as answers.
#[derive(Default)]
pub struct Answers {
    pub confirmed: BTreeSet<BookingId>,
    /// Somebody asked for a refund, with whatever answer.
    pub refunds: BTreeSet<BookingId>,
    pub answers: BTreeMap<&'static str, u32>,
}

pub struct World {
    pub bench: TestBench,
    pub nodes: Mutex<Vec<Option<BoxOffice>>>,
    /// The last one that a node has taken, whichever.
    pub snapshot: Mutex<Option<Snapshot>>,
    /// Nodes that have started from one.
    pub started_from_snapshot: AtomicUsize,
    pub answers: Mutex<Answers>,
}

impl World {
    pub fn node(&self, random: &SeededRandom) -> Option<BoxOffice> {
        let nodes = self.nodes.lock().unwrap();
        random.pick(&nodes)
    }

    pub fn count(&self, answer: &'static str) {
        *self.answers.lock().unwrap().answers.entry(answer).or_default() += 1;
    }
}

pub const CAMPAIGNS: [(u128, u32, Discount); 3] =
    [(1, 1, Discount::Percent(50)), (2, 3, Discount::Percent(100)), (3, 1, Discount::FreeSeats(1))];

pub async fn issue_vouchers(office: &BoxOffice) {
    for (campaign, uses, discount) in CAMPAIGNS {
        let terms = VoucherTerms {
            discount,
            uses,
            valid_from: None,
            valid_until: None,
            shows: vec![],
            categories: vec![],
            opens: vec![],
        };
        let campaign = CampaignId(Uuid::from_u128(campaign));
        let request = CampaignRequest { campaign, terms, count: 2, fingerprint: None, origin: "manager".into() };
        office.start_campaign(request).await.unwrap();
    }
}

/// The test show; most bookings of three seats earn a code.
pub fn generous_show() -> ShowScheduled {
    let mut show = test_show();
    show.rewards.push(Reward { reward: "Half price".to_owned(), weight: 2, discount: Some(Discount::Percent(50)) });
    show
}

pub fn vouchers() -> Vec<VoucherHash> {
    let of = |campaign: u128| (1..=2).map(move |n| PlainCodes.of_campaign(CampaignId(Uuid::from_u128(campaign)), n));
    CAMPAIGNS.iter().flat_map(|(campaign, ..)| of(*campaign)).collect()
}

/// An answer, unless the node dies or takes too long.
pub async fn patiently<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_secs(40), work).await.ok()
}

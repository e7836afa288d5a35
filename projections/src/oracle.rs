//! The views that are in the file, as plain folds in memory: what the rows have to say, to the byte.

use crate::bookings::{BookingStatus, BookingView};
use crate::campaigns::CampaignView;
use crate::checkins::ScanView;
use crate::loyalty::VoucherView;
use crate::refunds;
use crate::sales::{StatusChange, Takings};
use crate::sales_lines::{LineKey, SalesLine, Sold};
use crate::show_seats::{SeatStates, StoredSeatStates};
use lastseat_domain::event::{Event, PricedSeat, VoucherSource};
use lastseat_domain::loyalty::VoucherState;
use lastseat_domain::voucher::{self, Voucher};
use lastseat_domain::{BookingId, BuyerId, CampaignId, Envelope, ShowId, VoucherHash};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Oracle {
    bookings: BTreeMap<BookingId, BookingView>,
    accounts: BTreeMap<BuyerId, Account>,
    codes: BTreeMap<VoucherHash, Voucher>,
    campaigns: BTreeMap<CampaignId, CampaignView>,
    states: SeatStates,
    takings: BTreeMap<ShowId, Takings>,
    lines: BTreeMap<ShowId, BTreeMap<LineKey, SalesLine>>,
    /// Aborted and refunded bookings never change again, and are only counted.
    live: BTreeMap<BookingId, (ShowId, BookingStatus)>,
    scans: Vec<ScanView>,
}

#[derive(Default, Serialize)]
struct Account {
    seats: u32,
    points: u32,
    /// Oldest first.
    vouchers: Vec<VoucherView>,
}

#[derive(Serialize)]
struct Sales<'a> {
    states: StoredSeatStates,
    shows: &'a BTreeMap<ShowId, Takings>,
    lines: BTreeMap<&'a ShowId, Vec<(&'a str, &'a str, &'a SalesLine)>>,
}

impl Oracle {
    pub fn apply(&mut self, envelope: &Envelope) {
        self.states.apply(envelope, |_, _| {});
        self.earn(envelope);
        self.scans.extend(ScanView::of(envelope));
        if let Some(view) = CampaignView::started_by(envelope) {
            self.campaigns.insert(view.started.campaign, view);
        } else if let Some(campaign) = CampaignView::changed_by(&envelope.event) {
            self.campaigns.get_mut(&campaign).unwrap().apply(envelope);
        }
        let known = envelope.event.booking().and_then(|booking| self.bookings.get(&booking));
        let before = known.map(|view| view.seats.clone()).unwrap_or_default();
        if let Some(view) = BookingView::opened_by(envelope) {
            self.bookings.insert(view.booking, view);
        } else if let Some(view) = envelope.event.booking().and_then(|booking| self.bookings.get_mut(&booking)) {
            let is_counted = refunds::has_failed(&view.refunds, &envelope.event);
            view.apply(envelope);
            if is_counted {
                return;
            }
        }
        self.count(envelope, &before);
    }

    fn count(&mut self, envelope: &Envelope, seats_before: &[PricedSeat]) {
        if let Event::BookingOpened(e) = &envelope.event {
            self.live.insert(e.booking, (e.show.clone(), BookingStatus::Held));
            let change = StatusChange { show: e.show.clone(), before: None, after: BookingStatus::Held, sold: None };
            self.takings.entry(e.show.clone()).or_default().count(&change, envelope);
            return;
        }
        let moved = match &envelope.event {
            Event::BookingExchanged(e) => Some((e.booking, BookingStatus::Confirmed)),
            _ => None,
        };
        let Some((booking, after)) = BookingStatus::after(&envelope.event).or(moved) else { return };
        let Some((show, before)) = self.live.get(&booking).cloned() else { return };
        let sold = self.bookings.get(&booking).and_then(|view| Sold::of(view, &envelope.event, seats_before));
        for (key, line) in sold.iter().flat_map(|sold| sold.lines(self.states.shows.get(&show))) {
            self.lines.entry(show.clone()).or_default().entry(key).or_default().add(&line);
        }
        let change = StatusChange { show: show.clone(), before: Some(before), after, sold };
        self.takings.get_mut(&show).unwrap().count(&change, envelope);
        self.live.insert(booking, (show, after));
        if matches!(after, BookingStatus::Aborted | BookingStatus::Refunded) {
            self.live.remove(&booking);
        }
    }

    /// What has become of a code, by the rules of vouchers.
    fn follow_code(&mut self, envelope: &Envelope) {
        let Some(hash) = envelope.stream.as_voucher() else { return };
        let Some(voucher) = voucher::evolve(self.codes.remove(&hash), &envelope.event) else { return };
        let is_it = |found: &&mut VoucherView| found.code.as_ref().is_some_and(|code| code.hash == hash);
        if let Some(found) = self.accounts.values_mut().flat_map(|account| &mut account.vouchers).find(is_it) {
            found.withdrawn = voucher.withdrawn;
            let unused = if voucher.withdrawn { VoucherState::Revoked } else { VoucherState::Issued };
            found.state = if voucher.used() > 0 { VoucherState::Redeemed } else { unused };
        }
        self.codes.insert(hash, voucher);
    }

    fn earn(&mut self, envelope: &Envelope) {
        self.follow_code(envelope);
        let Some(buyer) = envelope.stream.as_loyalty() else { return };
        let account = self.accounts.entry(buyer).or_default();
        let set = |account: &mut Account, voucher, state| {
            if let Some(found) = account.vouchers.iter_mut().rev().find(|found| found.voucher == voucher)
                && found.code.is_none()
            {
                found.state = state;
            }
        };
        match &envelope.event {
            Event::PointsEarned(e) => {
                account.seats = account.seats.saturating_add(e.seats);
                account.points = account.points.saturating_add(e.points);
            }
            Event::PointsRevoked(e) => {
                account.seats = account.seats.saturating_sub(e.seats);
                account.points = account.points.saturating_sub(e.points);
            }
            Event::VoucherIssued(e) => account.vouchers.push(VoucherView {
                voucher: e.voucher,
                cause: e.cause,
                reward: e.reward.clone(),
                state: VoucherState::Issued,
                booking: e.booking,
                code: e.code.clone(),
                withdrawn: false,
            }),
            Event::VoucherRevoked(e) => set(account, e.voucher, VoucherState::Revoked),
            Event::VoucherRedeemed(e) => set(account, e.voucher, VoucherState::Redeemed),
            _ => {}
        }
    }

    /// The vouchers of campaigns, each with its campaign.
    fn codes_of_campaigns(&self) -> impl Iterator<Item = (CampaignId, &VoucherHash, &Voucher)> {
        self.codes.iter().filter_map(|(hash, voucher)| match &voucher.created.source {
            VoucherSource::Campaign { campaign, .. } => Some((*campaign, hash, voucher)),
            VoucherSource::Reward { .. } => None,
        })
    }

    fn campaigns(&self) -> String {
        let campaigns = self.campaigns.iter().map(|(id, view)| {
            let mut counts = [0; 4];
            for (_, _, voucher) in self.codes_of_campaigns().filter(|(campaign, ..)| campaign == id) {
                let more = [1, voucher.used(), voucher.reserved(), u32::from(voucher.withdrawn)];
                counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
            }
            let (counts, view) = (serde_json::to_string(&counts).unwrap(), serde_json::to_string(view).unwrap());
            format!(r#""{id}":{{"counts":{counts},"view":{view}}}"#)
        });
        let vouchers = self.codes_of_campaigns().map(|(campaign, hash, voucher)| {
            let claims: BTreeMap<_, _> = voucher.claims.iter().map(|(booking, claim)| (booking, claim.used)).collect();
            let (hash, withdrawn, claims) = (hash.as_str(), voucher.withdrawn, serde_json::to_string(&claims).unwrap());
            format!(r#""{hash}":{{"campaign":"{campaign}","withdrawn":{withdrawn},"claims":{claims}}}"#)
        });
        let (campaigns, vouchers): (Vec<_>, Vec<_>) = (campaigns.collect(), vouchers.collect());
        format!(r#"{{"campaigns":{{{}}},"vouchers":{{{}}}}}"#, campaigns.join(","), vouchers.join(","))
    }

    /// The content of a view, as its canonical form has it.
    pub fn content(&self, view: &str) -> String {
        let content = match view {
            "bookings" => serde_json::to_string(&self.bookings),
            "loyalty" => serde_json::to_string(&self.accounts),
            "sales" => {
                let lines = |lines| -> Vec<_> {
                    let lines: &BTreeMap<LineKey, SalesLine> = lines;
                    lines.iter().map(|(key, line)| (key.kind, key.name.as_str(), line)).collect()
                };
                let lines = self.lines.iter().map(|(show, of_show)| (show, lines(of_show))).collect();
                // Plans never change, so the canonical form leaves them out.
                let states = StoredSeatStates { plans: vec![], ..self.states.content() };
                serde_json::to_string(&Sales { states, shows: &self.takings, lines })
            }
            "campaigns" => return self.campaigns(),
            "checkins" => {
                let mut scans: Vec<&ScanView> = self.scans.iter().collect();
                scans.sort_by_key(|scan| (&scan.show, scan.ticket, scan.at, scan.position));
                let one = |scan: &&ScanView| format!("\"{}\":{}", scan.position, serde_json::to_string(scan).unwrap());
                return format!("{{{}}}", scans.iter().map(one).collect::<Vec<_>>().join(","));
            }
            other => panic!("{other}"),
        };
        content.unwrap()
    }

    /// The same, to look at.
    pub fn value(&self, view: &str) -> Value {
        serde_json::from_str(&self.content(view)).unwrap()
    }
}

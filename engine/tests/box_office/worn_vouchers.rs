//! Vouchers that were reserved and freed many times: a use costs what is new of their streams, on every node.

use crate::common;

use async_trait::async_trait;
use common::*;
use lastseat_domain::booking::MAX_VOUCHER_APPLICATIONS;
use lastseat_domain::event::{Discount, VoucherTerms};
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::ports::event_log::{Direction, EventLog, LogFault, RecordedEvent, Revision};
use lastseat_domain::{CampaignId, StreamName, VoucherHash};
use lastseat_engine::{BoxOffice, CampaignRequest};
use lastseat_testkit::{ForwardLog, ForwardingLog, PlainCodes};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

/// Counts the events of vouchers that are read.
struct CountingLog {
    inner: Arc<dyn EventLog>,
    read: Arc<AtomicUsize>,
}

#[async_trait]
impl ForwardLog for CountingLog {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let page = self.inner.read_stream(stream, from, direction, limit).await?;
        if stream.category() == "voucher" {
            self.read.fetch_add(page.len(), Ordering::Relaxed);
        }
        Ok(page)
    }
}

/// Opens a node that counts what it reads of vouchers.
async fn counted(bench: &TestBench) -> (BoxOffice, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let log = Arc::new(ForwardingLog(CountingLog { inner: bench.log.clone(), read: Arc::clone(&read) }));
    (TestBench { log, ..bench.clone() }.node().await, read)
}

async fn issue(office: &BoxOffice) -> VoucherHash {
    let campaign = CampaignId(Uuid::from_u128(0xca3b));
    let terms = VoucherTerms { uses: 2, ..VoucherTerms::once(Discount::Percent(50)) };
    office
        .start_campaign(CampaignRequest { campaign, terms, count: 1, fingerprint: None, origin: "manager".into() })
        .await
        .unwrap();
    PlainCodes.of_campaign(campaign, 1)
}

/// Applies and removes the voucher as often as these bookings allow.
async fn wear_out(bench: &TestBench, office: &BoxOffice, voucher: &VoucherHash, bookings: usize) {
    for _ in 0..bookings {
        let booking = hold(bench, office, floor(1)).await.unwrap().booking;
        for _ in 0..MAX_VOUCHER_APPLICATIONS {
            office.apply_voucher(booking.id, voucher, "buyer").await.unwrap();
            office.remove_voucher(booking.id, "buyer").await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_use_of_a_voucher_reads_what_is_new_of_its_stream() {
    let bench = TestBench::new(true);
    let (office, read) = counted(&bench).await;
    let mut show = test_show();
    show.areas[1].capacity = Some(100);
    office.schedule_show(show, "admin").await.unwrap();
    let voucher = issue(&office).await;
    wear_out(&bench, &office, &voucher, 20).await;
    let events = bench.log.read_stream(&StreamName::voucher(&voucher), None, Direction::Forwards, usize::MAX).await.unwrap();
    assert_eq!(events.len(), 1 + 20 * 20 * 2);

    let uses = read.swap(0, Ordering::Relaxed);
    assert!(uses < 6 * events.len(), "{uses} events were read for {} uses", 20 * 20);
    let booking = hold(&bench, &office, floor(1)).await.unwrap().booking;
    office.apply_voucher(booking.id, &voucher, "buyer").await.unwrap();
    let one = read.swap(0, Ordering::Relaxed);
    assert!((1..10).contains(&one), "{one} events were read for one use");

    // Another node reads it once, and then what the first one adds, however much that is.
    let (other, read) = counted(&bench).await;
    later(1).await;
    let second = hold(&bench, &other, floor(1)).await.unwrap().booking;
    other.apply_voucher(second.id, &voucher, "buyer").await.unwrap();
    other.remove_voucher(second.id, "buyer").await.unwrap();
    read.store(0, Ordering::Relaxed);
    wear_out(&bench, &office, &voucher, 8).await;
    assert_eq!(other.voucher(&voucher).await.unwrap().left(), 1);
    let caught_up = read.swap(0, Ordering::Relaxed);
    assert!((320..400).contains(&caught_up), "{caught_up} events were read to catch up with 320");
    // And is never answered from memory alone.
    office.withdraw_voucher(&voucher, None, "manager").await.unwrap();
    let third = hold(&bench, &other, floor(1)).await.unwrap().booking;
    assert_eq!(code(other.apply_voucher(third.id, &voucher, "buyer").await), "voucher_withdrawn");
}

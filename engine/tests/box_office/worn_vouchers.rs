//! Vouchers that were reserved and freed many times: a use costs what is new of their streams, on every node.

use crate::common;

use common::*;
use lastseat_domain::booking::MAX_VOUCHER_APPLICATIONS;
use lastseat_domain::event::{Discount, VoucherTerms};
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::ports::event_log::Direction;
use lastseat_domain::{CampaignId, StreamName, VoucherHash};
use lastseat_engine::{BoxOffice, CampaignRequest};
use lastseat_testkit::{PlainCodes, Reads, counted_reads};
use std::sync::Arc;
use uuid::Uuid;

/// Opens a node that counts what it reads of vouchers.
async fn counted(bench: &TestBench) -> (BoxOffice, Arc<Reads>) {
    let (log, reads) = counted_reads(bench.log.clone(), "voucher");
    (TestBench { log, ..bench.clone() }.node().await, reads)
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
    let (office, reads) = counted(&bench).await;
    let mut show = test_show();
    show.areas[1].capacity = Some(100);
    office.schedule_show(show, "admin").await.unwrap();
    let voucher = issue(&office).await;
    wear_out(&bench, &office, &voucher, 20).await;
    let events = bench.log.read_stream(&StreamName::voucher(&voucher), None, Direction::Forwards, usize::MAX).await.unwrap();
    assert_eq!(events.len(), 1 + 20 * 20 * 2);

    let uses = reads.take_events();
    assert!(uses < 6 * events.len(), "{uses} events were read for {} uses", 20 * 20);
    let booking = hold(&bench, &office, floor(1)).await.unwrap().booking;
    office.apply_voucher(booking.id, &voucher, "buyer").await.unwrap();
    let one = reads.take_events();
    assert!((1..10).contains(&one), "{one} events were read for one use");

    // Another node reads it once, and then what the first one adds, however much that is.
    let (other, reads) = counted(&bench).await;
    later(1).await;
    let second = hold(&bench, &other, floor(1)).await.unwrap().booking;
    other.apply_voucher(second.id, &voucher, "buyer").await.unwrap();
    other.remove_voucher(second.id, "buyer").await.unwrap();
    reads.take_events();
    wear_out(&bench, &office, &voucher, 8).await;
    assert_eq!(other.voucher(&voucher).await.unwrap().left(), 1);
    let caught_up = reads.take_events();
    assert!((320..400).contains(&caught_up), "{caught_up} events were read to catch up with 320");
    // And is never answered from memory alone.
    office.withdraw_voucher(&voucher, None, "manager").await.unwrap();
    let third = hold(&bench, &other, floor(1)).await.unwrap().booking;
    assert_eq!(code(other.apply_voucher(third.id, &voucher, "buyer").await), "voucher_withdrawn");
}

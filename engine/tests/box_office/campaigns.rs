//! Campaigns: they are issued whole, once, and by whichever node is left.

use crate::common::fault_injection::{AppendFate, FaultPlan};
use crate::common::*;
use crate::vouchers::{assert_audited, campaign, in_virtual_time, request, terms};
use lastseat_domain::event::{Discount, Event, RequestFingerprint};
use lastseat_engine::{CampaignRequest, CampaignStatus, Settings};
use std::time::Duration;

#[test]
fn a_campaign_is_completed_by_another_node_and_a_repeat_issues_no_second_set() {
    in_virtual_time(async |atomic| {
        let fingerprint = |body: &str| Some(RequestFingerprint { key: "k".to_owned(), body: body.to_owned() });
        for nth in 0..5 {
            for fate in [AppendFate::CutBefore, AppendFate::CutAfter, AppendFate::CutSome(0x5555)] {
                let bench = TestBench::new(atomic);
                let (plan, cut) = FaultPlan::around(&bench);
                let dying = cut.node().await;
                let wanted = CampaignRequest { fingerprint: fingerprint("one"), ..request(1, 700, terms(Discount::Percent(20))) };
                plan.append(nth, fate);
                let reached = tokio::select! {
                    _ = dying.start_campaign(wanted.clone()) => false,
                    () = plan.power.went_out() => true,
                };
                let what = format!("atomic: {atomic}, {fate:?} at append {nth}");
                assert!(reached, "{what}");
                let office = bench.node().await;
                later(60).await;
                let again = office.start_campaign(wanted.clone()).await.unwrap();
                assert!(again.campaign.completed && again.issued == 700, "{what}");
                let other = CampaignRequest { fingerprint: fingerprint("two"), ..wanted };
                assert_eq!(code(office.start_campaign(other).await), "idempotency_key_reused");
                assert_eq!(created(&bench).await, 700, "{what}");
                assert_audited(&bench, &what).await;
            }
        }
    });
}

async fn created(bench: &TestBench) -> usize {
    bench.history().await.iter().filter(|e| matches!(e.event, Event::VoucherCreated(_))).count()
}

#[test]
fn progress_shows_while_a_large_campaign_is_issued() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let (plan, slow) = FaultPlan::around(&bench);
        let settings = Settings { payment_patience: Duration::from_secs(2), ..test_settings() };
        let office = slow.node_with(settings).await;
        plan.append(3, AppendFate::Slow(8));
        let CampaignStatus { campaign: begun, issued } =
            office.start_campaign(request(1, 1_000, terms(Discount::Percent(20)))).await.unwrap();
        assert_eq!((begun.completed, issued), (false, 256));
        later(30).await;
        let status = office.campaign(campaign(1)).await.unwrap();
        assert!(status.campaign.completed && status.issued == 1_000);
        assert_eq!(created(&bench).await, 1_000);
        assert_eq!(code(office.campaign(campaign(2)).await), "campaign_not_found");
        assert_audited(&bench, "slow").await;
    });
}

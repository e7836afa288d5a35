//! Campaigns as rows, newest last, and a row for each of their vouchers: its events name no campaign.

use super::fault::TablesFault;
use super::progress::integer;
use crate::bookings::Page;
use crate::campaigns::{CampaignCounts, CampaignView};
use lastseat_domain::event::{Event, VoucherCreated, VoucherSource};
use lastseat_domain::{BookingId, CampaignId, Envelope, VoucherHash};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A page of the list, and a campaign.
pub(super) const PAGE: &str =
    "SELECT issued, used, reserved, withdrawn, view FROM campaigns WHERE started < ?1 ORDER BY started DESC LIMIT ?2";
pub(super) const ONE: &str = "SELECT issued, used, reserved, withdrawn, view FROM campaigns WHERE campaign = ?1";

/// The bookings that have a voucher; whether they have paid with it.
type Claims = BTreeMap<BookingId, bool>;

/// Folds one event.
pub(super) fn apply(connection: &Connection, envelope: &Envelope) -> Result<(), TablesFault> {
    match &envelope.event {
        Event::CampaignStarted(_) => start(connection, envelope),
        Event::VoucherCreated(e) => create(connection, e),
        Event::VoucherReserved(e) => claim(connection, &e.voucher, e.booking, Some(false)),
        Event::VoucherUsed(e) => claim(connection, &e.voucher, e.booking, Some(true)),
        Event::VoucherFreed(e) => claim(connection, &e.voucher, e.booking, None),
        Event::VoucherWithdrawn(e) => withdraw(connection, &e.voucher),
        Event::GoodsHandedOver(e) => hand_over(connection, &e.voucher),
        event => match CampaignView::changed_by(event) {
            Some(campaign) => change(connection, campaign, envelope),
            None => Ok(()),
        },
    }
}

fn start(connection: &Connection, envelope: &Envelope) -> Result<(), TablesFault> {
    let Some(view) = CampaignView::started_by(envelope) else { return Ok(()) };
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO campaigns VALUES (?1, ?2, 0, 0, 0, 0, ?3)")?;
    let campaign = view.started.campaign.0;
    insert.execute(params![integer(envelope.position), campaign.as_bytes(), serde_json::to_string(&view)?])?;
    Ok(())
}

fn change(connection: &Connection, campaign: CampaignId, envelope: &Envelope) -> Result<(), TablesFault> {
    let Some(mut view) = one(connection, campaign)? else { return Ok(()) };
    view.apply(envelope);
    let mut update = connection.prepare_cached("UPDATE campaigns SET view = ?2 WHERE campaign = ?1")?;
    update.execute(params![campaign.0.as_bytes(), serde_json::to_string(&view)?])?;
    Ok(())
}

fn create(connection: &Connection, created: &VoucherCreated) -> Result<(), TablesFault> {
    let VoucherSource::Campaign { campaign, .. } = &created.source else { return Ok(()) };
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO campaign_vouchers VALUES (?1, ?2, 0, '{}')")?;
    if insert.execute(params![created.voucher.as_str(), campaign.0.as_bytes()])? == 1 {
        add(connection, *campaign, "issued", 1)?;
    }
    Ok(())
}

/// Changes whether a booking has a voucher, and has paid with it. A reward's voucher is in no campaign.
fn claim(connection: &Connection, voucher: &VoucherHash, booking: BookingId, claim: Option<bool>) -> Result<(), TablesFault> {
    let mut query = connection.prepare_cached("SELECT campaign, claims FROM campaign_vouchers WHERE voucher = ?1")?;
    let row = |row: &Row<'_>| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, String>(1)?));
    let Some((campaign, claims)) = query.query_row([voucher.as_str()], row).optional()? else { return Ok(()) };
    let mut claims: Claims = serde_json::from_str(&claims)?;
    let (used, reserved) = count(&claims);
    match claim {
        Some(is_used) => claims.insert(booking, is_used),
        None => claims.remove(&booking),
    };
    let (used_now, reserved_now) = count(&claims);
    let mut update = connection.prepare_cached("UPDATE campaign_vouchers SET claims = ?2 WHERE voucher = ?1")?;
    update.execute(params![voucher.as_str(), serde_json::to_string(&claims)?])?;
    let campaign = CampaignId(Uuid::from_bytes(campaign));
    add(connection, campaign, "used", used_now - used)?;
    add(connection, campaign, "reserved", reserved_now - reserved)
}

/// Of a voucher's claims: paid, and not paid.
fn count(claims: &Claims) -> (i64, i64) {
    claims.values().fold((0, 0), |(used, reserved), is_used| (used + i64::from(*is_used), reserved + i64::from(!is_used)))
}

fn withdraw(connection: &Connection, voucher: &VoucherHash) -> Result<(), TablesFault> {
    let mut update =
        connection.prepare_cached("UPDATE campaign_vouchers SET withdrawn = 1 WHERE voucher = ?1 AND withdrawn = 0")?;
    if update.execute([voucher.as_str()])? == 1
        && let Some(campaign) = campaign_of(connection, voucher)?
    {
        add(connection, campaign, "withdrawn", 1)?;
    }
    Ok(())
}

fn hand_over(connection: &Connection, voucher: &VoucherHash) -> Result<(), TablesFault> {
    match campaign_of(connection, voucher)? {
        Some(campaign) => add(connection, campaign, "used", 1),
        None => Ok(()),
    }
}

fn campaign_of(connection: &Connection, voucher: &VoucherHash) -> Result<Option<CampaignId>, TablesFault> {
    let mut query = connection.prepare_cached("SELECT campaign FROM campaign_vouchers WHERE voucher = ?1")?;
    let found = query.query_row([voucher.as_str()], |row| row.get(0)).optional()?;
    Ok(found.map(|bytes| CampaignId(Uuid::from_bytes(bytes))))
}

fn add(connection: &Connection, campaign: CampaignId, column: &str, more: i64) -> Result<(), TablesFault> {
    if more != 0 {
        let update = format!("UPDATE campaigns SET {column} = {column} + ?2 WHERE campaign = ?1");
        connection.prepare_cached(&update)?.execute(params![campaign.0.as_bytes(), more])?;
    }
    Ok(())
}

/// A page of campaigns, newest first. `None` if there is no campaign `starting_after`.
pub(super) fn page(
    connection: &Connection,
    starting_after: Option<CampaignId>,
    limit: usize,
) -> Result<Option<Page<CampaignView>>, TablesFault> {
    let before = match starting_after {
        None => i64::MAX,
        Some(cursor) => {
            let mut query = connection.prepare_cached("SELECT started FROM campaigns WHERE campaign = ?1")?;
            match query.query_row([cursor.0.as_bytes()], |row| row.get(0)).optional()? {
                Some(started) => started,
                None => return Ok(None),
            }
        }
    };
    let more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut query = connection.prepare_cached(PAGE)?;
    let rows = query.query_map(params![before, more], row)?;
    let mut data = rows.map(|row| view(row?)).collect::<Result<Vec<_>, _>>()?;
    let has_more = data.len() > limit;
    data.truncate(limit);
    Ok(Some(Page { data, has_more }))
}

/// One campaign.
pub(super) fn one(connection: &Connection, campaign: CampaignId) -> Result<Option<CampaignView>, TablesFault> {
    let found = connection.prepare_cached(ONE)?.query_row([campaign.0.as_bytes()], row).optional()?;
    found.map(view).transpose()
}

fn row(row: &Row<'_>) -> rusqlite::Result<(CampaignCounts, String)> {
    let counts = CampaignCounts { issued: row.get(0)?, used: row.get(1)?, reserved: row.get(2)?, withdrawn: row.get(3)? };
    Ok((counts, row.get(4)?))
}

fn view((counts, view): (CampaignCounts, String)) -> Result<CampaignView, TablesFault> {
    Ok(CampaignView { counts, ..serde_json::from_str(&view)? })
}

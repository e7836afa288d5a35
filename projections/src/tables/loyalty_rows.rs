//! The loyalty account of every buyer, as rows.

use super::fault::TablesFault;
use super::progress::integer;
use crate::loyalty::{RewardsView, VoucherView};
use lastseat_domain::event::Event;
use lastseat_domain::loyalty::VoucherState;
use lastseat_domain::{BuyerId, Envelope, VoucherId};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Folds one event.
pub(super) fn apply(connection: &Connection, envelope: &Envelope) -> Result<(), TablesFault> {
    let (seats, points) = match &envelope.event {
        Event::PointsEarned(e) => (i64::from(e.seats), i64::from(e.points)),
        Event::PointsRevoked(e) => (-i64::from(e.seats), -i64::from(e.points)),
        Event::VoucherIssued(_) | Event::VoucherRevoked(_) | Event::VoucherRedeemed(_) => (0, 0),
        event => return follow(connection, event),
    };
    let Some(buyer) = envelope.stream.as_loyalty() else { return Ok(()) };
    add(connection, &buyer, seats, points)?;
    match &envelope.event {
        Event::VoucherIssued(e) => {
            let view = VoucherView {
                voucher: e.voucher,
                cause: e.cause,
                reward: e.reward.clone(),
                state: VoucherState::Issued,
                booking: e.booking,
                code: e.code.clone(),
                withdrawn: false,
            };
            let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO vouchers VALUES (?1, ?2, ?3, ?4)")?;
            let view = serde_json::to_string(&view)?;
            insert.execute(params![buyer.as_str(), integer(envelope.position), e.voucher.0.as_bytes(), view])?;
            Ok(())
        }
        Event::VoucherRevoked(e) => set(connection, &buyer, e.voucher, VoucherState::Revoked),
        Event::VoucherRedeemed(e) => set(connection, &buyer, e.voucher, VoucherState::Redeemed),
        _ => Ok(()),
    }
}

/// Folds an event of a code's stream. It is a reward's only if one was issued with it.
fn follow(connection: &Connection, event: &Event) -> Result<(), TablesFault> {
    let hash = match event {
        Event::VoucherUsed(e) => &e.voucher,
        Event::VoucherFreed(e) => &e.voucher,
        Event::VoucherWithdrawn(e) => &e.voucher,
        Event::GoodsHandedOver(e) => &e.voucher,
        _ => return Ok(()),
    };
    let mut query =
        connection.prepare_cached("SELECT buyer, issued, view FROM vouchers WHERE view ->> '$.code.hash' = ?1 LIMIT 1")?;
    let row = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, String>(2)?));
    match query.query_row([hash.as_str()], row).optional()? {
        Some((buyer, issued, view)) => change(connection, &buyer, issued, &view, |view| view.follow(event)),
        None => Ok(()),
    }
}

/// Adds to an account, or takes from it, within what a `u32` has room for.
fn add(connection: &Connection, buyer: &BuyerId, seats: i64, points: i64) -> Result<(), TablesFault> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO accounts VALUES (?1, max(0, ?2), max(0, ?3)) ON CONFLICT (buyer) DO UPDATE \
         SET seats = min(4294967295, max(0, seats + ?2)), points = min(4294967295, max(0, points + ?3))",
    )?;
    upsert.execute(params![buyer.as_str(), seats, points])?;
    Ok(())
}

fn set(connection: &Connection, buyer: &BuyerId, voucher: VoucherId, state: VoucherState) -> Result<(), TablesFault> {
    let mut query = connection
        .prepare_cached("SELECT issued, view FROM vouchers WHERE voucher = ?1 AND buyer = ?2 ORDER BY issued DESC LIMIT 1")?;
    let found = query
        .query_row(params![voucher.0.as_bytes(), buyer.as_str()], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    let Some((issued, view)) = found else { return Ok(()) };
    change(connection, buyer.as_str(), issued, &view, |view| view.become_state(state))
}

/// Changes the view of a voucher that was issued to a buyer at this position.
fn change(
    connection: &Connection,
    buyer: &str,
    issued: i64,
    view: &str,
    change: impl FnOnce(&mut VoucherView),
) -> Result<(), TablesFault> {
    let mut view: VoucherView = serde_json::from_str(view)?;
    change(&mut view);
    let mut update = connection.prepare_cached("UPDATE vouchers SET view = ?3 WHERE buyer = ?1 AND issued = ?2")?;
    update.execute(params![buyer, issued, serde_json::to_string(&view)?])?;
    Ok(())
}

/// What a buyer has earned; nothing, for a buyer who was never counted.
pub(super) fn of(connection: &Connection, buyer: &BuyerId) -> Result<RewardsView, TablesFault> {
    // Both statements see the same moment.
    let moment = connection.unchecked_transaction()?;
    let mut account = moment.prepare_cached("SELECT seats, points FROM accounts WHERE buyer = ?1")?;
    let account = account.query_row([buyer.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (seats, points) = account.unwrap_or_default();
    let mut query = moment.prepare_cached("SELECT view FROM vouchers WHERE buyer = ?1 ORDER BY issued DESC")?;
    let rows = query.query_map([buyer.as_str()], |row| row.get::<_, String>(0))?;
    let vouchers = rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect::<Result<_, TablesFault>>()?;
    Ok(RewardsView { buyer: buyer.clone(), seats, points, vouchers })
}

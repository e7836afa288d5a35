//! Links in mails.

use crate::rows::{self, ACCOUNT, ACCOUNT_COLUMNS, bytes, micros};
use lastseat_domain::account::{Account, Link, LinkHash, LinkPurpose};
use lastseat_domain::{AccountId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

pub(crate) fn add(connection: &Connection, hash: LinkHash, link: Link) -> rusqlite::Result<()> {
    let (account, purpose) = (bytes(&link.account), link.purpose.name());
    // The account may have been erased meanwhile.
    let sql = "INSERT INTO links SELECT ?1, id, ?3, ?4 FROM accounts WHERE id = ?2";
    connection.execute(sql, params![hash.0, account, purpose, micros(link.expires_at)])?;
    let sql = "DELETE FROM links WHERE account = ?1 AND purpose = ?2 AND token NOT IN
               (SELECT token FROM links WHERE account = ?1 AND purpose = ?2 ORDER BY expires_at DESC, token = ?3 DESC LIMIT ?4)";
    let most = i64::try_from(Link::MOST).unwrap_or(i64::MAX);
    connection.execute(sql, params![account, purpose, hash.0, most]).map(drop)
}

pub(crate) fn find(connection: &Connection, hash: LinkHash) -> rusqlite::Result<Option<(Link, Account)>> {
    let sql =
        format!("SELECT {ACCOUNT}, l.purpose, l.expires_at FROM links l JOIN accounts a ON a.id = l.account WHERE l.token = ?1");
    let both = |row: &rusqlite::Row<'_>| {
        let account = rows::account(row)?;
        let purpose: String = row.get(ACCOUNT_COLUMNS)?;
        // There are two, and a later version that has more is not opened.
        let purpose = if purpose == LinkPurpose::Reset.name() { LinkPurpose::Reset } else { LinkPurpose::Verify };
        Ok((Link { account: account.id, purpose, expires_at: rows::time(row, ACCOUNT_COLUMNS + 1)? }, account))
    };
    connection.prepare_cached(&sql)?.query_row([hash.0], both).optional()
}

/// The account of a link that works.
pub(crate) fn working(
    connection: &Connection,
    hash: LinkHash,
    purpose: LinkPurpose,
    now: Timestamp,
) -> rusqlite::Result<Option<Account>> {
    Ok(find(connection, hash)?.filter(|(link, _)| link.works(purpose, now)).map(|(_, account)| account))
}

pub(crate) fn forget_of(connection: &Connection, account: AccountId, purpose: LinkPurpose) -> rusqlite::Result<()> {
    let sql = "DELETE FROM links WHERE account = ?1 AND purpose = ?2";
    connection.execute(sql, params![bytes(&account), purpose.name()]).map(drop)
}

pub(crate) fn sweep(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM links WHERE expires_at <= ?1", [micros(now)]).map(drop)
}

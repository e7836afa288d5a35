//! The store. One connection writes and one reads, so that no read waits for the disk.

use crate::file::{self, OpenError};
use crate::rows::{self, ACCOUNT, bytes, micros};
use crate::{devices, links, sessions, tries};
use async_trait::async_trait;
use lastseat_domain::account::{
    Account, AccountChange, AccountRefusal, Device, DeviceHash, EmailAddress, Link, LinkHash, LinkPurpose, Locked, PasswordHash,
    Session, SessionHash,
};
use lastseat_domain::ports::AccountStore;
use lastseat_domain::ports::accounts::{AccountFault, TryKey};
use lastseat_domain::{AccountId, Role, Timestamp};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::Path;
use std::sync::Arc;

/// Accounts in a file. Several processes may use one.
pub struct SqliteAccounts {
    writes: Arc<Mutex<Connection>>,
    reads: Arc<Mutex<Connection>>,
}

impl SqliteAccounts {
    /// Opens a file, made if it is not there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let writes = Arc::new(Mutex::new(file::open(path)?));
        Ok(Self { writes, reads: Arc::new(Mutex::new(file::open_to_read(path)?)) })
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, AccountFault> {
        run(&self.writes, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
        .await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, AccountFault> {
        run(&self.reads, |connection| work(connection)).await
    }
}

/// Works on a thread that may wait.
async fn run<T: Send + 'static>(
    connection: &Arc<Mutex<Connection>>,
    work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, AccountFault> {
    let connection = Arc::clone(connection);
    let done = tokio::task::spawn_blocking(move || work(&mut connection.lock())).await;
    done.map_err(|error| AccountFault(error.to_string()))?.map_err(|error| AccountFault(error.to_string()))
}

fn by_id(connection: &Connection, id: AccountId) -> rusqlite::Result<Option<Account>> {
    let sql = format!("SELECT {ACCOUNT} FROM accounts a WHERE a.id = ?1");
    connection.prepare_cached(&sql)?.query_row([bytes(&id)], rows::account).optional()
}

fn by_email(connection: &Connection, email: &EmailAddress) -> rusqlite::Result<Option<Account>> {
    let sql = format!("SELECT {ACCOUNT} FROM accounts a WHERE a.email = ?1");
    connection.prepare_cached(&sql)?.query_row([email.as_str()], rows::account).optional()
}

/// Adds an account, unless its address has one. Both write, and wait for the disk: the time that it takes must not say which.
fn add(connection: &Connection, account: &Account) -> rusqlite::Result<bool> {
    let Account { id, email, password, role, created_at, verified_at } = account;
    let sql = "INSERT INTO accounts (id, email, password, role, created_at, verified_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id";
    let (created_at, verified_at) = (micros(*created_at), verified_at.map(micros));
    let row = params![bytes(id), email.as_str(), password.expose(), role.name(), created_at, verified_at];
    let of_address = connection.query_row(sql, row, |row| rows::id(row, 0))?;
    Ok(of_address == *id)
}

fn is_only_admin(connection: &Connection, id: AccountId) -> rusqlite::Result<bool> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM accounts WHERE role = ?2 AND id <> ?1)";
    connection.query_row(sql, params![bytes(&id), Role::Admin.name()], |row| row.get(0))
}

/// Nobody who knew the password until now has a way in.
fn shut_out(connection: &Connection, id: AccountId, keep: Option<SessionHash>) -> rusqlite::Result<()> {
    sessions::end_of(connection, id, keep)?;
    devices::forget_of(connection, id)?;
    links::forget_of(connection, id, LinkPurpose::Reset)
}

#[async_trait]
impl AccountStore for SqliteAccounts {
    async fn add(&self, account: Account) -> Result<bool, AccountFault> {
        self.write(move |connection| add(connection, &account)).await
    }

    async fn by_email(&self, email: EmailAddress) -> Result<Option<Account>, AccountFault> {
        self.read(move |connection| by_email(connection, &email)).await
    }

    async fn by_id(&self, id: AccountId) -> Result<Option<Account>, AccountFault> {
        self.read(move |connection| by_id(connection, id)).await
    }

    async fn list(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, AccountFault> {
        // Ids sort in the order of time.
        let sql = format!("SELECT {ACCOUNT} FROM accounts a WHERE ?1 IS NULL OR a.id < ?1 ORDER BY a.id DESC LIMIT ?2");
        self.read(move |connection| {
            let page = params![after.as_ref().map(bytes), i64::try_from(limit).unwrap_or(i64::MAX)];
            connection.prepare_cached(&sql)?.query_map(page, rows::account)?.collect()
        })
        .await
    }

    async fn put(&self, account: Account) -> Result<Account, AccountFault> {
        self.write(move |connection| {
            if add(connection, &account)? {
                return Ok(account);
            }
            let sql = "UPDATE accounts SET password = ?2, role = ?3, verified_at = coalesce(verified_at, ?4) WHERE email = ?1";
            let Account { email, password, role, verified_at, .. } = &account;
            connection.execute(sql, params![email.as_str(), password.expose(), role.name(), verified_at.map(micros)])?;
            let put = by_email(connection, email)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            shut_out(connection, put.id, None)?;
            Ok(put)
        })
        .await
    }

    async fn change_password(
        &self,
        id: AccountId,
        from: PasswordHash,
        to: PasswordHash,
        keep: Option<SessionHash>,
    ) -> Result<bool, AccountFault> {
        self.write(move |connection| {
            let sql = "UPDATE accounts SET password = ?3 WHERE id = ?1 AND password = ?2";
            let is_changed = connection.execute(sql, params![bytes(&id), from.expose(), to.expose()])? > 0;
            if is_changed {
                shut_out(connection, id, keep)?;
            }
            Ok(is_changed)
        })
        .await
    }

    async fn rehash(&self, id: AccountId, from: PasswordHash, to: PasswordHash) -> Result<(), AccountFault> {
        let sql = "UPDATE accounts SET password = ?3 WHERE id = ?1 AND password = ?2";
        self.write(move |connection| connection.execute(sql, params![bytes(&id), from.expose(), to.expose()]).map(drop)).await
    }

    async fn change(
        &self,
        id: AccountId,
        change: AccountChange,
        now: Timestamp,
    ) -> Result<Result<Account, AccountRefusal>, AccountFault> {
        self.write(move |connection| {
            let Some(mut account) = by_id(connection, id)? else { return Ok(Err(AccountRefusal::Unknown)) };
            if let Err(refusal) = account.check(change, is_only_admin(connection, id)?) {
                return Ok(Err(refusal));
            }
            let role = change.role.unwrap_or(account.role);
            let had_another_role = account.role != role;
            account.role = role;
            account.verified_at = account.verified_at.or_else(|| change.is_verified.then_some(now));
            let sql = "UPDATE accounts SET role = ?2, verified_at = ?3 WHERE id = ?1";
            connection.execute(sql, params![bytes(&id), role.name(), account.verified_at.map(micros)])?;
            if had_another_role {
                sessions::end_of(connection, id, None)?;
            }
            Ok(Ok(account))
        })
        .await
    }

    async fn erase(&self, id: AccountId) -> Result<Result<(), AccountRefusal>, AccountFault> {
        let erased = self.write(move |connection| {
            let Some(account) = by_id(connection, id)? else { return Ok(Err(AccountRefusal::Unknown)) };
            if let Err(refusal) = account.check_end(is_only_admin(connection, id)?) {
                return Ok(Err(refusal));
            }
            connection.execute("DELETE FROM accounts WHERE id = ?1", [bytes(&id)])?;
            Ok(Ok(()))
        });
        if let Err(refusal) = erased.await? {
            return Ok(Err(refusal));
        }
        // What was written before is in the write-ahead log until that is moved into the file. A reader may keep it for a
        // moment longer: then the next erasure or the next start removes it.
        run(&self.writes, |connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))).await?;
        Ok(Ok(()))
    }

    async fn open_session(&self, hash: SessionHash, session: Session, proven: PasswordHash) -> Result<bool, AccountFault> {
        self.write(move |connection| sessions::open(connection, hash, &session, &proven)).await
    }

    async fn session(&self, hash: SessionHash) -> Result<Option<(Session, Account)>, AccountFault> {
        self.read(move |connection| sessions::find(connection, hash)).await
    }

    async fn sessions_of(&self, id: AccountId) -> Result<Vec<Session>, AccountFault> {
        self.read(move |connection| sessions::of(connection, id)).await
    }

    async fn seen(&self, hash: SessionHash, at: Timestamp) -> Result<(), AccountFault> {
        self.write(move |connection| sessions::seen(connection, hash, at)).await
    }

    async fn end_session(&self, hash: SessionHash) -> Result<(), AccountFault> {
        self.write(move |connection| sessions::end(connection, hash)).await
    }

    async fn add_device(&self, hash: DeviceHash, device: Device, replaces: Option<DeviceHash>) -> Result<(), AccountFault> {
        self.write(move |connection| devices::add(connection, hash, device, replaces)).await
    }

    async fn device(&self, hash: DeviceHash) -> Result<Option<Device>, AccountFault> {
        self.read(move |connection| devices::find(connection, hash)).await
    }

    async fn add_link(&self, hash: LinkHash, link: Link) -> Result<(), AccountFault> {
        self.write(move |connection| links::add(connection, hash, link)).await
    }

    async fn link(&self, hash: LinkHash) -> Result<Option<(Link, Account)>, AccountFault> {
        self.read(move |connection| links::find(connection, hash)).await
    }

    async fn verify(&self, hash: LinkHash, proven: PasswordHash, now: Timestamp) -> Result<bool, AccountFault> {
        self.write(move |connection| {
            let account = links::working(connection, hash, LinkPurpose::Verify, now)?;
            let Some(Account { id, .. }) = account.filter(|account| account.password == proven) else { return Ok(false) };
            let sql = "UPDATE accounts SET verified_at = coalesce(verified_at, ?2) WHERE id = ?1";
            connection.execute(sql, params![bytes(&id), micros(now)])?;
            links::forget_of(connection, id, LinkPurpose::Verify)?;
            Ok(true)
        })
        .await
    }

    async fn reset_password(&self, hash: LinkHash, to: PasswordHash, now: Timestamp) -> Result<Option<Account>, AccountFault> {
        self.write(move |connection| {
            let Some(Account { id, .. }) = links::working(connection, hash, LinkPurpose::Reset, now)? else { return Ok(None) };
            let sql = "UPDATE accounts SET password = ?2, verified_at = coalesce(verified_at, ?3) WHERE id = ?1";
            connection.execute(sql, params![bytes(&id), to.expose(), micros(now)])?;
            shut_out(connection, id, None)?;
            by_id(connection, id)
        })
        .await
    }

    async fn count_try(&self, key: TryKey, now: Timestamp) -> Result<Result<(), Locked>, AccountFault> {
        self.write(move |connection| tries::count(connection, key, now)).await
    }

    async fn forget_tries(&self, key: TryKey) -> Result<(), AccountFault> {
        self.write(move |connection| tries::forget(connection, key)).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<(), AccountFault> {
        self.write(move |connection| {
            sessions::sweep(connection, now)?;
            devices::sweep(connection, now)?;
            links::sweep(connection, now)?;
            tries::sweep(connection, now)
        })
        .await
    }
}

//! The store. One connection writes and one reads, so that no read waits for the disk.

use crate::file::{self, OpenError};
use crate::rows::{self, ACCOUNT, bytes, micros};
use crate::{sessions, tries};
use async_trait::async_trait;
use lastseat_domain::account::{Account, EmailAddress, Locked, PasswordHash, Session, SessionHash};
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

#[async_trait]
impl AccountStore for SqliteAccounts {
    async fn add(&self, account: Account) -> Result<bool, AccountFault> {
        let sql = "INSERT INTO accounts VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (email) DO NOTHING";
        self.write(move |connection| {
            let Account { id, email, password, role, created_at } = account;
            let row = params![bytes(&id), email.as_str(), password.expose(), role.name(), micros(created_at)];
            Ok(connection.execute(sql, row)? > 0)
        })
        .await
    }

    async fn by_email(&self, email: EmailAddress) -> Result<Option<Account>, AccountFault> {
        let sql = format!("SELECT {ACCOUNT} FROM accounts a WHERE a.email = ?1");
        self.read(move |connection| connection.prepare_cached(&sql)?.query_row([email.as_str()], rows::account).optional()).await
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
                sessions::end_of(connection, id, keep)?;
            }
            Ok(is_changed)
        })
        .await
    }

    async fn rehash(&self, id: AccountId, from: PasswordHash, to: PasswordHash) -> Result<(), AccountFault> {
        let sql = "UPDATE accounts SET password = ?3 WHERE id = ?1 AND password = ?2";
        self.write(move |connection| connection.execute(sql, params![bytes(&id), from.expose(), to.expose()]).map(drop)).await
    }

    async fn set_role(&self, id: AccountId, role: Role) -> Result<Option<Account>, AccountFault> {
        self.write(move |connection| {
            let sql = "UPDATE accounts SET role = ?2 WHERE id = ?1 AND role <> ?2";
            if connection.execute(sql, params![bytes(&id), role.name()])? > 0 {
                sessions::end_of(connection, id, None)?;
            }
            by_id(connection, id)
        })
        .await
    }

    async fn erase(&self, id: AccountId) -> Result<bool, AccountFault> {
        let was_there =
            self.write(move |connection| Ok(connection.execute("DELETE FROM accounts WHERE id = ?1", [bytes(&id)])? > 0)).await?;
        // What was written before is in the write-ahead log until that is moved into the file. A reader may keep it for a
        // moment longer: then the next erasure or the next start removes it.
        run(&self.writes, |connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))).await?;
        Ok(was_there)
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

    async fn count_try(&self, key: TryKey, now: Timestamp) -> Result<Result<(), Locked>, AccountFault> {
        self.write(move |connection| tries::count(connection, key, now)).await
    }

    async fn forget_tries(&self, key: TryKey) -> Result<(), AccountFault> {
        self.write(move |connection| tries::forget(connection, key)).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<(), AccountFault> {
        self.write(move |connection| {
            sessions::sweep(connection, now)?;
            tries::sweep(connection, now)
        })
        .await
    }
}

//! The accounts of those who sign in here. They are in a file of this machine, so a cluster, whose nodes would each have their
//! own, has none.

use super::mail;
use super::start_error::StartError;
use crate::accounts::{Accounts, Post};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use lastseat_domain::ports::{AccountStore, Clock, Finding, Ids, Severity};
use lastseat_in_process::{SystemClock, TimeOrderedIds};
use lastseat_sqlite_accounts::{OpenError, SqliteAccounts, Summary, inspect};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Time between two removals of what is over.
const SWEEP: Duration = Duration::from_secs(3600);

const NOT_SHARED: &str = "accounts are in a file of one node, and with --eventstore there may be several nodes, on which people would \
                          not be known; leave --accounts out and let people sign in at an OpenID provider (--oidc-issuer)";

/// Opens them, unless the configuration has none, and removes what is over until `shutdown`. `url`: where people reach this
/// server.
pub(super) async fn open(
    config: &Config,
    data: &DataDir,
    url: &str,
    metrics: &Arc<Metrics>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
    shutdown: &CancellationToken,
) -> Result<Option<Accounts>, StartError> {
    if !are_wanted(config).map_err(StartError::Settings)? {
        if config.eventstore.is_some() && data.accounts().exists() {
            tracing::warn!(file = %data.accounts().display(), "the accounts here are not used: {NOT_SHARED}");
        }
        if config.smtp_url.is_some() {
            tracing::warn!("--smtp-url is not used: there are no accounts, and nobody else is sent mails");
        }
        return Ok(None);
    }
    let mailer = mail::open(config, data)?;
    let store = match open_file(data.clone()).await {
        // A disk that is full must not keep a server from finishing payments, unless the operator wants accounts in any case.
        Err(StartError::Accounts(error @ OpenError::Io { .. })) if config.accounts.is_none() => {
            tracing::error!(%error, "people can't sign in here until the next start; everything else goes on");
            return Ok(None);
        }
        opened => opened?,
    };
    tokio::spawn(sweep(Arc::clone(&store), Arc::clone(clock), shutdown.clone()));
    let outbox = Outbox::start(mailer, Arc::clone(metrics), shutdown.clone());
    let post = Some(Post::new(outbox, url));
    Ok(Some(Accounts::new(store, Arc::clone(clock), Arc::clone(ids), config.public_url.clone(), post)))
}

/// Whether there are accounts.
fn are_wanted(config: &Config) -> Result<bool, String> {
    match (config.accounts, &config.eventstore) {
        (Some(true), Some(_)) => Err(NOT_SHARED.to_owned()),
        (Some(wanted), _) => Ok(wanted),
        (None, eventstore) => Ok(eventstore.is_none()),
    }
}

/// For the verbs, while a server may be running.
///
/// # Errors
/// A line that says what to do.
pub async fn open_beside_a_server(config: &Config) -> Result<Accounts, String> {
    if config.eventstore.is_some() {
        return Err(NOT_SHARED.to_owned());
    }
    let data = DataDir::prepare(&config.data).map_err(|error| error.to_string())?;
    let store = open_file(data).await.map_err(|error| error.to_string())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids = Arc::new(TimeOrderedIds::new(Arc::clone(&clock)));
    Ok(Accounts::new(store, clock, ids, None, None))
}

/// For `lastseat doctor`.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    const OF: &str = "accounts";
    match are_wanted(config) {
        Err(why) => return vec![Finding::new(Severity::Refuse, OF, why)],
        Ok(false) => return vec![Finding::new(Severity::Ok, OF, "none: nobody signs in here")],
        Ok(true) => {}
    }
    let file = DataDir::at(&config.data).accounts();
    if !file.exists() {
        let text = "a file in the data directory, made at the first start";
        return vec![Finding::new(Severity::Ok, OF, text), mail::check(config).await];
    }
    let shown = file.display().to_string();
    let looking = tokio::task::spawn_blocking(move || inspect(&file)).await;
    let (severity, text) = match looking {
        Ok(Ok(Summary { accounts, admins: 0 })) => {
            let text = format!("{shown} has {accounts} accounts and no admin's; `lastseat admin create` makes one");
            (Severity::Ok, text)
        }
        Ok(Ok(Summary { accounts, admins })) => {
            (Severity::Ok, format!("{shown} has {accounts} accounts, {admins} of them of admins"))
        }
        // A server that is not made to have accounts sells without them.
        Ok(Err(error @ OpenError::Io { .. })) if config.accounts.is_none() => {
            (Severity::Warn, format!("people can't sign in: {error}"))
        }
        Ok(Err(error)) => (Severity::Refuse, error.to_string()),
        Err(error) => (Severity::Warn, error.to_string()),
    };
    vec![Finding::new(severity, OF, text), mail::check(config).await]
}

async fn open_file(data: DataDir) -> Result<Arc<dyn AccountStore>, StartError> {
    let path = data.accounts();
    let opening = tokio::task::spawn_blocking(move || SqliteAccounts::open(&path)).await;
    let store = opening.map_err(|error| StartError::Server(format!("the accounts can't be opened: {error}")))??;
    Ok(Arc::new(store))
}

async fn sweep(store: Arc<dyn AccountStore>, clock: Arc<dyn Clock>, shutdown: CancellationToken) {
    loop {
        if let Err(error) = store.sweep(clock.now()).await {
            tracing::warn!(%error, "sessions that are over can't be removed");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(SWEEP) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::service_url::ServiceUrl;

    #[test]
    fn a_cluster_has_no_accounts_and_says_what_to_use_instead() {
        let cluster = || ServiceUrl::of("esdb://db:2113", &["esdb://"]);
        let config = |accounts, eventstore| Config { accounts, eventstore, ..Config::default() };
        assert_eq!(are_wanted(&config(None, None)), Ok(true));
        assert_eq!(are_wanted(&config(Some(true), None)), Ok(true));
        assert_eq!(are_wanted(&config(Some(false), None)), Ok(false));
        assert_eq!(are_wanted(&config(None, cluster())), Ok(false));
        assert_eq!(are_wanted(&config(Some(false), cluster())), Ok(false));
        assert!(are_wanted(&config(Some(true), cluster())).unwrap_err().contains("--oidc-issuer"));
    }
}

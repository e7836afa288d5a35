//! Keeps the keys of a provider: reads them by discovery, keeps them while the provider is down, and reads them again
//! for a token that names an unknown one, once and not often.

use super::documents::Documents;
use super::keys::Keys;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How old keys get before they are read again: as long a withdrawn key is still accepted.
const KEPT: Duration = Duration::from_secs(600);
/// Time between two reads for tokens. Anybody can send tokens with invented names of keys.
pub(super) const PAUSE: Duration = Duration::from_secs(10);
/// Time for both documents.
const PATIENCE: Duration = Duration::from_secs(5);
/// First and longest pause after a read that failed.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

pub(super) struct Provider {
    issuer: String,
    documents: Documents,
    keys: ArcSwap<Keys>,
    /// Why the last read failed, if it did.
    failure: Mutex<Option<String>>,
    /// The last read for a token. Held while there is one.
    for_a_token: tokio::sync::Mutex<Option<Attempt>>,
}

/// A read for a token.
#[derive(Clone, Copy)]
struct Attempt {
    ended: Instant,
    was_good: bool,
}

/// What is needed of OpenID Connect Discovery 1.0.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Provider {
    pub(super) fn new(issuer: String) -> Result<Self, String> {
        let (keys, failure) = (ArcSwap::from_pointee(Keys::default()), Mutex::new(Some("they were not read yet".to_owned())));
        Ok(Self { issuer, documents: Documents::new()?, keys, failure, for_a_token: tokio::sync::Mutex::new(None) })
    }

    pub(super) fn keys(&self) -> Arc<Keys> {
        self.keys.load_full()
    }

    pub(super) fn trouble(&self) -> Option<String> {
        let why = self.failure.lock().clone()?;
        let so = if self.keys.load().is_empty() { "its tokens get 503" } else { "those that are known stay in use" };
        Some(format!("the keys of the issuer {} can't be read, and {so}: {why}", self.issuer))
    }

    /// Reads the keys. Those that are known stay if that fails.
    pub(super) async fn read(&self) -> Result<(), String> {
        let read = timeout(PATIENCE, self.fetch()).await.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
        match read {
            Ok(keys) => {
                self.keys.store(Arc::new(keys));
                *self.failure.lock() = None;
                Ok(())
            }
            Err(why) => {
                *self.failure.lock() = Some(why.clone());
                Err(why)
            }
        }
    }

    async fn fetch(&self) -> Result<Keys, String> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let json = self.documents.get(&url).await?;
        let found: Discovery = serde_json::from_slice(&json).map_err(|error| format!("{url}: no discovery document: {error}"))?;
        if found.issuer != self.issuer {
            return Err(format!("{url}: says that its issuer is `{}`", found.issuer));
        }
        let json = self.documents.get(&found.jwks_uri).await?;
        Keys::read(&json).map_err(|why| format!("{}: {why}", found.jwks_uri))
    }

    /// Reads the keys for a token that names an unknown one, unless that was done lately. Callers at the same time wait
    /// for one read. Returns whether keys have been read since it was called.
    pub(super) async fn read_for_a_token(self: &Arc<Self>) -> bool {
        let called = Instant::now();
        let provider = Arc::clone(self);
        // A task of its own: a caller who hangs up must not end the read that others wait for.
        let reading = tokio::spawn(async move {
            let mut last = provider.for_a_token.lock().await;
            match *last {
                Some(other) if other.ended >= called => other.was_good,
                Some(other) if other.ended.elapsed() < PAUSE => false,
                _ => {
                    let was_good = provider.read_or_warn().await;
                    *last = Some(Attempt { ended: Instant::now(), was_good });
                    was_good
                }
            }
        });
        reading.await.unwrap_or(false)
    }

    async fn read_or_warn(&self) -> bool {
        let read = self.read().await;
        if let Err(why) = &read {
            tracing::warn!(issuer = self.issuer, why, "the issuer's keys can't be read");
        }
        read.is_ok()
    }

    /// Reads the keys from time to time.
    pub(super) async fn follow(self: Arc<Self>, shutdown: CancellationToken) {
        let (first, longest) = RETRY;
        let mut retry = first;
        loop {
            let pause = if self.failure.lock().is_none() {
                retry = first;
                KEPT
            } else {
                let pause = retry;
                retry = (retry * 2).min(longest);
                pause
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(pause) => {}
            }
            self.read_or_warn().await;
        }
    }
}

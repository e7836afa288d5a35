//! What mails to people with accounts are sent with.

use super::letters::Site;
use crate::limits::WrongCodes;
use crate::outbox::Outbox;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lastseat_domain::Quota;
use lastseat_domain::account::LinkHash;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Mails of one kind that an address gets without having proven anything, and the seconds in which so many come back.
const PER_ADDRESS: (u32, u32) = (5, 3600);

/// Sends mails with links to this server.
#[derive(Clone)]
pub struct Post {
    pub(super) outbox: Outbox,
    pub(super) site: Site,
    /// Counts mails by their kind and address.
    pub(super) sent: Arc<WrongCodes>,
}

impl Post {
    /// `url`: where people reach this server.
    #[must_use]
    pub fn new(outbox: Outbox, url: &str) -> Self {
        let sent = Arc::new(WrongCodes::with(Quota::new(PER_ADDRESS.0, PER_ADDRESS.1).ok()));
        Self { outbox, site: Site::new(url), sent }
    }
}

/// The secret of a link. `Debug` doesn't print it.
#[derive(Clone, Copy)]
pub(super) struct LinkToken([u8; 32]);

impl LinkToken {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    pub fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub fn hash(self) -> LinkHash {
        LinkHash(Sha256::digest(self.0).into())
    }
}

impl std::fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

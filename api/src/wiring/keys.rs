//! The keys of a server: made at its first start, and shared by all nodes of a cluster.

use super::key_file::{self, Key, KeyError};
use crate::config::Config;
use crate::tickets::TicketKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a server signs with.
pub(super) struct Keys {
    pub token: Vec<u8>,
    pub tickets: Arc<TicketKey>,
}

impl Keys {
    pub fn open(config: &Config) -> Result<Self, KeyError> {
        let token = read(Key::Token, &config.token_key_file())?;
        let file: PathBuf = config.ticket_key_file();
        let seed = read(Key::Ticket, &file)?;
        let damaged = |_| KeyError::Damaged { key: Key::Ticket, file, bytes: seed.len() };
        let tickets = TicketKey::new(&seed).map_err(damaged)?;
        Ok(Self { token, tickets: Arc::new(tickets) })
    }
}

fn read(key: Key, file: &Path) -> Result<Vec<u8>, KeyError> {
    let secret = key_file::read_or_create(key, file)?;
    if let Some(exposure) = key_file::exposure(key, file) {
        tracing::warn!("the {} {exposure}", key.name());
    }
    Ok(secret)
}

//! The protocol's messages, for what client libraries hide.
#![allow(missing_docs, unused_imports, clippy::all, clippy::allow_attributes_without_reason, reason = "generated")]

include!("../../../generated/wire.rs");

pub use event_store::client as shared;
pub use event_store::client::{gossip, server_features, streams};

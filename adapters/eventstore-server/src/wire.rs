//! The messages, generated from `proto/`.
#![allow(
    missing_docs,
    dead_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated; the definitions have the comments"
)]

include!(concat!(env!("OUT_DIR"), "/wire.rs"));

pub(crate) use event_store::client as shared;
pub(crate) use event_store::client::{gossip, server_features, streams};

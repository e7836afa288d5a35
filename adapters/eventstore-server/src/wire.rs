//! The messages, generated from `proto/` into `generated/` by the test `generated_code`. They are committed,
//! so that a build of the program needs no generator.
#![allow(
    missing_docs,
    dead_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated; the definitions have the comments"
)]

include!("../generated/wire.rs");

pub(crate) use event_store::client as shared;
pub(crate) use event_store::client::{gossip, server_features, streams};

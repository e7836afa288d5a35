//! Blocks: seats that are taken out of the open sale for a reason, and put back.

mod append_block;
mod choose;
mod in_hand;
mod known_blocks;
mod lift_block;
mod open_block;
mod opening;

pub(crate) use in_hand::BlocksInHand;
pub(crate) use known_blocks::{KnownBlock, KnownBlocks, KnownBlocksSnapshot};
pub(crate) use lift_block::{finish, lift};
pub(crate) use open_block::open;

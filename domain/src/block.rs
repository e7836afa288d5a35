//! A block: seats that are out of the open sale for a reason, until it is lifted.
//!
//! The block's own stream decides. A seat leaves its block only after
//! [`BlockLifted`](struct@crate::event::BlockLifted), or because a booking with access buys it; and it comes back
//! when that booking ends. So lifting a block is one append, and what remains to be done for its seats can be
//! completed from the log by any node.

use crate::Timestamp;
use crate::access_code::AccessCodeHash;
use crate::decider::Decider;
use crate::event::{BlockLifted, BlockOpened, Event, LiftReason};
use crate::ids::{BlockId, ChannelId, ShowId};
use crate::rejection::Rejection;
use crate::stream_name::StreamName;

/// Most seats in one block, so that its first event stays far below what EventStoreDB accepts.
pub const MAX_SEATS_PER_BLOCK: u32 = 5_000;
/// The longest reason, in bytes.
pub const MAX_REASON: usize = 200;
/// The channel of the box office: its block needs no access code, but staff's token.
pub const TILL: &str = "till";
/// Words of reports for ways to buy from the open sale, which no block may take for its channel.
const RESERVED: [&str; 2] = ["web", "batch"];

/// A block, as its events describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// How it was opened; `None` if it was closed before it opened.
    pub opened: Option<BlockOpened>,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it was lifted.
    pub lifted_at: Option<Timestamp>,
}

impl Block {
    /// Whether its seats are out of the open sale.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.opened.is_some() && self.lifted_at.is_none()
    }
}

/// What a buyer shows to buy from blocks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// Where they buy. `till` only for staff, which the API checks.
    pub channel: Option<ChannelId>,
    /// Hash of the code that they sent.
    pub code: Option<AccessCodeHash>,
    /// The blocks that the voucher opens which they sent.
    pub by_voucher: Vec<BlockId>,
}

impl Access {
    /// Whether nothing is shown: the open sale.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.channel.is_none() && self.code.is_none() && self.by_voucher.is_empty()
    }

    /// Whether it opens this block: by a voucher for it, by the block's code, or at the till if the block is the till's. A
    /// channel that is named must be the block's, unless a voucher opens that.
    #[must_use]
    pub fn opens(&self, block: &BlockOpened) -> bool {
        let by_code = block.access_code.is_some() && block.access_code == self.code;
        let at_till = block.channel.as_ref().is_some_and(|channel| channel.as_str() == TILL) && self.channel == block.channel;
        let fits = self.channel.is_none() || self.channel == block.channel;
        self.by_voucher.contains(&block.block) || fits && (by_code || at_till)
    }
}

/// What can be requested of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockCommand {
    /// Take its seats out of sale. They are blocked already, or in the same append.
    Open(BlockOpened),
    /// Keep it from opening: seats were blocked for it, but the node that did so crashed, or one was lost.
    Fence {
        /// The show of the seats. No event of the block's stream names it yet.
        show: ShowId,
        /// Who does so.
        by: String,
    },
    /// Put its seats back on sale.
    Lift {
        /// Subject of the caller's token.
        by: String,
    },
}

impl Decider for Block {
    type Id = BlockId;
    type State = Option<Self>;
    type Command = BlockCommand;

    fn stream(id: &BlockId) -> StreamName {
        StreamName::block(*id)
    }

    fn initial() -> Option<Self> {
        None
    }

    fn decide(id: &BlockId, state: &Option<Self>, command: BlockCommand) -> Result<Vec<Event>, Rejection> {
        decide(*id, state.as_ref(), command)
    }

    fn evolve(state: Option<Self>, event: &Event, at: Timestamp) -> Option<Self> {
        evolve(state, event, at)
    }
}

/// See [`Decider::decide`]. `None` is a block without events.
///
/// # Errors
/// The [`Rejection`] that says why the command is refused.
pub fn decide(id: BlockId, state: Option<&Block>, command: BlockCommand) -> Result<Vec<Event>, Rejection> {
    let lifted = |show: ShowId, reason, by| Ok(vec![BlockLifted { block: id, show, reason, by }.into()]);
    match (state, command) {
        (None, BlockCommand::Open(opened)) => {
            check(&opened)?;
            Ok(vec![opened.into()])
        }
        (None, BlockCommand::Fence { show, by }) => lifted(show, LiftReason::Fenced, by),
        (None, BlockCommand::Lift { .. }) => Err(Rejection::BlockNotFound),
        (Some(block), BlockCommand::Open(_)) if block.lifted_at.is_some() => Err(Rejection::BlockOver),
        (Some(block), BlockCommand::Open(opened)) if block.opened.as_ref() == Some(&opened) => Ok(vec![]),
        (Some(_), BlockCommand::Open(_)) => Err(Rejection::IdempotencyKeyReused),
        (Some(_), BlockCommand::Fence { .. }) => Ok(vec![]),
        (Some(block), BlockCommand::Lift { by }) => match &block.opened {
            None => Err(Rejection::BlockNotFound),
            Some(_) if block.lifted_at.is_some() => Ok(vec![]),
            Some(opened) => lifted(opened.show.clone(), LiftReason::Requested, by),
        },
    }
}

/// Checks what can be said of a block without its show.
///
/// # Errors
/// `InvalidBlock`.
pub fn check(opened: &BlockOpened) -> Result<(), Rejection> {
    let wrong = |field, why: &str| Err(Rejection::InvalidBlock { field, why: why.to_owned() });
    let reason = opened.reason.trim();
    let is_till = opened.channel.as_ref().is_some_and(|channel| channel.as_str() == TILL);
    if opened.seats.is_empty() || opened.seats.len() > MAX_SEATS_PER_BLOCK as usize {
        return wrong("seats", &format!("a block has 1 to {MAX_SEATS_PER_BLOCK} seats"));
    }
    if reason.is_empty() || opened.reason.len() > MAX_REASON || opened.reason.chars().any(char::is_control) {
        return wrong("reason", &format!("`reason` must be 1 to {MAX_REASON} bytes on one line"));
    }
    if let Some(channel) = opened.channel.as_ref().filter(|channel| RESERVED.contains(&channel.as_str())) {
        return wrong("channel", &format!("`{channel}` is reserved for bookings from the open sale; choose another `channel`"));
    }
    if opened.channel.is_some() && !is_till && opened.access_code.is_none() {
        return wrong("access_code", "a block of another channel than `till` needs an `access_code`");
    }
    Ok(())
}

/// See [`Decider::evolve`].
#[must_use]
pub fn evolve(state: Option<Block>, event: &Event, at: Timestamp) -> Option<Block> {
    let before = || state.clone().unwrap_or(Block { opened: None, opened_at: None, lifted_at: None });
    match event {
        Event::BlockOpened(e) => Some(Block { opened: Some(e.clone()), opened_at: Some(at), ..before() }),
        Event::BlockLifted(_) => Some(Block { lifted_at: Some(at), ..before() }),
        _ => state,
    }
}

//! The blocks of a show as this node knows them: what opens them, and which seats they were opened with. Whether a seat
//! is still in its block is not known here: the seat's own stream says so.

use lastseat_domain::block::Access;
use lastseat_domain::event::{BlockOpened, Event};
use lastseat_domain::plan::Plan;
use lastseat_domain::{BlockId, Timestamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A block that is open.
#[derive(Debug)]
pub(crate) struct KnownBlock {
    pub opened: BlockOpened,
    pub opened_at: Timestamp,
    /// By the plan's index, ascending.
    pub seats: Box<[u32]>,
}

impl KnownBlock {
    fn new(opened: BlockOpened, opened_at: Timestamp, plan: &Plan) -> Self {
        let mut seats: Vec<u32> = opened.seats.iter().filter_map(|seat| plan.index_of(seat)).collect();
        seats.sort_unstable();
        Self { opened, opened_at, seats: seats.into() }
    }
}

/// `None`: lifted. It is remembered, because a node applies its own appends before it has read what came before them:
/// what it reads later must not open the block again.
#[derive(Debug, Default)]
pub(crate) struct KnownBlocks(RwLock<BTreeMap<BlockId, Option<Arc<KnownBlock>>>>);

/// As a snapshot has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownBlocksSnapshot(Vec<(BlockId, Option<(BlockOpened, Timestamp)>)>);

impl KnownBlocks {
    /// Applies an event of a block's stream. Applying it twice changes nothing.
    pub(crate) fn apply(&self, event: &Event, at: Timestamp, plan: &Plan) {
        match event {
            Event::BlockOpened(e) => {
                let known = || Some(Arc::new(KnownBlock::new(e.clone(), at, plan)));
                self.0.write().entry(e.block).or_insert_with(known);
            }
            Event::BlockLifted(e) => drop(self.0.write().insert(e.block, None)),
            _ => {}
        }
    }

    /// The open blocks that `access` opens.
    pub(crate) fn opened_by(&self, access: &Access) -> Vec<Arc<KnownBlock>> {
        if access.is_none() {
            return Vec::new();
        }
        let blocks = self.0.read();
        // Every block is compared: how long that takes says nothing of which code is right.
        blocks.values().flatten().filter(|block| access.opens(&block.opened)).cloned().collect()
    }

    /// The open blocks, by id.
    pub(crate) fn open(&self) -> Vec<Arc<KnownBlock>> {
        self.0.read().values().flatten().cloned().collect()
    }

    pub(crate) fn take_snapshot(&self) -> KnownBlocksSnapshot {
        let blocks = self.0.read();
        let of = |block: &Arc<KnownBlock>| (block.opened.clone(), block.opened_at);
        KnownBlocksSnapshot(blocks.iter().map(|(id, block)| (*id, block.as_ref().map(of))).collect())
    }

    pub(crate) fn restore(snapshot: KnownBlocksSnapshot, plan: &Plan) -> Self {
        let known = |(opened, at)| Arc::new(KnownBlock::new(opened, at, plan));
        Self(RwLock::new(snapshot.0.into_iter().map(|(id, block)| (id, block.map(known))).collect()))
    }
}

//! The blocks that this node is opening, lifting or finishing. It begins to finish none of them meanwhile: the work would
//! only be done twice.

use lastseat_domain::BlockId;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct BlocksInHand(Arc<Mutex<HashSet<BlockId>>>);

/// In hand until this is dropped.
#[derive(Debug)]
pub(crate) struct InHand {
    block: BlockId,
    blocks: Arc<Mutex<HashSet<BlockId>>>,
}

impl BlocksInHand {
    /// `None` if it is in hand already.
    pub(crate) fn take(&self, block: BlockId) -> Option<InHand> {
        self.0.lock().insert(block).then(|| InHand { block, blocks: Arc::clone(&self.0) })
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.blocks.lock().remove(&self.block);
    }
}

//! Why a file is not opened.

use super::fault::TablesFault;

/// Why a file is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    pub why: String,
    /// It may be something else than views: it is put aside, not deleted.
    pub is_foreign: bool,
}

impl Doubt {
    pub fn of_ours(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_foreign: false }
    }
}

/// Why a file was not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// It is not used, and may be replaced.
    Doubt(Doubt),
    /// It may be as it should: the disk is full, or somebody holds a lock.
    Fault(TablesFault),
}

impl From<Doubt> for NotOpened {
    fn from(doubt: Doubt) -> Self {
        Self::Doubt(doubt)
    }
}

impl From<TablesFault> for NotOpened {
    fn from(fault: TablesFault) -> Self {
        match fault {
            TablesFault::Failed(_) => Self::Fault(fault),
            TablesFault::Damaged(_) | TablesFault::Unexpected(_) | TablesFault::ReadOnly(_) => {
                Self::Doubt(Doubt::of_ours(fault.to_string()))
            }
        }
    }
}

//! The names of lists: the document would write out the items of a `List<…>` again.

use super::{BlockSummary, BookingJson, CampaignSummary, List, PlanSummary, ShowJson};

pub type BookingList<'a> = List<BookingJson<'a>>;
pub type ShowList<'a> = List<ShowJson<'a>>;
pub type BlockList = List<BlockSummary>;
pub type CampaignList = List<CampaignSummary>;
pub type PlanList = List<PlanSummary>;

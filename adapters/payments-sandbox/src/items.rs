//! What an intent has that Stripe's API lists: itself, its charges, refunds and its dispute.

use super::details::{ChargeNote, RefundNote};
use super::record::{Record, Status};
use lastseat_domain::Timestamp;
use std::borrow::Cow;

/// What lists are made of. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    Intent = 0,
    Charge = 1,
    Refund = 2,
    /// An intent has at most one.
    Dispute = 3,
}

/// One entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    pub kind: ItemKind,
    pub at: Timestamp,
    /// Counts an intent's items of this kind from 1.
    pub number: usize,
}

impl Record {
    /// Everything of this intent that lists show, each kind oldest first.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let numbered = |kind, times: Vec<Timestamp>| (1..).zip(times).map(move |(number, at)| Item { kind, at, number });
        let mut items = vec![Item { kind: ItemKind::Intent, at: self.created, number: 1 }];
        items.extend(numbered(ItemKind::Charge, self.charges().iter().map(|note| note.at).collect()));
        items.extend(numbered(ItemKind::Refund, (0..self.refunds.len()).map(|index| self.refund_note(index).at).collect()));
        items.extend(numbered(ItemKind::Dispute, self.details.disputed.into_iter().collect()));
        items
    }

    /// Every charge, oldest first.
    #[must_use]
    pub fn charges(&self) -> Cow<'_, [ChargeNote]> {
        let authorised = self.captured > 0 || self.status == Status::RequiresCapture;
        if !self.details.charges.is_empty() || !authorised {
            return Cow::Borrowed(&self.details.charges);
        }
        // A journal of an older version keeps no charges.
        let payment_method = self.payment_method.clone().unwrap_or_else(|| "pm_card_visa".to_owned());
        Cow::Owned(vec![ChargeNote { at: self.created, payment_method, decline: None }])
    }

    /// What is known about the refund of this index.
    #[must_use]
    pub fn refund_note(&self, index: usize) -> RefundNote {
        self.details.refunds.get(index).cloned().unwrap_or_else(|| RefundNote::unknown(self.created))
    }
}

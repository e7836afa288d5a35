//! Vouchers, for all who use them: those that were used last are kept, so that a use reads what is new of a voucher's stream.
//! Reservations come and go as long as a voucher is valid, so its stream may be thousands of times as long as its state.
//!
//! What is kept is never answered from as it is: the log is asked first whether there is more.

use crate::error::{CommandError, Fault};
use crate::journal::Journal;
use crate::loaded::Loaded;
use crate::origin::Context;
use hashlink::LruCache;
use lastseat_domain::VoucherHash;
use lastseat_domain::voucher::{Voucher, VoucherCommand};
use parking_lot::Mutex;

/// Bytes of all that are kept, about: ten thousand vouchers for one use, or more than a hundred of a thousand uses each.
const MAX_BYTES: usize = 8 << 20;
/// What a voucher takes without uses, what each of these takes, and each show, category and block that it is for.
const VOUCHER: usize = 768;
const USE: usize = 64;
const NAME: usize = 64;

pub(crate) type LoadedVoucher = Loaded<Option<Voucher>>;

/// Loads vouchers and executes commands on them.
pub(crate) struct Vouchers {
    journal: Journal,
    recent: Mutex<Recent>,
}

impl Vouchers {
    pub(crate) fn new(journal: Journal) -> Self {
        Self { journal, recent: Mutex::new(Recent::of_size(MAX_BYTES)) }
    }

    /// A voucher as the log has it now.
    pub(crate) async fn load(&self, voucher: &VoucherHash) -> Result<LoadedVoucher, Fault> {
        let recent = self.recent.lock().get(voucher);
        let known = match recent {
            Some(known) => self.journal.catch_up::<Voucher>(voucher, known).await?,
            None => self.journal.load::<Voucher>(voucher).await?,
        };
        self.recent.lock().put(voucher, known.clone());
        Ok(known)
    }

    /// Executes a command on a voucher; `known` if it was loaded for this.
    ///
    /// # Errors
    /// The rejection; a fault.
    pub(crate) async fn execute(
        &self,
        voucher: &VoucherHash,
        command: VoucherCommand,
        context: &Context,
        known: Option<LoadedVoucher>,
    ) -> Result<(), CommandError> {
        let known = match known {
            Some(known) => known,
            None => self.load(voucher).await?,
        };
        let mut known = Some(known);
        let executed = self.journal.execute::<Voucher>(voucher, command, context, &mut known).await;
        if let Some(known) = known {
            self.recent.lock().put(voucher, known);
        }
        executed.map(drop)
    }
}

/// The vouchers that were used last, as they were last known.
struct Recent {
    vouchers: LruCache<VoucherHash, (LoadedVoucher, usize)>,
    bytes: usize,
    most: usize,
}

impl Recent {
    fn of_size(most: usize) -> Self {
        Self { vouchers: LruCache::new_unbounded(), bytes: 0, most }
    }

    fn get(&mut self, voucher: &VoucherHash) -> Option<LoadedVoucher> {
        self.vouchers.get(voucher).map(|(known, _)| known.clone())
    }

    /// Keeps a voucher, unless more of it is known already, and forgets those that were not used for the longest time. A code
    /// that is no voucher's is not kept.
    fn put(&mut self, voucher: &VoucherHash, known: LoadedVoucher) {
        let Some(state) = &known.state else { return };
        let has = self.vouchers.peek(voucher).map(|(has, _)| has.expected.next_revision());
        if has.is_some_and(|has| has > known.expected.next_revision()) {
            return;
        }
        let bytes = size_of(state);
        self.bytes += bytes;
        if let Some((_, before)) = self.vouchers.insert(voucher.clone(), (known, bytes)) {
            self.bytes -= before;
        }
        while self.bytes > self.most
            && let Some((_, (_, bytes))) = self.vouchers.remove_lru()
        {
            self.bytes -= bytes;
        }
    }
}

/// Goods that are handed over leave the id of the command that said so.
fn size_of(voucher: &Voucher) -> usize {
    let handed_over = usize::try_from(voucher.handed_over).unwrap_or(usize::MAX);
    let terms = &voucher.created.terms;
    let names = terms.shows.len() + terms.categories.len() + terms.opens.len();
    let fixed = VOUCHER.saturating_add(names.saturating_mul(NAME));
    fixed.saturating_add(voucher.claims.len().saturating_add(handed_over).saturating_mul(USE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::event::{Discount, VoucherCreated, VoucherSource, VoucherTerms};
    use lastseat_domain::ports::VoucherCodes;
    use lastseat_domain::ports::event_log::Expected;
    use lastseat_domain::voucher::Claim;
    use lastseat_domain::{BookingId, CampaignId};
    use lastseat_testkit::PlainCodes;

    const CAMPAIGN: CampaignId = CampaignId(uuid::Uuid::nil());

    fn voucher(number: u32) -> VoucherHash {
        PlainCodes.of_campaign(CAMPAIGN, number)
    }

    fn known(number: u32, uses: u32, revision: u64) -> LoadedVoucher {
        let (terms, source) = (VoucherTerms::once(Discount::Percent(50)), VoucherSource::Campaign { campaign: CAMPAIGN, number });
        let claim = |n: u32| (BookingId::from_key("caller", &n.to_string()), Claim { application: 1, used: true });
        let state = Voucher {
            created: VoucherCreated { voucher: voucher(number), terms, source },
            claims: (0..uses).map(claim).collect(),
            handed_over: 0,
            withdrawn: false,
            withdrawn_at_end: false,
            found_at_refund: None,
        };
        let mut known = Loaded::without_events(Some(state));
        known.expected = Expected::Revision(revision);
        known
    }

    #[test]
    fn vouchers_are_kept_by_their_size_and_never_replaced_by_less() {
        let mut recent = Recent::of_size(100_000);
        for number in 0..1_000 {
            recent.put(&voucher(number), known(number, 1, 1));
        }
        assert!((100..=120).contains(&recent.vouchers.len()) && recent.bytes <= 100_000, "{}", recent.vouchers.len());
        assert!(recent.get(&voucher(0)).is_none() && recent.get(&voucher(999)).is_some());
        recent.put(&voucher(5_000), known(5_000, 1_000, 5));
        recent.put(&voucher(5_000), known(5_000, 999, 4));
        assert_eq!(recent.get(&voucher(5_000)).unwrap().state.unwrap().claims.len(), 1_000);
        assert!(recent.vouchers.len() < 50 && recent.bytes <= 100_000, "{}", recent.vouchers.len());
        recent.put(&voucher(7_000), Loaded::without_events(None));
        assert!(recent.get(&voucher(7_000)).is_none());
    }
}

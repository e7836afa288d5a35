//! The accounts that were used last, as they were last known. Bounded by their size: an agency's is as large as a
//! hundred thousand others.

use crate::loaded::Loaded;
use hashlink::LruCache;
use lastseat_domain::BuyerId;
use lastseat_domain::loyalty::Account;

/// Bytes of all accounts, about; one that is larger is kept alone.
const MAX_BYTES: usize = 16 << 20;
/// What an account takes without bookings and vouchers, and what each of these takes.
const ACCOUNT: usize = 512;
const BOOKING: usize = 40;
const VOUCHER: usize = 400;

pub(super) struct RecentAccounts {
    accounts: LruCache<BuyerId, (Loaded<Account>, usize)>,
    bytes: usize,
    most: usize,
}

impl Default for RecentAccounts {
    fn default() -> Self {
        Self::of_size(MAX_BYTES)
    }
}

impl RecentAccounts {
    fn of_size(most: usize) -> Self {
        Self { accounts: LruCache::new_unbounded(), bytes: 0, most }
    }

    /// Takes an account out, to change it.
    pub fn take(&mut self, buyer: &BuyerId) -> Option<Loaded<Account>> {
        let (account, bytes) = self.accounts.remove(buyer)?;
        self.bytes -= bytes;
        Some(account)
    }

    /// Keeps an account, and forgets those that were not used for the longest time.
    pub fn put(&mut self, buyer: BuyerId, account: Loaded<Account>) {
        let bytes = size_of(&account.state);
        self.bytes += bytes;
        if let Some((_, before)) = self.accounts.insert(buyer, (account, bytes)) {
            self.bytes -= before;
        }
        while self.bytes > self.most
            && self.accounts.len() > 1
            && let Some((_, (_, bytes))) = self.accounts.remove_lru()
        {
            self.bytes -= bytes;
        }
    }
}

fn size_of(account: &Account) -> usize {
    ACCOUNT + account.counted.len() * BOOKING + account.vouchers.len() * VOUCHER
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::BookingId;

    fn account(bookings: u32) -> Loaded<Account> {
        let counted = (0..bookings).map(|n| (BookingId::from_key("caller", &n.to_string()), 2)).collect();
        Loaded::without_events(Account { counted, ..Account::default() })
    }

    fn buyer(n: u32) -> BuyerId {
        BuyerId::new(&format!("buyer-{n}")).expect("an id")
    }

    #[test]
    fn accounts_are_kept_by_their_size() {
        let mut recent = RecentAccounts::of_size(100_000);
        for n in 0..1_000 {
            recent.put(buyer(n), account(1));
        }
        assert!(recent.accounts.len() > 150 && recent.bytes <= 100_000, "{} accounts", recent.accounts.len());
        recent.put(buyer(5_000), account(2_000));
        assert!(recent.accounts.len() < 40 && recent.bytes <= 100_000, "{} accounts", recent.accounts.len());
        assert!(recent.take(&buyer(999)).is_some() && recent.take(&buyer(0)).is_none());
        // One that is larger than all may be is not read again for each of its bookings.
        recent.put(buyer(6_000), account(20_000));
        assert_eq!(recent.accounts.len(), 1);
        let taken = recent.take(&buyer(6_000)).expect("it is kept");
        assert_eq!((taken.state.counted.len(), recent.bytes), (20_000, 0));
    }
}

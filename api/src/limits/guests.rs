//! What guests may do from one address. They have no name, and one of them could hold every seat of a
//! show within a second, without paying.
//!
//! A unit is taken before the command and returned if the command was refused: locks and cancels count,
//! refusals never do. Addresses stay in memory and are lost with the process; the rates are counted on
//! all nodes where they share a limiter, the seats by each node alone.

use super::address::Client;
use super::policy::{GuestRules, Policy};
use lastseat_domain::ports::rate_limit::LimitKey;
use lastseat_domain::{Allowance, BookingId, Quota, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// No sweep before there are this many addresses.
const SWEEP_FROM: usize = 1024;
/// With so many addresses in use, further ones are not counted: refusing them would let those who have
/// that many lock out all others.
const MOST_ADDRESSES: usize = 1_000_000;

/// Counts guests by address.
pub struct Guests {
    rules: GuestRules,
    addresses: Mutex<HashMap<Client, Arc<Mutex<Address>>>>,
}

/// One address.
#[derive(Default)]
struct Address {
    /// Until when the quota of each kind is used up ahead, in microseconds.
    holds_until: u64,
    cancels_until: u64,
    /// Bookings that were not paid for when last looked at, their seats, and when their holds end.
    unpaid: Vec<(BookingId, u32, Timestamp)>,
    /// Seats of holds that are being executed.
    reserved: u32,
}

/// Why a guest is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestRefusal {
    TooManySeats { most: u32, have: u32, more_at: Option<Timestamp> },
    TooManyRequests { policy: Policy, quota: Quota, allowance: Allowance },
}

/// The right to one hold or cancel. Returned to its address when dropped, unless it was used.
pub struct GuestUnit {
    address: Option<Arc<Mutex<Address>>>,
    counted: Option<(Policy, Quota)>,
    seats: u32,
}

impl Guests {
    #[must_use]
    pub fn new(rules: GuestRules) -> Self {
        Self { rules, addresses: Mutex::default() }
    }

    #[must_use]
    pub fn rules(&self) -> GuestRules {
        self.rules
    }

    /// Takes a unit for a hold. `is_paid_or_over` looks a booking up.
    ///
    /// # Errors
    /// [`GuestRefusal`].
    pub fn hold(
        &self,
        client: Client,
        booking: BookingId,
        seats: u32,
        now: Timestamp,
        is_paid_or_over: impl Fn(BookingId) -> bool,
    ) -> Result<GuestUnit, GuestRefusal> {
        let Some(shared) = self.address(client, now) else { return Ok(GuestUnit::FREE) };
        let mut address = shared.lock();
        // The repeat of a hold that this process has forgotten the answer to.
        if address.unpaid.iter().any(|(known, ..)| *known == booking) {
            return Ok(GuestUnit::FREE);
        }
        if let Some(most) = self.rules.seats {
            if address.have().saturating_add(seats) > most {
                address.unpaid.retain(|(booking, ..)| !is_paid_or_over(*booking));
            }
            let have = address.have();
            if have.saturating_add(seats) > most {
                let more_at = address.unpaid.iter().map(|(.., ends)| *ends).min();
                return Err(GuestRefusal::TooManySeats { most, have, more_at });
            }
        }
        let counted = self.rules.holds.map(|quota| (Policy::GuestHolds, quota));
        address.take(counted, now)?;
        address.reserved += seats;
        drop(address);
        Ok(GuestUnit { address: Some(shared), counted, seats })
    }

    /// The holds of an address that were not seen to be paid or over.
    pub fn unpaid(&self, client: Client, now: Timestamp) -> Vec<BookingId> {
        let Some(shared) = self.address(client, now) else { return Vec::new() };
        let address = shared.lock();
        address.unpaid.iter().map(|(booking, ..)| *booking).collect()
    }

    /// Takes a unit for a cancel.
    ///
    /// # Errors
    /// [`GuestRefusal`].
    pub fn cancel(&self, client: Client, now: Timestamp) -> Result<GuestUnit, GuestRefusal> {
        let Some(shared) = self.address(client, now) else { return Ok(GuestUnit::FREE) };
        let counted = self.rules.cancels.map(|quota| (Policy::GuestCancels, quota));
        shared.lock().take(counted, now)?;
        Ok(GuestUnit { address: Some(shared), counted, seats: 0 })
    }

    fn address(&self, client: Client, now: Timestamp) -> Option<Arc<Mutex<Address>>> {
        let mut addresses = self.addresses.lock();
        if let Some(known) = addresses.get(&client) {
            return Some(Arc::clone(known));
        }
        let many = addresses.len();
        // Each doubling pays for a sweep.
        if many >= SWEEP_FROM && many.is_power_of_two() || many >= MOST_ADDRESSES {
            addresses.retain(|_, address| Arc::strong_count(address) > 1 || address.lock().is_in_use(now));
        }
        if addresses.len() >= MOST_ADDRESSES {
            return None;
        }
        Some(Arc::clone(addresses.entry(client).or_default()))
    }
}

impl Address {
    fn have(&self) -> u32 {
        self.unpaid.iter().fold(self.reserved, |sum, (_, seats, _)| sum.saturating_add(*seats))
    }

    fn is_in_use(&self, now: Timestamp) -> bool {
        let micros = micros(now);
        self.holds_until > micros || self.cancels_until > micros || self.unpaid.iter().any(|(.., ends)| *ends > now)
    }

    fn until(&mut self, policy: Policy) -> &mut u64 {
        if policy == Policy::GuestCancels { &mut self.cancels_until } else { &mut self.holds_until }
    }

    fn take(&mut self, counted: Option<(Policy, Quota)>, now: Timestamp) -> Result<(), GuestRefusal> {
        let Some((policy, quota)) = counted else { return Ok(()) };
        let until = self.until(policy);
        let (allowance, next) = quota.take(*until, micros(now));
        if !allowance.allowed {
            return Err(GuestRefusal::TooManyRequests { policy, quota, allowance });
        }
        *until = next;
        Ok(())
    }
}

impl GuestUnit {
    const FREE: Self = Self { address: None, counted: None, seats: 0 };

    /// The hold was opened by this request, or by an earlier one (`repeated`).
    pub fn held(mut self, booking: BookingId, seats: u32, ends: Timestamp, repeated: bool) -> Option<(Policy, Quota)> {
        let counted = self.counted;
        let shared = self.address.take()?;
        let mut address = shared.lock();
        address.reserved = address.reserved.saturating_sub(self.seats);
        address.unpaid.push((booking, seats, ends));
        if repeated {
            address.give_back(counted);
            return None;
        }
        counted
    }

    /// The booking was cancelled.
    pub fn cancelled(mut self) -> Option<(Policy, Quota)> {
        self.address.take().and(self.counted)
    }
}

impl Address {
    fn give_back(&mut self, counted: Option<(Policy, Quota)>) {
        if let Some((policy, quota)) = counted {
            let until = self.until(policy);
            *until = until.saturating_sub(quota.interval_micros());
        }
    }
}

impl Drop for GuestUnit {
    fn drop(&mut self) {
        if let Some(shared) = self.address.take() {
            let mut address = shared.lock();
            address.reserved = address.reserved.saturating_sub(self.seats);
            address.give_back(self.counted);
        }
    }
}

impl Guests {
    /// The limiter that all nodes share has no unit left for this address: this node has none either,
    /// for so long.
    pub(super) fn used_up(&self, client: Client, policy: Policy, quota: Quota, more_in: Duration, now: Timestamp) {
        let Some(shared) = self.address(client, now) else { return };
        let room = quota.interval_micros() * u64::from(quota.burst().saturating_sub(1));
        let until = micros(now).saturating_add(room).saturating_add(u64::try_from(more_in.as_micros()).unwrap_or(0));
        let mut address = shared.lock();
        let own = address.until(policy);
        *own = (*own).max(until);
    }
}

/// The key under which the shared limiter counts an address.
pub(super) fn key(policy: Policy, client: Client) -> LimitKey {
    LimitKey::new(policy.name(), &client)
}

fn micros(now: Timestamp) -> u64 {
    u64::try_from(now.timestamp_micros()).unwrap_or(0)
}

#[cfg(test)]
mod tests;

//! What guests may do from one address. They have no name, and one of them could hold every seat of a
//! show within a second, without paying.
//!
//! A unit is taken before the command and returned if the command was refused: locks and cancels count,
//! refusals never do. Addresses stay in memory and are lost with the process; the rates are counted on
//! all nodes where they share a limiter, the seats by each node alone.
//!
//! Only what has a bound is recorded, and what is recorded is bounded: [`MOST_ADDRESSES`] of about 250 bytes and
//! [`unpaid::MOST_BOOKINGS`] of about 150, so never more than 400 MB. A usual sale has some thousands of both.

use super::address::Client;
use super::policy::{GuestRules, Policy};
use lastseat_domain::ports::rate_limit::LimitKey;
use lastseat_domain::{Allowance, BookingId, Quota, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use unpaid::Unpaid;

mod unpaid;

/// Fewest uses between two sweeps.
const SWEEP_AFTER: usize = 64;
/// With so many addresses in use, further ones are not counted: refusing them would let those who have
/// that many lock out all others.
const MOST_ADDRESSES: usize = 1_000_000;

/// Counts guests by address.
pub struct Guests {
    rules: GuestRules,
    addresses: Mutex<Addresses>,
    /// Bookings of all addresses.
    recorded: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Addresses {
    known: HashMap<Client, Arc<Mutex<Address>>>,
    /// Uses until the next sweep.
    left: usize,
}

/// One address.
struct Address {
    /// Until when the quota of each kind is used up ahead, in microseconds.
    holds_until: u64,
    cancels_until: u64,
    declines_until: u64,
    unpaid: Unpaid,
    /// Seats of holds that are being executed.
    reserved: u32,
}

/// Why a guest is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestRefusal {
    TooManySeats { most: u32, have: u32, more_at: Option<Timestamp> },
    TooManyRequests { policy: Policy, quota: Quota, allowance: Allowance },
}

/// What was counted on this node, and is to be counted on all.
pub type UsedUnit = Option<(Policy, Quota)>;

/// The right to one hold or cancel, or one declined payment. Returned to its address when dropped, unless it was used.
pub struct GuestUnit {
    address: Option<Arc<Mutex<Address>>>,
    counted: UsedUnit,
    seats: u32,
    /// Whether there is a bound on seats, which the hold counts on.
    is_recorded: bool,
}

impl Guests {
    #[must_use]
    pub fn new(rules: GuestRules) -> Self {
        Self { rules, addresses: Mutex::default(), recorded: Arc::default() }
    }

    #[must_use]
    pub fn rules(&self) -> GuestRules {
        self.rules
    }

    /// Takes a unit for a hold.
    ///
    /// # Errors
    /// [`GuestRefusal`]. Too many seats may be too many only as far as is known: see [`Self::due_look_ups`].
    pub fn hold(&self, client: Client, booking: BookingId, seats: u32, now: Timestamp) -> Result<GuestUnit, GuestRefusal> {
        if self.rules.seats.is_none() && self.rules.holds.is_none() {
            return Ok(GuestUnit::FREE);
        }
        let Some(shared) = self.address(client, now) else { return Ok(GuestUnit::FREE) };
        let mut address = shared.lock();
        // The repeat of a hold that this process has forgotten the answer to.
        if address.unpaid.has(booking) {
            return Ok(GuestUnit::FREE);
        }
        if let Some(most) = self.rules.seats {
            address.unpaid.forget_old(now);
            let have = address.unpaid.seats().saturating_add(address.reserved);
            if have.saturating_add(seats) > most {
                let more_at = address.unpaid.next_end(now);
                return Err(GuestRefusal::TooManySeats { most, have, more_at });
            }
        }
        let counted = self.rules.holds.map(|quota| (Policy::GuestHolds, quota));
        address.take(counted, now)?;
        address.reserved += seats;
        drop(address);
        Ok(GuestUnit { address: Some(shared), counted, seats, is_recorded: self.rules.seats.is_some() })
    }

    /// The holds of an address that may be paid or over by now, some of them. Each is to be looked up and given to
    /// [`Self::looked_up`]. None a second after the last time, so that a refusal stays cheap however often it is asked for.
    pub fn due_look_ups(&self, client: Client, now: Timestamp) -> Vec<BookingId> {
        self.address(client, now).map_or_else(Vec::new, |shared| shared.lock().unpaid.due_look_ups(now))
    }

    /// A hold of an address was looked up.
    pub fn looked_up(&self, client: Client, booking: BookingId, is_over: bool, now: Timestamp) {
        if let Some(shared) = self.address(client, now) {
            shared.lock().unpaid.looked_up(booking, is_over);
        }
    }

    /// A booking was paid or cancelled from this address: if it was held from there, too, it counts no more.
    pub fn is_over(&self, client: Client, booking: BookingId) {
        let known = self.addresses.lock().known.get(&client).cloned();
        if let Some(shared) = known {
            shared.lock().unpaid.remove(booking);
        }
    }

    /// Takes a unit for a cancel.
    ///
    /// # Errors
    /// [`GuestRefusal`].
    pub fn cancel(&self, client: Client, now: Timestamp) -> Result<GuestUnit, GuestRefusal> {
        self.unit(client, self.rules.cancels.map(|quota| (Policy::GuestCancels, quota)), now)
    }

    /// Whether a payment may be tried: those that were declined have a quota, those under way have none.
    ///
    /// # Errors
    /// [`GuestRefusal`].
    pub fn may_pay(&self, client: Client, now: Timestamp) -> Result<(), GuestRefusal> {
        // Given back at once.
        self.unit(client, self.declines(), now).map(drop)
    }

    /// Counts a payment that was declined. Where more were under way than the quota has left, it is used up.
    pub fn declined(&self, client: Client, now: Timestamp) -> UsedUnit {
        self.unit(client, self.declines(), now).ok().and_then(GuestUnit::spend)
    }

    fn declines(&self) -> UsedUnit {
        self.rules.declines.map(|quota| (Policy::GuestDeclines, quota))
    }

    fn unit(&self, client: Client, counted: UsedUnit, now: Timestamp) -> Result<GuestUnit, GuestRefusal> {
        if counted.is_none() {
            return Ok(GuestUnit::FREE);
        }
        let Some(shared) = self.address(client, now) else { return Ok(GuestUnit::FREE) };
        shared.lock().take(counted, now)?;
        Ok(GuestUnit { address: Some(shared), counted, seats: 0, is_recorded: false })
    }

    fn address(&self, client: Client, now: Timestamp) -> Option<Arc<Mutex<Address>>> {
        let mut addresses = self.addresses.lock();
        // As many uses as addresses were kept pay for the next sweep: there are never more than twice as many as were in use.
        if addresses.left == 0 {
            addresses.known.retain(|_, address| Arc::strong_count(address) > 1 || address.lock().is_in_use(now));
            addresses.left = addresses.known.len().max(SWEEP_AFTER);
        }
        addresses.left -= 1;
        if let Some(known) = addresses.known.get(&client) {
            return Some(Arc::clone(known));
        }
        if addresses.known.len() >= MOST_ADDRESSES {
            return None;
        }
        let new = Arc::new(Mutex::new(Address::new(Arc::clone(&self.recorded))));
        addresses.known.insert(client, Arc::clone(&new));
        Some(new)
    }
}

impl Address {
    fn new(all: Arc<AtomicUsize>) -> Self {
        Self { holds_until: 0, cancels_until: 0, declines_until: 0, unpaid: Unpaid::new(all), reserved: 0 }
    }

    fn is_in_use(&mut self, now: Timestamp) -> bool {
        self.unpaid.forget_old(now);
        let until = self.holds_until.max(self.cancels_until).max(self.declines_until);
        until > micros(now) || !self.unpaid.is_empty()
    }

    fn until(&mut self, policy: Policy) -> &mut u64 {
        match policy {
            Policy::GuestCancels => &mut self.cancels_until,
            Policy::GuestDeclines => &mut self.declines_until,
            _ => &mut self.holds_until,
        }
    }

    fn take(&mut self, counted: UsedUnit, now: Timestamp) -> Result<(), GuestRefusal> {
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
    const FREE: Self = Self { address: None, counted: None, seats: 0, is_recorded: false };

    /// The hold was opened by this request, or by an earlier one (`repeated`).
    pub fn held(mut self, booking: BookingId, seats: u32, ends: Timestamp, now: Timestamp, repeated: bool) -> UsedUnit {
        let counted = self.counted;
        let shared = self.address.take()?;
        let mut address = shared.lock();
        address.reserved = address.reserved.saturating_sub(self.seats);
        if self.is_recorded {
            address.unpaid.add(booking, seats, ends, now);
        }
        if repeated {
            address.give_back(counted);
            return None;
        }
        counted
    }

    /// The booking was cancelled, or its payment declined.
    pub fn spend(mut self) -> UsedUnit {
        self.address.take().and(self.counted)
    }
}

impl Address {
    fn give_back(&mut self, counted: UsedUnit) {
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

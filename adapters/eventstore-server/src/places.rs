//! The places for connections. A connection has a place for good only after its first allowed call.
//! Until then it has one of a few others, for a few seconds: strangers take them from each other, and
//! never from clients that know the token.

use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// A connection has to make an allowed call within this time.
const PROVE_WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct Places {
    proven: Arc<Semaphore>,
    unproven: Mutex<Queue>,
    max_unproven: usize,
}

/// The unproven connections, oldest first.
#[derive(Default)]
struct Queue {
    next_id: u64,
    entries: VecDeque<Unproven>,
}

struct Unproven {
    id: u64,
    from: IpAddr,
    displaced: CancellationToken,
}

/// The place of one connection, free again when it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    id: u64,
    displaced: CancellationToken,
    permit: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Places {
    pub(crate) fn new(max_proven: usize, max_unproven: usize) -> Arc<Self> {
        Arc::new(Self { proven: Arc::new(Semaphore::new(max_proven)), unproven: Mutex::default(), max_unproven })
    }

    /// A place for a new connection. If there is none left, another unproven connection loses its own:
    /// the oldest from the address that has most of them.
    pub(crate) fn enter(self: &Arc<Self>, from: IpAddr) -> Arc<Place> {
        let displaced = CancellationToken::new();
        let mut queue = self.unproven.lock();
        while queue.entries.len() >= self.max_unproven.max(1) && queue.displace_one() {}
        let id = queue.next_id;
        queue.next_id += 1;
        queue.entries.push_back(Unproven { id, from: network(from), displaced: displaced.clone() });
        Arc::new(Place { places: Arc::clone(self), id, displaced, permit: Mutex::default() })
    }
}

impl Queue {
    fn displace_one(&mut self) -> bool {
        let mut counts = HashMap::<IpAddr, usize>::new();
        for entry in &self.entries {
            *counts.entry(entry.from).or_default() += 1;
        }
        let most = counts.values().max().copied().unwrap_or(0);
        let oldest = self.entries.iter().position(|entry| counts.get(&entry.from) == Some(&most));
        let Some(entry) = oldest.and_then(|index| self.entries.remove(index)) else { return false };
        entry.displaced.cancel();
        true
    }

    /// Whether it was there.
    fn remove(&mut self, id: u64) -> bool {
        let index = self.entries.iter().position(|entry| entry.id == id);
        index.and_then(|index| self.entries.remove(index)).is_some()
    }
}

/// An address in IPv6 is one of a network that belongs to one customer.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (!0 << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Place {
    /// The connection has made an allowed call. `false`: no place is left, or it has lost its own.
    pub(crate) fn prove(&self) -> bool {
        let mut permit = self.permit.lock();
        if permit.is_some() {
            return true;
        }
        let Ok(proven) = Arc::clone(&self.places.proven).try_acquire_owned() else { return false };
        let is_in_time = self.places.unproven.lock().remove(self.id);
        if is_in_time {
            *permit = Some(proven);
        }
        is_in_time
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.permit.lock().is_some()
    }

    /// Completes when the connection has to be closed, because it has proven nothing in time or lost
    /// its place to another.
    pub(crate) async fn lost(&self) {
        let in_time = tokio::time::sleep(PROVE_WITHIN);
        tokio::select! {
            () = self.displaced.cancelled() => return,
            () = in_time => {}
        }
        if self.is_proven() {
            std::future::pending().await
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.unproven.lock().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_new_connection_takes_the_place_of_the_oldest_unproven_one() {
        let places = Places::new(2, 3);
        let entered: Vec<_> = (0..5).map(|_| places.enter(address("10.0.0.1"))).collect();
        let lost: Vec<_> = entered.iter().map(|place| place.displaced.is_cancelled()).collect();
        assert_eq!(lost, [true, true, false, false, false]);
        assert!(!entered[0].prove(), "too late");
        assert!(entered[2].prove() && entered[2].prove() && entered[3].prove());
        assert!(!entered[4].prove(), "two are proven already");
        drop(entered);
        assert_eq!((places.proven.available_permits(), places.unproven.lock().entries.len()), (2, 0));
    }

    #[test]
    fn a_proven_connection_is_never_displaced() {
        let places = Places::new(1, 2);
        let proven = places.enter(address("10.0.0.1"));
        assert!(proven.prove());
        let _strangers: Vec<_> = (0..100).map(|_| places.enter(address("10.0.0.1"))).collect();
        assert!(proven.is_proven() && !proven.displaced.is_cancelled());
    }

    #[test]
    fn a_crowd_from_one_network_displaces_itself() {
        let places = Places::new(1, 4);
        let other = places.enter(address("2001:db8:0:2::1"));
        let crowd: Vec<_> = (1..100).map(|n| places.enter(address(&format!("2001:db8:0:1::{n}")))).collect();
        assert!(!other.displaced.is_cancelled() && other.prove());
        assert_eq!(crowd.iter().filter(|place| !place.displaced.is_cancelled()).count(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_to_prove_access_is_short() {
        let places = Places::new(1, 4);
        let (proven, stranger) = (places.enter(address("10.0.0.1")), places.enter(address("10.0.0.1")));
        assert!(proven.prove());
        tokio::time::timeout(PROVE_WITHIN * 2, stranger.lost()).await.unwrap();
        assert!(tokio::time::timeout(PROVE_WITHIN * 10, proven.lost()).await.is_err());
    }
}

use super::*;
use std::cell::RefCell;
use std::collections::HashSet;
use uuid::Uuid;

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_900_000_000 + second, 0).unwrap()
}

fn id(n: u128) -> BookingId {
    BookingId(Uuid::from_u128(n))
}

fn from(address: &str) -> Client {
    Client::of(address.parse().unwrap())
}

fn guests(seats: u32, holds: &str) -> Guests {
    let quota = holds.parse().ok();
    Guests::new(GuestRules { seats: Some(seats), holds: quota, cancels: quota, extend: false })
}

const OPEN: fn(BookingId) -> bool = |_| false;

fn held(guests: &Guests, client: Client, n: u128, seats: u32, now: i64) -> Result<(), GuestRefusal> {
    let unit = guests.hold(client, id(n), seats, at(now), OPEN)?;
    unit.held(id(n), seats, at(now + 600), false);
    Ok(())
}

#[test]
fn unpaid_seats_of_an_address_are_bounded_and_shrink_when_holds_end() {
    let (guests, office) = (guests(10, "1000/1s"), from("203.0.113.7"));
    held(&guests, office, 1, 6, 0).unwrap();
    held(&guests, office, 2, 4, 0).unwrap();
    let refused = guests.hold(office, id(3), 1, at(5), OPEN).map(drop).unwrap_err();
    assert_eq!(refused, GuestRefusal::TooManySeats { most: 10, have: 10, more_at: Some(at(600)) });
    // Another address has its own bound; of an IPv6 network all addresses are one.
    held(&guests, from("203.0.113.8"), 4, 10, 0).unwrap();
    held(&guests, from("2001:db8::1"), 5, 10, 0).unwrap();
    assert!(held(&guests, from("2001:db8::ffff:2"), 6, 1, 0).is_err());
    held(&guests, from("2001:db8:0:1::1"), 7, 10, 0).unwrap();

    // The first booking is paid for, or over.
    let over = RefCell::new(HashSet::from([id(1)]));
    let looked_up = |booking| over.borrow().contains(&booking);
    guests.hold(office, id(8), 6, at(6), looked_up).unwrap().held(id(8), 6, at(606), false);
    assert!(guests.hold(office, id(9), 1, at(6), looked_up).is_err());
    over.borrow_mut().insert(id(2));
    assert!(guests.hold(office, id(9), 4, at(6), looked_up).is_ok());
}

#[test]
fn what_is_refused_in_the_end_does_not_count() {
    let (guests, home) = (guests(3, "2/1h"), from("198.51.100.1"));
    for n in 0..50 {
        // Dropped: the seat was taken by another.
        drop(guests.hold(home, id(n), 3, at(0), OPEN).unwrap());
    }
    held(&guests, home, 100, 1, 0).unwrap();
    // A repeat of that hold, here and after a restart.
    drop(guests.hold(home, id(100), 3, at(0), OPEN).unwrap());
    guests.hold(home, id(101), 1, at(0), OPEN).unwrap().held(id(101), 1, at(600), true);
    held(&guests, home, 102, 1, 0).unwrap();
    assert!(matches!(held(&guests, home, 103, 0, 0), Err(GuestRefusal::TooManyRequests { policy: Policy::GuestHolds, .. })));
    assert!(matches!(held(&guests, home, 103, 1, 0), Err(GuestRefusal::TooManySeats { have: 3, .. })));
}

#[test]
fn holds_that_run_at_once_are_counted_together() {
    let (guests, home) = (guests(5, "1000/1s"), from("198.51.100.1"));
    let running: Vec<_> = (0..10).filter_map(|n| guests.hold(home, id(n), 1, at(0), OPEN).ok()).collect();
    assert_eq!(running.len(), 5);
    drop(running);
    assert!(guests.hold(home, id(20), 5, at(0), OPEN).is_ok());
}

#[test]
fn cancels_have_a_quota_and_refused_ones_do_not_use_it() {
    let (guests, home) = (guests(5, "2/1h"), from("198.51.100.1"));
    for _ in 0..20 {
        drop(guests.cancel(home, at(0)).unwrap());
    }
    for _ in 0..2 {
        assert!(guests.cancel(home, at(0)).unwrap().cancelled().is_some());
    }
    let refused = guests.cancel(home, at(0)).map(drop).unwrap_err();
    assert!(matches!(refused, GuestRefusal::TooManyRequests { policy: Policy::GuestCancels, .. }), "{refused:?}");
    assert!(guests.cancel(home, at(1800)).is_ok());
}

#[test]
fn what_other_nodes_have_counted_holds_here_too() {
    let (guests, home) = (guests(5, "10/10s"), from("198.51.100.1"));
    let quota = guests.rules().holds.unwrap();
    guests.used_up(home, Policy::GuestHolds, quota, Duration::from_secs(1), at(0));
    assert!(held(&guests, home, 1, 1, 0).is_err());
    held(&guests, home, 1, 1, 1).unwrap();
}

#[test]
fn addresses_that_are_not_in_use_are_forgotten() {
    let guests = guests(5, "10/10s");
    for n in 0..5_000_u32 {
        let now = i64::from(n);
        held(&guests, Client::of(std::net::IpAddr::V4(n.into())), u128::from(n), 1, now).unwrap();
    }
    let kept = guests.addresses.lock().len();
    assert!(kept < 2 * SWEEP_FROM + 600, "{kept}");
}

#[test]
fn without_bounds_nothing_is_refused() {
    let (guests, home) = (Guests::new(GuestRules::OFF), from("198.51.100.1"));
    for n in 0..1000 {
        held(&guests, home, n, 10, 0).unwrap();
    }
    assert!(guests.cancel(home, at(0)).is_ok());
}

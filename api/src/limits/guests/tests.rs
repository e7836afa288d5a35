use super::*;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
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
    Guests::new(GuestRules { seats: Some(seats), holds: quota, cancels: quota, declines: quota, extend: false })
}

fn held(guests: &Guests, client: Client, n: u128, seats: u32, now: i64) -> Result<(), GuestRefusal> {
    let unit = guests.hold(client, id(n), seats, at(now))?;
    unit.held(id(n), seats, at(now + 600), at(now), false);
    Ok(())
}

#[test]
fn unpaid_seats_of_an_address_are_bounded_and_shrink_when_holds_end() {
    let (guests, office) = (guests(10, "1000/1s"), from("203.0.113.7"));
    held(&guests, office, 1, 6, 0).unwrap();
    held(&guests, office, 2, 4, 0).unwrap();
    let refused = guests.hold(office, id(3), 1, at(5)).map(drop).unwrap_err();
    assert_eq!(refused, GuestRefusal::TooManySeats { most: 10, have: 10, more_at: Some(at(600)) });
    // Another address has its own bound; of an IPv6 network all addresses are one.
    held(&guests, from("203.0.113.8"), 4, 10, 0).unwrap();
    held(&guests, from("2001:db8::1"), 5, 10, 0).unwrap();
    assert!(held(&guests, from("2001:db8::ffff:2"), 6, 1, 0).is_err());
    held(&guests, from("2001:db8:0:1::1"), 7, 10, 0).unwrap();

    // The first booking is paid for, or over.
    assert_eq!(guests.due_look_ups(office, at(6)), [id(1), id(2)]);
    guests.looked_up(office, id(1), true, at(6));
    guests.looked_up(office, id(2), false, at(6));
    held(&guests, office, 8, 6, 6).unwrap();
    assert!(held(&guests, office, 9, 1, 6).is_err());
    // The second was cancelled from this address. Which bookings others have says nothing here.
    guests.is_over(office, id(4));
    guests.is_over(office, id(2));
    assert!(held(&guests, office, 9, 5, 6).is_err());
    held(&guests, office, 9, 4, 6).unwrap();
}

/// Each refused request waited for the views and had up to a hundred bookings looked up.
#[test]
fn an_address_at_its_bound_is_looked_up_once_a_second_and_a_part_at_a_time() {
    let (guests, office) = (guests(300, "1000/1s"), from("203.0.113.7"));
    for n in 0..300 {
        held(&guests, office, n, 1, 0).unwrap();
    }
    let first = guests.due_look_ups(office, at(1));
    assert_eq!(first.len(), 128);
    for _ in 0..1000 {
        assert!(held(&guests, office, 999, 1, 1).is_err());
        assert_eq!(guests.due_look_ups(office, at(1)), []);
    }
    first.iter().for_each(|booking| guests.looked_up(office, *booking, false, at(1)));
    // Each gets its turn.
    let mut seen: HashSet<_> = first.into_iter().collect();
    for second in 2..4 {
        let next = guests.due_look_ups(office, at(second));
        next.iter().for_each(|booking| guests.looked_up(office, *booking, false, at(second)));
        seen.extend(next);
    }
    assert_eq!(seen.len(), 300);
    // Its end, and the one extension.
    assert!(held(&guests, office, 999, 1, 1199).is_err());
    held(&guests, office, 999, 300, 1200).unwrap();
}

#[test]
fn what_is_refused_in_the_end_does_not_count() {
    let (guests, home) = (guests(3, "2/1h"), from("198.51.100.1"));
    for n in 0..50 {
        // Dropped: the seat was taken by another.
        drop(guests.hold(home, id(n), 3, at(0)).unwrap());
    }
    held(&guests, home, 100, 1, 0).unwrap();
    // A repeat of that hold, here and after a restart.
    drop(guests.hold(home, id(100), 3, at(0)).unwrap());
    guests.hold(home, id(101), 1, at(0)).unwrap().held(id(101), 1, at(600), at(0), true);
    held(&guests, home, 102, 1, 0).unwrap();
    assert!(matches!(held(&guests, home, 103, 0, 0), Err(GuestRefusal::TooManyRequests { policy: Policy::GuestHolds, .. })));
    assert!(matches!(held(&guests, home, 103, 1, 0), Err(GuestRefusal::TooManySeats { have: 3, .. })));
}

#[test]
fn holds_that_run_at_once_are_counted_together() {
    let (guests, home) = (guests(5, "1000/1s"), from("198.51.100.1"));
    let running: Vec<_> = (0..10).filter_map(|n| guests.hold(home, id(n), 1, at(0)).ok()).collect();
    assert_eq!(running.len(), 5);
    drop(running);
    assert!(guests.hold(home, id(20), 5, at(0)).is_ok());
}

#[test]
fn cancels_have_a_quota_and_refused_ones_do_not_use_it() {
    let (guests, home) = (guests(5, "2/1h"), from("198.51.100.1"));
    for _ in 0..20 {
        drop(guests.cancel(home, at(0)).unwrap());
    }
    for _ in 0..2 {
        assert!(guests.cancel(home, at(0)).unwrap().spend().is_some());
    }
    let refused = guests.cancel(home, at(0)).map(drop).unwrap_err();
    assert!(matches!(refused, GuestRefusal::TooManyRequests { policy: Policy::GuestCancels, .. }), "{refused:?}");
    assert!(guests.cancel(home, at(1800)).is_ok());
}

#[test]
fn declined_payments_have_a_quota_of_their_own_and_others_do_not_use_it() {
    let (guests, home) = (guests(5, "2/1h"), from("198.51.100.1"));
    for _ in 0..20 {
        guests.may_pay(home, at(0)).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(guests.declined(home, at(0)).map(|(policy, _)| policy), Some(Policy::GuestDeclines));
    }
    assert!(guests.declined(home, at(0)).is_none(), "used up");
    let refused = guests.may_pay(home, at(0)).unwrap_err();
    assert!(matches!(refused, GuestRefusal::TooManyRequests { policy: Policy::GuestDeclines, .. }), "{refused:?}");
    assert!(guests.may_pay(from("198.51.100.2"), at(0)).is_ok() && guests.cancel(home, at(0)).is_ok());
    assert!(guests.may_pay(home, at(1800)).is_ok());
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
    let kept = guests.addresses.lock().known.len();
    // Those of twice the hold, which is the end with its extension, and as many again until the next sweep.
    assert!(kept <= 2 * 1200 + SWEEP_AFTER, "{kept}");
}

/// They stayed for the life of the process, unless there were a thousand addresses.
#[test]
fn bookings_of_few_addresses_are_forgotten_too() {
    let (guests, office) = (guests(1000, "1000/1s"), from("203.0.113.7"));
    for n in 0..500 {
        held(&guests, office, n, 1, 0).unwrap();
    }
    assert_eq!(guests.recorded.load(Ordering::Relaxed), 500);
    for n in 0..200 {
        drop(guests.hold(from("203.0.113.8"), id(1000 + n), 1, at(1200)).unwrap());
    }
    assert_eq!((guests.recorded.load(Ordering::Relaxed), guests.addresses.lock().known.len()), (0, 1));
}

/// Each hold was recorded for ever, and each hold after it went through all of them.
#[test]
fn what_has_no_bound_is_not_recorded() {
    let quota = "1000/1s".parse().ok();
    let guests = Guests::new(GuestRules { holds: quota, ..GuestRules::OFF });
    for n in 0..1000 {
        held(&guests, from("203.0.113.7"), n, 10, 0).unwrap();
    }
    assert_eq!(guests.recorded.load(Ordering::Relaxed), 0);
    assert!(held(&guests, from("203.0.113.7"), 1000, 10, 0).is_err());
    // Nor are addresses without any bound.
    let guests = Guests::new(GuestRules::OFF);
    held(&guests, from("203.0.113.7"), 1, 10, 0).unwrap();
    drop(guests.cancel(from("203.0.113.7"), at(0)).unwrap());
    assert!(guests.addresses.lock().known.is_empty());
}

#[test]
fn without_bounds_nothing_is_refused() {
    let (guests, home) = (Guests::new(GuestRules::OFF), from("198.51.100.1"));
    for n in 0..1000 {
        held(&guests, home, n, 10, 0).unwrap();
    }
    assert!(guests.cancel(home, at(0)).is_ok());
}

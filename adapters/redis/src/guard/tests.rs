use super::*;

#[test]
fn a_seat_has_a_key_whose_show_is_its_slot() {
    let (show, seat) = (ShowId::new("a-show_1").unwrap(), SeatId::new("floor:17").unwrap());
    assert_eq!(key(&show, &seat), "seat:{a-show_1}:floor:17");
    // A brace in an id would move the seats of one show to several slots.
    for brace in ["a{b", "a}b"] {
        assert!(ShowId::new(brace).is_err() && SeatId::new(brace).is_err());
    }
}

#[test]
fn a_lease_is_whole_milliseconds_and_never_nothing() {
    assert_eq!(millis(Duration::ZERO), "1");
    assert_eq!(millis(Duration::from_micros(300)), "1");
    assert_eq!(millis(Duration::from_secs(2)), "2000");
    assert_eq!(millis(Duration::MAX), LONGEST.as_millis().to_string());
}

//! Nothing is found in valid histories.

use crate::planting::*;
use lastseat_testkit::history::{finish, history, steps};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// No valid history has a violation, wherever it is cut.
    #[test]
    fn valid_histories_are_found_valid(steps in steps(150), stride in 1_u64..9, cut in any::<usize>()) {
        let mut world = history(&steps, stride);
        finish(&mut world);
        let report = audit(&world.log);
        prop_assert!(report.violations.is_empty(), "{}", report);
        prop_assert!(report.pending.is_empty(), "{}", report);
        prop_assert!(report.guarantees.iter().all(|g| g.holds), "{}", report);
        let cut = cut % (world.log.len() + 1);
        let report = audit(&world.log[..cut]);
        prop_assert!(report.violations.is_empty(), "cut at {cut}: {}", report);
    }
}

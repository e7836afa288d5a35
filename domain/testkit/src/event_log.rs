//! Contract suite of the port [`EventLog`]: one function a rule, each of which panics where an
//! adapter breaks it.
//!
//! The log under test may be shared: it may hold other streams, grow by other hands, and leave
//! gaps between positions. Every rule works in streams of its own, named after the run and the
//! rule. The suite starts no task and sets no timer; where an adapter might never answer, the
//! caller sets a time limit.
//!
//! ```ignore
//! macro_rules! tests {
//!     ($($rule:ident)*) => {$(
//!         #[tokio::test]
//!         async fn $rule() {
//!             let subject = Subject::new("run-1", || async { open_the_log().await }.boxed());
//!             lastseat_testkit::event_log::$rule(&subject).await;
//!         }
//!     )*};
//! }
//! lastseat_testkit::for_each_event_log_rule!(tests);
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test suite speaks by panicking"
)]

mod appending;
mod reading;
mod subject;
mod subscribing;

pub use appending::*;
pub use reading::*;
pub use subject::Subject;
pub use subscribing::*;

/// Calls a macro with the names of all rules of the suite, separated by white space.
#[macro_export]
macro_rules! for_each_event_log_rule {
    ($then:ident) => {
        $then! {
            a_new_stream_starts_at_revision_zero
            a_stream_grows_at_its_exact_revision
            a_wrong_revision_is_a_conflict_and_writes_nothing
            a_stream_that_exists_is_not_new
            a_stream_that_does_not_exist_has_no_revision
            a_revision_ahead_of_the_stream_is_a_conflict
            the_greatest_revision_is_a_conflict_like_any_other
            a_repeat_of_one_event_is_answered_as_the_first_time
            a_repeat_of_many_events_is_answered_as_the_first_time
            a_repeat_is_recognised_after_the_stream_went_on
            a_repeat_of_many_streams_is_answered_as_the_first_time
            a_partly_repeated_batch_is_a_conflict
            another_event_at_a_taken_revision_is_a_conflict
            an_event_id_may_return_at_the_next_revision
            one_conflict_withholds_the_rest_where_appends_are_atomic
            streams_stand_alone_where_appends_are_not_atomic
            what_stands_already_is_written_even_beside_a_conflict
            appends_that_are_handed_over_together_are_decided_one_by_one
            an_append_of_nothing_is_nothing
            a_write_without_events_is_refused
            a_stream_twice_in_one_append_is_refused
            an_oversized_event_is_refused_and_harms_nothing
            one_of_many_concurrent_appends_at_one_revision_wins
            concurrent_appends_to_many_streams_all_land
            what_was_written_is_read_back_byte_for_byte
            strange_stream_names_and_types_are_kept
            a_missing_stream_is_empty
            a_stream_is_read_forwards_from_a_revision_inclusive
            a_stream_is_read_backwards_from_a_revision_inclusive
            the_log_is_read_forwards_from_a_position_exclusive
            the_log_is_read_backwards_from_a_position_exclusive
            the_log_is_filtered_by_stream_prefix
            the_log_is_filtered_by_type_prefix
            a_filter_takes_any_prefix_of_each_kind_and_both_kinds
            a_limit_counts_events_that_pass
            positions_follow_the_order_of_answers
            the_head_is_at_or_behind_no_answered_append
            a_subscription_from_the_start_delivers_everything_in_order
            a_subscription_starts_behind_its_position
            a_subscription_goes_on_to_what_comes
            a_subscription_has_no_gap_and_no_repeat_under_concurrent_appends
            a_subscription_filters
            a_subscription_tells_how_far_it_is_where_nothing_passes
            a_subscription_tells_when_it_has_caught_up
            subscriptions_do_not_disturb_each_other
        }
    };
}

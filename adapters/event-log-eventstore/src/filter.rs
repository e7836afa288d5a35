//! Translates the port's filter into the server's.

use eventstore::SubscriptionFilter;
use lastseat_domain::ports::event_log::Filter;

/// Events that the server scans between two checkpoints.
const WINDOW: u32 = 1_000;

/// The server filters by stream name or by type, not by both. The rest is left to
/// [`Filter::matches`].
pub(crate) fn server_filter(filter: &Filter) -> SubscriptionFilter {
    // Not every server accepts an empty prefix, which matches everything.
    let usable = |prefixes: &[String]| !prefixes.is_empty() && prefixes.iter().all(|prefix| !prefix.is_empty());
    let server = if usable(&filter.stream_prefixes) {
        filter.stream_prefixes.iter().fold(SubscriptionFilter::on_stream_name(), SubscriptionFilter::add_prefix)
    } else if usable(&filter.type_prefixes) {
        filter.type_prefixes.iter().fold(SubscriptionFilter::on_event_type(), SubscriptionFilter::add_prefix)
    } else {
        SubscriptionFilter::on_stream_name().exclude_system_events()
    };
    server.max(WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter_of(streams: &[&str], types: &[&str]) -> String {
        let type_prefixes = types.iter().map(|prefix| (*prefix).to_owned()).collect();
        format!("{:?}", server_filter(&Filter { type_prefixes, ..Filter::streams(streams) }))
    }

    #[test]
    fn the_server_filters_by_streams_else_by_types_else_drops_system_events() {
        let by_streams = filter_of(&["seat-", "show-"], &["Seat"]);
        assert!(by_streams.contains("based_on_stream: true") && by_streams.contains(r#"["seat-", "show-"]"#), "{by_streams}");
        let by_types = filter_of(&[], &["Seat"]);
        assert!(by_types.contains("based_on_stream: false") && by_types.contains(r#"["Seat"]"#), "{by_types}");
        for everything in [filter_of(&[], &[]), filter_of(&["seat-", ""], &[]), filter_of(&[""], &[""])] {
            assert!(everything.contains("based_on_stream: true") && everything.contains("regex: Some"), "{everything}");
        }
    }
}

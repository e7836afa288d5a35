//! The port's filter in the server's terms.

use eventstore::SubscriptionFilter;
use lastseat_domain::ports::event_log::Filter;

/// Events that the server looks at before it says how far it got, and at most at a time.
const WINDOW: u32 = 1_000;

/// What the server can sift: stream names or types, not both. The rest is left to
/// [`Filter::matches`].
pub(crate) fn at_server(filter: &Filter) -> SubscriptionFilter {
    // The empty prefix lets everything pass; not every server takes it.
    let sifts = |prefixes: &[String]| !prefixes.is_empty() && prefixes.iter().all(|prefix| !prefix.is_empty());
    let server = if sifts(&filter.stream_prefixes) {
        filter.stream_prefixes.iter().fold(SubscriptionFilter::on_stream_name(), SubscriptionFilter::add_prefix)
    } else if sifts(&filter.type_prefixes) {
        filter.type_prefixes.iter().fold(SubscriptionFilter::on_event_type(), SubscriptionFilter::add_prefix)
    } else {
        SubscriptionFilter::on_stream_name().exclude_system_events()
    };
    server.max(WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sifted(streams: &[&str], types: &[&str]) -> String {
        let type_prefixes = types.iter().map(|prefix| (*prefix).to_owned()).collect();
        format!("{:?}", at_server(&Filter { type_prefixes, ..Filter::streams(streams) }))
    }

    #[test]
    fn the_server_sifts_by_streams_else_by_types_else_its_own_events_away() {
        let by_streams = sifted(&["seat-", "show-"], &["Seat"]);
        assert!(by_streams.contains("based_on_stream: true") && by_streams.contains(r#"["seat-", "show-"]"#), "{by_streams}");
        let by_types = sifted(&[], &["Seat"]);
        assert!(by_types.contains("based_on_stream: false") && by_types.contains(r#"["Seat"]"#), "{by_types}");
        for everything in [sifted(&[], &[]), sifted(&["seat-", ""], &[]), sifted(&[""], &[""])] {
            assert!(everything.contains("based_on_stream: true") && everything.contains("regex: Some"), "{everything}");
        }
    }
}

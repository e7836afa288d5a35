//! A client's filter on `$all`: the log applies prefixes itself, regular expressions are applied here.

use crate::wire::streams::read_req::options::FilterOptions;
use crate::wire::streams::read_req::options::filter_options::{Filter as WireFilter, Window};
use fancy_regex::{Regex, RegexBuilder};
use lastseat_domain::ports::event_log::{Filter, RecordedEvent};
use tonic::Status;

/// Longest regular expression, in bytes.
const MAX_EXPRESSION: usize = 4096;
/// Most prefixes.
const MAX_PREFIXES: usize = 256;
/// Backtracking steps of an expression on one name, and its compiled size in bytes.
const MAX_STEPS: usize = 10_000;
const MAX_COMPILED: usize = 1024 * 1024;
/// Events between two checkpoints if the client names no window.
const DEFAULT_WINDOW: u32 = 500;

#[derive(Debug)]
pub(crate) struct EventFilter {
    /// The part that the log applies. It may pass too much, never too little.
    pub(crate) log_filter: Filter,
    regex: Option<(By, Regex)>,
    /// Positions between two checkpoints of a subscription; `None` without a filter.
    pub(crate) checkpoint_interval: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
enum By {
    Stream,
    Type,
}

impl EventFilter {
    pub(crate) fn all() -> Self {
        Self { log_filter: Filter::all(), regex: None, checkpoint_interval: None }
    }

    /// `is_subscription`: a read needs no checkpoints, and the .NET client sends a multiplier of 0 with it.
    pub(crate) fn from_wire(options: FilterOptions, is_subscription: bool) -> Result<Self, Status> {
        let (by, expression) = match options.filter {
            Some(WireFilter::StreamIdentifier(expression)) => (By::Stream, expression),
            Some(WireFilter::EventType(expression)) => (By::Type, expression),
            None => return Err(Status::invalid_argument("a filter must look at stream names or at event types")),
        };
        let window = match options.window {
            Some(Window::Max(most)) => most,
            Some(Window::Count(())) | None => DEFAULT_WINDOW,
        };
        let interval = u64::from(window) * u64::from(options.checkpoint_interval_multiplier);
        if interval == 0 && is_subscription {
            return Err(Status::invalid_argument("a filter's window and checkpoint interval multiplier must be at least 1"));
        }
        // As in EventStoreDB, an expression overrides prefixes.
        let (prefixes, regex) = if expression.regex.is_empty() {
            (expression.prefix, None)
        } else {
            let prefix = leading_text(&expression.regex);
            (prefix.into_iter().collect(), Some((by, compile(&expression.regex)?)))
        };
        if prefixes.is_empty() && regex.is_none() {
            return Err(Status::invalid_argument("a filter needs a regular expression or prefixes"));
        }
        if prefixes.len() > MAX_PREFIXES {
            return Err(Status::invalid_argument(format!("a filter may have at most {MAX_PREFIXES} prefixes")));
        }
        let log_filter = match by {
            By::Stream => Filter { stream_prefixes: prefixes, type_prefixes: Vec::new() },
            By::Type => Filter { stream_prefixes: Vec::new(), type_prefixes: prefixes },
        };
        Ok(Self { log_filter, regex, checkpoint_interval: Some(interval) })
    }

    /// Whether an event that passed `log_filter` passes the rest.
    pub(crate) fn passes(&self, event: &RecordedEvent) -> Result<bool, Status> {
        let Some((by, regex)) = &self.regex else { return Ok(true) };
        let name = match by {
            By::Stream => event.stream.as_str(),
            By::Type => &event.event_type,
        };
        regex.is_match(name).map_err(|_| Status::invalid_argument("the regular expression takes too many steps; simplify it"))
    }
}

fn compile(expression: &str) -> Result<Regex, Status> {
    if expression.len() > MAX_EXPRESSION {
        return Err(Status::invalid_argument(format!("a regular expression may have at most {MAX_EXPRESSION} bytes")));
    }
    let built = RegexBuilder::new(expression).backtrack_limit(MAX_STEPS).delegate_size_limit(MAX_COMPILED).build();
    built.map_err(|error| Status::invalid_argument(format!("invalid regular expression: {error}")))
}

/// A prefix that all matches of an expression share, if it is obvious: the log can filter by it.
fn leading_text(expression: &str) -> Option<String> {
    let mut rest = expression.strip_prefix('^')?.chars().peekable();
    if expression.contains('|') {
        return None;
    }
    let mut text = String::new();
    while let Some(letter) = rest.next() {
        let literal = match letter {
            '\\' => match rest.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => escaped,
                _ => break,
            },
            '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' => break,
            other => other,
        };
        // An optional or repeated character is no certain part of the prefix.
        if matches!(rest.peek(), Some('?' | '*' | '{' | '+')) {
            break;
        }
        text.push(literal);
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::leading_text;

    #[test]
    fn leading_text_is_what_every_match_begins_with() {
        for (expression, text) in [
            ("^seat-", Some("seat-")),
            ("^seat-.*", Some("seat-")),
            (r"^seat\-demo\.A", Some("seat-demo.A")),
            (r"^\$", Some("$")),
            ("^Payment(Started|Declined)$", None),
            ("^Payment[SD]", Some("Payment")),
            ("^Seats?", Some("Seat")),
            ("^ab{2}", Some("a")),
            (r"^a\d", Some("a")),
            ("^[^$].*", None),
            ("seat-", None),
            ("^seat-.*|booking-.*$", None),
            ("^(?!(\\$.+$))", None),
        ] {
            assert_eq!(leading_text(expression).as_deref(), text, "{expression}");
        }
    }
}

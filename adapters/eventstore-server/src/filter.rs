//! Which events of the whole log a client wants: prefixes go to the log, regular expressions are
//! looked at here.

use crate::wire::streams::read_req::options::FilterOptions;
use crate::wire::streams::read_req::options::filter_options::{Filter as WireFilter, Window};
use fancy_regex::{Regex, RegexBuilder};
use lastseat_domain::ports::event_log::{Filter, RecordedEvent};
use tonic::Status;

/// Longest regular expression, in bytes.
const MAX_EXPRESSION: usize = 4096;
/// Most prefixes.
const MAX_PREFIXES: usize = 256;
/// Steps back that an expression may take on one name, and bytes that it may take up.
const MAX_STEPS: usize = 10_000;
const MAX_COMPILED: usize = 1024 * 1024;
/// Events between two checkpoints where the client leaves it to the server.
const DEFAULT_WINDOW: u32 = 500;

/// What lets events through.
#[derive(Debug)]
pub(crate) struct Sieve {
    /// What the log can do itself. It may let more through than is wanted.
    pub(crate) rough: Filter,
    fine: Option<(By, Regex)>,
    /// A subscription is told how far it is after this many positions; `None` without a filter.
    pub(crate) checkpoint_interval: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
enum By {
    Stream,
    Type,
}

impl Sieve {
    /// Lets everything through.
    pub(crate) fn open() -> Self {
        Self { rough: Filter::all(), fine: None, checkpoint_interval: None }
    }

    pub(crate) fn from_wire(options: FilterOptions) -> Result<Self, Status> {
        let (by, expression) = match options.filter {
            Some(WireFilter::StreamIdentifier(expression)) => (By::Stream, expression),
            Some(WireFilter::EventType(expression)) => (By::Type, expression),
            None => return Err(Status::invalid_argument("a filter looks at streams or at types")),
        };
        let window = match options.window {
            Some(Window::Max(most)) => most,
            Some(Window::Count(())) | None => DEFAULT_WINDOW,
        };
        let interval = u64::from(window) * u64::from(options.checkpoint_interval_multiplier);
        if interval == 0 {
            return Err(Status::invalid_argument("a filter's window and checkpoint interval multiplier are at least 1"));
        }
        // As EventStoreDB does: where there is an expression, prefixes don't count.
        let (prefixes, fine) = if expression.regex.is_empty() {
            (expression.prefix, None)
        } else {
            let prefix = leading_text(&expression.regex);
            (prefix.into_iter().collect(), Some((by, compile(&expression.regex)?)))
        };
        if prefixes.is_empty() && fine.is_none() {
            return Err(Status::invalid_argument("a filter has a regular expression or prefixes"));
        }
        if prefixes.len() > MAX_PREFIXES {
            return Err(Status::invalid_argument(format!("a filter has at most {MAX_PREFIXES} prefixes")));
        }
        let rough = match by {
            By::Stream => Filter { stream_prefixes: prefixes, type_prefixes: Vec::new() },
            By::Type => Filter { stream_prefixes: Vec::new(), type_prefixes: prefixes },
        };
        Ok(Self { rough, fine, checkpoint_interval: Some(interval) })
    }

    /// Whether an event that the log let through is wanted.
    pub(crate) fn passes(&self, event: &RecordedEvent) -> Result<bool, Status> {
        let Some((by, regex)) = &self.fine else { return Ok(true) };
        let name = match by {
            By::Stream => event.stream.as_str(),
            By::Type => &event.event_type,
        };
        regex.is_match(name).map_err(|_| Status::invalid_argument("the regular expression takes too many steps; make it simpler"))
    }
}

fn compile(expression: &str) -> Result<Regex, Status> {
    if expression.len() > MAX_EXPRESSION {
        return Err(Status::invalid_argument(format!("a regular expression has at most {MAX_EXPRESSION} bytes")));
    }
    let built = RegexBuilder::new(expression).backtrack_limit(MAX_STEPS).delegate_size_limit(MAX_COMPILED).build();
    built.map_err(|error| Status::invalid_argument(format!("the regular expression can't be read: {error}")))
}

/// The text that every name begins with which an expression matches, if it is plain to see: then the
/// log can leave out the others.
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
        // What may be left out or repeated is not certain.
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

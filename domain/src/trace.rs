//! Which request an event follows from, across programs.

use std::fmt;

/// A place in a trace of [W3C Trace Context](https://www.w3.org/TR/trace-context/).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Id of the trace: 32 lower-case hex digits, not all of them 0.
    pub id: String,
    /// Id of the span that continues it, if that is recorded somewhere: 16 hex digits.
    pub span: Option<String>,
}

impl Trace {
    /// The trace that a header `traceparent` names. By the standard, a malformed one is ignored.
    #[must_use]
    pub fn of_traceparent(header: &str) -> Option<Self> {
        let mut fields = header.split('-');
        let (version, trace) = (fields.next()?, fields.next()?);
        let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let valid =
            version.len() == 2 && is_hex(version) && trace.len() == 32 && is_hex(trace) && trace.bytes().any(|b| b != b'0');
        valid.then(|| Self { id: trace.to_owned(), span: None })
    }

    /// As the metadata of events has it: the trace's id, and the span's after a hyphen.
    #[must_use]
    pub fn of_metadata(text: &str) -> Self {
        match text.split_once('-') {
            Some((id, span)) => Self { id: id.to_owned(), span: Some(span.to_owned()) },
            None => Self { id: text.to_owned(), span: None },
        }
    }

    /// The header that makes somebody else's work a part of the trace. `None`: nobody records it.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        self.span.as_ref().map(|span| format!("00-{}-{span}-01", self.id))
    }
}

/// As the metadata of events has it.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        self.span.as_ref().map_or(Ok(()), |span| write!(f, "-{span}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_header_names_no_trace() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(Trace::of_traceparent(good).unwrap().id, "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in [
            "",
            "00",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Trace::of_traceparent(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_what_is_recorded_is_passed_on() {
        let mut trace = Trace { id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), span: None };
        assert_eq!((trace.traceparent(), Trace::of_metadata(&trace.to_string())), (None, trace.clone()));
        trace.span = Some("00f067aa0ba902b7".to_owned());
        assert_eq!(trace.traceparent().unwrap(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(Trace::of_metadata(&trace.to_string()), trace);
    }
}

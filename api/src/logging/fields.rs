//! What a log line says of the request that it belongs to: its id. All else in a request's span is for a collector of traces.

use std::fmt;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, JsonFields, Writer};
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

/// Writes the fields of spans, and those of lines in text, for a format of lines.
pub(super) enum RequestId {
    Text,
    Json,
}

impl<'writer> FormatFields<'writer> for RequestId {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut found = Id::default();
        fields.record(&mut found);
        match (found, self) {
            // A line's own fields, and those of no request.
            (Id { is_of_request: false, .. }, Self::Text) => DefaultFields::new().format_fields(writer, fields),
            (Id { is_of_request: false, .. }, Self::Json) => JsonFields::new().format_fields(writer, fields),
            (Id { id, .. }, Self::Text) => write!(writer, "id={id}"),
            (Id { id, .. }, Self::Json) => write!(writer, "{}", serde_json::json!({ "id": id })),
        }
    }

    /// What a span learns later, such as a status, is for a collector.
    fn add_fields(&self, _: &'writer mut FormattedFields<Self>, _: &Record<'_>) -> fmt::Result {
        Ok(())
    }
}

/// The id in a request's span.
#[derive(Default)]
struct Id {
    is_of_request: bool,
    id: String,
}

impl Visit for Id {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "otel.kind" => self.is_of_request = true,
            "id" => value.clone_into(&mut self.id),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

//! The answers of `BatchAppend`.

use crate::convert::{IdForm, id_to_wire, position_to_wire};
use crate::failure::Failure;
use crate::wire::google::rpc::Status as WireStatus;
use crate::wire::shared::{self, StreamIdentifier};
use crate::wire::streams::BatchAppendResp;
use crate::wire::streams::batch_append_resp::{ExpectedStreamPosition, Result as Answer, Success, success};
use crate::write::Appended;
use lastseat_domain::ports::event_log::Expected;
use prost::Message;
use tonic::Code;
use uuid::Uuid;

/// What an answer repeats of its append.
pub(super) struct Heading {
    pub(super) correlation: Uuid,
    pub(super) stream: Option<StreamIdentifier>,
    pub(super) expected: Option<ExpectedStreamPosition>,
}

pub(super) fn answer(heading: Heading, result: Result<Appended, Failure>) -> BatchAppendResp {
    let result = match result {
        Ok(appended) => Answer::Success(Success {
            current_revision_option: Some(
                appended
                    .last_revision
                    .map_or(success::CurrentRevisionOption::NoStream(()), success::CurrentRevisionOption::CurrentRevision),
            ),
            position_option: Some(success::PositionOption::Position(position_to_wire(appended.position))),
        }),
        Err(failure) => Answer::Error(error(&failure)),
    };
    BatchAppendResp {
        correlation_id: Some(id_to_wire(heading.correlation, IdForm::Text)),
        // Clients fail without it.
        stream_identifier: Some(heading.stream.unwrap_or_default()),
        expected_stream_position: heading.expected,
        result: Some(result),
    }
}

/// Every error has details: some clients look at nothing else.
fn error(failure: &Failure) -> WireStatus {
    let message = failure.message();
    let (code, details) = match failure {
        Failure::Conflict { expected, actual } => {
            use shared::wrong_expected_version::{
                CurrentStreamRevisionOption as Current, ExpectedStreamPositionOption as Expectation,
            };
            let wrong = shared::WrongExpectedVersion {
                current_stream_revision_option: Some(actual.map_or(Current::CurrentNoStream(()), Current::CurrentStreamRevision)),
                expected_stream_position_option: Some(match expected {
                    Expected::NoStream => Expectation::ExpectedNoStream(()),
                    Expected::Revision(revision) => Expectation::ExpectedStreamPosition(*revision),
                }),
            };
            (Code::AlreadyExists, details("WrongExpectedVersion", &wrong))
        }
        Failure::TooLarge { limit } => {
            let exceeded = shared::MaximumAppendSizeExceeded { max_append_size: u32::try_from(*limit).unwrap_or(u32::MAX) };
            (Code::InvalidArgument, details("MaximumAppendSizeExceeded", &exceeded))
        }
        Failure::Invalid(why) => (Code::InvalidArgument, details("BadRequest", &shared::BadRequest { message: why.clone() })),
        Failure::TooLate | Failure::TimedOut => (Code::DeadlineExceeded, details("Timeout", &shared::Timeout {})),
        Failure::Unknown(_) => (Code::Aborted, details("Timeout", &shared::Timeout {})),
        Failure::Unavailable(_) => (Code::Unavailable, details("Unknown", &shared::Unknown {})),
        Failure::Damaged(_) => (Code::DataLoss, details("Unknown", &shared::Unknown {})),
    };
    WireStatus { code: code.into(), message, details: Some(details) }
}

fn details(name: &str, message: &impl Message) -> prost_types::Any {
    prost_types::Any { type_url: format!("type.googleapis.com/event_store.client.{name}"), value: message.encode_to_vec() }
}

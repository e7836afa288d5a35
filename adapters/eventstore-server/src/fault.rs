//! Failures as gRPC statuses.

use lastseat_domain::ports::LogFault;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// A fault of the log outside an append.
pub(crate) fn status(fault: &LogFault) -> Status {
    let code = match fault {
        LogFault::Unavailable(_) | LogFault::Busy(_) => Code::Unavailable,
        LogFault::OutcomeUnknown(_) => Code::Aborted,
        LogFault::Damaged(_) => Code::DataLoss,
        LogFault::Refused(_) => Code::InvalidArgument,
    };
    Status::new(code, fault.to_string())
}

pub(crate) fn shutting_down() -> Status {
    Status::unavailable("the server is shutting down; connect again")
}

/// The failure to read a message of a call. A message that is too large gets the code that EventStoreDB answers.
pub(crate) fn unreadable(status: Status) -> Status {
    if status.code() == Code::OutOfRange { Status::resource_exhausted(status.message()) } else { status }
}

/// This server is not the leader; that one is.
pub(crate) fn not_leader(host: &str, port: u16) -> Status {
    let mut status = Status::not_found("Leader info available");
    set_exception(&mut status, "not-leader");
    let metadata = status.metadata_mut();
    if let Ok(host) = host.parse() {
        metadata.insert("leader-endpoint-host", host);
    }
    metadata.insert("leader-endpoint-port", port.into());
    status
}

pub(crate) fn denied(why: &str) -> Status {
    let mut status = Status::permission_denied(why);
    set_exception(&mut status, "access-denied");
    status
}

/// Names the error in the trailer from which EventStoreDB's clients make their typed errors.
pub(crate) fn set_exception(status: &mut Status, exception: &'static str) {
    status.metadata_mut().insert("exception", MetadataValue::from_static(exception));
}

//! What goes wrong, in gRPC's terms.

use lastseat_domain::ports::LogFault;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// A fault of the log outside an append.
pub(crate) fn status(fault: &LogFault) -> Status {
    let code = match fault {
        LogFault::Unavailable(_) => Code::Unavailable,
        LogFault::OutcomeUnknown(_) => Code::Aborted,
        LogFault::Damaged(_) => Code::DataLoss,
        LogFault::Refused(_) => Code::InvalidArgument,
    };
    Status::new(code, fault.to_string())
}

/// The door is being shut.
pub(crate) fn shutting() -> Status {
    Status::unavailable("the door is being shut; connect again")
}

/// Not for this caller.
pub(crate) fn denied(why: &str) -> Status {
    let mut status = Status::permission_denied(why);
    name(&mut status, "access-denied");
    status
}

/// Names the error in the trailer that clients of EventStoreDB look at.
pub(crate) fn name(status: &mut Status, exception: &'static str) {
    status.metadata_mut().insert("exception", MetadataValue::from_static(exception));
}

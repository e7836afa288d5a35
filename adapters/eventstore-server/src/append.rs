//! `Append`: one append per call. A conflict is an answer, not an error.

use crate::deadline;
use crate::failure::Failure;
use crate::fault;
use crate::leadership::ReachedAt;
use crate::served_log::ServedLog;
use crate::wire::streams::append_req::{Content, Options, options::ExpectedStreamRevision};
use crate::wire::streams::append_resp::{
    Position as WirePosition, Result as Answer, Success, WrongExpectedVersion, success, wrong_expected_version as wrong,
};
use crate::wire::streams::{AppendReq, AppendResp};
use crate::write::{Appended, Draft, ExpectedState};
use lastseat_domain::ports::event_log::{Expected, Revision};
use std::time::Duration;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status, Streaming};

impl ServedLog {
    pub(crate) async fn append_one(&self, request: Request<Streaming<AppendReq>>) -> Result<AppendResp, Status> {
        let deadline = Instant::now() + self.time_limit(request.metadata());
        let reached = request.extensions().get::<ReachedAt>().copied();
        let mut incoming = request.into_inner();
        let received = tokio::time::timeout_at(deadline, self.receive(&mut incoming)).await;
        let draft =
            received.map_err(|_| Status::deadline_exceeded("the events did not arrive in time; nothing was written"))??;
        if let Some(deposed) = self.leadership.deposed(reached) {
            return Err(deposed.status);
        }
        match draft.write(&*self.log, deadline.saturating_duration_since(Instant::now())).await {
            Ok(appended) => Ok(success(appended)),
            Err(Failure::Conflict { expected, actual }) => Ok(conflict(expected, actual)),
            Err(failure) => Err(status(&failure)),
        }
    }

    async fn receive(&self, incoming: &mut Streaming<AppendReq>) -> Result<Draft, Status> {
        let Some(AppendReq { content: Some(Content::Options(options)) }) = self.next_part(incoming).await? else {
            return Err(Status::invalid_argument("an append starts with its options"));
        };
        let expected = expected_state(&options);
        let mut draft = Draft::new(options.stream_identifier, expected).map_err(|failure| status(&failure))?;
        while let Some(part) = self.next_part(incoming).await? {
            let Some(Content::ProposedMessage(event)) = part.content else {
                return Err(Status::invalid_argument("after its options, an append has only events"));
            };
            let pushed = draft.push(event.id, &event.metadata, event.custom_metadata, event.data);
            pushed.map_err(|failure| status(&failure))?;
        }
        Ok(draft)
    }

    async fn next_part(&self, incoming: &mut Streaming<AppendReq>) -> Result<Option<AppendReq>, Status> {
        tokio::select! {
            biased;
            part = incoming.message() => part.map_err(fault::unreadable),
            () = self.shutdown.cancelled() => Err(fault::shutting_down()),
        }
    }

    /// The client's deadline, but no more than ours.
    fn time_limit(&self, metadata: &MetadataMap) -> Duration {
        deadline::of(metadata).map_or(self.append_deadline, |limit| limit.min(self.append_deadline))
    }
}

fn expected_state(options: &Options) -> Option<ExpectedState> {
    Some(match options.expected_stream_revision? {
        ExpectedStreamRevision::Revision(revision) => ExpectedState::of_revision(revision),
        ExpectedStreamRevision::NoStream(()) => ExpectedState::NoStream,
        ExpectedStreamRevision::Any(()) => ExpectedState::Any,
        ExpectedStreamRevision::StreamExists(()) => ExpectedState::StreamExists,
    })
}

fn success(appended: Appended) -> AppendResp {
    let position = WirePosition { commit_position: appended.position.0, prepare_position: appended.position.0 };
    let revision = appended
        .last_revision
        .map_or(success::CurrentRevisionOption::NoStream(()), success::CurrentRevisionOption::CurrentRevision);
    AppendResp {
        result: Some(Answer::Success(Success {
            current_revision_option: Some(revision),
            position_option: Some(success::PositionOption::Position(position)),
        })),
    }
}

fn conflict(expected: Expected, actual: Option<Revision>) -> AppendResp {
    use wrong::{CurrentRevisionOption as Current, CurrentRevisionOption2060 as OldCurrent};
    use wrong::{ExpectedRevisionOption as Expectation, ExpectedRevisionOption2060 as OldExpectation};
    // Clients take one of each pair for granted; which one depends on their age.
    let (expected, old_expected) = match expected {
        Expected::Revision(revision) => {
            (Expectation::ExpectedRevision(revision), Some(OldExpectation::ExpectedRevision2060(revision)))
        }
        // 20.6 could not express it.
        Expected::NoStream => (Expectation::ExpectedNoStream(()), None),
    };
    let (current, old_current) = match actual {
        Some(revision) => (Current::CurrentRevision(revision), OldCurrent::CurrentRevision2060(revision)),
        None => (Current::CurrentNoStream(()), OldCurrent::NoStream2060(())),
    };
    AppendResp {
        result: Some(Answer::WrongExpectedVersion(WrongExpectedVersion {
            current_revision_option_20_6_0: Some(old_current),
            expected_revision_option_20_6_0: old_expected,
            current_revision_option: Some(current),
            expected_revision_option: Some(expected),
        })),
    }
}

fn status(failure: &Failure) -> Status {
    let code = match failure {
        Failure::Invalid(_) | Failure::TooLarge { .. } => Code::InvalidArgument,
        Failure::Conflict { .. } => Code::FailedPrecondition,
        Failure::Unavailable(_) => Code::Unavailable,
        Failure::TooLate | Failure::TimedOut => Code::DeadlineExceeded,
        Failure::Unknown(_) => Code::Aborted,
        Failure::Damaged(_) => Code::DataLoss,
    };
    let mut status = Status::new(code, failure.message());
    if let Failure::TooLarge { limit } = failure {
        fault::set_exception(&mut status, "maximum-append-size-exceeded");
        if let Ok(limit) = limit.to_string().parse() {
            status.metadata_mut().insert("maximum-append-size", limit);
        }
    }
    status
}

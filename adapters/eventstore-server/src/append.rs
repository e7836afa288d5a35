//! `Append`: one append a call. A conflict is an answer, not an error.

use crate::deadline;
use crate::door::Door;
use crate::fault;
use crate::wire::streams::append_req::{Content, Options, options::ExpectedStreamRevision};
use crate::wire::streams::append_resp::{
    Position as WirePosition, Result as Answer, Success, WrongExpectedVersion, success, wrong_expected_version as wrong,
};
use crate::wire::streams::{AppendReq, AppendResp};
use crate::write::{Asked, Draft, Failure};
use lastseat_domain::ports::event_log::{Expected, Position, Revision};
use std::time::Duration;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status, Streaming};

impl Door {
    /// Serves one call.
    pub(crate) async fn append_one(&self, request: Request<Streaming<AppendReq>>) -> Result<AppendResp, Status> {
        let until = Instant::now() + self.append_patience(request.metadata());
        let mut incoming = request.into_inner();
        let taken_in = tokio::time::timeout_at(until, self.take_in(&mut incoming)).await;
        // Nothing has been written by then.
        let draft = taken_in.map_err(|_| Status::deadline_exceeded("the events did not come in time; nothing was written"))??;
        match draft.write(&*self.log, until.saturating_duration_since(Instant::now())).await {
            Ok((revision, position)) => Ok(written(revision, position)),
            Err(Failure::Conflict { expected, actual }) => Ok(conflict(expected, actual)),
            Err(failure) => Err(status(&failure)),
        }
    }

    async fn take_in(&self, incoming: &mut Streaming<AppendReq>) -> Result<Draft, Status> {
        let Some(AppendReq { content: Some(Content::Options(options)) }) = self.next_part(incoming).await? else {
            return Err(Status::invalid_argument("an append starts with its options"));
        };
        let asked = asked(&options);
        let mut draft = Draft::new(options.stream_identifier, asked).map_err(|failure| status(&failure))?;
        while let Some(part) = self.next_part(incoming).await? {
            let Some(Content::ProposedMessage(event)) = part.content else {
                return Err(Status::invalid_argument("behind its options, an append has events only"));
            };
            let pushed = draft.push(event.id, &event.metadata, event.custom_metadata, event.data);
            pushed.map_err(|failure| status(&failure))?;
        }
        Ok(draft)
    }

    async fn next_part(&self, incoming: &mut Streaming<AppendReq>) -> Result<Option<AppendReq>, Status> {
        tokio::select! {
            biased;
            part = incoming.message() => part,
            () = self.shutdown.cancelled() => Err(fault::shutting()),
        }
    }

    /// How long an append may take: as long as the client says, but never longer than ours.
    fn append_patience(&self, metadata: &MetadataMap) -> Duration {
        deadline::of(metadata).map_or(self.append_deadline, |asked| asked.min(self.append_deadline))
    }
}

fn asked(options: &Options) -> Option<Asked> {
    Some(match options.expected_stream_revision? {
        ExpectedStreamRevision::Revision(revision) => Asked::Revision(revision),
        ExpectedStreamRevision::NoStream(()) => Asked::NoStream,
        ExpectedStreamRevision::Any(()) => Asked::Any,
        ExpectedStreamRevision::StreamExists(()) => Asked::StreamExists,
    })
}

fn written(revision: Revision, position: Position) -> AppendResp {
    let position = WirePosition { commit_position: position.0, prepare_position: position.0 };
    AppendResp {
        result: Some(Answer::Success(Success {
            current_revision_option: Some(success::CurrentRevisionOption::CurrentRevision(revision)),
            position_option: Some(success::PositionOption::Position(position)),
        })),
    }
}

fn conflict(expected: Expected, actual: Option<Revision>) -> AppendResp {
    use wrong::{CurrentRevisionOption as Current, CurrentRevisionOption2060 as OldCurrent};
    use wrong::{ExpectedRevisionOption as Wanted, ExpectedRevisionOption2060 as OldWanted};
    let (wanted, old_wanted) = match expected {
        Expected::Revision(revision) => (Wanted::ExpectedRevision(revision), Some(OldWanted::ExpectedRevision2060(revision))),
        // 20.6 had no word for it.
        Expected::NoStream => (Wanted::ExpectedNoStream(()), None),
    };
    let (current, old_current) = match actual {
        Some(revision) => (Current::CurrentRevision(revision), OldCurrent::CurrentRevision2060(revision)),
        None => (Current::CurrentNoStream(()), OldCurrent::NoStream2060(())),
    };
    AppendResp {
        result: Some(Answer::WrongExpectedVersion(WrongExpectedVersion {
            current_revision_option_20_6_0: Some(old_current),
            expected_revision_option_20_6_0: old_wanted,
            current_revision_option: Some(current),
            expected_revision_option: Some(wanted),
        })),
    }
}

fn status(failure: &Failure) -> Status {
    let code = match failure {
        Failure::Invalid(_) | Failure::TooLarge { .. } => Code::InvalidArgument,
        Failure::Conflict { .. } => Code::FailedPrecondition,
        Failure::Unavailable(_) => Code::Unavailable,
        Failure::TimedOut => Code::DeadlineExceeded,
        Failure::Unknown(_) => Code::Aborted,
        Failure::Damaged(_) => Code::DataLoss,
    };
    let mut status = Status::new(code, failure.message());
    if let Failure::TooLarge { most } = failure {
        fault::name(&mut status, "maximum-append-size-exceeded");
        if let Ok(most) = most.to_string().parse() {
            status.metadata_mut().insert("maximum-append-size", most);
        }
    }
    status
}

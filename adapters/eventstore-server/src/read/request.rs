//! A validated request of `Read`.

use crate::convert::{IdForm, stream_from_wire};
use crate::event_filter::EventFilter;
use crate::wire::streams::read_req::Options;
use crate::wire::streams::read_req::options::all_options::AllOption;
use crate::wire::streams::read_req::options::stream_options::RevisionOption;
use crate::wire::streams::read_req::options::{CountOption, FilterOption, ReadDirection, StreamOption, uuid_option};
use crate::wire::streams::{ReadReq, ReadResp};
use futures::stream::BoxStream;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::Direction;
use tonic::Status;

pub(crate) type Answers = BoxStream<'static, Result<ReadResp, Status>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Start,
    End,
    At(u64),
}

pub(super) enum Source {
    Stream(StreamName),
    All(EventFilter),
}

pub(super) struct ReadRequest {
    pub(super) source: Source,
    pub(super) from: From,
    pub(super) id_form: IdForm,
    pub(super) direction: Direction,
    /// `None` for a subscription.
    pub(super) count: Option<u64>,
    /// Whether the client understands `LastStreamPosition`.
    pub(super) wants_last_position: bool,
}

impl ReadRequest {
    pub(super) fn from_wire(request: ReadReq) -> Result<Self, Status> {
        let options = request.options.ok_or_else(|| missing("request's options"))?;
        let direction = match options.read_direction() {
            ReadDirection::Forwards => Direction::Forwards,
            ReadDirection::Backwards => Direction::Backwards,
        };
        let id_form = match options.uuid_option.and_then(|option| option.content) {
            Some(uuid_option::Content::String(())) => IdForm::Text,
            Some(uuid_option::Content::Structured(())) | None => IdForm::Structured,
        };
        let wants_last_position = options.control_option.is_some_and(|control| control.compatibility >= 1);
        let count = match options.count_option.ok_or_else(|| missing("count"))? {
            CountOption::Count(count) => Some(count),
            CountOption::Subscription(_) => None,
        };
        if count.is_none() && direction == Direction::Backwards {
            return Err(Status::invalid_argument("a subscription reads forwards"));
        }
        let (source, from) = source(options, count.is_none())?;
        Ok(Self { source, from, id_form, direction, count, wants_last_position })
    }
}

fn source(options: Options, is_subscription: bool) -> Result<(Source, From), Status> {
    match options.stream_option.ok_or_else(|| missing("stream"))? {
        StreamOption::Stream(stream) => {
            if matches!(options.filter_option, Some(FilterOption::Filter(_))) {
                return Err(Status::invalid_argument("a filter is for $all, not for one stream"));
            }
            let from = match stream.revision_option.ok_or_else(|| missing("revision"))? {
                RevisionOption::Revision(revision) => From::At(revision),
                RevisionOption::Start(()) => From::Start,
                RevisionOption::End(()) => From::End,
            };
            Ok((Source::Stream(stream_from_wire(stream.stream_identifier)?), from))
        }
        StreamOption::All(all) => {
            let from = match all.all_option.ok_or_else(|| missing("position"))? {
                AllOption::Position(position) => From::At(position.commit_position),
                AllOption::Start(()) => From::Start,
                AllOption::End(()) => From::End,
            };
            let filter = match options.filter_option {
                Some(FilterOption::Filter(filter)) => EventFilter::from_wire(filter, is_subscription)?,
                Some(FilterOption::NoFilter(())) | None => EventFilter::all(),
            };
            Ok((Source::All(filter), from))
        }
    }
}

fn missing(what: &str) -> Status {
    Status::invalid_argument(format!("the {what} is missing"))
}

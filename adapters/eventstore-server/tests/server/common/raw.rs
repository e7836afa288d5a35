//! Calls without a client library.

use super::wire::shared::{StreamIdentifier, Uuid as WireUuid, uuid};
use super::wire::streams::BatchAppendReq;
use super::wire::streams::batch_append_req::{Options as BatchOptions, ProposedMessage, options::ExpectedStreamPosition};
use super::wire::streams::read_req::options as read_options;
use super::wire::streams::streams_client::StreamsClient;
use super::wire::streams::{ReadReq, read_req};
use super::{TestServer, id};
use tonic::transport::{Channel, Endpoint};

pub async fn channel(server: &TestServer) -> Channel {
    Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap()
}

pub async fn streams(server: &TestServer) -> StreamsClient<Channel> {
    StreamsClient::new(channel(server).await)
}

/// All events, with ids in this form.
pub fn read_whole(form: Option<read_options::uuid_option::Content>) -> ReadReq {
    let all = read_options::AllOptions { all_option: Some(read_options::all_options::AllOption::Start(())) };
    ReadReq {
        options: Some(read_req::Options {
            stream_option: Some(read_options::StreamOption::All(all)),
            count_option: Some(read_options::CountOption::Count(i64::MAX.cast_unsigned())),
            filter_option: Some(read_options::FilterOption::NoFilter(())),
            uuid_option: Some(read_options::UuidOption { content: form }),
            ..Default::default()
        }),
    }
}

/// An append of one event to a new stream, in one part.
pub fn batch_append(stream: &str, name: &str) -> BatchAppendReq {
    let wire_id = |name| Some(WireUuid { value: Some(uuid::Value::String(id(name).to_string())) });
    let metadata = [("type".into(), "A".into()), ("content-type".into(), "application/json".into())].into();
    BatchAppendReq {
        correlation_id: wire_id(stream),
        options: Some(BatchOptions {
            stream_identifier: Some(StreamIdentifier { stream_name: stream.to_owned().into() }),
            expected_stream_position: Some(ExpectedStreamPosition::NoStream(())),
            deadline_option: None,
        }),
        proposed_messages: vec![ProposedMessage {
            id: wire_id(name),
            metadata,
            custom_metadata: Default::default(),
            data: "{}".into(),
        }],
        is_final: true,
    }
}

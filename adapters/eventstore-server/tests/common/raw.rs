//! Calls of the bare protocol.

use super::Open;
use super::wire::streams::read_req::options as read_options;
use super::wire::streams::streams_client::StreamsClient;
use super::wire::streams::{ReadReq, read_req};
use tonic::transport::{Channel, Endpoint};

pub async fn channel(door: &Open) -> Channel {
    Endpoint::from_shared(format!("http://{}", door.address)).unwrap().connect().await.unwrap()
}

pub async fn streams(door: &Open) -> StreamsClient<Channel> {
    StreamsClient::new(channel(door).await)
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

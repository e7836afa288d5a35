//! Calls without a client library.

use super::TestServer;
use super::wire::streams::read_req::options as read_options;
use super::wire::streams::streams_client::StreamsClient;
use super::wire::streams::{ReadReq, read_req};
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

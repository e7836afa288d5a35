//! What a connection costs whose client waits between two requests.

use super::plan::Plan;
use super::sale::schedule;
use crate::client::post;
use crate::figure::Figure;
use crate::outcome::Outcome;
use crate::server::{Backing, Server};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections that are opened at once.
const AT_ONCE: usize = 100;
/// Until what only requests need is given back.
const SETTLE: Duration = Duration::from_secs(12);

/// Idle connections, each after one answer, beside those of bare axum. None where the system does not tell what a
/// process has in memory.
pub(super) async fn at_rest(plan: &Plan) -> Outcome<Option<Figure>> {
    let mut figure = Figure::new("memory of an idle connection", plan.readers, "bytes", "bare axum");
    let folder = tempfile::tempdir_in(".")?;
    for _ in 0..plan.rounds {
        let (ours, bare) = (Server::lastseat(folder.path(), &Backing::default()).await?, Server::bare().await?);
        if figure.is_empty() {
            schedule(&ours, "waiting", 10).await?;
        }
        let limit = bytes_of_each(&bare, &post("/v1/shows/waiting/bookings", None, "{}"), plan.readers).await?;
        let read = b"GET /v1/shows/waiting/seats HTTP/1.1\r\nhost: lastseat\r\n\r\n";
        let each = bytes_of_each(&ours, read, plan.readers).await?;
        let Some((ours_each, limit)) = each.zip(limit) else { return Ok(None) };
        figure.add(ours_each, limit);
        ours.stop().await?;
    }
    Ok(Some(figure))
}

async fn bytes_of_each(server: &Server, request: &[u8], connections: usize) -> Outcome<Option<f64>> {
    // What the server needs for the first of them belongs to none.
    drop(open(server, request, AT_ONCE).await?);
    tokio::time::sleep(SETTLE).await;
    let before = server.memory();
    let mut all = Vec::with_capacity(connections);
    while all.len() < connections {
        all.extend(open(server, request, AT_ONCE.min(connections - all.len())).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let each = before.zip(server.memory()).map(|(before, after)| after.now.saturating_sub(before.now));
    Ok(each.map(|bytes| bytes as f64 / connections as f64))
}

/// So many connections, each of which has got an answer.
async fn open(server: &Server, request: &[u8], connections: usize) -> Outcome<Vec<TcpStream>> {
    let mut opening = JoinSet::new();
    for _ in 0..connections {
        let (address, request) = (server.address, request.to_vec());
        opening.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(&request).await?;
            let mut space = vec![0; 16 << 10];
            // Small answers come in one piece.
            let read = stream.read(&mut space).await?;
            if read == 0 { Err("the server hung up".into()) } else { Outcome::Ok(stream) }
        });
    }
    opening.join_all().await.into_iter().collect()
}

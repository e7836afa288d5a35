//! A proxy between the nodes and the sandbox that makes one chosen request fail.

use parking_lot::Mutex;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFailure {
    /// The connection is cut before anything of it arrives.
    RequestLost,
    /// Half of it arrives.
    RequestCut,
    /// It is carried out; nothing of the answer comes back.
    AnswerLost,
    /// It is carried out; half of the answer comes back.
    AnswerCut,
    /// It never arrives, and the connection stays open.
    RequestStalled,
    /// It is carried out; half of the answer comes back, and the connection stays open.
    AnswerStalled,
}

/// Passes everything on, except the request that is to fail. Ends when dropped.
pub struct Proxy {
    pub addr: SocketAddr,
    next: Arc<Mutex<Option<NetworkFailure>>>,
    _ends: DropGuard,
}

impl Proxy {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, next, end) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(None)), CancellationToken::new());
        let (failures, ends) = (next.clone(), end.clone().drop_guard());
        tokio::spawn(end.clone().run_until_cancelled_owned(async move {
            while let Ok((client, _)) = listener.accept().await {
                let connection = carry(client, server, failures.clone());
                tokio::spawn(end.clone().run_until_cancelled_owned(async { drop(connection.await) }));
            }
        }));
        Self { addr, next, _ends: ends }
    }

    /// Strikes the next request.
    pub fn fail_next(&self, failure: NetworkFailure) {
        *self.next.lock() = Some(failure);
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, next: Arc<Mutex<Option<NetworkFailure>>>) -> io::Result<()> {
    client.set_nodelay(true)?;
    loop {
        let request = message(&mut client).await?;
        let failure = next.lock().take();
        match failure {
            Some(NetworkFailure::RequestLost) => return Ok(()),
            Some(NetworkFailure::RequestStalled) => std::future::pending().await,
            _ => {}
        }
        let mut upstream = TcpStream::connect(server).await?;
        if failure == Some(NetworkFailure::RequestCut) {
            return upstream.write_all(&request[..request.len() - 20]).await;
        }
        upstream.write_all(&request).await?;
        let answer = message(&mut upstream).await?;
        match failure {
            Some(NetworkFailure::AnswerLost) => return Ok(()),
            Some(NetworkFailure::AnswerCut) => return client.write_all(&answer[..answer.len() - 20]).await,
            Some(NetworkFailure::AnswerStalled) => {
                client.write_all(&answer[..answer.len() - 20]).await?;
                std::future::pending().await
            }
            _ => client.write_all(&answer).await?,
        }
    }
}

/// One HTTP message, whole, as it was sent.
async fn message(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut bytes, mut whole) = (Vec::new(), usize::MAX);
    while bytes.len() < whole {
        if from.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            whole = head + 4 + length.unwrap_or(0_usize);
        }
    }
    Ok(bytes)
}

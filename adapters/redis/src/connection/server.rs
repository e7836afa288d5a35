//! The connection to one server, whose commands go out together.
//!
//! Left to itself the client's driver runs as soon as the first of many callers has handed in its
//! command, and sends it alone: a system call each, here and at the server. So the driver lets
//! all other ready tasks run first. That doubles what fifty callers get done, and costs one
//! turn of the runtime where there is no other caller (docs/PERFORMANCE.md).

use futures::FutureExt;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, RedisError, RedisFuture, TlsCertificates, Value,
};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

/// An open connection. Clones share it; closed when the last one is dropped.
#[derive(Clone)]
pub(super) struct Server {
    connection: MultiplexedConnection,
    /// None under TLS: that driver is the client's own affair.
    _driver: Option<Arc<AbortOnDropHandle<()>>>,
}

impl Server {
    /// Connects, and logs in. Takes as long as it takes.
    pub(super) async fn connect(
        info: ConnectionInfo,
        certificates: Option<&TlsCertificates>,
        config: AsyncConnectionConfig,
    ) -> Result<Self, RedisError> {
        if let ConnectionAddr::Tcp(host, port) = info.addr() {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(info.tcp_settings().nodelay())?;
            let (connection, driver) = MultiplexedConnection::new_with_config(info.redis_settings(), stream, config).await?;
            let driver = AbortOnDropHandle::new(tokio::spawn(after_the_others(driver)));
            return Ok(Self { connection, _driver: Some(Arc::new(driver)) });
        }
        let client = match (certificates, info.addr()) {
            (Some(certificates), ConnectionAddr::TcpTls { .. }) => Client::build_with_tls(info, certificates.clone()),
            _ => Client::open(info),
        }?;
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Self { connection, _driver: None })
    }
}

impl ConnectionLike for Server {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.connection.req_packed_command(command)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a redis::Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.connection.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

/// Runs a task so that, whenever it is woken, those who are ready run before it: a task that wakes
/// itself while it runs goes to the end of the runtime's queue.
async fn after_the_others(task: impl Future<Output = ()>) {
    let (mut task, mut has_waited) = (pin!(task), false);
    poll_fn(|context| {
        if !has_waited {
            has_waited = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        has_waited = false;
        task.poll_unpin(context)
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A task that counts how many of the others have had their turn whenever it runs.
    async fn handed_in_by_the_first_run(gathers: bool) -> usize {
        const CALLERS: usize = 8;
        let (handed_in, (sender, mut receiver)) = (Arc::new(AtomicUsize::new(0)), tokio::sync::mpsc::channel::<()>(CALLERS));
        let seen = Arc::new(AtomicUsize::new(usize::MAX));
        let (count, first) = (handed_in.clone(), seen.clone());
        let driver = async move {
            while receiver.recv().await.is_some() {
                let now = count.load(Ordering::Relaxed);
                let _only_once = first.compare_exchange(usize::MAX, now, Ordering::Relaxed, Ordering::Relaxed);
            }
        };
        let driver = if gathers { tokio::spawn(after_the_others(driver)) } else { tokio::spawn(driver) };
        // The driver waits before the first call.
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        // The runtime has one worker, which takes what one task starts in turn.
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (handed_in, sender) = (handed_in.clone(), sender.clone());
                tokio::spawn(async move {
                    handed_in.fetch_add(1, Ordering::Relaxed);
                    sender.send(()).await.unwrap();
                })
            })
            .collect();
        drop(sender);
        for caller in callers {
            caller.await.unwrap();
        }
        driver.await.unwrap();
        seen.load(Ordering::Relaxed)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn ready_callers_send_before_the_driver_runs() {
        let callers = tokio::spawn(async { handed_in_by_the_first_run(true).await }).await.unwrap();
        assert_eq!(callers, 8);
        // The twin: without it the runtime runs the driver right after the first caller.
        let callers = tokio::spawn(async { handed_in_by_the_first_run(false).await }).await.unwrap();
        assert!(callers < 8, "{callers}");
    }
}

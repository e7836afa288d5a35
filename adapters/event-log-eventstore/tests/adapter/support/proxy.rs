//! A TCP proxy that a test can cut, stall and slow down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<State>,
    _task: AbortOnDropHandle<()>,
}

struct State {
    /// Grows with every cut; connections end when it does.
    cuts: watch::Sender<u64>,
    /// Whether data to the client, or to the server, is held back.
    down_stalled: watch::Sender<bool>,
    up_stalled: watch::Sender<bool>,
    refuse: AtomicBool,
    /// Delay of each chunk, in milliseconds.
    delay: AtomicU64,
    connections: AtomicU64,
    /// Connections up to this number no longer carry data.
    stranded: AtomicU64,
}

impl Proxy {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            cuts: watch::Sender::new(0),
            down_stalled: watch::Sender::new(false),
            up_stalled: watch::Sender::new(false),
            refuse: AtomicBool::new(false),
            delay: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            stranded: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if shared.refuse.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server).await else { continue };
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let state = Arc::clone(&shared);
                tokio::spawn(async move { state.carry(number, client, server).await });
            }
        });
        Self { address, state, _task: AbortOnDropHandle::new(task) }
    }

    /// Ends all connections.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Closes every new connection at once, too.
    pub fn refuse(&self, refuse: bool) {
        self.state.refuse.store(refuse, Ordering::SeqCst);
        if refuse {
            self.cut();
        }
    }

    /// Holds back data in both directions; connections stay open.
    pub fn stall(&self, stalled: bool) {
        self.state.up_stalled.send_replace(stalled);
        self.stall_answers(stalled);
    }

    /// Holds back answers only.
    pub fn stall_answers(&self, stalled: bool) {
        self.state.down_stalled.send_replace(stalled);
    }

    /// Present connections carry no more data, without being closed. New ones do.
    pub fn strand(&self) {
        self.state.stranded.store(self.connections(), Ordering::SeqCst);
    }

    pub fn delay(&self, by: Duration) {
        self.state.delay.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl State {
    async fn carry(&self, number: u64, client: TcpStream, server: TcpStream) {
        let mut cuts = self.cuts.subscribe();
        let ((client_reads, client_writes), (server_reads, server_writes)) = (client.into_split(), server.into_split());
        tokio::select! {
            _ = cuts.changed() => {}
            () = self.pipe(number, client_reads, server_writes, self.up_stalled.subscribe()) => {}
            () = self.pipe(number, server_reads, client_writes, self.down_stalled.subscribe()) => {}
        }
    }

    async fn pipe(
        &self,
        number: u64,
        mut from: impl AsyncReadExt + Unpin,
        mut to: impl AsyncWriteExt + Unpin,
        mut stalled: watch::Receiver<bool>,
    ) {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let Ok(length @ 1..) = from.read(&mut chunk).await else { return };
            let delay = self.delay.load(Ordering::SeqCst);
            if self.stranded.load(Ordering::SeqCst) >= number {
                std::future::pending::<()>().await;
            }
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            if stalled.wait_for(|stalled| !stalled).await.is_err() || to.write_all(&chunk[..length]).await.is_err() {
                return;
            }
        }
    }
}

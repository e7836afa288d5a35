//! A stretch of wire between client and server that a test can cut, stall, and slow down.

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
    wire: Arc<Wire>,
    _task: AbortOnDropHandle<()>,
}

struct Wire {
    /// Grows with every cut; connections end when it does.
    cuts: watch::Sender<u64>,
    /// Nothing gets through to the client, nor to the server.
    down_stalled: watch::Sender<bool>,
    up_stalled: watch::Sender<bool>,
    refuse: AtomicBool,
    /// Each piece is held back this long, in milliseconds.
    delay: AtomicU64,
    connections: AtomicU64,
    /// Connections up to this one carry nothing any more.
    stranded: AtomicU64,
}

impl Proxy {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(Wire {
            cuts: watch::Sender::new(0),
            down_stalled: watch::Sender::new(false),
            up_stalled: watch::Sender::new(false),
            refuse: AtomicBool::new(false),
            delay: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            stranded: AtomicU64::new(0),
        });
        let shared = Arc::clone(&wire);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if shared.refuse.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server).await else { continue };
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let wire = Arc::clone(&shared);
                tokio::spawn(async move { wire.carry(number, client, server).await });
            }
        });
        Self { address, wire, _task: AbortOnDropHandle::new(task) }
    }

    /// Ends all connections.
    pub fn cut(&self) {
        self.wire.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Closes every new connection at once, too.
    pub fn refuse(&self, refuse: bool) {
        self.wire.refuse.store(refuse, Ordering::SeqCst);
        if refuse {
            self.cut();
        }
    }

    /// Lets nothing through in either direction; connections stand.
    pub fn stall(&self, stalled: bool) {
        self.wire.up_stalled.send_replace(stalled);
        self.stall_answers(stalled);
    }

    /// Lets requests through, and no answers.
    pub fn stall_answers(&self, stalled: bool) {
        self.wire.down_stalled.send_replace(stalled);
    }

    /// The connections that stand carry nothing any more, for good, and nobody is told. New ones do.
    pub fn strand(&self) {
        self.wire.stranded.store(self.connections(), Ordering::SeqCst);
    }

    pub fn delay(&self, by: Duration) {
        self.wire.delay.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.wire.connections.load(Ordering::SeqCst)
    }
}

impl Wire {
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
        let mut piece = vec![0; 64 * 1024];
        loop {
            let Ok(length @ 1..) = from.read(&mut piece).await else { return };
            let delay = self.delay.load(Ordering::SeqCst);
            if self.stranded.load(Ordering::SeqCst) >= number {
                std::future::pending::<()>().await;
            }
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            if stalled.wait_for(|stalled| !stalled).await.is_err() || to.write_all(&piece[..length]).await.is_err() {
                return;
            }
        }
    }
}

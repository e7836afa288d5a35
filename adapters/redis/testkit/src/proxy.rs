//! A network that can fail: a TCP proxy on a loopback port of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// How a [`Proxy`] treats what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Passes on everything at once.
    Pass,
    /// Passes on everything that much later, in either direction.
    Delay(Duration),
    /// Accepts, keeps connections open, and passes on nothing until its state changes.
    Stall,
    /// Ends every connection, and each new one as soon as it is made.
    Cut,
    /// Ends every connection, and accepts none.
    Refuse,
}

/// Passes connections on to a port, as its [`Network`] says. Ends when dropped.
pub struct Proxy {
    port: u16,
    state: watch::Sender<Network>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    /// Starts one in front of a loopback port, passing. To be called within a tokio runtime.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        let (state, news) = watch::channel(Network::Pass);
        let task = AbortOnDropHandle::new(tokio::spawn(serve(listener, target, news)));
        Self { port, state, _task: task }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `redis://127.0.0.1:port`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Treats everything like this from now on, connections that are open too.
    pub fn set(&self, network: Network) {
        self.state.send_replace(network);
    }
}

async fn serve(listener: TcpListener, target: u16, mut state: watch::Receiver<Network>) {
    let at = listener.local_addr().expect("a bound port");
    let (mut listener, mut open) = (Some(listener), tokio::task::JoinSet::new());
    loop {
        let now = *state.borrow_and_update();
        if now == Network::Refuse {
            listener = None;
        } else if listener.is_none() {
            listener = Some(bind_again(at).await);
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            Some(accepted) = accept(listener.as_ref()) => if now != Network::Cut {
                open.spawn(pass(accepted, target, state.clone()));
            },
            Some(_ended) = open.join_next() => {}
        }
    }
}

async fn bind_again(at: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(at).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// One connection, until either side or a change of state ends it.
async fn pass(client: TcpStream, target: u16, mut state: watch::Receiver<Network>) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    let _faster = (client.set_nodelay(true), server.set_nodelay(true));
    let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), server.into_split());
    let (there, back) = (state.clone(), state.clone());
    tokio::select! {
        () = carry(client_in, server_out, there) => {}
        () = carry(server_in, client_out, back) => {}
        _cut = state.wait_for(|now| matches!(now, Network::Cut | Network::Refuse)) => {}
    }
}

/// One direction. A delay does not add up: data that arrives meanwhile waits no longer than its own delay.
async fn carry(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, mut state: watch::Receiver<Network>) {
    let (on_its_way, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(4096);
    let reading = {
        let state = state.clone();
        async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(n @ 1..) = from.read(&mut buffer).await {
                let delay = if let Network::Delay(delay) = *state.borrow() { delay } else { Duration::ZERO };
                if on_its_way.send((Instant::now() + delay, buffer[..n].to_vec())).await.is_err() {
                    return;
                }
            }
        }
    };
    let writing = async {
        while let Some((due, bytes)) = arriving.recv().await {
            tokio::time::sleep_until(due).await;
            let _still_running = state.wait_for(|now| *now != Network::Stall).await.is_ok();
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    // The reader is done first when its side ends; what is on its way arrives still.
    let ((), ()) = tokio::join!(reading, writing);
}

//! Binds addresses, and explains why one can't be bound.

use super::start_error::StartError;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;

pub(super) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = TcpListener::bind(address).await.map_err(|error| refused(address, &error))?;
    let bound = listener.local_addr().map_err(|error| refused(address, &error))?;
    Ok((listener, bound))
}

fn refused(address: SocketAddr, error: &io::Error) -> StartError {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there already; stop it, or choose another port with --listen (port 0 takes a free one)"
                .into()
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address; choose another with --listen".into(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose another with --listen".into(),
        _ => error.to_string(),
    };
    StartError::Listen { address, why }
}

/// An address that a browser on this machine can open.
pub(super) fn reachable(addr: SocketAddr) -> String {
    let mut addr = addr;
    if addr.ip().is_unspecified() {
        addr.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("http://{addr}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_address_is_shown_as_one_that_opens() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(reachable("[::1]:80".parse().unwrap()), "http://[::1]:80");
    }
}

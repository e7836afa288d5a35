//! A line to a server on which some requests take their time.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How requests begin that are slow, and how long they wait.
type Slow = &'static [(&'static str, Duration)];

/// Forwards to the server at `url`. Returns the address to use in place of it.
pub async fn slow_line(url: &str, slow: Slow) -> String {
    let server = url.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((browser, _)) = listener.accept().await {
            tokio::spawn(forward(browser, server.clone(), slow));
        }
    });
    address
}

async fn forward(browser: TcpStream, server: String, slow: Slow) -> io::Result<()> {
    let (mut requests, mut to_browser) = browser.into_split();
    let (mut answers, mut to_server) = TcpStream::connect(server).await?.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut to_browser).await });
    let mut bytes = vec![0; 16 * 1024];
    loop {
        // A browser sends a request in one piece, and the next one on this connection after its answer.
        let count = requests.read(&mut bytes).await?;
        if count == 0 {
            break;
        }
        if let Some((_, wait)) = slow.iter().find(|(begin, _)| bytes[..count].starts_with(begin.as_bytes())) {
            tokio::time::sleep(*wait).await;
        }
        to_server.write_all(&bytes[..count]).await?;
    }
    back.abort();
    Ok(())
}

//! A server that greets as Redis does, a cluster's node too, and answers every script with the same
//! bytes.

use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Clone)]
pub struct FakeRedis {
    port: u16,
    answer: Arc<Mutex<Vec<u8>>>,
    connections: Arc<AtomicUsize>,
}

impl FakeRedis {
    /// Ends with the test's process.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let fake = Self { port: listener.local_addr().unwrap().port(), answer: Arc::default(), connections: Arc::default() };
        let serving = fake.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let serving = serving.clone();
                serving.connections.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serving.serve(client));
            }
        });
        fake
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// As the only node of a cluster.
    pub fn cluster_url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{}", self.port)
    }

    /// From now on, for scripts. Nothing: it never answers.
    pub fn answers(&self, bytes: &str) {
        *self.answer.lock().unwrap() = bytes.as_bytes().to_vec();
    }

    /// Connections that were made so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn serve(&self, mut client: TcpStream) {
        let (mut reader, mut parser) = (BufReader::new(client.try_clone().unwrap()), redis::Parser::new());
        while let Ok(command) = parser.parse_value(&mut reader) {
            let words: Vec<String> = redis::from_redis_value(command).unwrap();
            let answer = match words[0].as_str() {
                "EVAL" | "EVALSHA" => self.answer.lock().unwrap().clone(),
                // All slots are its own.
                "CLUSTER" => {
                    let port = self.port;
                    format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n").into_bytes()
                }
                _ => b"+OK\r\n".to_vec(),
            };
            if client.write_all(&answer).is_err() {
                return;
            }
        }
    }
}

//! A server that greets as Redis does, and answers every script with the same bytes.

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

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
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
            let answer = if words[0].starts_with("EVAL") { self.answer.lock().unwrap().clone() } else { b"+OK\r\n".to_vec() };
            if client.write_all(&answer).is_err() {
                return;
            }
        }
    }
}

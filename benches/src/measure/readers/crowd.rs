//! Many readers of one stream, each of which checks that it gets every change once and in order. A reader is a task with
//! a socket; what it reads goes through a buffer that all readers of a thread share.

use crate::outcome::Outcome;
use crate::time_of_day::TimeOfDay;
use memchr::memmem;
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections that are opened at once.
const AT_ONCE: usize = 100;
/// Until the last of them has its first bytes.
const OPEN_WITHIN: Duration = Duration::from_secs(60);
/// Highest id, and longest delay in milliseconds, that are counted.
const IDS: usize = 1 << 20;
const LONGEST: usize = 10_000;
const BUFFER: usize = 256 << 10;

thread_local! {
    static SPACE: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

/// What all readers have seen.
pub(super) struct Tally {
    /// When the change with this id was stored: its time of day plus one, 0 while that is not known.
    stored: Vec<AtomicU64>,
    /// Messages by their delay in milliseconds.
    delays: Vec<AtomicU64>,
    pub delivered: AtomicU64,
    greeted: AtomicUsize,
    failed: AtomicBool,
}

/// What one reader has seen.
#[derive(Default, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub changes: u64,
    last: u64,
    /// Of all ids in their order.
    digest: u64,
    pub out_of_order: u64,
}

#[derive(Default)]
struct Reader {
    seen: Seen,
    /// The beginning of a message.
    rest: Vec<u8>,
}

type Readers = Arc<Vec<Mutex<Reader>>>;

pub(super) struct Crowd {
    pub tally: Arc<Tally>,
    readers: Readers,
    tasks: JoinSet<()>,
}

impl Crowd {
    /// Opens the stream at `path` so many times. All have received something when this returns.
    pub(super) async fn open(address: SocketAddr, path: &str, readers: usize) -> Outcome<Self> {
        let zeros = |many| std::iter::repeat_with(|| AtomicU64::new(0)).take(many).collect();
        let tally = Arc::new(Tally {
            stored: zeros(IDS),
            delays: zeros(LONGEST),
            delivered: AtomicU64::new(0),
            greeted: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
        });
        let all: Readers = Arc::new(std::iter::repeat_with(Mutex::default).take(readers).collect());
        let request: Arc<[u8]> = format!("GET {path} HTTP/1.1\r\nhost: lastseat\r\n\r\n").into_bytes().into();
        let mut crowd = Self { tally, readers: all, tasks: JoinSet::new() };
        let begun = Instant::now();
        while crowd.tasks.len() < readers {
            for number in crowd.tasks.len()..readers.min(crowd.tasks.len() + AT_ONCE) {
                let (tally, all, request) = (crowd.tally.clone(), crowd.readers.clone(), request.clone());
                crowd.tasks.spawn(async move {
                    if let Err(error) = read(address, &request, number, &all, &tally).await
                        && !tally.failed.swap(true, Relaxed)
                    {
                        eprintln!("a reader has failed: {error}");
                    }
                });
            }
            while crowd.tally.greeted.load(Relaxed) < crowd.tasks.len() {
                crowd.check()?;
                if begun.elapsed() > OPEN_WITHIN {
                    return Err(format!("only {} of {readers} streams are open", crowd.tally.greeted.load(Relaxed)).into());
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Ok(crowd)
    }

    /// An error if a reader was disconnected.
    fn check(&self) -> Outcome<()> {
        if self.tally.failed.load(Relaxed) { Err("a reader was disconnected".into()) } else { Ok(()) }
    }

    /// Waits until all readers together have so many messages.
    pub(super) async fn wait_for(&self, messages: u64, within: Duration) -> Outcome<()> {
        let begun = Instant::now();
        while self.tally.delivered.load(Relaxed) < messages {
            self.check()?;
            if begun.elapsed() > within {
                return Err(format!("{} of {messages} messages were delivered", self.tally.delivered.load(Relaxed)).into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// An error unless every reader has seen the same changes, so many, each once and in order.
    pub(super) fn verify(&self, changes: u64) -> Outcome<()> {
        let all: Vec<Seen> =
            self.readers.iter().map(|reader| reader.lock().unwrap_or_else(PoisonError::into_inner).seen).collect();
        let first = all.first().ok_or("no readers")?;
        let right = all.iter().filter(|seen| seen.changes == changes && seen.out_of_order == 0 && *seen == first).count();
        if right == all.len() {
            Ok(())
        } else {
            Err(format!("{right} of {} readers got everything once, in order", all.len()).into())
        }
    }
}

impl Tally {
    /// The delay in milliseconds that so many of a thousand messages don't exceed.
    pub(super) fn delay(&self, of_thousand: u64) -> f64 {
        let all: u64 = self.delays.iter().map(|count| count.load(Relaxed)).sum();
        let mut left = (all * of_thousand).div_ceil(1000);
        for (millis, count) in (0_u32..).zip(&self.delays) {
            left = left.saturating_sub(count.load(Relaxed));
            if left == 0 {
                return f64::from(millis);
            }
        }
        f64::NAN
    }

    fn count(&self, id: u64, message: &[u8], now: TimeOfDay) -> Option<()> {
        let known = self.stored.get(usize::try_from(id).ok()?)?;
        let stored = match known.load(Relaxed) {
            0 => {
                let at = memmem::find(message, b"\"at\":\"")? + 6;
                let text = message.get(at..)?;
                let text = text.get(..text.iter().position(|byte| *byte == b'"')?)?;
                let stored = TimeOfDay::of(std::str::from_utf8(text).ok()?)?;
                known.store(stored.0 + 1, Relaxed);
                stored
            }
            stored => TimeOfDay(stored - 1),
        };
        let millis = usize::try_from(now.since(stored).as_millis()).ok()?.min(LONGEST - 1);
        self.delays.get(millis)?.fetch_add(1, Relaxed);
        Some(())
    }
}

async fn read(address: SocketAddr, request: &[u8], number: usize, readers: &[Mutex<Reader>], tally: &Tally) -> Outcome<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let reader = readers.get(number).ok_or("no such reader")?;
    let mut is_greeted = false;
    loop {
        stream.readable().await?;
        let Reader { seen, rest } = &mut *reader.lock().unwrap_or_else(PoisonError::into_inner);
        if SPACE.with_borrow_mut(|space| take(&stream, space, rest, seen, tally))? && !is_greeted {
            is_greeted = true;
            tally.greeted.fetch_add(1, Relaxed);
        }
    }
}

/// Reads once and counts the messages that are whole. `false` if there was nothing to read.
fn take(stream: &TcpStream, space: &mut [u8], rest: &mut Vec<u8>, seen: &mut Seen, tally: &Tally) -> Outcome<bool> {
    let kept = rest.len();
    space.get_mut(..kept).ok_or("a message is too long")?.copy_from_slice(rest);
    let read = match stream.try_read(space.get_mut(kept..).unwrap_or_default()) {
        Ok(0) => return Err("the server has closed the stream".into()),
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let all = space.get(..kept + read).unwrap_or_default();
    let whole = memmem::rfind(all, b"\n\n").map_or(0, |at| at + 2);
    let (text, after) = all.split_at(whole);
    rest.clear();
    rest.extend_from_slice(after);
    let (mut messages, now) = (0, TimeOfDay::now());
    let begins_line = |at: &usize| at.checked_sub(1).is_none_or(|before| text.get(before) == Some(&b'\n'));
    for at in memmem::find_iter(text, b"id: ").filter(begins_line) {
        let message = text.get(at + 4..).unwrap_or_default();
        let digits = message.iter().take_while(|byte| byte.is_ascii_digit());
        let id = digits.fold(0_u64, |id, digit| id * 10 + u64::from(digit - b'0'));
        tally.count(id, message, now).ok_or("a message without a time, or with an id that is too high")?;
        seen.changes += 1;
        seen.out_of_order += u64::from(id <= seen.last);
        seen.last = id;
        seen.digest = (seen.digest ^ id).wrapping_mul(0x0100_0000_01b3);
        messages += 1;
    }
    tally.delivered.fetch_add(messages, Relaxed);
    Ok(true)
}

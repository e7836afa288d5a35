//! Writes lines on a thread of its own. Callers never wait for the output and never fail: a line that
//! can't be written, or for which there is no room, is dropped and counted.
//!
//! Not `tracing-appender`: it doesn't count what the output refuses, it bounds the lines but not their
//! bytes, and at the end it waits for, or panics on, the very stream that is stuck (decision 0048).

use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait for the output at most.
const MAX_WAITING: usize = 1 << 20;
/// Of these, lines of which there may be hundreds of thousands take so many: they push no other out.
const MAX_PLENTIFUL: usize = MAX_WAITING / 2;
/// Pause before an output that is full for the moment (a terminal or pipe in non-blocking mode) is
/// tried again.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// Target of the lines of the access log.
pub const ACCESS: &str = "lastseat-access";

/// Takes lines for an output. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    /// Lines have come.
    filled: Condvar,
    /// All lines are written, or dropped.
    emptied: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    /// Of the lines that wait, and of those being written.
    bytes: usize,
}

impl Lines {
    /// Starts the thread. `on_loss` is called on it with the number of lines dropped since the start,
    /// once a line was written again after some were dropped.
    ///
    /// # Errors
    /// If the thread can't be started.
    pub(super) fn start(output: impl Write + Send + 'static, on_loss: impl Fn(u64) + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            dropped: AtomicU64::new(0),
        });
        let writer = Writer { shared: Arc::clone(&shared), output, on_loss, reported: 0, is_torn: false };
        std::thread::Builder::new().name("log-lines".to_owned()).spawn(move || writer.run())?;
        Ok(Self(shared))
    }

    /// Adds a line, which ends with a line feed.
    pub(super) fn push(&self, line: Vec<u8>) {
        self.push_within(MAX_WAITING, line);
    }

    fn push_within(&self, most: usize, line: Vec<u8>) {
        let mut waiting = self.0.waiting.lock();
        if waiting.bytes + line.len() > most {
            drop(waiting);
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line);
        self.0.filled.notify_one();
    }

    /// Waits until all lines are written, but no longer than `patience`.
    pub(super) fn flush(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut waiting = self.0.waiting.lock();
        while waiting.bytes > 0 && !self.0.emptied.wait_until(&mut waiting, deadline).timed_out() {}
    }

    /// Lines dropped since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

/// Writes lines of one kind. Each write is one line, which is how `tracing-subscriber` writes.
pub(super) struct LinesOfKind {
    lines: Lines,
    /// Bytes that may wait when one is added.
    most: usize,
}

impl MakeWriter<'_> for Lines {
    type Writer = LinesOfKind;

    fn make_writer(&self) -> LinesOfKind {
        LinesOfKind { lines: self.clone(), most: MAX_WAITING }
    }

    fn make_writer_for(&self, metadata: &Metadata<'_>) -> LinesOfKind {
        let most = if metadata.target() == ACCESS { MAX_PLENTIFUL } else { MAX_WAITING };
        LinesOfKind { lines: self.clone(), most }
    }
}

impl Write for LinesOfKind {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.push_within(self.most, line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Writer<W, F> {
    shared: Arc<Shared>,
    output: W,
    on_loss: F,
    /// Dropped lines that were reported.
    reported: u64,
    /// The last line broke off in the middle.
    is_torn: bool,
}

impl<W: Write, F: Fn(u64)> Writer<W, F> {
    fn run(mut self) {
        loop {
            let mut waiting = self.shared.waiting.lock();
            while waiting.lines.is_empty() {
                self.shared.emptied.notify_all();
                self.shared.filled.wait(&mut waiting);
            }
            let lines = std::mem::take(&mut waiting.lines);
            drop(waiting);
            for line in lines {
                let written = self.write(&line);
                // A byte of it counts until the report is there: a flush waits for that, too.
                let last = line.len().min(1);
                self.shared.waiting.lock().bytes -= line.len() - last;
                if written {
                    self.report_loss();
                }
                self.shared.waiting.lock().bytes -= last;
            }
        }
    }

    fn write(&mut self, line: &[u8]) -> bool {
        let line_end: &[u8] = if self.is_torn { b"\n" } else { b"" };
        let written = self.write_all(line_end).and_then(|()| {
            self.is_torn = false;
            self.write_all(line)
        });
        if written.is_err() {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
        written.is_ok()
    }

    /// The report is a line like others. If there is no room for it, it counts as dropped, and the next
    /// line that is written leads to another.
    fn report_loss(&mut self) {
        let dropped = self.shared.dropped.load(Ordering::Relaxed);
        if dropped > self.reported {
            self.reported = dropped;
            (self.on_loss)(dropped);
        }
    }

    /// Like [`Write::write_all`], but waits for an output that is full for the moment, and remembers
    /// whether a part was written.
    fn write_all(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match self.output.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    self.is_torn = !rest.is_empty();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(FULL_PAUSE),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

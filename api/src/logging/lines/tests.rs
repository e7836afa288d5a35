use super::*;
use std::sync::mpsc::{self, Receiver, Sender};

const SOON: Duration = Duration::from_secs(10);

/// What an output does next.
enum Next {
    Take,
    /// Takes some bytes only.
    Take3,
    Full,
    Fail,
    Wait(Receiver<()>),
}

/// An output that follows a script, then takes everything.
#[derive(Clone, Default)]
struct Output {
    script: Arc<Mutex<VecDeque<Next>>>,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Output {
    fn of(script: impl IntoIterator<Item = Next>) -> Self {
        Self { script: Arc::new(Mutex::new(script.into_iter().collect())), taken: Arc::default() }
    }

    fn text(&self) -> String {
        String::from_utf8(self.taken.lock().clone()).unwrap()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let next = self.script.lock().pop_front().unwrap_or(Next::Take);
        let taken = match next {
            Next::Take => bytes.len(),
            Next::Take3 => bytes.len().min(3),
            Next::Full => return Err(ErrorKind::WouldBlock.into()),
            Next::Fail => return Err(ErrorKind::StorageFull.into()),
            Next::Wait(until) => {
                let _ = until.recv();
                bytes.len()
            }
        };
        self.taken.lock().extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines into an output that reports losses into itself, as the log does.
fn start(output: &Output) -> Lines {
    let (into, lines): (_, Arc<Mutex<Option<Lines>>>) = (output.clone(), Arc::default());
    let own = Arc::clone(&lines);
    let report = move |dropped: u64| own.lock().as_ref().unwrap().push(format!("dropped {dropped}\n").into_bytes());
    let started = Lines::start(into, report).unwrap();
    *lines.lock() = Some(started.clone());
    started
}

fn push(lines: &Lines, text: &str) {
    lines.push(format!("{text}\n").into_bytes());
}

#[test]
fn lines_are_written_in_order() {
    let output = Output::of([Next::Take3, Next::Full, Next::Take3, Next::Take]);
    let lines = start(&output);
    for text in ["the first", "the second", "the third"] {
        push(&lines, text);
    }
    lines.flush(SOON);
    assert_eq!((output.text().as_str(), lines.dropped()), ("the first\nthe second\nthe third\n", 0));
}

#[test]
fn a_line_that_an_output_refuses_is_counted_and_reported_when_it_takes_lines_again() {
    let (release, until): (Sender<()>, _) = mpsc::channel();
    let output = Output::of([Next::Wait(until), Next::Fail, Next::Fail]);
    let lines = start(&output);
    for text in ["one", "two", "three", "four", "five"] {
        push(&lines, text);
    }
    // All of them wait by now, or the report could come before the last.
    release.send(()).unwrap();
    lines.flush(SOON);
    assert_eq!((output.text().as_str(), lines.dropped()), ("one\nfour\nfive\ndropped 2\n", 2));
}

#[test]
fn a_line_that_broke_off_does_not_run_into_the_next() {
    let output = Output::of([Next::Take3, Next::Fail]);
    let lines = start(&output);
    push(&lines, "one two");
    push(&lines, "three");
    lines.flush(SOON);
    assert_eq!((output.text().as_str(), lines.dropped()), ("one\nthree\ndropped 1\n", 1));
}

#[test]
fn an_output_that_is_stuck_costs_bounded_memory_and_no_time() {
    let (release, until): (Sender<()>, _) = mpsc::channel();
    let output = Output::of([Next::Wait(until)]);
    let lines = start(&output);
    let started = Instant::now();
    let line = "x".repeat(999);
    for _ in 0..3_000 {
        push(&lines, &line);
    }
    assert!(started.elapsed() < SOON / 2, "{:?}", started.elapsed());
    let kept = MAX_WAITING / 1000;
    assert_eq!(lines.dropped(), 3_000 - kept as u64);
    lines.flush(Duration::from_millis(50));
    assert!(started.elapsed() < SOON, "a flush does not wait for ever");
    release.send(()).unwrap();
    lines.flush(SOON);
    let text = output.text();
    assert_eq!((text.matches(&line).count(), text.matches("dropped 1952\n").count()), (kept, 1), "{}", text.len());
}

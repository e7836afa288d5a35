//! What people read: colour only on a terminal, numbers with separators, times with units.

use crate::logging;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Colours, or not.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// For standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::of(std::io::stdout().is_terminal())
    }

    /// For standard error.
    #[must_use]
    pub fn stderr() -> Self {
        Self::of(std::io::stderr().is_terminal())
    }

    /// Never.
    #[must_use]
    pub fn plain() -> Self {
        Self { on: false }
    }

    fn of(terminal: bool) -> Self {
        // https://no-color.org: any value that is not empty turns colours off.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { on: terminal && !refused }
    }

    /// Whether there are colours.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.on
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Emphasised.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Steps back.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// Good.
    #[must_use]
    pub fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Bad.
    #[must_use]
    pub fn red(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// Careful.
    #[must_use]
    pub fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// An address to follow.
    #[must_use]
    pub fn link(self, text: &str) -> String {
        self.wrap("4;36", text)
    }
}

/// Prints to standard output. A closed output is no error: nobody reads the rest.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}

/// Prints to standard error: what people read while machines read standard output. A server never waits
/// for it.
pub fn tell(text: &str) {
    if logging::write(text) {
        return;
    }
    let mut out = std::io::stderr().lock();
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// Prints to standard output on a thread of its own: a server does not stop because nobody reads its
/// greeting.
pub fn say_apart(text: String) {
    let printing = std::thread::Builder::new().name("greeting".to_owned()).spawn(move || say(&text));
    if let Err(error) = printing {
        complain(&format!("the greeting can't be printed: {error}"));
    }
}

/// Prints a value as JSON to standard output.
pub fn say_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => say(&text),
        Err(error) => complain(&format!("the answer can't be written as JSON: {error}")),
    }
}

/// One line about what went wrong.
pub fn complain(what: &str) {
    let paint = Paint::stderr();
    tell(&format!("{} {what}", paint.red("lastseat:")));
}

/// Ends the process: the log can't promise durability any more, so nothing may be acknowledged.
pub fn fatal(why: &str) {
    complain(&format!("the event log has stopped: {why}; start again to recover from the log"));
    end_now(crate::exit::FATAL)
}

/// Ends the process: a part of the server has ended that everything else needs.
pub fn part_ended(why: &str) -> ! {
    complain(&format!("{why}; the process ends, so that it is started again and recovers from the log"));
    end_now(crate::exit::FATAL)
}

/// Ends the process at once: no destructor runs, no task is waited for.
pub fn end_now(status: u8) -> ! {
    logging::flush();
    std::process::exit(status.into())
}

/// 10000 as 10,000.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time with three significant digits, such as `12.3 ms`.
#[must_use]
pub fn time(time: Duration) -> String {
    let (value, unit) = match time.as_secs_f64() {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    match value {
        v if v >= 99.95 => format!("{v:.0} {unit}"),
        v if v >= 9.995 => format!("{v:.1} {unit}"),
        v => format!("{v:.2} {unit}"),
    }
}

/// One or many of something.
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(count(1, "seat", "seats"), "1 seat");
        assert_eq!(count(1000, "seat", "seats"), "1,000 seats");
    }

    #[test]
    fn times_have_three_digits_and_a_unit() {
        assert_eq!(time(Duration::from_micros(7)), "7.00 µs");
        assert_eq!(time(Duration::from_micros(12_345)), "12.3 ms");
        assert_eq!(time(Duration::from_millis(999)), "999 ms");
        assert_eq!(time(Duration::from_millis(1500)), "1.50 s");
    }

    #[test]
    fn plain_paint_adds_nothing() {
        assert_eq!(Paint::plain().red("x"), "x");
    }
}

//! The binary in a terminal of its own, and what somebody who sits at it sees.

use crate::binary::Place;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A program that draws nothing for so long draws it never.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with the program in it.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    /// Open, so that the modes outlive the program.
    _slave: Box<dyn SlavePty + Send>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
}

fn size(columns: u16, lines: u16) -> PtySize {
    PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn nonzero(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

impl Terminal {
    /// Starts the program in a terminal of 80 columns and 24 lines.
    pub fn start(place: &Place, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(size(80, 24)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_lastseat"));
        command.args(arguments);
        command.cwd(place.path());
        command.env_clear();
        [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")]
            .iter()
            .chain(environment)
            .for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        let (mut output, keyboard) = (pair.master.try_clone_reader().unwrap(), pair.master.take_writer().unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(nonzero(24), nonzero(80), 0)));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(many @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..many]);
            }
        });
        Self { master: pair.master, _slave: pair.slave, keyboard, child, screen }
    }

    /// What is on the screen.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen has all of this, and returns what it shows.
    #[track_caller]
    pub fn wait_for(&self, parts: &[&str]) -> String {
        self.wait_until(&format!("{parts:?}"), |text| parts.iter().all(|part| text.contains(part)))
    }

    /// Waits until this has left the screen, and returns what it shows then.
    #[track_caller]
    pub fn wait_without(&self, part: &str) -> String {
        self.wait_until(&format!("no {part:?}"), |text| !text.contains(part))
    }

    #[track_caller]
    fn wait_until(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let given_up = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if fits(&text) {
                return text;
            }
            assert!(Instant::now() < given_up, "waited in vain for {what} on\n{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    pub fn resize(&self, columns: u16, lines: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(nonzero(lines), nonzero(columns));
        self.master.resize(size(columns, lines)).unwrap();
    }

    pub fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Whether colours were used.
    pub fn has_colours(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        let (lines, columns) = parser.screen().size();
        let mut cells = (0..lines.get()).flat_map(|line| (0..columns.get()).map(move |column| (line, column)));
        cells.any(|(line, column)| parser.screen().cell(line, column).is_some_and(|cell| cell.fgcolor() != vt100::Color::Default))
    }

    /// Whether the program has the screen to itself, and gets every key at once.
    pub fn is_taken(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        let is_raw = !self.echoes();
        assert_eq!(parser.screen().alternate_screen(), is_raw, "one without the other");
        is_raw
    }

    /// Whether the terminal shows what is typed, as a shell needs it.
    fn echoes(&self) -> bool {
        let modes = std::process::Command::new("stty").arg("-F").arg(self.master.tty_name().unwrap()).arg("-a").output().unwrap();
        let modes = String::from_utf8(modes.stdout).unwrap();
        let is_on = |mode: &str| modes.split_whitespace().any(|word| word.trim_end_matches(';') == mode);
        assert!(is_on("echo") || is_on("-echo"), "{modes}");
        is_on("echo") && is_on("icanon")
    }

    /// Waits for the end of the program, and returns its exit status.
    #[track_caller]
    pub fn wait(&mut self) -> u32 {
        let given_up = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < given_up, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Likewise, and checks that the terminal is as it was.
    #[track_caller]
    pub fn end(mut self) -> u32 {
        let status = self.wait();
        let given_up = Instant::now() + PATIENCE;
        while self.screen.lock().unwrap().screen().alternate_screen() {
            assert!(Instant::now() < given_up, "the screen is still its own");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!self.is_taken());
        assert!(!self.screen.lock().unwrap().screen().hide_cursor(), "the cursor is hidden");
        status
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
    }
}

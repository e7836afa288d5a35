//! The live view: takes news and keys, and draws.

use super::draw::{self, Look, Scene};
use super::figures::Figures;
use super::model::{Model, Update};
use super::poll::News;
use super::view::{Action, View};
use crate::cli::signals::Signals;
use crossterm::event::{Event, EventStream};
use futures::StreamExt;
use ratatui::DefaultTerminal;
use std::io;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two pictures: what the eye can follow, and a slow line can carry.
const A_PICTURE: Duration = Duration::from_millis(100);
/// Ages are shown in seconds.
const AGES: Duration = Duration::from_secs(1);
/// The show that the arrow keys rest on for so long is followed; those that they pass are not.
const REST: Duration = Duration::from_millis(250);

/// What the screen is made of.
pub struct Screen {
    pub url: String,
    pub look: Look,
    pub started: Instant,
    pub news: mpsc::Receiver<News>,
    /// Which show is followed.
    pub followed: watch::Sender<Option<String>>,
    pub view: View,
}

/// Why it has ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// A key or a signal said so.
    Wanted,
    /// A part of this program has ended.
    NoNews,
    /// The terminal is gone.
    NoTerminal,
}

/// The terminal as it is while the view has it; given back when this is dropped, and when the program panics.
struct Taken(DefaultTerminal);

impl Taken {
    fn take() -> io::Result<Self> {
        ratatui::try_init().map(Self).inspect_err(|_| {
            // A part of it may have been taken.
            let _gone = ratatui::try_restore();
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // A terminal that is gone has nothing to be restored.
        let _gone = ratatui::try_restore();
    }
}

impl Screen {
    /// Shows the view until it is ended.
    ///
    /// # Errors
    /// The terminal can't be used.
    pub async fn run(mut self) -> io::Result<Ended> {
        let mut signals = Signals::new()?;
        let mut terminal = Taken::take()?;
        let mut keys = EventStream::new();
        let mut pictures = interval(A_PICTURE);
        pictures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut model = Model::default();
        // What is shown while the picture is stopped.
        let mut stopped: Option<Model> = None;
        let (mut is_dirty, mut drawn, mut moved) = (true, Instant::now(), Instant::now());
        loop {
            tokio::select! {
                _ = signals.next() => return Ok(Ended::Wanted),
                key = keys.next() => match key {
                    Some(Ok(Event::Key(key))) => {
                        let shown = stopped.as_ref().unwrap_or(&model);
                        if self.view.press(key, shown) == Action::Quit {
                            return Ok(Ended::Wanted);
                        }
                        (is_dirty, moved) = (true, Instant::now());
                        match (self.view.is_paused, stopped.is_some()) {
                            (true, false) => stopped = Some(model.clone()),
                            (false, true) => stopped = None,
                            _ => {}
                        }
                    }
                    // Another size, for example.
                    Some(Ok(_)) => is_dirty = true,
                    Some(Err(_)) | None => return Ok(Ended::NoTerminal),
                },
                news = self.news.recv() => match news {
                    Some((at, update)) => {
                        self.take(&mut model, at, update);
                        is_dirty |= stopped.is_none();
                    }
                    None => return Ok(Ended::NoNews),
                },
                _ = pictures.tick() => {
                    if moved.elapsed() >= REST {
                        self.follow_chosen();
                    }
                    if is_dirty || drawn.elapsed() >= AGES {
                        let shown = stopped.as_ref().unwrap_or(&model);
                        self.draw(&mut terminal.0, shown)?;
                        (is_dirty, drawn) = (false, Instant::now());
                    }
                }
            }
        }
    }

    fn take(&mut self, model: &mut Model, at: Duration, update: Update) {
        let is_list = matches!(update, Update::Shows(_));
        model.apply(at, update);
        if is_list {
            self.view.choose_among(&model.shows);
        }
    }

    fn follow_chosen(&self) {
        let is_other = *self.followed.borrow() != self.view.chosen;
        if is_other {
            self.followed.send_replace(self.view.chosen.clone());
        }
    }

    fn draw(&mut self, terminal: &mut DefaultTerminal, model: &Model) -> io::Result<()> {
        let figures = Figures::of(model);
        let now = self.started.elapsed();
        let scene = Scene { model, figures: &figures, view: &self.view, look: self.look, url: &self.url, now };
        let mut extents = None;
        terminal.draw(|frame| extents = Some(draw::frame(frame.buffer_mut(), &scene)))?;
        self.view.limit(extents.unwrap_or_default());
        Ok(())
    }
}

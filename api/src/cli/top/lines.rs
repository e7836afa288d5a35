//! The figures in JSON, one object a line, for programs.

use super::figures::Figures;
use super::model::{Model, Source};
use super::poll::Poll;
use crate::cli::signals::Signals;
use crate::cli::terminal::complain;
use crate::exit;
use std::io::Write;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Prints lines until it is ended, or just one. Returns the exit status.
pub async fn print(poll: Poll, every: Duration, once: bool, show: Option<&str>) -> u8 {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            complain(&error.to_string());
            return exit::FATAL;
        }
    };
    tokio::select! {
        _ = signals.next() => exit::CLEAN,
        code = lines(poll, every, once, show) => code,
    }
}

async fn lines(mut poll: Poll, every: Duration, once: bool, show: Option<&str>) -> u8 {
    let mut model = Model::default();
    let mut rounds = interval(every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut has_printed, mut is_lost) = (false, false);
    loop {
        rounds.tick().await;
        for (at, update) in poll.round(usize::MAX).await {
            model.apply(at, update);
        }
        if let Some(why) = lost(&model) {
            if !has_printed {
                complain(&format!("{why}; start the server with `lastseat serve`, or name it with --url and --metrics-url"));
                return exit::UNREADABLE;
            }
            // Later on it may be a restart. Old figures are no news, so there is no line.
            if !is_lost {
                complain(&format!("{why}; there are no lines until it answers"));
            }
            is_lost = true;
            continue;
        }
        is_lost = false;
        // There are no rates before the second reading.
        if !model.window.has_rates() {
            continue;
        }
        let mut figures = Figures::of(&model);
        figures.shows.retain(|line| show.is_none_or(|show| line.show == show));
        if !written(&figures) || once {
            return exit::CLEAN;
        }
        has_printed = true;
    }
}

/// Why there are no new figures.
fn lost(model: &Model) -> Option<String> {
    [Source::Metrics, Source::Shows].into_iter().find_map(|source| model.lost(source)).map(|(_, why)| why.clone())
}

/// Whether somebody reads.
fn written(figures: &Figures) -> bool {
    let mut out = std::io::stdout().lock();
    let line = serde_json::to_string(figures).unwrap_or_default();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}

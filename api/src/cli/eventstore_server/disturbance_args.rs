//! The hidden flags that make `eventstore-server` behave like a busy or failing cluster: for tests.

use crate::wiring::eventstore_options::{Disturbances, Leader, Stall};
use chrono::TimeDelta;
use clap::Args;
use std::time::Duration;

/// What clients are disturbed by. Without a flag: by nothing.
#[derive(Debug, Clone, Default, Args)]
pub struct DisturbanceArgs {
    /// End a live subscription when more messages than this wait for its reader (EventStoreDB: 32)
    #[arg(long, value_name = "N", hide = true)]
    disturb_live_buffer: Option<usize>,
    /// Answer nothing for so long; connections stay open
    #[arg(long, value_name = "MILLISECONDS", hide = true)]
    disturb_stall_ms: Option<u32>,
    /// When that begins, counted from the start
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0, requires = "disturb_stall_ms", hide = true)]
    disturb_stall_after_ms: u32,
    /// From the beginning of one to the beginning of the next [default: only one]
    #[arg(long, value_name = "MILLISECONDS", requires = "disturb_stall_ms", hide = true)]
    disturb_stall_every_ms: Option<u32>,
    /// By how much the log's answers may be late
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0, hide = true)]
    disturb_slow_ms: u32,
    /// Refuse what requires the leader, and name this one
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port, hide = true)]
    disturb_follows: Option<(String, u16)>,
    /// Appends that are taken before that
    #[arg(long, value_name = "N", default_value_t = 0, requires = "disturb_follows", hide = true)]
    disturb_follows_after: u64,
    /// Share of the appends at which the leader is deposed
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share, hide = true)]
    disturb_depositions: f64,
    /// Decides what is disturbed
    #[arg(long, value_name = "N", default_value_t = 0, hide = true)]
    disturb_seed: u64,
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text.rsplit_once(':').ok_or("a leader is HOST:PORT")?;
    Ok((host.to_owned(), port.parse().map_err(|_| "a leader is HOST:PORT")?))
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("a share is from 0 to 1".to_owned()) }
}

impl DisturbanceArgs {
    pub fn disturbances(&self) -> Disturbances {
        let millis = |millis: u32| TimeDelta::milliseconds(i64::from(millis));
        let stall = |lasts| Stall {
            after: millis(self.disturb_stall_after_ms),
            lasts: millis(lasts),
            every: self.disturb_stall_every_ms.map(millis),
        };
        let leader = |(host, port)| Leader { host, port, after_appends: self.disturb_follows_after };
        Disturbances {
            seed: self.disturb_seed,
            live_buffer: self.disturb_live_buffer,
            stall: self.disturb_stall_ms.map(stall),
            slow: Duration::from_millis(u64::from(self.disturb_slow_ms)),
            follows: self.disturb_follows.clone().map(leader),
            depositions: self.disturb_depositions,
        }
    }

    /// What they do, for the greeting; nothing if there are none.
    pub fn description(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(limit) = self.disturb_live_buffer {
            lines.push(format!("live subscriptions end when more than {limit} messages wait"));
        }
        if let Some(lasts) = self.disturb_stall_ms {
            let again = self.disturb_stall_every_ms.map_or("once".to_owned(), |every| format!("every {every} ms"));
            lines.push(format!("nothing is answered for {lasts} ms, {again}"));
        }
        if self.disturb_slow_ms > 0 {
            lines.push(format!("answers are late by up to {} ms", self.disturb_slow_ms));
        }
        if let Some((host, port)) = &self.disturb_follows {
            lines.push(format!("after {} appends {host}:{port} leads", self.disturb_follows_after));
        }
        if self.disturb_depositions > 0.0 {
            lines.push(format!("a share of {} of the appends meets a deposed leader", self.disturb_depositions));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: DisturbanceArgs,
    }

    fn parsed(line: &str) -> Result<DisturbanceArgs, String> {
        let words = std::iter::once("eventstore-server").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.args).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_disturbed_unasked() {
        let none = parsed("").unwrap();
        assert_eq!((none.disturbances(), none.description()), (Disturbances::default(), Vec::new()));
    }

    #[test]
    fn flags_become_disturbances_and_each_is_named() {
        let all = parsed(
            "--disturb-live-buffer 32 --disturb-stall-ms 2000 --disturb-stall-every-ms 9000 --disturb-stall-after-ms 500 \
             --disturb-slow-ms 20 --disturb-follows [::1]:2113 --disturb-follows-after 3 --disturb-depositions 0.1 --disturb-seed 7",
        )
        .unwrap();
        let millis = TimeDelta::milliseconds;
        let expected = Disturbances {
            seed: 7,
            live_buffer: Some(32),
            stall: Some(Stall { after: millis(500), lasts: millis(2000), every: Some(millis(9000)) }),
            slow: Duration::from_millis(20),
            follows: Some(Leader { host: "[::1]".to_owned(), port: 2113, after_appends: 3 }),
            depositions: 0.1,
        };
        assert_eq!((all.disturbances(), all.description().len()), (expected, 5));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--disturb-depositions 2",
            "--disturb-follows here",
            "--disturb-follows here:x",
            "--disturb-follows-after 3",
            "--disturb-stall-every-ms 3",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}

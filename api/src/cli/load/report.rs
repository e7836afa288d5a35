//! The result of a race, for people and for machines.

use super::check::Verdict;
use super::race::Finish;
use super::tally::Latency;
use crate::cli::terminal::{Paint, count, say, thousands, time};
use crate::exit;
use serde::Serialize;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

/// The result of a race.
#[derive(Serialize)]
pub struct Report {
    buyers: u32,
    show: String,
    wanted: String,
    /// Answers to holds; fewer than buyers if the server went away.
    answered: u64,
    server_gone: bool,
    connections: usize,
    won: u64,
    taken: u64,
    sold_out: u64,
    refused: u64,
    errors: u64,
    paying: bool,
    paid: u64,
    payments_pending: u64,
    payments_failed: u64,
    seconds: f64,
    answers_per_second: f64,
    hold_latency: Option<Latency>,
    payment_latency: Option<Latency>,
    statuses: BTreeMap<u16, u64>,
    examples: BTreeMap<String, String>,
    verdict: Verdict,
}

impl Report {
    /// Puts the parts together.
    pub fn new(
        buyers: u32,
        show: &str,
        wanted: String,
        connections: usize,
        paying: bool,
        finish: Finish,
        verdict: Verdict,
    ) -> Self {
        let Finish { tally, took, server_gone, .. } = finish;
        let answered = tally.answered();
        let seconds = took.as_secs_f64();
        Self {
            buyers,
            show: show.to_owned(),
            wanted,
            answered,
            server_gone,
            connections,
            won: tally.won,
            taken: tally.taken,
            sold_out: tally.sold_out,
            refused: tally.refused,
            errors: tally.errors,
            paying,
            paid: tally.paid,
            payments_pending: tally.payments_pending,
            payments_failed: tally.payments_failed,
            seconds,
            answers_per_second: rate(answered, seconds),
            hold_latency: tally.hold_latency(),
            payment_latency: tally.payment_latency(),
            statuses: tally.statuses,
            examples: tally.examples,
            verdict,
        }
    }

    /// Exit status: a violation counts more than a server that went away.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        match (self.verdict.holds(), self.server_gone) {
            (false, _) => exit::VIOLATION.into(),
            (true, true) => exit::UNREADABLE.into(),
            (true, false) => ExitCode::SUCCESS,
        }
    }

    /// Prints it for people.
    pub fn print(&self) {
        let paint = Paint::stdout();
        let buyers = count(u64::from(self.buyers), "buyer", "buyers");
        let title = format!("{buyers} at once, {} (show {})", self.wanted, self.show);
        say(&format!("\n  {}", paint.bold(&title)));
        let shared = format!("over {}", count(self.connections as u64, "connection", "connections"));
        say(&format!("  {}\n", paint.dim(&shared)));
        self.print_counts(paint);
        self.print_latency(paint);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate for people")]
        let rate = thousands(self.answers_per_second as u64);
        let took = time(Duration::from_secs_f64(self.seconds));
        if self.server_gone {
            let (answered, buyers) = (thousands(self.answered), thousands(u64::from(self.buyers)));
            say(&format!(
                "\n  {} after {took}: {answered} of {buyers} buyers were answered\n",
                paint.red("the server went away")
            ));
        } else {
            say(&format!("\n  all answered in {took}: {} buyers/s\n", paint.bold(&rate)));
        }
        self.verdict.print(paint);
    }

    fn print_counts(&self, paint: Paint) {
        let row = |name: &str, number: u64, means: &str, colour: fn(Paint, &str) -> String| {
            let digits = format!("{:>9}", thousands(number));
            let digits = if number == 0 { paint.dim(&digits) } else { colour(paint, &digits) };
            say(&format!("  {name:<12}{digits}   {}", paint.dim(means)));
        };
        row("won", self.won, "201: the seats are theirs", Paint::green);
        row("taken", self.taken, "409: another buyer was faster", Paint::bold);
        row("sold out", self.sold_out, "410: no seat was left", Paint::bold);
        row("refused", self.refused, "429, 503 or another 4xx: not served", Paint::yellow);
        row("errors", self.errors, "no answer, or another 5xx", Paint::red);
        if self.paying {
            row("paid", self.paid, "of the winners: booking confirmed", Paint::green);
            if self.payments_pending > 0 {
                row("paying", self.payments_pending, "of the winners: the payment is still in progress", Paint::yellow);
            }
            if self.payments_failed > 0 {
                row("not paid", self.payments_failed, "of the winners: declined or no answer", Paint::red);
            }
        }
        for (kind, example) in &self.examples {
            say(&format!("  {}", paint.dim(&format!("for example {kind}: {example}"))));
        }
    }

    fn print_latency(&self, paint: Paint) {
        print_latency(paint, [("holds", self.hold_latency), ("payments", self.payment_latency)]);
    }
}

/// Answers a second.
#[expect(clippy::cast_precision_loss, reason = "a rate for people; 2^53 requests take years")]
pub fn rate(answers: u64, seconds: f64) -> f64 {
    answers as f64 / seconds.max(1e-6)
}

/// A table of percentiles.
pub fn print_latency(paint: Paint, rows: [(&str, Option<Latency>); 2]) {
    say(&format!("\n  {}", paint.dim(&format!("{:<10}{:>10}{:>10}{:>10}{:>10}", "", "p50", "p90", "p99", "max"))));
    for (name, latency) in rows {
        if let Some(latency) = latency {
            let columns: String = latency.columns().into_iter().map(|took| format!("{:>10}", time(took))).collect();
            say(&format!("  {name:<10}{columns}"));
        }
    }
}

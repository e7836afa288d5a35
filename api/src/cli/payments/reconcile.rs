//! `lastseat payments reconcile`: finds what differs between gateway and log, says what it would do, and does it
//! with `--apply`.

use super::apply::{Apply, Outcome};
use super::read::{Compared, Unreadable, compare};
use crate::cli::terminal::{Paint, complain, count, say};
use crate::config::Config;
use crate::exit;
use crate::reconcile::{Difference, Reconciliation};
use crate::wiring::payment_records::Recorded;
use crate::wiring::reading::Readable;
use lastseat_domain::ports::payments::UnreadableRecord;
use lastseat_domain::{BookingId, IntentId};
use serde::Serialize;
use std::process::ExitCode;

/// Arguments of `payments reconcile`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads the payments at the gateway (--stripe-key; without it the sandbox in --data) and all bookings
of the log (the file in --data, or --eventstore). Works while servers run. Changes nothing without
--apply.

With --apply, money is returned, cancelled or taken at the gateway, under keys that make a repeat
harmless. What the log has to record is done by the server of --url, as an admin, or by this
process if no server has the log. What is not done says why; \"a person decides\" means that no
rule can know what is right.

A payment that the gateway lists and that can't be understood is named, and the others are compared.

Exit status: 0 nothing is wrong, or all of it was repaired, 1 something is wrong and was not
repaired, 2 wrong use, 3 gateway or log can't be read, or a payment could not be compared and
nothing else is wrong.")]
pub struct Reconcile {
    /// Do what would be done
    #[arg(long)]
    apply: bool,
    /// Server that records refunds, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL", requires = "apply")]
    url: Option<String>,
    /// With --apply: also refund and cancel payments of bookings that this log does not have. Not where
    /// several shops use one account
    #[arg(long, requires = "apply")]
    unknown_bookings: bool,
    /// Print one JSON object a line: each difference, then a summary
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    difference: &'a Difference,
    applied: &'a Outcome,
}

#[derive(Serialize)]
struct Summary {
    gateway: String,
    log: String,
    payments: usize,
    differences: usize,
    /// Differences that nothing under way explains.
    wrong: usize,
    applied: usize,
    /// Payments that can't be understood, and were not compared.
    unreadable: usize,
    /// Whether all payments were compared, and nothing wrong is left.
    clean: bool,
}

/// A payment that was not compared.
#[derive(Serialize)]
struct Odd<'a> {
    unreadable: Option<&'a IntentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    booking: Option<BookingId>,
    why: &'a str,
}

pub async fn run(args: &Reconcile, config: &Config) -> ExitCode {
    match reconcile(args, config).await {
        Ok(status) => status.into(),
        Err(error) => {
            complain(&error.to_string());
            if matches!(error, Unreadable::Settings(_)) { exit::USAGE } else { exit::UNREADABLE }.into()
        }
    }
}

async fn reconcile(args: &Reconcile, config: &Config) -> Result<u8, Unreadable> {
    let recorded = Recorded::open(config).map_err(Unreadable::Settings)?;
    let Readable { log, place, .. } = Readable::open(config)?;
    let Compared { reconciliation: compared, differences: found, unreadable } = compare(&*recorded.records, &*log).await?;
    drop(log);
    let outcomes = if args.apply && !found.is_empty() {
        let apply = Apply::open(config, &recorded, args.url.as_deref(), args.unknown_bookings).await;
        carry_out(apply.map_err(Unreadable::Settings)?, &compared, &found).await
    } else {
        vec![Outcome::NotAsked; found.len()]
    };
    let wrong = found.iter().filter(|difference| difference.wrong).count();
    let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Done(_));
    let right = found.iter().zip(&outcomes).all(|(difference, outcome)| !difference.wrong || is_done(outcome));
    let summary = Summary {
        gateway: recorded.place,
        log: place,
        payments: compared.payments(),
        differences: found.len(),
        wrong,
        applied: outcomes.iter().filter(|outcome| is_done(outcome)).count(),
        unreadable: unreadable.len(),
        clean: right && unreadable.is_empty(),
    };
    if args.json {
        for (difference, applied) in found.iter().zip(&outcomes) {
            say_line(&Line { difference, applied });
        }
        for UnreadableRecord { intent, booking, why } in &unreadable {
            say_line(&Odd { unreadable: intent.as_ref(), booking: *booking, why });
        }
        say_line(&summary);
    } else {
        print(&found, &outcomes, &unreadable, &summary);
    }
    Ok(match (right, summary.clean) {
        (_, true) => exit::CLEAN,
        (true, false) => exit::UNREADABLE,
        (false, false) => exit::VIOLATION,
    })
}

async fn carry_out(mut apply: Apply, compared: &Reconciliation, found: &[Difference]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(found.len());
    for difference in found {
        outcomes.push(apply.run(difference, compared).await);
    }
    if let Err(why) = apply.close().await {
        complain(&why);
    }
    outcomes
}

fn say_line(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(line) => say(&line),
        Err(error) => complain(&format!("the answer can't be written as JSON: {error}")),
    }
}

fn print(found: &[Difference], outcomes: &[Outcome], unreadable: &[UnreadableRecord], summary: &Summary) {
    let paint = Paint::stdout();
    say(&format!("\n  {}  compared with {}\n", paint.bold(&summary.gateway), summary.log));
    for (difference, outcome) in found.iter().zip(outcomes) {
        let sign = if difference.wrong { paint.red("✗") } else { "!".to_owned() };
        say(&format!("  {sign} {} ({}): {}", difference.subject(), difference.intent, difference.in_words()));
        say(&match outcome {
            Outcome::NotAsked => format!("      would {}", difference.remedy.text()),
            Outcome::Done(what) => format!("      {}", paint.green(what)),
            Outcome::NotDone(why) => format!("      {}", paint.yellow(&format!("not done: {why}"))),
        });
    }
    for record in unreadable {
        let of = record.booking.map(|booking| format!(" (booking {booking})")).unwrap_or_default();
        say(&format!("  {} {}{of} was not compared: it has {}; look at it there", paint.red("✗"), record.name(), record.why));
    }
    let compared = count(summary.payments as u64, "payment", "payments");
    if summary.unreadable > 0 {
        let (odd, differ) = (
            count(summary.unreadable as u64, "payment", "payments"),
            count(summary.differences as u64, "difference", "differences"),
        );
        return say(&format!(
            "\n  {odd} can't be understood; {differ} in {compared}: {} wrong, {} repaired\n",
            summary.wrong, summary.applied
        ));
    }
    say(&match (summary.differences, summary.clean, summary.applied) {
        (0, ..) => format!("  {} gateway and log agree ({compared})\n", paint.green("✓")),
        (_, true, 0) => format!("\n  {} nothing is wrong ({compared})\n", paint.green("✓")),
        (_, true, _) => format!("\n  {} nothing is wrong any more ({compared})\n", paint.green("✓")),
        (differences, false, applied) => {
            let differ = count(differences as u64, "difference", "differences");
            format!("\n  {differ} in {compared}: {} wrong, {applied} repaired\n", summary.wrong)
        }
    });
}

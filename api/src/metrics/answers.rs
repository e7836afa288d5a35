//! Answers to commands by outcome, and how long they took.

use super::commands::Command;
use crate::problem::Code;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::sync::OnceLock;
use std::time::Duration;

const OUTCOMES: usize = Code::ALL.len() + 1;

/// Upper bounds of the buckets in seconds: fine where objectives are set, and where people begin to wait.
const BOUNDS: [f64; 20] =
    [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 3.0, 5.0, 10.0];

type Label = (&'static str, &'static str);
/// The trace of a request that fell into a bucket.
type Exemplar = [(&'static str, String); 1];
type Latency = HistogramWithExemplars<Exemplar>;

/// What is counted of each command. Its series are looked up once, when they are first needed: from then on, counting takes
/// an addition, and a metric that never happened has no series.
#[derive(Debug)]
pub(super) struct Answers {
    by_outcome: Family<[Label; 2], Counter>,
    by_code: Family<[Label; 1], Counter>,
    by_command: Family<[Label; 1], Latency, fn() -> Latency>,
    /// By command and outcome; outcome 0 is a success, the others are the codes in their order.
    outcomes: Vec<OnceLock<Counter>>,
    codes: Vec<OnceLock<Counter>>,
    latencies: Vec<OnceLock<Latency>>,
}

fn latency() -> Latency {
    HistogramWithExemplars::new(BOUNDS.into_iter())
}

fn empty<T>(many: usize) -> Vec<OnceLock<T>> {
    (0..many).map(|_| OnceLock::new()).collect()
}

impl Answers {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let answers = Self {
            by_outcome: Family::default(),
            by_code: Family::default(),
            by_command: Family::new_with_constructor(latency),
            outcomes: empty(Command::ALL.len() * OUTCOMES),
            codes: empty(Code::ALL.len()),
            latencies: empty(Command::ALL.len()),
        };
        registry.register("lastseat_commands", "Answers to commands, by command and outcome", answers.by_outcome.clone());
        registry.register("lastseat_refusals", "Commands answered with a problem, by its code", answers.by_code.clone());
        let help = "How long commands took, from the whole request to its answer";
        registry.register("lastseat_command_seconds", help, answers.by_command.clone());
        // Successes are shown from the start, so that their rate is known before the first one.
        for command in Command::ALL {
            answers.outcome(*command, None);
        }
        // So are those that objectives are set for, and the refusal that a sale consists of.
        for command in [Command::Hold, Command::Pay] {
            answers.latency(command);
        }
        answers.code(Code::SeatUnavailable);
        answers
    }

    /// Counts an answer. `trace`: the id of its W3C trace.
    pub(super) fn count(&self, command: Command, problem: Option<Code>, took: Duration, trace: Option<&str>) {
        self.outcome(command, problem).map(Counter::inc);
        problem.and_then(|code| self.code(code)).map(Counter::inc);
        let Some(latency) = self.latency(command) else { return };
        let exemplar = trace.map(|trace| [("trace_id", trace.to_owned())]);
        latency.observe(took.as_secs_f64(), exemplar, None);
    }

    fn code(&self, code: Code) -> Option<&Counter> {
        let cell = self.codes.get(code as usize)?;
        Some(cell.get_or_init(|| self.by_code.get_or_create_owned(&[("code", code.text())])))
    }

    fn latency(&self, command: Command) -> Option<&Latency> {
        let cell = self.latencies.get(command as usize)?;
        Some(cell.get_or_init(|| self.by_command.get_or_create_owned(&[("command", command.label())])))
    }

    fn outcome(&self, command: Command, problem: Option<Code>) -> Option<&Counter> {
        let outcome = problem.map_or(0, |code| code as usize + 1);
        let name = problem.map_or("ok", Code::text);
        let labels = [("command", command.label()), ("outcome", name)];
        let cell = self.outcomes.get(command as usize * OUTCOMES + outcome)?;
        Some(cell.get_or_init(|| self.by_outcome.get_or_create_owned(&labels)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::{prometheus_text, text};

    fn registry() -> (Registry, Answers) {
        let mut registry = Registry::default();
        let answers = Answers::register(&mut registry);
        (registry, answers)
    }

    #[test]
    fn buckets_are_cumulative_and_include_their_bound() {
        let (registry, answers) = registry();
        for micros in [0, 1_000, 1_001, 250_000, 10_000_001] {
            answers.count(Command::Hold, None, Duration::from_micros(micros), None);
        }
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        let hold = |series: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("lastseat_command_seconds_{series} ")));
            line.unwrap_or_else(|| panic!("no {series} in {text}")).to_owned()
        };
        for (bound, below) in [("0.001", "2"), ("0.005", "3"), ("0.1", "3"), ("0.3", "4"), ("10", "4"), ("+Inf", "5")] {
            assert_eq!(hold(&format!("bucket{{command=\"hold\",le=\"{bound}\"}}")), below, "{bound}");
        }
        assert_eq!(hold("count{command=\"hold\"}"), "5");
        assert!(!text.contains("seconds_count{command=\"cancel\"}"), "{text}");
    }

    #[test]
    fn an_answer_names_its_trace() {
        let (registry, answers) = registry();
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        answers.count(Command::Pay, Some(Code::PaymentDeclined), Duration::from_millis(120), Some(trace));
        let mut open_metrics = String::new();
        text::encode(&mut open_metrics, &registry).unwrap();
        let exemplar = format!("# {{trace_id=\"{trace}\"}} 0.12");
        assert!(open_metrics.lines().any(|line| line.contains("le=\"0.15\"") && line.contains(&exemplar)), "{open_metrics}");
        assert!(open_metrics.contains("lastseat_refusals_total{code=\"payment_declined\"} 1"), "{open_metrics}");
    }

    #[test]
    fn the_bounds_ascend() {
        assert!(BOUNDS.is_sorted_by(|a, b| a < b));
    }
}

//! A result: what was measured beside its limit, round by round.

use serde_json::json;

/// What one measurement gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Units a second, or whatever the figure's unit is.
    pub value: f64,
    /// Processor time of the server for each of them, in microseconds. It says more than the rate where the client
    /// has a share of the same cores.
    pub cpu_micros: Option<f64>,
}

impl From<f64> for Measured {
    fn from(value: f64) -> Self {
        Self { value, cpu_micros: None }
    }
}

/// One line of the result.
pub(crate) struct Figure {
    name: &'static str,
    connections: usize,
    unit: &'static str,
    ours: Vec<Measured>,
    limit_name: &'static str,
    limit: Vec<Measured>,
}

impl Figure {
    /// A figure without rounds. `connections`, or callers, are at work at once.
    pub(crate) fn new(name: &'static str, connections: usize, unit: &'static str, limit_name: &'static str) -> Self {
        Self { name, connections, unit, ours: Vec::new(), limit_name, limit: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ours.is_empty()
    }

    /// Adds what a round gave, and says so on stderr.
    pub(crate) fn add(&mut self, ours: impl Into<Measured>, limit: impl Into<Measured>) {
        let (ours, limit) = (ours.into(), limit.into());
        self.ours.push(ours);
        self.limit.push(limit);
        let (round, ours, limit) = (self.ours.len(), ours.value, limit.value);
        eprintln!("{}, {} at once, round {round}: {ours:.0} to {limit:.0}", self.name, self.connections);
    }

    /// The median of the rounds' ratios.
    fn ratio(&self) -> f64 {
        median(self.ours.iter().zip(&self.limit).map(|(ours, limit)| ours.value / limit.value))
    }

    /// Everything, for programs.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        json!({
            "figure": self.name, "connections": self.connections, "unit": self.unit, "limit": self.limit_name,
            "ratio": self.ratio(), "median": median(values(&self.ours)), "limit_median": median(values(&self.limit)),
            "cpu_micros": cpu_micros(&self.ours), "limit_cpu_micros": cpu_micros(&self.limit),
            "rounds": values(&self.ours).collect::<Vec<_>>(), "limit_rounds": values(&self.limit).collect::<Vec<_>>(),
        })
    }

    /// All figures, for people.
    pub(crate) fn table(figures: &[Self]) -> String {
        let mut table = format!(
            "\n{:<38}{:>6}{:>10}{:>10}{:>7}{:>9}{:>9}   {}\n",
            "figure", "conn.", "median", "limit", "ratio", "CPU µs", "limit's", "limit is"
        );
        for figure in figures {
            let (ours, limit) = (median(values(&figure.ours)), median(values(&figure.limit)));
            let (name, at_once, ratio) = (figure.name, figure.connections, figure.ratio());
            let cpu = |measured: &[Measured]| cpu_micros(measured).map_or(String::new(), |micros| format!("{micros:.1}"));
            let (our_cpu, its_cpu) = (cpu(&figure.ours), cpu(&figure.limit));
            table += &format!("{name:<38}{at_once:>6}{ours:>10.0}{limit:>10.0}{ratio:>7.2}{our_cpu:>9}{its_cpu:>9}   ");
            table += &format!("{}\n", figure.limit_name);
        }
        table
    }
}

fn values(measured: &[Measured]) -> impl Iterator<Item = f64> {
    measured.iter().map(|m| m.value)
}

/// The median, where it is known.
fn cpu_micros(measured: &[Measured]) -> Option<f64> {
    Some(median(measured.iter().map(|m| m.cpu_micros).collect::<Option<Vec<_>>>()?.into_iter()))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

//! A result: what was measured beside its limit, round by round.

use serde_json::json;

/// One line of the result.
pub(crate) struct Figure {
    name: &'static str,
    connections: usize,
    unit: &'static str,
    ours: Vec<f64>,
    limit_name: &'static str,
    limit: Vec<f64>,
}

impl Figure {
    /// A figure without rounds. `connections`, or callers, are at work at once.
    pub(crate) fn new(name: &'static str, connections: usize, unit: &'static str, limit_name: &'static str) -> Self {
        Self { name, connections, unit, ours: Vec::new(), limit_name, limit: Vec::new() }
    }

    /// Adds what a round gave, and says so on stderr.
    pub(crate) fn add(&mut self, ours: f64, limit: f64) {
        self.ours.push(ours);
        self.limit.push(limit);
        eprintln!("{}, {} at once, round {}: {ours:.0} to {limit:.0}", self.name, self.connections, self.ours.len());
    }

    /// The median of the rounds' ratios.
    fn ratio(&self) -> f64 {
        median(self.ours.iter().zip(&self.limit).map(|(ours, limit)| ours / limit))
    }

    /// Everything, for programs.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        json!({
            "figure": self.name, "connections": self.connections, "unit": self.unit, "limit": self.limit_name,
            "ratio": self.ratio(), "median": median(self.ours.iter().copied()), "limit_median": median(self.limit.iter().copied()),
            "rounds": self.ours, "limit_rounds": self.limit,
        })
    }

    /// All figures, for people.
    pub(crate) fn table(figures: &[Self]) -> String {
        let mut table =
            format!("\n{:<36}{:>6}{:>12}{:>12}{:>8}   {}\n", "figure", "conn.", "median", "limit", "ratio", "limit is");
        for figure in figures {
            let (ours, limit) = (median(figure.ours.iter().copied()), median(figure.limit.iter().copied()));
            let (name, at_once, ratio) = (figure.name, figure.connections, figure.ratio());
            table += &format!("{name:<36}{at_once:>6}{ours:>12.0}{limit:>12.0}{ratio:>8.2}   {}\n", figure.limit_name);
        }
        table
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

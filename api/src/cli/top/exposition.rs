//! Reads the text in which a server shows its metrics to Prometheus.
//!
//! Lines that can't be read are left out: what a later version adds must not blind an operator.

use std::collections::BTreeMap;

/// Labels of a series.
pub type Labels = BTreeMap<String, String>;

/// One line: a series and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Of the metric, with `_total`, `_bucket` and the like.
    pub name: String,
    /// Empty if there are none.
    pub labels: Labels,
    /// May be infinite or no number.
    pub value: f64,
}

/// The samples of a text.
pub fn samples(text: &str) -> impl Iterator<Item = Sample> + '_ {
    text.lines().filter_map(sample)
}

fn sample(line: &str) -> Option<Sample> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (name, rest) = line.split_at(line.find(|c: char| c == '{' || c.is_whitespace())?);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Labels::new(), rest),
    };
    // A time and an exemplar may follow.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    is_name(name).then(|| Sample { name: name.to_owned(), labels, value })
}

/// The labels before a closing brace, and what follows it.
fn labels(mut text: &str) -> Option<(Labels, &str)> {
    let mut labels = Labels::new();
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = quoted(rest.trim_start().strip_prefix('"')?)?;
        if !is_name(name.trim_end()) {
            return None;
        }
        labels.insert(name.trim_end().to_owned(), value);
        text = rest.trim_start();
        if !text.starts_with('}') {
            text = text.strip_prefix(',')?;
        }
    }
}

/// The value before a closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            '"' => return Some((value, rest.as_str())),
            '\\' => value.push(match rest.next()? {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Command, Format, Gauges, Metrics};
    use proptest::prelude::*;
    use std::time::Duration;

    fn labelled(name: &str, labels: &[(&str, &str)], value: f64) -> Option<Sample> {
        let labels = labels.iter().map(|(name, value)| pair(name, value)).collect();
        Some(Sample { name: name.to_owned(), labels, value })
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_line_has_a_name_labels_and_a_value() {
        assert_eq!(sample("a 1"), labelled("a", &[], 1.0));
        assert_eq!(sample("a_total{} 1.5e3 1700000000000"), labelled("a_total", &[], 1500.0));
        let labels = [("x", "say \"{a=b}\"\n\\, or"), ("le", "+Inf")];
        let line = r#"a:b_bucket{ x = "say \"{a=b}\"\n\\, or" , le="+Inf", } 2 # {trace_id="1"} 0.1"#;
        assert_eq!(sample(line), labelled("a:b_bucket", &labels, 2.0));
        assert_eq!(sample("a +Inf"), labelled("a", &[], f64::INFINITY));
        assert!(sample("a NaN").is_some_and(|sample| sample.value.is_nan()));
    }

    #[test]
    fn other_lines_are_left_out() {
        for line in [
            "",
            "a",
            "a b",
            "# HELP a 1",
            "# EOF",
            "{} 1",
            "1a 1",
            "a{b=\"c\"",
            "a{b=\"c\" 1",
            "a{b=c} 1",
            "a{b} 1",
            "a{\"b\"} 1",
            "a{b=\"c\"d=\"e\"} 1",
            "a{b=\"c\"}",
            "a{1=\"c\"} 2",
            "ä 1",
            "a{b=\"\\",
        ] {
            assert_eq!(sample(line), None, "{line}");
        }
        assert_eq!(samples("a 1\nnonsense\nb 2\r\n").count(), 2);
    }

    #[test]
    fn what_a_server_shows_is_read() {
        let metrics = Metrics::default();
        metrics.answered(Command::Hold, None, Duration::from_millis(3), None);
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let text = metrics.render(Gauges { head: Some(4), ..Gauges::default() }, format);
            let lines = text.lines().filter(|line| !line.starts_with('#')).count();
            let read: Vec<_> = samples(&text).collect();
            assert_eq!(read.len(), lines);
            let holds = read.iter().find(|sample| {
                sample.name == "lastseat_commands_total"
                    && sample.labels == Labels::from([pair("command", "hold"), pair("outcome", "ok")])
            });
            assert_eq!(holds.map(|sample| sample.value), Some(1.0));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "\\PC*", lines in "([a-z{}=\",\\\\ 0-9\n#.+]{0,80}\n){0,4}") {
            samples(&text).for_each(drop);
            samples(&lines).for_each(drop);
        }

        #[test]
        fn what_was_written_is_read(name in "[a-z_:][a-z0-9_:]{0,9}", label in "[a-z_]{1,9}", text in "\\PC*", value: f64) {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let read = sample(&format!("{name}{{{label}=\"{escaped}\"}} {value}"));
            let sample = read.expect("a sample");
            prop_assert_eq!((sample.name, sample.labels), (name, Labels::from([(label, text)])));
            prop_assert!(sample.value == value || value.is_nan());
        }
    }
}

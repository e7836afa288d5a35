//! Dashboards and alert rules name metrics that a running server has, and alerts lead to a section that exists.

use crate::support::process::Server;
use serde_json::Value;
use std::collections::BTreeSet;

const RULES: [&str; 2] =
    [include_str!("../../../deploy/prometheus/rules/slo.yml"), include_str!("../../../deploy/prometheus/rules/alerts.yml")];
const RULE_TESTS: &str = include_str!("../../../deploy/prometheus/rules_test.yml");
const DASHBOARDS: [&str; 3] = [
    include_str!("../../../deploy/grafana/dashboards/live-sale.json"),
    include_str!("../../../deploy/grafana/dashboards/engine.json"),
    include_str!("../../../deploy/grafana/dashboards/dependencies.json"),
];
const GUIDE: &str = include_str!("../../../docs/OPERATIONS.md");
const RUNBOOKS: &str = "https://github.com/lastseat/lastseat/blob/main/docs/OPERATIONS.md#";

fn parsed(document: &str) -> Value {
    serde_saphyr::from_str(document).unwrap()
}

/// The texts with one of these names, at any depth.
fn texts<'a>(value: &'a Value, names: &[&str], found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                found.extend(value.as_str().filter(|_| names.contains(&name.as_str())));
                texts(value, names, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, names, found)),
        _ => {}
    }
}

/// The expression without what is between these, marks included.
fn without(expression: &str, open: char, close: char) -> String {
    let mut is_inside = false;
    let keep = |c: &char| {
        let was_inside = is_inside;
        is_inside = if is_inside { *c != close } else { *c == open };
        !was_inside && !is_inside
    };
    expression.chars().filter(keep).collect()
}

/// The metrics that PromQL names: every word that is no function, operator, number or label.
fn metrics_in(expression: &str) -> Vec<String> {
    const OPERATORS: [&str; 9] = ["and", "bool", "max", "min", "offset", "or", "sum", "time", "unless"];
    const LABELS_FOLLOW: [&str; 6] = ["by", "group_left", "group_right", "ignoring", "on", "without"];
    let bare = without(&without(&without(expression, '"', '"'), '{', '}'), '[', ']');
    let mut found = Vec::new();
    let mut rest = bare.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        rest = &rest[start..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c))).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if LABELS_FOLLOW.contains(&word) {
            rest = after.split_once(')').unwrap().1;
        } else if word == "label_values" {
            // The second argument is a label.
            found.push(after.trim_start_matches('(').split(',').next().unwrap().trim().to_owned());
            rest = "";
        } else if !(after.trim_start().starts_with('(')
            || OPERATORS.contains(&word)
            || word.starts_with(|c: char| c.is_ascii_digit()))
        {
            found.push(word.to_owned());
        }
    }
    found
}

/// The names in Prometheus' text.
fn names_served(metrics: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, kind) in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')) {
        let parts: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        names.extend(parts.iter().map(|part| format!("{name}{part}")));
    }
    names
}

/// What is named and not served, and not recorded by a rule.
fn unknown_metrics(documents: &[String], mut known: BTreeSet<String>) -> Vec<String> {
    let documents: Vec<_> = documents.iter().map(|document| parsed(document)).collect();
    let (mut expressions, mut recorded) = (Vec::new(), Vec::new());
    for document in &documents {
        texts(document, &["expr", "definition"], &mut expressions);
        texts(document, &["record"], &mut recorded);
    }
    assert!(expressions.len() > 80, "{} expressions", expressions.len());
    known.insert("up".to_owned());
    known.extend(recorded.into_iter().map(str::to_owned));
    expressions.into_iter().flat_map(metrics_in).filter(|name| !known.contains(name)).collect()
}

fn rules_and_dashboards() -> Vec<String> {
    RULES.iter().chain(&DASHBOARDS).map(|document| (*document).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_dashboards_and_rules_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data")).await;
    let served = names_served(std::str::from_utf8(&server.client.get("/metrics").send().await.body).unwrap());
    assert_eq!(unknown_metrics(&rules_and_dashboards(), served.clone()), Vec::<String>::new());

    for (from, to) in [
        ("lastseat_captures_due > 0", "lastseat_capture_due > 0"),
        ("lastseat:faults:ratio_rate6h >", "lastseat:faults:ratio_rate2h >"),
        ("label_values(lastseat_ready,", "label_values(lastseat_reedy,"),
        ("rate(lastseat_command_seconds_count", "rate(lastseat_command_seconds"),
        ("min by (job) (min_over_time(lastseat_", "min by (job) (min_over_time(lasteat_"),
    ] {
        let broken: Vec<_> = rules_and_dashboards().iter().map(|document| document.replace(from, to)).collect();
        assert_ne!(broken, rules_and_dashboards(), "{from} is in no file");
        assert_ne!(unknown_metrics(&broken, served.clone()), Vec::<String>::new(), "{from} → {to}");
    }
}

/// How GitHub names a heading in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// What is wrong with the alerts.
fn faults(rules: &[String]) -> Vec<String> {
    let headings: BTreeSet<_> =
        GUIDE.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect();
    let mut faults = Vec::new();
    let documents: Vec<_> = rules.iter().map(|document| parsed(document)).collect();
    let groups = documents.iter().flat_map(|document| document["groups"].as_array().unwrap());
    for rule in groups.flat_map(|group| group["rules"].as_array().unwrap()) {
        let Some(alert) = rule["alert"].as_str() else { continue };
        let note = |name: &str| rule["annotations"][name].as_str().filter(|text| text.len() > 10);
        if note("summary").is_none() || note("description").is_none() {
            faults.push(format!("{alert} does not say what to do"));
        }
        let section = note("runbook_url").and_then(|url| url.strip_prefix(RUNBOOKS));
        if !section.is_some_and(|section| headings.contains(section)) {
            faults.push(format!("{alert} leads nowhere"));
        }
        if !["page", "ticket"].iter().any(|severity| rule["labels"]["severity"] == *severity) {
            faults.push(format!("{alert} has no severity"));
        }
        if ![format!("\"{alert}\""), format!("alertname: {alert}\n")].iter().any(|raised| RULE_TESTS.contains(raised)) {
            faults.push(format!("{alert} is never raised in rules_test.yml"));
        }
        if !GUIDE.contains(&format!("`{alert}`")) {
            faults.push(format!("{alert} is not in the guide"));
        }
    }
    faults
}

#[test]
fn every_alert_says_what_to_do_and_leads_to_a_section_that_exists() {
    let rules = RULES.map(str::to_owned);
    assert_eq!(faults(&rules), Vec::<String>::new());
    for (from, to, found) in [
        ("OPERATIONS.md#lag\n", "OPERATIONS.md#lags\n", "LastseatEngineLags leads nowhere"),
        ("alert: LastseatHoldsSlow", "alert: LastseatHoldsSlower", "LastseatHoldsSlower is never raised"),
        ("alert: LastseatNodeDown", "alert: LastseatNodeGone", "LastseatNodeGone is not in the guide"),
        ("severity: page", "severity: high", "LastseatCapturesDue has no severity"),
        ("description: \"Run `lastseat payments", "remark: \"Run `lastseat payments", "LastseatPaymentsWrong does not say"),
    ] {
        let broken = rules.clone().map(|document| document.replace(from, to));
        assert_ne!(broken, rules, "{from} is in no file");
        let faults = faults(&broken);
        assert!(faults.iter().any(|fault| fault.contains(found)), "{from} → {to}: {faults:?}");
    }
}

//! Chart, unit, proxy examples and the monitoring in `compose.yaml` name settings, paths and addresses that exist.

use crate::support::process::{Server, command};
use clap::Parser;
use lastseat::cli::Cli;
use lastseat::config::SETTINGS;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const UNIT: &str = include_str!("../../../deploy/systemd/lastseat.service");
const SCHEMA: &str = include_str!("../../../deploy/helm/lastseat/values.schema.json");
const VALUES: &str = include_str!("../../../deploy/helm/lastseat/values.yaml");
const COMPOSE: &str = include_str!("../../../compose.yaml");
const PROMETHEUS: &str = include_str!("../../../deploy/prometheus/prometheus.yml");
const GRAFANA: &str = include_str!("../../../deploy/grafana/provisioning/dashboards/lastseat.yml");

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Everything in `deploy`, and what is beside it.
fn everything() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = vec![root.join("compose.yaml"), root.join("docs/OPERATIONS.md")];
    files(&root.join("deploy"), &mut found);
    assert!(found.len() > 25, "{found:?}");
    found.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// The words that begin like this.
fn words<'a>(text: &'a str, start: &'a str, may_contain: fn(char) -> bool) -> BTreeSet<&'a str> {
    let ends = |at: usize| text[at + start.len()..].find(|c| !may_contain(c)).map_or(text.len(), |end| at + start.len() + end);
    text.match_indices(start).map(|(at, _)| &text[at..ends(at)]).collect()
}

/// Variables that are no setting.
fn unknown_variables(text: &str) -> Vec<&str> {
    let named = words(text, "LASTSEAT_", |c| c.is_ascii_uppercase() || c == '_');
    assert!(named.len() > 5, "{named:?}");
    // The beginning of a name that a template completes, and the token of a verb that needs no server here.
    let is_known = |name: &str| {
        ["LASTSEAT_", "LASTSEAT_TOP_TOKEN"].contains(&name) || SETTINGS.iter().any(|setting| setting.variable() == name)
    };
    named.into_iter().filter(|name| !is_known(name)).collect()
}

#[test]
fn every_variable_is_a_setting() {
    let everything = everything();
    assert_eq!(unknown_variables(&everything), Vec::<&str>::new());
    for (from, to) in [("LASTSEAT_TOKEN_KEY", "LASTSEAT_TOKEN_KEYS"), ("LASTSEAT_LISTEN", "LASTSEAT_LISTENER")] {
        assert_eq!(unknown_variables(&everything.replace(from, to)), [to]);
    }
}

/// What is wrong with the settings that the chart's schema allows.
fn schema_faults(schema: &str, values: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let values: Value = serde_saphyr::from_str(values).unwrap();
    let allowed = schema["properties"]["settings"]["propertyNames"]["enum"].as_array().unwrap();
    let allowed: BTreeSet<_> = allowed.iter().map(|name| name.as_str().unwrap()).collect();
    // The chart's own are in its templates. Passwords belong into a Secret; the publishable key is on every page.
    let is_free = |key: &str, is_secret: bool| {
        !["listen", "data", "token_key", "ticket_key"].contains(&key) && (!is_secret || key == "stripe_publishable_key")
    };
    let expected = SETTINGS.iter().filter(|setting| is_free(setting.key, setting.is_secret)).map(|setting| setting.key).collect();
    let mut faults: Vec<_> = allowed.symmetric_difference(&expected).map(|name| format!("schema: {name}")).collect();
    let set = values["settings"].as_object().unwrap().keys();
    faults.extend(set.filter(|name| !allowed.contains(name.as_str())).map(|name| format!("values: {name}")));
    faults
}

#[test]
fn the_chart_takes_every_setting_that_is_no_secret() {
    assert_eq!(schema_faults(SCHEMA, VALUES), Vec::<String>::new());
    for (from, to, found) in [
        ("\"public_url\"", "\"public_uri\"", &["schema: public_uri", "schema: public_url"][..]),
        ("\"max_in_flight\",", "", &["schema: max_in_flight"]),
        ("\"guests\"", "\"guests\", \"redis\"", &["schema: redis"]),
    ] {
        assert_eq!(schema_faults(&SCHEMA.replace(from, to), VALUES), found);
    }
    assert_eq!(schema_faults(SCHEMA, &VALUES.replace("  log_format:", "  log_form:")), ["values: log_form"]);
}

/// What the program says of the unit's command line and variables.
fn unit_faults(unit: &str) -> Vec<String> {
    let line = |name: &str| unit.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let mut faults = Vec::new();
    if let Err(error) = Cli::try_parse_from(line("ExecStart=/usr/local/bin/").split(' ')) {
        faults.push(error.to_string());
    }
    let dir = tempfile::tempdir().unwrap();
    let variables = line("Environment=").split(' ').map(|pair| pair.split_once('=').unwrap());
    let output = command(&["config", "show"], &dir.path().join("data")).envs(variables).output().unwrap();
    if !output.status.success() {
        faults.push(String::from_utf8(output.stderr).unwrap());
    }
    faults
}

#[test]
fn the_unit_starts_the_program_with_settings_that_it_takes() {
    assert_eq!(unit_faults(UNIT), Vec::<String>::new());
    for (from, to) in
        [("lastseat serve", "lastseat serve --sell"), ("127.0.0.1:8080", "localhost"), ("DEMO=false", "DEMO=perhaps")]
    {
        let broken = UNIT.replace(from, to);
        assert_ne!(broken, UNIT, "{from} is not in the unit");
        assert_eq!(unit_faults(&broken).len(), 1, "{from} → {to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_checks_ask_for_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data")).await;
    let everything = everything();
    let paths = words(&everything, "/health/", |c| c.is_ascii_alphanumeric() || c == '/');
    // The beginning of all of them, where a proxy keeps them from the outside.
    for path in paths.into_iter().filter(|path| *path != "/health/").chain(["/metrics"]) {
        assert_eq!(server.client.get(path).send().await.status, 200, "{path}");
    }
}

/// What does not fit between the monitoring's services and its files.
fn monitoring_faults(compose: &str, prometheus: &str, grafana: &str) -> Vec<String> {
    let [compose, prometheus, grafana] =
        [compose, prometheus, grafana].map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
    let services = compose["services"].as_object().unwrap();
    let nodes = services.iter().filter(|(_, service)| service["environment"].get("LASTSEAT_TOKEN_KEY").is_some());
    let nodes: Vec<Value> = nodes.map(|(name, _)| format!("{name}:8080").into()).collect();
    let mut faults = Vec::new();
    let job = &prometheus["scrape_configs"][0];
    if job["static_configs"][0]["targets"] != Value::Array(nodes) || job["job_name"] != "lastseat" {
        faults.push(format!("Prometheus reads something else than the nodes: {job}"));
    }
    let mounts = |service: &str, at: &str| {
        let volumes = services[service]["volumes"].as_array().unwrap().iter();
        volumes.filter_map(|volume| volume.as_str()?.split_once(':')).any(|(_, inside)| inside.split(':').next() == Some(at))
    };
    let folder = grafana["providers"][0]["options"]["path"].as_str().unwrap();
    let rules = format!("/etc/prometheus/{}", prometheus["rule_files"][0].as_str().unwrap().trim_end_matches("/*.yml"));
    for (service, at) in [("grafana", folder), ("grafana", "/etc/grafana/provisioning"), ("prometheus", &rules)] {
        if !mounts(service, at) {
            faults.push(format!("{service} has nothing at {at}"));
        }
    }
    for service in ["prometheus", "grafana"] {
        let service = &services[service];
        let is_pinned = service["image"].as_str().unwrap().split_once(':').is_some_and(|(_, version)| version.contains('.'));
        let is_inside = service["ports"][0].as_str().unwrap().starts_with("127.0.0.1:");
        if !is_pinned || !is_inside || service["profiles"][0] != "observability" {
            faults.push(format!("not pinned, open, or not in the profile: {service}"));
        }
    }
    faults
}

#[test]
fn the_monitoring_in_compose_reads_the_nodes_and_has_its_files() {
    assert_eq!(monitoring_faults(COMPOSE, PROMETHEUS, GRAFANA), Vec::<String>::new());
    for (from, to) in [
        ("node-1:8080, node-2:8080]", "node-1:8080]"),
        ("job_name: lastseat", "job_name: other"),
        ("path: /etc/grafana/dashboards", "path: /var/lib/grafana"),
        ("/etc/prometheus/rules:ro", "/etc/rules:ro"),
        ("prom/prometheus:v2.55.1", "prom/prometheus:latest"),
        ("\"127.0.0.1:3000:3000\"", "\"3000:3000\""),
    ] {
        let [compose, prometheus, grafana] = [COMPOSE, PROMETHEUS, GRAFANA].map(|text| text.replace(from, to));
        assert_eq!(monitoring_faults(&compose, &prometheus, &grafana).len(), 1, "{from} → {to}");
    }
}

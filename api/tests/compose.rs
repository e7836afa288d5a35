//! `compose.yaml` and `Dockerfile` against the program: there is no engine here to run them, but names,
//! values, ports and addresses can be held against each other. Each check is broken on purpose, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use clap::Parser;
use lastseat::cli::Cli;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const COMPOSE: &str = include_str!("../../compose.yaml");
const CLUSTER: &str = include_str!("../../docs/CLUSTER.md");
const DOCKERFILE: &str = include_str!("../../Dockerfile");

/// Options of EventStoreDB 23.10 (`eventstored --what-if` lists them). It does not start with one that it does not know.
const EVENTSTORE_OPTIONS: &str = "\
    ALLOW_ANONYMOUS_ENDPOINT_ACCESS ALLOW_ANONYMOUS_STREAM_ACCESS CONFIG DISABLE_HTTP_CACHING INSECURE \
    LOG_FAILED_AUTHENTICATION_ATTEMPTS LOG_HTTP_REQUESTS MAX_APPEND_SIZE SKIP_INDEX_SCAN_ON_READS STATS_PERIOD_SEC WORKER_THREADS \
    CERTIFICATE_FILE CERTIFICATE_PRIVATE_KEY_FILE CERTIFICATE_RESERVED_NODE_COMMON_NAME TRUSTED_ROOT_CERTIFICATES_PATH \
    CLUSTER_DNS CLUSTER_GOSSIP_PORT CLUSTER_SIZE DEAD_MEMBER_REMOVAL_PERIOD_SEC DISCOVER_VIA_DNS GOSSIP_ALLOWED_DIFFERENCE_MS \
    GOSSIP_INTERVAL_MS GOSSIP_SEED GOSSIP_TIMEOUT_MS LEADER_ELECTION_TIMEOUT_MS NODE_PRIORITY READ_ONLY_REPLICA \
    STREAM_INFO_CACHE_CAPACITY CACHED_CHUNKS CHUNKS_CACHE_SIZE COMMIT_TIMEOUT_MS DB DISABLE_SCAVENGE_MERGING \
    HASH_COLLISION_READ_LIMIT INDEX INDEX_CACHE_DEPTH INDEX_CACHE_SIZE INITIALIZATION_THREADS MAX_AUTO_MERGE_INDEX_LEVEL \
    MAX_MEM_TABLE_SIZE MAX_TRUNCATION MEM_DB MIN_FLUSH_DELAY_MS PREPARE_TIMEOUT_MS READER_THREADS_COUNT \
    REDUCE_FILE_CACHE_PRESSURE SCAVENGE_HISTORY_MAX_AGE SKIP_DB_VERIFY SKIP_INDEX_VERIFY STREAM_EXISTENCE_FILTER_SIZE \
    UNSAFE_DISABLE_FLUSH_TO_DISK USE_INDEX_BLOOM_FILTERS WRITE_THROUGH WRITE_TIMEOUT_MS KEEP_ALIVE_INTERVAL KEEP_ALIVE_TIMEOUT \
    DISABLE_ADMIN_UI NODE_IP NODE_PORT REPLICATION_IP REPLICATION_PORT NODE_HOST_ADVERTISE_AS ADVERTISE_HOST_TO_CLIENT_AS \
    REPLICATION_HEARTBEAT_INTERVAL REPLICATION_HEARTBEAT_TIMEOUT LOG LOG_LEVEL RUN_PROJECTIONS START_STANDARD_PROJECTIONS";

/// Variables that the image sets, and a service on top of them.
fn environment(service: &Value) -> BTreeMap<String, String> {
    let line = DOCKERFILE.lines().find_map(|line| line.strip_prefix("ENV ")).expect("the image sets something");
    let image =
        line.split(' ').map(|pair| pair.split_once('=').unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let own = service["environment"].as_object().into_iter().flatten();
    image.chain(own.map(|(name, value)| (name.clone(), value.as_str().unwrap_or("").to_owned()))).collect()
}

/// What the program makes of variables: value and source of every setting, or its complaint.
fn settings(environment: &BTreeMap<String, String>) -> Result<Vec<Value>, String> {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastseat"));
    let output =
        command.args(["config", "show", "--json"]).env_clear().envs(environment).current_dir(dir.path()).output().unwrap();
    let said = String::from_utf8(if output.status.success() { output.stdout } else { output.stderr }).unwrap();
    if output.status.success() { Ok(serde_json::from_str(&said).unwrap()) } else { Err(said) }
}

/// The host and port of an address with a scheme.
fn place(url: &str) -> (String, String) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    (host.to_owned(), port.to_owned())
}

/// The words of a list.
fn words(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Everything that does not fit.
fn faults(compose: &str) -> Vec<String> {
    match serde_saphyr::from_str::<Value>(compose) {
        Ok(all) => {
            [names(&all), what_we_are_told(&all), who_is_asked_where(&all), event_store(&all["services"]["eventstore"])].concat()
        }
        Err(error) => vec![format!("it is no YAML: {error}")],
    }
}

/// Services and volumes that others name.
fn names(all: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, service) in all["services"].as_object().unwrap() {
        let mut needed = words(&service["depends_on"]);
        needed.extend(service["depends_on"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
        needed.retain(|needed| all["services"].get(*needed).is_none());
        faults.extend(needed.iter().map(|needed| format!("{name} depends on {needed}, which is not there")));
        let volumes = words(&service["volumes"]).into_iter().filter_map(|volume| volume.split(':').next());
        let (files, volumes): (Vec<_>, Vec<_>) = volumes.partition(|volume| volume.starts_with("./"));
        let missing = files.into_iter().filter(|file| !Path::new("..").join(file).exists());
        faults.extend(missing.map(|file| format!("{name} mounts {file}, which is not there")));
        let unknown = volumes.into_iter().filter(|volume| all["volumes"].get(volume).is_none());
        faults.extend(unknown.map(|volume| format!("{name} has an unknown volume {volume}")));
    }
    faults
}

/// Variables and command lines of the services that are lastseat itself.
fn what_we_are_told(all: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let services = all["services"].as_object().unwrap().iter();
    for (name, service) in services.filter(|(_, s)| s["image"] == "lastseat" && s["entrypoint"].is_null()) {
        let environment = environment(service);
        match settings(&environment) {
            Ok(settings) => {
                let read: Vec<_> = settings.iter().filter_map(|s| s["source"].as_str()?.strip_prefix("environment ")).collect();
                let unread = environment.keys().filter(|variable| !read.contains(&variable.as_str()));
                faults.extend(unread.map(|variable| format!("{name}: {variable} is no setting")));
            }
            Err(why) => faults.push(format!("{name}: {why}")),
        }
        if let Err(error) = Cli::try_parse_from(std::iter::once("lastseat").chain(words(&service["command"]))) {
            faults.push(format!("{name}: {error}"));
        }
    }
    faults
}

/// Hosts and ports: each service calls where the other one listens.
fn who_is_asked_where(all: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let services = all["services"].as_object().unwrap();
    let payments = words(&services["payments"]["command"]).last().map_or_else(String::new, |at| place(at).1);
    let caddyfile = all["configs"]["caddyfile"]["content"].as_str().unwrap();
    let upstreams = caddyfile.lines().find_map(|line| line.trim().strip_prefix("reverse_proxy ")).unwrap();
    let upstreams: Vec<_> = upstreams.split(' ').filter(|word| *word != "{").map(place).collect();
    let balancer = &services["load-balancer"];
    let nodes: Vec<_> = services.iter().filter(|(_, s)| s["environment"].get("LASTSEAT_TOKEN_KEY").is_some()).collect();
    for (node, service) in &nodes {
        let environment = environment(service);
        let setting_value =
            |setting: &str| environment.get(&format!("LASTSEAT_{setting}")).map(String::as_str).unwrap_or_default();
        for (setting, host, port) in
            [("EVENTSTORE", "eventstore", "2113"), ("REDIS", "redis", "6379"), ("STRIPE_URL", "payments", &payments)]
        {
            let asked = place(setting_value(setting));
            if asked != (host.to_owned(), port.to_owned()) {
                faults.push(format!("{node} looks for {host} at {asked:?}"));
            }
        }
        let listen = place(setting_value("LISTEN")).1;
        if !upstreams.contains(&((*node).clone(), listen.clone())) {
            faults.push(format!("the load balancer does not send to {node}:{listen}"));
        }
        if words(&service["healthcheck"]["test"]).last().map(|url| place(url).1) != Some(listen) {
            faults.push(format!("{node} is checked at another port than it listens on"));
        }
        if balancer["networks"]["front"]["ipv4_address"] != setting_value("TRUSTED_PROXIES") {
            faults.push(format!("{node} trusts another proxy than the load balancer"));
        }
    }
    if nodes.len() < 2 || upstreams.len() != nodes.len() {
        faults.push(format!("{} nodes, {} of them behind the load balancer", nodes.len(), upstreams.len()));
    }
    faults.extend(bank_page(&services["payments"]));
    let published = words(&balancer["ports"]).first().and_then(|ports| ports.rsplit(':').next()).unwrap();
    if !caddyfile.lines().any(|line| line == format!(":{published} {{")) {
        faults.push(format!("the load balancer publishes {published} and listens elsewhere"));
    }
    faults
}

/// Buyers' browsers reach the bank's page where the sandbox says that it is.
fn bank_page(payments: &Value) -> Option<String> {
    let command = words(&payments["command"]);
    let (listen, named) =
        (place(command.last()?).1, place(command[command.iter().position(|word| *word == "--public-url")? + 1]));
    let published = format!("{}:{}:{listen}", named.0, named.1);
    let ports = words(&payments["ports"]);
    (ports != [published.as_str()]).then(|| format!("the bank's page is at {named:?}, but published are {ports:?}"))
}

/// Variables of the event store that it does not know.
fn unknown_options<'a>(variables: impl Iterator<Item = &'a str>) -> Vec<String> {
    let known = |name: &str| EVENTSTORE_OPTIONS.split_whitespace().any(|option| option == name);
    let unknown = variables.filter(|variable| !variable.strip_prefix("EVENTSTORE_").is_some_and(known));
    unknown.map(|variable| format!("{variable} is no option of EventStoreDB")).collect()
}

/// The event store's version, and its options.
fn event_store(service: &Value) -> Vec<String> {
    let mut faults = unknown_options(service["environment"].as_object().unwrap().keys().map(String::as_str));
    let image = service["image"].as_str().unwrap();
    if !image.starts_with("eventstore/eventstore:23.10.") {
        faults.push(format!("{image} is another version than the one whose options are known here"));
    }
    faults
}

#[test]
fn the_guide_names_options_that_the_event_store_has() {
    let words = CLUSTER.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
    let named: Vec<_> = words.filter(|word| word.starts_with("EVENTSTORE_")).collect();
    assert!(named.len() > 10, "{named:?}");
    assert_eq!(unknown_options(named.into_iter()), Vec::<String>::new());
}

#[test]
fn everything_fits() {
    assert_eq!(faults(COMPOSE), Vec::<String>::new());
}

#[test]
fn what_does_not_fit_is_found() {
    for (from, to, found) in [
        ("LASTSEAT_REDIS:", "LASTSEAT_REDDIS:", "LASTSEAT_REDDIS is no setting"),
        ("esdb://eventstore", "tcp://eventstore", "eventstore is"),
        ("redis://redis:6379", "redis://redis:6380", "looks for redis"),
        ("http://payments:12111", "http://payments:12112", "looks for payments"),
        ("0.0.0.0:12111", "0.0.0.0:12112", "looks for payments"),
        ("sk_test_compose", "pk_test_compose", "stripe_key is"),
        ("\"127.0.0.1:12111:12111\"", "\"127.0.0.1:12112:12111\"", "the bank's page is at"),
        ("[sandbox, --listen-anywhere,", "[sandbox, --sandbags,", "--sandbags"),
        ("node-1:8080 node-2:8080", "node-1:8080 node-2:8081", "does not send to node-2:8080"),
        ("node-1:8080 node-2:8080", "node-1:8080", "2 nodes, 1 of them"),
        ("127.0.0.1:8080/health/ready", "127.0.0.1:8081/health/ready", "checked at another port"),
        ("TRUSTED_PROXIES: 172.30.84.10", "TRUSTED_PROXIES: 172.30.84.11", "trusts another proxy"),
        ("TRUSTED_PROXIES: 172.30.84.10", "TRUSTED_PROXIES: 0.0.0.0/0", "trusted_proxies is"),
        ("\"127.0.0.1:8080:8080\"", "\"127.0.0.1:8080:80\"", "publishes 80"),
        ("    redis: { condition", "    reddis: { condition", "depends on reddis"),
        ("keys:/keys:ro", "key:/keys:ro", "unknown volume key"),
        ("./deploy/prometheus/rules:", "./deploy/prometheus/rule:", "mounts ./deploy/prometheus/rule,"),
        ("EVENTSTORE_STREAM_INFO_CACHE_CAPACITY", "EVENTSTORE_STREAM_INFO_CACHE_SIZE", "is no option of EventStoreDB"),
        ("eventstore:23.10", "eventstore:25.0", "another version"),
        ("services:\n", "services\n", "no YAML"),
    ] {
        let broken = COMPOSE.replace(from, to);
        assert_ne!(broken, COMPOSE, "{from} is not in the file");
        let faults = faults(&broken);
        assert!(faults.iter().any(|fault| fault.contains(found)), "{from} → {to}: {faults:?}");
    }
}

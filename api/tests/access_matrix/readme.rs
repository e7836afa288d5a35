//! The table "HTTP in short" of README.md says for whom each operation is, as the table of routes does.

use serde_json::Value;
use std::collections::BTreeMap;

const README: &str = include_str!("../../../README.md");

/// What the README leaves to docs/API.md.
const LEFT_OUT: [&str; 6] = ["/v1/accounts/", "/v1/sessions/", "/v1/sandbox/", "/v1/webhooks/", "/v1/challenges", "/problems/"];

/// An operation: its method and path.
type Operation = (String, String);

/// For whom the roles are, in the words of the table: who may do what staff may, is not named.
fn words(roles: &[&str]) -> String {
    let lowest = ["staff", "manager"].into_iter().find(|role| roles.contains(role));
    let auditor = roles.contains(&"auditor").then_some("auditor");
    let names: Vec<_> = lowest.into_iter().chain(auditor).collect();
    if names.is_empty() { "admin".to_owned() } else { names.join(", ") }
}

fn names(list: &Value) -> Option<Vec<&str>> {
    Some(list.as_array()?.iter().filter_map(Value::as_str).collect())
}

/// For whom an operation of the document is.
fn who(operation: &Value) -> String {
    let requirements = operation["security"].as_array().map_or(&[][..], Vec::as_slice);
    if requirements.is_empty() || requirements.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty)) {
        return "everybody".to_owned();
    }
    let Some(roles) = requirements.iter().find_map(|one| names(&one["token"])).filter(|roles| !roles.is_empty()) else {
        return "account".to_owned();
    };
    match (roles.contains(&"buyer"), names(&operation["x-roles-for-others"])) {
        (true, Some(others)) => format!("buyer, {}", words(&others)),
        (true, None) => "buyer".to_owned(),
        (false, _) => words(&roles),
    }
}

fn routes() -> BTreeMap<Operation, String> {
    let document = serde_json::to_value(lastseat::routes::document()).unwrap();
    let mut routes = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(operation) = item.get(method) {
                routes.insert((method.to_uppercase(), path.clone()), who(operation));
            }
        }
    }
    routes
}

/// The operations of the table. A path that begins with `…` goes on after the first of its row, and a request without a
/// method has that of the request before.
fn listed(readme: &str) -> Vec<(Operation, String)> {
    let table = readme.split("## HTTP in short").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut listed = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let (mut methods, mut first) = (Vec::new(), String::new());
        for request in cells[1].split('`').skip(1).step_by(2) {
            let (before, path) = request.rsplit_once(' ').unwrap_or(("", request));
            if !before.is_empty() {
                methods = before.split(' ').collect();
            }
            let path = path.strip_prefix('…').map_or_else(|| path.to_owned(), |rest| format!("{first}{rest}"));
            if first.is_empty() {
                first.clone_from(&path);
            }
            listed.extend(methods.iter().map(|method| (((*method).to_owned(), path.clone()), cells[2].to_owned())));
        }
    }
    listed
}

/// What the table says wrongly, and what it lacks.
fn faults(readme: &str) -> Vec<String> {
    let (routes, listed) = (routes(), listed(readme));
    let mut faults = Vec::new();
    for ((method, path), said) in &listed {
        match routes.get(&(method.clone(), path.clone())) {
            None => faults.push(format!("{method} {path} is not there")),
            Some(who) if who != said => faults.push(format!("{method} {path} is for {who}, not {said}")),
            Some(_) => {}
        }
    }
    let missing = routes.keys().filter(|route| !listed.iter().any(|(listed, _)| listed == *route));
    let missing = missing.filter(|(_, path)| !LEFT_OUT.iter().any(|left_out| path.starts_with(left_out)));
    faults.extend(missing.map(|(method, path)| format!("{method} {path} is missing")));
    faults
}

#[test]
fn the_readme_says_for_whom_each_operation_is() {
    assert_eq!(faults(README), Vec::<String>::new());
    for (from, to, found) in [
        ("| `GET /v1/plans` · `…/{plan}` | staff, auditor |", "| `GET /v1/plans` · `…/{plan}` | manager |", 2),
        ("`GET /v1/audit/events`", "`GET /v1/audit/history`", 2),
        ("| `POST /v1/plans` |", "| `PATCH /v1/plans` |", 2),
    ] {
        let broken = README.replace(from, to);
        assert_ne!(broken, README, "{from} is not in the README");
        assert_eq!(faults(&broken).len(), found, "{from} → {to}: {:?}", faults(&broken));
    }
}

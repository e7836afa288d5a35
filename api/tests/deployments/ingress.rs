//! The chart's Ingress routes what the router answers, and keeps what is for operators inside. Kubernetes' own rules: `Exact`
//! is the path as it is, `Prefix` goes by its parts.

use std::collections::BTreeSet;
use std::path::Path;

const INGRESS: &str = include_str!("../../../deploy/helm/lastseat/templates/ingress.yaml");

/// For operators, from inside.
const INSIDE: [&str; 3] = ["/metrics", "/health/live", "/health/ready"];

/// The paths that the template lists, for one type.
fn listed<'a>(template: &'a str, path_type: &str) -> Vec<&'a str> {
    let mut lists = template.split("{{- range list ").skip(1);
    let list = lists.find(|list| list.contains(&format!("pathType: {path_type}"))).unwrap_or_default();
    list.split("}}").next().unwrap().split('"').skip(1).step_by(2).collect()
}

/// Whether the Ingress sends a path to the server.
fn is_routed(template: &str, path: &str) -> bool {
    let is_below = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    listed(template, "Exact").contains(&path) || listed(template, "Prefix").into_iter().any(is_below)
}

/// Every path of the router: the operations of its document, and the pages, which are in no document.
fn router() -> BTreeSet<String> {
    let mut paths: BTreeSet<String> = lastseat::routes::document().paths.paths.into_keys().collect();
    let routes = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routes");
    for file in ["web.rs", "docs.rs"] {
        let source = std::fs::read_to_string(routes.join(file)).unwrap();
        let named = source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        let before = paths.len();
        paths.extend(named);
        assert!(paths.len() > before, "{file} has no route");
    }
    paths
}

/// What the template routes wrongly.
fn faults(template: &str) -> Vec<String> {
    let router = router();
    let mut faults = Vec::new();
    for path in &router {
        match (is_routed(template, path), INSIDE.contains(&path.as_str())) {
            (false, false) => faults.push(format!("{path} leads nowhere")),
            (true, true) => faults.push(format!("{path} can be reached from outside")),
            _ => {}
        }
    }
    for path in [listed(template, "Exact"), listed(template, "Prefix")].concat() {
        let is_known = router.iter().any(|known| known == path || known.starts_with(&format!("{path}/")));
        faults.extend((!is_known).then(|| format!("{path} is not there")));
    }
    faults
}

#[test]
fn the_ingress_routes_every_page_and_operation_that_is_not_for_operators() {
    assert!(INSIDE.iter().all(|path| router().contains(*path)), "operators' paths have other names");
    assert_eq!(faults(INGRESS), Vec::<String>::new());
    for (from, to, found) in [
        (" \"/wallet\"", "", "/wallet leads nowhere"),
        (" \"/embed.js\"", "", "/embed.js leads nowhere"),
        (" \"/assets\"", "", "/assets/{*path} leads nowhere"),
        (" \"/docs\"", " \"/docs\" \"/health\"", "/health/ready can be reached from outside"),
        (" \"/audit\"", " \"/audit\" \"/metrics\"", "/metrics can be reached from outside"),
        (" \"/office\"", " \"/office\" \"/offices\"", "/offices is not there"),
    ] {
        let broken = INGRESS.replace(from, to);
        assert_ne!(broken, INGRESS, "{from} is not in the template");
        assert!(faults(&broken).iter().any(|fault| fault == found), "{from} → {to}: {:?}", faults(&broken));
    }
}

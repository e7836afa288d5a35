//! Dependencies between crates point one way: everything knows `domain`, `domain` knows nobody, and
//! only the wiring in `api` knows an adapter.

use crate::workspace::{Package, packages};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const DOMAIN: &str = "lastseat-domain";
const TESTKIT: &str = "lastseat-testkit";
const REDIS_TESTKIT: &str = "lastseat-redis-testkit";
const BENCHES: &str = "lastseat-benches";
const PROGRAM: &str = "lastseat";

/// What is wrong with the dependencies of these crates.
fn forbidden(packages: &BTreeMap<String, Package>) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in packages.values() {
        for dependency in &package.depends_on {
            let allowed = match package.name.as_str() {
                BENCHES => true,
                PROGRAM => ![TESTKIT, REDIS_TESTKIT, BENCHES].contains(&dependency.as_str()),
                REDIS_TESTKIT => dependency == TESTKIT,
                DOMAIN => false,
                _ => dependency == DOMAIN,
            };
            if !allowed {
                wrong.push(format!("{} depends on {dependency}", package.name));
            }
        }
    }
    wrong
}

/// Names of the adapters' crates, as Rust spells them.
fn adapters(packages: &BTreeMap<String, Package>) -> BTreeSet<String> {
    let adapters = packages.values().filter(|package| package.folder.starts_with("adapters/"));
    adapters.map(|package| package.name.replace('-', "_")).collect()
}

/// Files below `folder` that name one of `crates`, apart from the wiring.
fn files_that_name(crates: &BTreeSet<String>, folder: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in rust_files(folder) {
        let in_wiring = file.components().any(|part| matches!(part.as_os_str().to_str(), Some("wiring" | "wiring.rs")));
        let source = fs::read_to_string(&file).expect("readable");
        // Unit tests may start what they like.
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        let named = crates.iter().filter(|name| source.contains(&format!("{name}::")));
        if !in_wiring {
            wrong.extend(named.map(|name| format!("{} names {name}", file.display())));
        }
    }
    wrong
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn dependencies_between_crates_point_one_way() {
    let packages = packages();
    assert!(packages.len() > 10, "the workspace was not read");
    let wrong = forbidden(&packages);
    assert!(wrong.is_empty(), "{wrong:#?}\nsee the layout in docs/ARCHITECTURE.md");
}

#[test]
fn only_the_wiring_names_an_adapter() {
    let adapters = adapters(&packages());
    assert!(adapters.contains("lastseat_redis"), "the adapters were not found");
    let wrong = files_that_name(&adapters, Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    assert!(wrong.is_empty(), "{wrong:#?}\ntake what you need through a port, and choose the adapter in api/src/wiring");
}

#[test]
fn a_planted_dependency_is_found() {
    let mut packages = packages();
    packages.get_mut("lastseat-engine").unwrap().depends_on.push("lastseat-redis".to_owned());
    packages.get_mut(DOMAIN).unwrap().depends_on.push(TESTKIT.to_owned());
    assert_eq!(
        forbidden(&packages),
        ["lastseat-domain depends on lastseat-testkit", "lastseat-engine depends on lastseat-redis"]
    );
}

/// Cargo runs tests in the order of the crates' names, and `skipped_tests` has to be the last: it prints
/// which tests were skipped.
#[test]
fn the_last_crate_by_name_reports_skipped_tests() {
    assert_eq!(packages().keys().next_back().map(String::as_str), Some(TESTKIT));
}

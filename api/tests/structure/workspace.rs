//! The workspace as Cargo describes it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// One crate of the workspace.
pub struct Package {
    pub name: String,
    /// Its folder, relative to the workspace.
    pub folder: String,
    /// Names of the workspace's crates that it depends on, apart from those for tests.
    pub depends_on: Vec<String>,
    /// Root files of its library and programs.
    pub roots: Vec<PathBuf>,
}

/// All crates of the workspace, by name.
pub fn packages() -> BTreeMap<String, Package> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path", manifest])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let root = PathBuf::from(text(&metadata["workspace_root"]));
    let packages: Vec<_> = list(&metadata["packages"]).iter().collect();
    let names: Vec<_> = packages.iter().map(|package| text(&package["name"])).collect();
    packages.iter().map(|package| read(package, &names, &root)).map(|package| (package.name.clone(), package)).collect()
}

fn read(package: &Value, names: &[String], root: &PathBuf) -> Package {
    let depends_on = list(&package["dependencies"])
        .iter()
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        // Optional ones belong to a feature for tests.
        .filter(|dependency| dependency["optional"].as_bool() != Some(true))
        .map(|dependency| text(&dependency["name"]))
        .filter(|name| names.contains(name))
        .collect();
    let roots = list(&package["targets"])
        .iter()
        .filter(|target| list(&target["kind"]).iter().any(|kind| matches!(kind.as_str(), Some("lib" | "bin"))))
        .map(|target| PathBuf::from(text(&target["src_path"])))
        .collect();
    let manifest = PathBuf::from(text(&package["manifest_path"]));
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok()).expect("inside the workspace");
    Package { name: text(&package["name"]), folder: folder.display().to_string(), depends_on, roots }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

//! The committed code of the messages is what their definitions lead to.

use std::collections::BTreeMap;
use std::path::Path;

const FILES: [&str; 5] = ["shared.proto", "status.proto", "streams.proto", "server_features.proto", "gossip.proto"];

/// Set to write the code instead of comparing it.
const WRITE: &str = "LASTSEAT_WRITE_CODE";

/// Each file of a directory, by name.
fn contents(directory: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    files.map(|f| (f.file_name().into_string().unwrap(), std::fs::read_to_string(f.path()).unwrap())).collect()
}

#[test]
fn the_code_follows_from_the_definitions() {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let definitions = protox::compile(FILES, [crate_root.join("proto")]).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    // The client half is for tests, which look at single messages.
    tonic_build::configure().bytes(["."]).out_dir(fresh.path()).include_file("wire.rs").compile_fds(definitions).unwrap();
    let (mut fresh, committed) = (contents(fresh.path()), crate_root.join("generated"));
    // It would look for its parts in the folder of a build script.
    let tree = fresh.remove("wire.rs").unwrap();
    fresh.insert("wire.rs".to_owned(), tree.replace("concat!(env!(\"OUT_DIR\"), \"/", "\"").replace("\"))", "\")"));
    if std::env::var_os(WRITE).is_some() {
        for (name, code) in &fresh {
            std::fs::write(committed.join(name), code).unwrap();
        }
    }
    let committed = contents(&committed);
    assert!(committed.keys().eq(fresh.keys()), "run `{WRITE}=1 cargo test --test server generated_code`");
    for (name, code) in &fresh {
        assert_eq!(committed.get(name), Some(code), "{name} is old: run `{WRITE}=1 cargo test --test server generated_code`");
    }
}

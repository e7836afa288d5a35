//! No two files of a crate depend on each other, be it over others.

use crate::modules::read_crate;
use crate::references::{References, references};
use crate::workspace::packages;
use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The groups of files that depend on each other, with the names that tie them.
fn cycles(references: &References) -> Vec<String> {
    let graph: DiGraphMap<&Path, ()> = references.keys().map(|(from, to)| (from.as_path(), to.as_path(), ())).collect();
    let circles = tarjan_scc(&graph).into_iter().filter(|files| files.len() > 1);
    circles.map(|files| describe(&files, references)).collect()
}

fn describe(files: &[&Path], references: &References) -> String {
    let mut text = String::new();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let short = |file: &Path| file.strip_prefix(workspace).unwrap_or(file).display().to_string();
    for ((from, to), names) in references {
        if files.contains(&from.as_path()) && files.contains(&to.as_path()) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let _ = writeln!(text, "{} -> {}: {}", short(from), short(to), names.join(", "));
        }
    }
    text
}

#[test]
fn no_two_files_of_a_crate_depend_on_each_other() {
    let mut found = Vec::new();
    let mut seen = 0;
    for package in packages().values() {
        for root in &package.roots {
            let references = references(&read_crate(root, &|path| fs::read_to_string(path).ok()));
            seen += references.len();
            found.extend(cycles(&references));
        }
    }
    assert!(seen > 300, "only {seen} references were found: the sources were not read");
    assert!(found.is_empty(), "{} cycles; move what both need to where it belongs:\n\n{}", found.len(), found.join("\n"));
}

/// The cycles of a crate given as files.
fn cycles_of(files: &[(&str, &str)]) -> usize {
    let files: HashMap<PathBuf, &str> = files.iter().map(|(name, text)| (PathBuf::from(name), *text)).collect();
    let modules = read_crate(Path::new("src/lib.rs"), &|path| files.get(path).map(|text| (*text).to_owned()));
    cycles(&references(&modules)).len()
}

#[test]
fn a_planted_cycle_is_found() {
    let root = ("src/lib.rs", "mod a; mod b;");
    assert_eq!(cycles_of(&[root, ("src/a.rs", "pub struct A;"), ("src/b.rs", "use crate::a::A; pub struct B(A);")]), 0);

    let b = ("src/b.rs", "use crate::a::A; pub struct B(A);");
    assert_eq!(cycles_of(&[root, ("src/a.rs", "pub struct A(Box<crate::b::B>);"), b]), 1, "by a path");
    assert_eq!(cycles_of(&[root, ("src/a.rs", "use super::b; pub struct A(Box<b::B>);"), b]), 1, "by a module");
    assert_eq!(cycles_of(&[root, ("src/a.rs", "use crate::b::*; pub struct A(Box<B>);"), b]), 1, "by a glob");
    assert_eq!(cycles_of(&[root, ("src/a.rs", "pub struct A; fn f() { vec![crate::b::B(A)]; }"), b]), 1, "in a macro call");
    assert_eq!(
        cycles_of(&[("src/lib.rs", "mod a; mod b; pub use b::B;"), ("src/a.rs", "use crate::B; pub struct A(Box<B>);"), b]),
        1,
        "through a re-export"
    );
}

#[test]
fn a_cycle_of_parent_and_child_is_found() {
    let child = ("src/a/b.rs", "use super::A; pub struct B(A);");
    let root = ("src/lib.rs", "mod a;");
    assert_eq!(cycles_of(&[root, ("src/a.rs", "mod b; pub struct A(Box<b::B>);"), child]), 1);
    assert_eq!(cycles_of(&[root, ("src/a.rs", "mod b; pub use b::B; pub struct A;"), child]), 0, "a re-export is no use");
    assert_eq!(cycles_of(&[root, ("src/a.rs", "mod b; pub use b::B; pub struct A(Box<B>);"), child]), 1);
}

#[test]
fn tests_may_look_at_anything() {
    let root = ("src/lib.rs", "mod a; mod b;");
    let a = ("src/a.rs", "pub struct A; #[cfg(test)] mod tests { use crate::b::B; fn f(_: B) {} }");
    assert_eq!(cycles_of(&[root, a, ("src/b.rs", "use crate::a::A; pub struct B(A);")]), 0);
}

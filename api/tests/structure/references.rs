//! Which file takes which names from which other file of its crate.

use crate::modules::{Module, Modules, Segments};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use syn::visit::Visit;

/// (From, to) → the names that the first takes from the second.
pub type References = BTreeMap<(PathBuf, PathBuf), BTreeSet<String>>;

/// Finds all references between files. A re-export by itself is none, nor is a `mod` declaration.
pub fn references(modules: &Modules) -> References {
    let mut found = References::new();
    for (path, module) in modules {
        let mut paths = Paths::default();
        module.items.iter().for_each(|item| paths.visit_item(item));
        paths.found.extend(module.private_imports.iter().cloned());
        for segments in paths.found {
            if let Some((file, name)) = resolve(modules, path, &segments, 0)
                && *file != module.file
            {
                found.entry((module.file.clone(), file.clone())).or_default().insert(name);
            }
        }
    }
    found
}

/// Collects every path in the code, those inside macro calls included.
#[derive(Default)]
struct Paths {
    found: BTreeSet<Segments>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.found.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.collect(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.collect(list.tokens.clone());
        }
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        collect_use(&mut self.found, Vec::new(), &import.tree);
    }
}

impl Paths {
    /// Paths in tokens that are not parsed: names joined by `::`.
    fn collect(&mut self, tokens: TokenStream) {
        let (mut path, mut colons, mut after_dot) = (Segments::new(), 0, false);
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.take(&mut path, after_dot);
                        after_dot = false;
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.take(&mut path, after_dot);
                    (colons, after_dot) = (0, false);
                    self.collect(group.stream());
                }
                TokenTree::Punct(mark) => {
                    self.take(&mut path, after_dot);
                    (colons, after_dot) = (0, mark.as_char() == '.');
                }
                TokenTree::Literal(_) => {
                    self.take(&mut path, after_dot);
                    (colons, after_dot) = (0, false);
                }
            }
        }
        self.take(&mut path, after_dot);
    }

    /// A name after a dot is a field or a method.
    fn take(&mut self, path: &mut Segments, after_dot: bool) {
        let path = std::mem::take(path);
        if !path.is_empty() && !after_dot {
            self.found.insert(path);
        }
    }
}

/// Imports inside functions.
fn collect_use(found: &mut BTreeSet<Segments>, mut path: Segments, tree: &syn::UseTree) {
    match tree {
        syn::UseTree::Path(part) => {
            path.push(part.ident.to_string());
            collect_use(found, path, &part.tree);
        }
        syn::UseTree::Name(syn::UseName { ident }) | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
            path.push(ident.to_string());
            found.insert(path);
        }
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| collect_use(found, path.clone(), tree)),
        _ => {}
    }
}

/// How many re-exports a name may go through.
const MOST_HOPS: usize = 16;

/// The file that defines what a path means in a module, and its name there; `None` for what is not
/// of this crate, or not a name at all.
fn resolve<'m>(modules: &'m Modules, from: &Segments, path: &[String], hops: usize) -> Option<(&'m PathBuf, String)> {
    if hops > MOST_HOPS {
        return None;
    }
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => resolve_in(modules, &Vec::new(), rest, hops),
        "self" => resolve_in(modules, from, rest, hops),
        "super" => resolve_in(modules, &from[..from.len().checked_sub(1)?].to_vec(), rest, hops),
        _ => resolve_in(modules, from, path, hops),
    }
}

fn resolve_in<'m>(modules: &'m Modules, at: &Segments, path: &[String], hops: usize) -> Option<(&'m PathBuf, String)> {
    let module: &Module = modules.get(at)?;
    let (first, rest) = path.split_first()?;
    if first == "super" {
        return resolve_in(modules, &at[..at.len().checked_sub(1)?].to_vec(), rest, hops);
    }
    if module.children.contains(first) && modules.contains_key(&[at.clone(), vec![first.clone()]].concat()) {
        return resolve_in(modules, &[at.clone(), vec![first.clone()]].concat(), rest, hops);
    }
    if module.defined.contains(first) {
        return Some((&module.file, first.clone()));
    }
    if let Some(import) = module.imports.get(first) {
        return resolve(modules, at, &[import.as_slice(), rest].concat(), hops + 1);
    }
    module.globs.iter().find_map(|glob| resolve(modules, at, &[glob.as_slice(), path].concat(), hops + 1))
}

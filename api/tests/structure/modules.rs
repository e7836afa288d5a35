//! The modules of a crate as its source declares them: files, names, imports.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use syn::{Item, UseTree, Visibility};

/// Where a name comes from: segments of a path, as written.
pub type Segments = Vec<String>;

/// One module.
#[derive(Default)]
pub struct Module {
    pub file: PathBuf,
    /// Names defined here, macros left out.
    pub defined: Vec<String>,
    pub children: Vec<String>,
    /// Name → path that a `use` gives it.
    pub imports: HashMap<String, Segments>,
    /// Imports that are no re-exports: the module itself uses what they bring.
    pub private_imports: Vec<Segments>,
    /// `use path::*`.
    pub globs: Vec<Segments>,
    pub items: Vec<Item>,
}

/// The modules of a crate by path; the root is the empty path.
pub type Modules = BTreeMap<Segments, Module>;

/// Reads a crate from its root file. `read` gives the text of a file, or `None` if there is none.
pub fn read_crate(root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Modules {
    let mut modules = Modules::new();
    let folder = root.parent().expect("a file is in a folder").to_path_buf();
    let source = read(root).expect("the root file is there");
    let items = syn::parse_file(&source).unwrap_or_else(|error| panic!("{}: {error}", root.display())).items;
    add(&mut modules, Vec::new(), root.to_path_buf(), &folder, items, read);
    modules
}

fn add(
    modules: &mut Modules,
    path: Segments,
    file: PathBuf,
    folder: &Path,
    items: Vec<Item>,
    read: &dyn Fn(&Path) -> Option<String>,
) {
    let mut module = Module { file: file.clone(), ..Module::default() };
    for item in items {
        if is_for_tests(attributes(&item)) {
            continue;
        }
        match item {
            Item::Mod(declaration) => {
                let name = declaration.ident.to_string();
                let below = [path.clone(), vec![name.clone()]].concat();
                let folder = folder.join(&name);
                module.children.push(name);
                match declaration.content {
                    Some((_, items)) => add(modules, below, file.clone(), &folder, items, read),
                    None => {
                        let candidates = [folder.with_extension("rs"), folder.join("mod.rs")];
                        let (file, source) = candidates
                            .iter()
                            .find_map(|candidate| Some((candidate.clone(), read(candidate)?)))
                            .unwrap_or_else(|| panic!("no file for module {}", below.join("::")));
                        let items = syn::parse_file(&source).unwrap_or_else(|error| panic!("{}: {error}", file.display())).items;
                        add(modules, below, file, &folder, items, read);
                    }
                }
            }
            Item::Use(import) => {
                let private = matches!(import.vis, Visibility::Inherited);
                add_import(&mut module, Vec::new(), &import.tree, private);
            }
            other => {
                module.defined.extend(name_of(&other));
                module.items.push(other);
            }
        }
    }
    modules.insert(path, module);
}

fn add_import(module: &mut Module, mut path: Segments, tree: &UseTree, private: bool) {
    let mut bring = |path: Segments, name: String| {
        if private {
            module.private_imports.push(path.clone());
        }
        module.imports.insert(name, path);
    };
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            add_import(module, path, &part.tree, private);
        }
        UseTree::Name(name) if name.ident == "self" => {
            let last = path.last().cloned().unwrap_or_default();
            bring(path, last);
        }
        UseTree::Name(name) => {
            path.push(name.ident.to_string());
            bring(path, name.ident.to_string());
        }
        UseTree::Rename(rename) => {
            if rename.ident != "self" {
                path.push(rename.ident.to_string());
            }
            bring(path, rename.rename.to_string());
        }
        UseTree::Glob(_) => module.globs.push(path),
        UseTree::Group(group) => group.items.iter().for_each(|tree| add_import(module, path.clone(), tree, private)),
    }
}

fn name_of(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::TraitAlias(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether the attributes leave an item to builds of tests.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        list.path.is_ident("cfg") && list.tokens.to_string().split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
    })
}

//! Whose types stand in the public interface: those that `src/lib.rs` says, and no others. A change of any of those crates is a change
//! for whoever uses this one. What a type can be made from (`impl From`) is not looked at.

#![expect(clippy::wildcard_enum_match_arm, reason = "syntax has many kinds, of which few can be public")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Item, UseTree, Visibility};

/// The crates whose types are meant to be there, as `src/lib.rs` lists them.
fn listed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let (_, section) = text.split_once("//! # Types of other crates").unwrap();
    let section = section.split("//! # ").next().unwrap();
    let heads = section.lines().filter_map(|line| line.strip_prefix("//! - ")?.split_once("`:"));
    heads.flat_map(|(head, _)| head.split(", ")).map(|name| name.trim_matches('`').to_owned()).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The crates that the manifest names, as the code writes them.
fn dependencies() -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, table) = manifest.split_once("\n[dependencies]\n").unwrap();
    let table = table.split("\n[").next().unwrap();
    let names = table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.replace('-', "_")).collect()
}

/// What the public items of one file name, by the crate that it comes from.
struct Public<'a> {
    dependencies: &'a BTreeSet<String>,
    /// Which crate each name in this file comes from.
    imported: BTreeMap<String, String>,
    named: BTreeMap<String, BTreeSet<String>>,
}

impl Public<'_> {
    fn import(&mut self, tree: &UseTree, from: Option<&str>) {
        match tree {
            UseTree::Path(path) => {
                let name = path.ident.to_string();
                self.import(&path.tree, Some(from.unwrap_or(&name)));
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, from)),
            UseTree::Name(name) => self.know(&name.ident.to_string(), from),
            UseTree::Rename(rename) => self.know(&rename.rename.to_string(), from),
            UseTree::Glob(_) => {}
        }
    }

    fn know(&mut self, name: &str, from: Option<&str>) {
        if let Some(from) = from.filter(|from| self.dependencies.contains(*from)) {
            self.imported.insert(name.to_owned(), from.to_owned());
        }
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Fn(one) if is_public(&one.vis) => self.visit_signature(&one.sig),
                Item::Type(one) if is_public(&one.vis) => {
                    self.visit_generics(&one.generics);
                    self.visit_type(&one.ty);
                }
                Item::Const(one) if is_public(&one.vis) => self.visit_type(&one.ty),
                Item::Static(one) if is_public(&one.vis) => self.visit_type(&one.ty),
                Item::Struct(one) if is_public(&one.vis) => {
                    self.visit_generics(&one.generics);
                    one.fields
                        .iter()
                        .filter(|field| is_public(&field.vis))
                        .for_each(|field| self.visit_type(&field.ty));
                }
                Item::Enum(one) if is_public(&one.vis) => {
                    self.visit_generics(&one.generics);
                    let fields = one.variants.iter().flat_map(|variant| &variant.fields);
                    fields.for_each(|field| self.visit_type(&field.ty));
                }
                Item::Trait(one) if is_public(&one.vis) => {
                    for item in &one.items {
                        if let syn::TraitItem::Fn(method) = item {
                            self.visit_signature(&method.sig);
                        }
                    }
                }
                Item::Impl(one) if one.trait_.is_none() => {
                    for item in &one.items {
                        match item {
                            syn::ImplItem::Fn(method) if is_public(&method.vis) => {
                                self.visit_signature(&method.sig);
                            }
                            syn::ImplItem::Const(one) if is_public(&one.vis) => self.visit_type(&one.ty),
                            _ => {}
                        }
                    }
                }
                Item::Mod(one) if is_public(&one.vis) => {
                    one.content.iter().for_each(|(_, items)| self.items(items));
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Public<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let first = path.segments.first().unwrap().ident.to_string();
        let from = match path.segments.len() {
            1 => self.imported.get(&first),
            _ => self.imported.get(&first).or_else(|| self.dependencies.get(&first)),
        };
        if let Some(from) = from {
            let name: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.named.entry(from.clone()).or_default().insert(name.join("::"));
        }
        visit::visit_path(self, path);
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// That what is `pub` can be reached from outside is the compiler's to say: `unreachable_pub` is denied where the code is checked.
#[test]
fn the_public_interface_has_the_types_of_those_crates_that_it_says() {
    let dependencies = dependencies();
    assert!(dependencies.contains("sqlx") && dependencies.contains("tokio_util"), "{dependencies:?}");
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        // The commands are a program; nobody builds on them.
        if file.starts_with(root().join("src/cli")) || file.ends_with("src/main.rs") {
            continue;
        }
        let parsed = syn::parse_file(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let mut public =
            Public { dependencies: &dependencies, imported: BTreeMap::new(), named: BTreeMap::new() };
        for item in &parsed.items {
            if let Item::Use(one) = item {
                public.import(&one.tree, None);
            }
        }
        public.items(&parsed.items);
        for (from, names) in public.named {
            let file = file.strip_prefix(root()).unwrap().display().to_string();
            named.entry(from).or_default().extend(names.into_iter().map(|name| format!("{file}: {name}")));
        }
    }
    let (found, listed) = (named.keys().cloned().collect::<BTreeSet<_>>(), listed());
    let unlisted: BTreeMap<_, _> = named.iter().filter(|(from, _)| !listed.contains(*from)).collect();
    assert!(unlisted.is_empty(), "types of crates that `src/lib.rs` does not list: {unlisted:#?}");
    assert_eq!(found, listed, "`src/lib.rs` lists crates of which nothing is public");
}

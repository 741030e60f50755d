//! The modules of the domain import each other in one direction: a rule that is read never leads back
//! to itself. A module and the modules inside it are one thing, and may know each other.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// A module is named by its path, such as `order::state`; the crate itself is the empty name.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_module_imports_itself_by_way_of_others() {
    let imports = imports();
    assert!(imports.len() > 60, "only {} modules", imports.len());
    assert!(imports["order::events"].contains("order::state"));
    if let Some(circle) = circle(&imports) {
        panic!(
            "these modules import each other in a circle: {}",
            circle.join(" -> ")
        );
    }
}

#[test]
fn a_circle_is_found() {
    let named = |from: &str, to: &[&str]| {
        let to = to.iter().map(ToString::to_string).collect();
        (from.to_owned(), to)
    };
    let mut imports = Imports::from([
        named("case", &["text"]),
        named("order", &["case", "event"]),
        named("event", &["case", "text"]),
        named("text", &[]),
    ]);
    assert_eq!(circle(&imports), None);
    imports.get_mut("text").unwrap().insert("order".to_owned());
    let circle = circle(&imports).unwrap();
    assert_eq!(circle.first(), circle.last());
    assert!(circle.contains(&"order".to_owned()) && circle.contains(&"text".to_owned()));
}

#[test]
fn imports_are_resolved_to_the_deepest_module() {
    let modules = ["", "order", "order::state", "cases"].map(str::to_owned);
    let modules = BTreeSet::from(modules);
    let source = "
        use super::super::cases::{self, CaseKind};
        use crate::order::state::Order as Known;
        pub(super) fn text() -> crate::order::Refusal { super::refused() }
        #[cfg(test)]
        mod tests { use crate::nowhere; }
    ";
    let found = imports_of(source, &["order", "events"], &modules);
    let found: Vec<_> = found.iter().map(String::as_str).collect();
    // The module that it lies in is left out.
    assert_eq!(found, ["cases", "order::state"]);
}

fn imports() -> Imports {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let named: BTreeMap<String, PathBuf> = files
        .into_iter()
        .map(|file| (module_of(&root, &file), file))
        .filter(|(module, _)| !module.split("::").any(|part| part == "tests"))
        .collect();
    let modules: BTreeSet<String> = named.keys().cloned().collect();
    named
        .iter()
        .map(|(module, file)| {
            let parts: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
            let source = fs::read_to_string(file).unwrap();
            (module.clone(), imports_of(&source, &parts, &modules))
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

fn module_of(root: &Path, file: &Path) -> String {
    let file = file.strip_prefix(root).unwrap().with_extension("");
    let parts: Vec<_> = file.iter().map(|part| part.to_str().unwrap()).collect();
    match parts.as_slice() {
        ["lib"] => String::new(),
        parts => parts.join("::"),
    }
}

fn imports_of(source: &str, module: &[&str], modules: &BTreeSet<String>) -> BTreeSet<String> {
    let mut paths = Paths::default();
    paths.visit_file(&syn::parse_file(source).unwrap());
    let own = module.join("::");
    paths
        .found
        .iter()
        .filter_map(|path| resolve(path, module, modules))
        .filter(|name| !is_within(name, &own) && !is_within(&own, name))
        .collect()
}

fn is_within(inner: &str, outer: &str) -> bool {
    let rest = inner.strip_prefix(outer);
    outer.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The deepest module that a path names; `None` for a path into another crate.
fn resolve(path: &[String], module: &[&str], modules: &BTreeSet<String>) -> Option<String> {
    let mut from: Vec<&str> = Vec::new();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => rest = rest.get(1..)?,
        "self" | "super" => {
            from = module.to_vec();
            while let Some(step @ ("self" | "super")) = rest.first().map(String::as_str) {
                if step == "super" {
                    from.pop();
                }
                rest = rest.get(1..)?;
            }
        }
        _ => return None,
    }
    from.extend(rest.iter().map(String::as_str));
    (0..=from.len())
        .rev()
        .map(|length| from[..length].join("::"))
        .find(|name| modules.contains(name))
}

/// Every path that a file's own code names; what only tests see is left out.
#[derive(Default)]
struct Paths {
    found: Vec<Vec<String>>,
}

impl Paths {
    fn of_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.of_use(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) => self.found.push(with(&name.ident)),
            syn::UseTree::Rename(name) => self.found.push(with(&name.ident)),
            syn::UseTree::Glob(_) => self.found.push(before.to_vec()),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.of_use(tree, before);
                }
            }
        }
    }
}

impl Visit<'_> for Paths {
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.of_use(&item.tree, &[]);
    }

    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        let is_test = item
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("cfg"));
        if !is_test {
            visit::visit_item_mod(self, item);
        }
    }

    /// Who may see an item is no import.
    fn visit_visibility(&mut self, _: &syn::Visibility) {}

    fn visit_path(&mut self, path: &syn::Path) {
        let parts = path.segments.iter().map(|part| part.ident.to_string());
        self.found.push(parts.collect());
        visit::visit_path(self, path);
    }
}

/// A chain of imports that ends where it begins, where there is one.
fn circle(imports: &Imports) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    let mut chain = Vec::new();
    imports
        .keys()
        .find_map(|module| walk(module, imports, &mut chain, &mut done))
}

fn walk(
    module: &str,
    imports: &Imports,
    chain: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    if let Some(begin) = chain.iter().position(|name| name == module) {
        return Some([&chain[begin..], &[module.to_owned()]].concat());
    }
    if !done.contains(module) {
        chain.push(module.to_owned());
        let named = imports.get(module).into_iter().flatten();
        for next in named {
            if let Some(circle) = walk(next, imports, chain, done) {
                return Some(circle);
            }
        }
        chain.pop();
        done.insert(module.to_owned());
    }
    None
}

//! The modules of the domain import each other in one direction: a rule that is read never leads back
//! to itself. Each file is one module. A name is of the module that defines it, by whatever re-export it
//! is reached, and paths inside macro calls count. Only a module and those inside it may know each other.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// A module is named by its path, such as `order::state`; the crate itself is the empty name.
type Imports = BTreeMap<String, BTreeSet<String>>;
/// What a module re-exports: the module and the name, and the path that it stands for.
type Exports = BTreeMap<(String, String), Vec<String>>;

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
    let found = imports_of(source, &["order", "events"], &modules, &Exports::new());
    let found: Vec<_> = found.iter().map(String::as_str).collect();
    // The module that it lies in is left out.
    assert_eq!(found, ["cases", "order::state"]);
}

#[test]
fn a_name_is_of_the_module_that_defines_it() {
    let modules = ["", "order", "order::state", "order::state::sum", "cases"].map(str::to_owned);
    let modules = BTreeSet::from(modules);
    let mut exports = exports_of("pub use state::{Order, Sum as Total};", "order");
    exports.extend(exports_of("pub use sum::Sum;", "order::state"));
    let imports = |source| imports_of(source, &["sending"], &modules, &exports);
    assert_eq!(
        imports("use crate::order::Order;"),
        BTreeSet::from(["order::state".to_owned()])
    );
    assert_eq!(
        imports(
            "fn text() -> String { format!(\"{}\", crate::order::Total::of(crate::cases::all())) }"
        ),
        BTreeSet::from(["cases".to_owned(), "order::state::sum".to_owned()])
    );
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
    let sources: Vec<(&String, String)> = named
        .iter()
        .map(|(module, file)| (module, fs::read_to_string(file).unwrap()))
        .collect();
    let exports = sources
        .iter()
        .map(|(module, source)| exports_of(source, module));
    let exports: Exports = exports.flatten().collect();
    assert!(exports.len() > 10, "only {} re-exports", exports.len());
    sources
        .iter()
        .map(|(module, source)| {
            let parts: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
            let imports = imports_of(source, &parts, &modules, &exports);
            ((*module).clone(), imports)
        })
        .collect()
}

fn exports_of(source: &str, module: &str) -> Exports {
    let file = syn::parse_file(source).unwrap();
    let mut exports = Exports::new();
    for item in file.items {
        let syn::Item::Use(item) = item else {
            continue;
        };
        if matches!(item.vis, syn::Visibility::Inherited) {
            continue;
        }
        let mut paths = Paths::default();
        paths.of_use(&item.tree, &[]);
        for (path, name) in paths.found.into_iter().zip(paths.names) {
            exports.insert((module.to_owned(), name), path);
        }
    }
    exports
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

fn imports_of(
    source: &str,
    module: &[&str],
    modules: &BTreeSet<String>,
    exports: &Exports,
) -> BTreeSet<String> {
    let mut paths = Paths::default();
    paths.visit_file(&syn::parse_file(source).unwrap());
    let own = module.join("::");
    paths
        .found
        .iter()
        .filter_map(|path| resolve(path, module, modules, exports))
        .filter(|name| !is_within(name, &own) && !is_within(&own, name))
        .collect()
}

fn is_within(inner: &str, outer: &str) -> bool {
    let rest = inner.strip_prefix(outer);
    outer.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The module that defines what a path names; `None` for a path into another crate.
fn resolve(
    path: &[String],
    module: &[&str],
    modules: &BTreeSet<String>,
    exports: &Exports,
) -> Option<String> {
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
        // A re-export may name the module below it without `self`.
        first => {
            let below = [module, &[first]].concat().join("::");
            if !modules.contains(&below) {
                return None;
            }
            from = module.to_vec();
        }
    }
    from.extend(rest.iter().map(String::as_str));
    let length = (0..=from.len())
        .rev()
        .find(|length| modules.contains(&from[..*length].join("::")))?;
    let deepest = from[..length].join("::");
    let name = from.get(length).map(ToString::to_string);
    let exported = name.and_then(|name| exports.get(&(deepest.clone(), name)));
    match exported {
        Some(path) => resolve(path, &from[..length], modules, exports),
        None => Some(deepest),
    }
}

/// Every path that a file's own code names; what only tests see is left out.
#[derive(Default)]
struct Paths {
    found: Vec<Vec<String>>,
    /// Of paths in `use`, the name by which each is known then.
    names: Vec<String>,
}

impl Paths {
    fn of_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.of_use(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) => {
                self.found.push(with(&name.ident));
                self.names.push(name.ident.to_string());
            }
            syn::UseTree::Rename(name) => {
                self.found.push(with(&name.ident));
                self.names.push(name.rename.to_string());
            }
            syn::UseTree::Glob(_) => {
                self.found.push(before.to_vec());
                self.names.push("*".to_owned());
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.of_use(tree, before);
                }
            }
        }
    }
}

impl Paths {
    /// Every `crate::…` and `super::…` among the tokens of a macro call.
    fn of_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => {
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Ident(ident) => {
                    self.found.push(std::mem::take(&mut path));
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Group(group) => {
                    self.found.push(std::mem::take(&mut path));
                    self.of_tokens(group.stream());
                    colons = 0;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.found.push(std::mem::take(&mut path));
                    colons = 0;
                }
            }
        }
        self.found.push(path);
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

    fn visit_macro(&mut self, call: &syn::Macro) {
        self.of_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

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

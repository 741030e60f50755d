//! The structure, read from `cargo metadata` and the sources: who may know whom, which licences and
//! crates may come in, what the pure crate must not name. And what the template of the AWS stack keeps.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod once;
mod template;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tests::opening::REGISTRY;

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .exec()
        .unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

fn dependencies(package: &Package) -> BTreeSet<String> {
    let normal = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal);
    normal.map(|dependency| dependency.name.clone()).collect()
}

/// What wires a function to AWS may know, beside the function itself.
const LAMBDA: &[&str] = &[
    "aws",
    "channels",
    "connectors",
    "domain",
    "ports",
    "suppliers",
];

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let members: BTreeSet<String> = metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let allowed: &[(&str, &[&str])] = &[
        ("domain", &[]),
        ("ports", &["domain"]),
        ("http-client", &["domain"]),
        ("registry", &["domain", "http-client", "ports"]),
        ("channels", &["domain", "http-client", "ports", "registry"]),
        ("suppliers", &["domain", "http-client", "ports", "registry"]),
        ("configuration", &["domain"]),
        ("execution", &["domain", "ports"]),
        ("embedded", &["domain", "ports"]),
        (
            "aws",
            &["connectors", "domain", "execution", "ports", "registry"],
        ),
        (
            "connectors",
            &[
                "configuration",
                "domain",
                "http-client",
                "ports",
                "registry",
            ],
        ),
        ("order-webhook", &["domain", "execution", "ports"]),
        ("routing", &["domain", "execution", "ports"]),
        ("forwarding", &["domain", "execution", "ports"]),
        ("exceptions", &["domain", "execution", "ports"]),
        ("order-webhook-lambda", LAMBDA),
        ("routing-lambda", LAMBDA),
        ("forwarding-lambda", LAMBDA),
        ("exceptions-lambda", LAMBDA),
        ("doubles", &["http-client"]),
    ];
    for package in metadata.workspace_packages() {
        let Some((_, allowed)) = allowed
            .iter()
            .find(|(name, _)| *name == package.name.as_str())
        else {
            assert!(
                ["plugged", "tests", "waybill", "waybill-aws"].contains(&package.name.as_str()),
                "{} has no row here",
                package.name
            );
            continue;
        };
        let ours: BTreeSet<String> = dependencies(package)
            .intersection(&members)
            .cloned()
            .collect();
        let own = package.name.strip_suffix("-lambda").map(str::to_owned);
        let allowed = allowed.iter().map(|name| (*name).to_owned());
        let allowed: BTreeSet<String> = allowed.chain(own).collect();
        assert!(
            ours.is_subset(&allowed),
            "{} may not know {:?}",
            package.name,
            &ours - &allowed
        );
    }
}

#[test]
fn the_domain_is_small_and_pure() {
    let metadata = metadata();
    let domain = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == "domain")
        .unwrap()
        .clone();
    let allowed = [
        "data-encoding",
        "jiff",
        "rust_decimal",
        "serde",
        "serde_json",
        "sha2",
        "thiserror",
    ];
    let allowed: BTreeSet<String> = allowed.map(str::to_owned).into();
    assert!(
        dependencies(&domain).is_subset(&allowed),
        "domain may not know {:?}",
        &dependencies(&domain) - &allowed
    );
    for file in sources(&root().join("shared/domain/src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for banned in [
            "SystemTime",
            "Timestamp::now",
            "Zoned::now",
            "std::env",
            "std::fs",
            "std::net",
            "f64",
            "f32",
            ".await",
        ] {
            assert!(!code.contains(banned), "{} names {banned}", file.display());
        }
    }
}

/// What is caught of a panic is nothing where it aborts, and `cargo lambda` has it abort unless the
/// profile says otherwise.
#[test]
fn a_panic_unwinds_in_a_function() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let panic = &manifest["profile"]["release"]["panic"];
    assert_eq!(panic.as_str(), Some("unwind"));
}

#[test]
fn licences_and_banned_crates() {
    let allowed = [
        "MIT",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "Unlicense",
        "Unicode-3.0",
        "0BSD",
        "CC0-1.0",
        "CDLA-Permissive-2.0",
        "MIT-0",
        "BSL-1.0",
        "Apache-2.0 WITH LLVM-exception",
    ];
    for package in metadata().packages {
        let name = package.name.as_str();
        assert!(
            !["aws-lc-sys", "aws-lc-rs", "openssl-sys", "native-tls"].contains(&name),
            "{name} is banned"
        );
        let licence = package.license.clone().unwrap_or_default();
        // Of alternatives one must be allowed; of what is demanded together, all.
        let fits = licence.replace('/', " OR ").split(" AND ").all(|demanded| {
            demanded
                .trim_matches(['(', ')'])
                .split(" OR ")
                .any(|one| allowed.contains(&one.trim().trim_matches(['(', ')'])))
        });
        assert!(fits, "{name} is under {licence:?}");
    }
}

/// `cargo run -p waybill -- demo` compiles without the SDK.
#[test]
fn one_machine_needs_nothing_of_aws() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().unwrap();
    let named = |id: &cargo_metadata::PackageId| metadata[id].name.as_str();
    let node = |id: &cargo_metadata::PackageId| resolve.nodes.iter().find(|node| node.id == *id);
    let waybill = metadata.workspace_packages();
    let waybill = waybill
        .iter()
        .find(|package| package.name.as_str() == "waybill");
    let (mut open, mut seen) = (vec![waybill.unwrap().id.clone()], BTreeSet::new());
    while let Some(id) = open.pop() {
        assert!(
            !named(&id).starts_with("aws"),
            "waybill needs {}",
            named(&id)
        );
        let needed = node(&id).unwrap().deps.iter().filter(|dependency| {
            dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind != DependencyKind::Development)
        });
        for dependency in needed {
            if seen.insert(dependency.pkg.clone()) {
                open.push(dependency.pkg.clone());
            }
        }
    }
    assert!(seen.len() > 100, "{} packages", seen.len());
}

/// What stands beside a function's own code only wires it.
#[test]
fn what_wires_a_function_is_short_and_has_one_file() {
    for function in ["order-webhook", "routing", "forwarding", "exceptions"] {
        let folder = root().join("functions").join(function).join("lambda/src");
        let found = sources(&folder);
        assert_eq!(found, [folder.join("main.rs")]);
        let text = std::fs::read_to_string(&found[0]).unwrap();
        assert!(text.lines().count() <= 40, "{function}");
        for banned in ["#[test]", "unwrap()", "expect(", "std::env"] {
            assert!(!text.contains(banned), "{function} has {banned}");
        }
    }
}

#[test]
fn functions_name_only_domain_and_ports() {
    for function in ["order-webhook", "routing", "forwarding", "exceptions"] {
        for file in sources(&root().join("functions").join(function).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for banned in [
                "embedded::",
                "aws::",
                "aws_sdk",
                "connectors::",
                "lambda_runtime",
                "channels::",
                "suppliers::",
                "http_client::",
                "rusqlite",
                "reqwest",
            ] {
                assert!(
                    !text.contains(&format!(" {banned}")),
                    "{} names {banned}",
                    file.display()
                );
            }
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// The README's table of cases is the policy's own. `UPDATE_README=1` writes it.
/// Where packages come from is the matter of the tools that fetch them, and of whoever configures a
/// mirror. Locks are the tools' own.
#[test]
fn no_text_names_the_host_of_a_package_registry() {
    // In parts, since this file is one of the texts.
    let hosts = [
        ["crates", "io"],
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["npmjs", "com"],
        ["npmjs", "org"],
        ["rubygems", "org"],
    ]
    .map(|host| host.join("."));
    let listed = std::process::Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    let mut read = 0;
    for name in names
        .split('\0')
        .filter(|name| !name.is_empty() && *name != "Cargo.lock")
    {
        let Ok(text) = std::fs::read_to_string(root().join(name)) else {
            continue;
        };
        read += 1;
        for host in &hosts {
            assert!(!text.contains(host), "{name} names {host}");
        }
    }
    assert!(read > 100, "{read} texts");
}

#[test]
fn the_readme_has_the_policy() {
    const BEGIN: &str =
        "<!-- policy: written by `UPDATE_README=1 cargo test -p tests --test infra` -->\n";
    const END: &str = "<!-- end of policy -->";
    let path = root().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let table = domain::cases::policy_table();
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch for whoever runs the test"
    )]
    let update = std::env::var("UPDATE_README").is_ok_and(|value| value == "1");
    if update && written != table {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        written, table,
        "the README's cases are not those of the policy; UPDATE_README=1 writes them"
    );
}

/// The example that a newcomer copies can be opened by the registries as it is.
#[test]
fn the_example_configuration_opens() {
    use std::sync::Arc;
    let loaded = configuration::load_dir(&root().join("infra/config")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(embedded::Embedded::in_memory(&folder.path().join("outbox")).unwrap());
    let secret = || secrecy::SecretString::from("secret".to_owned());
    for channel in loaded.settings.channels.values() {
        let entry = REGISTRY.channel(&channel.kind).unwrap();
        let opening = tests::opening::channel(&channel.specific, &["secret"]);
        (entry.open)(opening).map(drop).unwrap();
    }
    for supplier in loaded.settings.suppliers.values() {
        let entry = REGISTRY.supplier(&supplier.method).unwrap();
        let opening = registry::Opening {
            id: supplier.id.as_str(),
            settings: &supplier.specific,
            sender: "orders@acme.example",
            http: Arc::new(doubles::supplier::SupplierDouble::default()),
            files: store.clone(),
            mailer: Arc::new(embedded::OutboxMailer {
                files: store.clone(),
            }),
            secrets: (entry.secrets)(&supplier.specific)
                .all
                .into_iter()
                .map(|name| (name, secret()))
                .collect(),
            webhook_secrets: Vec::new(),
            tried_before: false,
        };
        (entry.open)(opening).map(drop).unwrap();
    }
}

/// The example's templates render an order with several lines, faithfully.
#[test]
fn the_example_templates_are_faithful() {
    use domain::address::Address;
    use domain::order::answer::Progress;
    use domain::personal::Personal;
    use ports::supplier::HandoverLine;
    use std::sync::Arc;
    let loaded = configuration::load_dir(&root().join("infra/config")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(embedded::Embedded::in_memory(&folder.path().join("outbox")).unwrap());
    let address = Address {
        name: "Ada \"the\" Example".into(),
        address1: "12 Sample Street".into(),
        address2: "Unit 3".into(),
        city: "Louisville".into(),
        province_code: "KY".into(),
        zip: "40202".into(),
        country_code: "US".into(),
        phone: "+1 502 555 0100".into(),
        ..Address::default()
    };
    let line = |sku: &str, quantity| HandoverLine {
        sku: sku.into(),
        supplier_sku: format!("S-{sku}"),
        title: format!("Article {sku}"),
        quantity,
        cost: Some("4.00".into()),
        currency: Some("USD".into()),
        properties: Vec::new(),
    };
    let code = domain::ids::ChannelCode::parse("SH").unwrap();
    let at = "2026-11-23T10:00:00Z".parse().unwrap();
    let handover = ports::Handover {
        number: domain::purchase_order_number::PurchaseOrderNumber::new(&code, "1001", 1),
        cancel: None,
        order_name: "#1001".into(),
        merchant: loaded.settings.merchant.clone(),
        supplier: "Supplier".into(),
        planned_at: at,
        placed_at: at,
        shipping_method: "Standard".into(),
        service: None,
        ship_to: Personal::new(address.clone()),
        lines: vec![line("MUG", 2), line("LAMP", 31)],
        note: Personal::default(),
        attributes: Vec::new(),
    };
    for supplier in loaded.settings.suppliers.values() {
        let entry = REGISTRY.supplier(&supplier.method).unwrap();
        let opening = registry::Opening {
            id: supplier.id.as_str(),
            settings: &supplier.specific,
            sender: "orders@acme.example",
            http: Arc::new(doubles::supplier::SupplierDouble::default()),
            files: store.clone(),
            mailer: Arc::new(embedded::OutboxMailer {
                files: store.clone(),
            }),
            secrets: (entry.secrets)(&supplier.specific)
                .all
                .into_iter()
                .map(|name| (name, secrecy::SecretString::from("secret".to_owned())))
                .collect(),
            webhook_secrets: Vec::new(),
            tried_before: false,
        };
        let opened = (entry.open)(opening).unwrap();
        let artifact = opened
            .orders()
            .prepare(&handover, &Progress::default())
            .unwrap();
        assert_eq!(
            artifact.bytes,
            opened
                .orders()
                .prepare(&handover, &Progress::default())
                .unwrap()
                .bytes,
            "{}",
            supplier.id
        );
        let decoded = opened.orders().decode(&artifact).unwrap();
        let lines = [("S-MUG", 2), ("S-LAMP", 31)];
        let missing = decoded.missing(&address, &lines, &artifact.omits);
        assert!(missing.is_empty(), "{} lacks {missing:?}", supplier.id);
    }
}

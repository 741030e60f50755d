//! One commit loop, one back-off, one protocol that sends: read from the sources.

use super::{root, sources};
use std::path::{Path, PathBuf};

/// Of our own code what runs at a merchant's, each file with its words; neither tests nor comments.
fn code() -> Vec<(PathBuf, Vec<String>)> {
    let mut code = Vec::new();
    for folder in ["shared", "functions", "infra/waybill/src"] {
        for file in sources(&root().join(folder)) {
            let path = file.strip_prefix(root()).unwrap().to_path_buf();
            let is_test = path
                .iter()
                .any(|part| part == "tests" || part == "tests.rs");
            if is_test {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let text = without_tests(&text);
            let lines = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let is_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
            let words = lines
                .flat_map(|line| line.split(|letter| !is_of_word(letter)))
                .filter(|word| !word.is_empty());
            code.push((path, words.map(str::to_owned).collect()));
        }
    }
    assert!(code.len() > 200, "{} files", code.len());
    code
}

/// The text without each item that only tests have.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start() != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let ends = |line: &str| {
            let is_outer = line.len() - line.trim_start().len() == indent;
            is_outer && (line.trim_end().ends_with(';') || line.trim() == "}")
        };
        for line in lines.by_ref() {
            if ends(line) {
                break;
            }
        }
    }
    kept
}

#[test]
fn what_only_tests_have_is_left_out() {
    let text =
        "a();\n#[cfg(test)]\nmod tests;\nb();\n#[cfg(test)]\nmod more {\n    c();\n}\nd();\n";
    assert_eq!(without_tests(text), "a();\nb();\nd();\n");
}

/// The files in which a word occurs, and none of which lies in `except`.
fn naming(is_meant: impl Fn(&[String]) -> bool, except: &[&str]) -> Vec<PathBuf> {
    let is_elsewhere = |path: &Path| !except.iter().any(|known| path.starts_with(known));
    let naming = code().into_iter().filter(|(_, words)| is_meant(words));
    let files = naming.map(|(path, _)| path);
    files.filter(|path| is_elsewhere(path)).collect()
}

/// Who can make a commit names its type. The stores take it, and count what it does.
#[test]
fn only_execution_commits() {
    let commits = |words: &[String]| {
        let has = |word: &str| words.iter().any(|known| known == word);
        has("Commit") && has("commit") && (has("domain") || has("crate"))
    };
    let may = [
        "shared/domain/src/commit.rs",
        "shared/ports/src/stores/orders.rs",
        "shared/embedded",
        "shared/aws",
        "shared/execution/src/commit.rs",
    ];
    assert_eq!(naming(commits, &may), Vec::<PathBuf>::new());
    let calls = code()
        .into_iter()
        .filter(|(path, _)| path.ends_with("execution/src/commit.rs"));
    let calls: usize = calls
        .map(|(_, words)| {
            let pairs = words.windows(2);
            pairs.filter(|pair| pair == &["orders", "commit"]).count()
        })
        .sum();
    assert_eq!(calls, 1, "one place hands a commit to the store");
}

/// Whoever waits and tries again does so by `ports::Backoff`.
#[test]
fn there_is_one_back_off() {
    let sleeps = |words: &[String]| words.iter().any(|word| word == "sleep");
    let may = [
        "shared/ports/src/backoff.rs",
        // The port, and who implements it.
        "shared/ports/src/lib.rs",
        "shared/aws/src/clock.rs",
        "shared/embedded/src/clock.rs",
        "infra/waybill/src/demo/machine.rs",
        // How the SDK sleeps.
        "shared/aws/src/clients.rs",
        // Waits as long as a receiver wants to be left alone.
        "shared/execution/src/send.rs",
        // Intervals of loops that serve, show or measure.
        "infra/waybill/src/machine.rs",
        "infra/waybill/src/serve/connections.rs",
        "infra/waybill/src/demo.rs",
        "infra/waybill/src/bench.rs",
    ];
    assert_eq!(naming(sleeps, &may), Vec::<PathBuf>::new());
}

/// What sends serves whatever must not double: suppliers are its first user's matter.
#[test]
fn the_protocol_knows_no_supplier() {
    let knows = |words: &[String]| {
        let banned = [
            "Supplier",
            "Endpoint",
            "Batches",
            "PurchaseOrder",
            "Handover",
        ];
        words.iter().any(|word| banned.contains(&word.as_str()))
    };
    let naming = naming(knows, &["shared/execution/src/purchase_orders.rs"]);
    let protocol = naming.into_iter().filter(|path| {
        path.starts_with("shared/execution/src")
            && !path.iter().any(|part| part == "purchase_orders")
    });
    assert_eq!(protocol.collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

/// Claims, and outcomes of sends, are committed in one place each.
#[test]
fn claims_and_outcomes_are_recorded_by_execution() {
    for command in ["StartSend", "RecordOutcome", "RecordLookup", "ClaimLapsed"] {
        let named = |words: &[String]| words.iter().any(|word| word == command);
        let files = naming(named, &["shared/domain"]);
        assert_eq!(files.len(), 1, "{command}: {files:?}");
        assert!(files[0].starts_with("shared/execution"), "{files:?}");
    }
}

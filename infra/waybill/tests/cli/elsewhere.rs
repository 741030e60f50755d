//! What is on AWS is done by a program of its own, which this one finds and hands over to.

use super::{DONE, FAILED, USAGE};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy, for what lies beside the built program is not the test's to decide.
fn copy(folder: &Path) -> PathBuf {
    let program = folder.join("waybill");
    fs::copy(env!("CARGO_BIN_EXE_waybill"), &program).unwrap();
    program
}

/// Stands in for `waybill-aws`: says who it is and what it was told, and ends with 0.
fn stand_in(folder: &Path, name: &str) {
    fs::create_dir_all(folder).unwrap();
    let program = folder.join("waybill-aws");
    fs::write(&program, format!("#!/bin/sh\necho \"{name}: $*\"\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(program: &Path, path: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(words).env("PATH", path);
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_program_for_aws_gets_the_same_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let program = copy(folder.path());
    let path = folder.path().join("path");
    let words = ["order", "acme/1", "--aws", "shop", "--region", "eu-west-1"];

    let nowhere = run(&program, &path, &words);
    assert_eq!(nowhere.status.code(), Some(FAILED));
    assert!(nowhere.stdout.is_empty());
    let said = String::from_utf8(nowhere.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("cargo build --release -p waybill-aws"),
        "{said}"
    );

    stand_in(&path, "on the path");
    let found = run(&program, &path, &words);
    assert_eq!(found.status.code(), Some(DONE));
    assert_eq!(
        out(&found),
        "on the path: order acme/1 --aws shop --region eu-west-1\n"
    );

    stand_in(folder.path(), "beside");
    let found = run(&program, &path, &["config", "show", "--aws", "shop"]);
    assert_eq!(out(&found), "beside: config show --aws shop\n");
}

#[test]
fn one_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = copy(folder.path());
    stand_in(folder.path(), "beside");
    for words in [
        &["orders", "--aws", "shop", "--data", "here"][..],
        &["config", "push"],
        &["config", "show", "--aws"],
    ] {
        let refused = run(&program, folder.path(), words);
        assert_eq!(refused.status.code(), Some(USAGE), "{words:?}");
    }
}

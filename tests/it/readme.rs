//! What the README shows, done.

use crate::support::process::checkout;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const README: &str = include_str!("../../README.md");

/// The blocks of one language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    README.split(begin.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn warrener(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_warrener")).args(words).current_dir(folder).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_policy_and_its_test_hold() {
    let folder = tempfile::tempdir().unwrap();
    let begun = warrener(folder.path(), &["init"]);
    assert!(begun.status.success(), "{}", told(&begun));
    let policies = folder.path().join("policies");
    let [policy, test] = blocks("yaml")[..] else { panic!("two blocks of YAML are expected") };
    fs::write(policies.join("translator.yaml"), policy).unwrap();
    fs::write(policies.join("translator.test.yaml"), test).unwrap();

    let checked = warrener(folder.path(), &["check", "--policies", "policies"]);
    assert!(checked.status.success(), "{}", told(&checked));
    let tested = warrener(folder.path(), &["test", "policies/translator.test.yaml"]);
    assert!(told(&tested).contains("3 passed, 0 failed"), "{}", told(&tested));
}

#[test]
fn the_explained_call_is_denied() {
    let block = blocks("sh").into_iter().find(|block| block.contains("warrener explain")).unwrap();
    let line = block.replace("\\\n", "");
    let (words, call) = line.trim().split_once(" '").unwrap();
    let mut words: Vec<&str> = words.split_whitespace().skip(1).collect();
    words.push(call.trim_end_matches('\''));
    let explained = warrener(&checkout(""), &words);
    assert_eq!(explained.status.code(), Some(2), "{}", told(&explained));
    assert!(told(&explained).contains("content-editor/no-content-deletes"), "{}", told(&explained));
}

#[test]
fn every_command_and_every_flag_that_is_named_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let lines = blocks("sh").into_iter().flat_map(str::lines);
    let commands: Vec<&str> =
        lines.filter_map(|line| line.split_once("warrener ").map(|(_, words)| words)).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    for words in commands {
        let words = words.split(" #").next().unwrap().split(" \\").next().unwrap();
        let words: Vec<&str> =
            words.split_whitespace().map(|word| word.trim_matches('\'')).chain(["--help"]).collect();
        let helped = warrener(folder.path(), &words);
        assert!(helped.status.success(), "{words:?}: {}", told(&helped));
    }
}

#[test]
fn every_place_that_is_named_is_there() {
    let named = README.split('`').skip(1).step_by(2).filter(|text| {
        let path = text.split(['#', ' ']).next().unwrap_or_default();
        ["src/", "tests/", "policies/", "migrations/", "benches/"]
            .iter()
            .any(|folder| path.starts_with(folder))
            && path.len() > 10
    });
    for text in named {
        let there = checkout(text).exists() || text.starts_with("policies/translator");
        assert!(there, "`{text}` is not there");
    }
}

//! What holds for the source as a whole, and no compiler checks.

use crate::support::process::checkout;
use std::path::{Path, PathBuf};

/// Words that the pure core does without, each with the reason.
const IMPURE: [(&str, &str); 9] = [
    ("async ", "it waits for nothing"),
    ("tokio", "it waits for nothing"),
    ("std::fs", "it reads no files"),
    ("std::env", "it decides the same in every environment"),
    ("std::net", "it has no network"),
    ("SystemTime", "it has no clock"),
    ("Instant", "it has no clock"),
    ("HashMap", "its order would leak into decisions and explanations"),
    ("HashSet", "its order would leak into decisions and explanations"),
];

/// Where a new case has to be looked at, and may not fall into an arm for all the rest.
const DECIDING: [&str; 7] = [
    "src/policy/decide.rs",
    "src/policy/evaluate.rs",
    "src/policy/cover.rs",
    "src/policy/rules.rs",
    "src/path",
    "src/directus/accesses",
    "src/directus/reading",
];

#[test]
fn the_core_is_pure() {
    for folder in ["src/mcp", "src/directus", "src/policy"] {
        let files = sources(&checkout(folder));
        assert!(files.len() > 5, "{folder}");
        for file in files {
            for (number, line) in code(&file) {
                for (word, reason) in IMPURE {
                    assert!(!line.contains(word), "{}:{number}: `{word}`, but {reason}", file.display());
                }
            }
        }
    }
}

#[test]
fn no_case_falls_through_where_it_is_decided() {
    for place in DECIDING {
        for file in sources(&checkout(place)) {
            for (number, line) in code(&file) {
                let rest = line.trim_start();
                let arm = rest.starts_with("_ =>") || rest.starts_with("_ if ") || rest.contains("| _ =>");
                assert!(!arm, "{}:{number}: name the cases: {line}", file.display());
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    let files = sources(&checkout("src"));
    assert!(files.len() > 100);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} begins with no `//!`", file.display());
    }
}

#[test]
fn every_migration_is_embedded() {
    let list = std::fs::read_to_string(checkout("src/audit/migration.rs")).unwrap();
    for entry in std::fs::read_dir(checkout("migrations/sqlite")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let embedded = format!("include_str!(\"../../migrations/sqlite/{name}\")");
        assert!(list.contains(&embedded), "{name} is not embedded");
        let number: i64 = name.split('_').next().unwrap().parse().unwrap();
        assert!(list.contains(&format!("({number}, \"")), "{name} has another number");
    }
}

/// The Rust files of a folder, and of the folders in it; or the one file.
fn sources(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let entries = std::fs::read_dir(place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    let mut files: Vec<PathBuf> = entries.flat_map(|entry| nested(&entry.unwrap().path())).collect();
    files.sort();
    files
}

fn nested(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        sources(path)
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        vec![path.to_owned()]
    } else {
        Vec::new()
    }
}

/// The lines that are code, with their numbers: no comments, and not the unit tests at the end.
fn code(file: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().enumerate().take_while(|(_, line)| *line != "#[cfg(test)]");
    let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.map(|(number, line)| (number + 1, line.to_owned())).collect()
}

//! What the README shows, done.

use crate::support::process::checkout;
use crate::trail::{Place, id, intent, outcome, refusal, subject};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Column as _, Row as _, ValueRef as _};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use warrener::audit::entry::{Entry, Outcome, OutcomeWord, Subject};
use warrener::config::Config;
use warrener::directus::access::{Access, Action, Extent, Fields};
use warrener::policy::diagnostic::Source;

const README: &str = include_str!("../../README.md");
const MIGRATIONS: &str = include_str!("../../migrations/README.md");

/// The blocks of one language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    blocks_of(README, language)
}

fn blocks_of(text: &'static str, language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    text.split(begin.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
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
fn the_settings_are_some() {
    let settings = blocks("yml");
    assert!(!settings.is_empty());
    for text in settings {
        let source = Source::new("warrener.yaml", format!("version: 1\n{text}"));
        Config::from_yaml(&source).unwrap_or_else(|problems| panic!("{problems}"));
    }
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

/// The settings of the hardened service, made as the README says, in a folder that stands in for the one of the machine.
#[test]
fn the_settings_of_the_service_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("warrener").display().to_string();
    let block = blocks("sh").into_iter().find(|block| block.contains("warrener init /etc/warrener")).unwrap();
    let block = block.replace("/etc/warrener", &etc);
    let program = Path::new(env!("CARGO_BIN_EXE_warrener")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &block]).current_dir(folder.path()).env("PATH", path);
    let done = shell.env_remove("DIRECTUS_TOKEN").stdin(std::process::Stdio::null()).output().unwrap();
    let told = told(&done);
    assert!(done.status.success(), "{told}");
    assert!(told.contains("  url: \"https://cms.example.com/\"  # "), "{told}");
    assert!(told.contains(&format!("policies: \"{etc}/policies\"  # ")), "{told}");
    let token = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(format!("{etc}/directus-token")).unwrap().permissions(),
    );
    assert_eq!(token & 0o777, 0o600);
    let unit = fs::read_to_string(checkout("examples/systemd/warrener.service")).unwrap();
    for line in ["/etc/warrener/warrener.yaml", "/etc/warrener/directus-token", "/usr/bin/warrener serve"] {
        assert!(unit.contains(line), "{line}");
    }
}

#[test]
fn every_command_and_every_flag_that_is_named_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let lines = blocks("sh").into_iter().flat_map(str::lines);
    let commands: Vec<&str> =
        lines.filter_map(|line| line.split_once("warrener ").map(|(_, words)| words)).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    for words in commands {
        let words = [" #", " \\", " > "].iter().fold(words, |words, end| words.split(end).next().unwrap());
        let words: Vec<&str> =
            words.split_whitespace().map(|word| word.trim_matches('\'')).chain(["--help"]).collect();
        let helped = warrener(folder.path(), &words);
        assert!(helped.status.success(), "{words:?}: {}", told(&helped));
    }
}

#[test]
fn every_place_that_is_named_is_there() {
    // A command is named by its first word.
    let named =
        README.split('`').skip(1).step_by(2).map(|text| text.split(['#', ' ']).next().unwrap_or_default());
    let named = named.filter(|path| {
        ["src/", "tests/", "policies/", "migrations/", "benches/", "examples/"]
            .iter()
            .any(|folder| path.starts_with(folder))
            && path.len() > 10
    });
    for path in named {
        let there = checkout(path).exists() || path.starts_with("policies/translator");
        assert!(there, "`{path}` is not there");
    }
}

/// A call with one access, made just now, and how it ended.
struct Told {
    principal: &'static str,
    access: (Action, &'static str),
    fields: Fields,
    decision: &'static str,
    enforced: bool,
    word: OutcomeWord,
    duration_ms: u64,
}

/// One that nobody asks about.
fn call() -> Told {
    Told {
        principal: "desk",
        access: (Action::Read, "articles"),
        fields: Fields::none(),
        decision: "permit",
        enforced: true,
        word: OutcomeWord::Ok,
        duration_ms: 10,
    }
}

async fn write(place: &Place, calls: Vec<Told>) {
    let trail = place.open().await;
    let now = Timestamp::now().as_microsecond();
    for told in calls {
        let call = id();
        let (action, collection) = told.access;
        let subject = Subject {
            principal: told.principal.to_owned(),
            decision: told.decision,
            reason: (told.decision == "deny").then_some("forbidden"),
            enforced: told.enforced,
            accesses: vec![Access::asked(action, collection, told.fields, Extent::All)],
            ..subject()
        };
        let duration_us = Some(told.duration_ms * 1000);
        let ended = Outcome { word: told.word, duration_us, ..Outcome::default() };
        let subject = Some(Box::new(subject));
        if told.word == OutcomeWord::Refused {
            let entry = Entry { at: now, subject, outcome: Some(ended), ..refusal(call) };
            trail.commit(entry).await.unwrap();
        } else {
            trail.commit(Entry { at: now, subject, ..intent(call) }).await.unwrap();
            trail.commit(Entry { at: now, outcome: Some(ended), ..outcome(call) }).await.unwrap();
        }
    }
    trail.close().await.unwrap();
}

/// What each of the ten questions has to find: how many rows, and a text in the first of them.
const ANSWERS: [(usize, &str); 10] = [
    (1, "reviews"),
    (1, "[\"name\"]"),
    (1, "forbidden"),
    (1, "editor/write"),
    (1, "1500"),
    (1, "tags"),
    (2, "authors"),
    (1, "directus_users"),
    (2, "desk"),
    (1, "items"),
];

#[tokio::test]
async fn the_ten_questions_have_answers() {
    let place = Place::new();
    let denied = || Told { decision: "deny", word: OutcomeWord::Refused, ..call() };
    let calls = vec![
        Told { access: (Action::Delete, "reviews"), ..call() },
        Told { access: (Action::Delete, "directus_users"), ..denied() },
        Told {
            principal: "reporting",
            access: (Action::Read, "customers"),
            fields: Fields::named(["name"]),
            ..call()
        },
        Told { decision: "deny", enforced: false, ..call() },
        Told { duration_ms: 1500, ..call() },
        Told { access: (Action::Update, "tags"), word: OutcomeWord::Failed, ..call() },
        Told { access: (Action::Read, "authors"), fields: Fields::named(["email"]), ..call() },
        Told { access: (Action::Read, "pages"), fields: Fields::all(), ..call() },
    ];
    write(&place, calls).await;
    let mut connection = crate::support::trail::open(&place.path()).await;
    let questions = blocks_of(MIGRATIONS, "sql");
    assert_eq!(questions.len(), ANSWERS.len());
    for (question, (count, text)) in questions.into_iter().zip(ANSWERS) {
        let rows = sqlx::query(AssertSqlSafe(question)).fetch_all(&mut connection).await.unwrap();
        assert_eq!(rows.len(), count, "{question}");
        let first: Vec<String> = (0..rows[0].columns().len()).map(|n| shown(&rows[0], n)).collect();
        assert!(first.iter().any(|value| value == text), "`{text}` is not in {first:?} of\n{question}");
    }
}

fn shown(row: &sqlx::sqlite::SqliteRow, n: usize) -> String {
    if row.try_get_raw(n).unwrap().is_null() {
        return String::new();
    }
    let text = row.try_get_unchecked::<String, _>(n);
    text.unwrap_or_else(|_| panic!("column {}", row.column(n).name())).trim_end_matches(".0").to_owned()
}

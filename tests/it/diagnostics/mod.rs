//! Diagnostics, as people see them: each snapshot is reviewed for whether it says what is wrong, where, and what to do.

mod files;
mod lints;
mod silences;
mod table;
mod tables;
mod values;
mod words;
mod yaml;

use fixture::schema;
use proptest::prelude::*;
use warrener::config::Config;
use warrener::directus::SchemaSnapshot;
use warrener::policy::PolicySet;
use warrener::policy::case::CaseFile;
use warrener::policy::check::check;
use warrener::policy::diagnostic::Source;
use warrener::policy::proof::{ProofFile, Proved};
use warrener::policy::set::{GUARDRAILS_FILE, GuardrailsFile, built_in_sources};

mod fixture {
    use std::sync::LazyLock;
    use warrener::directus::SchemaSnapshot;

    static SCHEMA: LazyLock<SchemaSnapshot> = LazyLock::new(|| {
        SchemaSnapshot::from_rest(
            include_str!("../../fixtures/schema/collections.json"),
            include_str!("../../fixtures/schema/fields.json"),
            include_str!("../../fixtures/schema/relations.json"),
        )
        .unwrap()
    });

    /// The schema of the real Directus that the tests seed.
    pub(super) fn schema() -> SchemaSnapshot {
        SCHEMA.clone()
    }
}

const ROLE: &str = "version: 1\nrole: editor\npermissions: []\n";

/// What is said about `editor.yaml` with this text; empty where there is nothing to say.
fn role(text: &str) -> String {
    folder(&[Source::new("editor.yaml", text)], GuardrailsFile::Optional)
}

/// What is said about `guardrails.yaml` with this text, beside one role.
fn guardrails(text: &str) -> String {
    folder(&[Source::new(GUARDRAILS_FILE, text), Source::new("editor.yaml", ROLE)], GuardrailsFile::Required)
}

/// What is said about `warrener.yaml` with this text.
fn config(text: &str) -> String {
    let read = Config::from_yaml(&Source::new("warrener.yaml", text));
    read.err().map(|problems| problems.render(false)).unwrap_or_default()
}

/// What is said about `editor.test.yaml` with this text.
fn cases(text: &str) -> String {
    let read = CaseFile::load(&Source::new("editor.test.yaml", text));
    read.err().map(|problems| problems.render(false)).unwrap_or_default()
}

/// What is said about a role that loads, held against the schema.
fn lints(text: &str) -> String {
    let sources = [Source::new("editor.yaml", text)];
    let (set, _) =
        PolicySet::load(&sources, GuardrailsFile::Optional).unwrap_or_else(|problems| panic!("{problems}"));
    set.sources().render(&check(&set, Some(&schema())), false)
}

fn folder(sources: &[Source], guardrails: GuardrailsFile) -> String {
    match PolicySet::load(sources, guardrails) {
        Ok((set, warnings)) => set.sources().render(&warnings, false),
        Err(problems) => problems.render(false),
    }
}

#[test]
fn a_folder_without_guardrails_or_roles() {
    let text = folder(&[Source::new("README.md", "no policy")], GuardrailsFile::Required);
    insta::assert_snapshot!(text, @r"
    error[no-guardrails]: the guardrails are missing
    --> guardrails.yaml
     = help: add the file, or write `guardrails: none` into warrener.yaml

    error[no-roles]: there is no file of a role
    --> policies
     = help: add one, such as `reader.yaml`
    ");
}

#[test]
fn a_file_that_would_be_left_aside() {
    let sources = [Source::new("editor.yaml", ROLE), Source::new("guardrails.yml", "version: 1\n")];
    insta::assert_snapshot!(folder(&sources, GuardrailsFile::Optional), @r"
    error[file-name]: the file would be left aside: policy files end in `.yaml`
    --> guardrails.yml
     = help: rename it
    ");
}

#[test]
fn problems_of_all_files_come_at_once_in_order() {
    let sources = [
        Source::new("b.yaml", "version: 1\nrole: b\nmode: x\npermissions: 3\n"),
        Source::new("a.yaml", "version: 1\nrole: a\npermissions: []\nlimits: [{id: A}]\n"),
        Source::new(GUARDRAILS_FILE, "version: 3\n"),
    ];
    let problems = PolicySet::load(&sources, GuardrailsFile::Required).unwrap_err();
    let places: Vec<String> = problems
        .to_json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!("{}:{}:{} {}", one["file"], one["line"], one["column"], one["code"]).replace('"', "")
        })
        .collect();
    let expected = [
        "a.yaml:4:11 missing-key",
        "a.yaml:4:15 id",
        "b.yaml:3:7 unknown-word",
        "b.yaml:4:14 type",
        "guardrails.yaml:1:10 version",
    ];
    assert_eq!(places, expected);
}

#[test]
fn colours_change_nothing_but_colours() {
    let problems = Config::from_yaml(&Source::new("warrener.yaml", "version: 2\n")).unwrap_err();
    let coloured = problems.render(true);
    assert!(coloured.contains('\u{1b}'));
    let mut plain = String::new();
    for part in coloured.split('\u{1b}') {
        plain.push_str(
            part.strip_prefix('[').and_then(|rest| rest.split_once('m')).map_or(part, |(_, rest)| rest),
        );
    }
    assert_eq!(plain, problems.render(false));
}

/// What the file says stands in messages, in helps and in the lines that are shown of it.
#[test]
fn what_a_file_says_does_not_steer_a_terminal() {
    for odd in
        ["\u{1b}[2J", "\u{9b}2J", "\u{202e}", "\u{200b}", "\u{2028}", "\u{ad}", "\u{e0041}", "\u{feff}"]
    {
        for text in [
            format!("version: 1\nrole: \"a{odd}\"\n# {odd}\npermissions: 3\n"),
            format!("version: 1\nrole: r\nmode: \"{odd}\"\nk{odd}: 1\npermissions: [*a{odd}, !t{odd} x]\n"),
        ] {
            let problems =
                PolicySet::load(&[Source::new("r.yaml", text)], GuardrailsFile::Optional).unwrap_err();
            let steers =
                |one: char| (one.is_control() && one != '\n') || odd.contains(one) && !"[2J".contains(one);
            assert!(!problems.render(false).contains(steers), "{:?}", problems.render(false));
            for one in problems.list {
                assert!(!one.message.contains(steers) && !one.help.unwrap_or_default().contains(steers));
            }
        }
    }
}

/// A file may have a line that was made by a program; two places far from each other in it are shown apart.
#[test]
fn a_long_word_is_cut_where_it_is_told() {
    let word = "w".repeat(100_000);
    for text in [
        format!("version: {word}\n{word}: 1\n"),
        format!("version: 1\nrole: [{word}\n"),
        format!("*{word}"),
        format!("version: 1\nrole: r\npermissions: [{}]\n", "{id: a}, ".repeat(300)),
    ] {
        let problems = PolicySet::load(&[Source::new("r.yaml", text)], GuardrailsFile::Optional).unwrap_err();
        let longest = problems.render(false).lines().map(|line| line.chars().count()).max();
        assert!(longest < Some(1500), "{longest:?}");
    }
}

#[test]
fn the_shipped_policies_fit_the_schema() {
    let (set, warnings) = PolicySet::load(&built_in_sources(), GuardrailsFile::Required).unwrap();
    assert_eq!(set.sources().render(&warnings, false), "");
    assert_eq!(set.sources().render(&check(&set, Some(&schema())), false), "");
    assert_eq!(set.sources().render(&check(&set, None), false), "");
}

#[test]
fn the_shipped_tests_can_be_read() {
    let names = built_in_sources();
    for source in names.iter().filter(|source| source.name.ends_with(".test.yaml")) {
        let file = CaseFile::load(source).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(file.tests.len() >= 12, "{} has {} tests", source.name, file.tests.len());
    }
}

#[test]
fn revisions_tell_every_change() {
    let revision = |sources: &[(&str, &str)]| {
        let sources: Vec<Source> = sources.iter().map(|(name, text)| Source::new(*name, *text)).collect();
        PolicySet::load(&sources, GuardrailsFile::Optional).unwrap().0.revision().to_owned()
    };
    let one = revision(&[("editor.yaml", ROLE), ("guardrails.yaml", "version: 1\n")]);
    let turned = revision(&[("guardrails.yaml", "version: 1\n"), ("editor.yaml", ROLE)]);
    let spaced = revision(&[("editor.yaml", ROLE), ("guardrails.yaml", "version: 1\n\n")]);
    let tested =
        revision(&[("editor.yaml", ROLE), ("guardrails.yaml", "version: 1\n"), ("editor.test.yaml", "x")]);
    assert_eq!(one, turned);
    assert_ne!(one, spaced);
    assert_eq!(one, tested, "tests decide nothing");
    let proved = [("editor.yaml", ROLE), ("guardrails.yaml", "version: 1\n"), ("x.proof.yaml", "x")];
    assert_eq!(one, revision(&proved), "proofs decide nothing");
}

/// The YAML blocks of the page about the language, so that it never shows what does not load.
#[test]
fn the_page_about_the_language_shows_what_loads() {
    let page = include_str!("../../../policies/README.md");
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let [translator, drafter, drafts, limits, tests, tables, needed, feedback, proofs, local] =
        blocks.as_slice()
    else {
        panic!("{} blocks", blocks.len())
    };
    let drafter = Source::new("drafter.yaml", *drafter);
    assert_eq!(folder(std::slice::from_ref(&drafter), GuardrailsFile::Optional), "");
    // What its tests promise is so.
    let (set, _) = PolicySet::load(&[drafter], GuardrailsFile::Optional).unwrap();
    let schema = SchemaSnapshot::from_snapshot(warrener::policy::set::BUILT_IN_SCHEMA).unwrap();
    for drafts in [drafts, tables, local] {
        let drafts = CaseFile::load(&Source::new("drafter.test.yaml", *drafts)).unwrap();
        for case in &drafts.tests {
            let run = drafts.run(case, &set, Some(&schema));
            assert!(run.result.is_ok(), "{}: {run:?}", case.name);
        }
    }
    assert_eq!(folder(&[Source::new("translator.yaml", *translator)], GuardrailsFile::Optional), "");
    assert_eq!(folder(&[Source::new("example.yaml", *needed)], GuardrailsFile::Optional), "");
    assert_eq!(role(&format!("{ROLE}{limits}")), "");
    let feedback = Source::new("feedback.yaml", *feedback);
    let (set, _) = PolicySet::load(&[feedback], GuardrailsFile::Optional).unwrap();
    assert_eq!(set.sources().render(&check(&set, Some(&schema)), false), "");
    let cases = CaseFile::load(&Source::new("translator.test.yaml", *tests)).unwrap();
    assert_eq!((cases.role.as_str(), cases.tests.len()), ("translator", 4));
    let proofs = ProofFile::load(&Source::new("content.proof.yaml", *proofs)).unwrap();
    let shipped = PolicySet::built_in().unwrap();
    let outcomes = proofs.assertions.iter().map(|one| one.prove(&shipped, None).unwrap().proved);
    let held: Vec<bool> = outcomes.map(|proved| matches!(proved, Proved::Holds { .. })).collect();
    // Nobody has said yet that a number of that name is a secret.
    assert_eq!(held, [true, false]);
}

/// Text that is nearly a policy: pieces of one, shuffled.
fn nearly_a_policy() -> impl Strategy<Value = String> {
    let pieces = [
        "version: 1\n",
        "role: editor\n",
        "permissions:\n",
        "  - ",
        "id: a\n",
        "    ",
        "collections: ",
        "[",
        "]",
        "{",
        "}",
        "\"*\"",
        "!x ",
        "*a ",
        "&a ",
        "actions: ",
        "read",
        ", ",
        ": ",
        "\n",
        "limits:\n",
        "rate: 1/s",
        "? ",
        "| ",
        "'",
        "\"",
        "\t",
        "<<: ",
        "---\n",
        "é",
        "\u{feff}",
        "0x",
        "1e999",
        "- ",
        "#",
        "%",
        "@",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..40).prop_map(|list| list.concat())
}

proptest! {
    #[test]
    fn no_text_panics_or_loses_its_place(text in prop_oneof![any::<String>(), nearly_a_policy()]) {
        for said in [role(&text), guardrails(&text), config(&text), cases(&text)] {
            prop_assert!(said.is_empty() || said.contains("-->"), "{said}");
        }
    }

    #[test]
    fn any_file_name_is_borne(name in any::<String>(), text in nearly_a_policy()) {
        folder(&[Source::new(name, text)], GuardrailsFile::Required);
    }
}

//! `check` as pipelines use it: which warnings there are, whether they fail, and how programs are told.

use super::Desk;
use serde_json::Value;

/// A folder with a warning, one that is silenced, and a name that needs a schema.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("warrener.yaml", "version: 1\npolicies: mine\nguardrails: none\n");
    desk.write(
        "mine/editor.yaml",
        r#"version: 1
role: editor
permissions:
  - {id: all, collections: ["*", "!directus_*"], actions: [read]}
  - {id: drafts, collections: [articles], actions: [read], filter: {status: {_eq: draft}}}
  - {id: flows, collections: [directus_flows], actions: [read, update]}
silence:
  - {lint: raises-rights, rule: flows, reason: Editors build flows.}
"#,
    );
    desk
}

#[tokio::test]
async fn a_warning_has_its_name_and_fails_on_request() {
    let desk = desk();
    insta::assert_snapshot!(desk.run("check").await, @r"
    exit code 0
    --- output
    warning[dead-rule]: `editor/drafts` is never asked: `all` before it permits all of it
     --> editor.yaml:5:10
      |
    5 |   - {id: drafts, collections: [articles], actions: [read], filter: {status: {_eq: draft}}}
      |          ^^^^^^
      |
      = help: the first that covers an access is taken: put the narrower one first, or leave it out

    valid, 1 warning: roles editor; revision [DIGEST]
    ");
    insta::assert_snapshot!(desk.run("check --deny-warnings").await, @r"
    exit code 3
    --- output
    warning[dead-rule]: `editor/drafts` is never asked: `all` before it permits all of it
     --> editor.yaml:5:10
      |
    5 |   - {id: drafts, collections: [articles], actions: [read], filter: {status: {_eq: draft}}}
      |          ^^^^^^
      |
      = help: the first that covers an access is taken: put the narrower one first, or leave it out

    not valid: no errors, 1 warning
    ");
    assert!(desk.run("check --deny-warnings --policies POLICIES").await.starts_with("exit code 0\n"));
}

#[tokio::test]
async fn github_is_told_with_commands() {
    insta::assert_snapshot!(desk().run("check --format github").await, @r"
    exit code 0
    --- output
    ::warning file=mine/editor.yaml,line=5,col=10,endLine=5,endColumn=16,title=dead-rule::`editor/drafts` is never asked: `all` before it permits all of it%0Ahelp: the first that covers an access is taken: put the narrower one first, or leave it out
    valid, 1 warning: roles editor; revision [DIGEST]
    ");
}

#[tokio::test]
async fn code_scanning_is_told_with_sarif() {
    let said = desk().run("check --format sarif --deny-warnings").await;
    let log = sarif(&said);
    assert!(said.starts_with("exit code 3\n"));
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), 19);
    insta::assert_json_snapshot!(log["runs"][0]["results"], @r#"
    [
      {
        "ruleId": "dead-rule",
        "ruleIndex": 1,
        "level": "warning",
        "message": {
          "text": "`editor/drafts` is never asked: `all` before it permits all of it\nhelp: the first that covers an access is taken: put the narrower one first, or leave it out"
        },
        "locations": [
          {
            "physicalLocation": {
              "artifactLocation": {
                "uri": "mine/editor.yaml",
                "uriBaseId": "%SRCROOT%"
              },
              "region": {
                "startLine": 5,
                "startColumn": 10,
                "endLine": 5,
                "endColumn": 16
              }
            }
          }
        ]
      }
    ]
    "#);
}

#[tokio::test]
async fn programs_are_told_with_an_array() {
    insta::assert_snapshot!(desk().run("check --format json").await, @r#"
    exit code 0
    --- output
    [
      {
        "severity": "warning",
        "code": "dead-rule",
        "message": "`editor/drafts` is never asked: `all` before it permits all of it",
        "file": "editor.yaml",
        "line": 5,
        "column": 10,
        "help": "the first that covers an access is taken: put the narrower one first, or leave it out"
      }
    ]
    "#);
}

#[tokio::test]
async fn all_lints_are_listed() {
    insta::assert_snapshot!(Desk::new().run("check --list-lints").await, @r#"
    exit code 0
    --- output
    never-matches          a permission has no collections, actions or keys, so it permits nothing
    dead-rule              an earlier rule covers all of this one, so it does nothing
    forbidden-anyway       what is permitted here is always forbidden by the role or the guardrails
    mixed-permissions      two permissions would only together permit a call, and they do not mix
    write-without-read     what is written may not be read, so the client never sees it
    reaches-users          a `"*"` reaches `directus_users` too
    raises-rights          the role may write what rights in Directus are made of, and so raise its own
    observed-writes        writes pass because a role or a rule is only observed
    current-user           `$CURRENT_USER` is the user of the upstream token, not the client
    unknown-value          a validation compares with what only Directus knows, so it denies
    import-collection      `import` is permitted, but not on `directus_files`
    import-cleartext       bytes are imported without encryption
    unreachable-limit      another limit is always reached first, or nothing that the role may do counts
    unknown-collection     a permission names a collection that the schema does not have
    unknown-field          a permission names a field that none of its collections has
    unmatched-pattern      a pattern with `*` fits nothing that the schema has
    filter-behind-pointer  items with a `filter` are also what a pointer to one item leads to, where it may not be kept
    failing-default        a new item that leaves a field to its default fails the validation
    unused-silence         an entry of `silence` silences nothing
    "#);
    let listed = Desk::new().run("check --list-lints --format json").await;
    let listed: Vec<Value> = serde_json::from_str(listed.split_once("--- output\n").unwrap().1).unwrap();
    assert_eq!((listed.len(), &listed[1]["lint"]), (19, &Value::from("dead-rule")));
}

/// Whatever is wrong, and whoever wrote it: each program gets one well-formed answer, with the same findings.
#[tokio::test]
async fn nothing_that_a_file_says_gets_out_of_its_place() {
    let texts = [
        "version: 1\nrole: editor\nmode: \"[x](https://evil.example) {0} ::error::y %0A::error::z\"\npermissions: []\n",
        "version: 1\nrole: editor\npermissions: []\n\"a\\n::error file=x::y\": 1\n\"\\x1b[2Jk\\u202E\": 1\n",
        "version: 1\nrole: editor\npermissions: [{id: a, collections: [\"##[error]x\"], actions: [\"\\r\\n::warning::x\"]}]\n",
        "version: 1\nrole: editor\npermissions: [*a]\nimport_from: [\"https://a/%0a::x\", \"ftp://[x](y)\"]\n",
        "",
    ];
    for text in texts {
        let desk = Desk::new();
        desk.write("warrener.yaml", "version: 1\nguardrails: none\n");
        desk.write("mine, ::too/editor.yaml", text);
        let all = desk.run_words(&["check", "--policies", "mine, ::too", "--format", "json"]).await;
        let all: Vec<Value> = serde_json::from_str(all.split_once("--- output\n").unwrap().1).unwrap();
        assert!(!all.is_empty());

        let github = desk.run_words(&["check", "--policies", "mine, ::too", "--format", "github"]).await;
        let lines: Vec<&str> = github.lines().skip(2).collect();
        assert_eq!(lines.len(), all.len() + 1, "{github}");
        for line in &lines[..all.len()] {
            let head = line
                .strip_prefix("::error file=mine%2C %3A%3Atoo/editor.yaml")
                .unwrap_or_else(|| panic!("{line}"));
            let (head, _) = head.split_once("::").unwrap();
            assert!(
                head.split(',').skip(1).all(|part| part.contains('=')) && !line.contains('\u{1b}'),
                "{line}"
            );
        }

        let said = desk.run_words(&["check", "--policies", "mine, ::too", "--format", "sarif"]).await;
        let log = sarif(&said);
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), all.len());
        for result in results {
            let text = result["message"]["text"].as_str().unwrap();
            assert!(!text.contains("](") && !text.replace("{{", "").contains('{'), "{text}");
            let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
            assert_eq!(place["uri"], "mine%2C%20%3A%3Atoo/editor.yaml");
        }
        assert!(!said.contains(['\u{1b}', '\u{202e}']));
    }
}

#[tokio::test]
async fn schemas_are_printed_and_written() {
    let desk = Desk::new();
    let all = desk.run("schema").await;
    let all: Value = serde_json::from_str(all.split_once("--- output\n").unwrap().1).unwrap();
    let names: Vec<&String> = all.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "policy.schema.json",
            "guardrails.schema.json",
            "test.schema.json",
            "proof.schema.json",
            "warrener.schema.json"
        ]
    );
    for (kind, name) in ["policy", "guardrails", "test", "proof", "config"].iter().zip(&names) {
        let one = desk.run(&format!("schema {kind}")).await;
        let one: Value = serde_json::from_str(one.split_once("--- output\n").unwrap().1).unwrap();
        assert_eq!(&one, &all[name.as_str()]);
    }
    insta::assert_snapshot!(desk.run("schema --out new/folder").await, @r"
    exit code 0
    --- output
    wrote new/folder/policy.schema.json
    wrote new/folder/guardrails.schema.json
    wrote new/folder/test.schema.json
    wrote new/folder/proof.schema.json
    wrote new/folder/warrener.schema.json
    ");
    insta::assert_snapshot!(desk.run("schema config --out new/folder").await, @r"
    exit code 0
    --- output
    wrote new/folder/warrener.schema.json
    ");
    let written = std::fs::read(desk.path("new/folder/warrener.schema.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), all["warrener.schema.json"]);
    desk.write("taken", "");
    insta::assert_snapshot!(desk.run("schema test --out taken").await, @r"
    exit code 1
    --- messages
    error: cannot write `taken/test.schema.json`: File exists (os error 17)
    ");
    insta::assert_snapshot!(desk.run("schema role").await, @r"
    exit code 1
    --- messages
    error: invalid value 'role' for '[KIND]'
      [possible values: policy, guardrails, test, proof, config]

    For more information, try '--help'.
    ");
}

/// The log, held against the published schema of the format.
fn sarif(said: &str) -> Value {
    let log: Value = serde_json::from_str(said.split_once("--- output\n").unwrap().1).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../fixtures/sarif-2.1.0.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    log
}

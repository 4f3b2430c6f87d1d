//! `init`, `check` and `test`: the first minutes with the policies.

use super::Desk;

#[tokio::test]
async fn what_init_writes_is_valid_and_passes_its_tests() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run("init").await, @r#"
    exit code 0
    --- output
    wrote warrener.yaml
    wrote policies/README.md
    wrote policies/schema/snapshot.yaml
    wrote policies/policy.schema.json
    wrote policies/guardrails.schema.json
    wrote policies/test.schema.json
    wrote policies/proof.schema.json
    wrote warrener.schema.json
    wrote policies/guardrails.yaml
    wrote policies/guardrails.proof.yaml
    wrote policies/reader.yaml
    wrote policies/content-editor.yaml
    wrote policies/developer.yaml
    wrote policies/reader.test.yaml
    wrote policies/content-editor.test.yaml
    wrote policies/developer.test.yaml

    next:
      1. say in warrener.yaml where Directus is (`upstream.url`), then: warrener check
      2. DIRECTUS_TOKEN=… warrener serve
    "#);
    insta::assert_snapshot!(desk.run("check").await, @r#"
    exit code 0
    --- output
    valid, no warnings: roles content-editor, developer, reader; revision [DIGEST]
    "#);
    insta::assert_snapshot!(desk.run("check --schema policies/schema/snapshot.yaml").await, @r#"
    exit code 0
    --- output
    valid, no warnings: roles content-editor, developer, reader; revision [DIGEST]
    "#);
    insta::assert_snapshot!(desk.run("test").await, @r#"
    exit code 0
    --- output
    139 passed, 0 failed
    coverage: 25 of 26 rules (96 %)
    "#);
}

#[tokio::test]
async fn init_writes_over_nothing() {
    let desk = Desk::new();
    desk.write("new/policies/reader.yaml", "mine\n");
    insta::assert_snapshot!(desk.run("init new").await, @r#"
    exit code 1
    --- messages
    error: nothing is written, as there already is `new/policies/reader.yaml`
    "#);
    assert_eq!(std::fs::read_to_string(desk.path("new/policies/reader.yaml")).unwrap(), "mine\n");
    let left: Vec<_> = std::fs::read_dir(desk.path("new")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    insta::assert_snapshot!(desk.run("init another").await, @r#"
    exit code 0
    --- output
    wrote another/warrener.yaml
    wrote another/policies/README.md
    wrote another/policies/schema/snapshot.yaml
    wrote another/policies/policy.schema.json
    wrote another/policies/guardrails.schema.json
    wrote another/policies/test.schema.json
    wrote another/policies/proof.schema.json
    wrote another/warrener.schema.json
    wrote another/policies/guardrails.yaml
    wrote another/policies/guardrails.proof.yaml
    wrote another/policies/reader.yaml
    wrote another/policies/content-editor.yaml
    wrote another/policies/developer.yaml
    wrote another/policies/reader.test.yaml
    wrote another/policies/content-editor.test.yaml
    wrote another/policies/developer.test.yaml

    next:
      1. say in warrener.yaml where Directus is (`upstream.url`), then: cd another && warrener check
      2. cd another && DIRECTUS_TOKEN=… warrener serve
    "#);
}

#[tokio::test]
async fn the_shipped_policies_pass() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run("check --policies POLICIES --schema SCHEMA").await, @r#"
    exit code 0
    --- output
    valid, no warnings: roles content-editor, developer, reader; revision [DIGEST]
    "#);
    insta::assert_snapshot!(desk.run("check --policies POLICIES --schema SCHEMA --format json").await, @r#"
    exit code 0
    --- output
    []
    "#);
    insta::assert_snapshot!(desk.run("test --policies POLICIES").await, @r#"
    exit code 0
    --- output
    139 passed, 0 failed
    coverage: 25 of 26 rules (96 %)
    "#);
    insta::assert_snapshot!(desk.run("test").await, @r#"
    exit code 0
    --- output
    139 passed, 0 failed
    coverage: 25 of 26 rules (96 %)
    "#);
    // Their tests hold for a whole schema, too.
    insta::assert_snapshot!(desk.run("test --policies POLICIES --schema SCHEMA --format json").await, @r#"
    exit code 0
    --- output
    {
      "passed": 139,
      "failed": 0,
      "failures": [],
      "coverage": {
        "rules": 26,
        "touched": 25,
        "percent": 96,
        "min_percent": null,
        "not_touched": [
          {
            "rule": "guardrails/no-flow-changes",
            "file": "[CHECKOUT]/policies/guardrails.yaml",
            "line": 59
          }
        ]
      }
    }
    "#);
}

#[tokio::test]
async fn warnings_are_no_failure() {
    let desk = Desk::new();
    desk.write("warrener.yaml", "version: 1\npolicies: mine\nguardrails: none\n");
    desk.write(
        "mine/editor.yaml",
        "version: 1\nrole: editor\npermissions:\n  - {id: write, collections: [articles], actions: [update]}\n",
    );
    insta::assert_snapshot!(desk.run("check").await, @r#"
    exit code 0
    --- output
    warning[write-without-read]: `write` lets `editor` write `articles`, which it may not read
     --> editor.yaml:4:10
      |
    4 |   - {id: write, collections: [articles], actions: [update]}
      |          ^^^^^
      |
      = help: permit `read` too, or the client never sees what it wrote

    valid, 1 warning: roles editor; revision [DIGEST]
    "#);
    insta::assert_snapshot!(desk.run("check --format json").await, @r#"
    exit code 0
    --- output
    [
      {
        "severity": "warning",
        "code": "write-without-read",
        "message": "`write` lets `editor` write `articles`, which it may not read",
        "file": "editor.yaml",
        "line": 4,
        "column": 10,
        "help": "permit `read` too, or the client never sees what it wrote"
      }
    ]
    "#);
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let desk = Desk::new();
    desk.write("warrener.yaml", "version: 1\nlisten: 0.0.0.0:8080\n");
    desk.write(
        "mine/editor.yaml",
        "version: 1\nrole: editor\npermissions:\n  - {id: write, collection: articles, actions: [drop]}\n",
    );
    desk.write(
        "mine/editor.test.yaml",
        "version: 1\ntests:\n  - {name: one, call: {tool: items}, expect: {deny: no}}\n",
    );
    insta::assert_snapshot!(desk.run("check --policies mine").await, @r#"
    exit code 3
    --- output
    error[unknown-word]: `no` is not the code of a denial
     --> editor.test.yaml:3:53
      |
    3 |   - {name: one, call: {tool: items}, expect: {deny: no}}
      |                                                     ^^
      |
      = help: write `no_permission`, `forbidden`, `invalid_value`, `over_limit`, `rate_limited`, `not_understood`, `too_large` or `unavailable`

    error[unknown-key]: `collection` is not a key of a permission
     --> editor.yaml:4:17
      |
    4 |   - {id: write, collection: articles, actions: [drop]}
      |                 ^^^^^^^^^^
      |
      = help: `collection` is called `collections` here

    error[unknown-action]: `drop` is not an action
     --> editor.yaml:4:49
      |
    4 |   - {id: write, collection: articles, actions: [drop]}
      |                                                 ^^^^
      |
      = help: write `read`, `create`, `update`, `delete`, `execute` or `import`

    error[no-guardrails]: the guardrails are missing
    --> guardrails.yaml
     = help: add the file, or write `guardrails: none` into warrener.yaml

    error[insecure]: listening on `0.0.0.0:8080` would send keys and content over the network in cleartext
     --> warrener.yaml:2:9
      |
    2 | listen: 0.0.0.0:8080
      |         ^^^^^^^^^^^^
      |
      = help: give it a certificate with `tls`, listen on 127.0.0.1 behind a TLS proxy, or add `insecure: true`

    not valid: 5 errors, no warnings
    "#);
}

const FAILING: &str = r#"version: 1
tests:
  - name: deletes
    call: {tool: items, arguments: {action: delete, collection: articles, keys: [1]}}
    expect: permit
  - name: reads without a limit
    call: {tool: items, arguments: {action: read, collection: tags, query: {fields: [name]}}}
    expect: {permit: {forward: {query: {limit: 50}}}}
  - name: is denied by another rule
    call: {tool: items, arguments: {action: delete, collection: articles, keys: [1]}}
    expect: {deny: forbidden, rule: guardrails/no-deletes}
  - name: cannot read
    raw: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"items","arguments":{"action":"read","collection":"tags","keys":[1],"query":{"fields":["name"]}}}}'
    expect: {deny: no_permission}
  - {name: sees, list: tools, expect: [items, shell]}
  - {name: sees prompts, list: prompts, expect: [summary]}
"#;

#[tokio::test]
async fn a_failing_test_says_what_came() {
    let desk = Desk::new();
    desk.write("reader.test.yaml", FAILING);
    insta::assert_snapshot!(desk.run("test --schema SCHEMA reader.test.yaml").await, @r#"
    exit code 1
    --- output
    reader.test.yaml:3: deletes
      expected  permit
      came      deny, forbidden (reader/read-only): Deleting from articles is forbidden. This client may only read. Ask for the role content-editor.

    reader.test.yaml:6: reads without a limit
      expected  permit, forwarding {"query":{"limit":50}}
      came      permit, forwarding {"action":"read","collection":"tags","query":{"fields":["name"],"limit":100}}

    reader.test.yaml:9: is denied by another rule
      expected  deny, forbidden (guardrails/no-deletes)
      came      deny, forbidden (reader/read-only): Deleting from articles is forbidden. This client may only read. Ask for the role content-editor.

    reader.test.yaml:12: cannot read
      expected  deny, no_permission
      came      permit, by reader/read-content

    reader.test.yaml:15: sees
      expected  items, shell
      came      assets, collections, fields, files, folders, items, relations, schema, system-prompt

    1 passed, 5 failed
    coverage: 2 of 8 rules (25 %)
    "#);
}

#[tokio::test]
async fn a_failing_test_says_so_to_programs() {
    let desk = Desk::new();
    desk.write("reader.test.yaml", FAILING);
    let told = desk.run("test --schema SCHEMA --format json reader.test.yaml").await;
    let (failures, _) = told.split_once("  \"coverage\": ").unwrap();
    insta::assert_snapshot!(failures, @r#"
    exit code 1
    --- output
    {
      "passed": 1,
      "failed": 5,
      "failures": [
        {
          "file": "reader.test.yaml",
          "line": 3,
          "name": "deletes",
          "expected": "permit",
          "came": "deny, forbidden (reader/read-only): Deleting from articles is forbidden. This client may only read. Ask for the role content-editor."
        },
        {
          "file": "reader.test.yaml",
          "line": 6,
          "name": "reads without a limit",
          "expected": "permit, forwarding {\"query\":{\"limit\":50}}",
          "came": "permit, forwarding {\"action\":\"read\",\"collection\":\"tags\",\"query\":{\"fields\":[\"name\"],\"limit\":100}}"
        },
        {
          "file": "reader.test.yaml",
          "line": 9,
          "name": "is denied by another rule",
          "expected": "deny, forbidden (guardrails/no-deletes)",
          "came": "deny, forbidden (reader/read-only): Deleting from articles is forbidden. This client may only read. Ask for the role content-editor."
        },
        {
          "file": "reader.test.yaml",
          "line": 12,
          "name": "cannot read",
          "expected": "deny, no_permission",
          "came": "permit, by reader/read-content"
        },
        {
          "file": "reader.test.yaml",
          "line": 15,
          "name": "sees",
          "expected": "items, shell",
          "came": "assets, collections, fields, files, folders, items, relations, schema, system-prompt"
        }
      ],
    "#);
}

#[tokio::test]
async fn no_call_passes_its_test_for_want_of_a_schema() {
    let desk = Desk::new();
    desk.write("reader.test.yaml", FAILING);
    insta::assert_snapshot!(desk.run("test reader.test.yaml").await, @r#"
    exit code 1
    --- output
    reader.test.yaml:3: deletes
      expected  permit
      came      deny, not_understood (-): no schema is given, so it cannot be told what this call would do: name one

    reader.test.yaml:6: reads without a limit
      expected  permit, forwarding {"query":{"limit":50}}
      came      deny, not_understood (-): no schema is given, so it cannot be told what this call would do: name one

    reader.test.yaml:9: is denied by another rule
      expected  deny, forbidden (guardrails/no-deletes)
      came      deny, not_understood (-): no schema is given, so it cannot be told what this call would do: name one

    reader.test.yaml:12: cannot read
      expected  deny, no_permission
      came      deny, not_understood (-): no schema is given, so it cannot be told what this call would do: name one

    reader.test.yaml:15: sees
      expected  items, shell
      came      assets, collections, fields, files, folders, items, relations, schema, system-prompt

    1 passed, 5 failed
    coverage: 0 of 8 rules (0 %)
    "#);
}

#[tokio::test]
async fn tests_that_cannot_be_run_are_said() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run("test missing.test.yaml").await, @r#"
    exit code 1
    --- messages
    error: cannot read `missing.test.yaml`: No such file or directory (os error 2)
    "#);
    desk.write("nobody.test.yaml", "version: 1\ntests: []\n");
    insta::assert_snapshot!(desk.run("test nobody.test.yaml").await, @r#"
    exit code 3
    --- messages
    error[unknown-role]: the tests speak of the role `nobody`, for which there is no policy file
    --> nobody.test.yaml
     = help: name one of content-editor, developer, reader in `role`
    "#);
    desk.write("reader.test.yaml", "version: 1\ntests: []\n");
    insta::assert_snapshot!(desk.run("test reader.test.yaml").await, @r#"
    exit code 1
    --- messages
    error: there are no tests: write some into a file `ROLE.test.yaml` beside the policies
    "#);
    desk.write("reader.test.yaml", "version: 1\nschema: gone\ntests: []\n");
    insta::assert_snapshot!(desk.run("test reader.test.yaml").await, @r#"
    exit code 1
    --- messages
    error: cannot read `gone`: No such file or directory (os error 2)
    "#);
    desk.write("reader.test.yaml", "version: 1\ntests: [{name: one}]\n");
    insta::assert_snapshot!(desk.run("test reader.test.yaml").await, @r#"
    exit code 3
    --- messages
    error[missing-key]: a test needs `call`
     --> reader.test.yaml:2:10
      |
    2 | tests: [{name: one}]
      |          ^^^^
      |
      = help: write `call: {tool: items, arguments: {…}}`

    error[missing-key]: a test needs `expect`
     --> reader.test.yaml:2:10
      |
    2 | tests: [{name: one}]
      |          ^^^^
      |
      = help: write `expect: permit` or `expect: {deny: forbidden}`
    "#);
}

#[test]
fn commands_speak_of_what_the_settings_name() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_warrener"))
            .args(words)
            .current_dir(folder.path())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let settings = "version: 1\nkeys: own.keys.yaml\naudit: {url: \"sqlite://own.db\"}\n";
    std::fs::write(folder.path().join("warrener.yaml"), settings).unwrap();
    run(&["key", "new", "desk", "--role", "reader"]);
    assert!(folder.path().join("own.keys.yaml").exists());
    assert!(run(&["audit", "query"]).contains("`own.db`"));
    assert!(run(&["audit", "--audit", "sqlite://said.db", "query"]).contains("`said.db`"), "a flag wins");
}

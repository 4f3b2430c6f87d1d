//! Entries of `silence` that say too little, or ask for too much.

use super::{guardrails, role};
use insta::assert_snapshot;

#[test]
fn a_silence_needs_a_lint_and_a_reason() {
    let text = r#"version: 1
role: editor
permissions:
  - {id: write, collections: [articles], actions: [update]}
silence:
  - {lint: write-without-read}
  - {lint: write-without-reed, reason: ""}
  - {lint: unknown-key, reason: Never mind.}
  - {lint: unused-silence, reason: Let me be.}
  - {lint: dead-rule, rule: writ, reason: Why not.}
  - {lint: dead-rule, rule: other, because: Why not.}
  - dead-rule
"#;
    assert_snapshot!(role(text), @r#"
    error[missing-key]: an entry of `silence` needs `reason`
     --> editor.yaml:6:6
      |
    6 |   - {lint: write-without-read}
      |      ^^^^
      |
      = help: say why it is meant so: `reason: …`

    error[unknown-lint]: `write-without-reed` is not a lint that can be silenced
     --> editor.yaml:7:12
      |
    7 |   - {lint: write-without-reed, reason: ""}
      |            ^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `write-without-read`?

    error[empty]: this text is empty
     --> editor.yaml:7:40
      |
    7 |   - {lint: write-without-reed, reason: ""}
      |                                        ^^
      |
      = help: write a text, or leave the key out

    error[unknown-lint]: `unknown-key` is not a lint that can be silenced
     --> editor.yaml:8:12
      |
    8 |   - {lint: unknown-key, reason: Never mind.}
      |            ^^^^^^^^^^^
      |
      = help: `warrener check --list-lints` shows them; what is an error cannot be silenced

    error[unknown-lint]: `unused-silence` is not a lint that can be silenced
     --> editor.yaml:9:12
      |
    9 |   - {lint: unused-silence, reason: Let me be.}
      |            ^^^^^^^^^^^^^^
      |
      = help: `warrener check --list-lints` shows them; what is an error cannot be silenced

    error[unknown-rule]: there is no rule `writ` in this file
      --> editor.yaml:10:29
       |
    10 |   - {lint: dead-rule, rule: writ, reason: Why not.}
       |                             ^^^^
       |
       = help: did you mean `write`?

    error[unknown-rule]: there is no rule `other` in this file
      --> editor.yaml:11:29
       |
    11 |   - {lint: dead-rule, rule: other, because: Why not.}
       |                             ^^^^^
       |
       = help: the rules of the file are `write`

    error[unknown-key]: `because` is not a key of an entry of `silence`
      --> editor.yaml:11:36
       |
    11 |   - {lint: dead-rule, rule: other, because: Why not.}
       |                                    ^^^^^^^
       |
       = help: `because` is called `reason` here

    error[type]: expected an entry of `silence`, found text
      --> editor.yaml:12:5
       |
    12 |   - dead-rule
       |     ^^^^^^^^^
       |
       = help: write an entry of `silence` with `lint`, `rule` or `reason`
    "#);
}

#[test]
fn guardrails_are_silenced_the_same_way() {
    let text = "version: 1\nsilence: [{lint: dead-rule, rule: a, reason: b}]\nallow: []\n";
    assert_snapshot!(guardrails(text), @r"
    error[unknown-rule]: there is no rule `a` in this file
     --> guardrails.yaml:2:35
      |
    2 | silence: [{lint: dead-rule, rule: a, reason: b}]
      |                                   ^
      |
      = help: leave it out: the file has no rules

    error[unknown-key]: `allow` is not a key of the guardrails
     --> guardrails.yaml:3:1
      |
    3 | allow: []
      | ^^^^^
      |
      = help: guardrails permit nothing; put permissions into the file of a role
    ");
}

#[test]
fn other_words_for_it() {
    assert_snapshot!(role("version: 1\nrole: editor\npermissions: []\nignore: []\n"), @r"
    error[unknown-key]: `ignore` is not a key of a role
     --> editor.yaml:4:1
      |
    4 | ignore: []
      | ^^^^^^
      |
      = help: `ignore` is called `silence` here
    ");
}

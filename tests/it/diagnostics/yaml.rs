//! What is no YAML for Warrener, and what looks like something else than it is.

use super::role;
use insta::assert_snapshot;

#[test]
fn a_tag_wants_quotes() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [!secret]
    actions: [read]
";
    assert_snapshot!(role(text), @r#"
    error[yaml-tag]: `!secret` is a YAML tag, not text
     --> editor.yaml:5:19
      |
    5 |     collections: [!secret]
      |                   ^^^^^^^
      |
      = help: quote it: `"!secret"`
    "#);
}

#[test]
fn an_alias_wants_quotes() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
redact: [*.password]
";
    assert_snapshot!(role(text), @r#"
    error[yaml-alias]: `*.password` is a YAML alias, which is not used here
     --> editor.yaml:7:10
      |
    7 | redact: [*.password]
      |          ^^^^^^^^^^
      |
      = help: quote it: `"*.password"`
    "#);
}

#[test]
fn a_reserved_character_wants_quotes() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [@junctions]
    actions: [read]
";
    assert_snapshot!(role(text), @r#"
    error[yaml-syntax]: this is not YAML: unexpected character: `@'
     --> editor.yaml:5:19
      |
    5 |     collections: [@junctions]
      |                   ^
      |
      = help: quote it: `"@junctions"`
    "#);
}

#[test]
fn anchors_and_aliases_are_not_used() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: &all [articles]
    actions: *all
";
    assert_snapshot!(role(text), @r"
    error[yaml-anchor]: `&all` is a YAML anchor, which is not used here
     --> editor.yaml:5:18
      |
    5 |     collections: &all [articles]
      |                  ^^^^
      |
      = help: write the value out where it is needed

    error[yaml-alias]: `*all` is a YAML alias, which is not used here
     --> editor.yaml:6:14
      |
    6 |     actions: *all
      |              ^^^^
      |
      = help: write the value out where it is needed
    ");
}

#[test]
fn merge_keys_are_not_used() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    <<: {max_items: 3}
";
    assert_snapshot!(role(text), @r"
    error[yaml-merge]: `<<` is a YAML merge key, which is not used here
     --> editor.yaml:7:5
      |
    7 |     <<: {max_items: 3}
      |     ^^
      |
      = help: write the entries out
    ");
}

#[test]
fn a_key_given_twice() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
role: other
";
    assert_snapshot!(role(text), @r"
    error[duplicate-key]: `role` is given twice
     --> editor.yaml:7:1
      |
    2 | role: editor
      | ---- first given here
    ...
    7 | role: other
      | ^^^^
      |
      = help: keep one of them, or join them
    ");
}

#[test]
fn a_second_document() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
---
role: other
";
    assert_snapshot!(role(text), @r"
    error[yaml-documents]: a second document begins here, and would be ignored
     --> editor.yaml:7:1
      |
    7 | ---
      | ^^^
      |
      = help: keep one document in a file
    ");
}

#[test]
fn tabs_do_not_indent() {
    let text = r"version: 1
role: editor
permissions:
	- id: read
";
    assert_snapshot!(role(text), @r"
    error[yaml-syntax]: this is not YAML: tabs disallowed within this context (block indentation)
     --> editor.yaml:4:2
      |
    4 |     - id: read
      |     ^
      |
      = help: indent with spaces
    ");
}

#[test]
fn an_empty_file() {
    let text = "";
    assert_snapshot!(role(text), @r"
    error[type]: expected a role, found nothing
     --> editor.yaml:1:1
      |
    1 |
      | ^
      |
      = help: write a role with `version`, `role`, `description`, `mode`, `permissions`, `forbid`, `import_from`, `tools`, `prompts`, `system_prompt`, `limits`, `redact` or `silence`
    ");
}

#[test]
fn numbers_that_readers_disagree_about() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    keys: [007, 0x1F, +3]
";
    assert_snapshot!(role(text), @r"
    error[yaml-number]: `007` is a number in a form that readers disagree about
     --> editor.yaml:7:12
      |
    7 |     keys: [007, 0x1F, +3]
      |            ^^^
      |
      = help: write it without a leading zero, sign or point, or quote it

    error[yaml-number]: `0x1F` is a number to some readers of YAML and text to others
     --> editor.yaml:7:17
      |
    7 |     keys: [007, 0x1F, +3]
      |                 ^^^^
      |
      = help: write it in decimal, or quote it

    error[yaml-number]: `+3` is a number in a form that readers disagree about
     --> editor.yaml:7:23
      |
    7 |     keys: [007, 0x1F, +3]
      |                       ^^
      |
      = help: write it without a leading zero, sign or point, or quote it
    ");
}

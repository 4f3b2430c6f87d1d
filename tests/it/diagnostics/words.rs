//! Keys, actions and names that are not known, with the word that was meant.

use super::role;
use insta::assert_snapshot;

#[test]
fn permissions_inside_a_permission() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    permissions: {status: {_eq: draft}}
";
    assert_snapshot!(role(text), @r"
    error[unknown-key]: `permissions` is not a key of a permission
     --> editor.yaml:7:5
      |
    7 |     permissions: {status: {_eq: draft}}
      |     ^^^^^^^^^^^
      |
      = help: `permissions` is called `filter` here
    ");
}

#[test]
fn the_words_of_directus() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collection: [articles]
    action: [read]
    limit: 10
";
    assert_snapshot!(role(text), @r"
    error[unknown-key]: `collection` is not a key of a permission
     --> editor.yaml:5:5
      |
    5 |     collection: [articles]
      |     ^^^^^^^^^^
      |
      = help: `collection` is called `collections` here

    error[unknown-key]: `action` is not a key of a permission
     --> editor.yaml:6:5
      |
    6 |     action: [read]
      |     ^^^^^^
      |
      = help: `action` is called `actions` here

    error[unknown-key]: `limit` is not a key of a permission
     --> editor.yaml:7:5
      |
    7 |     limit: 10
      |     ^^^^^
      |
      = help: `limit` is called `max_items` here
    ");
}

#[test]
fn a_misspelt_key() {
    let text = r"version: 1
role: editor
permisions:
  - id: read
    collections: [articles]
    actions: [read]
";
    assert_snapshot!(role(text), @r"
    error[unknown-key]: `permisions` is not a key of a role
     --> editor.yaml:3:1
      |
    3 | permisions:
      | ^^^^^^^^^^
      |
      = help: did you mean `permissions`?
    ");
}

#[test]
fn a_key_that_nobody_knows() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
colour: red
";
    assert_snapshot!(role(text), @r"
    error[unknown-key]: `colour` is not a key of a role
     --> editor.yaml:7:1
      |
    7 | colour: red
      | ^^^^^^
      |
      = help: a role has `version`, `role`, `description`, `mode`, `permissions`, `forbid`, `import_from`, `tools`, `prompts`, `system_prompt`, `limits`, `redact` or `silence`
    ");
}

#[test]
fn an_unknown_action() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [reed, write, remove]
";
    assert_snapshot!(role(text), @r"
    error[unknown-action]: `reed` is not an action
     --> editor.yaml:6:15
      |
    6 |     actions: [reed, write, remove]
      |               ^^^^
      |
      = help: did you mean `read`?

    error[unknown-action]: `write` is not an action
     --> editor.yaml:6:21
      |
    6 |     actions: [reed, write, remove]
      |                     ^^^^^
      |
      = help: write `create`, `update` or both

    error[unknown-action]: `remove` is not an action
     --> editor.yaml:6:28
      |
    6 |     actions: [reed, write, remove]
      |                            ^^^^^^
      |
      = help: did you mean `delete`?
    ");
}

#[test]
fn a_dotted_field() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    fields: [title, author.name]
";
    assert_snapshot!(role(text), @r"
    error[dotted-name]: `author.name` is a path, not a name
     --> editor.yaml:7:21
      |
    7 |     fields: [title, author.name]
      |                     ^^^^^^^^^^^
      |
      = help: permit `author` here and `name` in a permission for the collection that `author` points to
    ");
}

#[test]
fn a_list_that_only_excludes() {
    let text = r#"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    fields: ["!secret_note"]
"#;
    assert_snapshot!(role(text), @r#"
    error[only-exclusions]: this list only excludes, so nothing is in it
     --> editor.yaml:7:13
      |
    7 |     fields: ["!secret_note"]
      |             ^^^^^^^^^^^^^^^^
      |
      = help: put `"*"` first to start from everything
    "#);
}

#[test]
fn a_pattern_without_quotes() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [blog_*]
    actions: [read]
";
    assert_snapshot!(role(text), @r#"
    error[unquoted-pattern]: the pattern `blog_*` is not quoted
     --> editor.yaml:5:19
      |
    5 |     collections: [blog_*]
      |                   ^^^^^^
      |
      = help: quote it: `"blog_*"`
    "#);
}

#[test]
fn an_empty_pattern() {
    let text = r#"version: 1
role: editor
permissions:
  - id: read
    collections: ["", "!"]
    actions: [read]
"#;
    assert_snapshot!(role(text), @r#"
    error[empty]: this text is empty
     --> editor.yaml:5:19
      |
    5 |     collections: ["", "!"]
      |                   ^^
      |
      = help: write a text, or leave the key out

    error[pattern]: `!` excludes nothing
     --> editor.yaml:5:23
      |
    5 |     collections: ["", "!"]
      |                       ^^^
      |
      = help: write a name behind one `!`: `"!secret_note"`
    "#);
}

#[test]
fn a_pattern_with_other_wildcards() {
    let text = r#"version: 1
role: editor
permissions:
  - id: read
    collections: ["art?cles"]
    actions: [read]
"#;
    assert_snapshot!(role(text), @r#"
    error[pattern]: `art?cles` cannot be a name: it has `?` in it
     --> editor.yaml:5:19
      |
    5 |     collections: ["art?cles"]
      |                   ^^^^^^^^^^
      |
      = help: only `*` stands for other characters, and a leading `!` excludes
    "#);
}

#[test]
fn missing_keys() {
    let text = r"version: 1
role: editor
permissions:
  - collections: [articles]
";
    assert_snapshot!(role(text), @r"
    error[missing-key]: a permission needs `id`
     --> editor.yaml:4:5
      |
    4 |   - collections: [articles]
      |     ^^^^^^^^^^^
      |
      = help: give it a name: `id: read-content`

    error[missing-key]: a permission needs `actions`
     --> editor.yaml:4:5
      |
    4 |   - collections: [articles]
      |     ^^^^^^^^^^^
      |
      = help: list them: `actions: [read]`
    ");
}

#[test]
fn no_permissions_at_all() {
    let text = r"version: 1
role: editor
";
    assert_snapshot!(role(text), @r"
    error[missing-key]: a role needs `permissions`
     --> editor.yaml:1:1
      |
    1 | version: 1
      | ^^^^^^^
      |
      = help: write `permissions: []` for none
    ");
}

#[test]
fn another_version() {
    let text = r"version: 2
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
";
    assert_snapshot!(role(text), @r"
    error[version]: version `2` is not known to this Warrener
     --> editor.yaml:1:10
      |
    1 | version: 2
      |          ^
      |
      = help: write `version: 1`
    ");
}

#[test]
fn a_copied_file() {
    let text = r"version: 1
role: reader
permissions:
  - id: read
    collections: [articles]
    actions: [read]
";
    assert_snapshot!(role(text), @r"
    error[role-name]: the file is called `editor.yaml`, but says that it is the role `reader`
     --> editor.yaml:2:7
      |
    2 | role: reader
      |       ^^^^^^
      |
      = help: write `role: editor`, or rename the file to `reader.yaml`
    ");
}

#[test]
fn ids_are_unique() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
forbid:
  - {id: read, collections: [tags]}
";
    assert_snapshot!(role(text), @r"
    error[duplicate-id]: the id `read` is taken
     --> editor.yaml:8:10
      |
    4 |   - id: read
      |         ---- first used here
    ...
    8 |   - {id: read, collections: [tags]}
      |          ^^^^
      |
      = help: ids name rules in denials and in the trail: give each its own
    ");
}

#[test]
fn ids_are_plain() {
    let text = r"version: 1
role: editor
permissions:
  - id: Read_All
    collections: [articles]
    actions: [read]
";
    assert_snapshot!(role(text), @r"
    error[id]: `Read_All` is not an id
     --> editor.yaml:4:9
      |
    4 |   - id: Read_All
      |         ^^^^^^^^
      |
      = help: use lower-case letters, digits and hyphens: `read-content`
    ");
}

#[test]
fn text_where_a_list_is_wanted() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: articles
    actions: [read]
";
    assert_snapshot!(role(text), @r"
    error[type]: expected a list, found text
     --> editor.yaml:5:18
      |
    5 |     collections: articles
      |                  ^^^^^^^^
      |
      = help: write `[articles]`
    ");
}

#[test]
fn yes_is_not_a_boolean() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    by_query: yes
";
    assert_snapshot!(role(text), @r"
    error[type]: expected `true` or `false`, found text
     --> editor.yaml:7:15
      |
    7 |     by_query: yes
      |               ^^^
      |
      = help: write `true`
    ");
}

//! Policies that load, and do not do what was meant.

use super::lints;
use insta::assert_snapshot;

#[test]
fn nothing_to_match() {
    let text = r"version: 1
role: editor
permissions:
  - {id: a, collections: [], actions: [read]}
  - {id: b, collections: [tags], actions: []}
  - {id: c, collections: [directus_flows], actions: [execute], keys: [1]}
forbid:
  - {id: d, collections: []}
";
    assert_snapshot!(lints(text), @r"
    warning[never-matches]: `editor/a` permits nothing: it has no collections
     --> editor.yaml:4:10
      |
    4 |   - {id: a, collections: [], actions: [read]}
      |          ^
      |
      = help: fill it in, or leave the permission out

    warning[never-matches]: `editor/b` permits nothing: it has no actions
     --> editor.yaml:5:10
      |
    5 |   - {id: b, collections: [tags], actions: []}
      |          ^
      |
      = help: fill it in, or leave the permission out

    warning[never-matches]: `editor/c` permits nothing: the key of a flow is a UUID, not a number
     --> editor.yaml:6:10
      |
    6 |   - {id: c, collections: [directus_flows], actions: [execute], keys: [1]}
      |          ^
      |
      = help: fill it in, or leave the permission out

    error[never-matches]: `editor/d` forbids nothing
     --> editor.yaml:8:10
      |
    8 |   - {id: d, collections: []}
      |          ^
      |
      = help: list collections, and actions or none for all
    ");
}

#[test]
fn forbidden_anyway() {
    let text = r#"version: 1
role: editor
permissions:
  - {id: a, collections: [articles], actions: [read, delete]}
  - {id: b, collections: [tags], actions: [delete]}
forbid:
  - {id: no, collections: ["*"], actions: [delete]}
"#;
    assert_snapshot!(lints(text), @r"
    warning[forbidden-anyway]: `delete` on `articles` is permitted here, but `editor/no` forbids it
     --> editor.yaml:4:10
      |
    4 |   - {id: a, collections: [articles], actions: [read, delete]}
      |          ^
      |
      = help: leave it out here

    warning[forbidden-anyway]: `editor/b` can never permit anything: `editor/no` forbids it
     --> editor.yaml:5:10
      |
    5 |   - {id: b, collections: [tags], actions: [delete]}
      |          ^
      |
      = help: leave it out, or change the rule that forbids it
    ");
}

#[test]
fn a_star_reaches_users() {
    let text = r#"version: 1
role: editor
permissions:
  - {id: a, collections: ["*"], actions: [read]}
"#;
    assert_snapshot!(lints(text), @r#"
    warning[reaches-users]: the `"*"` of `a` permits `read` on `directus_users` too
     --> editor.yaml:4:10
      |
    4 |   - {id: a, collections: ["*"], actions: [read]}
      |          ^
      |
      = help: add `"!directus_*"`, or name `directus_users` where it is meant
    "#);
}

#[test]
fn writing_without_reading() {
    let text = r"version: 1
role: editor
permissions:
  - {id: a, collections: [articles], actions: [create]}
";
    assert_snapshot!(lints(text), @r"
    warning[write-without-read]: `a` lets `editor` write `articles`, which it may not read
     --> editor.yaml:4:10
      |
    4 |   - {id: a, collections: [articles], actions: [create]}
      |          ^
      |
      = help: permit `read` too, or the client never sees what it wrote
    ");
}

#[test]
fn importing_elsewhere() {
    let text = r#"version: 1
role: editor
permissions:
  - {id: a, collections: [articles], actions: [import]}
import_from: ["http://images.example.com/"]
"#;
    assert_snapshot!(lints(text), @r#"
    warning[import-collection]: `a` permits `import`, but not on `directus_files`
     --> editor.yaml:4:10
      |
    4 |   - {id: a, collections: [articles], actions: [import]}
      |          ^
      |
      = help: bytes are imported into `directus_files` only

    warning[import-cleartext]: `http://images.example.com/` is fetched without encryption
     --> editor.yaml:5:15
      |
    5 | import_from: ["http://images.example.com/"]
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `https://` where the host has it
    "#);
}

#[test]
fn permissions_that_would_have_to_mix() {
    let text = r"version: 1
role: editor
permissions:
  - {id: a, collections: [articles], actions: [read], fields: [title]}
  - {id: b, collections: [articles], actions: [read], fields: [body]}
";
    assert_snapshot!(lints(text), @r"
    warning[mixed-permissions]: `a` and `b` are about the same items, and neither covers the other
     --> editor.yaml:5:10
      |
    5 |   - {id: b, collections: [articles], actions: [read], fields: [body]}
      |          ^
      |
      = help: one permission has to cover a whole access: join them, or expect calls that need both to be denied
    ");
}

#[test]
fn observing_lets_through() {
    let text = r#"version: 1
role: editor
permissions:
  - {id: a, collections: [articles], actions: [read, update]}
mode: observe
forbid:
  - {id: b, collections: ["*"], observe: true}
"#;
    assert_snapshot!(lints(text), @r#"
    warning[observed-writes]: while `editor` is observed, it may write all that the guardrails leave
     --> editor.yaml:5:1
      |
    5 | mode: observe
      | ^^^^^
      |
      = help: observe with an upstream token that cannot write either, or go back to `mode: enforce`

    warning[observed-writes]: while `b` is observed, `editor` may do what it forbids
     --> editor.yaml:7:10
      |
    7 |   - {id: b, collections: ["*"], observe: true}
      |          ^
      |
      = help: take `observe: true` away when the trail has shown enough
    "#);
}

#[test]
fn names_that_the_schema_does_not_have() {
    let text = r#"version: 1
role: editor
permissions:
  - {id: a, collections: [artcles, directus_user], actions: [read]}
  - {id: b, collections: [articles], actions: [read], fields: ["*", "!secret_not"]}
redact: ["customers.snn"]
"#;
    assert_snapshot!(lints(text), @r#"
    warning[unknown-collection]: there is no collection `artcles` in the schema
     --> editor.yaml:4:10
      |
    4 |   - {id: a, collections: [artcles, directus_user], actions: [read]}
      |          ^
      |
      = help: did you mean `articles`?

    warning[unknown-collection]: there is no collection `directus_user` in the schema
     --> editor.yaml:4:10
      |
    4 |   - {id: a, collections: [artcles, directus_user], actions: [read]}
      |          ^
      |
      = help: did you mean `directus_users`?

    error[unknown-field]: none of the collections of `b` has a field `secret_not`
     --> editor.yaml:5:10
      |
    5 |   - {id: b, collections: [articles], actions: [read], fields: ["*", "!secret_not"]}
      |          ^
      |
      = help: did you mean `secret_note`?

    error[unknown-field]: there is no field `customers.snn` in the schema
     --> editor.yaml:6:11
      |
    6 | redact: ["customers.snn"]
      |           ^^^^^^^^^^^^^^
      |
      = help: did you mean `ssn`?
    "#);
}

#[test]
fn a_default_that_fails() {
    let text = r"version: 1
role: editor
permissions:
  - id: a
    collections: [directus_flows]
    actions: [read, create]
    validation: {status: {_in: [inactive]}, user_created: {_eq: $CURRENT_USER}}
";
    assert_snapshot!(lints(text), @r#"
    warning[raises-rights]: by `a`, `editor` can raise its own rights: it may write `directus_flows`
     --> editor.yaml:4:9
      |
    4 |   - id: a
      |         ^
      |
      = help: forbid these writes, or leave the collections out; the upstream token is all that is left to stop it

    warning[unknown-value]: the validation of `a` compares with what only Directus knows, so it denies
     --> editor.yaml:4:9
      |
    4 |   - id: a
      |         ^
      |
      = help: compare with a value, or use a `filter`, which Directus evaluates

    warning[failing-default]: a create in `directus_flows` that leaves out `status` gets `"active"`, which fails the validation
     --> editor.yaml:4:9
      |
    4 |   - id: a
      |         ^
      |
      = help: add `presets: {status: …}` with a value that passes
    "#);
}

#[test]
fn a_filter_that_does_not_fit() {
    let text = r"version: 1
role: editor
permissions:
  - id: a
    collections: [directus_files, directus_folders]
    actions: [read]
    filter: {folder: {_nnull: true}, uploaded_by: {_eq: $CURRENT_USER}}
";
    assert_snapshot!(lints(text), @r"
    warning[current-user]: `$CURRENT_USER` in `a` is the user of the upstream token
     --> editor.yaml:4:9
      |
    4 |   - id: a
      |         ^
      |
      = help: it is the same user for every client that shares the token

    error[unfit-filter]: the filter of `a` does not fit `directus_folders`: directus_folders has no field `folder`, which `filter` names
     --> editor.yaml:4:9
      |
    4 |   - id: a
      |         ^
      |
      = help: give that collection a permission of its own
    ");
}

#[test]
fn nothing_to_say() {
    let text = r#"version: 1
role: editor
permissions:
  - {id: a, collections: ["*", "!directus_*"], actions: [read, create, update]}
"#;
    assert_snapshot!(lints(text), @"");
}

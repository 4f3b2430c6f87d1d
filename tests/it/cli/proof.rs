//! `who-can`, `can` and `prove`: answers that are proofs, or have a call that shows them.

use super::Desk;

const GUARDRAILS: &str = "version: 1
description: For the test.
forbid:
  - {id: no-users, collections: [directus_users], actions: [create, update, delete]}
redact: [\"*.password\"]
";

const EDITOR: &str = "version: 1
role: editor
description: For the test.
permissions:
  - id: read
    collections: [articles, \"blog_*\"]
    actions: [read]
    fields: [\"*\", \"!secret\"]
    filter: {status: {_neq: gone}}
    max_items: 50
  - {id: write, collections: [articles], actions: [create, update], fields: [title], validation: {title: {_nempty: true}}}
  - {id: link, collections: [\"@junctions\"], actions: [delete]}
forbid:
  - {id: no-deletes, collections: [articles], actions: [delete]}
";

const INTERN: &str = "version: 1
role: intern
description: For the test.
mode: observe
permissions: []
forbid:
  - {id: nothing-new, collections: [\"*\"], actions: [create]}
tools: {deny: [trigger-flow], opaque: []}
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("p/guardrails.yaml", GUARDRAILS);
    desk.write("p/editor.yaml", EDITOR);
    desk
}

#[tokio::test]
async fn nobody_can() {
    let desk = desk();
    for (asked, expected) in [
        ("who-can --policies p delete directus_users", 0),
        ("who-can --policies p read *.password", 0),
        ("who-can --policies p read articles.secret", 0),
        ("who-can --policies p read articles", 2),
        ("who-can --policies p read,delete articles", 2),
        ("can --policies p editor read articles", 0),
        ("can --policies p editor read articles.secret", 2),
        ("can --policies p editor read articles.*", 0),
        ("can --policies p editor delete articles", 2),
    ] {
        let told = desk.run(asked).await;
        assert!(told.starts_with(&format!("exit code {expected}\n")), "{asked}: {told}");
    }
    insta::assert_snapshot!(desk.run("who-can --policies p delete directus_users articles").await, @r#"
    exit code 0
    --- output
    no role can
      editor: cannot delete articles
        editor/no-deletes (editor.yaml:14): forbidden
      editor: cannot delete directus_users
        guardrails/no-users (guardrails.yaml:4): forbidden
    "#);
    insta::assert_snapshot!(desk.run("who-can --policies p read *.password,secret").await, @r#"
    exit code 0
    --- output
    no role can
      editor: cannot read *: password
        guardrails/redact (guardrails.yaml:5): redacted
      editor: cannot read *: secret
        editor/-: no permission
    "#);
}

#[tokio::test]
async fn somebody_can() {
    let desk = desk();
    insta::assert_snapshot!(desk.run("who-can --policies p read,update articles").await, @r#"
    exit code 2
    --- output
    editor: can read articles
      by editor/read (editor.yaml:5): at most 50; filter {"status":{"_neq":"gone"}}
      call {"tool":"items","arguments":{"action":"read","collection":"articles","query":{"fields":["id"],"limit":1}}}
    editor: can update articles
      by editor/write (editor.yaml:11): validation {"title":{"_nempty":true}}
      call {"tool":"items","arguments":{"action":"update","collection":"articles","keys":[1],"query":{"fields":[]},"data":{}}}
    "#);
    insta::assert_snapshot!(desk.run("who-can --policies p delete *,!directus_*").await, @r#"
    exit code 2
    --- output
    editor: can delete blog_ (blog_*) as a junction, z (any other) as a junction
      by editor/link (editor.yaml:12)
      call {"tool":"items","arguments":{"action":"delete","collection":"blog_","keys":[1]}}
    no schema was given: a name with something in brackets stands for all that the policies do not tell from it
    "#);
    insta::assert_snapshot!(desk.run("who-can --policies p --format json update articles.title").await, @r#"
    exit code 2
    --- output
    {
      "schema": false,
      "findings": [
        {
          "role": "editor",
          "action": "update",
          "collections": [
            "articles"
          ],
          "fields": [
            "title"
          ],
          "verdict": "can",
          "rules": [
            {
              "rule": "editor/write",
              "file": "editor.yaml",
              "line": 11,
              "words": "validation {\"title\":{\"_nempty\":true}}"
            }
          ],
          "observed": [],
          "in_turn": false,
          "call": {
            "tool": "items",
            "arguments": {
              "action": "update",
              "collection": "articles",
              "keys": [
                1
              ],
              "query": {
                "fields": []
              },
              "data": {
                "title": true
              }
            }
          }
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn one_role_can_some_of_it() {
    let desk = desk();
    insta::assert_snapshot!(desk.run("can --policies p editor read articles.title,secret,password").await, @r#"
    exit code 0
    --- output
    editor: cannot read articles: password
      guardrails/redact (guardrails.yaml:5): redacted
    editor: cannot read articles: secret
      editor/-: no permission
    editor: can read articles: title
      by editor/read (editor.yaml:5): at most 50; filter {"status":{"_neq":"gone"}}
      call {"tool":"items","arguments":{"action":"read","collection":"articles","query":{"fields":["title"],"limit":1}}}
    "#);
    insta::assert_snapshot!(desk.run("can --policies p editor read b*").await, @r#"
    exit code 0
    --- output
    editor: cannot read b (b*)
      editor/-: no permission
    editor: can read blog_ (blog_* and b*)
      by editor/read (editor.yaml:5): at most 50; filter {"status":{"_neq":"gone"}}
      call {"tool":"items","arguments":{"action":"read","collection":"blog_","query":{"fields":["id"],"limit":1}}}
    no schema was given: a name with something in brackets stands for all that the policies do not tell from it
    "#);
}

/// What an observed role is denied only on paper, it can.
#[tokio::test]
async fn an_observed_role_can() {
    let desk = desk();
    desk.write("p/intern.yaml", INTERN);
    insta::assert_snapshot!(desk.run("can --policies p intern create,delete articles").await, @r#"
    exit code 0
    --- output
    intern: can create articles
      intern/nothing-new (intern.yaml:7): would forbid it, but is observed only
      intern/- (intern.yaml:4): no permission, but the role is observed only
      call {"tool":"items","arguments":{"action":"create","collection":"articles","query":{"fields":[]},"data":{}}}
    intern: can delete articles
      intern/- (intern.yaml:4): no permission, but the role is observed only
      call {"tool":"items","arguments":{"action":"delete","collection":"articles","keys":[1]}}
    "#);
    insta::assert_snapshot!(desk.run("can --policies p intern read articles.title,password").await, @r#"
    exit code 0
    --- output
    intern: cannot read articles: password
      guardrails/redact (guardrails.yaml:5): redacted
    intern: can read articles: title
      intern/- (intern.yaml:4): no permission, but the role is observed only
      call {"tool":"items","arguments":{"action":"read","collection":"articles","query":{"fields":["title"],"limit":1}}}
    "#);
}

/// Nobody looks into a tool that is let through by its name, so it is no proof that no permission covers something.
#[tokio::test]
async fn a_role_with_opaque_tools_is_proved_to_be_unable_to_do_nothing() {
    let desk = desk();
    let policy = "version: 1\nrole: sql\npermissions: []\ntools: {opaque: [sql]}\n";
    desk.write("p/sql.yaml", policy);
    insta::assert_snapshot!(desk.run("can --policies p sql delete articles").await, @r#"
    exit code 1
    --- output
    sql: the rules permit to delete articles, but no call that shows it was found
      by sql/tools (sql.yaml:4): lets tools through by their names, whatever they do
    "#);
    desk.write("p/a.proof.yaml", "version: 1\nassertions: [{id: a, roles: [sql], never: {actions: [delete], collections: [articles]}}]\n");
    insta::assert_snapshot!(desk.run("prove --policies p").await, @r#"
    exit code 1
    --- output
    a.proof.yaml:2: a: not proved
      sql: the rules permit to delete articles, but no call that shows it was found
        by sql/tools (sql.yaml:4): lets tools through by their names, whatever they do

    0 proved, 0 disproved, 1 not proved
    "#);
}

/// The rules leave it open, and no call does it: that is neither a yes nor a no.
#[tokio::test]
async fn what_no_call_shows_is_said_to_be_that() {
    let desk = desk();
    desk.write("p/intern.yaml", INTERN);
    insta::assert_snapshot!(desk.run("can --policies p intern execute articles").await, @r#"
    exit code 1
    --- output
    intern: the rules permit to execute articles, but no call that shows it was found
      intern/- (intern.yaml:4): no permission, but the role is observed only
      tried: forbidden: intern/tools
    "#);
    insta::assert_snapshot!(desk.run("who-can --policies p execute articles").await, @r#"
    exit code 1
    --- output
    intern: the rules permit to execute articles, but no call that shows it was found
      intern/- (intern.yaml:4): no permission, but the role is observed only
      tried: forbidden: intern/tools
    "#);
}

/// A developer drops the collection, and its items are gone.
#[tokio::test]
async fn what_a_call_does_in_turn_is_told() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run("who-can --policies POLICIES --schema SCHEMA delete articles").await, @r#"
    exit code 2
    --- output
    developer: cannot delete articles
      developer/-: no permission
      but no rule forbids it, and this call brings it about in turn
      call {"tool":"collections","arguments":{"action":"delete","keys":["articles"]}}
    "#);
}

#[tokio::test]
async fn what_is_asked_wrongly() {
    let desk = desk();
    for (asked, expected) in [
        ("who-can --policies p remove articles", "did you mean `delete`?"),
        ("who-can --policies p read !articles", "put `\"*\"` first"),
        ("who-can --policies p read articles,", "is empty"),
        ("who-can --policies p read @links", "is the only such word"),
        ("who-can --policies p read articles.author.name", "has two dots"),
        ("who-can --policies p read a/b", "it has `/` in it"),
        ("who-can --policies p delete articles.title", "is about whole items"),
        ("who-can --policies p read articles,!articles", "no name can be one"),
        ("who-can --policies p --schema SCHEMA read nothing", "the schema has nothing"),
        ("can --policies p nobody read articles", "there is no role `nobody`; the roles are editor"),
        ("can --policies gone editor read articles", "cannot read `gone`"),
    ] {
        let told = desk.run(asked).await;
        assert!(told.starts_with("exit code 1\n") && told.contains(expected), "{asked}: {told}");
    }
    desk.write("p/editor.yaml", "version: 1\n");
    assert!(desk.run("who-can --policies p read a").await.starts_with("exit code 3\n"));
}

/// Names that others wrote begin no line of their own, and write nothing to a terminal.
#[tokio::test]
async fn odd_names_are_shown_and_not_obeyed() {
    let desk = desk();
    let name = r#""a\u001b[2J\nno role can""#;
    desk.write(
        "odd.yaml",
        &format!(
            r#"{{"collections": [{{"collection": {name}}}], "relations": [],
                "fields": [{{"collection": {name}, "field": "id", "type": "integer", "schema": {{"is_primary_key": true}}}}]}}"#
        ),
    );
    desk.write(
        "p/editor.yaml",
        &EDITOR
            .replace("[articles, \"blog_*\"]", "[\"*\"]")
            .replace("    filter: {status: {_neq: gone}}\n", ""),
    );
    for format in ["human", "json"] {
        let told =
            desk.run(&format!("who-can --policies p --schema odd.yaml --format {format} read a*")).await;
        assert!(told.starts_with("exit code 2\n") && told.contains("[2J"), "{told}");
        assert!(!told.contains('\u{1b}') && !told.contains("\nno role can"), "{told:?}");
    }
}

/// Patterns that multiply are an error within a moment.
#[tokio::test]
async fn too_many_kinds_of_names() {
    let desk = desk();
    let stars: Vec<String> = ('a'..='t').map(|letter| format!("\"*{letter}*\"")).collect();
    desk.write("p/editor.yaml", &EDITOR.replace("\"blog_*\"", &stars.join(", ")));
    insta::assert_snapshot!(desk.run("who-can --policies p read articles").await, @r#"
    exit code 1
    --- messages
    error: the patterns tell too many kinds of names apart to look at each: name a schema, so that only its collections count, or take patterns with fewer `*`
    "#);
    desk.write("x.proof.yaml", "version: 1\nassertions: [{id: a, never: {collections: [a]}}]\n");
    assert!(desk.run("prove --policies p x.proof.yaml").await.starts_with("exit code 1\n"));
    assert!(desk.run("diff p p").await.starts_with("exit code 3\n"));
    // A schema says which names there are.
    assert!(
        desk.run("who-can --policies p --schema SCHEMA read articles").await.starts_with("exit code 2\n")
    );
}

const PROOF: &str = "version: 1
description: For the test.
assertions:
  - id: users
    never: {actions: [create, update, delete], collections: [directus_users]}
  - id: secrets
    roles: [editor]
    never: {actions: [read], collections: [\"*\"], fields: [secret, password]}
  - id: no-deletes
    never: {actions: [delete], collections: [\"*\"]}
  - id: not-asked-for
    roles: [\"*\", \"!intern\"]
    never: {actions: [delete], collections: [\"*\", \"!@junctions\"]}
";

#[tokio::test]
async fn assertions_are_proved_or_a_call_stands_against_them() {
    let desk = desk();
    desk.write("x.proof.yaml", PROOF);
    insta::assert_snapshot!(desk.run("prove --policies p x.proof.yaml").await, @r#"
    exit code 2
    --- output
    x.proof.yaml:4: users: holds for editor
    x.proof.yaml:6: secrets: holds for editor
    x.proof.yaml:9: no-deletes: does not hold
      editor: can delete blog_ (blog_*) as a junction, z (any other) as a junction
        by editor/link (editor.yaml:12)
        call {"tool":"items","arguments":{"action":"delete","collection":"blog_","keys":[1]}}
    x.proof.yaml:11: not-asked-for: holds for editor, for what calls ask for; not every one of them is forbidden it, and without that a call may bring it about in turn

    3 proved, 1 disproved, 0 not proved
    "#);
    desk.write(
        "x.proof.yaml",
        &PROOF.replace("[\"*\"]}\n  - id: not", "[\"*\", \"!@junctions\"]}\n  - id: not"),
    );
    insta::assert_snapshot!(desk.run("prove --policies p --format json x.proof.yaml").await, @r#"
    exit code 0
    --- output
    {
      "proved": 4,
      "disproved": 0,
      "not_proved": 0,
      "assertions": [
        {
          "id": "users",
          "file": "x.proof.yaml",
          "line": 4,
          "roles": [
            "editor"
          ],
          "outcome": "holds",
          "against": []
        },
        {
          "id": "secrets",
          "file": "x.proof.yaml",
          "line": 6,
          "roles": [
            "editor"
          ],
          "outcome": "holds",
          "against": []
        },
        {
          "id": "no-deletes",
          "file": "x.proof.yaml",
          "line": 9,
          "roles": [
            "editor"
          ],
          "outcome": "holds for what is asked for",
          "against": []
        },
        {
          "id": "not-asked-for",
          "file": "x.proof.yaml",
          "line": 11,
          "roles": [
            "editor"
          ],
          "outcome": "holds for what is asked for",
          "against": []
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn what_cannot_be_proved_is_no_proof() {
    let desk = desk();
    desk.write("p/intern.yaml", INTERN);
    desk.write(
        "x.proof.yaml",
        "version: 1\nassertions:\n  - {id: flows, never: {actions: [execute], collections: [articles]}}\n",
    );
    insta::assert_snapshot!(desk.run("prove --policies p x.proof.yaml").await, @r#"
    exit code 1
    --- output
    x.proof.yaml:3: flows: not proved
      intern: the rules permit to execute articles, but no call that shows it was found
        intern/- (intern.yaml:4): no permission, but the role is observed only
        tried: forbidden: intern/tools

    0 proved, 0 disproved, 1 not proved
    "#);
    desk.write("x.proof.yaml", "version: 1\nassertions: [{id: typo, never: {collections: [artcles]}}]\n");
    insta::assert_snapshot!(desk.run("prove --policies p --schema SCHEMA x.proof.yaml").await, @r#"
    exit code 1
    --- output
    x.proof.yaml:2: typo: not proved, as it speaks of nothing that there is

    0 proved, 0 disproved, 1 not proved
    "#);
}

#[tokio::test]
async fn assertions_that_are_not_valid() {
    let desk = desk();
    desk.write(
        "x.proof.yaml",
        "version: 1
assertions:
  - {id: a, role: editor, never: {actions: [delete], collections: [\"!articles\"]}}
  - {id: a, never: {actions: [delete], collections: [articles], fields: [title]}}
  - {id: b}
",
    );
    insta::assert_snapshot!(desk.run("prove --policies p x.proof.yaml").await, @r#"
    exit code 3
    --- messages
    error[unknown-key]: `role` is not a key of an assertion
     --> x.proof.yaml:3:13
      |
    3 |   - {id: a, role: editor, never: {actions: [delete], collections: ["!articles"]}}
      |             ^^^^
      |
      = help: `role` is called `roles` here

    error[only-exclusions]: this list only excludes, so nothing is in it
     --> x.proof.yaml:3:67
      |
    3 |   - {id: a, role: editor, never: {actions: [delete], collections: ["!articles"]}}
      |                                                                   ^^^^^^^^^^^^^
      |
      = help: put `"*"` first to start from everything

    error[duplicate-id]: the id `a` is taken
     --> x.proof.yaml:4:10
      |
    3 |   - {id: a, role: editor, never: {actions: [delete], collections: ["!articles"]}}
      |          - first used here
    4 |   - {id: a, never: {actions: [delete], collections: [articles], fields: [title]}}
      |          ^
      |
      = help: ids name rules in denials and in the trail: give each its own

    error[whole-items]: `delete` is about whole items: leave the fields out, or ask about them apart
     --> x.proof.yaml:4:65
      |
    4 |   - {id: a, never: {actions: [delete], collections: [articles], fields: [title]}}
      |                                                                 ^^^^^^
      |
      = help: list `actions` that have fields

    error[missing-key]: an assertion needs `never`
     --> x.proof.yaml:5:6
      |
    5 |   - {id: b}
      |      ^^
      |
      = help: say what never happens: `never: {actions: [delete], collections: [articles]}`
    "#);
    desk.write(
        "x.proof.yaml",
        "version: 1\nassertions: [{id: a, roles: [edtior], never: {collections: [articles]}}]\n",
    );
    insta::assert_snapshot!(desk.run("prove --policies p x.proof.yaml").await, @r#"
    exit code 3
    --- messages
    error[unknown-role]: there is no role `edtior`
     --> x.proof.yaml:2:19
      |
    2 | assertions: [{id: a, roles: [edtior], never: {collections: [articles]}}]
      |                   ^
      |
      = help: the roles are `editor`
    "#);
    insta::assert_snapshot!(desk.run("prove --policies p").await, @r#"
    exit code 1
    --- messages
    error: there are no assertions: write some into a file `NAME.proof.yaml` beside the policies
    "#);
}

#[tokio::test]
async fn the_shipped_guardrails_come_with_their_proofs() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run("prove --policies POLICIES").await, @r#"
    exit code 0
    --- output
    guardrails.proof.yaml:8: access-control: holds for content-editor, developer, reader
    guardrails.proof.yaml:26: system-model: holds for content-editor, developer, reader
    guardrails.proof.yaml:45: history: holds for content-editor, developer, reader
    guardrails.proof.yaml:57: credentials: holds for content-editor, developer, reader
    guardrails.proof.yaml:59: system-credentials: holds for content-editor, developer, reader
    guardrails.proof.yaml:65: flows: holds for content-editor, reader
    guardrails.proof.yaml:70: reader-reads: holds for reader
    guardrails.proof.yaml:73: editor-keeps-content: holds for content-editor
    guardrails.proof.yaml:76: editor-leaves-the-model: holds for content-editor

    9 proved, 0 disproved, 0 not proved
    "#);
}

/// The policies of the test, and others beside them.
fn two() -> Desk {
    let desk = desk();
    desk.write("q/guardrails.yaml", &GUARDRAILS.replace("directus_users", "directus_roles"));
    desk.write(
        "q/editor.yaml",
        &EDITOR
            .replace("id: read\n", "id: renamed\n")
            .replace("max_items: 50", "max_items: 20")
            .replace("fields: [title]", "fields: [title, text]")
            .replace("actions: [create, update]", "actions: [create]")
            .replace(
                "  - {id: no-deletes, collections: [articles], actions: [delete]}\n",
                "  - {id: no-flows, collections: [articles], actions: [execute]}\n",
            ),
    );
    desk.write("q/intern.yaml", INTERN);
    desk
}

#[tokio::test]
async fn a_difference_in_words() {
    let desk = two();
    insta::assert_snapshot!(desk.run("diff p q").await, @r#"
    exit code 1
    --- output
    intern is new
    editor gains create on articles (fields text): validation {"title":{"_nempty":true}}
    editor gains delete on articles as a junction: no condition
    editor loses update on articles (fields title)
    editor keeps read on articles, blog_ (blog_*) (fields *, !password, !secret), on other conditions
      before: at most 50; filter {"status":{"_neq":"gone"}}
      after:  at most 20; filter {"status":{"_neq":"gone"}}
    editor: delete on articles as no junction, directus_users is no longer forbidden, so a call may bring it about in turn
    editor: create, update on directus_users is no longer forbidden, so a call may bring it about in turn
    editor: create, update, delete on directus_roles is forbidden, so no call may bring it about in turn any longer
    intern gains read on * (fields *, !password): recorded as a denial that would have been
    intern gains execute on *: recorded as a denial that would have been
    intern gains create, update on *, !directus_roles: recorded as a denial that would have been
    intern gains delete on *, !directus_roles: recorded as a denial that would have been
    "#);
}

#[tokio::test]
async fn a_difference_as_a_table() {
    let desk = two();
    insta::assert_snapshot!(desk.run("diff --format table p q").await, @r#"
    exit code 1
    --- output
     role    change       actions                 collections                              fields                 before                                         after
     intern  is new
     editor  gains        create                  articles                                 text                   validation {"title":{"_nempty":true}}          validation {"title":{"_nempty":true}}
     editor  gains        delete                  articles as a junction                                                                                         no condition
     editor  loses        update                  articles                                 title                  validation {"title":{"_nempty":true}}
     editor  conditions   read                    articles, blog_ (blog_*)                 *, !password, !secret  at most 50; filter {"status":{"_neq":"gone"}}  at most 20; filter {"status":{"_neq":"gone"}}
     editor  in turn      delete                  articles as no junction, directus_users
     editor  in turn      create, update          directus_users
     editor  not in turn  create, update, delete  directus_roles
     intern  gains        read                    *                                        *, !password                                                          recorded as a denial that would have been
     intern  gains        execute                 *                                                                                                              recorded as a denial that would have been
     intern  gains        create, update          *, !directus_roles                       *                                                                     recorded as a denial that would have been
     intern  gains        delete                  *, !directus_roles                                                                                             recorded as a denial that would have been
    "#);
}

#[tokio::test]
async fn a_difference_for_programs() {
    let desk = desk();
    desk.write("q/guardrails.yaml", GUARDRAILS);
    let other = EDITOR.replace("max_items: 50", "max_items: 20");
    desk.write("q/editor.yaml", &format!("{other}tools: {{deny: [items]}}\n"));
    insta::assert_snapshot!(desk.run("diff --format json --schema SCHEMA p q").await, @r#"
    exit code 1
    --- output
    {
      "changes": [
        {
          "role": "editor",
          "change": "conditions",
          "actions": [
            "read"
          ],
          "collections": [
            "articles"
          ],
          "fields": [
            "*"
          ],
          "before": [
            "at most 50; filter {\"status\":{\"_neq\":\"gone\"}}"
          ],
          "after": [
            "at most 20; filter {\"status\":{\"_neq\":\"gone\"}}"
          ]
        }
      ],
      "others": [
        {
          "role": "editor",
          "change": "has other tools"
        }
      ]
    }
    "#);
}

/// Names, comments and what is asked for again make no difference where calls are decided the same.
#[tokio::test]
async fn what_is_only_written_otherwise_is_no_difference() {
    let desk = desk();
    desk.write("q/guardrails.yaml", &format!("# The same.\n{GUARDRAILS}"));
    desk.write(
        "q/editor.yaml",
        &EDITOR.replace("id: write", "id: writes").replace(
            "  - {id: link,",
            "  - {id: again, collections: [articles], actions: [create], fields: [title], validation: {title: {_nempty: true}}}\n  - {id: link,",
        ),
    );
    insta::assert_snapshot!(desk.run("diff p q").await, @r#"
    exit code 0
    --- output
    nothing changes: every call is decided as before
    "#);
}

#[tokio::test]
async fn policies_of_a_revision() {
    let desk = desk();
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        let mut command = std::process::Command::new("git");
        let done = command.current_dir(desk.path("")).args(identity).args(words).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "policies"]);
    insta::assert_snapshot!(desk.run("diff HEAD:p p").await, @r#"
    exit code 0
    --- output
    nothing changes: every call is decided as before
    "#);
    desk.write("p/editor.yaml", &EDITOR.replace("actions: [read]", "actions: []"));
    insta::assert_snapshot!(desk.run("diff HEAD:p p").await, @r#"
    exit code 1
    --- output
    editor loses read on articles, blog_ (blog_*) (fields *, !password, !secret)
    "#);
    insta::assert_snapshot!(desk.run("diff HEAD~1:p p").await, @r#"
    exit code 3
    --- messages
    error: git cannot read `HEAD~1:p`: fatal: Not a valid object name HEAD~1:p
    "#);
    insta::assert_snapshot!(desk.run("diff HEAD:gone p").await, @r#"
    exit code 3
    --- messages
    error: git cannot read `HEAD:gone`: fatal: Not a valid object name HEAD:gone
    "#);
    insta::assert_snapshot!(desk.run("diff -- --output=x:p p").await, @r#"
    exit code 3
    --- messages
    error: `--output=x:p` is no revision of git
    "#);
    insta::assert_snapshot!(desk.run_with("diff HEAD:p p", "PATH=/nowhere").await, @r#"
    exit code 3
    --- messages
    error: git cannot be run, and a revision is read with it: No such file or directory (os error 2)
    "#);
    std::os::unix::fs::symlink("../p/editor.yaml", desk.path("p/link.yaml")).unwrap();
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "link"]);
    insta::assert_snapshot!(desk.run("diff HEAD:p HEAD~1:p").await, @r#"
    exit code 3
    --- messages
    error: `link.yaml` in `HEAD:p` is a link, which cannot be followed in a revision
    "#);
}

#[tokio::test]
async fn what_cannot_be_compared() {
    let desk = desk();
    insta::assert_snapshot!(desk.run("diff p gone").await, @r#"
    exit code 3
    --- messages
    error: cannot read `gone`: No such file or directory (os error 2)
    "#);
    insta::assert_snapshot!(desk.run("diff p nothing:here").await, @r#"
    exit code 3
    --- messages
    error: git cannot read `nothing:here`: fatal: not a git repository (or any of the parent directories): .git
    "#);
    desk.write("q/editor.yaml", "version: 1\n");
    assert!(desk.run("diff p q").await.starts_with("exit code 3\n"));
}

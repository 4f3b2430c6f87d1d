//! Every call of the corpus as *content-editor*, with a policy that hides some fields: none of their values comes back, and what
//! changes in the database is what an editor may change. Each of them finds the same database.

use super::directus::{ADMIN, AllowDeletes, Directus};
use super::dump::Dump;
use crate::support::client::McpClient;
use crate::support::process::checkout;
use crate::support::request::at;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// What the seed puts into the hidden fields.
const MARKERS: [&str; 5] = ["ARTSECRET-", "SSN-000-", "TAGSECRET-", "AUTHORPW-", "VERSIONSECRET-"];

/// The fields that the policy hides, beside those that are hidden already.
const HIDDEN: &str = r#"redact: ["*.secret_note", "*.ssn", "*.secret_code", "*.password", "#;

/// Where the shipped role may delete: files, folders, and links between items.
const DELETABLE: [&str; 5] =
    ["directus_files", "directus_folders", "uploads", "articles_tags", "articles_blocks"];

/// How long a call may take; Directus never answers some (FACTS section 1).
const PATIENCE: Duration = Duration::from_secs(5);

/// What a call did.
struct Done {
    id: Value,
    /// Whether it was answered, and not with an error.
    answered: bool,
    text: String,
    before: Rc<Dump>,
    after: Dump,
}

impl Done {
    /// Whether a hidden value came back.
    fn tells(&self) -> bool {
        MARKERS.iter().any(|marker| self.text.contains(marker))
    }

    /// What it deleted that no editor may delete.
    fn deletes(&self) -> Vec<String> {
        let mut deleted = self.before.deleted(&self.after);
        deleted.retain(|row| !DELETABLE.iter().any(|table| row.starts_with(&format!("{table}: "))));
        deleted
    }

    /// The tables of Directus' own that it wrote, and `tables` where it changed one of them.
    fn writes_of_system(&self) -> Vec<String> {
        let mut changed: Vec<_> = self.before.changed(&self.after).into_iter().collect();
        changed.retain(|table| {
            table == "tables" || (table.starts_with("directus_") && !DELETABLE.contains(&table.as_str()))
        });
        changed
    }
}

/// Sends every call of the corpus, each to a Directus in the same state, and tells of each what it did.
async fn drive(directus: &Directus, client: &McpClient, mut look: impl FnMut(Done)) {
    directus.keep();
    let mut before = Rc::new(Dump::of(directus).await);
    for line in fs::read_to_string(checkout("tests/fixtures/calls.jsonl")).unwrap().lines() {
        let call: Value = serde_json::from_str(line).unwrap();
        let Some(body) = body(&call) else { continue };
        let query = call["query_string"].as_str().unwrap_or_default().replace('#', "%23");
        let sent = client.try_send(at(client.post(body), &format!("/mcp{query}")));
        let reply = tokio::time::timeout(PATIENCE, sent).await.ok().and_then(Result::ok);
        let after = Dump::of(directus).await;
        let is_changed = !before.changed(&after).is_empty();
        look(Done {
            id: call["id"].clone(),
            answered: reply.as_ref().is_some_and(|reply| !reply.is_refusal()),
            text: reply.map(|reply| reply.text()).unwrap_or_default(),
            before: before.clone(),
            after,
        });
        if is_changed {
            directus.restore().await;
            let restored = Dump::of(directus).await;
            assert_eq!(before.changes(&restored), "", "{}: is not undone", call["id"]);
            before = Rc::new(restored);
        }
    }
}

/// On a Directus that does whatever an administrator asks it to, the whole database is compared before and after each call.
#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn nothing_hidden_comes_back_and_nothing_changes_but_what_an_editor_may_change() {
    let directus = Directus::start(AllowDeletes::On).await;
    let policies = tempfile::tempdir().unwrap();
    hide(policies.path());
    let site = directus.guarded_by(policies.path(), "content-editor");
    let key = site.key("intruder");
    let gateway = site.start();
    let (mut wrong, mut driven, mut answered, mut changing) = (Vec::new(), 0, 0, 0);
    drive(&directus, &gateway.client(&key), |done| {
        let changes = done.before.changes(&done.after);
        driven += 1;
        answered += usize::from(done.answered);
        changing += usize::from(!changes.is_empty());
        if done.tells() {
            wrong.push(format!("{}: {}", done.id, done.text));
        }
        if !done.answered && !changes.is_empty() {
            wrong.push(format!("{}: refused, and changed\n{changes}", done.id));
        }
        if !done.deletes().is_empty() || !done.writes_of_system().is_empty() {
            wrong.push(format!("{}: {:?} {:?}\n{changes}", done.id, done.deletes(), done.writes_of_system()));
        }
    })
    .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(driven > 400, "only {driven} calls were driven");
    assert!(answered > 100, "only {answered} calls were let through, so this shows little");
    assert!(changing >= 15, "only {changing} calls changed anything, so this shows little");
}

/// What the test above is worth: of the same calls, without the gateway, these many do what it says that none does.
#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn the_same_calls_do_all_of_it_on_directus_itself() {
    let directus = Directus::start(AllowDeletes::On).await;
    let (mut tell, mut delete, mut write) = (0, 0, 0);
    drive(&directus, &directus.client(ADMIN), |done| {
        tell += usize::from(done.tells());
        delete += usize::from(!done.deletes().is_empty());
        write += usize::from(!done.writes_of_system().is_empty());
    })
    .await;
    assert!(tell >= 50 && delete >= 10 && write >= 10, "{tell} tell, {delete} delete, {write} write");
}

/// What `drive` relies on: rows, tables, files and what Directus itself knows of them come back.
#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn a_directus_that_is_restored_is_as_it_was() {
    let directus = Directus::start(AllowDeletes::On).await;
    let admin = directus.client(ADMIN);
    let read =
        json!({"action": "read", "collection": "articles", "query": {"fields": ["*"], "sort": ["id"]}});
    let new = json!({"action": "create", "collection": "articles", "data": {"title": "x"}, "query": {"fields": ["id"]}});
    let items = admin.tool("items", read.clone()).await.raw();
    directus.keep();
    let before = Dump::with_notes(&directus).await;
    let key = admin.tool("items", new.clone()).await.raw();
    let collection = json!({"collection": "extra", "schema": {}, "meta": {}});
    for (tool, arguments) in [
        ("items", json!({"action": "delete", "collection": "articles", "keys": [1, 2]})),
        ("fields", json!({"action": "delete", "collection": "articles", "field": "title"})),
        ("collections", json!({"action": "create", "data": [collection]})),
        ("collections", json!({"action": "delete", "keys": ["profiles"]})),
    ] {
        let done = admin.tool(tool, arguments).await;
        assert!(!done.is_error, "{}", done.text);
    }
    fs::write(directus.uploads().join("extra"), "x").unwrap();
    let file = fs::read_dir(directus.uploads()).unwrap().next().unwrap().unwrap();
    fs::write(file.path(), "another").unwrap();
    let tables = before.changed(&Dump::with_notes(&directus).await);
    for table in ["articles", "profiles", "tables", "uploads", "directus_collections", "directus_activity"] {
        assert!(tables.contains(table), "{table} is not changed: {tables:?}");
    }

    directus.restore().await;
    assert_eq!(before.changes(&Dump::with_notes(&directus).await), "");
    assert_eq!(admin.tool("items", read).await.raw(), items);
    assert_eq!(admin.tool("items", new).await.raw(), key);
    let extra = json!({"action": "read", "collection": "extra", "query": {}});
    assert!(admin.tool("items", extra).await.is_error);
}

/// What a call sends. A system column is not dropped: Directus itself does not go on without some of them.
fn body(call: &Value) -> Option<String> {
    let body = match (&call["request"], &call["raw_body"]) {
        (Value::Null, raw) => raw.as_str()?.to_owned(),
        (request, _) => request.to_string(),
    };
    let drops = ["\"fields\"", "\"delete\"", "directus_"].iter().all(|word| body.contains(word));
    (!drops).then_some(body)
}

/// The shipped policies without their limits of rate, and with more fields hidden.
fn hide(folder: &Path) {
    for name in ["content-editor.yaml", "developer.yaml", "guardrails.yaml"] {
        let text = fs::read_to_string(checkout(&format!("policies/{name}"))).unwrap();
        let (before, after) = text.split_once("\nlimits:\n").unwrap_or((&text, ""));
        let rest = after.lines().skip_while(|line| line.starts_with("  - "));
        let mut text = [before.lines().collect::<Vec<_>>(), rest.collect()].concat().join("\n");
        if name == "content-editor.yaml" {
            assert!(text.contains("\nredact: ["), "{text}");
            text = text.replace("redact: [", HIDDEN);
        }
        fs::write(folder.join(name), format!("{text}\n")).unwrap();
    }
}

//! What an editor may write is really written.

use super::directus::{AllowDeletes, Directus};
use super::dump::Dump;
use serde_json::json;

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn an_editor_creates_and_updates() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    let key = site.key("editor");
    let gateway = site.start();
    let client = gateway.client(&key);
    let before = Dump::of(&directus).await;

    let data = json!({"title": "A new article", "status": "draft"});
    let create =
        json!({"action": "create", "collection": "articles", "data": data, "query": {"fields": ["id"]}});
    let id = client.tool("items", create).await.raw()[0]["id"].as_i64().unwrap();
    let created = Dump::of(&directus).await;
    assert_eq!(rows(&before, &created, '+'), 1, "{}", before.changes(&created));
    assert_eq!(rows(&before, &created, '-'), 0, "{}", before.changes(&created));

    let data = json!({"title": "A better title"});
    let update = json!({"action": "update", "collection": "articles", "keys": [id], "data": data});
    client.tool("items", update).await.raw();
    let changes = created.changes(&Dump::of(&directus).await);
    assert!(changes.contains("+ articles: ") && changes.contains("'A better title'"), "{changes}");
    assert!(changes.contains("- articles: ") && changes.contains("'A new article'"), "{changes}");
}

/// How many rows of `articles` came (`+`) or went (`-`).
fn rows(before: &Dump, after: &Dump, sign: char) -> usize {
    let changes = before.changes(after);
    changes.lines().filter(|line| line.starts_with(&format!("{sign} articles: "))).count()
}

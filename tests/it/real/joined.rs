//! The trail and what Directus itself remembers tell of the same calls.

use super::directus::{AllowDeletes, Directus};
use crate::support::trail::open;
use serde_json::json;
use sqlx::Row as _;

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn directus_activity_names_the_call() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    let key = site.key("desk");
    let gateway = site.start();
    let update = json!({"action": "update", "collection": "tags", "keys": [1], "data": {"name": "joined"}, "query": {"fields": ["id"]}});
    gateway.client(&key).tool("items", update).await.raw();
    let calls = site.run(["audit", "query", "--tool", "items", "--format", "json", "--audit", &site.audit()]);
    let call: serde_json::Value = serde_json::from_str(calls.trim()).unwrap();
    let agent = format!("warrener/{} call/{}", env!("CARGO_PKG_VERSION"), call["id"].as_str().unwrap());
    let mut database = open(&directus.database()).await;
    let rows = sqlx::query("SELECT action, collection, item FROM directus_activity WHERE user_agent = ?")
        .bind(&agent);
    let rows = rows.fetch_all(&mut database).await.unwrap();
    let rows: Vec<[String; 3]> = rows.iter().map(|row| [0, 1, 2].map(|column| row.get(column))).collect();
    assert_eq!(rows, [["update", "tags", "1"].map(str::to_owned)]);

    // The command line asks Directus itself, where the settings have a token that may read its log.
    let settings = format!(
        "version: 1\nupstream: {{url: '{}'}}\naudit: {{activity_token_env: WARRENER_TEST_TOKEN}}\n",
        directus.url()
    );
    site.settle(&settings);
    let shown = site.run(["audit", "show", call["id"].as_str().unwrap(), "--audit", &site.audit()]);
    let (_, activity) = shown.split_once("\ndirectus activity\n").unwrap_or_else(|| panic!("{shown}"));
    assert!(activity.contains(" update tags 1 by "), "{activity}");
}

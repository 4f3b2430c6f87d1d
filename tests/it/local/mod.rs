//! The tools of the Local MCP: what each of them does, what is refused because it would do something else, and what a policy does to
//! the rest.

mod accesses;
mod forwarded;
mod listed;
mod properties;
mod traps;

use crate::conditions::Role;
use serde_json::Value;
use std::sync::LazyLock;

/// Permits all that a policy can permit.
const EVERYTHING: &str = r#"permissions:
  - id: all
    collections: ["*"]
    actions: [read, create, update, delete, execute, import]
    by_query: true
    max_items: unlimited
import_from: ["https://images.example.com/"]
tools: {opaque: [markdown-tool]}
"#;

/// A file, a user, a flow, a comment.
const ID: &str = "5c7b1f0e-0000-4000-8000-000000000000";

/// The role that may do everything; the schema is read once.
fn everything() -> &'static Role {
    static EVERYTHING_ROLE: LazyLock<Role> = LazyLock::new(|| Role::new(EVERYTHING).local());
    &EVERYTHING_ROLE
}

/// The accesses of a call, one a line; a denial fails the test.
fn accesses(tool: &str, arguments: &Value) -> Vec<String> {
    let explained = everything().decide(tool, arguments).explained(&Value::Null);
    assert_eq!(explained["decision"], "permit", "{tool} {arguments}: {}", explained["reason"]);
    let told = |access: &Value| {
        let text = |key: &str| access[key].as_str().unwrap().to_owned();
        let via = if access["via"] == "" { String::new() } else { format!(" through {}", text("via")) };
        let implied = if access["asked"] == true { "" } else { ", not asked" };
        let (action, collection) = (text("action"), text("collection"));
        format!("{action} {collection} {} {}{via}{implied}", access["fields"], access["extent"])
            .replace('"', "")
    };
    explained["accesses"].as_array().unwrap().iter().map(told).collect()
}

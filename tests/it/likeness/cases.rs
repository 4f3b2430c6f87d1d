//! The requests.

use crate::support::client::McpClient;
use crate::support::request::{Raw, at, items, tool, with_header, with_method, without_authorization};
use http::Method;
use serde_json::{Value, json};

/// A request that both are sent, in this order.
pub(super) type Case = (&'static str, fn(&McpClient) -> Raw);

pub(super) const CASES: &[Case] = &[
    ("initialize", |c| c.message("initialize", &initialize())),
    ("initialized", |c| c.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)),
    ("ping", |c| c.message("ping", &json!({}))),
    ("an unknown method", |c| c.message("resources/list", &json!({}))),
    ("an unknown tool", |c| c.post(tool("no-such-tool", &json!({})).to_string())),
    ("no credential", |c| without_authorization(c.message("ping", &json!({})))),
    ("a wrong credential", |c| with_header(c.message("ping", &json!({})), "authorization", "Bearer wrong")),
    ("a batch", |c| c.post(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#)),
    ("no JSON", |c| c.post("{")),
    ("another path", |c| at(c.message("ping", &json!({})), "/mcp/other")),
    ("PUT", |c| with_method(c.message("ping", &json!({})), Method::PUT)),
    ("read", |c| items(c, &read(&json!({"keys": [1], "query": {"fields": ["id", "title"]}})))),
    ("read several", |c| items(c, &read(&json!({"query": {"fields": ["id", "title"], "limit": 2}})))),
    ("read none", |c| items(c, &read(&json!({"query": {"filter": {"id": {"_eq": 4321}}}})))),
    ("read keys only", |c| items(c, &read(&json!({"query": {"fields": [], "limit": 2}})))),
    ("read a relation", |c| {
        items(c, &read(&json!({"keys": [1], "query": {"fields": ["id", "author.name", "reviews.id"]}})))
    }),
    ("read an unknown key", |c| items(c, &read(&json!({"keys": [4321], "query": {"fields": ["id"]}})))),
    ("read an unknown field", |c| items(c, &read(&json!({"query": {"fields": ["no_such_field"]}})))),
    ("read an unknown collection", |c| items(c, &json!({"action": "read", "collection": "no_such"}))),
    ("read a core collection", |c| items(c, &json!({"action": "read", "collection": "directus_users"}))),
    ("an unknown action", |c| items(c, &json!({"action": "drop", "collection": "articles"}))),
    ("an unknown argument", |c| items(c, &read(&json!({"other": 1})))),
    ("no arguments", |c| c.message("tools/call", &json!({"name": "items"}))),
    ("create", |c| {
        let data = json!({"id": 501, "title": "new"});
        items(c, &write("create", &json!({"data": data, "query": {"fields": ["id", "title"]}})))
    }),
    ("create several", |c| {
        let data = json!([{"id": 502, "title": "new"}, {"id": 503, "title": "new"}]);
        items(c, &write("create", &json!({"data": data, "query": {"fields": ["id", "title"]}})))
    }),
    ("create what is there", |c| items(c, &write("create", &json!({"data": {"id": 501, "title": "again"}})))),
    ("update", |c| {
        let query = json!({"fields": ["id", "title"]});
        items(c, &write("update", &json!({"keys": [501], "data": {"title": "newer"}, "query": query})))
    }),
    ("update with `data` as a string", |c| {
        let query = json!({"fields": ["id", "title"]});
        items(c, &write("update", &json!({"keys": [501], "data": r#"{"title":"newest"}"#, "query": query})))
    }),
    ("update, emptying the reviews", |c| {
        let query = json!({"fields": ["id", "reviews.id"]});
        items(c, &write("update", &json!({"keys": [1], "data": {"reviews": []}, "query": query})))
    }),
    ("delete", |c| items(c, &write("delete", &json!({"keys": [501]})))),
    ("delete several", |c| items(c, &write("delete", &json!({"keys": [502, 503]})))),
    ("delete what is gone", |c| items(c, &write("delete", &json!({"keys": [501]})))),
    ("registry: execute", |c| {
        let input = read(&json!({"keys": [1], "query": {"fields": ["id", "title"]}}));
        registry(c.post(tool("execute", &json!({"name": "items", "input": input})).to_string()))
    }),
    ("registry: an unknown tool", |c| {
        registry(c.post(tool("execute", &json!({"name": "no-such-tool", "input": {}})).to_string()))
    }),
    ("registry: a tool of the other mode", |c| registry(items(c, &read(&json!({"keys": [1]}))))),
];

fn initialize() -> Value {
    json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
}

fn read(more: &Value) -> Value {
    write("read", more)
}

/// The arguments of a call on articles.
fn write(action: &str, more: &Value) -> Value {
    let mut arguments = json!({"action": action, "collection": "articles"});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    arguments
}

fn registry(request: Raw) -> Raw {
    at(request, "/mcp?tool_mode=registry")
}

//! The same requests to the real Directus and to the built-in stand-in: what comes back has the same shape.
//!
//! The shapes of the real one's replies are kept in `tests/fixtures/directus-replies.json`. A test against a real Directus
//! shows that they are right (and writes them where `WARRENER_RECORD=1` asks for it); another one needs no Directus, and
//! compares the stand-in with them.

mod cases;
mod shape;

use crate::real::directus::{ADMIN, AllowDeletes, Directus};
use crate::support::client::McpClient;
use crate::support::process::checkout;
use crate::support::request::at;
use cases::CASES;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use warrener::accept::Drain;
use warrener::demo::{StandIn, StandInOptions};

const RECORDED: &str = "tests/fixtures/directus-replies.json";

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn directus_replies_as_recorded() {
    let directus = Directus::start(AllowDeletes::On).await;
    let replies = replies(&directus.client(ADMIN)).await;
    if std::env::var_os("WARRENER_RECORD").is_some() {
        record(&replies);
    }
    assert_same(&recorded(), &replies);
}

#[tokio::test]
async fn the_stand_in_replies_as_directus_does() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let stand_in = StandIn::new(StandInOptions { token: ADMIN.to_owned(), ..Default::default() }).unwrap();
    tokio::spawn(stand_in.serve(listener, Drain::new()));
    assert_same(&recorded(), &replies(&McpClient::new(url, ADMIN)).await);
}

/// One line a reply, so that a change can be read.
fn record(replies: &Map<String, Value>) {
    let lines: Vec<_> = replies.iter().map(|(name, shape)| format!("{}: {shape}", json!(name))).collect();
    std::fs::write(checkout(RECORDED), format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
}

fn recorded() -> Map<String, Value> {
    let text = std::fs::read_to_string(checkout(RECORDED)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Shows every reply that differs, and only those.
fn assert_same(expected: &Map<String, Value>, found: &Map<String, Value>) {
    let names: Vec<_> = expected.keys().filter(|name| expected.get(*name) != found.get(*name)).collect();
    let line =
        |name: &&String| format!("{name}\n  expected: {}\n  found:    {}\n", expected[*name], found[*name]);
    let lines: Vec<_> = names.iter().map(line).collect();
    assert!(lines.is_empty(), "{} of {}:\n{}", lines.len(), expected.len(), lines.concat());
    assert_eq!(expected.len(), found.len());
}

/// The shape of the reply to each case, and what the lists of tools say.
async fn replies(client: &McpClient) -> Map<String, Value> {
    let mut replies = Map::new();
    for (name, request) in CASES {
        replies.insert((*name).to_owned(), shape::of(&client.send(request(client)).await));
    }
    replies.insert("the tools".to_owned(), tools(client, "/mcp").await);
    replies.insert("registry: the tools".to_owned(), tools(client, "/mcp?tool_mode=registry").await);
    replies
}

/// For each tool, what a client must know to call it.
async fn tools(client: &McpClient, path_and_query: &str) -> Value {
    let list = client.send(at(client.message("tools/list", &json!({})), path_and_query)).await.json();
    let tools = list["result"]["tools"].as_array().unwrap_or_else(|| panic!("{list}"));
    tools.iter().map(|tool| (tool["name"].as_str().unwrap().to_owned(), essentials(tool))).collect()
}

fn essentials(tool: &Value) -> Value {
    let schema = &tool["inputSchema"];
    json!({
        "actions": schema["properties"]["action"]["enum"],
        "required": schema["required"],
        "additionalProperties": schema["additionalProperties"],
    })
}

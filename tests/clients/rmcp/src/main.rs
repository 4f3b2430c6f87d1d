//! The Rust SDK's client: one session with a Directus MCP endpoint, direct or through the gateway.
//!
//! ```sh
//! MCP_URL=http://127.0.0.1:8080/mcp MCP_KEY=… $(tests/clients/install rust)/bin/client
//! ```
//!
//! `MCP_ERA` is `modern`, which it looks for with `server/discover`, or `legacy`, with an `initialize`; `MCP_NAME` is what it calls itself.
//!
//! One JSON line a step: initialize, tools/list, read, update, delete. A refused tool call is a result like any other; the
//! exit code is 1 where the session itself broke.

use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::{Peer, RoleClient};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt};
use serde_json::{Map, Value, json};
use std::error::Error;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let name = variable("MCP_NAME").unwrap_or_else(|_| "rust-sdk".to_owned());
    let config =
        StreamableHttpClientTransportConfig::with_uri(variable("MCP_URL")?).auth_header(variable("MCP_KEY")?);
    let transport = StreamableHttpClientTransport::from_config(config);
    let lifecycle = if variable("MCP_ERA").is_ok_and(|era| era == "modern") {
        ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: None,
        }
    } else {
        ClientLifecycleMode::Initialize
    };
    let config = ClientConfig::new(ClientCapabilities::default(), Implementation::new(name.as_str(), "1"));
    let client = config.serve_with_lifecycle(transport, lifecycle).await?;
    let server = client.peer_info().ok_or("the server has not said who it is")?;
    show("initialize", json!({ "server": server.server_info, "protocol": server.protocol_version }));

    let tools = client.list_all_tools().await?.into_iter().map(|tool| {
        let action = tool.input_schema.get("properties").and_then(|properties| properties.get("action"));
        let words = action.and_then(|action| action.get("enum")).cloned();
        (tool.name.to_string(), words.unwrap_or_else(|| json!([])))
    });
    show("tools/list", json!({ "actions": tools.collect::<Map<String, Value>>() }));

    let back = json!({ "fields": ["id", "title"] });
    call(&client, "read", json!({ "action": "read", "collection": "articles", "keys": [4], "query": back }))
        .await?;
    let data = json!({ "title": format!("Retitled by {name}") });
    let update =
        json!({ "action": "update", "collection": "articles", "keys": [4], "data": data, "query": back });
    call(&client, "update", update).await?;
    call(&client, "delete", json!({ "action": "delete", "collection": "articles", "keys": [6] })).await?;
    client.cancel().await?;
    Ok(())
}

async fn call(client: &Peer<RoleClient>, step: &str, arguments: Value) -> Outcome {
    let Value::Object(arguments) = arguments else { return Err("arguments are an object".into()) };
    let result = client.call_tool(CallToolRequestParams::new("items").with_arguments(arguments)).await?;
    let result = serde_json::to_value(result)?;
    let parts = result["content"].as_array().into_iter().flatten();
    let text: String = parts.filter_map(|part| part["text"].as_str()).collect();
    show(step, json!({ "isError": result["isError"] == true, "text": text }));
    Ok(())
}

fn show(step: &str, essentials: Value) {
    let mut line = json!({ "step": step });
    if let (Value::Object(line), Value::Object(essentials)) = (&mut line, essentials) {
        line.extend(essentials);
    }
    println!("{line}");
}

fn variable(name: &str) -> Outcome<String> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}

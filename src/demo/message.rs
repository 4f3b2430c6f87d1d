//! The messages of MCP, as Directus answers them.

use super::call::Answer;
use super::fault::Fault;
use super::model::with;
use super::tools::{self, Tool};
use serde_json::{Map, Value, json};

/// The revisions that Directus 12.4 speaks; the first is answered to a client that asks for another one.
const REVISIONS: [&str; 5] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"];

/// How the tools are shown: all of them, or behind `search` and `execute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Legacy,
    Registry,
}

/// What becomes of a message.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    /// A JSON-RPC response.
    Message(Value),
    /// A notification was taken.
    Accepted,
    /// It is no message that Directus could answer.
    Unreadable,
}

/// Answers a message; `call` makes the tool calls.
pub(super) fn answer(
    message: &Value,
    mode: Mode,
    call: impl FnOnce(&Tool, Map<String, Value>) -> Result<Answer, Fault>,
) -> Reply {
    let Some(method) = message.get("method").and_then(Value::as_str) else { return Reply::Unreadable };
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Reply::Unreadable;
    }
    let id = match message.get("id") {
        Some(id) if id.is_string() || id.is_i64() => id,
        Some(_) => return Reply::Unreadable,
        // Directus takes `notifications/initialized` only, and leaves the sender of any other waiting for ever.
        None => return Reply::Accepted,
    };
    let none = Map::new();
    let params = message.get("params").and_then(Value::as_object).unwrap_or(&none);
    Reply::Message(match result(method, params, mode, call) {
        Ok(result) => json!({"result": result, "jsonrpc": "2.0", "id": id}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
    })
}

fn result(
    method: &str,
    params: &Map<String, Value>,
    mode: Mode,
    call: impl FnOnce(&Tool, Map<String, Value>) -> Result<Answer, Fault>,
) -> Result<Value, Value> {
    let text = |name: &str| params.get(name).and_then(Value::as_str);
    match method {
        "initialize" => Ok(initialize(text("protocolVersion"))),
        "ping" => Ok(json!({})),
        "tools/list" => {
            Ok(json!({"tools": if mode == Mode::Registry { tools::registry() } else { tools::list() }}))
        }
        "prompts/list" => Ok(json!({"prompts": []})),
        "prompts/get" => Err(error(
            -32602,
            &format!("MCP error -32602: Invalid prompt \"{}\"", text("name").unwrap_or_default()),
        )),
        "tools/call" => {
            let name = text("name")
                .ok_or_else(|| error(-32603, "Invalid input: expected string at \"params.name\""))?;
            let arguments = match params.get("arguments") {
                None => Map::new(),
                Some(Value::Object(arguments)) => arguments.clone(),
                Some(_) => {
                    return Err(error(-32603, "Invalid input: expected record at \"params.arguments\""));
                }
            };
            Ok(match mode {
                Mode::Legacy => legacy(name, arguments, call),
                Mode::Registry => registry(name, arguments, call),
            })
        }
        _ => Err(error(-32601, "Method not found")),
    }
}

fn error(code: i32, message: &str) -> Value {
    json!({"code": code, "message": message})
}

fn initialize(asked: Option<&str>) -> Value {
    let spoken = REVISIONS.into_iter().find(|revision| asked == Some(revision));
    json!({
        "protocolVersion": spoken.unwrap_or("2025-11-25"),
        "capabilities": {"tools": {}, "prompts": {}},
        "serverInfo": {"name": "directus-mcp", "version": "0.1.0"},
    })
}

fn legacy(
    name: &str,
    arguments: Map<String, Value>,
    call: impl FnOnce(&Tool, Map<String, Value>) -> Result<Answer, Fault>,
) -> Value {
    let unknown = || Fault::payload(&format!("\"{name}\" doesn't exist in the toolset"));
    match tools::named(name).ok_or_else(unknown).and_then(|tool| call(tool, arguments)) {
        Ok(Answer::Value { value, url }) => content(&body("raw", &value, url)),
        Ok(Answer::Image(data)) => image(data),
        Err(fault) => failed(&fault.to_json()),
    }
}

fn registry(
    name: &str,
    arguments: Map<String, Value>,
    call: impl FnOnce(&Tool, Map<String, Value>) -> Result<Answer, Fault>,
) -> Value {
    match name {
        "search" => search(&arguments),
        "schema" => match tools::named(name).map(|tool| call(tool, arguments)) {
            Some(Err(fault)) => failed(&fault.to_root_json()),
            Some(Ok(answer)) => structured(answer, true),
            None => failed(&Fault::forbidden().to_root_json()),
        },
        "execute" => execute(&arguments, call),
        _ => failed(&Fault::no_tool(name, "root toolset", "UNKNOWN_META_TOOL").to_root_json()),
    }
}

fn execute(
    arguments: &Map<String, Value>,
    call: impl FnOnce(&Tool, Map<String, Value>) -> Result<Answer, Fault>,
) -> Value {
    let invalid = |what: &str| {
        failed(&Fault::payload(&format!("Validation error: Invalid input: {what}")).to_root_json())
    };
    let Some(name) = arguments.get("name").and_then(Value::as_str) else {
        return invalid("expected string at \"name\"");
    };
    let input = match arguments.get("input") {
        None => Map::new(),
        Some(Value::Object(input)) => input.clone(),
        Some(_) => return invalid("expected record at \"input\""),
    };
    let tool = tools::named(name).ok_or_else(|| Fault::no_tool(name, "toolset", "UNKNOWN_TOOL"));
    match tool.and_then(|tool| call(tool, input).map(|answer| structured(answer, tool.structured))) {
        Ok(result) => result,
        Err(fault) => failed(&fault.to_registry_json(name)),
    }
}

fn structured(answer: Answer, twice: bool) -> Value {
    match answer {
        Answer::Image(data) => image(data),
        Answer::Value { value, url } => {
            let result = content(&body("data", &value, url));
            if twice { with(result, "structuredContent", json!({"data": value})) } else { result }
        }
    }
}

/// Finds tools by words in their name and description, or tells everything about those that are named.
fn search(arguments: &Map<String, Value>) -> Value {
    let query = arguments.get("query").and_then(Value::as_str);
    let names = arguments.get("names").and_then(Value::as_array);
    let results: Vec<Value> = match (query, names) {
        (Some(query), None) => {
            let words: Vec<String> = query.to_lowercase().split_whitespace().map(str::to_owned).collect();
            let found = |tool: &&Tool| {
                words
                    .iter()
                    .any(|word| tool.name.contains(word) || tool.description.to_lowercase().contains(word))
            };
            tools::TOOLS.iter().filter(found).map(Tool::summary).collect()
        }
        (None, Some(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|name| tools::named(name.trim()))
            .map(Tool::details)
            .collect(),
        _ => {
            let what = "Validation error: Provide exactly one of \"query\" or \"names\"";
            return failed(&Fault::payload(what).to_root_json());
        }
    };
    content(&json!({"data": {"results": results}}))
}

fn body(member: &str, value: &Value, url: Option<String>) -> Value {
    url.into_iter().fold(json!({member: value}), |body, url| with(body, "url", url))
}

fn content(body: &Value) -> Value {
    json!({"content": [{"type": "text", "text": body.to_string()}]})
}

fn image(data: &str) -> Value {
    json!({"content": [{"type": "image", "data": data, "mimeType": "image/png"}]})
}

fn failed(error: &Value) -> Value {
    with(content(&json!([error])), "isError", true)
}

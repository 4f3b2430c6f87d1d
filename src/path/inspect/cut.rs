//! Lists, and what comes with them, made anew from what is known of them and cut to what a role sees. `None` means that the answer does
//! not look like what it should be.

use crate::directus::result::change_data;
use crate::directus::{Tool, Verb};
use crate::mcp::revision;
use crate::policy::Visibility;
use crate::policy::pattern::Patterns;
use serde_json::{Map, Value, json};

/// What `initialize` answers: the revision, what of the protocol Directus offers, and who it is.
pub(super) fn initialize(result: &Value) -> Option<Value> {
    let mut known = pick(result, &["protocolVersion", "capabilities", "serverInfo"])?;
    known.get("protocolVersion")?.as_str()?;
    if let Some(offered) = known.get_mut("capabilities") {
        *offered = Value::Object(pick(offered, &["tools", "prompts"])?);
    }
    if let Some(server) = known.get_mut("serverInfo") {
        *server = Value::Object(pick(server, &["name", "title", "version"])?);
    }
    Some(Value::Object(known))
}

/// What `server/discover` answers, told by what Directus answers to `initialize`: which revisions the gateway speaks, and which of the
/// protocol's parts Directus has. That their lists change is told to nobody, since there is no `subscriptions/listen`.
pub(super) fn discover(result: &Value) -> Option<Value> {
    let known = initialize(result)?;
    let offered = known.get("capabilities")?.as_object()?.keys();
    let offered: Map<String, Value> = offered.map(|name| (name.clone(), Value::Object(Map::new()))).collect();
    Some(json!({ "supportedVersions": revision::KNOWN, "capabilities": offered }))
}

/// What `tools/list` answers: tools, and the words that their `action` takes.
pub(super) fn tools(result: &Value, sees: &Visibility<'_>) -> Option<Value> {
    const KNOWN: [&str; 6] = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];
    let tools = result.get("tools")?.as_array()?.iter();
    let mut kept = Vec::new();
    for tool in tools.filter(|tool| name(tool).is_some_and(|name| sees.sees(name))) {
        let mut tool = Value::Object(pick(tool, &KNOWN)?);
        if let Some((verbs, action)) = narrowing(&mut tool, sees) {
            let words: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
            *action = json!(words);
        }
        kept.push(tool);
    }
    Some(json!({ "tools": kept }))
}

/// Cuts the answer to the registry's `search`: its results are JSON in a text, and each tells its input as a type.
pub(super) fn search(message: &mut Value, sees: &Visibility<'_>) -> Option<()> {
    change_data(message, &mut |data| results(data, sees))
}

/// What `prompts/list` answers.
pub(super) fn prompts(result: &Value, allowed: &Patterns) -> Option<Value> {
    let prompts = result.get("prompts")?.as_array()?.iter();
    let mut kept = Vec::new();
    for prompt in prompts.filter(|prompt| name(prompt).is_some_and(|name| allowed.matches(name))) {
        let mut prompt = pick(prompt, &["name", "title", "description", "arguments"])?;
        if let Some(arguments) = prompt.get_mut("arguments") {
            let known = arguments.as_array()?.iter();
            let known = known.map(|one| pick(one, &["name", "description", "required"]).map(Value::Object));
            *arguments = known.collect::<Option<Vec<Value>>>()?.into();
        }
        kept.push(Value::Object(prompt));
    }
    Some(json!({ "prompts": kept }))
}

/// What `prompts/get` answers: messages of text.
pub(super) fn prompt(result: &Value) -> Option<Value> {
    let mut known = pick(result, &["description", "messages"])?;
    let messages = known.get_mut("messages")?.as_array_mut()?;
    for message in messages {
        let text = message
            .get("content")
            .filter(|content| content.get("type").is_some_and(|kind| kind == "text"))?;
        let (role, text) = (message.get("role")?.as_str()?, text.get("text")?.as_str()?);
        *message = json!({ "role": role, "content": { "type": "text", "text": text } });
    }
    Some(Value::Object(known))
}

fn results(data: &mut Value, sees: &Visibility<'_>) -> Option<()> {
    const KNOWN: [&str; 5] = ["name", "description", "inputType", "outputType", "instructions"];
    *data = Value::Object(pick(data, &["results"])?);
    let results = data.get_mut("results")?.as_array_mut()?;
    results.retain(|tool| name(tool).is_some_and(|name| sees.sees(name)));
    for tool in results {
        *tool = Value::Object(pick(tool, &KNOWN)?);
        let Some(known) = name(tool).and_then(Tool::named).filter(|tool| !tool.verbs().is_empty()) else {
            continue;
        };
        let verbs = sees.verbs(known);
        if let Some(Value::String(input)) = tool.get_mut("inputType") {
            *input = narrowed(input, known, &verbs);
        }
    }
    Some(())
}

/// The list of words that a tool's `action` takes, and those of them that could be permitted.
fn narrowing<'a>(tool: &'a mut Value, sees: &Visibility<'_>) -> Option<(Vec<Verb>, &'a mut Value)> {
    let known = name(tool).and_then(Tool::named)?;
    let action = tool.get_mut("inputSchema")?.get_mut("properties")?.get_mut("action")?.get_mut("enum")?;
    let offered = action.as_array()?;
    let verbs = sees.verbs(known);
    let verbs = verbs.into_iter().filter(|verb| offered.iter().any(|word| word == verb.as_str())).collect();
    Some((verbs, action))
}

/// Rewrites `action: "create" | "read" | …` in a type.
fn narrowed(input: &str, tool: Tool, verbs: &[Verb]) -> String {
    let line = |verbs: &[Verb]| {
        let words: Vec<String> = verbs.iter().map(|verb| format!("\"{}\"", verb.as_str())).collect();
        format!("action: {};", words.join(" | "))
    };
    let mut lines = input.lines().map(|text| {
        let is_action = text.trim_start().starts_with("action: ")
            && tool.verbs().iter().any(|verb| text.contains(verb.as_str()));
        if is_action {
            let indent: String = text.chars().take_while(|character| character.is_whitespace()).collect();
            format!("{indent}{}", line(verbs))
        } else {
            text.to_owned()
        }
    });
    let first = lines.next().unwrap_or_default();
    lines.fold(first, |text, line| text + "\n" + &line)
}

fn name(tool: &Value) -> Option<&str> {
    tool.get("name")?.as_str()
}

/// The members of an object that are known.
pub(super) fn pick(object: &Value, known: &[&str]) -> Option<Map<String, Value>> {
    let members = object.as_object()?.iter().filter(|(key, _)| known.contains(&key.as_str()));
    Some(members.map(|(key, value)| (key.clone(), value.clone())).collect())
}

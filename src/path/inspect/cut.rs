//! Cutting lists to what a role sees. `None` means that the answer does not look like the list that it should be.

use crate::directus::{Tool, Verb};
use crate::policy::Visibility;
use crate::policy::pattern::Patterns;
use serde_json::{Value, json};

/// Cuts the answer to `tools/list`: tools, and the words that their `action` takes.
pub(super) fn tools(message: &mut Value, sees: &Visibility<'_>) -> Option<()> {
    let tools = message.get_mut("result")?.get_mut("tools")?.as_array_mut()?;
    tools.retain(|tool| name(tool).is_some_and(|name| sees.sees(name)));
    for tool in tools {
        if let Some((verbs, action)) = narrowing(tool, sees) {
            let words: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
            *action = json!(words);
        }
    }
    Some(())
}

/// Cuts the answer to the registry's `search`: its results are JSON in a text, and each tells its input as a type.
pub(super) fn search(message: &mut Value, sees: &Visibility<'_>) -> Option<()> {
    let result = message.get_mut("result")?;
    if result.get("isError") == Some(&Value::Bool(true)) {
        return Some(());
    }
    if let Some(structured) = result.get_mut("structuredContent") {
        results(structured.get_mut("data")?, sees)?;
    }
    for part in result.get_mut("content")?.as_array_mut()? {
        let mut inner: Value = serde_json::from_str(part.get("text")?.as_str()?).ok()?;
        results(inner.get_mut("data")?, sees)?;
        *part.get_mut("text")? = Value::from(inner.to_string());
    }
    Some(())
}

/// Cuts the answer to `prompts/list`.
pub(super) fn prompts(message: &mut Value, allowed: &Patterns) -> Option<()> {
    let result = message.get_mut("result")?;
    // Directus answers an error of this method in the style of a tool (FACTS section 7).
    if result.get("isError") == Some(&Value::Bool(true)) {
        return Some(());
    }
    let prompts = result.get_mut("prompts")?.as_array_mut()?;
    prompts.retain(|prompt| name(prompt).is_some_and(|name| allowed.matches(name)));
    Some(())
}

fn results(data: &mut Value, sees: &Visibility<'_>) -> Option<()> {
    let results = data.get_mut("results")?.as_array_mut()?;
    results.retain(|tool| name(tool).is_some_and(|name| sees.sees(name)));
    for tool in results {
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

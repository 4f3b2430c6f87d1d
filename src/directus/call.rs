//! A tool call, unwrapped and with its arguments read as Directus reads them.

use super::dialect::Dialect;
use super::ignored;
use super::local::{self, LocalTool};
use super::misread::Misread;
use super::tool::Tool;
use crate::mcp::json;
pub(crate) use crate::mcp::shown::shown;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Arguments that Directus takes as JSON text too (FACTS section 3). It parses one level, so this does too.
const COERCED: [&str; 4] = ["data", "keys", "query", "headers"];

/// One call of one of Directus' tools.
///
/// It is both what is judged and what is forwarded: [`ToolCall::to_params`] writes it anew from this value, so nothing of the
/// client's bytes goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// How the tools are offered.
    pub mode: Mode,
    /// Under which name of the Local MCP it came, and goes on; `None` where it came under the tool's own.
    pub local: Option<LocalTool>,
    /// Which tool, unwrapped from `execute`; for a call of the Local MCP the one that does the same.
    pub tool: Tool,
    /// That tool's arguments, JSON texts among them read, without what Directus does not look at.
    pub arguments: Map<String, Value>,
}

/// How Directus offers its tools: each by its name, or behind `search` and `execute`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Each by its name.
    #[default]
    Legacy,
    /// `?tool_mode=registry`.
    Registry,
}

impl Mode {
    /// Reads the query string of the request, with or without its question mark.
    ///
    /// Directus' parser knows many spellings of the same query (FACTS section 1), so only the plain one is taken. The Local MCP has
    /// no registry.
    ///
    /// # Errors
    /// When it is neither empty nor exactly `tool_mode=registry`, nor made of parameters that do nothing.
    pub fn read(dialect: Dialect, query_string: &str) -> Result<Self, Misread> {
        match query_string.strip_prefix('?').unwrap_or(query_string) {
            "" => Ok(Self::Legacy),
            "tool_mode=registry" => match dialect {
                Dialect::BuiltIn => Ok(Self::Registry),
                Dialect::Local => {
                    Err(Misread::because("a Local MCP offers each tool by its name: leave out `tool_mode`"))
                }
            },
            parameters if ignored::is_ignored(parameters) => Ok(Self::Legacy),
            _ => Err(Misread::because(
                "the query string of the address is not understood: leave it out, or write exactly `?tool_mode=registry`",
            )),
        }
    }

    /// The query string to forward, with its question mark.
    pub fn query_string(self) -> &'static str {
        match self {
            Self::Legacy => "",
            Self::Registry => "?tool_mode=registry",
        }
    }
}

/// What the `params` of a `tools/call` ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Called {
    /// A tool of Directus' own, or of the Local MCP.
    Directus(ToolCall),
    /// The registry's `search`: it only lists tools.
    Search(Map<String, Value>),
    /// A tool that Directus does not have; only its name is looked at.
    Other(String, Map<String, Value>),
}

impl Called {
    /// Reads the `params` of a `tools/call`.
    ///
    /// # Errors
    /// When they are not what Directus takes, or when it could not be told how it would read them.
    pub fn read(dialect: Dialect, mode: Mode, params: &Map<String, Value>) -> Result<Self, Misread> {
        let (name, arguments) = name_and(params, "arguments", &["_meta"])?;
        match dialect {
            Dialect::BuiltIn => Self::built_in(mode, name, arguments),
            Dialect::Local => match LocalTool::named(name) {
                Some(tool) => Ok(Self::Directus(ToolCall::of_local(tool, arguments)?)),
                None => Ok(Self::Other(name.to_owned(), arguments)),
            },
        }
    }

    fn built_in(mode: Mode, name: &str, arguments: Map<String, Value>) -> Result<Self, Misread> {
        match mode {
            Mode::Legacy => Self::named(mode, name, arguments),
            Mode::Registry => match name {
                "execute" => {
                    let (name, input) = name_and(&arguments, "input", &[])?;
                    match Tool::named(name) {
                        Some(tool) => Ok(Self::Directus(ToolCall::new(mode, tool, input)?)),
                        None => Err(Misread::because(format!("`execute` knows no tool `{}`", shown(name)))),
                    }
                }
                "search" => search(arguments),
                // The registry offers this one tool at its root as well.
                "schema" => Self::named(mode, name, arguments),
                _ => Err(Misread::because(format!(
                    "with `tool_mode=registry` the tool `{}` has to be called through `execute`",
                    shown(name)
                ))),
            },
        }
    }

    fn named(mode: Mode, name: &str, arguments: Map<String, Value>) -> Result<Self, Misread> {
        match Tool::named(name) {
            Some(tool) => Ok(Self::Directus(ToolCall::new(mode, tool, arguments)?)),
            None if name == "execute" || name == "search" => Err(Misread::because(format!(
                "the tool `{name}` exists only at an address that ends in `?tool_mode=registry`"
            ))),
            None => Ok(Self::Other(name.to_owned(), arguments)),
        }
    }
}

impl ToolCall {
    /// A call of a built-in tool with arguments as the client gave them.
    ///
    /// # Errors
    /// When a JSON text among them cannot be read strictly, or an argument is null, which Directus refuses.
    pub fn new(mode: Mode, tool: Tool, mut arguments: Map<String, Value>) -> Result<Self, Misread> {
        for name in COERCED {
            let Some(Value::String(text)) = arguments.get(name) else { continue };
            let value = json::read(text.as_bytes()).map_err(|error| {
                Misread::because(format!("the argument `{name}` is a text that is not JSON: {error}"))
            })?;
            arguments.insert(name.to_owned(), value);
        }
        ignored::drop_ignored(tool, &mut arguments);
        if let Some((name, _)) = arguments.iter().find(|(_, value)| value.is_null()) {
            return Err(Misread::because(format!(
                "the argument `{}` is null: leave it out instead",
                shown(name)
            )));
        }
        Ok(Self { mode, local: None, tool, arguments })
    }

    /// A call of the Local MCP's tool with arguments as the client gave them.
    ///
    /// # Errors
    /// When the Local MCP would make something else of them than they say.
    pub fn of_local(tool: LocalTool, arguments: Map<String, Value>) -> Result<Self, Misread> {
        let (same, arguments) = local::read(tool, arguments)?;
        Ok(Self { mode: Mode::Legacy, local: Some(tool), tool: same, arguments })
    }

    /// The tool's name, as the client has it.
    pub fn name(&self) -> &'static str {
        self.local.map_or(self.tool.as_str(), LocalTool::as_str)
    }

    /// Whose names and arguments it is written in.
    pub fn dialect(&self) -> Dialect {
        if self.local.is_some() { Dialect::Local } else { Dialect::BuiltIn }
    }

    /// Its arguments as they are sent.
    pub fn sent(&self) -> Cow<'_, Map<String, Value>> {
        match self.local {
            None => Cow::Borrowed(&self.arguments),
            Some(tool) => Cow::Owned(local::write(tool, &self.arguments)),
        }
    }

    /// That what is sent is read as this very call again. An obligation may have put something into it that does not reach Directus.
    ///
    /// # Errors
    /// When it is read otherwise, or not at all.
    pub(crate) fn reads_back(&self) -> Result<(), Misread> {
        match Called::read(self.dialect(), self.mode, &self.to_params())? {
            Called::Directus(again) if again == *self => Ok(()),
            Called::Directus(_) | Called::Search(_) | Called::Other(..) => {
                Err(Misread::because("this call cannot be sent in the form that the policy asks for"))
            }
        }
    }
}

fn search(arguments: Map<String, Value>) -> Result<Called, Misread> {
    match arguments.keys().find(|key| !["query", "names"].contains(&key.as_str())) {
        Some(key) => Err(Misread::because(format!("`search` has no argument `{}`", shown(key)))),
        None => Ok(Called::Search(arguments)),
    }
}

/// Takes `{"name": …, <key>: {…}}` apart. Keys that are `ignored` are dropped; any other is refused, since a reader that
/// knows it could do something else.
fn name_and<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    ignored: &[&str],
) -> Result<(&'a str, Map<String, Value>), Misread> {
    let unknown = |other: &&String| *other != "name" && *other != key && !ignored.contains(&other.as_str());
    if let Some(other) = object.keys().find(unknown) {
        return Err(Misread::because(format!(
            "`{}` beside `name` and `{key}` is not understood",
            shown(other)
        )));
    }
    let Some(Value::String(name)) = object.get("name") else {
        return Err(Misread::because("`name`, the tool to call, is missing or not a text"));
    };
    match object.get(key) {
        None => Ok((name, Map::new())),
        Some(Value::Object(arguments)) => Ok((name, arguments.clone())),
        Some(_) => Err(Misread::because(format!("`{key}` is not an object"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(mode: Mode, params: &Value) -> Result<Called, Misread> {
        Called::read(Dialect::BuiltIn, mode, params.as_object().unwrap())
    }

    #[test]
    fn both_modes_lead_to_the_same_call() {
        let arguments = json!({"action": "read", "collection": "tags"});
        let legacy = read(Mode::Legacy, &json!({"name": "items", "arguments": arguments, "_meta": {"x": 1}}));
        let registry = json!({"name": "execute", "arguments": {"name": "items", "input": arguments}});
        let registry_call = read(Mode::Registry, &registry);
        let (Ok(Called::Directus(legacy)), Ok(Called::Directus(wrapped))) = (legacy, registry_call) else {
            panic!("not understood")
        };
        assert_eq!((legacy.tool, &legacy.arguments), (wrapped.tool, &wrapped.arguments));
        assert_eq!(Value::Object(wrapped.to_params()), registry);
        assert_eq!(Value::Object(legacy.to_params()), json!({"name": "items", "arguments": arguments}));
    }

    #[test]
    fn texts_are_read_where_directus_reads_them() {
        let params =
            json!({"name": "items", "arguments": {"data": " {\"a\": 1}\n", "keys": "[1]", "filter": "{}"}});
        let Ok(Called::Directus(call)) = read(Mode::Legacy, &params) else { panic!("not understood") };
        assert_eq!(Value::Object(call.arguments), json!({"data": {"a": 1}, "keys": [1], "filter": "{}"}));
    }

    #[test]
    fn what_directus_would_read_otherwise_is_not_understood() {
        for (mode, params, why) in [
            (Mode::Legacy, json!({"name": "execute", "arguments": {}}), "?tool_mode=registry"),
            (Mode::Registry, json!({"name": "items", "arguments": {}}), "through `execute`"),
            (
                Mode::Registry,
                json!({"name": "execute", "arguments": {"name": "execute", "input": {}}}),
                "no tool",
            ),
            (
                Mode::Registry,
                json!({"name": "execute", "arguments": {"name": " items ", "input": {}}}),
                "no tool",
            ),
            (
                Mode::Registry,
                json!({"name": "execute", "arguments": {"name": "items", "input": "{}"}}),
                "not an object",
            ),
            (
                Mode::Registry,
                json!({"name": "execute", "arguments": {"name": "items", "action": "read"}}),
                "`action`",
            ),
            (Mode::Legacy, json!({"name": "items", "arguments": "{}"}), "not an object"),
            (Mode::Legacy, json!({"name": "items", "task": {}}), "`task`"),
            (Mode::Legacy, json!({"arguments": {}}), "`name`"),
            (Mode::Legacy, json!({"name": ["items"]}), "`name`"),
            (Mode::Legacy, json!({"name": "items", "arguments": {"data": "{\"a\":1,\"a\":2}"}}), "twice"),
            (Mode::Legacy, json!({"name": "items", "arguments": {"query": ""}}), "not JSON"),
            (Mode::Legacy, json!({"name": "items", "arguments": {"query": "null"}}), "null"),
        ] {
            let refused = read(mode, &params).unwrap_err().to_string();
            assert!(refused.contains(why), "{params}: {refused}");
        }
        assert_eq!(
            read(Mode::Legacy, &json!({"name": "Items"})),
            Ok(Called::Other("Items".to_owned(), Map::new()))
        );
    }

    #[test]
    fn only_the_plain_query_string_is_taken() {
        assert_eq!(Mode::read(Dialect::BuiltIn, ""), Ok(Mode::Legacy));
        assert_eq!(Mode::read(Dialect::BuiltIn, "?"), Ok(Mode::Legacy));
        assert_eq!(Mode::read(Dialect::BuiltIn, "?tool_mode=registry"), Ok(Mode::Registry));
        assert_eq!(Mode::read(Dialect::BuiltIn, "?search=x&page=1"), Ok(Mode::Legacy));
        for odd in [
            "?tool%5Fmode=registry",
            "?tool_mode=%72egistry",
            "?[tool_mode]=registry",
            "?&&tool_mode=registry",
            "?tool_mode=registry#x",
            "?tool_mode=Registry",
            "?tool_mode=legacy",
            "?access_token=x",
        ] {
            assert!(Mode::read(Dialect::BuiltIn, odd).is_err(), "{odd}");
        }
        assert_eq!(Mode::read(Dialect::Local, ""), Ok(Mode::Legacy));
        assert!(Mode::read(Dialect::Local, "?tool_mode=registry").is_err());
    }
}

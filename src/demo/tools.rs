//! The tools of the stand-in, as Directus lists them.

use serde_json::{Map, Value, json};

/// One tool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// What it can do; empty where it has no `action`.
    pub(super) actions: &'static [&'static str],
    /// Every argument that it knows.
    pub(super) arguments: &'static [&'static str],
    /// The arguments that are needed.
    needed: &'static [&'static str],
    /// Whether registry mode answers it with structured content too.
    pub(super) structured: bool,
}

const CRUD: &[&str] = &["create", "read", "update", "delete"];

/// All of them, in the order in which Directus lists them.
pub(super) const TOOLS: [Tool; 12] = [
    tool("system-prompt", "Tells how this project wants its content to be worked on.", &[], &[], &[]),
    tool(
        "items",
        "Reads, creates, updates and deletes items of a user collection.",
        CRUD,
        &["action", "collection", "query", "keys", "data"],
        &["action", "collection"],
    ),
    Tool {
        structured: true,
        ..tool(
            "files",
            "Reads, updates, deletes and imports files.",
            FILES,
            &["action", "query", "keys", "data"],
            &["action"],
        )
    },
    Tool {
        structured: true,
        ..tool(
            "folders",
            "Reads, creates, updates and deletes folders of files.",
            CRUD,
            &["action", "query", "keys", "data"],
            &["action"],
        )
    },
    tool("assets", "Returns the bytes of an image or a sound.", &[], &["id"], &["id"]),
    tool(
        "flows",
        "Reads, creates, updates and deletes flows.",
        CRUD,
        &["action", "query", "data", "key"],
        &["action"],
    ),
    tool(
        "trigger-flow",
        "Runs a flow.",
        &[],
        &["id", "collection", "keys", "headers", "query", "data"],
        &["id", "collection"],
    ),
    tool(
        "operations",
        "Reads, creates, updates and deletes the operations of flows.",
        CRUD,
        &["action", "query", "data", "key"],
        &["action"],
    ),
    Tool {
        structured: true,
        ..tool("schema", "Lists the collections, or the fields of the named ones.", &[], &["keys"], &[])
    },
    Tool {
        structured: true,
        ..tool(
            "collections",
            "Reads, creates, updates and deletes collections.",
            CRUD,
            &["action", "keys", "data"],
            &["action"],
        )
    },
    Tool {
        structured: true,
        ..tool(
            "fields",
            "Reads, creates, updates and deletes fields of collections.",
            FIELDS,
            &["action", "collection", "field", "data"],
            &["action"],
        )
    },
    Tool {
        structured: true,
        ..tool(
            "relations",
            "Reads, creates, updates and deletes relations between collections.",
            CRUD,
            &["action", "collection", "field", "data"],
            &["action"],
        )
    },
];

const FILES: &[&str] = &["read", "update", "delete", "import"];
const FIELDS: &[&str] = &["read", "create", "update", "delete"];

const fn tool(
    name: &'static str,
    description: &'static str,
    actions: &'static [&'static str],
    arguments: &'static [&'static str],
    needed: &'static [&'static str],
) -> Tool {
    Tool { name, description, actions, arguments, needed, structured: false }
}

/// The tool of that name.
pub(super) fn named(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

/// What `tools/list` answers.
pub(super) fn list() -> Value {
    TOOLS.into_iter().map(Tool::to_json).collect()
}

/// What `tools/list` answers in registry mode.
pub(super) fn registry() -> Value {
    let search = json!({
        "query": {"description": "Words to find tools by", "anyOf": [{"type": "string"}, {"type": "null"}]},
        "names": {"description": "Tools to tell everything about", "type": "array", "items": {"type": "string"}},
    });
    let execute = json!({"name": {"type": "string"}, "input": {"default": {}, "type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {}}});
    let root = |name: &str, description: &str, properties: &Value, needed: &[&str]| json!({"name": name, "description": description, "inputSchema": object(properties, needed)});
    json!([
        root("search", "Finds the tools of this Directus.", &search, &[]),
        root("execute", "Runs a tool that `search` has found.", &execute, &["name", "input"]),
        named("schema").copied().map(Tool::to_json),
    ])
}

impl Tool {
    /// As `tools/list` has it.
    fn to_json(self) -> Value {
        let title = format!("Directus - {}", title(self.name));
        let annotations = if self.actions.is_empty() {
            json!({"title": title})
        } else {
            json!({"title": title, "destructiveHint": true})
        };
        json!({"name": self.name, "description": self.description, "inputSchema": self.input_schema(), "annotations": annotations})
    }

    /// As `search` has it where the words match.
    pub(super) fn summary(&self) -> Value {
        json!({"name": self.name, "description": self.description})
    }

    /// As `search` has it where the tool is asked for by name.
    pub(super) fn details(&self) -> Value {
        json!({"name": self.name, "description": self.description, "inputType": self.input_type(), "instructions": self.description})
    }

    fn input_schema(self) -> Value {
        let properties: Map<String, Value> =
            self.arguments.iter().map(|name| ((*name).to_owned(), self.argument(name))).collect();
        object(&Value::Object(properties), self.needed)
    }

    /// The same as a type of TypeScript: Directus shows it so in registry mode.
    fn input_type(&self) -> String {
        let line = |name: &&str| {
            let mark = if self.needed.contains(name) { "" } else { "?" };
            format!("\t{name}{mark}: {};\n", type_of(&self.argument(name)))
        };
        format!("{{\n{}}}", self.arguments.iter().map(line).collect::<String>())
    }

    fn argument(&self, name: &str) -> Value {
        let key = json!({"anyOf": [{"type": "number"}, {"type": "string"}]});
        let many = |items: Value| json!({"type": "array", "items": items});
        let text = json!({"type": "string"});
        match name {
            "action" => json!({"description": "What to do", "type": "string", "enum": self.actions}),
            "query" if self.name != "trigger-flow" => query(),
            "keys" if self.structured && self.name != "files" && self.name != "folders" => many(text),
            "keys" => many(key),
            "id" if self.name == "trigger-flow" => key,
            "data" if ["flows", "operations", "relations", "trigger-flow"].contains(&self.name) => record(),
            "data" if ["collections", "fields"].contains(&self.name) => many(record()),
            "data" => {
                json!({"description": "One item, or a list of them", "anyOf": [many(record()), record()]})
            }
            "headers" | "query" => record(),
            _ => text,
        }
    }
}

fn object(properties: &Value, needed: &[&str]) -> Value {
    let mut schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": properties});
    if let Some(schema) = schema.as_object_mut() {
        if !needed.is_empty() {
            schema.insert("required".to_owned(), json!(needed));
        }
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    schema
}

fn record() -> Value {
    json!({"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {}})
}

fn query() -> Value {
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let number = json!({"type": "number"});
    let functions = ["count", "sum", "avg", "min", "max"];
    let aggregate: Map<String, Value> =
        functions.into_iter().map(|name| (name.to_owned(), texts.clone())).collect();
    json!({
        "type": "object",
        "properties": {
            "fields": texts, "sort": texts, "filter": record(), "limit": number, "offset": number, "page": number,
            "search": {"type": "string"}, "deep": record(),
            "alias": {"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {"type": "string"}},
            "aggregate": {"type": "object", "properties": aggregate, "additionalProperties": false},
            "backlink": {"type": "boolean"}, "version": {"type": "string"}, "versionRaw": {"type": "boolean"},
            "export": {"type": "string"}, "groupBy": texts,
        },
        "additionalProperties": false,
    })
}

/// `trigger-flow` is called Trigger Flow.
fn title(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    name.split('-').map(word).collect::<Vec<String>>().join(" ")
}

fn type_of(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(kinds) = schema.get("anyOf").and_then(Value::as_array) {
        return kinds.iter().map(type_of).collect::<Vec<_>>().join(" | ");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => format!("({})[]", schema.get("items").map(type_of).unwrap_or_default()),
        Some("object") => "Record<string, unknown>".to_owned(),
        Some(plain) => plain.to_owned(),
        None => "unknown".to_owned(),
    }
}

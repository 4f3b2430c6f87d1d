//! The arguments of the Local MCP's tools as those of the built-in tools, and back again.

use super::query;
use super::tool::LocalTool;
use crate::directus::call::shown;
use crate::directus::misread::Misread;
use crate::directus::tool::{Tool, Verb};
use serde_json::{Map, Value, json};

const USERS: &str = "directus_users";
const COMMENTS: &str = "directus_comments";

/// What may be said of a file.
const FILE: [&str; 9] = [
    "id",
    "title",
    "folder",
    "description",
    "location",
    "tags",
    "focal_point_x",
    "focal_point_y",
    "filename_download",
];

/// What would put a field, or what it points to, elsewhere.
const PLACES: [(&str, &[&str]); 2] = [
    ("meta", &["collection", "field"]),
    ("schema", &["table", "name", "foreign_key_table", "foreign_key_column"]),
];

/// An argument of a built-in tool, where there is one.
type Made = Option<(&'static str, Value)>;

/// Reads arguments of a Local MCP's tool: which built-in tool does the same, with which arguments.
///
/// # Errors
/// When the Local MCP would not take them, or make something else of them than they say.
pub(in crate::directus) fn read(
    tool: LocalTool,
    arguments: Map<String, Value>,
) -> Result<(Tool, Map<String, Value>), Misread> {
    let mut given = Given { tool, left: arguments };
    if let Some((name, _)) = given.left.iter().find(|(_, value)| value.is_null()) {
        return Err(Misread::because(format!(
            "the argument `{}` is null: leave it out instead",
            shown(name)
        )));
    }
    let (same, made) = made(tool, &mut given)?;
    given.end()?;
    let made = made.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok((same, made))
}

fn made(tool: LocalTool, given: &mut Given) -> Result<(Tool, Vec<Made>), Misread> {
    Ok(match tool {
        LocalTool::ReadItems => (Tool::Items, vec![verb(Verb::Read), given.collection()?, given.query()?]),
        LocalTool::CreateItem => {
            let item = given.object("item")?;
            (Tool::Items, vec![verb(Verb::Create), given.collection()?, data(item), given.returned()?])
        }
        LocalTool::UpdateItem => {
            let item = given.object("data")?;
            let target = [verb(Verb::Update), given.collection()?, given.key()?];
            (Tool::Items, target.into_iter().chain([data(item), given.returned()?]).collect())
        }
        LocalTool::DeleteItem => (Tool::Items, vec![verb(Verb::Delete), given.collection()?, given.key()?]),
        LocalTool::UsersMe => {
            let fields = Map::from_iter([("fields".to_owned(), given.need("fields")?)]);
            let query = Some(("query", query::fields_only(fields)?));
            (Tool::Items, vec![verb(Verb::Read), owned(USERS), query])
        }
        LocalTool::ReadUsers => (Tool::Items, vec![verb(Verb::Read), owned(USERS), given.query()?]),
        LocalTool::ReadComments => (Tool::Items, vec![verb(Verb::Read), owned(COMMENTS), given.query()?]),
        LocalTool::UpsertComment => (Tool::Items, comment(given)?),
        LocalTool::ReadFiles => files(given)?,
        LocalTool::UpdateFiles => (Tool::Files, vec![verb(Verb::Update), data(given.files()?)]),
        LocalTool::ImportFile => {
            let entry = json!({ "url": given.text("url")?, "file": given.file("data")? });
            (Tool::Files, vec![verb(Verb::Import), data(json!([entry]))])
        }
        LocalTool::ReadFolders => (Tool::Folders, vec![verb(Verb::Read), given.optional_query()?]),
        LocalTool::ReadFlows => {
            let manual = json!({ "filter": { "trigger": { "_eq": "manual" } } });
            (Tool::Flows, vec![verb(Verb::Read), Some(("query", manual))])
        }
        LocalTool::TriggerFlow => (Tool::TriggerFlow, flow(given)?),
        // It is made of the fields of all collections, and of what relates them.
        LocalTool::ReadCollections => (Tool::Fields, vec![verb(Verb::Read)]),
        LocalTool::ReadFields => (Tool::Fields, vec![verb(Verb::Read), given.optional_collection()?]),
        LocalTool::ReadField => {
            (Tool::Fields, vec![verb(Verb::Read), given.collection()?, Some(("field", given.name("field")?))])
        }
        LocalTool::CreateField => {
            let field = given.described(&["field", "type", "schema", "meta"])?;
            (Tool::Fields, vec![verb(Verb::Create), given.collection()?, data(field)])
        }
        LocalTool::UpdateField => {
            let mut field = Map::from_iter([("field".to_owned(), given.name("field")?)]);
            field.extend(
                given.described(&["type", "schema", "meta"])?.as_object().cloned().unwrap_or_default(),
            );
            (Tool::Fields, vec![verb(Verb::Update), given.collection()?, data(Value::Object(field))])
        }
        LocalTool::SystemPrompt => {
            // It has one prompt, whatever a client asks for.
            given.left.clear();
            (Tool::SystemPrompt, Vec::new())
        }
    })
}

/// One file by its `id`, or its bytes, or many.
fn files(given: &mut Given) -> Result<(Tool, Vec<Made>), Misread> {
    let raw = match given.left.shift_remove("raw") {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(_) => return Err(Misread::because("`raw` is neither true nor false")),
    };
    if !given.left.contains_key("id") {
        return if raw {
            Err(Misread::because("`raw` without `id` is ignored: name the file"))
        } else {
            Ok((Tool::Files, vec![verb(Verb::Read), given.optional_query()?]))
        };
    }
    if raw {
        // Whatever else is asked for is not looked at, so nothing else is taken.
        return Ok((Tool::Assets, vec![Some(("id", Value::from(given.text("id")?)))]));
    }
    let key = Some(("keys", json!([given.text("id")?])));
    Ok((Tool::Files, vec![verb(Verb::Read), key, given.returned()?]))
}

/// A comment that is made, or changed where its `id` is given.
fn comment(given: &mut Given) -> Result<Vec<Made>, Misread> {
    let (verb, key) = if given.left.contains_key("id") {
        (verb(Verb::Update), Some(("keys", json!([given.text("id")?]))))
    } else {
        (verb(Verb::Create), None)
    };
    let (collection, item) = (given.name("collection")?, given.need("item")?);
    let row = json!({ "collection": collection, "item": item, "comment": given.text("comment")? });
    Ok(vec![verb, owned(COMMENTS), key, data(row)])
}

/// A flow with the description of it that the client gives. The Local MCP looks at nothing else to tell whether the flow may be started
/// so, which makes it no check; it stays, since an honest client counts on it.
fn flow(given: &mut Given) -> Result<Vec<Made>, Misread> {
    let id = given.text("flowId")?;
    let described = given.object("flowDefinition")?;
    if described.get("id").and_then(Value::as_str) != Some(&id) {
        return Err(Misread::because("`flowDefinition` describes another flow than `flowId` names"));
    }
    let keys = given.need("keys")?;
    let with = given.left.contains_key("data").then(|| given.object("data")).transpose()?;
    let target = [Some(("id", Value::from(id))), given.collection()?, Some(("keys", keys))];
    Ok(target.into_iter().chain([with.and_then(data), Some(("flowDefinition", described))]).collect())
}

/// Writes arguments of a built-in tool as those of the Local MCP's tool that they were read from.
pub(in crate::directus) fn write(tool: LocalTool, arguments: &Map<String, Value>) -> Map<String, Value> {
    let kept = |name: &'static str| (name, arguments.get(name).cloned());
    let key = || ("id", arguments.get("keys").and_then(|keys| keys.get(0)).cloned());
    let of_data = |name: &'static str| (name, arguments.get("data").and_then(|data| data.get(name)).cloned());
    let written = match tool {
        LocalTool::ReadItems => vec![kept("collection"), kept("query")],
        LocalTool::CreateItem => {
            vec![kept("collection"), ("item", arguments.get("data").cloned()), kept("query")]
        }
        LocalTool::UpdateItem => vec![kept("collection"), key(), kept("data"), kept("query")],
        LocalTool::DeleteItem => vec![kept("collection"), key()],
        LocalTool::UsersMe => {
            vec![("fields", arguments.get("query").and_then(|query| query.get("fields")).cloned())]
        }
        LocalTool::ReadUsers | LocalTool::ReadComments | LocalTool::ReadFolders => vec![kept("query")],
        LocalTool::UpsertComment => vec![key(), of_data("collection"), of_data("item"), of_data("comment")],
        // The bytes of a file are asked for by `id`, what is known of it by `keys`.
        LocalTool::ReadFiles => match arguments.get("id") {
            Some(id) => vec![("id", Some(id.clone())), ("raw", Some(Value::Bool(true)))],
            None => vec![key(), kept("query")],
        },
        LocalTool::UpdateFiles => vec![kept("data")],
        LocalTool::ImportFile => {
            let entry = arguments.get("data").and_then(|data| data.get(0));
            let of_entry = |name: &str| entry.and_then(|entry| entry.get(name)).cloned();
            vec![("url", of_entry("url")), ("data", of_entry("file"))]
        }
        LocalTool::TriggerFlow => {
            let id = ("flowId", arguments.get("id").cloned());
            vec![kept("flowDefinition"), id, kept("collection"), kept("keys"), kept("data")]
        }
        LocalTool::ReadFields => vec![kept("collection")],
        LocalTool::ReadField => vec![kept("collection"), kept("field")],
        LocalTool::CreateField => vec![kept("collection"), kept("data")],
        LocalTool::UpdateField => {
            let mut rest = arguments.get("data").cloned();
            if let Some(Value::Object(rest)) = &mut rest {
                rest.shift_remove("field");
            }
            vec![kept("collection"), of_data("field"), ("data", rest)]
        }
        LocalTool::ReadCollections | LocalTool::ReadFlows | LocalTool::SystemPrompt => Vec::new(),
    };
    written.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in lists of what may be missing")]
fn verb(verb: Verb) -> Made {
    Some(("action", Value::from(verb.as_str())))
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in lists of what may be missing")]
fn owned(collection: &str) -> Made {
    Some(("collection", Value::from(collection)))
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in lists of what may be missing")]
fn data(data: Value) -> Made {
    Some(("data", data))
}

/// The arguments that have not been looked at yet. The Local MCP drops what it does not know; here it is refused.
struct Given {
    tool: LocalTool,
    left: Map<String, Value>,
}

impl Given {
    fn need(&mut self, name: &str) -> Result<Value, Misread> {
        self.left.shift_remove(name).ok_or_else(|| {
            Misread::because(format!("the tool `{}` needs the argument `{name}`", self.tool.as_str()))
        })
    }

    fn text(&mut self, name: &str) -> Result<String, Misread> {
        match self.need(name)? {
            // An empty text is as good as none to the Local MCP: without its `id`, a comment is made and all files are read.
            Value::String(text) if !text.is_empty() => Ok(text),
            Value::String(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => Err(Misread::because(format!("`{name}` is empty, or not a text"))),
        }
    }

    fn object(&mut self, name: &str) -> Result<Value, Misread> {
        let value = self.need(name)?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(Misread::because(format!("`{name}` is not an object")))
        }
    }

    /// An object that says nothing else.
    fn known(&mut self, name: &str, known: &[&str]) -> Result<Value, Misread> {
        let value = self.object(name)?;
        only(&value, name, known)?;
        Ok(value)
    }

    /// What is said of a field; where it is put is said beside it, and nowhere else.
    fn described(&mut self, known: &[&str]) -> Result<Value, Misread> {
        let field = self.known("data", known)?;
        for (part, places) in PLACES {
            let said = field.get(part).and_then(Value::as_object);
            if let Some(place) =
                places.iter().find(|place| said.is_some_and(|said| said.contains_key(**place)))
            {
                return Err(Misread::because(format!(
                    "`{place}` in `{part}` is not understood: leave it out"
                )));
            }
        }
        Ok(field)
    }

    /// The name of a collection or field. It becomes a part of a path, where anything but letters could lead elsewhere.
    fn name(&mut self, name: &str) -> Result<Value, Misread> {
        let text = self.text(name)?;
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Ok(Value::from(text));
        }
        Err(Misread::because(format!("`{}` is not a name of letters, digits and `_`", shown(&text))))
    }

    fn collection(&mut self) -> Result<Made, Misread> {
        Ok(Some(("collection", self.name("collection")?)))
    }

    fn optional_collection(&mut self) -> Result<Made, Misread> {
        if self.left.contains_key("collection") { self.collection() } else { Ok(None) }
    }

    /// The key of an item. It becomes a part of a path; whether it is canonical is told with the schema.
    fn key(&mut self) -> Result<Made, Misread> {
        let id = self.need("id")?;
        let fits = match &id {
            Value::Number(_) => true,
            Value::String(text) => {
                !text.is_empty()
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if fits {
            return Ok(Some(("keys", Value::Array(vec![id]))));
        }
        let text = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        Err(Misread::because(format!(
            "`{}` is not a key of letters, digits, `_` and `-`, which alone can be asked for through a Local MCP",
            shown(&text)
        )))
    }

    fn query(&mut self) -> Result<Made, Misread> {
        let Value::Object(query) = self.object("query")? else { return Ok(None) };
        Ok(Some(("query", query::whole(query)?)))
    }

    fn optional_query(&mut self) -> Result<Made, Misread> {
        if self.left.contains_key("query") { self.query() } else { Ok(None) }
    }

    /// A query of which only the `fields` are looked at.
    fn returned(&mut self) -> Result<Made, Misread> {
        if !self.left.contains_key("query") {
            return Ok(None);
        }
        let Value::Object(query) = self.object("query")? else { return Ok(None) };
        Ok(Some(("query", query::fields_only(query)?)))
    }

    /// What is said of a file, which always names it.
    fn file(&mut self, name: &str) -> Result<Value, Misread> {
        let file = self.known(name, &FILE)?;
        named(&file, name)?;
        Ok(file)
    }

    fn files(&mut self) -> Result<Value, Misread> {
        let files = self.need("data")?;
        let list = files.as_array().ok_or_else(|| Misread::because("`data` is not a list"))?;
        for file in list {
            only(file, "data", &FILE)?;
            named(file, "data")?;
        }
        Ok(files)
    }

    fn end(self) -> Result<(), Misread> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => Err(Misread::because(format!(
                "the argument `{}` is not understood here: the tool `{}` does not take it",
                shown(name),
                self.tool.as_str()
            ))),
        }
    }
}

fn only(value: &Value, name: &str, known: &[&str]) -> Result<(), Misread> {
    let object = value
        .as_object()
        .ok_or_else(|| Misread::because(format!("`{name}` holds something that is not an object")))?;
    crate::directus::arguments::only(object, name, known)
}

fn named(file: &Value, name: &str) -> Result<(), Misread> {
    match file.get("id") {
        Some(Value::String(_)) => Ok(()),
        Some(_) | None => Err(Misread::because(format!("`{name}` names no file by its `id`"))),
    }
}

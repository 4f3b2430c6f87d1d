//! The accesses of a tool call: everything that it asks for or implies.

mod implied;
mod items;
mod local;
mod media;
mod model;
mod written;

pub(crate) use implied::cascade;

use super::access::{Access, Action, Extent, Fields, Key, Origin};
use super::arguments::Arguments;
use super::call::{ToolCall, shown};
use super::key;
use super::misread::Misread;
use super::schema::{Collection, SchemaSnapshot};
use super::tool::Tool;
use serde_json::{Map, Value};

/// What a tool call does, as far as it can be told from the call and the schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// Every access, in the order of the request.
    pub accesses: Vec<Access>,
    /// The addresses that bytes are imported from, as the request has them.
    pub imports: Vec<String>,
}

/// Works out what a call would do.
///
/// # Errors
/// When it cannot be told; such a call must not pass.
///
/// # Examples
/// ```
/// use warrener::directus::{SchemaSnapshot, accesses::accesses, call::{Mode, ToolCall}, tool::Tool};
///
/// let schema = SchemaSnapshot::from_rest(
///     r#"[{"collection": "tags", "meta": null}]"#,
///     r#"[{"collection": "tags", "field": "id", "type": "integer", "schema": {"is_primary_key": true}}]"#,
///     "[]",
/// )?;
/// let arguments = serde_json::json!({"action": "delete", "collection": "tags", "keys": [1]});
/// let call = ToolCall::new(Mode::Legacy, Tool::Items, arguments.as_object().unwrap().clone()).unwrap();
/// let decoded = accesses(&call, &schema).unwrap();
/// assert_eq!(decoded.accesses[0].action.as_str(), "delete");
/// # Ok::<(), warrener::directus::schema::SchemaError>(())
/// ```
pub fn accesses(call: &ToolCall, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    let mut arguments = Arguments::of(call);
    let decoded = match call.local {
        None => built_in(call, &mut arguments, schema),
        Some(tool) => local::local(tool, call, &mut arguments, schema),
    }?;
    arguments.end()?;
    Ok(decoded)
}

/// The accesses by the built-in tool.
fn built_in(
    call: &ToolCall,
    arguments: &mut Arguments<'_>,
    schema: &SchemaSnapshot,
) -> Result<Decoded, Misread> {
    match call.tool {
        Tool::Items => items::items(arguments, schema),
        Tool::Files => items::files(arguments, schema),
        Tool::Folders => items::owned(arguments, collection(schema, "directus_folders")?, schema),
        Tool::Flows => items::keyed(arguments, collection(schema, "directus_flows")?, schema),
        Tool::Operations => operations(arguments, schema),
        Tool::Assets => media::assets(arguments, schema),
        Tool::TriggerFlow => trigger_flow(arguments, schema),
        Tool::Collections => model::collections(arguments, schema),
        Tool::Fields => model::fields(arguments, schema),
        Tool::Relations => model::relations(arguments, schema),
        Tool::Schema => model::schema(arguments, schema),
        Tool::SystemPrompt => Ok(system_prompt()),
    }
}

/// The tool `operations`; whatever writes one may move others.
fn operations(arguments: &mut Arguments<'_>, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    let target = collection(schema, "directus_operations")?;
    let mut decoded = items::keyed(arguments, target, schema)?;
    if decoded.accesses.first().is_some_and(|first| first.action != Action::Read) {
        decoded.accesses.extend(implied::moved(target));
    }
    Ok(decoded)
}

/// The collection of that name, as the snapshot knows it.
fn collection<'a>(schema: &'a SchemaSnapshot, name: &str) -> Result<&'a Collection, Misread> {
    schema
        .collection(name)
        .ok_or_else(|| Misread::because(format!("this Directus has no collection `{}`", shown(name))))
}

/// Runs a flow, and points it at a collection. Its `data` overrides where it is pointed (FACTS section 6), so both the
/// outer and the inner target count.
fn trigger_flow(arguments: &mut Arguments<'_>, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    let flows = collection(schema, "directus_flows")?;
    let id = arguments
        .optional("id")
        .ok_or_else(|| Misread::because("the tool `trigger-flow` needs the argument `id`"))?;
    let flow = key::key(flows, id)?;
    let mut accesses =
        vec![Access::asked(Action::Execute, &flows.name, Fields::none(), Extent::Keys(vec![flow]))];
    let outer = arguments.text("collection")?;
    let outer_keys = arguments.optional_list("keys")?;
    arguments.optional_object("query")?;
    arguments.optional_object("headers")?;
    let data: Option<&Map<String, Value>> = arguments.optional_object("data")?;
    let inner = match data.and_then(|data| data.get("collection")) {
        None => None,
        Some(Value::String(name)) => Some(name.as_str()),
        Some(_) => return Err(Misread::because("`collection` in `data` is not a text")),
    };
    let inner_keys = match data.and_then(|data| data.get("keys")) {
        None => None,
        Some(Value::Array(keys)) => Some(keys.as_slice()),
        Some(_) => return Err(Misread::because("`keys` in `data` is not a list")),
    };
    accesses.push(pointed_at(schema, outer, outer_keys, "")?);
    if inner.is_some() || inner_keys.is_some() {
        accesses.push(pointed_at(schema, inner.unwrap_or(outer), inner_keys.or(outer_keys), "data")?);
    }
    Ok(Decoded { accesses, imports: Vec::new() })
}

fn pointed_at(
    schema: &SchemaSnapshot,
    name: &str,
    keys: Option<&[Value]>,
    via: &str,
) -> Result<Access, Misread> {
    let target = collection(schema, name)?;
    let keys: Vec<Key> = key::keys(target, keys.unwrap_or_default())?;
    Ok(Access::asked(Action::Execute, name, Fields::none(), Extent::Keys(keys)).with_via(via))
}

/// The prompt of the instance; whether it may be read is said by `system_prompt` in the policy, by nothing else.
fn system_prompt() -> Decoded {
    let fields = Fields::named(["mcp_system_prompt"]);
    let access = Access::asked(Action::Read, "directus_settings", fields, Extent::Singleton);
    Decoded { accesses: vec![access.with_origin(Origin::Included)], imports: Vec::new() }
}

//! What the Local MCP's tools do beyond the built-in tools that they are read as.

use super::media::BYTES;
use super::{Decoded, built_in, collection, items};
use crate::directus::access::{Access, Action, Extent, Fields, Key, Origin};
use crate::directus::arguments::Arguments;
use crate::directus::call::ToolCall;
use crate::directus::key;
use crate::directus::local::LocalTool;
use crate::directus::misread::Misread;
use crate::directus::reading::Query;
use crate::directus::schema::SchemaSnapshot;
use serde_json::Value;

/// The accesses of a call that was read from one of the Local MCP's.
pub(super) fn local(
    tool: LocalTool,
    call: &ToolCall,
    arguments: &mut Arguments<'_>,
    schema: &SchemaSnapshot,
) -> Result<Decoded, Misread> {
    match tool {
        LocalTool::CreateItem | LocalTool::UpdateItem => written(arguments, schema),
        LocalTool::ReadUsers | LocalTool::ReadComments => {
            let target = collection(schema, arguments.text("collection")?)?;
            items::owned(arguments, target, schema)
        }
        LocalTool::UsersMe => me(arguments, schema),
        LocalTool::UpsertComment => comment(call, arguments, schema),
        LocalTool::ReadCollections => model(call, arguments, schema),
        LocalTool::ReadFields | LocalTool::ReadField => {
            if let Some(name) = arguments.optional_text("collection")? {
                collection(schema, name)?;
            }
            built_in(call, arguments, schema)
        }
        LocalTool::ImportFile => import(call, arguments, schema),
        LocalTool::TriggerFlow => {
            arguments.optional_object("flowDefinition")?;
            built_in(call, arguments, schema)
        }
        LocalTool::ReadItems
        | LocalTool::DeleteItem
        | LocalTool::ReadFiles
        | LocalTool::UpdateFiles
        | LocalTool::ReadFolders
        | LocalTool::ReadFlows
        | LocalTool::CreateField
        | LocalTool::UpdateField
        | LocalTool::SystemPrompt => built_in(call, arguments, schema),
    }
}

/// One item of content, made or changed. Over REST the one item of a singleton has no address of its own.
fn written(arguments: &mut Arguments<'_>, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    let target = collection(schema, arguments.text("collection")?)?;
    if target.singleton {
        return Err(Misread::because(format!(
            "{} has one item only, which a Local MCP cannot write",
            target.name
        )));
    }
    items::items(arguments, schema)
}

/// The user of the token: one, but the call does not say which.
fn me(arguments: &mut Arguments<'_>, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    arguments.verb()?;
    let users = collection(schema, arguments.text("collection")?)?;
    let query = Query::read(arguments.optional_object("query")?, users, schema)?;
    Ok(Decoded { accesses: query.reads(&Extent::Children(1)), imports: Vec::new() })
}

/// A comment is put on an item, which its writer has to see. Directus looks whether the user of the token may read the item, which may be
/// an administrator. Whom a new comment mentions gets a notification.
fn comment(
    call: &ToolCall,
    arguments: &mut Arguments<'_>,
    schema: &SchemaSnapshot,
) -> Result<Decoded, Misread> {
    let comments = collection(schema, arguments.text("collection")?)?;
    let mut decoded = items::owned(arguments, comments, schema)?;
    let said = |name: &str| call.arguments.get("data").and_then(|data| data.get(name));
    let name = said("collection").and_then(Value::as_str);
    let on = collection(schema, name.ok_or_else(|| Misread::because("`collection` is not a text"))?)?;
    let item = key::key(on, said("item").ok_or_else(|| Misread::because("`item` is missing"))?)?;
    let seen = Access::asked(Action::Read, &on.name, Fields::none(), Extent::Keys(vec![item]));
    decoded.accesses.push(seen.with_via("item"));
    let makes = decoded.accesses.first().is_some_and(|first| first.action == Action::Create);
    let mentions = said("comment").and_then(Value::as_str).is_some_and(|text| text.contains('@'));
    if makes && mentions {
        let notified = Extent::New(1);
        let access = Access::asked(Action::Create, "directus_notifications", Fields::none(), notified);
        decoded.accesses.push(access.with_origin(Origin::Implied).with_via("comment"));
    }
    Ok(decoded)
}

/// The whole data model in short: collections, their fields, and what relates them.
fn model(
    call: &ToolCall,
    arguments: &mut Arguments<'_>,
    schema: &SchemaSnapshot,
) -> Result<Decoded, Misread> {
    let mut decoded = built_in(call, arguments, schema)?;
    for name in ["directus_collections", "directus_relations"] {
        decoded.accesses.push(Access::asked(Action::Read, name, Fields::all(), Extent::All));
    }
    Ok(decoded)
}

/// An import always names its file here, so the bytes of one that is there are replaced; and what is known of it comes back whole.
fn import(
    call: &ToolCall,
    arguments: &mut Arguments<'_>,
    schema: &SchemaSnapshot,
) -> Result<Decoded, Misread> {
    let mut decoded = built_in(call, arguments, schema)?;
    let mut replaced: Vec<Key> = Vec::new();
    for access in decoded.accesses.iter_mut().filter(|access| access.action == Action::Update) {
        access.fields.named.insert(BYTES.to_owned());
        if let Extent::Keys(keys) = &access.extent {
            replaced.extend(keys.iter().cloned());
        }
    }
    let files = collection(schema, "directus_files")?;
    let query = Query::read(None, files, schema)?;
    decoded.accesses.extend(query.read_back(&Extent::Keys(replaced))?);
    Ok(decoded)
}

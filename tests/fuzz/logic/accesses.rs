//! The decoder of accesses and the decision, from the bytes of a body on.

use super::engine::{OWN, SCHEMA, SHIPPED, judged, writes};
use serde_json::Value;
use warrener::directus::{Action, Meaning};
use warrener::mcp::json;
use warrener::policy::Decision;

/// Where a content editor may delete, and change what is Directus' own.
const MEDIA: [&str; 2] = ["directus_files", "directus_folders"];

/// Every body is decided, and twice the same. A permit is for a form that is permitted again as it is, with the same accesses, each of
/// them covered and none forbidden. A reader's permit writes nothing; an editor's deletes no content and changes nothing of Directus'
/// own; and the arguments that it forwards say so too, to someone who looks at nothing but their words.
pub fn accesses(data: &[u8]) {
    let short = json::read(data).ok().and_then(|value| {
        let arguments = value.get("arguments").cloned().unwrap_or_default();
        Some(super::engine::call(value.get("tool")?.as_str()?, &arguments))
    });
    let body = short.as_deref().map_or(data, str::as_bytes);
    for query_string in ["", "?tool_mode=registry"] {
        // Nothing is new about a call that has to go through `execute`.
        let told_apart = query_string.is_empty() || contains(body, b"execute") || contains(body, b"search");
        if !told_apart {
            continue;
        }
        let editor = judged(&SHIPPED, "content-editor", query_string, body);
        editors(&editor.decision);
        for (set, role) in
            [(&*SHIPPED, "reader"), (&SHIPPED, "developer"), (&OWN, "hiding"), (&OWN, "everything")]
        {
            let judged = judged(set, role, query_string, body);
            assert_eq!(judged.message, editor.message, "the reading depends on the role");
            if role == "reader" && judged.decision.permit().is_some() {
                assert!(!judged.decision.accesses.iter().any(writes), "{:?}", judged.decision);
            }
        }
        assert_eq!(judged(&SHIPPED, "content-editor", query_string, body).decision, editor.decision);
    }
}

fn contains(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|part| part == word)
}

fn editors(decision: &Decision) {
    let Some(permit) = decision.permit() else { return };
    for access in &decision.accesses {
        let media = MEDIA.contains(&access.collection.as_str());
        let loose = media || SCHEMA.is_junction(&access.collection);
        assert!(loose || access.action != Action::Delete, "an editor deletes: {access:?}");
        let own = access.collection.starts_with("directus_");
        assert!(media || !own || !writes(access), "an editor changes Directus: {access:?}");
    }
    if let Meaning::Tool(call) = &permit.meaning {
        naively(call.tool.as_str(), &Value::Object(call.arguments.clone()));
    }
}

/// A second opinion from the words alone.
fn naively(tool: &str, arguments: &Value) {
    let action = arguments["action"].as_str().unwrap_or("read");
    let collection = arguments["collection"].as_str().unwrap_or_default();
    match tool {
        "items" => {
            assert!(["read", "create", "update", "delete"].contains(&action), "{arguments}");
            let own = collection.starts_with("directus_");
            assert!(action == "read" || !own || MEDIA.contains(&collection), "{arguments}");
            assert!(action != "delete" || SCHEMA.is_junction(collection), "{arguments}");
        }
        "files" | "folders" | "assets" | "schema" | "system-prompt" => {}
        "flows" | "operations" | "collections" | "fields" | "relations" => {
            assert_eq!(action, "read", "{arguments}");
        }
        other => panic!("an editor calls {other}: {arguments}"),
    }
}

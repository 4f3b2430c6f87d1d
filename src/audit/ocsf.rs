//! A call as an event of the Open Cybersecurity Schema Framework: class API Activity, profile Security Control.

use super::call::{Call, CallAccess};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The version of the schema that events are made for.
pub const VERSION: &str = "1.8.0";

const CATEGORY: (u32, &str) = (6, "Application Activity");
const CLASS: (u32, &str) = (6003, "API Activity");

/// A number of OCSF's and what it is called.
type Named = (u32, &'static str);

/// The event of a call that has ended. What OCSF has no place for is in `unmapped`, under the names of the trail.
///
/// The activity is that of the call's first access that was asked for; `resources` has all of them. A denial is action
/// *Denied* and disposition *Blocked*, one that was only observed is *Observed* and *Logged*.
pub fn event(call: &Call) -> Value {
    let (activity, activity_name) = activity(call);
    let (severity, status) = (severity(call), status(call));
    let (action, disposition) = control(call);
    let mut event = json!({
        "category_uid": CATEGORY.0,
        "category_name": CATEGORY.1,
        "class_uid": CLASS.0,
        "class_name": CLASS.1,
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": CLASS.0 * 100 + activity,
        "type_name": format!("{}: {}", CLASS.1, if activity == OTHER { "Other" } else { activity_name }),
        "severity_id": severity.0,
        "severity": severity.1,
        "status_id": status.0,
        "status": status.1,
        "action_id": action.0,
        "action": action.1,
        "disposition_id": disposition.0,
        "disposition": disposition.1,
        "time": milliseconds(&call.started_at),
        "message": message(call),
        "metadata": metadata(call),
        "actor": actor(call),
        "api": api(call),
        "src_endpoint": { "ip": call.client_address },
        "http_request": { "http_method": "POST", "body_length": call.request_bytes },
        "http_response": { "code": call.http_status, "body_length": call.response_bytes },
        "resources": call.accesses.iter().map(resource).collect::<Vec<_>>(),
        "status_code": call.error_code,
        "status_detail": call.reason,
        "policy": { "name": call.rule, "version": call.policy_revision, "is_applied": call.enforced },
        "unmapped": unmapped(call),
    });
    prune(&mut event);
    complete(&mut event);
    event
}

const OTHER: u32 = 99;

fn activity(call: &Call) -> (u32, &str) {
    let asked = call.accesses.iter().find(|access| access.asked).or(call.accesses.first());
    match asked.map(|access| access.action.as_str()) {
        Some("create") => (1, "Create"),
        Some("read") => (2, "Read"),
        Some("update") => (3, "Update"),
        Some("delete") => (4, "Delete"),
        Some(other) => (OTHER, other),
        None if call.method.is_empty() => (0, "Unknown"),
        None => (OTHER, &call.method),
    }
}

fn severity(call: &Call) -> Named {
    match (is_denied(call), call.enforced, call.outcome.as_deref()) {
        (true, true, _) => (3, "Medium"),
        (true, false, _) | (false, _, Some("error" | "failed" | "unknown")) => (2, "Low"),
        (false, _, _) => (1, "Informational"),
    }
}

fn status(call: &Call) -> Named {
    match call.outcome.as_deref() {
        Some("ok") => (1, "Success"),
        Some("error" | "failed" | "refused") => (2, "Failure"),
        Some(_) | None => (0, "Unknown"),
    }
}

/// Action and disposition.
fn control(call: &Call) -> (Named, Named) {
    match (is_denied(call), call.enforced) {
        (true, true) => ((2, "Denied"), (2, "Blocked")),
        (true, false) => ((3, "Observed"), (17, "Logged")),
        (false, _) => ((1, "Allowed"), (1, "Allowed")),
    }
}

fn is_denied(call: &Call) -> bool {
    call.decision == "deny"
}

fn message(call: &Call) -> String {
    let who = if call.principal.is_empty() { "a stranger" } else { &call.principal };
    let what = call.tool.as_deref().unwrap_or(if call.method.is_empty() {
        "what was no call"
    } else {
        &call.method
    });
    let accesses = call.accesses.iter().filter(|access| access.asked);
    let accesses: Vec<String> =
        accesses.take(3).map(|access| format!("{} {}", access.action, access.collection)).collect();
    let accesses = if accesses.is_empty() { String::new() } else { format!(" ({})", accesses.join(", ")) };
    let became = match (is_denied(call), call.enforced) {
        (true, true) => "was denied",
        (true, false) => "would have been denied",
        (false, _) => "was permitted",
    };
    format!("{who}: {what}{accesses} {became}")
}

fn metadata(call: &Call) -> Value {
    json!({
        "version": VERSION,
        "profiles": ["security_control"],
        "uid": call.id,
        "correlation_uid": call.trace_id,
        "original_time": call.started_at,
        "product": {
            "name": "Warrener",
            "vendor_name": "Warrener",
            "version": env!("CARGO_PKG_VERSION"),
        },
    })
}

/// A stranger has no name; that it is a user nobody knows is all there is to say.
fn actor(call: &Call) -> Value {
    let groups = if call.role.is_empty() { Value::Null } else { json!([{ "name": call.role }]) };
    let name = if call.principal.is_empty() { "unknown" } else { &call.principal };
    json!({ "user": { "name": name, "groups": groups }, "app_name": call.client_name })
}

fn api(call: &Call) -> Value {
    let method = if call.method.is_empty() { "unknown" } else { &call.method };
    json!({
        "operation": call.tool.as_deref().unwrap_or(method),
        "service": { "name": "Directus MCP" },
        "request": { "uid": call.id },
        "response": { "code": call.http_status, "error": call.error_code },
    })
}

fn resource(access: &CallAccess) -> Value {
    json!({ "type": "collection", "name": access.collection, "data": access })
}

fn unmapped(call: &Call) -> Value {
    json!({
        "method": call.method,
        "client_version": call.client_version,
        "decision": call.decision,
        "outcome": call.outcome,
        "finished_at": call.finished_at,
        "duration_ms": call.duration_ms,
        "items": call.items,
        "arguments": call.arguments,
        "arguments_digest": call.arguments_digest,
    })
}

/// OCSF leaves out what is not known, where the trail has null. Arguments and accesses stay as they are.
fn prune(value: &mut Value) {
    if let Value::Object(object) = value {
        object.retain(|name, value| {
            if name != "data" && name != "arguments" {
                prune(value);
            }
            !value.is_null() && value.as_object().is_none_or(|object| !object.is_empty())
        });
    } else if let Value::Array(values) = value {
        values.iter_mut().for_each(prune);
    }
}

/// What has a required attribute that is not known goes whole, or says so.
fn complete(event: &mut Value) {
    let Some(event) = event.as_object_mut() else { return };
    let lacks = |event: &Map<String, Value>, object: &str, attribute: &str| {
        event.get(object).is_some_and(|object| object.get(attribute).is_none())
    };
    for (object, attribute) in [("http_response", "code"), ("policy", "name")] {
        if lacks(event, object, attribute) {
            event.remove(object);
        }
    }
    event.entry("src_endpoint").or_insert_with(|| json!({ "name": "unknown" }));
}

fn milliseconds(time: &str) -> i64 {
    time.parse::<Timestamp>().map_or(0, Timestamp::as_millisecond)
}

//! Exported events against the published schema of OCSF, of which `fixtures/ocsf-api-activity.json` has what they need.

use crate::audit_command::audit;
use crate::trail::{Place, id, intent, outcome, refusal, subject};
use serde_json::{Value, json};
use warrener::audit::entry::{Entry, Kind, Outcome, OutcomeWord, Subject};
use warrener::directus::access::{Access, Action, Extent, Fields};

const SCHEMA: &str = include_str!("../fixtures/ocsf-api-activity.json");

/// Calls of each kind that there is, in the order in which they end.
async fn each_kind(place: &Place) {
    let trail = place.open().await;
    let access = |action| vec![Access::asked(action, "articles", Fields::all(), Extent::All)];
    for action in Action::ALL {
        let subject = Subject {
            client_address: Some("10.0.0.7".to_owned()),
            client_version: Some("1".to_owned()),
            trace_id: Some("4bf92f35".to_owned()),
            accesses: access(action),
            ..subject()
        };
        let call = id();
        trail.commit(Entry { subject: Some(Box::new(subject)), ..intent(call) }).await.unwrap();
        trail.commit(outcome(call)).await.unwrap();
    }
    let observed = Subject { decision: "deny", enforced: false, ..subject() };
    let call = id();
    trail.commit(Entry { subject: Some(Box::new(observed)), ..intent(call) }).await.unwrap();
    let failed = Outcome { word: OutcomeWord::Failed, ..Outcome::default() };
    trail.commit(Entry { outcome: Some(failed), ..outcome(call) }).await.unwrap();
    trail.commit(refusal(id())).await.unwrap();
    let ping = Subject {
        method: "ping".to_owned(),
        tool: None,
        rule: None,
        accesses: Vec::new(),
        arguments: None,
        ..subject()
    };
    let entry = Entry { kind: Kind::Outcome, outcome: outcome(id()).outcome, ..intent(id()) };
    trail.commit(Entry { subject: Some(Box::new(ping)), ..entry }).await.unwrap();
    // A stranger, of whom next to nothing is known.
    let stranger = Subject { decision: "deny", enforced: true, ..Subject::default() };
    trail.commit(Entry { subject: Some(Box::new(stranger)), ..refusal(id()) }).await.unwrap();
    // One that is still under way when the gateway ends.
    trail.commit(intent(id())).await.unwrap();
    trail.close().await.unwrap();
    place.open().await.close().await.unwrap();
}

#[tokio::test]
async fn every_event_has_what_the_published_class_requires() {
    let place = Place::new();
    each_kind(&place).await;
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let events = audit(&place, "export --format ocsf").await.rows();
    assert_eq!(events.len(), 11);
    for event in &events {
        let mut problems = Vec::new();
        check(event, &schema["class"], &schema["objects"], "event", &mut problems);
        assert_eq!(problems, Vec::<String>::new(), "{event:#}");
        assert_eq!(event["metadata"]["version"], schema["version"]);
        assert_eq!(event["type_uid"], json!(600_300 + event["activity_id"].as_u64().unwrap()));
        for (number, name) in [
            ("severity_id", "severity"),
            ("status_id", "status"),
            ("action_id", "action"),
            ("disposition_id", "disposition"),
        ] {
            let caption = &schema["class"]["values"][number][event[number].to_string()];
            assert_eq!(&event[name], caption, "{event:#}");
        }
    }
}

#[tokio::test]
async fn decisions_and_endings_are_told_apart() {
    let place = Place::new();
    each_kind(&place).await;
    let events = audit(&place, "export --format ocsf").await.rows();
    let facts = |event: &Value| {
        ["activity_name", "action", "disposition", "status", "severity"]
            .map(|name| event[name].as_str().unwrap_or("-").to_owned())
            .join(" ")
    };
    assert_eq!(
        events.iter().map(facts).collect::<Vec<_>>(),
        [
            "Read Allowed Allowed Success Informational",
            "Create Allowed Allowed Success Informational",
            "Update Allowed Allowed Success Informational",
            "Delete Allowed Allowed Success Informational",
            "execute Allowed Allowed Success Informational",
            "import Allowed Allowed Success Informational",
            "Update Observed Logged Failure Low",
            "Delete Denied Blocked Failure Medium",
            "ping Allowed Allowed Success Informational",
            "Unknown Denied Blocked Failure Medium",
            "Update Allowed Allowed Unknown Low",
        ]
    );
    let denied = &events[7];
    assert_eq!(denied["message"], "desk: items (delete reviews) was denied");
    assert_eq!(
        denied["policy"],
        json!({"name": "guardrails/no-deletes", "version": "r1", "is_applied": true})
    );
    assert_eq!(denied["actor"]["user"], json!({"name": "desk", "groups": [{"name": "editor"}]}));
    assert_eq!(denied["time"], 1_795_348_800_000_u64);
    assert_eq!(denied["resources"][0]["data"]["extent"], "all");
}

/// Notes what an object lacks or has too much.
fn check(value: &Value, table: &Value, objects: &Value, path: &str, problems: &mut Vec<String>) {
    let Some(object) = value.as_object() else {
        problems.push(format!("{path} is no object"));
        return;
    };
    for required in table["required"].as_array().unwrap() {
        if !object.contains_key(required.as_str().unwrap()) {
            problems.push(format!("{path} lacks {required}"));
        }
    }
    if let Some(names) = table["at_least_one"].as_array()
        && !names.iter().any(|name| object.contains_key(name.as_str().unwrap()))
    {
        problems.push(format!("{path} has none of {names:?}"));
    }
    for (name, value) in object {
        let path = format!("{path}.{name}");
        let Some(kind) = table["attributes"][name].as_str() else {
            problems.push(format!("{path} is not in the schema"));
            continue;
        };
        if let Some(values) = table["values"][name].as_object()
            && !values.contains_key(&value.to_string())
        {
            problems.push(format!("{path} cannot be {value}"));
        }
        match kind.strip_suffix("[]") {
            Some(kind) => {
                for value in value.as_array().unwrap() {
                    check_type(value, kind, objects, &path, problems);
                }
            }
            None => check_type(value, kind, objects, &path, problems),
        }
    }
}

fn check_type(value: &Value, kind: &str, objects: &Value, path: &str, problems: &mut Vec<String>) {
    let fits = match kind {
        "string_t" | "username_t" | "uuid_t" | "datetime_t" => value.is_string(),
        "ip_t" => value.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
        "integer_t" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "long_t" | "timestamp_t" => value.is_i64() || value.is_u64(),
        "boolean_t" => value.is_boolean(),
        "json_t" => true,
        "object" => value.is_object(),
        object if objects.get(object).is_some() => {
            check(value, &objects[object], objects, path, problems);
            true
        }
        _ => false,
    };
    if !fits {
        problems.push(format!("{path} is no {kind}: {value}"));
    }
}

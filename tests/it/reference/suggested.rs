//! A suggested policy is never wider than the one that it comes from, whatever that is, and lets through what it was made of.

use super::generate::{Permission, Policy};
use super::recalled::facts;
use super::{Message, judged, messages, policies, schema};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use warrener::directus::{Action, Meaning, Origin, SchemaSnapshot};
use warrener::policy::facts::Recalled;
use warrener::policy::proof::diff::{Difference, Kind};
use warrener::policy::suggest::{Head, Suggestion, Uses};
use warrener::policy::{Code, PolicySet};

const HEAD: Head<'_> = Head { since: "", revision: "", permitted: 0, denied: 0, undecidable: 0 };

/// What came of all suggestions together.
#[derive(Debug, Default)]
struct Seen {
    kept: u64,
    lost: u64,
    permitted: u32,
    narrowed: u32,
}

/// The calls of these messages, as a trail gives them back.
fn recalled<'m>(
    set: &PolicySet,
    schema: &SchemaSnapshot,
    messages: impl Iterator<Item = &'m Message>,
) -> Vec<Recalled> {
    let mut all = Vec::new();
    for message in messages {
        let judged = judged(set, schema, &message.query_string, &message.body);
        let Ok((Meaning::Tool(call), decoded)) = &judged.message else { continue };
        if !decoded.accesses.is_empty() {
            all.push(Recalled::read(&facts(set, call, decoded)).unwrap());
        }
    }
    all
}

fn suggested(
    set: &PolicySet,
    schema: &SchemaSnapshot,
    calls: &[Recalled],
    denied: bool,
) -> Option<Suggestion> {
    let mut uses = Uses::of(set, "tester", denied).unwrap();
    for call in calls {
        uses.add(schema, call, "2026-11-25");
    }
    Some(uses.suggestion()).filter(|suggestion| !suggestion.is_empty())
}

#[test]
fn it_is_never_wider_and_lets_through_what_it_was_made_of() {
    let (schema, messages) = (schema(), messages());
    let mut seen = Seen::default();
    for (number, policy) in policies(40).iter().enumerate() {
        let old = policy.load();
        // Some of the calls, so that the others are what nobody has done yet.
        let some = messages.iter().enumerate().filter(|(place, _)| (place * 7 + number) % 5 < 2);
        let calls = recalled(&old, &schema, some.map(|(_, message)| message));
        let Some(mut suggestion) = suggested(&old, &schema, &calls, false) else { continue };
        let new = policy.with_role(&suggestion.text(&HEAD));
        for call in &calls {
            suggestion.count(&old, &new, &schema, call, "2026-11-25");
        }
        seen.kept += suggestion.kept;
        seen.lost += suggestion.lost;
        let text = suggestion.text(&HEAD);
        let again = policy.with_role(&text);
        assert!(Difference::between(&new, &again, Some(&schema)).unwrap().is_empty(), "{text}");
        let difference = Difference::between(&old, &new, Some(&schema)).unwrap();
        let wider = |kind| matches!(kind, Kind::Gains | Kind::InTurn);
        assert!(
            !difference.rows.iter().any(|row| wider(row.change.kind)),
            "{difference:?}\n{policy:?}\n{text}"
        );
        assert!(difference.others.is_empty(), "{difference:?}");
        for message in &messages {
            held(message, policy, [&old, &new], &schema, &text, &mut seen);
        }
    }
    assert!(seen.lost == 0 && seen.kept > 500, "{seen:?}");
    assert!(seen.permitted > 1500 && seen.narrowed > 150, "{seen:?}");
}

/// What the narrower permits the wider permits, and asks for the same in return.
fn held(
    message: &Message,
    policy: &Policy,
    [old, new]: [&PolicySet; 2],
    schema: &SchemaSnapshot,
    text: &str,
    seen: &mut Seen,
) {
    let [old, new] = [old, new].map(|set| {
        let decision = judged(set, schema, &message.query_string, &message.body).decision;
        decision.permit().is_some().then(|| decision.explained(&Value::Null))
    });
    match (old, new) {
        (None, Some(new)) => panic!("{}: {new}\n{policy:?}\n{text}", message.id),
        (Some(_), None) => seen.narrowed += 1,
        (None, None) => {}
        (Some(old), Some(new)) => {
            seen.permitted += 1;
            // A search is put as a filter by the fields that may be read, and what is left out of an answer is not filtered.
            if ["search", "deep", "."].iter().any(|part| message.body.contains(part)) {
                return;
            }
            assert_eq!(conditions(&old), conditions(&new), "{}: {policy:?}\n{text}", message.id);
        }
    }
}

/// What a permit puts into a call, and looks at before.
fn conditions(explained: &Value) -> Vec<Value> {
    let arguments = &explained["forward"]["body"]["params"]["arguments"];
    let query = &arguments["query"];
    let obligations = explained["obligations"].as_array().unwrap();
    let checks = obligations.iter().filter(|one| one.get("check").is_some()).cloned().map(|mut check| {
        // The permission has another name then.
        check["check"].as_object_mut().and_then(|check| check.remove("rule"));
        check
    });
    [&query["filter"], &query["limit"], &arguments["data"]].into_iter().cloned().chain(checks).collect()
}

#[test]
fn it_names_nothing_that_nobody_used() {
    let (schema, messages) = (schema(), messages());
    let mut listed = 0;
    for policy in policies(40) {
        let set = policy.load();
        let calls = recalled(&set, &schema, messages.iter().step_by(3));
        let Some(suggestion) = suggested(&set, &schema, &calls, false) else { continue };
        let new = policy.with_role(&suggestion.text(&HEAD));
        let mut places: BTreeSet<(String, Action)> = BTreeSet::new();
        let mut fields: BTreeSet<(String, Action, String)> = BTreeSet::new();
        for message in messages.iter().step_by(3) {
            let judged = judged(&set, &schema, &message.query_string, &message.body);
            // What was denied was not used.
            let (Ok((_, decoded)), Some(_)) = (&judged.message, judged.decision.permit()) else { continue };
            let wanted = |origin| matches!(origin, Origin::Asked | Origin::Expanded);
            for access in decoded.accesses.iter().filter(|access| wanted(access.origin)) {
                places.insert((access.collection.clone(), access.action));
                let named = access.fields.named.iter();
                fields.extend(named.map(|field| (access.collection.clone(), access.action, field.clone())));
            }
        }
        for permission in &new.role("tester").unwrap().permissions {
            for collection in permission.collections.names().included() {
                for action in &permission.actions {
                    let place = (collection.as_str().to_owned(), *action);
                    assert!(places.contains(&place), "{place:?} {permission:?}");
                    let own = policy.permissions.iter().any(|one| {
                        one.fields.iter().any(|field| {
                            permission.fields.included().iter().any(|glob| glob.as_str() == field)
                        })
                    });
                    for field in permission.fields.included().iter().filter(|_| !own) {
                        let used = (place.0.clone(), place.1, field.as_str().to_owned());
                        assert!(fields.contains(&used), "{used:?} {permission:?}");
                        listed += 1;
                    }
                }
            }
        }
    }
    assert!(listed > 200, "{listed}");
}

#[test]
fn what_is_denied_for_want_of_a_permission_passes_then_and_what_is_forbidden_does_not() {
    let (schema, messages) = (schema(), messages());
    let (mut opened, mut barred) = (0, 0);
    for policy in policies(40) {
        let old = policy.load();
        let calls = recalled(&old, &schema, messages.iter());
        let Some(suggestion) = suggested(&old, &schema, &calls, true) else { continue };
        let new = policy.with_role(&suggestion.text(&HEAD));
        for message in &messages {
            let [old, new] =
                [&old, &new].map(|set| judged(set, &schema, &message.query_string, &message.body).decision);
            let Some(reason) = old.reason().filter(|_| old.permit().is_none()) else { continue };
            let is_open = new.permit().is_some();
            let bars = reason.code == Code::Forbidden || reason.rule.ends_with("/redact");
            opened += u32::from(is_open);
            barred += u32::from(bars);
            assert!(!bars || !is_open, "{}: {reason:?} {policy:?}", message.id);
        }
    }
    assert!(opened > 300 && barred > 300, "{opened} {barred}");
}

fn permission(max_items: u64, fields: &[&str]) -> Permission {
    Permission {
        collections: vec!["*".to_owned()],
        actions: vec!["read".to_owned()],
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        keys: None,
        max_items: Some(max_items),
        by_query: false,
        filter: None,
        presets: None,
    }
}

fn reading(collection: &str) -> Message {
    let query = json!({"fields": ["title"], "limit": 10});
    let arguments = json!({"action": "read", "collection": collection, "query": query});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "items", "arguments": arguments}});
    Message { id: "reading".to_owned(), query_string: String::new(), body: body.to_string() }
}

/// What the role is made of, and the text that is suggested for it out of one call.
fn text_of(permissions: Vec<Permission>, schema: &SchemaSnapshot, message: &Message) -> String {
    let policy = Policy { permissions, forbids: Vec::new(), guardrails: Vec::new(), redact: Vec::new() };
    let old = policy.load();
    let calls = recalled(&old, schema, std::iter::once(message));
    let mut suggestion = suggested(&old, schema, &calls, false).unwrap();
    let new = policy.with_role(&suggestion.text(&HEAD));
    suggestion.count(&old, &new, schema, &calls[0], "2026-11-25");
    suggestion.text(&HEAD)
}

#[test]
fn an_earlier_permission_with_other_conditions_stays_where_a_later_one_was_used() {
    let before = "  # 0 calls; here since a later permission would take its place on other conditions
  - id: p0
    collections: [articles]
    actions: [read]
    max_items: 1

";
    let used = |id: &str| {
        format!(
            "  # 1 call, last on 2026-11-25
  - id: {id}
    collections: [articles]
    actions: [read]
    fields: [title]
    max_items: 50
"
        )
    };
    let (schema, message) = (schema(), reading("articles"));
    let text = text_of(vec![permission(1, &["*"]), permission(50, &["*"])], &schema, &message);
    assert!(text.contains(&format!("permissions:\n{before}{}", used("p1"))), "{text}");
    // On the same conditions it makes no difference.
    let text = text_of(vec![permission(50, &["t*", "!title"]), permission(50, &["*"])], &schema, &message);
    assert!(text.contains(&format!("permissions:\n{}", used("p1"))), "{text}");
}

#[test]
fn a_name_in_the_schema_cannot_leave_its_comment() {
    let odd = "z\n- id: x\u{1b}[2J\u{202e}\u{2028}# ";
    let collections = json!([{"collection": "articles", "meta": {}}, {"collection": odd, "meta": {}}]);
    let field = |collection: &str| json!({"collection": collection, "field": "title", "type": "string", "schema": {"is_primary_key": true}});
    let fields = json!([field("articles"), field(odd)]);
    let schema = SchemaSnapshot::from_rest(&collections.to_string(), &fields.to_string(), "[]").unwrap();
    let text = text_of(vec![permission(50, &["*"])], &schema, &reading("articles"));
    let head = text.split("version: 1\n").next().unwrap();
    assert!(head.lines().all(|line| line.starts_with("# ")) && head.contains("z?- id: x?[2J??#"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{2028}']), "{text}");
}

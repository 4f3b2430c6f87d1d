//! Ways past the policy that worked once, each named after what it did on a real Directus. All are refused before anything
//! is forwarded, by the built-in policies.

use serde_json::{Value, json};
use warrener::directus::SchemaSnapshot;
use warrener::policy::judge::{Judged, Wire, judge};
use warrener::policy::{Code, PolicySet, Principal, Proof, Verdict};

/// Articles with an author and comments, both people of Directus' own, and blocks that may be of several kinds.
fn schema(more: &[(&str, &str)], relations: &[Value]) -> SchemaSnapshot {
    let names = [
        "articles",
        "comments",
        "a,directus_users",
        "directus_users",
        "directus_collections",
        "directus_fields",
        "directus_relations",
    ];
    let own = [
        ("articles", "title"),
        ("articles", "owner"),
        ("comments", "article"),
        ("comments", "item"),
        ("comments", "kind"),
        ("directus_users", "email"),
    ];
    let collections: Vec<Value> =
        names.iter().map(|name| json!({"collection": name, "meta": null})).collect();
    let keys = names.iter().map(|name| {
        json!({"collection": name, "field": "id", "type": "integer", "schema": {"is_primary_key": true}})
    });
    let columns = own.iter().map(|(collection, field)| {
        json!({"collection": collection, "field": field, "type": "string", "schema": {}})
    });
    let lists = more.iter().map(|(collection, field)| {
        json!({"collection": collection, "field": field, "type": "alias", "schema": null})
    });
    let fields: Vec<Value> = keys.chain(columns).chain(lists).collect();
    let text = |rows: &[Value]| Value::from(rows).to_string();
    SchemaSnapshot::from_rest(&text(&collections), &text(&fields), &text(relations)).unwrap()
}

/// A relation from many to one, listed at the one's end where `list` is a name.
fn relation(collection: &str, field: &str, related: &str, list: Option<&str>) -> Value {
    json!({
        "collection": collection, "field": field, "related_collection": related,
        "meta": {"one_field": list, "one_deselect_action": "delete"}, "schema": null,
    })
}

fn judged(role: &str, schema: &SchemaSnapshot, tool: &str, arguments: &Value) -> Judged {
    let set = PolicySet::built_in().unwrap();
    let principal = Principal { name: "attacker".into(), role: role.into(), proof: Proof::Key };
    let params = json!({"name": tool, "arguments": arguments});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let wire = Wire { content_type: vec!["application/json"], body: body.as_bytes(), ..Wire::default() };
    judge(&set, &principal, Some(schema), &wire)
}

/// Why it is refused; a permit fails the test.
fn refused(role: &str, schema: &SchemaSnapshot, tool: &str, arguments: &Value) -> (Code, String) {
    match judged(role, schema, tool, arguments).decision.verdict {
        Verdict::Deny(reason, _) => (reason.code, reason.rule),
        Verdict::Permit(permit) => panic!("{tool} {arguments} is permitted: {permit:?}"),
    }
}

/// A developer makes a field without a column and calls it `owner.email`; whoever reads it by its name then reads the
/// owner's own field, in Directus' users, which no rule was asked about.
#[test]
fn a_field_called_like_a_path_is_not_read_as_a_field() {
    let list = relation("comments", "article", "articles", Some("owner.email"));
    let schema = schema(&[("articles", "owner.email")], &[list]);
    for role in ["reader", "content-editor", "developer"] {
        let named =
            json!({"action": "read", "collection": "articles", "query": {"fields": ["id", "owner.email"]}});
        assert_eq!(refused(role, &schema, "items", &named).0, Code::NotUnderstood);
        // Spelled out, a wildcard leaves it out.
        let all = judged(role, &schema, "items", &json!({"action": "read", "collection": "articles"}));
        let Verdict::Permit(permit) = all.decision.verdict else { panic!("{role}: {:?}", all.decision) };
        let arguments = Value::Object(permit.meaning.arguments().unwrap().clone());
        assert_eq!(arguments["query"]["fields"], json!(["id", "owner", "title"]));
    }
}

/// Directus keeps the collections of a many-to-any relation as one text, and takes it apart at its commas.
#[test]
fn a_comma_does_not_hide_a_system_collection_in_a_relation() {
    let schema = schema(&[], &[]);
    let allowed = |names: &Value| {
        let meta = json!({"one_collection_field": "kind", "one_allowed_collections": names});
        let data =
            json!({"collection": "comments", "field": "item", "related_collection": null, "meta": meta});
        json!({"action": "create", "collection": "comments", "field": "item", "data": data})
    };
    assert!(
        judged("developer", &schema, "relations", &allowed(&json!(["articles"]))).decision.permit().is_some()
    );
    for names in [json!(["articles,directus_users"]), json!(["a,directus_users"]), json!(["no_such"])] {
        let (code, _) = refused("developer", &schema, "relations", &allowed(&names));
        assert_eq!(code, Code::NotUnderstood, "{names}");
    }
    let (code, rule) = refused("developer", &schema, "relations", &allowed(&json!(["directus_users"])));
    assert_eq!((code, rule.as_str()), (Code::Forbidden, "guardrails/no-access-control"));
}

/// With a pointer Directus drops the list at its other end, and with a collection all that points to it.
#[test]
fn dropping_a_pointer_takes_no_field_from_a_system_collection() {
    let list = relation("articles", "owner", "directus_users", Some("articles"));
    let schema = schema(&[("directus_users", "articles")], &[list]);
    for (tool, arguments) in [
        ("fields", json!({"action": "delete", "collection": "articles", "field": "owner"})),
        ("collections", json!({"action": "delete", "keys": ["articles"]})),
    ] {
        let (code, rule) = refused("developer", &schema, tool, &arguments);
        assert_eq!((code, rule.as_str()), (Code::Forbidden, "guardrails/no-access-control"), "{tool}");
    }
    let title = json!({"action": "delete", "collection": "articles", "field": "title"});
    assert!(judged("developer", &schema, "fields", &title).decision.permit().is_some());
}

/// Dropping a collection drops the columns that point to it; they are in the list of accesses.
#[test]
fn dropping_a_collection_changes_those_that_point_to_it() {
    let schema = schema(&[], &[relation("comments", "article", "articles", None)]);
    let judged =
        judged("developer", &schema, "collections", &json!({"action": "delete", "keys": ["articles"]}));
    let dropped = judged.decision.accesses.iter().find(|access| access.collection == "comments").unwrap();
    assert_eq!(dropped.fields.shown(), ["article"]);
}

/// A column can be the list of another relation too: null then deletes the children.
#[test]
fn a_pointer_that_is_also_a_list_is_a_list() {
    let pointer = relation("articles", "owner", "directus_users", None);
    let list = relation("comments", "article", "articles", Some("owner"));
    for relations in [[pointer.clone(), list.clone()], [list, pointer]] {
        let arguments =
            json!({"action": "update", "collection": "articles", "keys": [1], "data": {"owner": null}});
        let (code, _) = refused("content-editor", &schema(&[], &relations), "items", &arguments);
        assert_eq!(code, Code::NotUnderstood);
    }
}

/// Directus reads a list under a field as fields called `0`, `1`, …, and takes a text of several values apart at its commas.
#[test]
fn filters_that_directus_takes_apart_are_not_understood() {
    let schema = schema(&[], &[]);
    for filter in [
        json!({"owner": ["x"]}),
        json!({"title": [{"_eq": "x"}]}),
        json!({"title": {"_in": "x,$CURRENT_USER.token"}}),
        json!({"title": {"_in": ["$CURRENT_USER[token]"]}}),
    ] {
        let arguments = json!({"action": "read", "collection": "articles", "query": {"filter": filter}});
        let (code, _) = refused("content-editor", &schema, "items", &arguments);
        assert_eq!(code, Code::NotUnderstood, "{arguments}");
    }
}

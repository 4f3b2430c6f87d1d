//! Ways past the policy that worked once, each named after what it did on a real Directus. All are refused before anything
//! is forwarded, by the built-in policies.

use serde_json::{Value, json};
use warrener::directus::{Action, SchemaSnapshot};
use warrener::policy::diagnostic::Source;
use warrener::policy::judge::{Judged, Wire, judge};
use warrener::policy::set::GuardrailsFile;
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
    judged_by(&PolicySet::built_in().unwrap(), role, schema, tool, arguments)
}

fn judged_by(set: &PolicySet, role: &str, schema: &SchemaSnapshot, tool: &str, arguments: &Value) -> Judged {
    let principal = Principal { name: "attacker".into(), role: role.into(), proof: Proof::Key };
    let params = json!({"name": tool, "arguments": arguments});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let wire = Wire { content_type: vec!["application/json"], body: body.as_bytes(), ..Wire::default() };
    judge(set, &principal, Some(schema), &wire)
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
        let arguments = Value::Object(permit.meaning.arguments().unwrap().into_owned());
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

/// A column can be the list of another relation too: null then deletes the children, whose relation says so.
#[test]
fn a_pointer_that_is_also_a_list_is_a_list() {
    let pointer = relation("articles", "owner", "directus_users", None);
    let list = relation("comments", "article", "articles", Some("owner"));
    for relations in [[pointer.clone(), list.clone()], [list, pointer]] {
        let arguments =
            json!({"action": "update", "collection": "articles", "keys": [1], "data": {"owner": null}});
        let schema = schema(&[], &relations);
        let (code, rule) = refused("content-editor", &schema, "items", &arguments);
        assert_eq!((code, rule.as_str()), (Code::Forbidden, "content-editor/no-content-deletes"));
        let accesses = judged("content-editor", &schema, "items", &arguments).decision.accesses;
        let deleted = accesses.iter().find(|access| access.action == Action::Delete).unwrap();
        assert_eq!((deleted.collection.as_str(), deleted.via.as_str()), ("comments", "owner.delete"));
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

/// What a role may not read: one field of the articles, one of the people.
const HIDING: &str = r#"
version: 1
role: hiding
description: Reads and writes articles, without one field; people, without another.
permissions:
  - {id: read, collections: [articles, comments], actions: [read], fields: ["*", "!title"]}
  - {id: people, collections: [directus_users], actions: [read], fields: ["*", "!email"]}
  - {id: change, collections: [articles], actions: [update], fields: ["*"], by_query: true, max_items: 50}
"#;

fn hiding(schema: &SchemaSnapshot, arguments: &Value) -> Judged {
    let (set, _) = PolicySet::load(&[Source::new("hiding.yaml", HIDING)], GuardrailsFile::Optional)
        .unwrap_or_else(|problems| panic!("{problems}"));
    judged_by(&set, "hiding", schema, "items", arguments)
}

fn hidden(schema: &SchemaSnapshot, query: &Value) -> Code {
    let arguments = json!({"action": "read", "collection": "articles", "query": query});
    match hiding(schema, &arguments).decision.verdict {
        Verdict::Deny(reason, _) => reason.code,
        Verdict::Permit(permit) => panic!("{query} is permitted: {permit:?}"),
    }
}

/// With an aggregate Directus groups by what the alias stands for, and answers with its values under a harmless name.
#[test]
fn an_alias_with_the_name_of_a_field_does_not_show_a_hidden_one() {
    let schema = schema(&[], &[]);
    for query in [
        json!({"alias": {"owner": "title"}, "groupBy": ["owner"], "aggregate": {"count": ["*"]}}),
        json!({"alias": {"owner": "year(title)"}, "groupBy": ["owner"], "aggregate": {"count": ["*"]}}),
        json!({"alias": {"x": "title"}, "fields": ["id"]}),
    ] {
        assert_eq!(hidden(&schema, &query), Code::NoPermission, "{query}");
    }
    assert_eq!(hidden(&schema, &json!({"alias": {"x": "owner.email"}})), Code::NotUnderstood);
}

/// `fields` follows the alias, `filter` and `sort` the relation of that name.
#[test]
fn an_alias_with_the_name_of_a_relation_does_not_hide_where_a_filter_leads() {
    let owner = relation("articles", "owner", "directus_users", None);
    let comment = relation("articles", "comment", "comments", None);
    let schema = schema(&[("articles", "comment"), ("comments", "email")], &[owner, comment]);
    for query in [
        json!({"alias": {"owner": "comment"}, "filter": {"owner": {"email": {"_starts_with": "a"}}}}),
        json!({"alias": {"owner": "comment"}, "sort": ["owner.email"]}),
        // Rows are told apart by what comes back as their key.
        json!({"alias": {"id": "owner"}}),
    ] {
        assert_eq!(hidden(&schema, &query), Code::NotUnderstood, "{query}");
    }
}

/// Directus would spell the wildcard out for ever.
#[test]
fn a_wildcard_is_not_the_name_of_an_alias() {
    for name in ["*", "a*", "_filter"] {
        assert_eq!(
            hidden(&schema(&[], &[]), &json!({"alias": {name: "owner"}, "fields": ["*"]})),
            Code::NotUnderstood
        );
    }
}

/// `*.*` goes along aliases as it does along relations, and takes up what `deep` says under their names.
#[test]
fn a_wildcard_along_an_alias_is_read() {
    let schema = schema(&[], &[relation("articles", "owner", "directus_users", None)]);
    let query = json!({"alias": {"a": "owner"}, "fields": ["*.*"]});
    let judged = hiding(&schema, &json!({"action": "read", "collection": "articles", "query": query}));
    let permit = judged.decision.permit().unwrap();
    let arguments = Value::Object(permit.meaning.arguments().unwrap().into_owned());
    assert_eq!(arguments["query"]["fields"], json!(["id", "owner", "a", "a.id", "owner.id"]));
}

/// Directus leaves out of a query what it compares with in validations only, and a range that has not two ends.
#[test]
fn a_filter_that_directus_leaves_out_selects_everything() {
    let schema = schema(&[], &[]);
    let update = |filter: &Value| {
        let (data, query) = (json!({"title": "x"}), json!({"filter": filter, "fields": ["id"]}));
        hiding(&schema, &json!({"action": "update", "collection": "articles", "data": data, "query": query}))
    };
    assert!(update(&json!({"id": {"_between": [1, 2]}})).decision.permit().is_some());
    for filter in [
        json!({"id": {"_between": [1]}}),
        json!({"id": {"_nbetween": "1"}}),
        json!({"id": {"_nin": []}}),
        json!({"owner": {"_regex": "^a"}}),
        json!({"owner": {"_submitted": true}}),
    ] {
        assert!(update(&filter).decision.permit().is_none(), "{filter}");
    }
}

/// Each name was an access of its own, held against all before it: a minute of a processor for one call.
#[test]
fn fields_of_the_current_user_are_one_access_and_have_to_be_there() {
    let schema = schema(&[], &[]);
    let read = |names: &[String]| {
        let compare = |name: &String| json!({"id": {"_in": [format!("$CURRENT_USER.{name}")]}});
        let filter = json!({"_or": names.iter().map(compare).collect::<Vec<_>>()});
        let query = json!({"fields": ["id"], "filter": filter});
        let arguments = json!({"action": "read", "collection": "articles", "query": query});
        judged("developer", &schema, "items", &arguments).message
    };
    let many: Vec<String> = (0..150).map(|n| ["id", "email"][n % 2].to_owned()).collect();
    let (_, decoded) = read(&many).unwrap();
    assert_eq!(decoded.accesses.iter().filter(|access| access.via == "$CURRENT_USER").count(), 1);
    assert!(read(&["no_such_field".to_owned()]).is_err());
}

/// Each alias is taken up by each wildcard, at each place that it leads to.
#[test]
fn a_query_of_thousands_of_names_is_refused_before_it_is_worked_out() {
    let schema = schema(&[], &[]);
    let aliases: serde_json::Map<String, Value> =
        (0..3000).map(|n| (format!("a{n}"), Value::from("owner"))).collect();
    let many = |name: &str| Value::from(vec![name; 3000]);
    for query in [
        json!({"alias": aliases, "fields": ["*"]}),
        json!({"fields": many("*.*")}),
        json!({"fields": [vec!["*"; 3000].join(",")]}),
        json!({"sort": many("id"), "fields": ["id"]}),
        json!({"groupBy": many("id")}),
    ] {
        assert_eq!(hidden(&schema, &query), Code::NotUnderstood);
    }
}

/// Of a pointer into several collections each has some of the fields only; what has a scope of its own is read all the same.
#[test]
fn a_scope_below_a_scope_is_not_skipped() {
    let pointer = |collection: &str| {
        json!({
            "collection": collection, "field": "item", "related_collection": null, "schema": null,
            "meta": {"one_collection_field": "kind", "one_allowed_collections": ["comments", "directus_users"]},
        })
    };
    let columns = [("articles", "item"), ("articles", "kind")];
    let schema = schema(&columns, &[pointer("articles"), pointer("comments")]);
    for fields in ["item.item:directus_users.email", "item:comments.item:directus_users.email"] {
        assert_eq!(hidden(&schema, &json!({"fields": ["id", fields]})), Code::NoPermission, "{fields}");
    }
}

/// A database that can order rows answers with a whole one.
#[test]
fn only_a_count_is_of_everything() {
    let schema = schema(&[], &[]);
    for operation in ["max", "min", "sum", "avg"] {
        assert_eq!(hidden(&schema, &json!({"aggregate": {operation: ["*"]}})), Code::NotUnderstood);
    }
    let count = json!({"action": "read", "collection": "articles", "query": {"aggregate": {"count": ["*"]}}});
    assert!(hiding(&schema, &count).decision.permit().is_some());
}

/// A name that a call gives to what it makes goes into denials and into the trail, which people read on terminals.
#[test]
fn a_name_with_control_characters_is_not_taken() {
    let schema = schema(&[], &[]);
    let odd = "a\u{1b}[2Jb";
    for (tool, arguments) in [
        (
            "fields",
            json!({"action": "create", "collection": "articles", "data": {"field": odd, "type": "string"}}),
        ),
        ("fields", json!({"action": "delete", "collection": "articles", "field": odd})),
        ("relations", json!({"action": "delete", "collection": "articles", "field": odd})),
        ("collections", json!({"action": "create", "data": [{"collection": odd, "meta": {}}]})),
    ] {
        let judged = judged("developer", &schema, tool, &arguments);
        let reason = judged.decision.reason().unwrap_or_else(|| panic!("{arguments} is permitted"));
        assert_eq!(reason.code, Code::NotUnderstood, "{arguments}: {reason}");
        assert!(!reason.message.contains('\u{1b}'), "{reason}");
    }
}

/// The name of an alias stands in the path through which something is read, and a path of twenty of them in a denial.
#[test]
fn the_name_of_an_alias_does_not_steer_a_terminal() {
    let schema = schema(&[], &[relation("articles", "owner", "directus_users", None)]);
    for name in ["a\u{1b}[2Jb", "a\u{9b}2Jb", "a\u{202e}b", "a\u{200b}b", "a\nb", &"a".repeat(5000)] {
        let query = json!({"alias": {name: "owner"}, "fields": [format!("{name}.email")]});
        let arguments = json!({"action": "read", "collection": "articles", "query": query});
        let judged = judged("reader", &schema, "items", &arguments);
        let reason = judged.decision.reason().unwrap_or_else(|| panic!("{arguments} is permitted"));
        assert_eq!(reason.code, Code::NoPermission, "{reason}");
        let odd = |one: char| one.is_control() || ['\u{202e}', '\u{200b}'].contains(&one);
        assert!(!reason.message.contains(odd) && reason.message.chars().count() < 1100, "{reason}");
    }
}

/// Each access is judged, and recorded.
#[test]
fn the_same_variable_over_and_over_is_one_access() {
    let condition = json!({"title": {"_eq": "$CURRENT_USER.email"}});
    let filter = json!({"_and": [{"_and": vec![&condition; 200]}, {"_and": vec![&condition; 200]}]});
    let arguments = json!({"action": "read", "collection": "articles", "query": {"filter": filter}});
    let accesses = hiding(&schema(&[("directus_users", "email")], &[]), &arguments).decision.accesses;
    assert_eq!(accesses.iter().filter(|access| access.via == "$CURRENT_USER").count(), 1);
}

/// Every name is looked for among those before it only where they are in order: forty thousand took most of a minute.
#[test]
fn tens_of_thousands_of_names_are_read_at_once() {
    let fields: Vec<String> = (0..40_000).map(|n| format!("json(title, a{n})")).collect();
    let arguments = json!({"action": "read", "collection": "articles", "query": {"fields": fields}});
    let from = std::time::Instant::now();
    judged("reader", &schema(&[], &[]), "items", &arguments);
    assert!(from.elapsed() < std::time::Duration::from_secs(20), "{:?}", from.elapsed());
}

//! What the policies deny, and what of it is told and recorded.

use super::site::{CLIENT, Plan, policies, read, tool_result};
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use warrener::audit::filter::Filter;
use warrener::audit::query::TrailReader;
use warrener::audit::stats::{Count, Dimension};

#[tokio::test]
async fn a_denied_call_is_a_tool_result_with_the_rule_and_the_reason_and_goes_nowhere() {
    let site = Plan::new().start().await;
    let items = |arguments: Value| ("items", arguments);
    let table = [
        (
            items(json!({"action": "delete", "collection": "articles", "keys": [1]})),
            "forbidden",
            "tester/no-deletes",
            "Ask an editor",
        ),
        (items(json!({"action": "read", "collection": "orders"})), "no_permission", "tester/-", "orders"),
        (
            items(json!({"action": "update", "collection": "tags", "keys": [1], "data": {"name": "x"}})),
            "no_permission",
            "tester/-",
            "tags",
        ),
        (
            items(json!({"action": "read", "collection": "articles", "query": {"fields": ["secret_note"]}})),
            "no_permission",
            "tester/-",
            "secret_note",
        ),
        (
            items(json!({"action": "read", "collection": "articles", "query": {"limit": 51}})),
            "over_limit",
            "tester/read",
            "50",
        ),
        (
            items(
                json!({"action": "update", "collection": "articles", "keys": [1, 2, 3, 4, 5, 6], "data": {"title": "x"}}),
            ),
            "over_limit",
            "tester/write",
            "5",
        ),
        (
            items(
                json!({"action": "update", "collection": "articles", "keys": [1], "data": {"reviews": []}}),
            ),
            "forbidden",
            "tester/no-deletes",
            "reviews.delete",
        ),
        (
            items(json!({"action": "read", "collection": "articles", "keys": null})),
            "not_understood",
            "-",
            "keys",
        ),
        (("execute", json!({"name": "items", "input": read()})), "not_understood", "-", "tool_mode=registry"),
        (("files", json!({"action": "read"})), "no_permission", "tester/-", "directus_files"),
    ];
    let mut lines = Vec::new();
    for ((tool, arguments), reason, rule, says) in &table {
        let came = site.send(site.tool(tool, arguments)).await;
        let error = came.tool_error();
        assert_eq!(came.status, StatusCode::OK);
        assert_eq!(
            (&error["code"], &error["reason"]),
            (&json!("POLICY_DENIED"), &json!(reason)),
            "{arguments}: {error}"
        );
        assert!(error["error"].as_str().unwrap().contains(says), "{arguments}: {error}");
        assert!(*rule == "-" || error["rule"] == *rule, "{arguments}: {error}");
        let rule = error["rule"].as_str().unwrap();
        lines.push((format!("refusal deny {tool} {rule} {reason} refused"), *says));
    }
    assert!(site.seen().is_empty());
    let recorded = site.end().await;
    let found: Vec<String> = recorded.iter().map(super::site::Recorded::line).collect();
    for (found, (expected, says)) in found.iter().zip(&lines) {
        // What is not understood has no tool of Directus' own to name.
        assert!(found == expected || found.contains(" - "), "{found}\n{expected}: {says}");
    }
    assert_eq!(found.len(), lines.len());
    assert!(recorded.iter().all(|row| row.principal == CLIENT && row.role == "tester"));
    assert!(recorded[0].accesses > 1, "a denied delete is listed with what the database would do in turn");
    assert!(recorded[0].forwarded.is_empty());
}

#[tokio::test]
async fn a_query_string_is_the_registry_s_in_one_spelling_or_it_is_denied() {
    let site = Plan::new().start().await;
    let table = [
        ("/mcp", true),
        ("/mcp?tool%5Fmode=registry", false),
        ("/mcp?tool_mode=%72egistry", false),
        ("/mcp?%74ool_mode=registry", false),
        ("/mcp?[tool_mode]=registry", false),
        ("/mcp?&&tool_mode=registry", false),
        ("/mcp?tool_mode=registry&", false),
        ("/mcp?tool_mode=Registry", false),
        ("/mcp?TOOL_MODE=registry", false),
        ("/mcp?tool_mode[]=registry", false),
        ("/mcp?tool_mode[0]=registry", false),
        ("/mcp?tool_mode=registry&tool_mode=registry", false),
        ("/mcp?tool_mode=registry;x", false),
        ("/mcp?tool_mode=+registry", false),
        ("/mcp?tool_mode=registry%20", false),
        ("/mcp?tool_mode=registry%00", false),
        ("/mcp?tool_mode=", false),
        ("/mcp?filter={}", false),
    ];
    for (uri, permitted) in table {
        let mut request = site.tool("items", &read());
        // Some of these cannot stand in a `Uri`, and so they never come this far.
        let Ok(parsed) = uri.parse::<Uri>() else { continue };
        *request.uri_mut() = parsed;
        let came = site.send(request).await;
        let denied = came.json()["result"]["isError"] == true;
        assert_eq!(denied, !permitted, "{uri}: {}", came.text);
    }
    assert_eq!(site.seen().len(), 1);

    let mut plain = site.tool("execute", &json!({"name": "items", "input": read()}));
    *plain.uri_mut() = "/mcp?tool_mode=registry".parse().unwrap();
    assert_eq!(site.send(plain).await.json()["result"]["isError"], Value::Null);
    let seen = site.seen();
    assert_eq!(seen[1].uri, "http://directus.test/mcp?tool_mode=registry");
    assert_eq!(
        seen[1].body["params"],
        json!({"name": "execute", "arguments": {"name": "items", "input": read()}})
    );
}

#[tokio::test]
async fn observing_lets_a_would_be_denial_through_and_says_so_in_the_trail() {
    let role = super::site::TESTER.replace("role: tester\n", "role: tester\nmode: observe\n");
    let role = format!("{role}redact: [\"customers.ssn\"]\n");
    let result = tool_result(&json!([]));
    let site = Plan { policies: policies(&role), ..Plan::new() }.with_result(&result).start().await;
    let delete = json!({"action": "delete", "collection": "articles", "keys": [1]});
    assert_eq!(site.send(site.tool("items", &delete)).await.json()["result"], result);
    assert_eq!(site.send(site.tool("items", &read())).await.json()["result"], result);
    let all = json!({"action": "read", "collection": "customers"});
    assert_eq!(site.send(site.tool("items", &all)).await.json()["result"], result);
    let redacted = json!({"action": "read", "collection": "customers", "query": {"fields": ["ssn"]}});
    assert_eq!(site.send(site.tool("items", &redacted)).await.tool_error()["code"], "POLICY_DENIED");

    let seen = site.seen();
    assert_eq!(seen.len(), 3);
    let fields = seen[2].body["params"]["arguments"]["query"]["fields"].to_string();
    assert!(fields.contains("\"name\"") && !fields.contains("ssn"), "{fields}");
    // `audit stats` tells it from what is enforced.
    let mut reader = TrailReader::open(&format!("sqlite://{}", site.file().display())).await.unwrap();
    let count = Count { filter: Filter::default(), by: vec![Dimension::Rule], every: None };
    let mut counting = reader.count(count, jiff::Timestamp::now()).await.unwrap();
    let groups = counting.next().await.unwrap().unwrap().groups;
    let of = |rule: &str| {
        let group = groups.iter().find(|group| group.values[0].as_deref() == Some(rule)).unwrap();
        (group.calls, group.denied, group.would_deny)
    };
    assert_eq!(of("tester/no-deletes"), (1, 0, 1));
    assert_eq!(of("tester/redact"), (1, 1, 0));
    drop(counting);

    let recorded = site.end().await;
    let lines: Vec<_> = recorded.iter().map(|row| (row.line(), row.enforced)).collect();
    assert_eq!(lines[0], ("intent outcome deny items tester/no-deletes forbidden ok".to_owned(), 0));
    assert_eq!(lines[1], ("intent outcome permit items tester/read - ok".to_owned(), 1));
    assert_eq!(recorded[3].decision, "deny");
}

#[tokio::test]
async fn a_hidden_system_prompt_is_denied() {
    let site = Plan::new().with_role("system_prompt: hide\n").start().await;
    let error = site.send(site.tool("system-prompt", &json!({}))).await.tool_error();
    assert_eq!((&error["rule"], &error["reason"]), (&json!("tester/system_prompt"), &json!("forbidden")));
    assert!(site.seen().is_empty());
    let site = Plan::new().start().await;
    assert_eq!(
        site.send(site.tool("system-prompt", &json!({}))).await.json()["result"]["isError"],
        Value::Null
    );
    assert_eq!(site.seen().len(), 1, "it is kept where the role does not hide it");
}

#[tokio::test]
async fn the_same_refusal_over_and_over_is_counted() {
    let site = Plan::new().start().await;
    let delete = json!({"action": "delete", "collection": "articles", "keys": [1]});
    for _ in 0..50 {
        assert_eq!(
            site.send(site.tool("items", &delete)).await.tool_error()["reason"],
            "forbidden",
            "each is answered"
        );
    }
    site.send(site.tool("items", &json!({"action": "read", "collection": "orders"}))).await;
    let recorded = site.end().await;
    let counts: Vec<u64> = recorded.iter().map(|row| row.count).collect();
    assert_eq!(counts.iter().sum::<u64>(), 51);
    assert_eq!(counts.len(), 22, "twenty one by one, the other refusal, and the rest in one: {counts:?}");
    assert_eq!(counts.iter().max(), Some(&30));
}

//! What the stand-in answers. What is expected here was seen on a Directus 12.4.0.

use super::*;
use http::Uri;
use serde_json::Map;

fn stand_in() -> StandIn {
    StandIn::new(StandInOptions::default()).unwrap()
}

async fn send(
    stand_in: &StandIn,
    method: &str,
    target: &str,
    token: Option<&str>,
    body: String,
) -> (u16, HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(target.parse::<Uri>().unwrap());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let (head, body) = stand_in.answer(request.body(full(body.into())).unwrap()).await.into_parts();
    let body = accept::whole(body, u64::MAX).await.unwrap();
    (head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn message(stand_in: &StandIn, target: &str, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let (status, _, text) = send(stand_in, "POST", target, Some("admin-static-token"), body).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The result of a tool call, without the JSON-RPC around it.
async fn call(stand_in: &StandIn, target: &str, name: &str, arguments: Value) -> Value {
    message(stand_in, target, "tools/call", json!({"name": name, "arguments": arguments})).await["result"]
        .take()
}

/// What `items` answers, as the text that the client's model reads.
async fn items(stand_in: &StandIn, arguments: Value) -> String {
    call(stand_in, "/mcp", "items", arguments).await["content"][0]["text"].as_str().unwrap().to_owned()
}

async fn check_items(stand_in: &StandIn, cases: &[(Value, &str)]) {
    for (arguments, expect) in cases {
        assert_eq!(items(stand_in, arguments.clone()).await, *expect, "{arguments}");
    }
}

fn read(collection: &str, query: &Value) -> Value {
    json!({"action": "read", "collection": collection, "query": query})
}

#[tokio::test]
async fn reads_what_the_query_asks_for() {
    let articles = |query: Value| read("articles", &query);
    let ids = |filter: Value| articles(json!({"fields": ["id"], "filter": filter}));
    check_items(
        &stand_in(),
        &[
            (articles(json!({"fields": []})), r#"{"raw":[1,2,3,4]}"#),
            (articles(json!({"fields": ["title", "id"], "limit": 2, "sort": ["-id"]})), r#"{"raw":[{"title":"Archive moved","id":4},{"title":"Members' evening","id":3}]}"#),
            (articles(json!({"fields": ["id, author.name"], "limit": 2, "page": 2})), r#"{"raw":[{"id":3,"author":{"name":"Programme"}},{"id":4,"author":{"name":"Programme"}}]}"#),
            (articles(json!({"fields": ["reviews.score", "tags.tags_id.name"], "limit": 1})), r#"{"raw":[{"reviews":[{"score":5},{"score":3}],"tags":[{"tags_id":{"name":"visit"}}]}]}"#),
            (articles(json!({"fields": ["id"], "search": "west wing"})), r#"{"raw":[{"id":4}],"url":"http://127.0.0.1:8055/admin/content/articles/4"}"#),
            (articles(json!({"aggregate": {"count": ["*"]}})), r#"{"raw":[{"count":4}]}"#),
            (articles(json!({"aggregate": {"count": ["id", "cover"]}})), r#"{"raw":[{"count":{"id":4,"cover":1}}]}"#),
            (read("tags", &json!({"limit": 1})), r#"{"raw":[{"id":1,"name":"visit"}],"url":"http://127.0.0.1:8055/admin/content/tags/1"}"#),
            (json!({"action": "read", "collection": "tags", "keys": ["2", 1, 99], "query": {"fields": ["id"]}}), r#"{"raw":[{"id":1},{"id":2}]}"#),
            (ids(json!({"status": {"_neq": "published"}})), r#"{"raw":[{"id":3},{"id":4}]}"#),
            (ids(json!({"status": {"_in": ["draft", "published"]}, "author": {"_eq": "1"}})), r#"{"raw":[{"id":1},{"id":2}]}"#),
            (ids(json!({"_or": [{"id": {"_gt": 3}}, {"title": {"_contains": "READING"}}]})), r#"{"raw":[{"id":2},{"id":4}]}"#),
            (ids(json!({"author": {"name": {"_starts_with": "Front"}}, "id": 2})), r#"{"raw":[{"id":2}],"url":"http://127.0.0.1:8055/admin/content/articles/2"}"#),
            (ids(json!({"reviews": {"score": {"_lt": 5}}})), r#"{"raw":[{"id":1}],"url":"http://127.0.0.1:8055/admin/content/articles/1"}"#),
            (ids(json!({"reviews": {"_none": {"score": {"_gt": 0}}}})), r#"{"raw":[{"id":3},{"id":4}]}"#),
            (ids(json!({"published_on": {"_neq": "x"}, "cover": {"_null": true}})), r#"{"raw":[{"id":2},{"id":4}]}"#),
            (ids(json!({"_or": []})), r#"{"raw":[{"id":1},{"id":2},{"id":3},{"id":4}]}"#),
            (ids(json!({"id": {"_between": [2, 3]}})), r#"{"raw":[{"id":2},{"id":3}]}"#),
        ],
    )
    .await;
}

#[tokio::test]
async fn everything_is_what_a_read_without_fields_shows() {
    let text = items(&stand_in(), read("articles", &json!({"limit": 1}))).await;
    let read: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> = read["raw"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names.join(" "),
        "id title slug body status price published_on secret_note meta author cover user_created date_created reviews tags"
    );
    assert_eq!(read["raw"][0]["reviews"], json!([1, 2]));
    assert_eq!(read["raw"][0]["tags"], json!([1]));
}

async fn check_errors(cases: &[(Value, &str, &str)]) {
    let stand_in = stand_in();
    for (arguments, code, error) in cases {
        let result = call(&stand_in, "/mcp", "items", arguments.clone()).await;
        let expect = json!([{"error": error, "code": code}]).to_string();
        assert_eq!(result["content"][0]["text"], expect, "{arguments}");
        assert_eq!(result["isError"], true, "{arguments}");
    }
}

const FORBIDDEN: &str = "You don't have permission to access this.";

#[tokio::test]
async fn errors_in_a_query_are_in_directus_own_words() {
    let field = r#"You don't have permission to access field "nope" in collection "articles" or it does not exist. Queried in root."#;
    let behind = r#"You don't have permission to access field "nope" in collection "authors" or it does not exist. Queried in "author"."#;
    let wat = r#"Invalid query. "string" field type does not contain the "_wat" filter operator."#;
    let contains = r#"Invalid query. "integer" field type does not contain the "_contains" filter operator."#;
    let limit = r#"Invalid payload. Validation error: Invalid input: expected number, received string at "query.limit"."#;
    check_errors(&[
        (read("articles", &json!({"fields": ["nope"]})), "FORBIDDEN", field),
        (read("articles", &json!({"sort": ["-nope"]})), "FORBIDDEN", field),
        (read("articles", &json!({"filter": {"nope": {"_eq": 1}}})), "FORBIDDEN", field),
        (read("articles", &json!({"fields": ["author.nope"]})), "FORBIDDEN", behind),
        (read("articles", &json!({"filter": {"status": {"_wat": 1}}})), "INVALID_QUERY", wat),
        (read("articles", &json!({"filter": {"price": {"_contains": "1"}}})), "INVALID_QUERY", contains),
        (read("articles", &json!({"limit": "2"})), "INVALID_PAYLOAD", limit),
        (read("nope", &json!({})), "FORBIDDEN", FORBIDDEN),
        (
            read("directus_users", &json!({})),
            "INVALID_PAYLOAD",
            "Invalid payload. Cannot provide a core collection.",
        ),
        (json!({"action": "read", "collection": "tags", "keys": ["abc"]}), "FORBIDDEN", FORBIDDEN),
    ])
    .await;
}

#[tokio::test]
async fn errors_in_arguments_are_in_directus_own_words() {
    let collection = r#"Invalid payload. Validation error: Invalid input: expected string, received undefined at "collection"."#;
    let action = r#"Invalid payload. Validation error: Invalid input at "action"."#;
    let unknown = r#"Invalid payload. Validation error: Unrecognized keys: "a", "b"."#;
    let keys =
        r#"Invalid payload. Validation error: Invalid input: expected array, received undefined at "keys"."#;
    let data = r#"Invalid payload. Validation error: Invalid input: expected array, received undefined at "data" or Invalid input: expected record, received undefined at "data"."#;
    check_errors(&[
        (json!({"action": "read"}), "INVALID_PAYLOAD", collection),
        (json!({"action": "frob", "collection": "tags"}), "INVALID_PAYLOAD", action),
        (json!({"action": "read", "collection": "tags", "a": 1, "b": 2}), "INVALID_PAYLOAD", unknown),
        (json!({"action": "delete", "collection": "tags"}), "INVALID_PAYLOAD", keys),
        (json!({"action": "create", "collection": "tags"}), "INVALID_PAYLOAD", data),
    ])
    .await;
}

#[tokio::test]
async fn errors_in_data_are_in_directus_own_words() {
    let unique = r#"Value "1" for field "id" in collection "tags" has to be unique."#;
    let structure = |what: &str| format!("Invalid payload. Invalid one-to-many update structure: {what}.");
    let (value, wat) = (structure("\"value\" must be of type object"), structure("\"wat\" is not allowed"));
    let update =
        |data: Value| json!({"action": "update", "collection": "articles", "keys": [3], "data": data});
    check_errors(&[
        (json!({"action": "create", "collection": "tags", "data": {"id": 1}}), "RECORD_NOT_UNIQUE", unique),
        (update(json!({"author": 77})), "INVALID_FOREIGN_KEY", "Invalid foreign key."),
        (update(json!({"reviews": "abc"})), "INVALID_PAYLOAD", &value),
        (update(json!({"reviews": {"wat": []}})), "INVALID_PAYLOAD", &wat),
        (update(json!({"reviews": [999]})), "FORBIDDEN", FORBIDDEN),
    ])
    .await;
}

#[tokio::test]
async fn writes_what_the_data_says() {
    let tags = |action: &str, rest: Value| {
        let mut arguments = json!({"action": action, "collection": "tags"});
        arguments.as_object_mut().unwrap().extend(rest.as_object().cloned().unwrap_or_default());
        arguments
    };
    check_items(
        &stand_in(),
        &[
            (tags("create", json!({"data": {"name": "new", "bogus": 1}})), r#"{"raw":[{"id":4,"name":"new"}],"url":"http://127.0.0.1:8055/admin/content/tags/4"}"#),
            (tags("create", json!({"data": [{"name": "a"}, {"name": "b"}], "query": {"fields": ["id"]}})), r#"{"raw":[{"id":5},{"id":6}]}"#),
            (tags("update", json!({"keys": [1, 99], "data": {"name": "x"}, "query": {"fields": ["name"]}})), r#"{"raw":[{"name":"x"}]}"#),
            (tags("update", json!({"keys": "[2]", "data": "{\"name\":\"text\"}", "query": "{\"fields\":[\"name\"]}"})), r#"{"raw":[{"name":"text"}]}"#),
            (tags("update", json!({"data": [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}]})), r#"{"raw":[{"id":1,"name":"one"},{"id":2,"name":"two"}]}"#),
            (tags("update", json!({"data": {"name": "late"}, "query": {"fields": ["id"], "filter": {"id": {"_gt": 4}}}})), r#"{"raw":[{"id":5},{"id":6}]}"#),
            (tags("update", json!({"data": [{"name": "whose?"}]})), r#"[{"error":"Invalid payload. Item in update misses primary key.","code":"INVALID_PAYLOAD"}]"#),
            (tags("update", json!({"keys": [1], "data": {"name": "uno"}, "query": {"filter": {"id": {"_eq": 2}}}})), r#"{"raw":[]}"#),
            (read("tags", &json!({"fields": ["name"], "limit": 1})), r#"{"raw":[{"name":"uno"}]}"#),
            (tags("update", json!({"keys": [], "data": {"name": "none"}})), r#"{"raw":[]}"#),
            (tags("delete", json!({"keys": ["6", 4000]})), r#"{"raw":["6",4000]}"#),
            (tags("delete", json!({"keys": []})), r#"{"raw":[]}"#),
            (read("tags", &json!({"fields": ["id"]})), r#"{"raw":[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]}"#),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_update_can_delete() {
    for (value, left) in [
        (json!([]), vec![3]),
        (json!(null), vec![3]),
        (json!(""), vec![3]),
        (json!([2]), vec![2, 3]),
        (json!({"delete": [1]}), vec![2, 3]),
        (json!({"update": [{"id": 3}], "delete": [3]}), vec![1, 2]),
        (json!([{"text": "new"}]), vec![3, 4]),
    ] {
        let stand_in =
            StandIn::new(StandInOptions { allow_deletes: false, ..StandInOptions::default() }).unwrap();
        let arguments =
            json!({"action": "update", "collection": "articles", "keys": [1], "data": {"reviews": value}});
        items(&stand_in, arguments).await;
        let ids: Vec<u64> = stand_in.rows("reviews").iter().map(|row| row["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, left, "{value}");
    }
}

#[tokio::test]
async fn what_is_linked_loses_its_link() {
    let stand_in = stand_in();
    items(
        &stand_in,
        json!({"action": "update", "collection": "articles", "keys": [1], "data": {"tags": []}}),
    )
    .await;
    items(&stand_in, json!({"action": "delete", "collection": "articles", "keys": [2]})).await;
    assert_eq!(stand_in.rows("articles_tags").len(), 3);
    assert_eq!(stand_in.rows("articles_tags")[0]["articles_id"], Value::Null);
    assert_eq!(stand_in.rows("reviews")[2]["article"], Value::Null);
    assert_eq!(stand_in.rows("articles").len(), 3);
}

#[tokio::test]
async fn an_item_in_the_place_of_a_pointer_is_written_too() {
    let stand_in = stand_in();
    let update = |author: Value| json!({"action": "update", "collection": "articles", "keys": [1], "data": {"author": author}, "query": {"fields": ["author"]}});
    assert_eq!(
        items(&stand_in, update(json!({"id": 2, "name": "Changed"}))).await,
        r#"{"raw":[{"author":2}]}"#
    );
    assert_eq!(items(&stand_in, update(json!({"name": "New"}))).await, r#"{"raw":[{"author":3}]}"#);
    let names: Vec<Value> = stand_in.rows("authors").iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["Front desk", "Changed", "New"]);
}

#[tokio::test]
async fn a_failed_write_leaves_nothing_but_a_failed_read_back_does() {
    let stand_in = stand_in();
    let fails = json!({"action": "create", "collection": "tags", "data": [{"name": "a"}, {"id": 1}]});
    items(&stand_in, fails).await;
    assert_eq!(stand_in.rows("tags").len(), 3);
    let written = json!({"action": "update", "collection": "tags", "keys": [1], "data": {"name": "done"}, "query": {"fields": ["nope"]}});
    assert!(items(&stand_in, written).await.contains("FORBIDDEN"));
    assert_eq!(stand_in.rows("tags")[0]["name"], "done");
}

#[tokio::test]
async fn deletes_can_be_switched_off() {
    let stand_in =
        StandIn::new(StandInOptions { allow_deletes: false, ..StandInOptions::default() }).unwrap();
    let delete = json!({"action": "delete", "collection": "tags", "keys": [1]});
    let expect = r#"[{"error":"Invalid payload. Delete actions are disabled.","code":"INVALID_PAYLOAD"}]"#;
    assert_eq!(items(&stand_in, delete.clone()).await, expect);
    let result =
        call(&stand_in, "/mcp?tool_mode=registry", "execute", json!({"name": "items", "input": delete}))
            .await;
    let expect = json!([{
        "error": "Invalid payload. Delete actions are disabled.", "code": "INVALID_PAYLOAD", "recoverable": true,
        "next": {"tool": "search", "input": {"names": ["items"]}},
    }]);
    assert_eq!(result["content"][0]["text"], expect.to_string());
}

#[tokio::test]
async fn the_other_tools_read() {
    let stand_in = stand_in();
    for (tool, arguments, expect) in [
        (
            "files",
            json!({"action": "read", "query": {"fields": ["title"]}}),
            r#"{"raw":[{"title":"House"}]}"#,
        ),
        (
            "folders",
            json!({"action": "create", "data": {"name": "F"}, "query": {"fields": ["name", "parent"]}}),
            r#"{"raw":[{"name":"F","parent":null}]}"#,
        ),
        ("folders", json!({"action": "read", "query": {"fields": ["name"]}}), r#"{"raw":[{"name":"F"}]}"#),
        ("flows", json!({"action": "read"}), r#"{"raw":[]}"#),
        ("collections", json!({"action": "read", "keys": ["nope"]}), r#"{"raw":[]}"#),
        ("fields", json!({"action": "read", "collection": "nope"}), r#"{"raw":[]}"#),
        (
            "relations",
            json!({"action": "read", "collection": "tags", "field": "nope"}),
            r#"[{"error":"You don't have permission to access this.","code":"FORBIDDEN"}]"#,
        ),
        ("schema", json!({"keys": ["nope"]}), r#"{"raw":{}}"#),
        (
            "schema",
            json!({"keys": ["tags"]}),
            r#"{"raw":{"tags":{"id":{"type":"integer","primary_key":true,"readonly":true,"interface":{"type":"input"}},"name":{"type":"string","interface":{"type":"input"}}}}}"#,
        ),
        (
            "assets",
            json!({"id": "nope"}),
            r#"[{"error":"You don't have permission to access this.","code":"FORBIDDEN"}]"#,
        ),
        (
            "nope",
            json!({}),
            r#"[{"error":"Invalid payload. \"nope\" doesn't exist in the toolset.","code":"INVALID_PAYLOAD"}]"#,
        ),
        (
            "files",
            json!({"action": "import"}),
            r#"[{"error":"The stand-in for Directus does not do this: importing files.","code":"NOT_IN_STAND_IN"}]"#,
        ),
    ] {
        let result = call(&stand_in, "/mcp", tool, arguments.clone()).await;
        assert_eq!(result["content"][0]["text"], expect, "{tool} {arguments}");
    }
    let image =
        call(&stand_in, "/mcp", "assets", json!({"id": "0b1d1f6a-0000-4000-8000-000000000001"})).await;
    assert_eq!(image["content"][0]["mimeType"], "image/png");
}

#[tokio::test]
async fn registry_mode_answers_as_directus_does() {
    let stand_in = stand_in();
    let target = "/mcp?tool_mode=registry";
    let text = |result: &Value| result["content"][0]["text"].as_str().unwrap().to_owned();
    let list = message(&stand_in, target, "tools/list", json!({})).await;
    let names: Vec<&str> = list["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["search", "execute", "schema"]);

    let input = json!({"action": "read", "query": {"fields": ["title"]}});
    let result = call(&stand_in, target, "execute", json!({"name": "files", "input": input})).await;
    assert_eq!(text(&result), r#"{"data":[{"title":"House"}]}"#);
    assert_eq!(result["structuredContent"], json!({"data": [{"title": "House"}]}));
    let input = read("tags", &json!({"fields": ["name"], "limit": 1}));
    let result = call(&stand_in, target, "execute", json!({"name": "items", "input": input})).await;
    assert_eq!(
        (text(&result), result.get("structuredContent")),
        (r#"{"data":[{"name":"visit"}]}"#.to_owned(), None)
    );

    for (name, arguments, code) in [
        ("items", json!({}), "UNKNOWN_META_TOOL"),
        ("execute", json!({"name": "execute", "input": {}}), "UNKNOWN_TOOL"),
        ("execute", json!({"name": "items", "input": "{}"}), "INVALID_PAYLOAD"),
        ("search", json!({}), "INVALID_PAYLOAD"),
    ] {
        let result = call(&stand_in, target, name, arguments.clone()).await;
        assert!(text(&result).contains(code) && result["isError"] == true, "{name} {arguments}: {result}");
    }
    let found: Value = serde_json::from_str(&text(
        &call(&stand_in, target, "search", json!({"names": [" items ", "nope"]})).await,
    ))
    .unwrap();
    assert_eq!(found["data"]["results"].as_array().unwrap().len(), 1);
    let kind = found["data"]["results"][0]["inputType"].as_str().unwrap();
    assert!(
        kind.starts_with(
            "{\n\taction: \"create\" | \"read\" | \"update\" | \"delete\";\n\tcollection: string;\n"
        ),
        "{kind}"
    );
}

#[tokio::test]
async fn the_protocol_is_spoken() {
    let stand_in = stand_in();
    for (asked, spoken) in [("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25")] {
        let answer = message(&stand_in, "/mcp", "initialize", json!({"protocolVersion": asked})).await;
        assert_eq!(answer["result"]["protocolVersion"], spoken);
        assert_eq!(answer["result"]["serverInfo"], json!({"name": "directus-mcp", "version": "0.1.0"}));
    }
    assert_eq!(message(&stand_in, "/mcp", "ping", json!({})).await["result"], json!({}));
    assert_eq!(message(&stand_in, "/mcp", "resources/list", json!({})).await["error"]["code"], -32601);
    assert_eq!(
        message(&stand_in, "/mcp", "tools/call", json!({"name": "items", "arguments": []})).await["error"]["code"],
        -32603
    );

    let list = message(&stand_in, "/mcp", "tools/list", json!({})).await;
    let tools = list["result"]["tools"].as_array().unwrap();
    let actions = |tool: &Value| tool["inputSchema"]["properties"]["action"]["enum"].clone();
    let seen: Map<String, Value> =
        tools.iter().map(|tool| (tool["name"].as_str().unwrap().to_owned(), actions(tool))).collect();
    let crud = json!(["create", "read", "update", "delete"]);
    let expect = json!({
        "system-prompt": null, "items": crud, "files": ["read", "update", "delete", "import"], "folders": crud, "assets": null,
        "flows": crud, "trigger-flow": null, "operations": crud, "schema": null, "collections": crud,
        "fields": ["read", "create", "update", "delete"], "relations": crud,
    });
    assert_eq!(Value::Object(seen), expect);
    assert!(tools.iter().all(|tool| tool["inputSchema"]["additionalProperties"] == false));
    assert_eq!(stand_in.calls(), 0);
    assert!(stand_in.messages() > 0);
}

#[tokio::test]
async fn only_the_token_comes_in() {
    let stand_in = stand_in();
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    let token = Some("admin-static-token");
    for (method, target, token, body, status, expect) in [
        ("POST", "/mcp", None, ping.as_str(), 401, ""),
        (
            "POST",
            "/mcp",
            Some("bad"),
            &ping,
            401,
            r#"{"error":"invalid_token","error_description":"Invalid user credentials."}"#,
        ),
        ("POST", "/mcp", token, &ping, 200, r#"{"result":{},"jsonrpc":"2.0","id":1}"#),
        ("POST", "/mcp", token, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, 202, ""),
        ("POST", "/mcp", token, "[]", 500, "INTERNAL_SERVER_ERROR"),
        ("POST", "/mcp", token, "{", 400, "INVALID_PAYLOAD"),
        ("GET", "/server/ping", None, "", 200, "pong"),
        ("GET", "/collections", None, "", 403, "FORBIDDEN"),
        ("GET", "/collections", Some("bad"), "", 401, "INVALID_CREDENTIALS"),
        ("GET", "/collections", token, "", 200, r#"{"data":[{"collection":"articles","#),
        (
            "GET",
            "/fields",
            token,
            "",
            200,
            r#"{"data":[{"collection":"articles","field":"id","type":"integer","#,
        ),
        ("GET", "/relations", token, "", 200, r#"{"data":[{"collection":"articles","field":"author","#),
        ("GET", "/nope", token, "", 404, "Route /nope doesn't exist."),
    ] {
        let (got, headers, text) = send(&stand_in, method, target, token, body.to_owned()).await;
        assert!(got == status && text.contains(expect), "{method} {target}: {got} {text}");
        assert_eq!(
            headers.contains_key(WWW_AUTHENTICATE),
            status == 401 && target == "/mcp",
            "{method} {target}"
        );
    }
}

#[tokio::test]
async fn the_gateway_reads_its_schema_from_it() {
    let listener = accept::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let drain = Drain::new();
    let served = tokio::spawn(stand_in().serve(listener, drain.clone()));
    let upstream = crate::upstream::Upstream::new(&crate::upstream::UpstreamOptions::new(url)).unwrap();
    upstream.ready().await.unwrap();
    let token = Some("admin-static-token".into());
    let cache = crate::upstream::SchemaCache::new(upstream, token, std::time::Duration::from_secs(10));
    let schema = cache.current().await.unwrap();
    assert!(schema.collection("articles").is_some() && schema.collection("directus_users").is_some());
    drain.begin();
    assert_eq!(served.await.unwrap(), Drained::default());
}

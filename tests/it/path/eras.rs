//! Clients of both eras before an upstream of the older one: frames as they come and go, and what is refused.

use super::shapes::{pieces, results};
use super::site::{Came, Plan, Seen, Site, beginning, ending, read, reply, tool_result};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use warrener::accept::Body;

const MODERN: &str = "2026-07-28";

/// What the modern era adds to a result.
fn completed(mut result: Value, is_list: bool) -> Value {
    result["resultType"] = json!("complete");
    result["_meta"] = json!({"io.modelcontextprotocol/serverInfo": {
        "name": "warrener", "version": env!("CARGO_PKG_VERSION")}});
    if is_list {
        result["ttlMs"] = json!(60_000);
        result["cacheScope"] = json!("private");
    }
    result
}

/// What a client of the modern era sends with every request.
fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": {"name": "Desk", "version": "9", "title": "Desk App"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        "progressToken": 4,
    })
}

/// A well-formed request of the modern era.
fn modern(site: &Site, method: &str, params: &Value) -> Request<Body> {
    let mut params = params.clone();
    params["_meta"] = meta();
    let mut request = site.message(method, &params);
    let headers = request.headers_mut();
    headers.insert("mcp-protocol-version", HeaderValue::from_static(MODERN));
    headers.insert("mcp-method", method.parse().unwrap());
    if let (Some(name), "tools/call" | "prompts/get") = (params["name"].as_str(), method) {
        headers.insert("mcp-name", name.parse().unwrap());
    }
    request
}

async fn both(site: &Site, method: &str, params: &Value) -> [Came; 2] {
    [site.send(site.message(method, params)).await, site.send(modern(site, method, params)).await]
}

/// An upstream as Directus is: it speaks the legacy era, and says what it was asked with.
fn directus() -> Plan {
    Plan::new().with_role("system_prompt: {replace: Be brief.}\n").answering(|seen: Seen| {
        let server = json!({"name": "directus-mcp", "version": "0.1.0"});
        let result = match seen.body["method"].as_str().unwrap() {
            "initialize" => {
                json!({"protocolVersion": "2025-11-25", "serverInfo": server, "instructions": "x",
                "capabilities": {"tools": {"listChanged": true}, "prompts": {}, "logging": {}}})
            }
            "tools/list" => json!({"tools": [{"name": "schema", "inputSchema": {"type": "object"}}]}),
            "prompts/list" => json!({"prompts": [{"name": "public-a"}]}),
            "prompts/get" => {
                json!({"messages": [{"role": "user", "content": {"type": "text", "text": "Hello"}}]})
            }
            "tools/call" => tool_result(&json!([{"id": 1}])),
            other => panic!("{other} is forwarded"),
        };
        let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
        Box::pin(async move { Ok(reply(StatusCode::OK, "application/json", message.to_string())) })
    })
}

#[tokio::test]
async fn each_request_has_the_frames_of_its_era_and_directus_sees_no_difference() {
    let prompt = json!({"messages": [{"role": "user", "content": {"type": "text", "text": "Hello"}}]});
    let items = json!({"name": "items", "arguments": read()});
    let weather = json!({"name": "weather", "arguments": {"_meta": {"city": "Aachen"}}});
    let table = [
        ("tools/list", json!({}), json!({"tools": [{"name": "schema", "inputSchema": {"type": "object"}}]})),
        ("prompts/list", json!({}), json!({"prompts": [{"name": "public-a"}]})),
        ("prompts/get", json!({"name": "public-a"}), prompt),
        ("tools/call", items, tool_result(&json!([{"id": 1}]))),
        // The arguments of a tool that nobody knows are its own, whatever they are called.
        ("tools/call", weather, tool_result(&json!([{"id": 1}]))),
    ];
    let site = directus().start().await;
    for (method, params, result) in &table {
        let [legacy, modern] = both(&site, method, params).await;
        assert_eq!(legacy.json(), json!({"jsonrpc": "2.0", "id": 1, "result": result}), "{method}");
        let result = completed(result.clone(), method.ends_with("/list"));
        assert_eq!(modern.json(), json!({"jsonrpc": "2.0", "id": 1, "result": result}), "{method}");
        assert_eq!((legacy.status, modern.status), (StatusCode::OK, StatusCode::OK), "{method}");
        let seen = site.seen();
        let [.., first, second] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!((&first.uri, &first.body), (&second.uri, &second.body), "{method}");
        let headers = |seen: &Seen| {
            let own = |name: &str| name == "user-agent" || name == "x-request-id";
            seen.headers.iter().filter(|(name, _)| !own(name)).cloned().collect::<Vec<_>>()
        };
        assert_eq!(headers(first), headers(second), "{method}");
        assert_eq!(second.body["params"].get("_meta"), None, "{method}");
        assert!(!format!("{second:?}").to_lowercase().contains("modelcontextprotocol"), "{method}");
    }
}

#[tokio::test]
async fn the_gateway_s_own_answers_are_of_the_era_too() {
    let site = directus().start().await;
    let [legacy, modern] =
        both(&site, "tools/call", &json!({"name": "system-prompt", "arguments": {}})).await;
    assert_eq!(modern.json()["result"], completed(legacy.json()["result"].clone(), false));
    assert!(legacy.text.contains("Be brief."), "{}", legacy.text);
    let delete =
        json!({"name": "items", "arguments": {"action": "delete", "collection": "articles", "keys": [1]}});
    let [legacy, modern] = both(&site, "tools/call", &delete).await;
    assert_eq!(legacy.tool_error()["code"], "POLICY_DENIED");
    assert_eq!(modern.json()["result"], completed(legacy.json()["result"].clone(), false));
    assert_eq!((legacy.status, modern.status), (StatusCode::OK, StatusCode::OK));
    let [legacy, modern] = both(&site, "prompts/get", &json!({"name": "private"})).await;
    assert_eq!(legacy.json(), modern.json());
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn discover_says_what_directus_has_and_what_the_gateway_speaks() {
    let site = directus().start().await;
    let came = site.send(modern(&site, "server/discover", &json!({}))).await;
    let versions = [MODERN, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
    let result = json!({"supportedVersions": versions, "capabilities": {"tools": {}, "prompts": {}}});
    assert_eq!(came.json(), json!({"jsonrpc": "2.0", "id": 1, "result": completed(result, true)}));
    let forwarded = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "Desk", "version": "9"}}});
    assert_eq!(
        site.seen()[0].body,
        forwarded,
        "Directus is introduced to the client, and told no more of it"
    );
    let row = site.end().await.remove(0);
    assert_eq!((row.method.as_str(), row.client_name.as_deref()), ("server/discover", Some("Desk")));
}

/// What the era does not have, or the gateway does not.
#[tokio::test]
async fn methods_of_the_other_era_are_not_offered() {
    let site = directus().start().await;
    let neither =
        ["subscriptions/listen", "tasks/get", "tasks/update", "resources/list", "logging/setLevel", ""];
    let table = [("server/discover", true, false), ("initialize", false, true), ("ping", false, true)];
    let refused = neither.map(|method| (method, true, true));
    for (method, legacy, modern_) in refused.into_iter().chain(table) {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
        let [old, new] = both(&site, method, &params).await;
        for (came, is_refused, status) in
            [(old, legacy, StatusCode::OK), (new, modern_, StatusCode::NOT_FOUND)]
        {
            assert_eq!(came.json().get("error").is_some(), is_refused, "{method}: {}", came.text);
            if is_refused {
                assert_eq!((came.status, came.error_code()), (status, -32601), "{method}: {}", came.text);
                assert_eq!(came.json()["id"], 1, "{method}");
            }
        }
    }
    let forwarded: Vec<_> = site.seen().into_iter().map(|seen| seen.body["method"].clone()).collect();
    assert_eq!(forwarded, ["initialize", "initialize"], "and one of them is a `server/discover`");
    let recorded = site.end().await;
    let denied = recorded.iter().filter(|row| row.line() == "refusal deny - protocol not_understood refused");
    assert_eq!(denied.count(), 15);
}

/// The answer to a question that was never asked.
#[tokio::test]
async fn input_that_nobody_asked_for_is_refused() {
    let site = directus().start().await;
    for more in [json!({"inputResponses": {"x": {"action": "accept"}}}), json!({"requestState": "x"})] {
        let mut params = json!({"name": "items", "arguments": read()});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let came = site.send(modern(&site, "tools/call", &params)).await;
        assert_eq!(came.tool_error()["code"], "POLICY_DENIED", "{}", came.text);
        assert_eq!(came.tool_error()["reason"], "not_understood", "{}", came.text);
    }
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn what_asks_for_it_in_the_arguments_asks_for_nothing() {
    let site = directus().start().await;
    let mut arguments = read();
    arguments["_meta"] = meta();
    let came = site.send(site.tool("items", &arguments)).await;
    assert_eq!(
        came.json()["result"].get("resultType"),
        None,
        "it is a request of the legacy era: {}",
        came.text
    );
    let seen = format!("{:?}", site.seen());
    assert!(!seen.contains("modelcontextprotocol") && !seen.contains("_meta"), "{seen}");
    // The same beside `params`, where no message has anything.
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "_meta": meta()});
    assert_eq!(site.send(site.post(body.to_string())).await.error_code(), -32600);
}

#[tokio::test]
async fn headers_that_say_something_else_are_refused_with_the_era_s_error() {
    let site = directus().start().await;
    let call = json!({"name": "items", "arguments": read()});
    let supported = json!([MODERN, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]);
    let future = json!({"supported": supported, "requested": "2027-01-01"});
    // Which era the body is of, a header, its values, and what comes of it.
    let table: [(bool, &str, &[&str], i64, Value); 20] = [
        (true, "mcp-name", &["files"], -32020, Value::Null),
        (true, "mcp-name", &["Items"], -32020, Value::Null),
        (true, "mcp-name", &["items", "files"], -32020, Value::Null),
        (true, "mcp-name", &["items", "items"], -32020, Value::Null),
        (true, "mcp-name", &["=?base64?ZmlsZXM=?="], -32020, Value::Null),
        (true, "mcp-name", &[], -32020, Value::Null),
        (true, "mcp-method", &["tools/list"], -32020, Value::Null),
        (true, "mcp-method", &["TOOLS/CALL"], -32020, Value::Null),
        (true, "mcp-method", &["tools/call", "tools/call"], -32020, Value::Null),
        (true, "mcp-method", &[], -32020, Value::Null),
        (true, "mcp-protocol-version", &["2025-11-25"], -32020, Value::Null),
        (true, "mcp-protocol-version", &["2027-01-01"], -32020, Value::Null),
        (true, "mcp-protocol-version", &[MODERN, MODERN], -32020, Value::Null),
        (true, "mcp-protocol-version", &[], -32020, Value::Null),
        (false, "mcp-protocol-version", &[MODERN], -32602, Value::Null),
        (false, "mcp-protocol-version", &["2027-01-01"], -32022, future),
        (false, "mcp-protocol-version", &["2025-11-25", "2025-06-18"], -32600, Value::Null),
        (false, "mcp-method", &["tools/list"], -32600, Value::Null),
        (false, "mcp-name", &["files"], -32600, Value::Null),
        (false, "mcp-name", &["=?base64?ZmlsZXM=?="], -32600, Value::Null),
    ];
    for (is_modern, name, values, code, data) in &table {
        let mut request =
            if *is_modern { modern(&site, "tools/call", &call) } else { site.message("tools/call", &call) };
        request.headers_mut().remove(*name);
        for value in *values {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        let came = site.send(request).await;
        let error = &came.json()["error"];
        assert_eq!(came.status, StatusCode::BAD_REQUEST, "{name}: {values:?}: {}", came.text);
        assert_eq!((&error["code"], &came.json()["id"]), (&json!(code), &json!(1)), "{name}: {values:?}");
        assert_eq!(&error["data"], data, "{name}: {values:?}");
    }
    assert!(site.seen().is_empty());
    let recorded = site.end().await;
    assert_eq!(recorded.iter().map(|row| row.count).sum::<u64>(), table.len() as u64);
    for row in recorded {
        assert_eq!(row.line(), "refusal deny - protocol not_understood refused");
        assert_eq!((row.http_status, row.method.as_str()), (Some(400), "tools/call"));
    }
}

/// A header that no tool of Directus' has is the business of nobody, and goes nowhere.
#[tokio::test]
async fn a_header_that_repeats_an_argument_is_ignored_and_not_forwarded() {
    let site = directus().start().await;
    let mut request = modern(&site, "tools/call", &json!({"name": "items", "arguments": read()}));
    request.headers_mut().insert("mcp-param-collection", HeaderValue::from_static("customers"));
    let came = site.send(request).await;
    assert_eq!(came.status, StatusCode::OK, "{}", came.text);
    let seen = site.seen().remove(0);
    assert!(seen.headers.iter().all(|(name, _)| !name.starts_with("mcp-")), "{seen:?}");
    assert_eq!(seen.body["params"]["arguments"]["collection"], "articles");
}

#[tokio::test]
async fn each_request_says_who_its_client_is() {
    let site = directus().start().await;
    let mut other = meta();
    other["io.modelcontextprotocol/clientInfo"] = json!({"name": "Other\nApp", "version": "1"});
    let mut nobody = meta();
    nobody.as_object_mut().unwrap().remove("io.modelcontextprotocol/clientInfo");
    for meta in [other, nobody] {
        let mut request = modern(&site, "tools/list", &json!({}));
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}});
        *request.body_mut() = super::site::whole(body.to_string());
        assert_eq!(site.send(request).await.status, StatusCode::OK);
    }
    let introduction = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "Old", "version": "1"}});
    site.send(site.message("initialize", &introduction)).await;
    site.send(modern(&site, "tools/list", &json!({}))).await;
    site.send(site.message("tools/list", &json!({}))).await;
    let recorded = site.end().await;
    let names: Vec<_> = recorded.iter().map(|row| row.client_name.as_deref()).collect();
    assert_eq!(names, [Some("OtherApp"), None, Some("Old"), Some("Desk"), Some("Old")]);
}

/// Codes that the modern era has given up, or keeps for itself.
#[tokio::test]
async fn errors_of_directus_have_the_codes_of_the_era() {
    for (code, in_modern, status) in [
        (-32602, -32602, StatusCode::OK),
        (-32603, -32603, StatusCode::OK),
        (-32002, -32602, StatusCode::OK),
        (-32042, -32603, StatusCode::OK),
        (-32020, -32603, StatusCode::OK),
        (-32022, -32603, StatusCode::OK),
        (-32001, -32001, StatusCode::OK),
        (-32601, -32601, StatusCode::NOT_FOUND),
    ] {
        let plan = Plan::new().answering(move |seen| {
            let error = json!({"code": code, "message": "No."});
            let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "error": error});
            Box::pin(async move { Ok(reply(StatusCode::OK, "application/json", message.to_string())) })
        });
        let site = plan.start().await;
        for (method, params) in
            [("prompts/list", json!({})), ("tools/call", json!({"name": "items", "arguments": read()}))]
        {
            let [legacy, modern] = both(&site, method, &params).await;
            assert_eq!((legacy.status, legacy.error_code()), (StatusCode::OK, code), "{method}");
            assert_eq!((modern.status, modern.error_code()), (status, in_modern), "{method} {code}");
        }
    }
}

#[tokio::test]
async fn a_result_is_completed_in_pieces_of_any_size() {
    for answer in results() {
        for size in [1, 2, 7, 10_000] {
            let sent = answer.clone();
            let plan = Plan::new().answering(move |_| {
                let reply = pieces(sent.as_bytes(), size);
                Box::pin(async move { Ok(reply) })
            });
            let site = plan.start().await;
            let came =
                site.send(modern(&site, "tools/call", &json!({"name": "items", "arguments": read()}))).await;
            let expected: Result<Value, _> = serde_json::from_str(&answer);
            // A number that no reader has is nothing to compare.
            if let Ok(mut expected) = expected {
                expected["result"] = completed(expected["result"].take(), false);
                assert_eq!(came.json(), expected, "{answer} in {size}");
            }
            assert_eq!(came.text.matches("resultType").count(), 1, "{answer} in {size}: {}", came.text);
            assert_eq!(site.end().await[0].outcome.as_deref(), Some("ok"));
        }
    }
}

/// The result's beginning is with the client before Directus has ended it, in both eras.
#[tokio::test]
async fn a_long_result_streams_in_both_eras() {
    for is_modern in [false, true] {
        let (send, receive) = mpsc::channel::<Bytes>(1);
        let waiting = std::sync::Mutex::new(Some(receive));
        let plan = Plan::new().answering(move |_| {
            let receive = waiting.lock().unwrap().take().unwrap();
            let body = stream::unfold(receive, |mut receive| async move {
                Some((Ok(Frame::data(receive.recv().await?)), receive))
            });
            let reply = Response::builder().header("content-type", "application/json");
            let reply = reply.body(StreamBody::new(body).boxed_unsync()).unwrap();
            Box::pin(async move { Ok(reply) })
        });
        let site = plan.start().await;
        let call = json!({"name": "items", "arguments": read()});
        let request =
            if is_modern { modern(&site, "tools/call", &call) } else { site.message("tools/call", &call) };
        send.send(beginning()).await.unwrap();
        let mut body = site.head(request).await.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        let said = String::from_utf8_lossy(&first).contains("resultType");
        assert_eq!(said, is_modern, "{first:?}");
        for _ in 0..100 {
            send.send(Bytes::from(vec![b'x'; 100_000])).await.unwrap();
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 100_000);
        }
        send.send(ending()).await.unwrap();
        drop(send);
        let rest = body.collect().await.unwrap().to_bytes();
        assert_eq!(rest, ending());
        assert_eq!(site.end().await[0].outcome.as_deref(), Some("ok"));
    }
}

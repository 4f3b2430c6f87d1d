//! What Directus sees of a permitted call, and what the client gets back.

use super::site::{CLIENT, Plan, TOKEN, beginning, ending, read, recorded, reply, tool_result};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

#[tokio::test]
async fn the_request_to_directus_is_written_anew() {
    let site = Plan::new().start().await;
    let mut request = site.tool("items", &read());
    let sent = [
        "x-forwarded-for",
        "x-directus-token",
        "accept-language",
        "user-agent",
        "if-none-match",
        "origin",
        "referer",
        "mcp-session-id",
        "x-http-method-override",
        "range",
        "expect",
    ];
    for name in sent {
        request.headers_mut().insert(name, HeaderValue::from_static("of-the-client"));
    }
    request.headers_mut().insert("accept", HeaderValue::from_static("text/html"));
    let came = site.send(request).await;
    assert_eq!(came.status, StatusCode::OK);

    let [seen] = &site.seen()[..] else { panic!("{:?}", site.seen()) };
    assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("POST", "http://directus.test/mcp"));
    // The call's id, so that what Directus and the proxies before it log can be joined with the trail.
    let call = recorded(&site.file()).await.last().unwrap().call.clone();
    let expected = [
        ("accept", "application/json, text/event-stream".to_owned()),
        ("authorization", format!("Bearer {TOKEN}")),
        ("content-type", "application/json".to_owned()),
        ("user-agent", format!("warrener/{} call/{call}", env!("CARGO_PKG_VERSION"))),
        ("x-request-id", call),
        ("x-warrener-principal", CLIENT.to_owned()),
    ];
    assert_eq!(seen.headers, expected.map(|(name, value)| (name.to_owned(), value)));
    let expected = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "items", "arguments": read()}});
    assert_eq!(seen.body, expected);
}

#[tokio::test]
async fn what_was_judged_is_what_is_sent() {
    let site = Plan::new().with_role("redact: [\"customers.ssn\"]\n").start().await;
    let shown = json!(["birth", "email", "id", "internal_notes", "name", "profile"]);
    let articles = |query: Value| json!({"action": "read", "collection": "articles", "query": query});
    let table = [
        // A limit is set where there is none, or a negative one, which Directus takes for none.
        (articles(json!({"fields": ["id"]})), articles(json!({"fields": ["id"], "limit": 50}))),
        (articles(json!({"fields": ["id"], "limit": -1})), articles(json!({"fields": ["id"], "limit": 50}))),
        (articles(json!({"fields": ["id"], "limit": 3})), articles(json!({"fields": ["id"], "limit": 3}))),
        // A text that Directus would read as JSON is sent as what it was read as.
        (
            json!({"action": "read", "collection": "articles", "query": "{\"fields\":[\"id\"],\"limit\":3}"}),
            articles(json!({"fields": ["id"], "limit": 3})),
        ),
        // Fields that cannot be seen are left out by naming the others.
        (
            json!({"action": "read", "collection": "customers", "keys": [1], "query": {"fields": ["*"]}}),
            json!({"action": "read", "collection": "customers", "keys": [1], "query": {"fields": shown, "limit": 50}}),
        ),
    ];
    for (asked, expected) in &table {
        let before = site.seen().len();
        let came = site.send(site.tool("items", asked)).await;
        let seen = site.seen();
        let sent = seen.get(before).unwrap_or_else(|| panic!("{asked}: {}", came.text));
        let mut arguments = sent.body["params"]["arguments"].clone();
        let mut expected = expected.clone();
        for query in [&mut arguments["query"], &mut expected["query"]] {
            if let Some(fields) = query["fields"].as_array_mut() {
                fields.sort_by_key(Value::to_string);
            }
        }
        // Relations of customers to others are shown or not by their own permissions.
        if let Some(fields) = arguments["query"]["fields"].as_array_mut() {
            fields.retain(|field| field != "orders");
        }
        if asked.get("keys").is_some() && arguments["query"].get("limit").is_none() {
            expected["query"].as_object_mut().unwrap().remove("limit");
        }
        assert_eq!(arguments, expected, "{asked}");
    }
    let named = json!({"action": "read", "collection": "customers", "query": {"fields": ["id", "ssn"]}});
    let error = site.send(site.tool("items", &named)).await.tool_error();
    assert!(error["error"].as_str().unwrap().contains("ssn"), "{error}");
    assert_eq!(site.seen().len(), table.len());
}

#[tokio::test]
async fn the_read_back_of_a_write_shows_no_more_than_a_read() {
    let site = Plan::new().start().await;
    let update = json!({"action": "update", "collection": "articles", "keys": [1], "data": {"title": "New"}});
    assert_eq!(site.send(site.tool("items", &update)).await.status, StatusCode::OK);
    let sent = site.seen()[0].body["params"]["arguments"].clone();
    assert_eq!((&sent["data"], &sent["keys"]), (&update["data"], &update["keys"]));
    let fields = sent["query"]["fields"].to_string();
    assert!(
        fields.contains("\"title\"") && !fields.contains("secret_note") && !fields.contains('*'),
        "{fields}"
    );
}

#[tokio::test]
async fn a_permitted_call_has_an_intent_and_an_outcome_with_everything_in_it() {
    let result = tool_result(&json!([{"id": 1}, {"id": 2}, {"id": 3}]));
    let site = Plan::new().with_result(&result).start().await;
    let request = site.tool("items", &read());
    let sent = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "items", "arguments": read()}}).to_string();
    let came = site.send(request).await;
    let forwarded = site.seen()[0].body.to_string();
    let recorded = site.end().await;
    let [row] = &recorded[..] else { panic!("{recorded:#?}") };
    assert_eq!(row.line(), "intent outcome permit items tester/read - ok");
    assert_eq!(
        (row.principal.as_str(), row.role.as_str(), row.method.as_str()),
        (CLIENT, "tester", "tools/call")
    );
    assert_eq!((row.items, row.http_status, row.enforced, row.count), (Some(3), Some(200), 1, 1));
    assert_eq!((row.request_bytes, row.response_bytes), (sent.len() as u64, Some(came.text.len() as u64)));
    assert_eq!(row.received, hex(sent.as_bytes()));
    assert_eq!(row.forwarded, hex(forwarded.as_bytes()));
    assert_eq!(serde_json::from_str::<Value>(row.arguments.as_deref().unwrap()).unwrap(), read());
    assert_eq!(row.client_address.as_deref(), Some("127.0.0.1"));
    assert_eq!(row.accesses, 1);
}

#[tokio::test]
async fn an_error_of_the_tool_passes_and_its_code_is_recorded() {
    let text = json!([{"error": "You don't have permission", "code": "FORBIDDEN"}]).to_string();
    let result = json!({"content": [{"type": "text", "text": text}], "isError": true});
    let site = Plan::new().with_result(&result).start().await;
    assert_eq!(site.send(site.tool("items", &read())).await.json()["result"], result);
    let row = site.end().await.remove(0);
    assert_eq!((row.outcome.as_deref(), row.error_code.as_deref()), (Some("error"), Some("FORBIDDEN")));
}

#[tokio::test]
async fn a_result_passes_unchanged_to_the_byte() {
    // White space, an escaped letter, order and a number that a parser would change.
    let body = "{\"jsonrpc\":\"2.0\", \"id\":1,\n \"result\":{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"data\\\":[{\\\"id\\\":1.0}]}\"}],\
        \"structuredContent\":{\"data\":[{\"b\":1.0,\"a\":\"\\u0061\"}]}}}";
    let plan = Plan::new().answering(move |_| {
        Box::pin(async move {
            let mut reply = reply(StatusCode::OK, "application/json; charset=utf-8", body);
            for (name, value) in [("set-cookie", "a=b"), ("etag", "W/\"x\""), ("x-powered-by", "Directus")] {
                reply.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            Ok(reply)
        })
    });
    let site = plan.start().await;
    let came = site.send(site.tool("items", &read())).await;
    assert_eq!(came.text, body);
    let names: Vec<&str> = came.headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["content-type"], "no header of Directus comes along");
    assert_eq!(came.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_large_answer_streams_through_unchanged() {
    const PIECE: usize = 64 * 1024;
    const PIECES: usize = 80;
    let piece = |n: usize| Bytes::from(vec![b' ' + u8::try_from(n % 2).unwrap(); PIECE]);
    let plan = Plan::new().answering(move |_| {
        let pieces = std::iter::once(beginning()).chain((0..PIECES).map(piece)).chain([ending()]);
        let pieces = stream::iter(pieces.map(|bytes| Ok(Frame::data(bytes))));
        let body = StreamBody::new(pieces).boxed_unsync();
        let reply = Response::builder().header("content-type", "application/json").body(body).unwrap();
        Box::pin(async move { Ok(reply) })
    });
    let site = plan.start().await;
    let body = site.head(site.tool("items", &read())).await.into_body().collect().await.unwrap().to_bytes();
    let expected: Vec<u8> =
        beginning().into_iter().chain((0..PIECES).flat_map(piece)).chain(ending()).collect();
    assert_eq!((body.len(), hex(&body)), (expected.len(), hex(&expected)));
    let row = site.end().await.remove(0);
    assert_eq!((row.outcome.as_deref(), row.response_bytes), (Some("ok"), Some(expected.len() as u64)));
}

#[tokio::test]
async fn an_opaque_tool_passes_with_its_arguments() {
    let site = Plan::new().start().await;
    assert_eq!(site.send(site.tool("weather", &json!({"town": "Bern"}))).await.status, StatusCode::OK);
    assert_eq!(site.seen()[0].body["params"], json!({"name": "weather", "arguments": {"town": "Bern"}}));
    assert_eq!(site.send(site.tool("news", &json!({}))).await.tool_error()["code"], "POLICY_DENIED");
    assert_eq!(site.seen().len(), 1);
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02X}").unwrap();
    }
    text
}

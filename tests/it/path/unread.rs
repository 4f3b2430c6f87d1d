//! Requests of a client that cannot be read as one message: refused, recorded, and never forwarded.

use super::site::{CLIENT, Plan, read, whole};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use warrener::config::Limits;

#[tokio::test]
async fn a_body_that_could_be_read_in_two_ways_is_not_read() {
    let site = Plan::new().start().await;
    let table: [(&str, &[&str]); 16] = [
        ("content-type", &[]),
        ("content-type", &["text/plain"]),
        ("content-type", &["text/json"]),
        ("content-type", &["application/vnd.api+json"]),
        ("content-type", &["application/x-www-form-urlencoded"]),
        ("content-type", &["application/json, text/plain"]),
        ("content-type", &["application/json", "application/json"]),
        ("content-type", &["application/json; charset=utf-7"]),
        ("content-type", &["application/json; charset=utf-16"]),
        ("content-type", &["application/json; charset=utf-16le"]),
        ("content-type", &["application/json; charset=latin1"]),
        ("content-type", &["application/json; charset=utf-8; charset=utf-7"]),
        ("content-encoding", &["gzip"]),
        ("content-encoding", &["GZIP"]),
        ("content-encoding", &["deflate"]),
        ("content-encoding", &["identity, br"]),
    ];
    for (name, values) in table {
        let mut request = site.tool("items", &read());
        request.headers_mut().remove(name);
        for value in values {
            request.headers_mut().append(name, HeaderValue::from_static(value));
        }
        let came = site.send(request).await;
        assert_eq!(came.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{name}: {values:?}: {}", came.text);
        assert_eq!(came.error_code(), -32600, "{name}: {values:?}");
    }
    assert!(site.seen().is_empty());
    let recorded = site.end().await;
    assert_eq!(recorded.iter().map(|row| row.count).sum::<u64>(), table.len() as u64);
    for row in recorded {
        assert_eq!(row.line(), "refusal deny - protocol not_understood refused");
        assert_eq!((row.principal.as_str(), row.http_status), (CLIENT, Some(415)));
    }
}

#[tokio::test]
async fn what_is_not_one_strict_message_is_an_error_of_the_protocol() {
    let site = Plan::new().start().await;
    let call = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "items", "arguments": read()}})
    .to_string();
    let with = |from: &str, to: &str| {
        assert!(call.contains(from), "{from}");
        call.replacen(from, to, 1)
    };
    let (parse, invalid) = (-32700, -32600);
    let table: Vec<(&str, String, i64, Value)> = vec![
        ("nothing", String::new(), parse, Value::Null),
        ("half of it", call.split_at(call.len() / 2).0.to_owned(), parse, Value::Null),
        ("something behind it", format!("{call} {{}}"), parse, Value::Null),
        ("a byte order mark", format!("\u{feff}{call}"), parse, Value::Null),
        ("NaN", with("\"limit\":5", "\"limit\":NaN"), parse, Value::Null),
        ("two actions", with("\"action\"", "\"action\":\"delete\",\"action\""), parse, Value::Null),
        (
            "two collections, one escaped",
            with("\"collection\"", "\"collect\\u0069on\":\"tags\",\"collection\""),
            parse,
            Value::Null,
        ),
        ("two methods", with("\"method\"", "\"method\":\"ping\",\"method\""), parse, Value::Null),
        ("__proto__ in params", with("\"name\"", "\"__proto__\":{},\"name\""), parse, Value::Null),
        ("__proto__ escaped", with("\"name\"", "\"\\u005f_proto__\":{},\"name\""), parse, Value::Null),
        ("__proto__ at the top", with("\"id\"", "\"__proto__\":{},\"id\""), parse, Value::Null),
        ("an integer beyond 2^53", with("\"limit\":5", "\"limit\":9007199254740993"), parse, Value::Null),
        ("a batch", format!("[{call}]"), invalid, Value::Null),
        ("an empty batch", "[]".to_owned(), invalid, Value::Null),
        ("a text", "\"tools/call\"".to_owned(), invalid, Value::Null),
        ("another version", with("\"2.0\"", "\"1.0\""), invalid, json!(7)),
        ("id null", with("\"id\":7", "\"id\":null"), invalid, Value::Null),
        ("id 1.5", with("\"id\":7", "\"id\":1.5"), invalid, Value::Null),
        ("id true", with("\"id\":7", "\"id\":true"), invalid, Value::Null),
        ("id as an object", with("\"id\":7", "\"id\":{}"), invalid, Value::Null),
        ("a reply", r#"{"jsonrpc":"2.0","id":7,"result":{}}"#.to_owned(), invalid, json!(7)),
        ("an unknown key", with("\"id\":7", "\"id\":7,\"extra\":1"), invalid, json!(7)),
        (
            "params as a list",
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}"#.to_owned(),
            invalid,
            json!(7),
        ),
    ];
    for (what, body, code, id) in &table {
        let came = site.send(site.post(body.clone())).await;
        assert_eq!(came.status, StatusCode::BAD_REQUEST, "{what}: {}", came.text);
        assert_eq!((came.error_code(), &came.json()["id"]), (*code, id), "{what}: {}", came.text);
    }
    assert!(site.seen().is_empty());
    let recorded = site.end().await;
    assert_eq!(recorded.iter().map(|row| row.count).sum::<u64>(), table.len() as u64, "collapsed or not");
    assert!(recorded.iter().all(|row| row.line() == "refusal deny - protocol not_understood refused"));
    assert_eq!(recorded[1].request_bytes, table[1].1.len() as u64);
    assert_eq!(recorded[1].received.len(), 64, "the digest of what came");
}

#[tokio::test]
async fn invalid_utf_8_is_not_replaced() {
    let site = Plan::new().start().await;
    let mut body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"it"#.to_vec();
    body.extend([0xc3, 0x28]);
    body.extend(br#"ems","arguments":{}}}"#);
    let came = site.send(site.post(body)).await;
    assert_eq!((came.status, came.error_code()), (StatusCode::BAD_REQUEST, -32700));
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn a_body_of_exactly_the_longest_length_is_read_and_one_byte_more_is_not() {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "items", "arguments": read()}})
    .to_string();
    let limits = Limits { body_bytes: call.len() as u64, ..Limits::default() };
    let site = Plan { limits, ..Plan::new() }.start().await;
    assert_eq!(site.send(site.post(call.clone())).await.status, StatusCode::OK);
    let came = site.send(site.post(format!("{call} "))).await;
    assert_eq!((came.status, came.error_code()), (StatusCode::PAYLOAD_TOO_LARGE, -32600));
    assert_eq!(site.seen().len(), 1);
    assert_eq!(site.end().await[1].line(), "refusal deny - protocol too_large refused");
}

#[tokio::test]
async fn headers_that_repeat_a_part_of_the_body_agree_with_it() {
    let site = Plan::new().start().await;
    let table = [
        ("mcp-method", "tools/call", StatusCode::OK),
        ("mcp-method", "tools/list", StatusCode::BAD_REQUEST),
        ("mcp-method", "Tools/Call", StatusCode::BAD_REQUEST),
        ("mcp-name", "items", StatusCode::OK),
        ("mcp-name", "files", StatusCode::BAD_REQUEST),
        ("mcp-protocol-version", "2025-06-18", StatusCode::OK),
        ("mcp-protocol-version", "2025-11-25", StatusCode::OK),
        ("mcp-protocol-version", "1999-01-01", StatusCode::BAD_REQUEST),
        ("mcp-protocol-version", "2025-06-18, 2025-03-26", StatusCode::BAD_REQUEST),
    ];
    for (name, value, status) in table {
        let mut request = site.tool("items", &read());
        request.headers_mut().insert(name, HeaderValue::from_static(value));
        let came = site.send(request).await;
        assert_eq!(came.status, status, "{name}: {value}: {}", came.text);
    }
    let mut twice = site.tool("items", &read());
    for _ in 0..2 {
        twice.headers_mut().append("mcp-method", HeaderValue::from_static("tools/call"));
    }
    assert_eq!(site.send(twice).await.status, StatusCode::BAD_REQUEST);
    let permitted = table.iter().filter(|(_, _, status)| *status == StatusCode::OK).count();
    assert_eq!(site.seen().len(), permitted);
}

#[tokio::test]
async fn a_flood_is_refused_unread() {
    let limits = Limits { arrivals: 2, ..Limits::default() };
    let site = Plan { limits, ..Plan::new() }.start().await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let mut request = site.post("");
        *request.body_mut() = whole("not JSON");
        let came = site.send(request).await;
        assert!(came.status != StatusCode::TOO_MANY_REQUESTS || came.headers.contains_key("retry-after"));
        statuses.push(came.status.as_u16());
    }
    assert_eq!(statuses, [400, 400, 429, 429]);
    let recorded = site.end().await;
    let flood: Vec<_> = recorded.iter().filter(|row| row.reason.as_deref() == Some("rate_limited")).collect();
    assert_eq!(flood.iter().map(|row| row.count).sum::<u64>(), 2);
    assert!(flood.iter().all(|row| row.request_bytes == 0));
}

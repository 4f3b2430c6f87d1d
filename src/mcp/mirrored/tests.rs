//! Headers against bodies, of both eras.

use super::*;
use serde_json::{Map, json};

const MODERN: &str = "2026-07-28";

/// A call of `items`, with these members in its `_meta`.
fn call(meta: &[(&str, Value)]) -> Value {
    let meta: Map<String, Value> =
        meta.iter().map(|(key, value)| (format!("io.modelcontextprotocol/{key}"), value.clone())).collect();
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "items", "arguments": {}, "_meta": meta}})
}

fn modern() -> Value {
    call(&[("protocolVersion", json!(MODERN)), ("clientCapabilities", json!({}))])
}

/// What comes of a body with these headers: the code of the error, or the era.
fn read(body: &Value, version: &[&str], method: &[&str], name: &[&str]) -> Result<Era, i64> {
    let mirrored = Mirrored { version: version.to_vec(), method: method.to_vec(), name: name.to_vec() };
    match mirrored.read(body.to_string().as_bytes()) {
        Ok(incoming) => Ok(Body::of(&incoming).era),
        Err(error) => {
            let id = error.id.as_ref().map(Id::to_value);
            assert_eq!(id.as_ref(), body.get("id"), "{error}");
            Err(error.code)
        }
    }
}

const MISMATCH: Result<Era, i64> = Err(-32020);
const UNSUPPORTED: Result<Era, i64> = Err(-32022);
const INVALID_PARAMS: Result<Era, i64> = Err(-32602);
const INVALID_REQUEST: Result<Era, i64> = Err(-32600);

#[test]
fn the_era_is_what_the_body_and_the_header_agree_on() {
    let legacy = call(&[]);
    let mut with_token = call(&[]);
    with_token["params"]["_meta"] = json!({"progressToken": 1, "io.modelcontextprotocol/related-task": {}});
    let whole =
        |version: &str| call(&[("protocolVersion", json!(version)), ("clientCapabilities", json!({}))]);
    for (what, body, version, expected) in [
        ("legacy, no header", &legacy, &[][..], Ok(Era::Legacy)),
        ("legacy", &legacy, &["2025-06-18"], Ok(Era::Legacy)),
        ("legacy, the oldest", &legacy, &["2024-11-05"], Ok(Era::Legacy)),
        ("legacy with a progress token", &with_token, &["2025-11-25"], Ok(Era::Legacy)),
        ("legacy in a new header", &legacy, &[MODERN], INVALID_PARAMS),
        ("legacy of no known revision", &legacy, &["1999-01-01"], UNSUPPORTED),
        ("legacy of a revision to come", &legacy, &["2027-01-01"], UNSUPPORTED),
        ("legacy, two headers", &legacy, &["2025-06-18", "2025-06-18"], INVALID_REQUEST),
        ("legacy, two in one", &legacy, &["2025-06-18, 2025-06-18"], UNSUPPORTED),
        ("legacy, an empty header", &legacy, &[""], UNSUPPORTED),
        ("modern", &modern(), &[MODERN], Ok(Era::Modern)),
        ("modern without header", &modern(), &[], MISMATCH),
        ("modern in an old header", &modern(), &["2025-11-25"], MISMATCH),
        ("modern in an unknown header", &modern(), &["1999-01-01"], MISMATCH),
        ("modern, spaced", &modern(), &[" 2026-07-28"], MISMATCH),
        ("modern, two headers", &modern(), &[MODERN, MODERN], MISMATCH),
        ("modern of a revision to come", &whole("2027-01-01"), &["2027-01-01"], UNSUPPORTED),
        ("an old revision in the new form", &whole("2025-11-25"), &["2025-11-25"], UNSUPPORTED),
        ("no revision", &whole(""), &[""], UNSUPPORTED),
        ("a revision to come in a known header", &whole("2027-01-01"), &[MODERN], MISMATCH),
        ("an old revision in the new header", &whole("2025-11-25"), &[MODERN], MISMATCH),
        ("a revision to come without header", &whole("2027-01-01"), &[], MISMATCH),
        ("half of it", &call(&[("protocolVersion", json!(MODERN))]), &[MODERN], INVALID_PARAMS),
        ("the other half", &call(&[("clientCapabilities", json!({}))]), &[MODERN], INVALID_PARAMS),
        ("half of it, old", &call(&[("clientCapabilities", json!({}))]), &["2025-11-25"], INVALID_PARAMS),
        ("who alone", &call(&[("clientInfo", json!({"name": "x", "version": "1"}))]), &[], INVALID_PARAMS),
        ("a number", &call(&[("protocolVersion", json!(20_260_728))]), &[MODERN], INVALID_PARAMS),
        (
            "capabilities as a list",
            &call(&[("protocolVersion", json!(MODERN)), ("clientCapabilities", json!([]))]),
            &[MODERN],
            INVALID_PARAMS,
        ),
        (
            "a client without a name",
            &call(&[
                ("protocolVersion", json!(MODERN)),
                ("clientCapabilities", json!({})),
                ("clientInfo", json!({"version": "1"})),
            ]),
            &[MODERN],
            INVALID_PARAMS,
        ),
    ] {
        assert_eq!(read(body, version, &["tools/call"], &["items"]), expected, "{what}");
    }
}

#[test]
fn the_headers_say_the_method_and_the_name_of_the_body() {
    for (method, name, legacy, modern_) in [
        (&["tools/call"][..], &["items"][..], Ok(()), Ok(())),
        (&[], &[], Ok(()), Err(())),
        (&[], &["items"], Ok(()), Err(())),
        (&["tools/call"], &[], Ok(()), Err(())),
        (&["tools/list"], &["items"], Err(()), Err(())),
        (&["Tools/Call"], &["items"], Err(()), Err(())),
        (&["tools/call "], &["items"], Err(()), Err(())),
        (&["tools/call", "tools/call"], &["items"], Err(()), Err(())),
        (&["tools/call, tools/call"], &["items"], Err(()), Err(())),
        (&["tools/call"], &["files"], Err(()), Err(())),
        (&["tools/call"], &["Items"], Err(()), Err(())),
        (&["tools/call"], &["items "], Err(()), Err(())),
        (&["tools/call"], &["items", "items"], Err(()), Err(())),
        (&["tools/call"], &["items, files"], Err(()), Err(())),
        (&["tools/call"], &["\"items\""], Err(()), Err(())),
        (&["tools/call"], &[""], Err(()), Err(())),
        // `items` and `files` in base64.
        (&["tools/call"], &["=?base64?aXRlbXM=?="], Ok(()), Ok(())),
        (&["tools/call"], &["=?base64?ZmlsZXM=?="], Err(()), Err(())),
        (&["tools/call"], &["=?BASE64?aXRlbXM=?="], Err(()), Err(())),
        (&["tools/call"], &["=?base64?aXRlbXM?="], Err(()), Err(())),
        (&["tools/call"], &["=?base64?aXRlbXN=?="], Err(()), Err(())),
        (&["tools/call"], &["=?base64? aXRlbXM=?="], Err(()), Err(())),
        (&["tools/call"], &["=?utf-8?B?aXRlbXM=?="], Err(()), Err(())),
        (&["tools/call"], &["=?base64??="], Err(()), Err(())),
    ] {
        let got = read(&call(&[]), &[], method, name);
        assert_eq!(got, legacy.map(|()| Era::Legacy).or(INVALID_REQUEST), "legacy: {method:?} {name:?}");
        let got = read(&modern(), &[MODERN], method, name);
        assert_eq!(got, modern_.map(|()| Era::Modern).or(MISMATCH), "modern: {method:?} {name:?}");
    }
}

#[test]
fn each_method_has_the_name_that_is_repeated() {
    let meta = modern()["params"]["_meta"].clone();
    for (method, params, name, expected) in [
        ("tools/list", json!({}), &[][..], Ok(Era::Modern)),
        ("tools/list", json!({"name": "items"}), &["items"], MISMATCH),
        ("tools/list", json!({}), &["items"], MISMATCH),
        ("prompts/get", json!({"name": "public-x"}), &["public-x"], Ok(Era::Modern)),
        ("prompts/get", json!({"name": "public-x"}), &[], MISMATCH),
        ("prompts/get", json!({"name": "public-x", "uri": "u"}), &["u"], MISMATCH),
        ("resources/read", json!({"uri": "file:///x", "name": "n"}), &["file:///x"], Ok(Era::Modern)),
        ("tasks/get", json!({"taskId": "t"}), &["t"], Ok(Era::Modern)),
        ("tools/call", json!({"name": 1}), &[], Ok(Era::Modern)),
        ("tools/call", json!({"name": 1}), &["1"], MISMATCH),
        ("tools/call", json!({"name": "größe"}), &["=?base64?Z3LDtsOfZQ==?="], Ok(Era::Modern)),
        ("tools/call", json!({"name": "größe"}), &["größe"], MISMATCH),
        ("tools/call", json!({"name": "\u{fffd}"}), &["\u{fffd}"], MISMATCH),
        ("tools/call", json!({"name": " padded "}), &["=?base64?IHBhZGRlZCA=?="], Ok(Era::Modern)),
        ("tools/call", json!({"name": "=?base64?literal?="}), &["=?base64?literal?="], MISMATCH),
        (
            "tools/call",
            json!({"name": "=?base64?literal?="}),
            &["=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="],
            Ok(Era::Modern),
        ),
    ] {
        let mut body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        body["params"]["_meta"] = meta.clone();
        assert_eq!(read(&body, &[MODERN], &[method], name), expected, "{method} {params} {name:?}");
    }
}

#[test]
fn an_initialize_asks_for_what_its_header_names() {
    let initialize =
        |params: Value| json!({"jsonrpc": "2.0", "id": 7, "method": "initialize", "params": params});
    let asks = initialize(json!({"protocolVersion": "2025-06-18"}));
    for (body, version, expected) in [
        (&asks, &[][..], Ok(Era::Legacy)),
        (&asks, &["2025-06-18"], Ok(Era::Legacy)),
        (&asks, &["2025-11-25"], INVALID_REQUEST),
        (&asks, &[MODERN], INVALID_PARAMS),
        // What it asks for is negotiated, by Directus.
        (&initialize(json!({"protocolVersion": MODERN})), &[], Ok(Era::Legacy)),
        (&initialize(json!({"protocolVersion": MODERN})), &["2025-11-25"], INVALID_REQUEST),
        (&initialize(json!({})), &["2025-11-25"], Ok(Era::Legacy)),
    ] {
        assert_eq!(read(body, version, &[], &[]), expected, "{body} {version:?}");
    }
}

#[test]
fn of_a_notification_nothing_is_required_but_nothing_may_disagree() {
    let plain = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}});
    let mut with_meta = plain.clone();
    with_meta["params"]["_meta"] = modern()["params"]["_meta"].clone();
    for (body, version, method, expected) in [
        (&plain, &[][..], &[][..], Ok(Era::Legacy)),
        (&plain, &["2025-11-25"], &["notifications/cancelled"], Ok(Era::Legacy)),
        (&plain, &[MODERN], &["notifications/cancelled"], Ok(Era::Legacy)),
        (&plain, &["1999-01-01"], &[], UNSUPPORTED),
        (&plain, &[MODERN], &["tools/call"], INVALID_REQUEST),
        (&with_meta, &[], &[], Ok(Era::Modern)),
        (&with_meta, &[MODERN], &[], Ok(Era::Modern)),
        (&with_meta, &["2025-11-25"], &[], MISMATCH),
        (&with_meta, &[MODERN], &["tools/call"], MISMATCH),
    ] {
        assert_eq!(read(body, version, method, &[]), expected, "{body} {version:?} {method:?}");
    }
}

#[test]
fn what_is_not_supported_is_answered_with_what_is() {
    let refused = |body: &Value, version: &'static str| {
        let mirrored = Mirrored { version: vec![version], ..Mirrored::default() };
        mirrored.read(body.to_string().as_bytes()).unwrap_err()
    };
    let error = refused(&call(&[]), "2027-01-01");
    assert_eq!(error.requested.as_deref(), Some("2027-01-01"));
    assert_eq!(error.supported().collect::<Vec<_>>(), revision::KNOWN);
    assert_eq!(error.method.as_deref(), Some("tools/call"));
    let old = call(&[("protocolVersion", json!("2025-06-18")), ("clientCapabilities", json!({}))]);
    let supported: Vec<_> = refused(&old, "2025-06-18").supported().collect();
    assert!(supported.contains(&MODERN) && !supported.contains(&"2025-06-18"), "{supported:?}");
}

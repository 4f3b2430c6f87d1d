//! Requests without a valid credential.

use super::site::{ADDRESS, CLIENT, Plan, Site, from, read, whole};
use http::{Request, StatusCode};
use warrener::accept::Body;
use warrener::config::Limits;

/// What it is, the address, the headers, and the word for it in the trail.
type Case<'a> = (&'a str, &'a str, Vec<(&'a str, String)>, &'a str);

/// A read whose credential is what the headers say.
fn request(uri: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "items", "arguments": read()}});
    let builder = Request::post(uri).header("content-type", "application/json");
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    from(builder.body(whole(body.to_string())).unwrap(), ADDRESS)
}

#[tokio::test]
async fn whoever_has_not_exactly_one_credential_in_its_place_is_refused() {
    let site = Plan::new().start().await;
    let key = site.key.clone();
    let bearer = format!("Bearer {key}");
    let other = format!("Bearer {}", key.chars().rev().collect::<String>());
    let by_query = format!("/mcp?access_token={key}");
    let by_escaped_query = format!("/mcp?access%5Ftoken={key}");
    let table: [Case<'_>; 15] = [
        ("nothing", "/mcp", vec![], "missing"),
        ("empty", "/mcp", vec![("authorization", String::new())], "malformed"),
        ("the key alone", "/mcp", vec![("authorization", key.clone())], "malformed"),
        ("two spaces", "/mcp", vec![("authorization", format!("Bearer  {key}"))], "malformed"),
        ("a tab", "/mcp", vec![("authorization", format!("Bearer\t{key}"))], "malformed"),
        ("a third part", "/mcp", vec![("authorization", format!("{bearer} x"))], "malformed"),
        ("another scheme", "/mcp", vec![("authorization", format!("Basic {key}"))], "malformed"),
        (
            "no key of ours",
            "/mcp",
            vec![("authorization", "Bearer admin-static-token".to_owned())],
            "malformed",
        ),
        ("another key", "/mcp", vec![("authorization", other)], "malformed"),
        (
            "twice",
            "/mcp",
            vec![("authorization", bearer.clone()), ("authorization", bearer.clone())],
            "repeated",
        ),
        (
            "a cookie beside it",
            "/mcp",
            vec![("authorization", bearer.clone()), ("cookie", "directus_session_token=x".to_owned())],
            "cookie",
        ),
        ("a cookie instead", "/mcp", vec![("cookie", format!("directus_session_token={key}"))], "cookie"),
        ("in the address", &by_query, vec![], "misplaced"),
        ("in the address beside it", &by_query, vec![("authorization", bearer.clone())], "query"),
        (
            "in the address, escaped, beside it",
            &by_escaped_query,
            vec![("authorization", bearer.clone())],
            "query",
        ),
    ];
    for (what, uri, headers, _) in &table {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let came = site.send(request(uri, &headers)).await;
        assert_eq!(came.status, StatusCode::UNAUTHORIZED, "{what}: {}", came.text);
        assert_eq!(came.headers["www-authenticate"], "Bearer", "{what}");
        assert_eq!(came.json()["id"], serde_json::Value::Null, "{what}");
        assert!(!came.text.contains(&key), "{what}: {}", came.text);
    }
    assert!(site.seen().is_empty());

    let recorded = site.end().await;
    let count = |word: &str| -> u64 {
        let same = recorded.iter().filter(|row| row.error_code.as_deref() == Some(word));
        same.map(|row| row.count).sum()
    };
    for word in ["missing", "malformed", "repeated", "cookie", "query", "misplaced"] {
        let expected = table.iter().filter(|(_, _, _, reason)| *reason == word).count();
        assert_eq!(count(word), expected as u64, "{word}: {recorded:#?}");
    }
    for row in &recorded {
        // Whose key it is was proved, and its owner must hear that it stood in an address.
        let whose = if row.error_code.as_deref() == Some("misplaced") { CLIENT } else { "" };
        assert_eq!(
            (row.kinds.as_str(), row.principal.as_str(), row.role.as_str()),
            ("refusal", whose, ""),
            "{row:?}"
        );
        assert_eq!(row.client_address.as_deref(), Some("127.0.0.1"));
    }
}

#[tokio::test]
async fn the_key_of_another_gateway_is_unknown() {
    let site = Plan::new().start().await;
    let other = Plan::new().start().await;
    let came = site.send(request("/mcp", &[("authorization", &format!("Bearer {}", other.key))])).await;
    assert_eq!(came.status, StatusCode::UNAUTHORIZED);
    assert_eq!(site.end().await[0].error_code.as_deref(), Some("unknown"));
}

#[tokio::test]
async fn strangers_leave_one_entry_per_address_and_minute_and_are_told_to_wait() {
    let limits = Limits { strangers: 3, ..Limits::default() };
    let site = Plan { limits, ..Plan::new() }.start().await;
    let mut statuses = Vec::new();
    for _ in 0..50 {
        let came = site.send(request("/mcp", &[])).await;
        statuses.push(came.status.as_u16());
        if came.status == StatusCode::TOO_MANY_REQUESTS {
            let wait: u64 = came.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
    }
    assert_eq!(statuses[..4], [401, 401, 401, 429], "{statuses:?}");
    let elsewhere = from(request("/mcp", &[]), "192.0.2.7:1".parse().unwrap());
    assert_eq!(site.send(elsewhere).await.status, StatusCode::UNAUTHORIZED, "each address for itself");
    assert_eq!(of_client(&site).await, StatusCode::OK, "clients are not strangers");

    let recorded = site.end().await;
    let counts: Vec<_> = recorded
        .iter()
        .filter(|row| row.principal.is_empty())
        .map(|row| (row.client_address.clone().unwrap_or_default(), row.count))
        .collect();
    assert_eq!(counts.len(), 3, "the first, the others with a count, and the other address: {counts:?}");
    assert_eq!(counts.iter().filter(|row| row.0 == "127.0.0.1").map(|row| row.1).sum::<u64>(), 50);
    assert!(counts.contains(&("192.0.2.7".to_owned(), 1)));
}

async fn of_client(site: &Site) -> StatusCode {
    site.send(site.tool("items", &read())).await.status
}

/// A hundred thousand, and a million in the long form, from many addresses, with every kind of wrong credential.
#[tokio::test]
async fn a_flood_grows_the_trail_by_some_thousand_rows_and_every_request_is_counted() {
    let requests: u32 = if std::env::var_os("WARRENER_FULL").is_some() { 1_000_000 } else { 20_000 };
    let site = Plan::new().start().await;
    for number in 0..requests {
        let header = [[("authorization", "Bearer x")], [("cookie", "a=b")]][number as usize % 2];
        let address = std::net::Ipv4Addr::from_bits(number.wrapping_mul(2_654_435_761));
        site.send(from(request("/mcp", &header), (address, 1).into())).await;
    }
    let recorded = site.end().await;
    assert!(recorded.len() < 5_000, "{} rows", recorded.len());
    assert_eq!(recorded.iter().map(|row| row.count).sum::<u64>(), u64::from(requests));
}

//! Keys in the address, for clients that cannot send a header.

use super::site::{ADDRESS, Came, Plan, Site, TOKEN, from, read, whole};
use futures_util::future::join_all;
use http::Request;
use serde_json::json;
use warrener::config::Limits;
use warrener::identity::{ClientKey, KeyFile, KeyRing, NewKey, Ways};

/// A site that knows one key for the address.
async fn site(plan: Plan, refuse: &[String]) -> (Site, ClientKey) {
    let mut file = KeyFile::default();
    let new = NewKey {
        name: "chatgpt".to_owned(),
        role: "tester".to_owned(),
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        expires: Some("2999-01-01T00:00:00Z".parse().unwrap()),
        in_url: true,
        token: None,
    };
    let key = file.issue(new).unwrap();
    let keys = KeyRing::in_memory(&file, Some(TOKEN.to_owned().into())).unwrap();
    let ways = Some(Ways::by_key(keys).refusing(refuse));
    (Plan { ways, ..plan }.start().await, key)
}

async fn send(site: &Site, uri: &str, headers: &[(&str, &str)]) -> Came {
    let call = json!({"name": "execute", "arguments": {"name": "items", "input": read()}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call});
    let builder = Request::post(uri).header("content-type", "application/json");
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    site.send(from(builder.body(whole(body.to_string())).unwrap(), ADDRESS)).await
}

#[tokio::test]
async fn it_works_in_the_address_and_nothing_behind_sees_it() {
    let (site, key) = site(Plan::new(), &[]).await;
    let key = key.expose().to_owned();
    for uri in [
        format!("/mcp?access_token={key}&tool_mode=registry"),
        format!("/mcp?tool_mode=registry&access_token={key}"),
    ] {
        let came = send(&site, &uri, &[]).await;
        assert_eq!(came.status, 200, "{}", came.text);
        assert!(!came.text.contains("isError"), "the mode is read as ever: {}", came.text);
    }
    // Without the mode, `execute` is no tool.
    let came = send(&site, &format!("/mcp?access_token={key}"), &[]).await;
    assert!(came.text.contains("isError"), "{}", came.text);

    let seen = site.seen();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        assert!(!format!("{seen:?}").contains("wr_"), "{seen:?}");
        assert!(seen.headers.contains(&("authorization".to_owned(), format!("Bearer {TOKEN}"))), "{seen:?}");
    }
    let recorded = site.end_without(&key).await;
    assert_eq!(recorded.len(), 3);
    assert!(recorded.iter().all(|row| row.principal == "chatgpt"), "{recorded:#?}");
}

#[tokio::test]
async fn it_works_nowhere_else_and_beside_nothing() {
    let (site, key) = site(Plan::new(), &[]).await;
    let key = key.expose().to_owned();
    let bearer = format!("Bearer {key}");
    let (plain, escaped) = (format!("/mcp?access_token={key}"), format!("/mcp?access%5Ftoken={key}"));
    for (uri, headers, _) in [
        ("/mcp", vec![("authorization", bearer.as_str())], "misplaced"),
        (&plain, vec![("authorization", &bearer)], "query"),
        (&plain, vec![("authorization", "Bearer x")], "query"),
        (&plain, vec![("authorization", "")], "query"),
        (&plain, vec![("cookie", "a=b")], "cookie"),
        (&format!("{plain}&access_token={key}"), vec![], "query"),
        (&format!("{plain}&Access_Token=x"), vec![], "query"),
        (&escaped, vec![], "query"),
        (&format!("/mcp?ACCESS_TOKEN={key}"), vec![], "query"),
        (&format!("/mcp?[access_token]={key}"), vec![], "query"),
        (&format!("{plain}%20"), vec![], "query"),
        (&format!("/mcp?token={key}"), vec![], "missing"),
    ] {
        let came = send(&site, uri, &headers).await;
        assert_eq!(came.status, 401, "{uri} {headers:?}");
        assert!(!came.text.contains("wr_") && !came.text.contains("chatgpt"), "{}", came.text);
    }
    assert!(site.seen().is_empty());
    let recorded = site.end().await;
    let counts = |word: &str| {
        let same = recorded.iter().filter(|row| row.error_code.as_deref() == Some(word));
        same.map(|row| row.count).sum::<u64>()
    };
    assert_eq!(["misplaced", "query", "cookie", "missing"].map(counts), [1, 9, 1, 1], "{recorded:#?}");
}

#[tokio::test]
async fn it_has_an_arrival_limit_of_its_own_and_can_be_refused_by_name() {
    let limits = Limits { arrivals_in_url: 1, ..Limits::default() };
    let (flooded, key) = site(Plan { limits, ..Plan::new() }, &[]).await;
    let uri = format!("/mcp?tool_mode=registry&access_token={}", key.expose());
    let all = join_all((0..40).map(|_| send(&flooded, &uri, &[]))).await;
    let statuses: Vec<_> = all.iter().map(|came| came.status.as_u16()).collect();
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");

    let (refusing, key) = site(Plan::new(), &["chatgpt".to_owned()]).await;
    let uri = format!("/mcp?tool_mode=registry&access_token={}", key.expose());
    assert_eq!(send(&refusing, &uri, &[]).await.status, 401);
    assert_eq!(refusing.end().await[0].error_code.as_deref(), Some("refused"));
}

//! How calls end that do not end well: no trail, no Directus, no client, no time.

use super::limited::reached;
use super::site::{Plan, Site, beginning, ending, read, recorded, reply, tool_result};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use warrener::upstream::{Reply, UpstreamError};

#[tokio::test]
async fn without_a_trail_nothing_is_forwarded() {
    let site = Plan::new().start().await;
    site.trail.clone().close().await.unwrap();
    let came = site.send(site.tool("items", &read())).await;
    assert_eq!((came.status, came.error_code()), (StatusCode::SERVICE_UNAVAILABLE, -32603), "{}", came.text);
    let denied = json!({"action": "read", "collection": "orders"});
    assert_eq!(site.send(site.tool("items", &denied)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn a_trail_whose_file_is_locked_by_another_program_refuses_in_the_end() {
    use sqlx::Connection as _;
    let site = Plan::new().start().await;
    assert_eq!(site.send(site.tool("items", &read())).await.status, StatusCode::OK);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(site.file());
    let mut other = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let came = site.send(site.tool("items", &read())).await;
    assert_eq!(came.status, StatusCode::SERVICE_UNAVAILABLE, "{}", came.text);
    assert_eq!(site.seen().len(), 1);
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    assert_eq!(
        site.send(site.tool("items", &read())).await.status,
        StatusCode::OK,
        "it comes back by itself"
    );
}

type Fault = fn() -> Result<Reply, UpstreamError>;

/// Directus says no, with more than the client should know.
fn refused(status: StatusCode) -> Reply {
    let text = r#"{"errors":[{"message":"SELECT ssn FROM customers"}]}"#;
    let mut reply = reply(status, "application/json", text);
    let hint = HeaderValue::from_static("Bearer resource_metadata=\"http://cms\"");
    reply.headers_mut().insert("www-authenticate", hint);
    reply
}

/// It was not asked for.
fn compressed() -> Reply {
    let mut reply = reply(StatusCode::OK, "application/json", &b"\x1f\x8b\x08\x00"[..]);
    reply.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
    reply
}

#[tokio::test]
async fn what_goes_wrong_upstream_is_said_without_what_directus_said() {
    let table: [(&str, Fault, u16); 12] = [
        (
            "no connection",
            || Err(UpstreamError::Connect { authority: "cms:80".to_owned(), cause: "refused".into() }),
            502,
        ),
        ("too late", || Err(UpstreamError::Timeout { after: Duration::from_secs(1) }), 504),
        ("broken", || Err(UpstreamError::Protocol("reset".into())), 502),
        ("401", || Ok(refused(StatusCode::UNAUTHORIZED)), 502),
        ("403", || Ok(refused(StatusCode::FORBIDDEN)), 502),
        ("500", || Ok(refused(StatusCode::INTERNAL_SERVER_ERROR)), 502),
        ("a redirect", || Ok(refused(StatusCode::FOUND)), 502),
        ("a page", || Ok(reply(StatusCode::OK, "text/html", "<html>SELECT</html>")), 502),
        ("events", || Ok(reply(StatusCode::OK, "text/event-stream", "data: {\"x\":\"SELECT\"}\n\n")), 502),
        ("almost JSON", || Ok(reply(StatusCode::OK, "application/json-seq", "\u{1e}{}")), 502),
        ("another alphabet", || Ok(reply(StatusCode::OK, "application/json; charset=utf-16", "{}")), 502),
        ("compressed", || Ok(compressed()), 502),
    ];
    for (what, fault, status) in table {
        let site = Plan::new().answering(move |_| Box::pin(async move { fault() })).start().await;
        let came = site.send(site.tool("items", &read())).await;
        assert_eq!(came.status.as_u16(), status, "{what}: {}", came.text);
        assert_eq!((came.error_code(), &came.json()["id"]), (-32603, &json!(1)), "{what}");
        assert!(
            !came.headers.contains_key("www-authenticate") && !came.text.contains("SELECT"),
            "{what}: {}",
            came.text
        );
        let row = site.end().await.remove(0);
        assert_eq!(
            (row.kinds.as_str(), row.outcome.as_deref()),
            ("intent outcome", Some("failed")),
            "{what}"
        );
        assert_eq!(row.http_status, Some(status), "{what}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_the_client_too() {
    for length in [None, Some("10000")] {
        let plan = Plan::new().answering(move |_| {
            let pieces: Vec<Result<Frame<Bytes>, warrener::accept::BoxError>> =
                vec![Ok(Frame::data(beginning())), Err(io::Error::other("reset").into())];
            let body = StreamBody::new(stream::iter(pieces)).boxed_unsync();
            let mut reply =
                Response::builder().header("content-type", "application/json").body(body).unwrap();
            if let Some(length) = length {
                reply.headers_mut().insert("content-length", HeaderValue::from_static(length));
            }
            Box::pin(async move { Ok(reply) })
        });
        let site = plan.start().await;
        let answer = site.head(site.tool("items", &read())).await;
        assert!(answer.into_body().collect().await.is_err(), "{length:?}");
        let row = site.end().await.remove(0);
        assert_eq!(row.line(), "intent outcome permit items tester/read - failed");
    }
}

/// An upstream that answers only when it is let.
fn held(gate: &Arc<Semaphore>) -> Plan {
    let gate = Arc::clone(gate);
    Plan::new().with_role("limits:\n  - {id: parallel, concurrency: 1}\n").answering(move |seen| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            let result = tool_result(&json!([{"id": 1}]));
            let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
            Ok(reply(StatusCode::OK, "application/json", message.to_string()))
        })
    })
}

/// A client that calls, and is gone when its call has reached Directus.
async fn leave_in_the_middle(site: &Site) {
    let leaving = site.head(site.tool("items", &read()));
    tokio::select! {
        _ = leaving => panic!("there is no answer yet"),
        () = reached(site, 1) => {}
    }
}

#[tokio::test]
async fn a_call_goes_on_without_its_client_and_gives_its_place_back() {
    let gate = Arc::new(Semaphore::new(0));
    let site = held(&gate).start().await;
    leave_in_the_middle(&site).await;
    assert_eq!(
        site.send(site.tool("items", &read())).await.tool_error()["code"],
        "RATE_LIMITED",
        "it holds its place"
    );
    gate.add_permits(2);
    while site.send(site.tool("items", &read())).await.json()["result"]["isError"] == true {
        tokio::task::yield_now().await;
    }
    let recorded = site.end().await;
    let permitted: Vec<_> = recorded.iter().filter(|row| row.decision == "permit").collect();
    assert_eq!(permitted.len(), 2);
    for row in permitted {
        assert_eq!(
            (row.line().as_str(), row.items),
            ("intent outcome permit items tester/read - ok", Some(1))
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_the_answer_streams_is_recorded_to_the_end() {
    let plan = Plan::new().answering(|_| {
        let rest = (0..100).map(|_| Ok(Frame::data(Bytes::from(vec![b' '; 1000]))));
        let pieces = stream::iter(
            std::iter::once(Ok(Frame::data(beginning()))).chain(rest).chain([Ok(Frame::data(ending()))]),
        );
        let reply = Response::builder().header("content-type", "application/json");
        let reply = reply.body(StreamBody::new(pieces).boxed_unsync()).unwrap();
        Box::pin(async move { Ok(reply) })
    });
    let site = plan.start().await;
    let mut answer = site.head(site.tool("items", &read())).await.into_body();
    answer.frame().await.unwrap().unwrap();
    drop(answer);
    let all = 100_000 + u64::try_from(beginning().len() + ending().len()).unwrap();
    assert_eq!(site.end().await[0].response_bytes, Some(all));
}

#[tokio::test]
async fn the_end_waits_for_calls_under_way() {
    let gate = Arc::new(Semaphore::new(0));
    let site = held(&gate).start().await;
    leave_in_the_middle(&site).await;
    site.drain.begin();
    let ended = tokio::time::timeout(Duration::from_millis(50), site.drain.tasks().wait()).await;
    site.drain.tasks().close();
    assert!(ended.is_err(), "a call is under way");
    gate.add_permits(1);
    assert_eq!(site.drain.finish_tasks(Duration::from_secs(10)).await, 0);
    site.trail.clone().close().await.unwrap();
    let rows = recorded(&site.file()).await;
    assert_eq!(rows.iter().map(|row| row.outcome.as_deref()).collect::<Vec<_>>(), [Some("ok")]);
}

#[tokio::test]
async fn the_intent_is_on_the_disk_when_directus_sees_the_call() {
    let gate = Arc::new(Semaphore::new(0));
    let site = held(&gate).start().await;
    leave_in_the_middle(&site).await;
    let rows = recorded(&site.file()).await;
    let [row] = &rows[..] else { panic!("{rows:#?}") };
    assert_eq!((row.kinds.as_str(), row.outcome.as_deref()), ("intent", None));
    let arguments: Value = serde_json::from_str(row.arguments.as_deref().unwrap()).unwrap();
    assert_eq!(arguments, read());
    gate.add_permits(1);
    site.end().await;
}

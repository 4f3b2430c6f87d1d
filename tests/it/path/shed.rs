//! What is refused at once: calls beyond what the gateway bears, and calls to a Directus that is down.

use super::limited::reached;
use super::site::{Came, Plan, Seen, Site, read, reply, tool_result};
use futures_util::future::{BoxFuture, join_all};
use http::{HeaderValue, Request, StatusCode};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use warrener::accept::Body;
use warrener::config::Limits;
use warrener::identity::{KeyFile, KeyRing, NewKey, Ways};
use warrener::upstream::{Reply, UpstreamError};

/// Longer than any test runs.
const LONG: Duration = Duration::from_hours(1);

/// Clients with a key each, beside the one that every site has.
struct Clients(Vec<String>);

impl Clients {
    fn new(plan: &mut Plan, names: &[&str]) -> Self {
        let mut file = KeyFile::default();
        let issue = |name: &&str| {
            let new = NewKey {
                name: (*name).to_owned(),
                role: "tester".to_owned(),
                created: "2026-01-01T00:00:00Z".parse().unwrap(),
                expires: None,
                in_url: false,
                token: None,
            };
            file.issue(new).unwrap().expose().to_owned()
        };
        let keys = names.iter().map(issue).collect();
        let ring = KeyRing::in_memory(&file, Some("token".to_owned().into())).unwrap();
        plan.ways = Some(Ways::by_key(ring));
        Self(keys)
    }

    /// The request as that client's.
    fn send(&self, client: usize, mut request: Request<Body>) -> Request<Body> {
        let value = format!("Bearer {}", self.0[client]).parse().unwrap();
        request.headers_mut().insert("authorization", value);
        request
    }

    async fn read(&self, site: &Site, client: usize) -> Came {
        site.send(self.send(client, site.tool("items", &read()))).await
    }
}

fn answer(seen: &Seen) -> Reply {
    let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": tool_result(&json!([]))});
    reply(StatusCode::OK, "application/json", message.to_string())
}

fn who(seen: &Seen) -> &str {
    let header = seen.headers.iter().find(|(name, _)| name == "x-warrener-principal");
    &header.unwrap().1
}

type Answered = BoxFuture<'static, Result<Reply, UpstreamError>>;

/// An upstream that answers when it is let.
fn held(limits: Limits) -> (Plan, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let plan = Plan::new().answering(move |seen| {
        let gate = Arc::clone(&waits);
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            Ok(answer(&seen))
        }) as Answered
    });
    (Plan { limits, ..plan }, gate)
}

/// Asserts that a call was shed, and returns what the client is told.
fn shed(came: &Came) -> String {
    assert_eq!((came.status, came.error_code()), (StatusCode::SERVICE_UNAVAILABLE, -32603), "{}", came.text);
    let json = came.json();
    assert_eq!((&json["id"], &json["error"]["data"]["code"]), (&json!(1), &json!("UNAVAILABLE")), "{json}");
    let seconds: u64 = came.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(json["error"]["data"]["retry_after_ms"], json!(seconds * 1000));
    assert!(seconds > 0);
    json["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn beyond_max_in_flight_a_call_is_refused_at_once_and_recorded_within_a_bound() {
    let (mut plan, gate) = held(Limits { max_in_flight: 4, arrivals: 10_000, ..Limits::default() });
    let clients = Clients::new(&mut plan, &["flood", "second", "third", "fourth", "late"]);
    let site = plan.start().await;
    let denied = json!({"action": "read", "collection": "orders"});
    let denied = async || site.send(clients.send(0, site.tool("items", &denied))).await.text;
    let before = denied().await;
    let load = async {
        reached(&site, 2).await;
        // A client may have as many under way as places are left free.
        for _ in 0..100 {
            assert_eq!(
                shed(&clients.read(&site, 0).await),
                "too many calls of this client are under way: try again in 1 s"
            );
        }
        assert_eq!(denied().await, before, "what is denied is answered as ever");
        let ping = site.send(clients.send(0, site.message("ping", &json!({})))).await;
        assert_eq!(ping.status, StatusCode::OK, "what needs no Directus goes on");
        gate.add_permits(2);
    };
    let ((), first, second) = tokio::join!(load, clients.read(&site, 0), clients.read(&site, 0));
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::OK));

    // One each of four, and no place for the last. Places are given back just after the answers.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let last = async {
        reached(&site, 6).await;
        let told = shed(&clients.read(&site, 4).await);
        gate.add_permits(4);
        told
    };
    let (told, all) = tokio::join!(last, join_all([0, 1, 2, 3].map(|client| clients.read(&site, client))));
    assert_eq!(told, "too many calls are under way: try again in 1 s");
    assert!(all.iter().all(|came| came.status == StatusCode::OK));

    let rows = site.end().await;
    let busy: Vec<_> =
        rows.iter().filter(|row| row.rule.as_deref() == Some("limits.max_in_flight")).collect();
    assert!(
        busy.iter().all(|row| row.line() == "refusal deny items limits.max_in_flight unavailable refused")
    );
    assert_eq!(busy.iter().map(|row| row.count).sum::<u64>(), 101, "all are counted");
    assert!(busy.len() < 30, "{} entries", busy.len());
    assert_eq!(rows.iter().filter(|row| row.kinds == "intent outcome").count(), 6);
}

#[tokio::test]
async fn a_flood_of_one_client_leaves_places_for_the_others() {
    let (mut plan, gate) = held(Limits { max_in_flight: 8, arrivals: 10_000, ..Limits::default() });
    let clients = Clients::new(&mut plan, &["flood", "desk"]);
    let site = plan.start().await;
    let flood = join_all((0..50).map(|_| clients.read(&site, 0)));
    let desk = async {
        reached(&site, 4).await;
        let call = clients.read(&site, 1);
        let (came, ()) = tokio::join!(call, async {
            while !site.seen().iter().any(|seen| who(seen) == "desk") {
                tokio::task::yield_now().await;
            }
            gate.add_permits(1000);
        });
        came
    };
    let (flood, came) = tokio::join!(flood, desk);
    assert_eq!(came.status, StatusCode::OK);
    let served = flood.iter().filter(|came| came.status == StatusCode::OK).count();
    assert!((4..50).contains(&served), "{served}");
    site.end().await;
}

#[tokio::test]
async fn a_call_that_goes_nowhere_gives_its_place_back() {
    let limits = Limits { max_in_flight: 1, ..Limits::default() };
    let plan = Plan { limits, ..Plan::new().with_role("limits:\n  - {id: calls, rate: 1/h}\n") };
    let site = plan.start().await;
    assert_eq!(site.send(site.tool("items", &read())).await.status, StatusCode::OK);
    // The place is given back just after the answer.
    tokio::time::sleep(Duration::from_millis(100)).await;
    for _ in 0..5 {
        let came = site.send(site.tool("items", &read())).await;
        assert_eq!(came.tool_error()["code"], "RATE_LIMITED", "over the role's limit");
    }
    let site = Plan { limits: Limits { max_in_flight: 1, ..Limits::default() }, ..Plan::new() }.start().await;
    site.trail.clone().close().await.unwrap();
    for _ in 0..5 {
        let came = site.send(site.tool("items", &read())).await;
        assert!(came.text.contains("the audit trail cannot be written"), "{}", came.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// An upstream that is down until it is up.
fn down(up: &Arc<AtomicBool>) -> Plan {
    let up = Arc::clone(up);
    Plan::new().answering(move |seen| {
        let up = up.load(Ordering::SeqCst);
        let down = || UpstreamError::Connect { authority: "cms:80".to_owned(), cause: "refused".into() };
        Box::pin(async move { if up { Ok(answer(&seen)) } else { Err(down()) } }) as Answered
    })
}

#[tokio::test]
async fn a_directus_that_is_down_is_not_called_on_and_what_is_denied_is_denied_as_ever() {
    let up = Arc::new(AtomicBool::new(false));
    let limits = Limits { breaker_failures: 3, breaker_pause: LONG, ..Limits::default() };
    let mut plan = Plan { limits, ..down(&up) };
    let clients = Clients::new(&mut plan, &["desk", "other"]);
    let site = plan.start().await;
    let denied = json!({"action": "delete", "collection": "articles", "keys": [1]});
    let denied = async || site.send(clients.send(1, site.tool("items", &denied))).await.text;
    let before = denied().await;
    for _ in 0..3 {
        assert_eq!(clients.read(&site, 0).await.status, StatusCode::BAD_GATEWAY);
    }
    up.store(true, Ordering::SeqCst);
    for client in [0, 1, 0, 1] {
        assert!(
            shed(&clients.read(&site, client).await).starts_with("Directus cannot be reached: try again in ")
        );
    }
    assert_eq!(denied().await, before);
    let list = site.send(clients.send(1, site.message("tools/list", &json!({})))).await;
    shed(&list);
    assert_eq!(site.seen().len(), 3, "nothing is forwarded");
    let rows = site.end().await;
    assert_eq!(rows.iter().filter(|row| row.kinds == "intent outcome").count(), 3);
    let refused: Vec<_> =
        rows.iter().filter(|row| row.rule.as_deref() == Some("limits.breaker_failures")).collect();
    assert_eq!(refused.len(), 5);
    assert!(refused.iter().all(|row| row.kinds == "refusal" && row.outcome.as_deref() == Some("refused")));
}

#[tokio::test]
async fn it_recovers_by_itself() {
    let up = Arc::new(AtomicBool::new(false));
    let limits =
        Limits { breaker_failures: 2, breaker_pause: Duration::from_millis(50), ..Limits::default() };
    let site = Plan { limits, ..down(&up) }.start().await;
    for _ in 0..2 {
        assert_eq!(site.send(site.tool("items", &read())).await.status, StatusCode::BAD_GATEWAY);
    }
    // Probes that fail keep it open.
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(site.send(site.tool("items", &read())).await.status, StatusCode::BAD_GATEWAY);
    up.store(true, Ordering::SeqCst);
    while site.send(site.tool("items", &read())).await.status != StatusCode::OK {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let calls = join_all((0..20).map(|_| site.send(site.tool("items", &read())))).await;
    assert!(calls.iter().all(|came| came.status == StatusCode::OK), "all go through again");
    site.end().await;
}

#[tokio::test]
async fn whoever_makes_directus_time_out_shuts_out_itself_only() {
    let plan = Plan::new().answering(|seen| {
        Box::pin(async move {
            match who(&seen) {
                "attacker" => Err(UpstreamError::Timeout { after: LONG }),
                _ => Ok(answer(&seen)),
            }
        }) as Answered
    });
    let limits = Limits { breaker_failures: 3, breaker_pause: LONG, ..Limits::default() };
    let mut plan = Plan { limits, ..plan };
    let clients = Clients::new(&mut plan, &["attacker", "desk"]);
    let site = plan.start().await;
    for round in 0..20 {
        let came = clients.read(&site, 0).await;
        if round < 3 {
            assert_eq!(came.status, StatusCode::GATEWAY_TIMEOUT);
        } else {
            assert!(shed(&came).starts_with("Directus has not answered the last calls of this client"));
        }
    }
    // Nobody has had an answer since, and still the other one is served.
    assert_eq!(clients.read(&site, 1).await.status, StatusCode::OK);
    shed(&clients.read(&site, 0).await);
    assert_eq!(site.seen().iter().filter(|seen| who(seen) == "attacker").count(), 3);
    site.end().await;
}

#[tokio::test]
async fn a_client_of_the_modern_era_is_told_in_its_own_form() {
    let (plan, _gate) = held(Limits { max_in_flight: 2, ..Limits::default() });
    let site = plan.start().await;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let call = || {
        let params = json!({"name": "items", "arguments": read(), "_meta": meta});
        let mut request = site.message("tools/call", &params);
        let headers =
            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "items")];
        for (name, value) in headers {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        request
    };
    let waits = site.send(call());
    let second = async {
        reached(&site, 1).await;
        site.send(call()).await
    };
    tokio::select! {
        _ = waits => panic!("there is no answer yet"),
        came = second => drop(shed(&came)),
    }
}

#[tokio::test]
async fn a_call_that_is_drawn_out_for_ever_ends() {
    // Each piece comes in time; the answer would never end.
    let plan = Plan::new().answering(|_| {
        let pieces = futures_util::stream::unfold(true, |first| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let piece = if first { super::site::beginning() } else { bytes::Bytes::from_static(b"x") };
            Some((Ok(http_body::Frame::data(piece)), false))
        });
        let body = http_body_util::BodyExt::boxed_unsync(http_body_util::StreamBody::new(pieces));
        let reply = http::Response::builder().header("content-type", "application/json").body(body).unwrap();
        Box::pin(async move { Ok(reply) }) as Answered
    });
    let limits = Limits { call_timeout: Duration::from_millis(300), ..Limits::default() };
    let site = Plan { limits, ..plan }.start().await;
    let answer = site.head(site.tool("items", &read())).await;
    assert!(
        http_body_util::BodyExt::collect(answer.into_body()).await.is_err(),
        "the client sees it break off"
    );
    // A client that does not take the answer either, but stays.
    let answer = site.head(site.tool("items", &read())).await;
    let rows = site.end().await;
    assert_eq!(rows.iter().map(|row| row.outcome.as_deref()).collect::<Vec<_>>(), [Some("failed"); 2]);
    assert!(
        http_body_util::BodyExt::collect(answer.into_body()).await.is_err(),
        "nor is it whole for this one"
    );
}

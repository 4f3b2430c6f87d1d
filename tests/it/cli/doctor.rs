//! `warrener doctor`: a golden with the demo's stand-in, and each finding made to appear.

use super::Desk;
use crate::support::process::checkout;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use warrener::accept::Drain;
use warrener::administer::doctor::Finding;
use warrener::audit::trail::{Trail, TrailOptions};
use warrener::demo::{StandIn, StandInOptions};

const TOKEN: &str = "the-secret-token";

/// What a Directus answers by path, without the query.
type Answers = BTreeMap<String, (u16, Value)>;

/// A Directus that answers what a test says, and remembers what it was asked.
struct Stub {
    url: String,
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<String>>>,
    headers: Arc<Mutex<Vec<(&'static str, String)>>>,
}

impl Stub {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(healthy()));
        let (asked, headers) = (Arc::new(Mutex::default()), Arc::new(Mutex::new(Vec::new())));
        let stub =
            Self { url, answers: answers.clone(), asked: Arc::clone(&asked), headers: Arc::clone(&headers) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, asked, headers) = (answers.clone(), asked.clone(), headers.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    asked.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
                    let reply = answer(&request, &answers.lock().unwrap(), &headers.lock().unwrap());
                    async move { Ok::<_, Infallible>(reply) }
                });
                let served = hyper::server::conn::http1::Builder::new();
                tokio::spawn(served.serve_connection(TokioIo::new(stream), service));
            }
        });
        stub
    }

    fn set(&self, path: &str, status: u16, data: Value) {
        self.answers.lock().unwrap().insert(
            path.to_owned(),
            (status, Value::Object([("data".to_owned(), data)].into_iter().collect())),
        );
    }

    fn header(&self, name: &'static str, value: &str) {
        self.headers.lock().unwrap().push((name, value.to_owned()));
    }
}

fn answer(
    request: &Request<Incoming>,
    answers: &Answers,
    headers: &[(&'static str, String)],
) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let is_stranger = request.headers().get("authorization").is_none() && path != "/server/ping";
    let (status, body) = if is_stranger && request.method() == Method::POST {
        (401, Value::Null)
    } else {
        answers.get(path).cloned().unwrap_or((404, Value::Null))
    };
    let mut reply = Response::builder().status(StatusCode::from_u16(status).unwrap());
    for (name, value) in headers {
        reply = reply.header(*name, value);
    }
    reply.header("x-powered-by", "Directus").body(Full::from(body.to_string())).unwrap()
}

/// A Directus of which there is nothing to say.
fn healthy() -> Answers {
    let rows = |name: &str| {
        let text = std::fs::read_to_string(checkout(&format!("tests/fixtures/schema/{name}.json"))).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let read = json!({"articles": {"read": {"access": "full"}, "update": {"access": "none"}}});
    let data = [
        ("/server/ping", json!("pong")),
        ("/server/info", json!({"version": "12.4.0"})),
        ("/users/me", json!({"id": "u", "email": "mcp@example.com", "role": {"name": "MCP"}})),
        ("/policies/me/globals", json!({"admin_access": false})),
        ("/permissions/me", read),
        ("/collections", rows("collections")),
        ("/fields", rows("fields")),
        ("/relations", rows("relations")),
        ("/settings", json!({"mcp_allow_deletes": false, "mcp_system_prompt_enabled": true})),
        ("/flows", json!([])),
        ("/operations", json!([])),
        ("/mcp", json!({})),
    ];
    data.into_iter().map(|(path, data)| (path.to_owned(), (200, json!({"data": data})))).collect()
}

/// Where one doctor looks.
struct Place {
    desk: Desk,
    directus: Stub,
    upstream: String,
    settings: String,
    variables: String,
}

impl Place {
    async fn new() -> Self {
        let (desk, directus) = (Desk::new(), Stub::start().await);
        let upstream = format!("url: {}, token_env: T, timeout: 2s", directus.url);
        let variables = format!("T={TOKEN}");
        desk.write("policies/reader.yaml", READER);
        desk.write("policies/guardrails.yaml", "version: 1\ndescription: None.\n");
        // Nobody listens on that port.
        let settings = "listen: 127.0.0.1:9\npolicies: policies\n".to_owned();
        Self { desk, directus, upstream, settings, variables }
    }

    fn settle(&mut self, line: &str) {
        writeln!(self.settings, "{line}").unwrap();
    }

    /// Another role.
    fn role(&self, rest: &str) {
        self.desk
            .write("policies/editor.yaml", &format!("version: 1\nrole: editor\ndescription: Edits.\n{rest}"));
    }

    async fn shown(&self, words: &str) -> String {
        let text = format!("version: 1\nupstream: {{{}}}\n{}", self.upstream, self.settings);
        self.desk.write("warrener.yaml", &text);
        self.desk.run_with(&format!("doctor {words}"), &self.variables).await
    }

    /// What was found, and the exit code.
    async fn report(&self) -> (String, Value) {
        let shown = self.shown("--format json").await;
        assert!(!shown.contains(TOKEN), "{shown}");
        let (code, rest) = shown.split_once('\n').unwrap();
        let json = rest.trim_start_matches("--- output\n").split("\n--- messages").next().unwrap();
        (code.to_owned(), serde_json::from_str(json).unwrap_or_else(|_| panic!("{shown}")))
    }

    /// Finds each, at that level, with that text.
    async fn finds(&self, expected: &[(Finding, &str, &str)]) {
        let (code, report) = self.report().await;
        let all = report["findings"].as_array().unwrap();
        for (finding, level, text) in expected {
            let found = all.iter().any(|one| {
                let says = format!("{} {}", one["says"], one["help"]).replace("\\\"", "\"");
                one["finding"] == finding.name() && one["level"] == *level && says.contains(text)
            });
            assert!(found, "no {level} {finding} with `{text}` in {report:#}");
            SEEN.lock().unwrap().insert(*finding);
        }
        let fails = all.iter().any(|one| one["level"] == "fail");
        assert_eq!(code, if fails { "exit code 1" } else { "exit code 0" });
    }
}

static SEEN: Mutex<std::collections::BTreeSet<Finding>> = Mutex::new(std::collections::BTreeSet::new());

const READER: &str = "version: 1\nrole: reader\ndescription: Reads tags.\npermissions:\n  - {id: read, collections: [tags], actions: [read], max_items: 9}\n";

const DELETER: &str = r"permissions:
  - {id: all, collections: [articles, reviews, customers, orders], actions: [read, create, update, delete], max_items: 9}
";

/// Every finding is made to appear here, by what brings it about.
#[tokio::test]
async fn each_finding_appears() {
    connection().await;
    tokens().await;
    switches().await;
    relations_and_flows().await;
    around().await;
    trail().await;
    keys_and_stops().await;
    settings().await;
    let seen = SEEN.lock().unwrap();
    let unseen: Vec<_> = Finding::ALL.iter().filter(|finding| !seen.contains(finding)).collect();
    assert!(unseen.is_empty(), "nothing here brings about {unseen:?}");
}

async fn connection() {
    let mut place = Place::new().await;
    place
        .finds(&[
            (Finding::Directus, "ok", "Directus answers at"),
            (Finding::Version, "ok", "12.4.0"),
            (Finding::Clock, "ok", "agree"),
        ])
        .await;
    place.directus.header("date", "Thu, 26 Nov 2020 05:00:00 GMT");
    place.finds(&[(Finding::Clock, "warn", "s apart")]).await;
    place.directus.set("/server/info", 200, json!({"version": "11.9.1"}));
    place.finds(&[(Finding::Version, "fail", "has no MCP endpoint")]).await;
    place.directus.set("/server/info", 200, json!({}));
    place.finds(&[(Finding::Version, "note", "does not tell")]).await;
    place.directus.set("/server/ping", 503, json!(null));
    place.finds(&[(Finding::Directus, "fail", "answers 503")]).await;
    place.upstream = "url: http://127.0.0.1:9, token_env: T".to_owned();
    place.finds(&[(Finding::Directus, "fail", "no connection to Directus")]).await;
    place.upstream = "url: http://cms.invalid, token_env: T".to_owned();
    place.finds(&[(Finding::Cleartext, "warn", "in cleartext")]).await;
    place.upstream = "token_env: T".to_owned();
    place.finds(&[(Finding::Directus, "fail", "no Directus is named")]).await;
}

async fn tokens() {
    let mut place = Place::new().await;
    place
        .finds(&[
            (Finding::Token, "ok", "mcp@example.com"),
            (Finding::Administrator, "ok", "not an administrator"),
            (Finding::Rights, "note", "read 1 collections, write 0"),
            (Finding::Schema, "ok", "can be read"),
        ])
        .await;
    place.directus.set("/collections", 403, json!(null));
    place.finds(&[(Finding::Schema, "fail", "schema cannot be read")]).await;
    place.directus.set("/policies/me/globals", 200, json!({"admin_access": true}));
    place.finds(&[(Finding::Administrator, "note", "an administrator's")]).await;
    place.desk.run("key new one --role reader --token-env OWN").await;
    place.finds(&[(Finding::KeyToken, "fail", "`OWN` is not set")]).await;
    place.variables = format!("T={TOKEN} OWN=the-secret-token-too");
    place.finds(&[(Finding::KeyToken, "note", "`one` go to Directus as those of an administrator")]).await;
    place.directus.set("/users/me", 401, json!(null));
    place
        .finds(&[
            (Finding::Token, "fail", "does not take it"),
            (Finding::KeyToken, "fail", "does not take it"),
        ])
        .await;
    place.variables.clear();
    place.finds(&[(Finding::Token, "fail", "`T` is not set")]).await;
}

async fn switches() {
    let mut place = Place::new().await;
    place
        .finds(&[
            (Finding::Mcp, "ok", "MCP is on"),
            (Finding::AllowDeletes, "ok", "off"),
            (Finding::SystemPrompt, "ok", "its own"),
        ])
        .await;
    place.directus.set(
        "/settings",
        200,
        json!({"mcp_allow_deletes": true, "mcp_system_prompt_enabled": true, "mcp_system_prompt": "Obey."}),
    );
    place
        .finds(&[
            (Finding::AllowDeletes, "note", "Allow Deletes is on"),
            (Finding::SystemPrompt, "note", "somebody wrote"),
        ])
        .await;
    place.directus.set("/settings", 403, json!(null));
    place.finds(&[(Finding::AllowDeletes, "note", "does not tell")]).await;
    place.directus.set("/mcp", 403, json!(null));
    place.finds(&[(Finding::Mcp, "fail", "switch MCP on")]).await;
    let fake = checkout("tests/local_mcp/fake.py").display().to_string();
    let url = place.directus.url.clone();
    place.upstream = format!("url: {url}, token_env: T, timeout: 5s, command: python3, args: [{fake}]");
    place.finds(&[(Finding::LocalMcp, "ok", "can be started")]).await;
    place.upstream = format!("url: {url}, token_env: T, timeout: 5s, command: python3, args: [/nowhere.py]");
    place.finds(&[(Finding::LocalMcp, "fail", "it ended before it could be asked")]).await;
}

async fn relations_and_flows() {
    let place = Place::new().await;
    place
        .finds(&[
            (Finding::RelationDeletes, "ok", "no role may"),
            (Finding::Flows, "ok", "no role may start"),
        ])
        .await;
    place.role(DELETER);
    place
        .finds(&[
            (Finding::RelationDeletes, "warn", "an update of `articles.reviews` deletes from `reviews`"),
            (Finding::CascadeDeletes, "warn", "deleting from `customers` deletes from `orders`"),
        ])
        .await;
    let flow = |id: &str, trigger: &str| json!({"id": id, "name": format!("{trigger}-{id}"), "status": "active", "trigger": trigger});
    place.directus.set("/flows", 200, json!([flow("a", "manual"), flow("b", "manual"), flow("c", "event")]));
    let full = json!({"flow": "b", "type": "item-delete", "options": {"permissions": "$full"}});
    place.directus.set("/operations", 200, json!([full]));
    place
        .finds(&[
            (Finding::OwnFlows, "note", "`event-c (event)` act by themselves"),
            (Finding::Flows, "ok", "any of the 2 flows"),
        ])
        .await;
    let flows = "  - {id: run, collections: [directus_flows], actions: [execute]}\n";
    let open = Place { settings: "policies: policies\n".to_owned(), ..place };
    open.role(&format!("{DELETER}{flows}"));
    open.finds(&[
        (Finding::Flows, "note", "`editor` may start the flow `manual-a`"),
        (
            Finding::Flows,
            "warn",
            "`manual-b`, which acts with more rights than the caller's: `item-delete with full permissions`",
        ),
    ])
    .await;
    open.directus.set("/operations", 403, json!(null));
    open.finds(&[(Finding::Flows, "note", "may not read operations")]).await;
    open.directus.set("/flows", 403, json!(null));
    open.finds(&[(Finding::Flows, "note", "may not list")]).await;
}

async fn around() {
    let place = Place::new().await;
    place.finds(&[(Finding::Around, "note", "on this machine only")]).await;
    let public = Stub::start().await;
    let challenge =
        format!("Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\"", public.url);
    place.directus.header("www-authenticate", &challenge);
    place.finds(&[(Finding::Around, "warn", "around the gateway")]).await;
    let challenge =
        "Bearer resource_metadata=\"http://127.0.0.1:9/.well-known/oauth-protected-resource/mcp\"";
    let other = Place::new().await;
    other.directus.header("www-authenticate", challenge);
    other.finds(&[(Finding::Around, "ok", "does not answer MCP")]).await;
}

async fn trail() {
    let mut place = Place::new().await;
    place
        .finds(&[
            (Finding::Trail, "ok", "there is no trail yet"),
            (Finding::Gateway, "note", "no gateway is at work"),
            (Finding::SigningKey, "note", "is not signed"),
        ])
        .await;
    let url = format!("sqlite://{}", place.desk.path("warrener.db").display());
    let trail = Trail::open(&TrailOptions::new(&url)).await.unwrap();
    trail.commit(crate::trail::intent(crate::trail::id())).await.unwrap();
    place
        .finds(&[
            (Finding::Gateway, "ok", "a gateway is at work"),
            (Finding::OpenCalls, "ok", "are under way"),
        ])
        .await;
    trail.close().await.unwrap();
    place
        .finds(&[
            (Finding::OpenCalls, "warn", "1 calls of the last run have no outcome"),
            (Finding::DiskSpace, "ok", "MiB are free"),
        ])
        .await;
    chmod(&place.desk.path("warrener.db"), 0o644);
    place.finds(&[(Finding::TrailMode, "warn", "mode 644")]).await;
    place.settle("audit: {signing_key: warrener.signing.pem}");
    place.finds(&[(Finding::SigningKey, "fail", "warrener.signing.pem")]).await;
    place.desk.run("key signing").await;
    place
        .finds(&[(Finding::Checkpoint, "ok", "was never signed"), (Finding::SigningKey, "ok", "is signed")])
        .await;
    chmod(&place.desk.path("warrener.signing.pem"), 0o640);
    place.finds(&[(Finding::SigningKey, "warn", "mode 640")]).await;
    let trail = Trail::open(&TrailOptions::new(&url)).await.unwrap();
    place.finds(&[(Finding::Checkpoint, "warn", "was never signed")]).await;
    trail.close().await.unwrap();
    place.desk.write("warrener.db", "this is a letter and no database, long enough to be read as one");
    place.finds(&[(Finding::Trail, "fail", "is not an audit trail")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut taken = Place::new().await;
    taken.settings = format!("listen: '{}'\n", listener.local_addr().unwrap());
    taken.finds(&[(Finding::Gateway, "warn", "something listens on")]).await;
}

fn chmod(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

async fn keys_and_stops() {
    let place = Place::new().await;
    place
        .finds(&[
            (Finding::Keys, "note", "no key that lets a client in"),
            (Finding::Stops, "ok", "nothing is stopped"),
        ])
        .await;
    for (name, expires) in [("soon", "1d"), ("later", "90d")] {
        place.desk.run(&format!("key new {name} --role reader --expires {expires}")).await;
    }
    place
        .finds(&[
            (Finding::Keys, "ok", "2 keys let clients in"),
            (Finding::KeyExpiry, "warn", "within 7 days: `soon`"),
        ])
        .await;
    place.desk.run("key new odd --role nobody").await;
    place.finds(&[(Finding::KeyRole, "fail", "`nobody`, for which there is no policy")]).await;
    chmod(&place.desk.path("warrener.keys.yaml"), 0o604);
    place.finds(&[(Finding::KeyMode, "warn", "mode 604")]).await;
    let keys = std::fs::read_to_string(place.desk.path("warrener.keys.yaml")).unwrap();
    let expires = keys.split("expires: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    place.desk.write("warrener.keys.yaml", &keys.replace(&expires, "\"2020-01-01T00:00:00Z\""));
    place.desk.run("stop --client soon --reason leaking").await;
    place
        .finds(&[
            (Finding::Stops, "warn", "calls of the client `soon` are stopped"),
            (Finding::KeyExpiry, "note", "expired: `soon`"),
        ])
        .await;
    place.desk.write("warrener.stop.yaml", "what");
    place.finds(&[(Finding::Stops, "fail", "is not valid")]).await;
    place.desk.write("warrener.keys.yaml", "what");
    place.finds(&[(Finding::Keys, "fail", "is not valid")]).await;
}

async fn settings() {
    let place = Place::new().await;
    place
        .finds(&[
            (Finding::Listen, "ok", "on this machine"),
            (Finding::Policies, "ok", "the policies are valid"),
        ])
        .await;
    place.role("permissions:\n  - {id: all, collections: ['*'], actions: [read, delete]}\n");
    place.finds(&[(Finding::Policies, "warn", "warning")]).await;
    let mut open = Place::new().await;
    open.settings = "listen: 0.0.0.0:9\ninsecure: true\n".to_owned();
    open.finds(&[(Finding::Listen, "warn", "in cleartext")]).await;
}

#[tokio::test]
async fn nothing_is_written_to_directus_nor_to_the_trail() {
    let place = Place::new().await;
    let url = format!("sqlite://{}", place.desk.path("warrener.db").display());
    let trail = Trail::open(&TrailOptions::new(&url)).await.unwrap();
    let before = trail.entries();
    place.report().await;
    assert_eq!(trail.entries(), before);
    trail.close().await.unwrap();
    let asked = place.directus.asked.lock().unwrap().clone();
    let writes: Vec<_> =
        asked.iter().filter(|line| !line.starts_with("GET ") && *line != "POST /mcp").collect();
    assert!(writes.is_empty() && asked.len() > 8, "{asked:?}");
}

#[tokio::test]
async fn what_is_not_valid_is_an_error_of_its_own() {
    let mut place = Place::new().await;
    place.settle("audits: {}");
    let shown = place.shown("").await;
    assert!(shown.starts_with("exit code 3") && shown.contains("`audits` is not a key"), "{shown}");
    let place = Place::new().await;
    place.role("permissions: nothing\n");
    assert!(place.shown("").await.starts_with("exit code 3"));
}

#[tokio::test]
async fn the_stand_in_is_told_of() {
    let desk = Desk::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let options =
        StandInOptions { token: TOKEN.to_owned(), allow_deletes: true, public_url: address.clone() };
    let drain = Drain::new();
    let serving = tokio::spawn(StandIn::new(options).unwrap().serve(listener, drain.clone()));
    desk.run("key new claude --role content-editor").await;
    let told = desk
        .run_with(
            &format!("doctor --listen 127.0.0.1:9 --upstream {address} --token-env T"),
            &format!("T={TOKEN}"),
        )
        .await;
    drain.begin();
    serving.await.unwrap();
    // What is free on the disk is the machine's.
    let told: Vec<&str> = told.lines().filter(|line| !line.contains("disk-space")).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    exit code 0
    --- output
    ok    policies          the policies are valid, for `content-editor`, `developer`, `reader`
    ok    listen            clients connect to 127.0.0.1:9, on this machine
    note  gateway           no gateway is at work on this trail
                            → `warrener serve` starts one
    ok    directus          Directus answers at http://127.0.0.1:[PORT]/
    ok    version           Directus is of version 12.4.0
    ok    clock             the clocks of Directus and of this machine agree
    ok    token             the upstream token is that of admin@example.com, with Directus' role Administrator
    note  administrator     the upstream token is an administrator's: nothing but the policies holds clients back
                            → give calls the token of a user who may no more than your roles, and the gateway one for the data model: `upstream.schema_token_env`
    ok    schema            the data model can be read: 6 collections
    ok    mcp               MCP is on
    note  allow-deletes     Allow Deletes is on: only the policies, and Directus' own permissions, hold deletes back
                            → switch it off in Directus' settings under AI if no client is to delete; it does not hold deletes through relations and flows
    ok    system-prompt     Directus gives clients its own system prompt
    warn  relation-deletes  an update of `articles.reviews` deletes from `reviews` what it does not list, whatever Allow Deletes says; `developer` may
                            → if that is not meant, forbid `delete` on `reviews` in the policy, or let the relation nullify in Directus
    ok    cascade-deletes   the database deletes nothing in turn
    ok    flows             no role may start any of the 0 flows that are started by hand
    note  around            Directus answers MCP at http://127.0.0.1:[PORT]/, on this machine only if nothing passes it on
                            → let only the gateway reach Directus' `/mcp`: by a firewall or network policy, or by a proxy that does not pass that path on
    ok    trail             there is no trail yet; it will be `warrener.db`
    note  signing-key       the end of the trail is not signed: one that is cut short does not show
                            → `warrener key signing` makes a key; name it as `audit.signing_key`
    ok    keys              1 key lets a client in
    ok    stops             nothing is stopped

    15 ok, 5 note, 1 warn, 0 fail
    "#);
}

/// Each row of the README's table is a finding, and each finding a row.
#[test]
fn the_readme_has_every_finding() {
    let readme = std::fs::read_to_string(checkout("README.md")).unwrap();
    let table = readme.split("| finding | what is looked at |\n|---|---|\n").nth(1).unwrap();
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    let expected: Vec<String> = Finding::ALL
        .iter()
        .map(|finding| format!("| `{}` | {} |", finding.name(), finding.meaning()))
        .collect();
    assert_eq!(rows, expected);
}

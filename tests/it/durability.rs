//! The trail and the processes: what a killed gateway has forwarded is recorded, and what a drained one was doing too.

use crate::support::client::McpClient;
use crate::support::gateway::{Gateway, Site};
use crate::support::process::eventually;
use crate::support::trail::Call;
use crate::support::upstream::{HELD, Upstream};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many clients, each with a key of its own, and so many calls of each at once.
const CLIENTS: usize = 8;
const CALLS_AT_ONCE: usize = 4;
/// The gateway is killed when the upstream has seen as many calls as chance says, but no more.
const KILLED_AFTER: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_under_load_loses_no_intent() {
    let rounds = if full() { 200 } else { 20 };
    for _ in 0..rounds {
        // Between two calls, in the middle of a commit, or before anything is committed.
        let chance = usize::from(uuid::Uuid::now_v7().as_bytes()[15]);
        killed_after(1 + chance * KILLED_AFTER / 256).await;
    }
}

async fn killed_after(calls: usize) {
    let upstream = Upstream::start().await;
    let policies = reader_policies();
    let site = Site::new(upstream.url(), "upstream-token", policies.path(), "reader");
    let keys: Vec<_> = (0..CLIENTS).map(|number| site.key(&format!("client-{number}"))).collect();
    let mut gateway = site.start();
    let load = Load::start(&gateway, &keys);
    within(upstream.has_seen(calls), "the upstream is reached").await;
    gateway.process.kill();
    load.ended().await;

    let seen = upstream.seen();
    assert!(seen.len() >= calls, "{} of {calls}", seen.len());
    // Each call has a key of its own, and so a body of its own.
    let forwarded = site.forwarded().await;
    let lost: Vec<_> = seen.iter().filter(|call| !forwarded.contains(&call.digest)).collect();
    assert!(lost.is_empty(), "the upstream saw {} calls; these have no intent: {lost:?}", seen.len());
    let recorded = keys_of(&site.calls().await);
    assert!(seen.iter().all(|call| recorded.contains(&call.key)), "the view leaves calls out");
    site.run(["audit", "verify", "--audit", &site.audit()]);
    are_closed_at_the_next_start(&site).await;
}

/// A gateway that starts on the trail of a killed one says that it cannot know how the open calls ended.
async fn are_closed_at_the_next_start(site: &Site) {
    let open: BTreeSet<_> = keys_of(site.calls().await.iter().filter(|call| call.outcome.is_none()));
    let gateway = site.start();
    let calls = site.calls().await;
    let left: Vec<_> = calls.iter().filter(|call| call.outcome.is_none()).collect();
    assert!(left.is_empty(), "{left:#?}");
    let unknown = keys_of(calls.iter().filter(|call| call.outcome.as_deref() == Some("unknown")));
    assert_eq!(unknown, open);
    drop(gateway);
    site.run(["audit", "verify", "--audit", &site.audit()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_in_the_middle_of_its_body_is_recorded() {
    let upstream = Upstream::start().await;
    let policies = reader_policies();
    let site = Site::new(upstream.url(), "upstream-token", policies.path(), "reader");
    let key = site.key("hasty");
    let gateway = site.start();
    let address =
        gateway.client(&key).url().trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
    );
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut connection, head.as_bytes()).unwrap();
    // Long enough for the head to be read, and for the body to be waited for.
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(connection);
    eventually(PATIENCE, "the refusal is recorded", async || {
        site.calls().await.iter().any(|call| call.outcome.as_deref() == Some("refused"))
    })
    .await;
    assert!(upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_gateway_finishes_and_records_what_it_is_doing() {
    let upstream = Upstream::start().await;
    let policies = reader_policies();
    let site = Site::new(upstream.url(), "upstream-token", policies.path(), "reader");
    let key = site.key("slow");
    let mut gateway = site.start();
    let client = gateway.client(&key);
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.tool("items", read(HELD)).await.raw() }
    });
    within(upstream.has_seen(1), "the slow call arrives").await;

    gateway.process.terminate();
    // A client of its own, so that no connection is left over from before.
    eventually(PATIENCE, "new calls are no longer taken", async || {
        let late = gateway.client(&key);
        late.try_send(late.post(read_message(1))).await.is_err()
    })
    .await;
    assert!(
        gateway.process.status().unwrap().is_none(),
        "it did not wait for the call:\n{}",
        gateway.process.log()
    );
    assert!(!slow.is_finished());

    upstream.let_go();
    assert_eq!(within(slow, "the slow call ends").await.unwrap(), json!([{"id": HELD}]));
    let status = gateway.process.ended(PATIENCE).await;
    assert!(status.success(), "{status}:\n{}", gateway.process.log());
    let calls = site.calls().await;
    let slow = calls.iter().find(|call| call.key() == Some(HELD)).unwrap();
    assert_eq!((slow.decision.as_str(), slow.outcome.as_deref()), ("permit", Some("ok")), "{slow:#?}");
}

/// Calls of which the gateway has the head when it is told to end are decided and recorded like any other.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_while_the_gateway_ends_is_recorded_and_a_stop_still_stops() {
    // More than are recorded one by one in a minute.
    const DENIED: usize = 30;
    let upstream = Upstream::start().await;
    let policies = reader_policies();
    let site = Site::new(upstream.url(), "upstream-token", policies.path(), "reader");
    let key = site.key("late");
    let mut gateway = site.start();
    let delete = json!({"action": "delete", "collection": "articles", "keys": [1]});
    let mut denied: Vec<_> = (0..DENIED).map(|_| Halved::send(&gateway, &key, &delete)).collect();
    let stopped = Halved::send(&gateway, &key, &read(2));
    // Long enough for the heads to be read, and for the bodies to be waited for.
    tokio::time::sleep(Duration::from_millis(300)).await;
    gateway.process.terminate();
    eventually(PATIENCE, "new calls are no longer taken", async || {
        let late = gateway.client(&key);
        late.try_send(late.post(read_message(1))).await.is_err()
    })
    .await;
    for call in denied.drain(..) {
        assert!(call.rest().contains("POLICY_DENIED"));
    }
    site.run(["stop", "--reason", "Incident"]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let reply = stopped.rest();
    assert!(reply.contains("Incident"), "{reply}");
    let status = gateway.process.ended(PATIENCE).await;
    assert!(status.success(), "{status}:\n{}", gateway.process.log());
    assert!(upstream.seen().iter().all(|seen| seen.key != 2), "it was stopped");
    let counted = site.run([
        "audit",
        "query",
        "--audit",
        &site.audit(),
        "--rule",
        "reader/-",
        "--format",
        "json",
        "--limit",
        "100",
    ]);
    let counts = counted
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["count"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), DENIED as u64, "{counted}");
}

/// A call whose body has begun to arrive.
struct Halved {
    stream: std::net::TcpStream,
    rest: String,
}

impl Halved {
    fn send(gateway: &Gateway, key: &str, arguments: &Value) -> Self {
        use std::io::Write as _;
        let url = gateway.client(key).url().to_owned();
        let address = url.trim_start_matches("http://").trim_end_matches("/mcp");
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "items", "arguments": arguments}});
        let body = body.to_string();
        let (begun, rest) = body.split_at(10);
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n\r\n{begun}",
            body.len()
        );
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        Self { stream, rest: rest.to_owned() }
    }

    /// The reply, once the rest of it has been sent.
    fn rest(mut self) -> String {
        use std::io::{Read as _, Write as _};
        self.stream.write_all(self.rest.as_bytes()).unwrap();
        let mut reply = String::new();
        self.stream.read_to_string(&mut reply).unwrap();
        reply
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_on_the_same_trail_says_so_and_ends() {
    let upstream = Upstream::start().await;
    let policies = reader_policies();
    let site = Site::new(upstream.url(), "upstream-token", policies.path(), "reader");
    site.key("desk");
    let first = site.start();
    let (status, said) = site.start_in_vain();
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("is in use by another gateway: stop that one, or give this one a file of its own"),
        "{said}"
    );
    drop(first);
}

/// The README's commands about a signed trail, as they are run beside a gateway.
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_trail_is_verified_erased_from_and_pruned_by_commands() {
    let upstream = Upstream::start().await;
    let policies = reader_policies();
    let site = Site::new(upstream.url(), "upstream-token", policies.path(), "reader");
    let key = site.key("desk");
    site.run(["key", "signing"]);
    site.settle(
        "version: 1\naudit:\n  signing_key: warrener.signing.pem\n  checkpoints: {every: 100ms, to: checkpoints.jsonl}\n",
    );
    let mut gateway = site.start();
    assert!(gateway.client(&key).tool("items", read(1)).await.raw().is_array());
    let audit = site.audit();
    site.run(["audit", "erase", "--principal", "desk", "--audit", &audit]);
    gateway.process.terminate();
    assert!(gateway.process.ended(PATIENCE).await.success(), "{}", gateway.process.log());
    let verify = || site.run(["audit", "verify", "--format", "json", "--audit", &audit]);
    let found: Value = serde_json::from_str(&verify()).unwrap();
    assert_eq!((&found["signatures_checked"], &found["erased"]), (&json!(true), &json!(1)), "{found}");
    assert!(found["elsewhere"].as_i64().unwrap() > 0, "{found}");
    site.run(["audit", "prune", "--older-than", "now", "--audit", &audit]);
    let found: Value = serde_json::from_str(&verify()).unwrap();
    assert!(found["pruned_through"].as_i64().unwrap() > 0, "{found}");
}

/// A file system of its own for the trail, as small as that, in a name space of the gateway's: `unshare` lends the right to mount it.
const SMALL: &str = "mount -t tmpfs -o size=1m none \"$0\" && exec \"$@\"";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "mounts a small file system, which not every machine allows"]
async fn on_a_full_disk_nothing_is_forwarded_and_afterwards_all_goes_on() {
    let upstream = Upstream::start().await;
    let policies = reader_policies();
    let site = Site::new(upstream.url(), "upstream-token", policies.path(), "reader");
    let key = site.key("desk");
    let gateway = site.start_on_small_disk(SMALL);
    let client = gateway.client(&key);
    let disk = site.small_disk(&gateway);
    assert!(client.tool("items", read(1)).await.raw().is_array());

    // Twice, so that the second time finds a log of changes that has grown.
    for round in 0..2 {
        fill(&disk);
        let mut number = 100;
        // What the log of changes still has room for is recorded, and goes on.
        let refused = loop {
            let reply = client.send(client.post(read_message(number))).await;
            if reply.status != http::StatusCode::OK {
                break reply;
            }
            number += 1;
            assert!(number < 5000, "round {round}: never refused");
        };
        assert_eq!(refused.status, http::StatusCode::SERVICE_UNAVAILABLE, "{}", refused.text());
        let seen = upstream.seen().len();
        assert!(client.send(client.post(read_message(number))).await.is_refusal());
        assert_eq!(upstream.seen().len(), seen, "nothing is forwarded that is not recorded");
        std::fs::remove_file(disk.join(BALLAST)).unwrap();
        eventually(PATIENCE, "calls go on", async || {
            client.send(client.post(read_message(number))).await.status == http::StatusCode::OK
        })
        .await;
    }
    assert!(gateway.process.log().contains("calls are refused until the audit trail can be written"));
    // SQLite does not find its way into another name space, so it is given a copy. Nobody is calling any more.
    let copy = site.small_folder().with_extension("copy");
    for end in ["", "-wal"] {
        let (from, to) = (format!("trail.db{end}"), format!("{}{end}", copy.display()));
        std::fs::copy(disk.join(from), to).unwrap();
    }
    site.run(["audit", "verify", "--audit", &format!("sqlite://{}", copy.display())]);
    let forwarded = crate::support::trail::forwarded(&copy).await;
    assert!(upstream.seen().iter().all(|call| forwarded.contains(&call.digest)));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "mounts a small file system, which not every machine allows"]
async fn a_gateway_that_is_to_stop_without_a_trail_ends() {
    let upstream = Upstream::start().await;
    let policies = reader_policies();
    let site = Site::new(upstream.url(), "upstream-token", policies.path(), "reader");
    let key = site.key("desk");
    site.settle("version: 1\naudit: {on_failure: stop}\n");
    let mut gateway = site.start_on_small_disk(SMALL);
    let client = gateway.client(&key);
    fill(&site.small_disk(&gateway));
    let mut number = 100;
    while client.try_send(client.post(read_message(number))).await.is_ok_and(|reply| reply.status == 200) {
        number += 1;
        assert!(number < 5000, "never refused");
    }
    let status = gateway.process.ended(PATIENCE).await;
    assert_eq!(status.code(), Some(1), "{}", gateway.process.log());
    let log = gateway.process.log();
    assert!(log.contains("`audit.on_failure` is `stop`"), "{log}");
}

/// Leaves no room on a disk.
fn fill(disk: &Path) {
    let mut ballast = std::fs::File::create(disk.join(BALLAST)).unwrap();
    while std::io::Write::write(&mut ballast, &[0; 1024]).is_ok_and(|written| written > 0) {}
}

const BALLAST: &str = "ballast";

/// Clients that call without a pause, each call with a key that no other has, until the gateway is gone.
struct Load(tokio::task::JoinSet<()>);

impl Load {
    fn start(gateway: &Gateway, keys: &[String]) -> Self {
        let next = Arc::new(AtomicI64::new(1000));
        let mut tasks = tokio::task::JoinSet::new();
        for key in keys {
            let client = gateway.client(key);
            for _ in 0..CALLS_AT_ONCE {
                tasks.spawn(calls_on_and_on(client.clone(), Arc::clone(&next)));
            }
        }
        Self(tasks)
    }

    async fn ended(mut self) {
        while let Some(task) = within(self.0.join_next(), "the clients notice").await {
            task.unwrap();
        }
    }
}

async fn calls_on_and_on(client: McpClient, next: Arc<AtomicI64>) {
    loop {
        let key = next.fetch_add(1, Ordering::Relaxed);
        if client.try_send(client.post(read_message(key))).await.is_err() {
            return;
        }
    }
}

fn read_message(key: i64) -> String {
    let params = json!({"name": "items", "arguments": read(key)});
    json!({"jsonrpc": "2.0", "id": key, "method": "tools/call", "params": params}).to_string()
}

fn read(key: i64) -> Value {
    json!({"action": "read", "collection": "articles", "keys": [key], "query": {"fields": ["id"]}})
}

fn keys_of<'a>(calls: impl IntoIterator<Item = &'a Call>) -> BTreeSet<i64> {
    calls.into_iter().filter_map(Call::key).collect()
}

/// Policies without limits: it is the trail that is under test.
fn reader_policies() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let guardrails = "version: 1\ndescription: None.\nforbid: []\n";
    let reader = "version: 1\nrole: reader\ndescription: Reads articles.\npermissions:\n  \
        - {id: read, collections: [articles], actions: [read]}\n";
    write(folder.path(), "guardrails.yaml", guardrails);
    write(folder.path(), "reader.yaml", reader);
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

async fn within<T>(future: impl Future<Output = T>, what: &str) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}

/// True where the long forms of tests are wanted.
fn full() -> bool {
    std::env::var_os("WARRENER_FULL").is_some_and(|value| value == "1")
}

//! Load of every kind for a while, in front of an upstream that is often in trouble: nothing is lost, and nothing is left.

use super::directus::{Directus, Fault};
use super::figures::Figures;
use super::{PATIENCE, full, is_complete, site, with_schema};
use crate::support::client::McpClient;
use crate::support::gateway::Gateway;
use crate::support::process::eventually;
use crate::support::request::tool;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CLIENTS: usize = 6;
const CALLS_AT_ONCE: usize = 2;

/// So that the upstream's faults take up little of the time.
const SETTINGS: &str = "upstream: {timeout: 1s, connect_timeout: 1s}\n\
    limits: {max_in_flight: 16, breaker_failures: 4, breaker_pause: 500ms, arrivals: 100000, call_timeout: 3s,\n\
    header_timeout: 2s, body_timeout: 2s, inspect_bytes: 1MiB}\n";

/// How often the upstream goes away, and for how long.
const DOWN_EVERY: Duration = Duration::from_secs(10);
const DOWN_FOR: Duration = Duration::from_secs(1);

/// Growth that is none: what an allocator keeps, in KiB.
const SLACK: u64 = 12 * 1024;

/// How long: `WARRENER_SOAK` seconds; an hour in the long form, a minute otherwise.
fn length() -> Duration {
    let told = std::env::var("WARRENER_SOAK").ok().map(|text| text.parse().unwrap());
    Duration::from_secs(told.unwrap_or(if full() { 3600 } else { 60 }))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, or WARRENER_SOAK seconds"]
async fn mixed_load_with_faults_loses_nothing_and_leaves_nothing() {
    let directus = Arc::new(Directus::start().await);
    directus.huge(300_000);
    let (site, _policies) = site(&directus.url());
    let keys: Vec<_> = (0..CLIENTS).map(|number| site.key(&format!("client-{number}"))).collect();
    site.settle(&with_schema(SETTINGS));
    let mut gateway = site.start();
    let process = gateway.process.id();
    let load = Load::start(&gateway, &keys);
    let samples = watch(&directus, process, length()).await;
    let told = load.end().await;
    assert!(told.answered > 100 && told.shed > 0 && told.broken > 0, "{told:?}");

    // The gateway keeps connections to the upstream for 4 s, and idle clients for 2 s.
    let idle = samples[0];
    eventually(PATIENCE, "files are closed", async || Figures::of(process).files <= idle.files + 8).await;
    is_flat(&samples);
    say(&told, &samples);
    gateway.process.terminate();
    let status = gateway.process.ended(PATIENCE).await;
    let log = gateway.process.log();
    assert!(status.success() && !log.contains("calls were still under way"), "{status}:\n{log}");
    assert!(!log.contains("panicked") && !log.contains("has a fault"), "{log}");
    is_complete(&site, &directus).await;
}

/// Looks at the process every half second, while the upstream comes and goes. The first look is before the load has done much.
async fn watch(directus: &Directus, process: u32, length: Duration) -> Vec<Figures> {
    let mut samples = vec![Figures::of(process)];
    let (began, mut went) = (Instant::now(), Instant::now());
    while began.elapsed() < length {
        tokio::time::sleep(Duration::from_millis(500)).await;
        samples.push(Figures::of(process));
        if went.elapsed() >= DOWN_EVERY {
            directus.goes_down();
            tokio::time::sleep(DOWN_FOR).await;
            directus.comes_up().await;
            went = Instant::now();
        }
    }
    samples
}

/// After it has warmed up, the second half of the time needs no more than the first.
fn is_flat(samples: &[Figures]) {
    let warm = &samples[samples.len() / 4..];
    let (first, second) = warm.split_at(warm.len() / 2);
    let most = |part: &[Figures]| {
        let memory = part.iter().map(|one| one.memory).max().unwrap();
        let files = part.iter().map(|one| one.files).max().unwrap();
        (memory, files, part.iter().map(|one| one.threads).max().unwrap())
    };
    let ((memory, files, threads), (later, later_files, later_threads)) = (most(first), most(second));
    assert!(later <= memory + memory / 10 + SLACK, "memory grows from {memory} to {later} KiB");
    assert!(later_files <= files + 32, "open files grow from {files} to {later_files}");
    assert!(later_threads <= threads + 2, "threads grow from {threads} to {later_threads}");
}

#[expect(clippy::print_stderr, reason = "a long run should leave its figures behind")]
fn say(told: &Told, samples: &[Figures]) {
    let quarter = |number: usize| samples[(samples.len() - 1) * number / 4];
    let memory = [1, 2, 3, 4].map(|number| quarter(number).memory);
    let files = [1, 2, 3, 4].map(|number| quarter(number).files);
    eprintln!("soak: {told:?}; memory in KiB at each quarter {memory:?}, open files {files:?}");
}

/// A process that grows by so many KiB from look to look.
fn growing(by: u64) -> Vec<Figures> {
    (0..100).map(|look| Figures { memory: 80_000 + look * by, files: 40, threads: 5 }).collect()
}

#[test]
fn what_does_not_grow_is_flat() {
    is_flat(&growing(0));
}

#[test]
#[should_panic = "memory grows"]
fn what_leaks_is_not_flat() {
    is_flat(&growing(1000));
}

/// What the clients were told, all together.
#[derive(Debug, Default)]
struct Told {
    answered: usize,
    shed: usize,
    broken: usize,
}

#[derive(Debug, Default)]
struct Counts {
    answered: AtomicUsize,
    shed: AtomicUsize,
    broken: AtomicUsize,
}

/// Clients that call without a pause until they are told to stop.
struct Load {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

impl Load {
    fn start(gateway: &Gateway, keys: &[String]) -> Self {
        let (stop, counts): (Arc<AtomicBool>, Arc<Counts>) = Default::default();
        let next = Arc::new(AtomicI64::new(1000));
        let mut tasks = JoinSet::new();
        for key in keys {
            for _ in 0..CALLS_AT_ONCE {
                let (client, stop) = (gateway.client(key), Arc::clone(&stop));
                let (counts, next) = (Arc::clone(&counts), Arc::clone(&next));
                tasks.spawn(async move {
                    while !stop.load(Ordering::SeqCst) {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        one(&client, number, &counts).await;
                    }
                });
            }
        }
        Self { tasks, stop, counts }
    }

    async fn end(mut self) -> Told {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(task) =
            tokio::time::timeout(PATIENCE, self.tasks.join_next()).await.expect("a client hangs")
        {
            task.unwrap();
        }
        let of = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        let counts = &self.counts;
        Told { answered: of(&counts.answered), shed: of(&counts.shed), broken: of(&counts.broken) }
    }
}

/// The faults of the mix; the others are answered at once and are no trouble.
const FAULTS: [Fault; 8] = [
    Fault::Hangs,
    Fault::DiesInAShortAnswer,
    Fault::DiesInALongAnswer,
    Fault::NoHttp,
    Fault::ResetsAfter,
    Fault::TwoAnswers,
    Fault::Huge,
    Fault::LongHead,
];

/// One request of the mix: most are good, and a few are of every other kind.
async fn one(client: &McpClient, number: i64, counts: &Counts) {
    let items = |arguments: &Value| tool("items", arguments).to_string();
    let body = match number % 40 {
        0 => {
            let fault = FAULTS[usize::try_from(number / 40).unwrap() % FAULTS.len()];
            items(&read(fault.key()))
        }
        1 => items(&json!({"action": "delete", "collection": "articles", "keys": [number]})),
        2 => json!({"jsonrpc": "2.0", "id": number, "method": "tools/list"}).to_string(),
        3 => json!({"jsonrpc": "2.0", "id": number, "method": "ping"}).to_string(),
        4 => "{".to_owned(),
        5 => tool("weather", &json!({"keys": [number]})).to_string(),
        6 => return leave(client, number, true).await,
        7 => return leave(client, number, false).await,
        _ => items(&read(number)),
    };
    match client.try_send(client.post(body)).await {
        Ok(reply) if reply.status == 503 => drop(counts.shed.fetch_add(1, Ordering::SeqCst)),
        Ok(reply) if reply.status.is_success() => drop(counts.answered.fetch_add(1, Ordering::SeqCst)),
        Ok(_) | Err(_) => drop(counts.broken.fetch_add(1, Ordering::SeqCst)),
    }
}

/// Leaves in the middle of the body, or as soon as all of it is sent.
async fn leave(client: &McpClient, number: i64, in_the_middle: bool) {
    let address = client.url().trim_start_matches("http://").trim_end_matches("/mcp");
    let body = tool("items", &read(number)).to_string();
    let sent = if in_the_middle { body.get(..10).unwrap() } else { body.as_str() };
    let text = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{sent}",
        client.key(),
        body.len()
    );
    if let Ok(mut stream) = TcpStream::connect(address).await {
        let _ = stream.write_all(text.as_bytes()).await;
        // Half of them wait long enough for the call to be under way.
        tokio::time::sleep(Duration::from_millis(u64::from(number % 80 > 40) * 2)).await;
    }
}

fn read(key: i64) -> Value {
    json!({"action": "read", "collection": "articles", "keys": [key], "query": {"fields": ["id"]}})
}

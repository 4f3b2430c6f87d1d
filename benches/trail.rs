//! What durability costs: calls per second through `Trail::commit`, by how many wait at a time.
//!
//! ```sh
//! cargo bench --bench trail            # two seconds each, in the system's temporary folder
//! TMPDIR=/var/tmp cargo bench --bench trail   # on the disk that counts
//! cargo bench --bench trail -- --full  # and how it goes on when the trail is long: up to 10^7 entries, 20 GB, half an hour
//! ```
//!
//! Beside it stand two others, in turn: the same trail on a file system in memory, and SQLite alone (`floor`): one thread that writes the
//! rows of as many calls as wait in one transaction, with the same tables, indexes and digests, and nobody to answer to.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on ends, and its figures are for people"
)]

use rusqlite::types::Value as Sql;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use uuid::Uuid;
use warrener::audit::chain::{self, GENESIS, Value};
use warrener::audit::entry::{Entry, Kind, Outcome, Subject};
use warrener::audit::trail::{Trail, TrailOptions};
use warrener::directus::access::{Access, Action, Extent, Fields, Key};

const LENGTH: Duration = Duration::from_secs(2);
const REPETITIONS: usize = 3;

/// How often each long trail is written to.
const ROUNDS: usize = 5;

/// What was measured of one way.
#[derive(Clone, Copy, Default)]
struct Measured {
    rate: f64,
    per_commit: f64,
    p50: f64,
    p99: f64,
}

fn main() {
    let full = std::env::args().any(|argument| argument == "--full");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("medians of {REPETITIONS}; calls/s, each an intent that is waited for and an outcome");
    println!(
        "{:>6} {:>10} {:>15} {:>8} {:>8} {:>10} {:>10} {:>8} {:>8}",
        "tasks", "durable", "entries/commit", "p50 ms", "p99 ms", "in memory", "floor", "/memory", "/floor"
    );
    for tasks in [1, 8, 32, 128] {
        let mut runs: [Vec<Measured>; 3] = Default::default();
        for _ in 0..REPETITIONS {
            let [durable, memory, floor] = &mut runs;
            durable.push(runtime.block_on(measure(tasks, &std::env::temp_dir())));
            memory.push(runtime.block_on(measure(tasks, Path::new("/dev/shm"))));
            floor.push(alone(tasks));
        }
        let [durable, memory, floor] = runs.map(median);
        println!(
            "{tasks:>6} {:>10.0} {:>15.1} {:>8.2} {:>8.2} {:>10.0} {:>10.0} {:>8.2} {:>8.2}",
            durable.rate,
            durable.per_commit,
            durable.p50,
            durable.p99,
            memory.rate,
            floor.rate,
            durable.rate / memory.rate,
            durable.rate / floor.rate
        );
    }
    runtime.block_on(long(if full { &[100_000, 1_000_000, 10_000_000] } else { &[10_000, 100_000] }));
}

fn median(mut runs: Vec<Measured>) -> Measured {
    runs.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    runs.get(REPETITIONS / 2).copied().unwrap_or_default()
}

/// The rate when the trail is already so long, and what a call takes on the disk. Trails of all lengths are made first and written to in
/// turn, so that whatever else the machine does meets all of them alike.
async fn long(lengths: &[u64]) {
    let folder = tempfile::tempdir().unwrap();
    let growing = folder.path().join("growing.db");
    let mut trails: Vec<(u64, PathBuf, Vec<f64>)> = Vec::new();
    for &length in lengths {
        grow(&growing, length).await;
        let file = folder.path().join(format!("{length}.db"));
        // It was closed, so all of it is in this one file.
        std::fs::copy(&growing, &file).unwrap();
        trails.push((length, file, Vec::new()));
    }
    std::fs::remove_file(&growing).unwrap();
    for _ in 0..ROUNDS {
        for (_, file, rates) in &mut trails {
            let trail = Trail::open(&TrailOptions::new(url(file))).await.unwrap();
            let (rate, _, _) = run(&trail, 32, LENGTH).await;
            trail.close().await.unwrap();
            rates.push(rate);
        }
    }
    println!(
        "\n{:>12} {:>10} {:>10} {:>17} {:>12}   at 32 tasks, medians of {ROUNDS}, in turn",
        "entries", "calls/s", "/shortest", "from to calls/s", "bytes/call"
    );
    let mut shortest = None;
    for (length, file, mut rates) in trails {
        rates.sort_by(f64::total_cmp);
        let [median, least, most] =
            [ROUNDS / 2, 0, ROUNDS - 1].map(|at| rates.get(at).copied().unwrap_or_default());
        let of_shortest = median / *shortest.get_or_insert(median);
        let bytes = file.metadata().unwrap().len() as f64 * 2.0 / count(&file) as f64;
        let spread = format!("{least:.0} {most:.0}");
        println!("{length:>12} {median:>10.0} {of_shortest:>10.2} {spread:>17} {bytes:>12.0}");
    }
}

/// Makes a trail longer, to at least so many entries, and closes it.
async fn grow(file: &Path, length: u64) {
    loop {
        let trail = Trail::open(&TrailOptions::new(url(file))).await.unwrap();
        let there: i64 = count(file);
        let left = length.saturating_sub(there.unsigned_abs());
        if left > 0 {
            // Many wait at a time, so that this takes no longer than it has to.
            run(&trail, 512, Duration::from_secs((left / 20_000).clamp(1, 30))).await;
        }
        trail.close().await.unwrap();
        if left == 0 {
            return;
        }
    }
}

fn url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

fn count(file: &Path) -> i64 {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.query_row("SELECT coalesce(max(seq), 0) FROM entries", [], |row| row.get(0)).unwrap()
}

/// Each task makes one call after the other: an intent that it waits for, and an outcome that it hands over.
async fn measure(tasks: usize, folder: &Path) -> Measured {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let url = format!("sqlite://{}", folder.path().join("trail.db").display());
    let trail = Trail::open(&TrailOptions::new(url)).await.unwrap();
    let (rate, p50, p99) = run(&trail, tasks, LENGTH).await;
    let per_commit = trail.entries() as f64 / trail.commits() as f64;
    trail.close().await.unwrap();
    Measured { rate, per_commit, p50, p99 }
}

async fn run(trail: &Trail, tasks: usize, length: Duration) -> (f64, f64, f64) {
    let start = Instant::now();
    let callers: Vec<_> = (0..tasks).map(|_| tokio::spawn(caller(trail.clone(), start + length))).collect();
    let mut waits = Vec::new();
    for caller in callers {
        waits.extend(caller.await.unwrap());
    }
    let seconds = start.elapsed().as_secs_f64();
    waits.sort_unstable();
    (waits.len() as f64 / seconds, percentile(&waits, 50), percentile(&waits, 99))
}

/// SQLite alone, with as many calls in a transaction as there are tasks.
fn alone(tasks: usize) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trail.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The tables are the trail's own.
    runtime.block_on(async {
        let trail = Trail::open(&TrailOptions::new(format!("sqlite://{}", file.display()))).await.unwrap();
        trail.close().await.unwrap();
    });
    let mut connection = rusqlite::Connection::open(&file).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2048;")
        .unwrap();
    let (mut seq, mut prev, mut calls) = (count(&file), GENESIS, 0);
    let start = Instant::now();
    while start.elapsed() < LENGTH {
        let transaction = connection.transaction().unwrap();
        for _ in 0..tasks {
            for is_intent in [true, false] {
                seq += 1;
                prev = row(&transaction, seq, prev, is_intent);
            }
        }
        transaction.commit().unwrap();
        calls += tasks;
    }
    Measured { rate: calls as f64 / start.elapsed().as_secs_f64(), ..Measured::default() }
}

/// One entry with what belongs to it.
fn row(connection: &rusqlite::Connection, seq: i64, prev: chain::Digest, is_intent: bool) -> chain::Digest {
    let call = Uuid::now_v7().to_string();
    let arguments = "x".repeat(260);
    let text = |text: &str| Sql::Text(text.to_owned());
    let mut values = vec![
        Sql::Integer(seq),
        text(&call),
        text(if is_intent { "intent" } else { "outcome" }),
        Sql::Integer(0),
    ];
    if is_intent {
        values.extend(["0123456789abcdef0123456789abcdef", "content-editor", "bench"].map(text));
        values.extend([Sql::Null, text("127.0.0.1"), text("tools/call"), text("items"), text("permit")]);
        values.extend([
            text("content-editor/write"),
            Sql::Null,
            Sql::Null,
            Sql::Integer(1),
            Sql::Integer(400),
        ]);
        let digest = |byte: u8| Sql::Blob(vec![byte; 32]);
        values.extend([digest(3), Sql::Integer(1), digest(4), digest(1), digest(2)]);
        values.extend([text(&"0".repeat(64)), Sql::Null, Sql::Null, Sql::Integer(1)]);
        values.extend(std::iter::repeat_n(Sql::Null, 8));
    } else {
        values.extend(std::iter::repeat_n(Sql::Null, 22));
        values.extend([
            text("ok"),
            Sql::Integer(200),
            Sql::Null,
            Sql::Integer(2),
            Sql::Null,
            Sql::Null,
            Sql::Null,
            Sql::Null,
        ]);
    }
    let digest = chain::digest(&prev, values.iter().map(of_sql));
    values.extend([prev, digest].map(|digest| Sql::Blob(digest.to_vec())));
    let marks = vec!["?"; values.len()].join(", ");
    let mut insert = connection
        .prepare_cached(&format!(
            "INSERT INTO entries (seq, call_id, kind, at, principal, role, client_name, client_version, client_address, method, tool, \
             decision, rule, reason, detail, enforced, request_bytes, arguments_digest, arguments_kept, facts_digest, received, forwarded, \
             policy_revision, schema_digest, trace_id, count, outcome, http_status, error_code, items, response_bytes, \
             response_digest, duration_us, note, prev, digest) VALUES ({marks})"
        ))
        .unwrap();
    insert.execute(rusqlite::params_from_iter(values)).unwrap();
    if is_intent {
        let access = "INSERT INTO accesses VALUES (?, ?, 'update', 'articles', '[\"body\",\"status\",\"title\"]', '{\"keys\":[1,2]}', '', 1)";
        for n in 0..2 {
            connection.prepare_cached(access).unwrap().execute([seq, n]).unwrap();
        }
        let payload = "INSERT INTO payloads VALUES (?, ?, ?, zeroblob(16))";
        connection.prepare_cached(payload).unwrap().execute((seq, &arguments, &arguments)).unwrap();
    }
    digest
}

fn of_sql(value: &Sql) -> Value<'_> {
    match value {
        Sql::Null | Sql::Real(_) => Value::Null,
        Sql::Integer(number) => Value::Integer(*number),
        Sql::Text(text) => Value::Text(text),
        Sql::Blob(bytes) => Value::Bytes(bytes),
    }
}

async fn caller(trail: Trail, end: Instant) -> Vec<Duration> {
    let mut waits = Vec::new();
    while Instant::now() < end {
        let call = Uuid::now_v7();
        let start = Instant::now();
        trail.commit(intent(call)).await.unwrap();
        waits.push(start.elapsed());
        trail.submit(outcome(call)).await.unwrap();
    }
    waits
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = sorted.len() * percent / 100;
    sorted.get(at).or(sorted.last()).map_or(0.0, |wait| wait.as_secs_f64() * 1000.0)
}

/// A call as large as most: an update of two articles, with its read-back.
fn intent(call: Uuid) -> Entry {
    let keys = Extent::Keys(vec![Key::Number(1), Key::Number(2)]);
    let fields = Fields::named(["title", "body", "status"]);
    let subject = Subject {
        principal: "editorial-desk".to_owned(),
        role: "content-editor".to_owned(),
        client_name: Some("bench".to_owned()),
        client_address: Some("127.0.0.1".to_owned()),
        method: "tools/call".to_owned(),
        tool: Some("items".to_owned()),
        decision: "permit",
        rule: Some("content-editor/write".to_owned()),
        enforced: true,
        request_bytes: 400,
        arguments: Some(format!(
            r#"{{"action":"update","collection":"articles","data":"{}"}}"#,
            "x".repeat(200)
        )),
        received: Some([1; 32]),
        forwarded: Some([2; 32]),
        policy_revision: "0".repeat(64),
        accesses: vec![
            Access::asked(Action::Update, "articles", fields.clone(), keys.clone()),
            Access::asked(Action::Read, "articles", fields, keys),
        ],
        facts: Some(format!(r#"{{"accesses":"{}"}}"#, "y".repeat(200))),
        count: 1,
        ..Subject::default()
    };
    Entry { call, kind: Kind::Intent, at: 0, subject: Some(Box::new(subject)), outcome: None, note: None }
}

fn outcome(call: Uuid) -> Entry {
    let outcome = Outcome { http_status: Some(200), items: Some(2), ..Outcome::default() };
    Entry { call, kind: Kind::Outcome, at: 0, subject: None, outcome: Some(outcome), note: None }
}

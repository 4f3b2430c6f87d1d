//! What questions to a long trail cost: the time to the first row and to the last, and the memory of an export.
//!
//! ```sh
//! cargo bench --bench questions             # 10^5 entries
//! cargo bench --bench questions -- --full   # 10^6 and 10^7, of some 650 bytes: 7 GB in the system's temporary folder
//! cargo bench --bench questions -- --keep FOLDER   # makes the trails there, or takes those that an earlier run made
//! ```
//!
//! The entries are made by SQLite itself, over ninety days, and are not sealed: what is measured is reading. Statistics are asked for
//! twice, call by call and from the tallies of hours, which are made in between as a gateway makes them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on ends, and its figures are for people"
)]

use futures_util::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};
use warrener::audit::export::{ExportFormat, Lines};
use warrener::audit::filter::{AccessFilter, Column, Filter};
use warrener::audit::query::{Listing, Order, Place, TrailReader};
use warrener::audit::stats::{Count, Dimension};
use warrener::audit::tallies::tally;
use warrener::audit::trail::{Trail, TrailOptions};

/// When the first call starts; the last one does so ninety days later.
const START: &str = "2026-08-24T00:00:00Z";
const SPAN: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Of ten calls, nine make two entries and one, a denial, makes one.
const ENTRIES_PER_CALL: f64 = 1.9;

/// Calls that are made in one transaction.
const STEP: i64 = 250_000;

/// Numbered from the first one to make (`?1`), so many (`?2`), from a time on (`?3`), one every so many microseconds (`?4`).
/// What looks like chance is a product, so that every run makes the same trail.
const ENTRIES: &str = "
INSERT INTO entries (seq, call_id, kind, at, principal, role, client_name, client_version, client_address, method, tool,
    decision, rule, reason, detail, enforced, request_bytes, arguments_digest, received, forwarded, policy_revision,
    schema_digest, count, outcome, http_status, error_code, items, response_bytes, duration_us, prev, digest)
WITH RECURSIVE
    numbers (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < ?1 + ?2),
    dice (i, at, r, s) AS (SELECT i, ?3 + i * ?4, (i * 2654435761) % 4294967296 % 1000, (i * 40503) % 65536 FROM numbers),
    told (i, at, s, id, principal, role, tool, verdict, duration) AS (
        SELECT i, at, s,
            printf('%08x-%04x-7%03x-8%03x-%012x', at / 1000 / 65536, at / 1000 % 65536, i % 4096, s % 4096, i),
            CASE WHEN r < 500 THEN 'editorial-desk' WHEN r < 800 THEN 'translator-' || (s % 20)
                 WHEN r < 950 THEN 'reporting' ELSE 'robot-' || (s % 200) END,
            CASE WHEN r < 500 THEN 'content-editor' WHEN r < 800 THEN 'translator' WHEN r < 950 THEN 'reader' ELSE 'developer' END,
            CASE s % 10 WHEN 0 THEN 'files' WHEN 1 THEN 'assets' WHEN 2 THEN 'schema' WHEN 3 THEN 'collections'
                        WHEN 4 THEN 'trigger-flow' ELSE 'items' END,
            s % 100,
            500 + (s * 7919) % 20000 + iif(s % 97 = 0, 900000, 0)
        FROM dice),
    halves (half) AS (VALUES (0), (1))
SELECT 2 * i + half + 10, id, CASE WHEN half THEN 'outcome' WHEN verdict < 10 THEN 'refusal' ELSE 'intent' END,
    at + iif(half, duration, 0), iif(half, NULL, principal), iif(half, NULL, role), iif(half, NULL, 'claude-desktop'),
    iif(half, NULL, '1.2.3'), iif(half, NULL, '10.0.0.' || (s % 250)), iif(half, NULL, 'tools/call'), iif(half, NULL, tool),
    iif(half, NULL, iif(verdict < 10, 'deny', 'permit')),
    iif(half, NULL, CASE WHEN verdict < 5 THEN 'guardrails/no-deletes' WHEN verdict < 10 THEN role || '/-' ELSE role || '/read' END),
    iif(half, NULL, CASE WHEN verdict < 5 THEN 'forbidden' WHEN verdict < 10 THEN 'no_permission' END),
    iif(half OR verdict >= 10, NULL, 'Deleting from articles is forbidden. AI clients may not delete content. Ask an editor.'),
    iif(half, NULL, verdict <> 9), iif(half, NULL, 300 + s % 500), iif(half, NULL, zeroblob(32)),
    iif(half, NULL, zeroblob(32)), iif(half OR verdict < 10, NULL, zeroblob(32)), iif(half, NULL, hex(zeroblob(32))),
    iif(half, NULL, hex(zeroblob(32))), iif(half, NULL, 1),
    iif(half, CASE verdict WHEN 11 THEN 'error' WHEN 12 THEN 'failed' ELSE 'ok' END, iif(verdict < 10, 'refused', NULL)),
    iif(half OR verdict < 10, 200, NULL),
    CASE WHEN half AND verdict = 11 THEN 'RECORD_NOT_UNIQUE' WHEN NOT half AND verdict < 10 THEN 'POLICY_DENIED' END,
    iif(half, s % 100, NULL), iif(half, 400 + s, NULL), iif(half OR verdict < 10, duration, NULL), zeroblob(32), zeroblob(32)
FROM told CROSS JOIN halves WHERE half = 0 OR verdict >= 10";

/// One access for each call that was made from that entry on.
const ACCESSES: &str = "
INSERT INTO accesses (seq, n, action, collection, fields, extent, via, asked)
SELECT seq, 0, CASE WHEN rule = 'guardrails/no-deletes' THEN 'delete' WHEN seq % 3 = 0 THEN 'update' ELSE 'read' END,
    CASE seq / 2 % 10 WHEN 1 THEN 'customers' WHEN 3 THEN 'directus_files' ELSE 'articles' END,
    '[\"body\",\"status\",\"title\"]', '{\"keys\":[1,2]}', '', 1
FROM entries WHERE principal IS NOT NULL AND seq >= ?1";

const PAYLOADS: &str = "
INSERT INTO payloads (seq, arguments, salt)
SELECT seq, '{\"action\":\"update\",\"collection\":\"articles\",\"keys\":[' || seq || '],\"data\":{\"title\":\"' || hex(zeroblob(60))
    || '\"}}', zeroblob(16)
FROM entries WHERE principal IS NOT NULL AND seq >= ?1";

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let sizes: &[i64] =
        if words.iter().any(|word| word == "--full") { &[1_000_000, 10_000_000] } else { &[100_000] };
    let kept = words.iter().skip_while(|word| *word != "--keep").nth(1).map(PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for &entries in sizes {
        let folder = tempfile::tempdir().unwrap();
        let folder = kept.as_deref().unwrap_or(folder.path());
        runtime.block_on(measure(folder, entries));
    }
}

async fn measure(folder: &Path, entries: i64) {
    let path = folder.join(format!("trail-{entries}.db"));
    if !path.exists() {
        make(&path, entries).await;
    }
    let bytes = path.metadata().unwrap().len() as f64;
    println!("{entries} entries, {:.1} GB, {:.0} bytes an entry", bytes / 1e9, bytes / entries as f64);
    println!("{:<52} {:>10} {:>10} {:>9}", "", "first ms", "all ms", "rows");
    let mut reader = TrailReader::open(&format!("sqlite://{}", path.display())).await.unwrap();
    let day = period("2026-11-18T00:00:00Z", 24);
    let denials = Filter {
        columns: vec![(Column::Decision, "deny".to_owned()), (Column::Role, "content-editor".to_owned())],
        ..day.clone()
    };
    list(&mut reader, "a day's denials of one role", denials, None).await;
    let robot = Filter { columns: vec![(Column::Principal, "robot-7".to_owned())], ..Filter::default() };
    list(&mut reader, "the latest 100 calls of a rare client", robot, Some(100)).await;
    let customers = AccessFilter { collection: Some("customers".to_owned()), ..AccessFilter::default() };
    list(
        &mut reader,
        "a day's accesses to one collection",
        Filter { access: customers, ..day.clone() },
        None,
    )
    .await;
    let text = Filter { text: Some("[1234567]".to_owned()), ..day.clone() };
    list(&mut reader, "a day's calls with a text in their arguments", text, None).await;
    let slow = Filter { slower_than: Some(Duration::from_millis(500)), ..day };
    list(&mut reader, "a day's calls of more than 500 ms", slow, None).await;
    untally(&path).await;
    all_stats(&mut reader).await;
    tally_all(&path).await;
    all_stats(&mut reader).await;
    for (name, format) in
        [("all calls as JSON lines", ExportFormat::Jsonl), ("all calls as OCSF", ExportFormat::Ocsf)]
    {
        export(&mut reader, name, format).await;
    }
}

async fn list(reader: &mut TrailReader, name: &str, filter: Filter, limit: Option<u64>) {
    let listing = Listing { filter, limit, order: Order::NewestFirst };
    let (start, mut first, mut rows) = (Instant::now(), Duration::ZERO, 0_u64);
    let mut calls = pin!(reader.calls(listing));
    while calls.try_next().await.unwrap().is_some() {
        if rows == 0 {
            first = start.elapsed();
        }
        rows += 1;
    }
    report(name, first, start.elapsed(), rows);
}

async fn all_stats(reader: &mut TrailReader) {
    let week = period("2026-11-11T00:00:00Z", 7 * 24);
    let late = period("2026-11-11T00:30:00Z", 7 * 24);
    let by = [Dimension::Role, Dimension::Tool, Dimension::Decision];
    let (tool, hour) = ([Dimension::Tool], Some(Duration::from_hours(1)));
    let denials = vec![(Column::Decision, "deny".to_owned()), (Column::Role, "content-editor".to_owned())];
    let denials = Filter { columns: denials, ..week.clone() };
    for (name, filter, by, every) in [
        ("a week's calls by tool", &week, &tool[..], None),
        ("a week's calls by tool, from half past to half past", &late, &tool, None),
        ("a week's calls by tool and hour", &week, &tool, hour),
        ("a week's calls by role, tool and decision", &week, &by, None),
        ("a week's denials of one role by rule", &denials, &[Dimension::Rule], None),
        ("all calls by tool", &Filter::default(), &tool, None),
    ] {
        stats(reader, name, filter, by, every).await;
    }
}

async fn stats(
    reader: &mut TrailReader,
    name: &str,
    filter: &Filter,
    by: &[Dimension],
    every: Option<Duration>,
) {
    let count = Count { filter: filter.clone(), by: by.to_vec(), every };
    let (start, mut first, mut rows) = (Instant::now(), Duration::ZERO, 0);
    let mut counting = reader.count(count, Timestamp::now()).await.unwrap();
    while let Some(interval) = counting.next().await.unwrap() {
        if rows == 0 {
            first = start.elapsed();
        }
        rows += interval.groups.len() as u64;
    }
    report(name, first, start.elapsed(), rows);
}

/// Lets statistics be counted call by call.
async fn untally(path: &Path) {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::query("DELETE FROM tallied_hours").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Tallies as a gateway does, which rests three quarters of the time.
async fn tally_all(path: &Path) {
    let start = Instant::now();
    let hours = tally(&format!("sqlite://{}", path.display()), Timestamp::now()).await.unwrap();
    let took = start.elapsed().as_secs_f64();
    println!("{hours} hours tallied in {took:.1} s, {:.1} ms of work each", took * 250.0 / hours as f64);
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let (rows, durations): (i64, i64) =
        sqlx::query_as("SELECT count(*), coalesce(sum(length(durations)), 0) FROM tallies")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    connection.close().await.unwrap();
    println!("{rows} rows, with {:.1} MB of durations", durations as f64 / 1e6);
}

async fn export(reader: &mut TrailReader, name: &str, format: ExportFormat) {
    forget_peak();
    let before = peak();
    let (start, mut out) = (Instant::now(), FirstByte { start: Instant::now(), first: None, bytes: 0 });
    let mut lines = Lines::new(format, None, None);
    lines.write(reader, Place::START, &mut out).await.unwrap();
    report(name, out.first.unwrap_or_default(), start.elapsed(), lines.written());
    println!(
        "{:<52} {:.2} GB; most memory {before:.0} MiB before, {:.0} MiB meanwhile",
        "",
        out.bytes as f64 / 1e9,
        peak()
    );
}

fn report(name: &str, first: Duration, all: Duration, rows: u64) {
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    println!("{name:<52} {:>10.1} {:>10.1} {rows:>9}", ms(first), ms(all));
}

fn period(start: &str, hours: i64) -> Filter {
    let since: Timestamp = start.parse().unwrap();
    Filter { since: Some(since), until: Some(since + SignedDuration::from_hours(hours)), ..Filter::default() }
}

/// Counts what is written, and notes when that began.
struct FirstByte {
    start: Instant,
    first: Option<Duration>,
    bytes: u64,
}

impl Write for FirstByte {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.first.get_or_insert(self.start.elapsed());
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The most memory that the process has had, in MiB; Linux only.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// Lets the most begin at what there is now.
fn forget_peak() {
    // Where this does not work, the figure is that of the whole run, which is not less.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

async fn make(path: &Path, entries: i64) {
    let start = Instant::now();
    let url = format!("sqlite://{}", path.display());
    Trail::open(&TrailOptions::new(&url)).await.unwrap().close().await.unwrap();
    let options = SqliteConnectOptions::new().filename(path).journal_mode(SqliteJournalMode::Wal);
    let options = options.synchronous(SqliteSynchronous::Off).pragma("cache_size", "-200000");
    let mut connection = options.connect().await.unwrap();
    for table in ["entries", "accesses", "payloads"] {
        // They look at each row, and there is nothing here yet that could be replaced.
        let drop = format!("DROP TRIGGER IF EXISTS {table}_no_replace");
        sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
    }
    #[expect(clippy::cast_possible_truncation, reason = "a count of calls")]
    let calls = (entries as f64 / ENTRIES_PER_CALL) as i64;
    for first in (0..calls).step_by(usize::try_from(STEP).unwrap()) {
        let some = STEP.min(calls - first);
        step(&mut connection, first, some, i64::try_from(SPAN.as_micros()).unwrap() / calls).await;
    }
    connection.close().await.unwrap();
    println!("{entries} entries made in {:.0} s", start.elapsed().as_secs_f64());
}

async fn step(connection: &mut SqliteConnection, first: i64, calls: i64, every: i64) {
    let start: Timestamp = START.parse().unwrap();
    let mut transaction = connection.begin().await.unwrap();
    let entries = sqlx::query(ENTRIES).bind(first).bind(calls).bind(start.as_microsecond()).bind(every);
    entries.execute(&mut *transaction).await.unwrap();
    for rows in [ACCESSES, PAYLOADS] {
        sqlx::query(rows).bind(2 * first + 10).execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

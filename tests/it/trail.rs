//! The audit trail: what is on the disk when, in what order, and what happens when the disk will not have it.

use futures_util::future::join_all;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;
use warrener::audit::TrailError;
use warrener::audit::entry::{Entry, Kind, Outcome, OutcomeWord, Subject};
use warrener::audit::trail::{TextKind, Trail, TrailOptions};
use warrener::directus::access::{Access, Action, Extent, Fields, Key, Origin};

/// 2026-11-22T12:00:00Z.
pub(crate) const NOON: i64 = 1_795_348_800_000_000;

/// A folder with room for one trail, gone with the test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("trail.db")
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }

    pub(crate) async fn open(&self) -> Trail {
        Trail::open(&self.options()).await.unwrap()
    }

    pub(crate) fn options(&self) -> TrailOptions {
        TrailOptions { busy_timeout: Duration::from_millis(20), ..TrailOptions::new(self.url()) }
    }

    pub(crate) async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.path()).connect().await.unwrap()
    }

    /// The rows of a query, as text.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        let mut connection = self.connect().await;
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    }

    pub(crate) fn verify(&self) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit/verify.py");
        Command::new("python3").arg(script).arg(self.path()).output().unwrap()
    }
}

/// A permitted update of two articles, as the path hands it over before it is forwarded.
pub(crate) fn intent(call: Uuid) -> Entry {
    Entry {
        call,
        kind: Kind::Intent,
        at: NOON,
        subject: Some(Box::new(subject())),
        outcome: None,
        note: None,
    }
}

pub(crate) fn outcome(call: Uuid) -> Entry {
    let outcome = Outcome {
        word: OutcomeWord::Ok,
        http_status: Some(200),
        error_code: None,
        items: Some(2),
        response_bytes: Some(512),
        response_digest: Some([9; 32]),
        duration_us: Some(12_345),
    };
    Entry { call, kind: Kind::Outcome, at: NOON + 12_345, subject: None, outcome: Some(outcome), note: None }
}

/// A denied delete.
pub(crate) fn refusal(call: Uuid) -> Entry {
    let subject = Subject {
        decision: "deny",
        rule: Some("guardrails/no-deletes".to_owned()),
        reason: Some("forbidden"),
        accesses: vec![Access::asked(Action::Delete, "reviews", Fields::none(), Extent::All)],
        ..subject()
    };
    let outcome = Outcome {
        word: OutcomeWord::Refused,
        error_code: Some("POLICY_DENIED".to_owned()),
        duration_us: Some(500),
        ..Outcome::default()
    };
    let subject = Some(Box::new(subject));
    Entry { call, kind: Kind::Refusal, at: NOON, subject, outcome: Some(outcome), note: None }
}

pub(crate) fn subject() -> Subject {
    let keys = Extent::Keys(vec![Key::Number(1), Key::Text("a".to_owned())]);
    let asked = Access::asked(Action::Update, "articles", Fields::named(["title", "body"]), keys);
    let mut implied = asked.clone();
    (implied.via, implied.origin) = ("reviews".to_owned(), Origin::Implied);
    Subject {
        principal: "desk".to_owned(),
        role: "editor".to_owned(),
        client_name: Some("a client \u{1f407}".to_owned()),
        method: "tools/call".to_owned(),
        tool: Some("items".to_owned()),
        decision: "permit",
        rule: Some("editor/write".to_owned()),
        enforced: true,
        request_bytes: 321,
        arguments: Some(r#"{"action":"update","note":"é\u0000"}"#.to_owned()),
        received: Some([7; 32]),
        policy_revision: "r1".to_owned(),
        accesses: vec![asked, implied],
        facts: Some("{}".to_owned()),
        count: 1,
        ..Subject::default()
    }
}

pub(crate) fn id() -> Uuid {
    Uuid::now_v7()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_shares_commits_and_the_order_is_the_chain() {
    let place = Place::new();
    let trail = place.open().await;
    let calls: Vec<Uuid> = (0..1000).map(|_| id()).collect();
    let committed = join_all(calls.iter().map(|&call| trail.commit(intent(call)))).await;
    for (call, seq) in calls.iter().zip(committed) {
        let seq = seq.unwrap();
        let stored = place_of(&place, *call).await;
        assert_eq!(stored, seq.to_string());
        if seq > 20 {
            break;
        }
    }
    assert_eq!(trail.entries(), 1000);
    assert!(trail.commits() < 50, "{} commits for 1000 entries", trail.commits());
    trail.close().await.unwrap();
    let verified = place.verify();
    assert!(verified.status.success(), "{verified:?}");
    assert!(verified.stdout.starts_with(b"1002 entries, "), "start, 1000 intents, stop: {verified:?}");
}

async fn place_of(place: &Place, call: Uuid) -> String {
    place.rows(&format!("SELECT CAST(seq AS TEXT) FROM entries WHERE call_id = '{call}'")).await.remove(0)
}

#[tokio::test]
async fn a_committed_entry_is_there_for_others_at_once() {
    let place = Place::new();
    let trail = place.open().await;
    let call = id();
    let seq = trail.commit(intent(call)).await.unwrap();
    assert_eq!(place_of(&place, call).await, seq.to_string());
}

#[tokio::test(start_paused = true)]
async fn an_outcome_shares_the_commit_of_the_next_intent() {
    let place = Place::new();
    let trail = place.open().await;
    let (first, second) = (id(), id());
    trail.commit(intent(first)).await.unwrap();
    let before = trail.commits();
    trail.submit(outcome(first)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    trail.commit(intent(second)).await.unwrap();
    assert_eq!((trail.entries(), trail.commits()), (3, before + 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_outcome_is_written_at_once() {
    let place = Place::new();
    let trail = place.open().await;
    let before = trail.commits();
    trail.submit(refusal(id())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    trail.commit(intent(id())).await.unwrap();
    assert_eq!((trail.entries(), trail.commits()), (2, before + 2));
}

#[tokio::test]
async fn an_outcome_does_not_wait_for_another_call() {
    let place = Place::new();
    let trail = place.open().await;
    let call = id();
    trail.commit(intent(call)).await.unwrap();
    trail.submit(outcome(call)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), async {
        while trail.entries() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_is_submitted_is_written_before_the_close_is_done() {
    let place = Place::new();
    let trail = place.open().await;
    for _ in 0..100 {
        trail.submit(outcome(id())).await.unwrap();
    }
    let late = trail.clone();
    trail.close().await.unwrap();
    assert_eq!(place.rows("SELECT CAST(count(*) AS TEXT) FROM entries").await, ["102"]);
    assert_eq!(
        late.commit(intent(id())).await.unwrap_err().to_string(),
        "the audit trail cannot be written: it is closed"
    );
    assert!(late.ready().await.is_err());
}

#[tokio::test]
async fn reopening_continues_the_chain() {
    let place = Place::new();
    for _ in 0..3 {
        let trail = place.open().await;
        let call = id();
        trail.commit(intent(call)).await.unwrap();
        trail.commit(outcome(call)).await.unwrap();
        assert_eq!(trail.closed_at_start(), 0);
        trail.close().await.unwrap();
    }
    let verified = place.verify();
    assert!(verified.stdout.starts_with(b"12 entries, "), "{verified:?}");
}

#[tokio::test]
async fn calls_left_open_are_closed_as_unknown_once() {
    let place = Place::new();
    let trail = place.open().await;
    let (lost, done) = (id(), id());
    trail.commit(intent(lost)).await.unwrap();
    trail.commit(intent(done)).await.unwrap();
    trail.commit(outcome(done)).await.unwrap();
    trail.close().await.unwrap();

    let trail = place.open().await;
    assert_eq!(trail.closed_at_start(), 1);
    let outcomes = "SELECT id || ' ' || outcome || ' ' || coalesce(finished_at, '-') FROM calls ORDER BY id";
    let expected = [format!("{lost} unknown -"), format!("{done} ok 2026-11-22T12:00:00.012345Z")];
    assert_eq!(place.rows(outcomes).await, expected);
    trail.close().await.unwrap();

    let trail = place.open().await;
    assert_eq!(trail.closed_at_start(), 0);
    assert_eq!(place.rows(outcomes).await, expected);
}

#[tokio::test]
async fn entries_cannot_be_changed_or_deleted_but_arguments_can_go() {
    let place = Place::new();
    let trail = place.open().await;
    trail.commit(intent(id())).await.unwrap();
    trail.keep_text("r1", TextKind::Policy, "version: 1".to_owned()).await.unwrap();
    let mut connection = place.connect().await;
    for sql in [
        "UPDATE entries SET decision = 'permit'",
        "DELETE FROM entries",
        "UPDATE accesses SET asked = 0",
        "DELETE FROM accesses",
        "UPDATE payloads SET arguments = ''",
        "UPDATE texts SET text = ''",
        "INSERT OR REPLACE INTO entries (seq, call_id, kind, at, prev, digest) VALUES (1, '', 'marker', 0, x'', x'')",
        "INSERT OR REPLACE INTO accesses VALUES (2, 0, 'read', 'x', '', '', '', 0)",
        "INSERT OR REPLACE INTO payloads VALUES (2, '', '', x'')",
        "UPDATE principals SET name = 'other'",
        "UPDATE pruned SET through = -1",
        "INSERT INTO pruned VALUES (9)",
        "DELETE FROM pruned",
    ] {
        let error = sqlx::query(sql).execute(&mut connection).await.expect_err(sql).to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
    sqlx::query("DELETE FROM payloads").execute(&mut connection).await.unwrap();
    trail.close().await.unwrap();
    assert!(place.verify().status.success());
}

#[tokio::test]
async fn a_change_behind_the_triggers_shows() {
    for (sql, complaint) in [
        ("UPDATE entries SET role = 'other' WHERE seq = 2", "entry 2 was changed"),
        ("UPDATE accesses SET asked = 0 WHERE seq = 2", "entry 2 was changed"),
        ("DELETE FROM accesses WHERE seq = 2 AND n = 1", "entry 2 was changed"),
        ("UPDATE entries SET facts_digest = NULL WHERE seq = 2", "entry 2 was changed"),
        ("UPDATE payloads SET arguments = '{}'", "the arguments of entry 2 were changed"),
        ("UPDATE payloads SET facts = '{\"accesses\":[]}'", "the facts of entry 2 were changed"),
        ("UPDATE principals SET name = 'other'", "the name `other` does not belong to its pseudonym"),
        ("DELETE FROM entries WHERE seq = 2", "entry 2 is missing"),
    ] {
        let place = Place::new();
        let trail = place.open().await;
        trail.commit(intent(id())).await.unwrap();
        trail.close().await.unwrap();
        let mut connection = place.connect().await;
        let triggers = place.rows("SELECT name FROM sqlite_schema WHERE type = 'trigger'").await;
        for trigger in triggers {
            let drop = AssertSqlSafe(format!("DROP TRIGGER {trigger}"));
            sqlx::query(drop).execute(&mut connection).await.unwrap();
        }
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut connection).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let verified = place.verify();
        assert_eq!(verified.status.code(), Some(1), "{sql}");
        assert_eq!(String::from_utf8_lossy(&verified.stderr).trim(), complaint, "{sql}");
    }
}

#[tokio::test]
async fn a_second_gateway_is_refused_while_reading_works() {
    let place = Place::new();
    let first = place.open().await;
    let error = Trail::open(&place.options()).await.unwrap_err();
    assert!(matches!(error, TrailError::InUse { .. }), "{error}");
    assert_eq!(place.rows("SELECT kind FROM entries").await, ["marker"]);
    first.close().await.unwrap();
    place.open().await;
}

#[tokio::test]
async fn a_new_trail_is_for_its_owner_alone() {
    let place = Place::new();
    let trail = place.open().await;
    trail.commit(intent(id())).await.unwrap();
    for file in std::fs::read_dir(place.folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn refuses_what_is_no_trail_with_one_clear_error() {
    let place = Place::new();
    let folder = place.folder.path();
    std::fs::write(folder.join("notes.txt"), "not a database, and long enough to look at ".repeat(40))
        .unwrap();
    std::fs::write(folder.join("locked.db"), "").unwrap();
    std::fs::set_permissions(folder.join("locked.db"), Permissions::from_mode(0o444)).unwrap();
    let other = SqliteConnectOptions::new().filename(folder.join("other.db")).create_if_missing(true);
    let mut other = other.connect().await.unwrap();
    sqlx::query("CREATE TABLE articles (id)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(folder.join("other.db")).unwrap();

    for (url, expected) in [
        (
            "postgres://localhost",
            "`postgres://localhost` is not an audit trail: use `sqlite://FILE`, such as `sqlite://warrener.db`",
        ),
        (
            "sqlite://DIR/no/such/folder.db",
            "cannot create the audit trail `DIR/no/such/folder.db`: its folder does not exist",
        ),
        ("sqlite://DIR/locked.db", "cannot write the audit trail `DIR/locked.db`: the file is read-only"),
        ("sqlite://DIR/notes.txt", "`DIR/notes.txt` is not an audit trail of Warrener"),
        ("sqlite://DIR/other.db", "`DIR/other.db` is not an audit trail of Warrener"),
        ("sqlite://DIR", "cannot open `DIR`"),
    ] {
        let folder = folder.to_str().unwrap();
        let error = Trail::open(&TrailOptions::new(url.replace("DIR", folder))).await.expect_err(url);
        assert_eq!(error.to_string(), expected.replace("DIR", folder));
    }
    assert_eq!(std::fs::read(folder.join("other.db")).unwrap(), before, "another program's file was touched");
}

#[tokio::test]
async fn a_damaged_file_is_named_and_left_alone() {
    let place = Place::new();
    let trail = place.open().await;
    for _ in 0..500 {
        trail.submit(intent(id())).await.unwrap();
    }
    trail.close().await.unwrap();
    // Everything but the first pages, where the structure is.
    let mut bytes = std::fs::read(place.path()).unwrap();
    let from = 20 * 4096;
    bytes[from..].fill(0x5a);
    std::fs::write(place.path(), &bytes).unwrap();
    let error = Trail::open(&place.options()).await.unwrap_err();
    assert!(matches!(error, TrailError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("is damaged: keep it as it is, as evidence"), "{error}");
    assert_eq!(std::fs::read(place.path()).unwrap(), bytes);
}

#[tokio::test]
async fn a_clock_that_jumps_back_changes_times_but_not_the_order() {
    let place = Place::new();
    let trail = place.open().await;
    let (first, second) = (id(), id());
    trail.commit(intent(first)).await.unwrap();
    trail.commit(outcome(first)).await.unwrap();
    let hour = 3_600_000_000;
    trail.commit(Entry { at: NOON - hour, ..intent(second) }).await.unwrap();
    trail.commit(Entry { at: NOON - hour + 12_345, ..outcome(second) }).await.unwrap();
    trail.close().await.unwrap();
    let order = place.rows("SELECT id FROM calls ORDER BY seq").await;
    assert_eq!(order, [first, second].map(|call| call.to_string()));
    assert_eq!(place.rows("SELECT outcome FROM calls ORDER BY seq").await, ["ok", "ok"]);
    assert!(place.verify().status.success());
}

#[tokio::test]
async fn intents_fail_and_outcomes_wait_while_the_file_is_locked() {
    let place = Place::new();
    let trail = place.open().await;
    let (call, refused) = (id(), id());
    trail.commit(intent(call)).await.unwrap();

    let mut other = place.connect().await;
    let blocking = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    trail.submit(outcome(call)).await.unwrap();
    let error = trail.commit(intent(refused)).await.unwrap_err();
    assert!(error.to_string().contains("database is locked"), "{error}");
    assert!(trail.ready().await.is_err());
    blocking.rollback().await.unwrap();

    // The outcome is tried again by itself; nothing else is written meanwhile.
    while trail.ready().await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    trail.close().await.unwrap();
    let kinds = place.rows("SELECT kind FROM entries ORDER BY seq").await;
    assert_eq!(kinds, ["marker", "intent", "outcome", "marker"]);
    assert_eq!(place.rows(&format!("SELECT kind FROM entries WHERE call_id = '{refused}'")).await, [""; 0]);
    assert!(place.verify().status.success());
}

#[tokio::test]
async fn a_close_in_vain_says_what_is_lost() {
    let place = Place::new();
    let trail = place.open().await;
    let mut other = place.connect().await;
    let blocking = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    trail.submit(outcome(id())).await.unwrap();
    let error = trail.close().await.unwrap_err();
    assert_eq!(error.to_string(), "the audit trail cannot be written: 2 entries are lost");
    blocking.rollback().await.unwrap();
    place.open().await;
}

#[tokio::test]
async fn a_text_is_kept_once() {
    let place = Place::new();
    let trail = place.open().await;
    for _ in 0..2 {
        trail.keep_text("r1", TextKind::Policy, "version: 1".to_owned()).await.unwrap();
        trail.keep_text("r1", TextKind::Schema, "{}".to_owned()).await.unwrap();
    }
    assert_eq!(place.rows("SELECT kind || ' ' || text FROM texts").await, ["policy version: 1", "schema {}"]);
}

#[tokio::test]
async fn large_batches_are_split_into_statements() {
    let place = Place::new();
    let trail = place.open().await;
    join_all((0..1500).map(|_| trail.submit(intent(id())))).await;
    trail.close().await.unwrap();
    assert_eq!(place.rows("SELECT CAST(count(*) AS TEXT) FROM accesses").await, ["3000"]);
    assert!(place.verify().status.success());
}

#[tokio::test]
async fn crowds_of_any_size_are_whole() {
    // Below, at and above what one text holds, what one statement writes, and what is left over for a second.
    for crowd in [1, 2, 3, 4, 5, 7, 9, 31, 33, 63, 64, 65, 71, 129] {
        let place = Place::new();
        let trail = place.open().await;
        // The first pseudonym is made outside, so that the crowd goes the usual way.
        trail.commit(refusal(id())).await.unwrap();
        let committed = join_all((0..crowd).map(|_| trail.commit(intent(id())))).await;
        let mut places: Vec<i64> = committed.into_iter().map(Result::unwrap).collect();
        places.sort_unstable();
        assert_eq!(places, (3..3 + crowd).collect::<Vec<_>>());
        trail.close().await.unwrap();
        let told = place.rows("SELECT format('%d %d', count(*), count(DISTINCT seq)) FROM accesses").await;
        assert_eq!(told, [format!("{} {}", 2 * crowd + 1, crowd + 1)]);
        assert!(place.verify().status.success());
    }
}

#[tokio::test]
async fn a_call_is_one_row_of_the_view() {
    let place = Place::new();
    let trail = place.open().await;
    let (done, open, denied, protocol) = (id(), id(), id(), id());
    trail.commit(intent(done)).await.unwrap();
    trail.commit(outcome(done)).await.unwrap();
    trail.commit(intent(open)).await.unwrap();
    trail.commit(refusal(denied)).await.unwrap();
    let both = Entry { kind: Kind::Outcome, outcome: outcome(protocol).outcome, ..intent(protocol) };
    trail.commit(both).await.unwrap();
    let calls = place
        .rows(
            "SELECT json_array(id, started_at, finished_at, duration_ms, decision, reason, outcome, http_status, items)
             FROM calls ORDER BY id",
        )
        .await;
    let at = |micros: &str| format!("2026-11-22T12:00:00.{micros}Z");
    let expected = [
        json!([done.to_string(), at("000000"), at("012345"), 12.345, "permit", null, "ok", 200, 2]),
        json!([open.to_string(), at("000000"), null, null, "permit", null, null, null, null]),
        json!([
            denied.to_string(),
            at("000000"),
            at("000500"),
            0.5,
            "deny",
            "forbidden",
            "refused",
            null,
            null
        ]),
        json!([protocol.to_string(), at("000000"), at("012345"), 12.345, "permit", null, "ok", 200, 2]),
    ];
    assert_eq!(calls, expected.map(|row| row.to_string()));
}

#[tokio::test]
async fn the_views_have_the_promised_columns() {
    let place = Place::new();
    place.open().await;
    let columns = async |view: &str| {
        place
            .rows(&format!("SELECT group_concat(name, ' ') FROM pragma_table_info('{view}')"))
            .await
            .remove(0)
    };
    assert_eq!(
        columns("calls").await,
        "id started_at finished_at duration_ms principal role client_name client_version client_address method tool \
         decision rule reason enforced outcome http_status error_code items request_bytes response_bytes arguments \
         arguments_digest policy_revision trace_id principal_id seq count"
    );
    assert_eq!(columns("call_accesses").await, "id action collection fields extent via asked");
}

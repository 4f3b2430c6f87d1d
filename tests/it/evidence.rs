//! The trail as evidence: what `audit verify` says of one that somebody has touched, and what pruning and erasing leave.

use crate::trail::{Place, id, intent, outcome, refusal};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use warrener::audit::TrailError;
use warrener::audit::checkpoint::{Checkpoints, SecondPlace};
use warrener::audit::erase::{Erase, erase};
use warrener::audit::retention::prune;
use warrener::audit::signing::{Said, SigningKey};
use warrener::audit::trail::{TextKind, Trail, TrailOptions};
use warrener::audit::verify::{Evidence, Fault, Verdict, Verified, verify};
use warrener::policy::PolicySet;

/// A trail of twelve entries: start, four calls with intent and outcome, a refusal, a checkpoint at the end, and what signed it.
struct Signed {
    place: Place,
    key: SigningKey,
}

impl Signed {
    async fn new() -> Self {
        let signed = Self { place: Place::new(), key: SigningKey::generate().unwrap() };
        let trail = signed.open().await;
        for _ in 0..4 {
            let call = id();
            trail.commit(intent(call)).await.unwrap();
            trail.commit(outcome(call)).await.unwrap();
        }
        trail.commit(refusal(id())).await.unwrap();
        trail.close().await.unwrap();
        signed
    }

    async fn open(&self) -> Trail {
        Trail::open(&self.options()).await.unwrap()
    }

    fn options(&self) -> TrailOptions {
        let to = SecondPlace::File(self.checkpoints());
        let checkpoints = Some(Checkpoints { key: self.key.clone(), to });
        // As long as by default: a command that prunes meanwhile holds the file for moments.
        TrailOptions { checkpoints, ..TrailOptions::new(self.place.url()) }
    }

    /// The file of the second place.
    fn checkpoints(&self) -> PathBuf {
        self.place.path().with_extension("jsonl")
    }

    /// What stands in it.
    fn elsewhere(&self) -> Vec<Said> {
        let text = std::fs::read_to_string(self.checkpoints()).unwrap();
        let said = |line: &str| {
            let note: Value = serde_json::from_str(line).unwrap();
            Said::from_json(note.as_object().unwrap()).unwrap()
        };
        text.lines().map(said).collect()
    }

    fn evidence(&self) -> Evidence {
        Evidence { key: Some(self.key.public()), elsewhere: self.elsewhere() }
    }

    async fn verify(&self, evidence: &Evidence) -> Result<Verified, Fault> {
        match verify(&self.place.url(), evidence, &mut |_, _| {}).await.unwrap() {
            Verdict::Whole(found) => Ok(found),
            Verdict::Broken(fault) => Err(fault),
        }
    }

    /// Does something to the file that the gateway never does, behind every trigger.
    async fn touch(&self, statements: &[&str]) {
        let mut connection = self.place.connect().await;
        let triggers = "SELECT name || ' ' || sql FROM sqlite_schema WHERE type = 'trigger'";
        let triggers = self.place.rows(triggers).await;
        for trigger in &triggers {
            let drop = AssertSqlSafe(format!("DROP TRIGGER {}", trigger.split(' ').next().unwrap()));
            sqlx::query(drop).execute(&mut connection).await.unwrap();
        }
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut connection).await.unwrap();
        for sql in statements {
            sqlx::query(AssertSqlSafe(*sql)).execute(&mut connection).await.expect(sql);
        }
        // Whoever hides something leaves no trigger out.
        for trigger in &triggers {
            let (_, sql) = trigger.split_once(' ').unwrap();
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect(sql);
        }
        connection.close().await.unwrap();
    }

    /// Seals the chain anew from an entry on, as whoever knows how it is made can.
    fn reseal(&self, from: i64) {
        let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit/reseal.py");
        let done = Command::new("python3")
            .arg("-B")
            .arg(script)
            .arg(self.place.path())
            .arg(from.to_string())
            .status();
        assert!(done.unwrap().success());
    }
}

#[tokio::test]
async fn an_untouched_trail_is_whole_with_and_without_the_key() {
    let signed = Signed::new().await;
    let found = signed.verify(&signed.evidence()).await.unwrap();
    assert_eq!((found.entries, found.last), (12, 12));
    assert_eq!((found.checkpoints, found.signed_through, found.elsewhere), (1, 11, 1));
    assert!(found.signatures_checked);
    let bare = signed.verify(&Evidence::default()).await.unwrap();
    assert_eq!((bare.entries, bare.signatures_checked, bare.elsewhere), (12, false, 0));
    assert!(signed.place.verify().status.success());
}

#[tokio::test]
async fn the_first_entry_that_is_not_in_order_is_named() {
    let move_up = "UPDATE entries SET seq = -seq - 1 WHERE seq >= 5; UPDATE accesses SET seq = -seq - 1 WHERE seq >= 5;
        UPDATE payloads SET seq = -seq - 1 WHERE seq >= 5; UPDATE entries SET seq = -seq WHERE seq < 0;
        UPDATE accesses SET seq = -seq WHERE seq < 0; UPDATE payloads SET seq = -seq WHERE seq < 0;
        INSERT INTO entries (seq, call_id, kind, at, prev, digest)
        SELECT 5, call_id, kind, at, (SELECT digest FROM entries WHERE seq = 4), digest FROM entries WHERE seq = 1";
    let swap = |one: i64, other: i64| {
        ["entries", "accesses", "payloads"]
            .map(|table| {
                format!(
                    "UPDATE {table} SET seq = -1 WHERE seq = {one}; UPDATE {table} SET seq = {one} WHERE seq = {other};
                     UPDATE {table} SET seq = {other} WHERE seq = -1;"
                )
            })
            .concat()
    };
    let close_gap =
        "UPDATE entries SET seq = seq - 1 WHERE seq > 5; UPDATE accesses SET seq = seq - 1 WHERE seq > 5;
        UPDATE payloads SET seq = seq - 1 WHERE seq > 5";
    let delete = "DELETE FROM accesses WHERE seq = 5; DELETE FROM payloads WHERE seq = 5; DELETE FROM entries WHERE seq = 5";
    let (near, far) = (swap(5, 6), swap(4, 9));
    for (statements, fault) in [
        (vec!["UPDATE entries SET decision = 'deny' WHERE seq = 4"], Fault::Changed { seq: 4 }),
        (vec!["UPDATE entries SET at = at + 1 WHERE seq = 12"], Fault::Changed { seq: 12 }),
        (vec!["UPDATE entries SET rule = NULL WHERE seq = 2"], Fault::Changed { seq: 2 }),
        (vec!["UPDATE entries SET prev = digest WHERE seq = 3"], Fault::Changed { seq: 3 }),
        (vec!["UPDATE entries SET digest = zeroblob(31) WHERE seq = 3"], Fault::Changed { seq: 3 }),
        (vec!["DELETE FROM accesses WHERE seq = 6 AND n = 0"], Fault::Changed { seq: 6 }),
        (vec!["UPDATE accesses SET collection = 'tags' WHERE seq = 10"], Fault::Changed { seq: 10 }),
        (vec![delete], Fault::Removed { seq: 5 }),
        (vec![delete, close_gap], Fault::Removed { seq: 5 }),
        (vec![move_up], Fault::Inserted { seq: 5 }),
        (vec![&near], Fault::Reordered { seq: 5, was: 6 }),
        (vec![&far], Fault::Reordered { seq: 4, was: 9 }),
        (
            vec![
                "DELETE FROM accesses WHERE seq < 3",
                "DELETE FROM payloads WHERE seq < 3",
                "DELETE FROM entries WHERE seq < 3",
            ],
            Fault::Beginning { first: 3 },
        ),
        (
            vec!["UPDATE payloads SET arguments = '{}' WHERE seq = 4"],
            Fault::Payload { seq: 4, what: "arguments" },
        ),
        (vec!["UPDATE payloads SET facts = NULL WHERE seq = 4"], Fault::Payload { seq: 4, what: "facts" }),
        (vec!["DELETE FROM payloads WHERE seq = 6"], Fault::PayloadRemoved { seq: 6 }),
    ] {
        is_found(&statements, fault).await;
    }
}

/// Ways past it that worked once.
#[tokio::test]
async fn what_stands_beside_the_chain_does_not_hide_a_change() {
    for (statements, fault) in [
        (
            vec!["UPDATE payloads SET arguments = NULL WHERE seq = 4"],
            Fault::Payload { seq: 4, what: "arguments" },
        ),
        (vec!["UPDATE pruned SET through = 1000"], Fault::Pruned { through: 1000, pruned: 0 }),
        (
            vec![
                "INSERT INTO entries (seq, call_id, kind, at, prev, digest)
                 SELECT -5, 'x', kind, at, prev, digest FROM entries WHERE seq = 10",
            ],
            Fault::Inserted { seq: -5 },
        ),
        (
            vec![
                "INSERT INTO entries (seq, call_id, kind, at, note, prev, digest) SELECT 13, 'x', 'marker', 0,
                 '{\"event\":\"prune\",\"seq\":9223372036854775807,\"digest\":\"' || lower(hex(digest)) || '\",\"at\":\"x\"}', digest, digest
                 FROM entries WHERE seq = 12",
            ],
            Fault::Forged { seq: 13 },
        ),
        (
            vec![
                "UPDATE entries SET decision = 'permit' WHERE seq = 10",
                "UPDATE entries SET kind = 'marker', note = '{\"event\":\"prune\",\"seq\":10,\"digest\":\"' ||
                 (SELECT lower(hex(digest)) FROM entries WHERE seq = 10) || '\",\"at\":\"x\"}' WHERE seq = 3",
            ],
            Fault::Forged { seq: 3 },
        ),
        (
            vec![
                "DROP VIEW calls",
                "CREATE VIEW calls AS SELECT call_id AS id FROM entries WHERE kind <> 'refusal'",
            ],
            Fault::Structure { kind: "view".to_owned(), name: "calls".to_owned() },
        ),
        (
            vec!["CREATE TRIGGER forget AFTER INSERT ON entries BEGIN DELETE FROM payloads; END"],
            Fault::Structure { kind: "trigger".to_owned(), name: "forget".to_owned() },
        ),
        (
            vec!["CREATE TRIGGER _sqlx_forget AFTER INSERT ON entries BEGIN DELETE FROM payloads; END"],
            Fault::Structure { kind: "trigger".to_owned(), name: "_sqlx_forget".to_owned() },
        ),
    ] {
        is_found(&statements, fault).await;
    }
}

async fn is_found(statements: &[&str], fault: Fault) {
    let signed = Signed::new().await;
    signed.touch(statements).await;
    assert_eq!(signed.verify(&Evidence::default()).await, Err(fault), "{statements:?}");
}

#[tokio::test]
async fn a_name_cannot_be_put_behind_another_pseudonym() {
    let signed = Signed::new().await;
    signed.touch(&["UPDATE principals SET name = 'somebody-else'"]).await;
    let Err(Fault::Name { name, .. }) = signed.verify(&Evidence::default()).await else { panic!("not seen") };
    assert_eq!(name, "somebody-else");
}

#[tokio::test]
async fn a_name_cannot_go_without_a_word() {
    let signed = Signed::new().await;
    signed.touch(&["DELETE FROM principals"]).await;
    let fault = signed.verify(&Evidence::default()).await.unwrap_err();
    assert!(matches!(fault, Fault::NameRemoved { .. }), "{fault}");
}

/// What an old decision is explained by.
#[tokio::test]
async fn a_policy_text_cannot_be_replaced() {
    let signed = Signed::new().await;
    let trail = signed.open().await;
    let set = PolicySet::built_in().unwrap();
    let texts: serde_json::Map<String, Value> =
        set.sources().iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
    trail.keep_text(set.revision(), TextKind::Policy, Value::Object(texts).to_string()).await.unwrap();
    let schema = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    trail.keep_text(schema, TextKind::Schema, "{}".to_owned()).await.unwrap();
    trail.close().await.unwrap();
    signed.verify(&signed.evidence()).await.unwrap();
    for (kind, digest, text) in [("policy", set.revision(), "{}"), ("schema", schema, "[]")] {
        let old = format!("SELECT text FROM texts WHERE kind = '{kind}'");
        let old = signed.place.rows(&old).await.remove(0).replace('\'', "''");
        signed.touch(&[&format!("UPDATE texts SET text = '{text}' WHERE kind = '{kind}'")]).await;
        let fault = Fault::Text { kind: kind.to_owned(), digest: digest.to_owned() };
        assert_eq!(signed.verify(&signed.evidence()).await, Err(fault));
        signed.touch(&[&format!("UPDATE texts SET text = '{old}' WHERE kind = '{kind}'")]).await;
    }
}

#[tokio::test]
async fn only_the_key_erases() {
    let signed = Signed::new().await;
    erase(&signed.place.url(), &Erase::Principal("desk".to_owned()), None).await.unwrap();
    signed.verify(&Evidence::default()).await.unwrap();
    assert_eq!(signed.verify(&signed.evidence()).await, Err(Fault::Forged { seq: 13 }));
}

/// The end is cut off, and the gateway writes other entries under the same numbers, and signs them.
#[tokio::test]
async fn a_trail_that_was_rolled_back_shows_with_the_second_place() {
    let signed = Signed::new().await;
    let cut = ["accesses", "payloads", "entries"].map(|table| format!("DELETE FROM {table} WHERE seq > 9"));
    signed.touch(&cut.each_ref().map(String::as_str)).await;
    // With the checkpoints in their place it does not even start.
    let error = Trail::open(&signed.options()).await.unwrap_err();
    assert!(matches!(error, TrailError::Elsewhere { seq: 11, .. }), "{error}");
    let checkpoints = signed.evidence();
    std::fs::remove_file(signed.checkpoints()).unwrap();
    signed.open().await.close().await.unwrap();
    let key = Evidence { key: Some(signed.key.public()), elsewhere: Vec::new() };
    signed.verify(&key).await.unwrap();
    assert_eq!(signed.verify(&checkpoints).await, Err(Fault::Rewritten { seq: 11 }));
}

/// What a gateway says at its start of a trail that is not the one it signed, and of one that is.
#[tokio::test]
async fn a_gateway_goes_on_with_the_trail_that_it_signed_and_no_other() {
    let signed = Signed::new().await;
    let whole = std::fs::read(signed.place.path()).unwrap();
    // A line that a crash left half.
    let lines = std::fs::read_to_string(signed.checkpoints()).unwrap();
    std::fs::write(signed.checkpoints(), lines.clone() + "{\"event\":\"checkpoint\",\"seq\":1").unwrap();
    signed.open().await.close().await.unwrap();
    // An older copy, another trail, and none.
    let error = |error: TrailError| assert!(matches!(error, TrailError::Elsewhere { .. }), "{error}");
    std::fs::write(signed.place.path(), whole).unwrap();
    error(Trail::open(&signed.options()).await.unwrap_err());
    std::fs::copy(Signed::new().await.place.path(), signed.place.path()).unwrap();
    error(Trail::open(&signed.options()).await.unwrap_err());
    std::fs::remove_file(signed.place.path()).unwrap();
    error(Trail::open(&signed.options()).await.unwrap_err());
}

#[tokio::test]
async fn what_was_pruned_since_is_not_missed_at_the_start() {
    let signed = Signed::new().await;
    let pruned = prune(&signed.place.url(), Timestamp::now(), Some(&signed.key)).await.unwrap();
    assert!(pruned.through >= 10, "{pruned:?}");
    signed.open().await.close().await.unwrap();
    signed.verify(&signed.evidence()).await.unwrap();
}

#[tokio::test]
async fn texts_that_are_gone_are_counted() {
    let place = Place::new();
    let trail = place.open().await;
    trail.keep_text("r1", TextKind::Policy, "{}".to_owned()).await.unwrap();
    trail.commit(refusal(id())).await.unwrap();
    trail.close().await.unwrap();
    let verified = async || match verify(&place.url(), &Evidence::default(), &mut |_, _| {}).await.unwrap() {
        Verdict::Whole(found) => Some(found.texts_missing),
        Verdict::Broken(_) => None,
    };
    assert_eq!(verified().await, None, "the text is not the one of this digest");
    sqlx::query("DELETE FROM texts").execute(&mut place.connect().await).await.unwrap();
    assert_eq!(verified().await, Some(1));
}

/// What an interrupted prune has left is part of the chain, and still shown by the views.
#[tokio::test]
async fn what_a_broken_off_prune_leaves_is_looked_at_too() {
    for (change, fault) in [
        ("SELECT 1", None),
        ("UPDATE entries SET rule = 'x' WHERE seq = 9", Some(Fault::Changed { seq: 9 })),
        (
            "INSERT INTO entries (seq, call_id, kind, at, prev, digest)
             SELECT 1, 'x', kind, at, prev, digest FROM entries WHERE seq = 10",
            Some(Fault::Changed { seq: 1 }),
        ),
    ] {
        let signed = Signed::new().await;
        let old = signed.place.path().with_extension("old");
        std::fs::copy(signed.place.path(), &old).unwrap();
        let pruned = prune(&signed.place.url(), Timestamp::now(), Some(&signed.key)).await.unwrap();
        assert_eq!(pruned.through, 10);
        let columns = "SELECT group_concat(name, ', ') FROM pragma_table_info('entries')";
        let columns = signed.place.rows(columns).await.remove(0);
        let attach = format!("ATTACH '{}' AS old", old.display());
        let back = format!(
            "INSERT INTO entries ({columns}) SELECT {columns} FROM old.entries WHERE seq BETWEEN 8 AND 10;
             INSERT INTO accesses SELECT * FROM old.accesses WHERE seq BETWEEN 8 AND 10;
             INSERT INTO payloads SELECT * FROM old.payloads WHERE seq BETWEEN 8 AND 10"
        );
        signed.touch(&[&attach, &back, change]).await;
        let found = signed.verify(&signed.evidence()).await;
        assert_eq!(found.map(|found| (found.pruned_through, found.entries)), fault.map_or(Ok((10, 6)), Err));
    }
}

#[tokio::test]
async fn whoever_seals_the_chain_anew_is_betrayed_by_the_checkpoints() {
    let signed = Signed::new().await;
    signed.touch(&["UPDATE entries SET rule = 'editor/other' WHERE seq = 4"]).await;
    signed.reseal(4);
    assert!(signed.place.verify().status.success(), "the chain by itself does not show it");
    assert_eq!(signed.verify(&Evidence::default()).await, Err(Fault::Forged { seq: 12 }));
    // With the marker gone as well, and the end with it, only the second place knows.
    signed.touch(&["DELETE FROM entries WHERE seq = 12"]).await;
    signed.verify(&Evidence::default()).await.unwrap();
    assert_eq!(signed.verify(&signed.evidence()).await, Err(Fault::Rewritten { seq: 11 }));
}

#[tokio::test]
async fn an_end_that_was_cut_off_shows_with_the_second_place() {
    let signed = Signed::new().await;
    signed
        .touch(&[
            "DELETE FROM accesses WHERE seq > 8",
            "DELETE FROM payloads WHERE seq > 8",
            "DELETE FROM entries WHERE seq > 8",
        ])
        .await;
    signed.verify(&Evidence { key: Some(signed.key.public()), elsewhere: Vec::new() }).await.unwrap();
    assert_eq!(signed.verify(&signed.evidence()).await, Err(Fault::CutOff { last: 8, signed: 11 }));
}

#[tokio::test]
async fn only_the_key_signs() {
    let signed = Signed::new().await;
    let other = SigningKey::generate().unwrap();
    let stranger = Evidence { key: Some(other.public()), elsewhere: Vec::new() };
    assert_eq!(signed.verify(&stranger).await, Err(Fault::Forged { seq: 12 }));
    let mut evidence = signed.evidence();
    let forged = evidence.elsewhere.iter().cloned().map(|said| other.sign(said)).collect();
    evidence.elsewhere = forged;
    assert_eq!(signed.verify(&evidence).await, Err(Fault::ForgedElsewhere { seq: 11 }));
}

#[tokio::test]
async fn a_checkpoint_is_checked_with_standard_tools() {
    let signed = Signed::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let said = signed.elsewhere().remove(0);
    std::fs::write(path("public.pem"), signed.key.public().to_pem().unwrap()).unwrap();
    std::fs::write(path("signature"), &said.signature.as_ref().unwrap().1).unwrap();
    for (text, good) in [(said.text(), true), (said.text().replace("11", "12"), false)] {
        std::fs::write(path("signed.txt"), text).unwrap();
        let openssl = Command::new("openssl")
            .current_dir(folder.path())
            .args([
                "pkeyutl",
                "-verify",
                "-pubin",
                "-inkey",
                "public.pem",
                "-rawin",
                "-in",
                "signed.txt",
                "-sigfile",
                "signature",
            ])
            .output()
            .unwrap();
        assert_eq!(openssl.status.success(), good, "{openssl:?}");
    }
}

#[tokio::test]
async fn nothing_new_is_not_signed_again() {
    let signed = Signed::new().await;
    let trail = signed.open().await;
    trail.checkpoint().await.unwrap();
    trail.checkpoint().await.unwrap();
    trail.commit(refusal(id())).await.unwrap();
    trail.checkpoint().await.unwrap();
    trail.close().await.unwrap();
    // At the first end, behind the start marker, behind the refusal, and behind the stop marker.
    assert_eq!(signed.elsewhere().len(), 4);
    let found = signed.verify(&signed.evidence()).await.unwrap();
    assert_eq!((found.checkpoints, found.elsewhere), (4, 4));
}

#[tokio::test]
async fn a_second_place_that_fails_is_told_and_loses_no_entry() {
    let place = Place::new();
    let to = SecondPlace::File("/dev/full".into());
    let checkpoints = Some(Checkpoints { key: SigningKey::generate().unwrap(), to });
    let trail = Trail::open(&TrailOptions { checkpoints, ..place.options() }).await.unwrap();
    trail.commit(intent(id())).await.unwrap();
    let error = trail.checkpoint().await.unwrap_err().to_string();
    assert!(error.contains("a checkpoint is not in its second place"), "{error}");
    trail.commit(refusal(id())).await.unwrap();
    assert!(trail.close().await.is_err());
    assert!(place.verify().status.success());
}

#[tokio::test]
async fn old_entries_go_while_the_gateway_writes_and_the_rest_verifies() {
    let signed = Signed::new().await;
    let trail = signed.open().await;
    // The entries are dated by their calls; the markers of start and stop by the clock.
    let pruned = prune(&signed.place.url(), Timestamp::now(), Some(&signed.key)).await.unwrap();
    assert_eq!((pruned.through, pruned.entries), (10, 10));
    let call = id();
    trail.commit(intent(call)).await.unwrap();
    trail.commit(outcome(call)).await.unwrap();
    let again = prune(&signed.place.url(), Timestamp::now() - jiff::SignedDuration::from_hours(24), None)
        .await
        .unwrap();
    assert_eq!(again.entries, 0, "what is done is not done again");
    trail.close().await.unwrap();
    let found = signed.verify(&signed.evidence()).await.unwrap();
    assert_eq!((found.pruned_through, found.elsewhere), (10, 2));
    assert!(signed.place.verify().status.success());
    assert_eq!(signed.place.rows("SELECT CAST(min(seq) AS TEXT) FROM entries").await, ["11"]);
}

#[tokio::test]
async fn a_hole_in_an_index_is_found_too() {
    let place = Place::new();
    let trail = place.open().await;
    for _ in 0..500 {
        trail.submit(refusal(id())).await.unwrap();
    }
    trail.close().await.unwrap();
    let roots =
        "SELECT CAST(rootpage AS TEXT) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'entries'";
    let roots = place.rows(roots).await;
    let size = place.rows("SELECT CAST(page_size AS TEXT) FROM pragma_page_size").await;
    let size: usize = size[0].parse().unwrap();
    let whole = std::fs::read(place.path()).unwrap();
    let verified = async || verify(&place.url(), &Evidence::default(), &mut |_, _| {}).await;
    assert!(matches!(verified().await, Ok(Verdict::Whole(_))));
    assert!(roots.len() > 2, "{roots:?}");
    for root in roots {
        let page: usize = root.parse().unwrap();
        let mut bytes = whole.clone();
        bytes[(page - 1) * size..page * size].fill(0);
        std::fs::write(place.path(), bytes).unwrap();
        let found = verified().await;
        assert!(!matches!(found, Ok(Verdict::Whole(_))), "page {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_in_the_middle_of_a_walk_is_no_fault() {
    let later = |hours| Timestamp::now() + jiff::SignedDuration::from_hours(hours);
    // So many entries are older than the others, and go while the walk is behind its first page of 500.
    for going in [100, 700, 1300, 1500] {
        let place = Place::new();
        let trail = place.open().await;
        for n in 0..1500 {
            let at = if n < going { Timestamp::now() } else { later(48) };
            let entry = warrener::audit::entry::Entry { at: at.as_microsecond(), ..refusal(id()) };
            trail.submit(entry).await.unwrap();
        }
        trail.close().await.unwrap();
        let (mut pruned, url) = (None, place.url());
        let mut meanwhile = |_: u64, _: u64| {
            if pruned.is_none() {
                let prune = prune(&url, later(24), None);
                let runtime = tokio::runtime::Handle::current();
                pruned = Some(tokio::task::block_in_place(|| runtime.block_on(prune)).unwrap());
            }
        };
        let verdict = verify(&place.url(), &Evidence::default(), &mut meanwhile).await.unwrap();
        let Verdict::Whole(found) = verdict else { panic!("{going}: {verdict:?}") };
        // Where the walk has seen all of them, it has nothing to say of a prune.
        let through = if going < 500 { 0 } else { pruned.unwrap().through };
        assert_eq!(found.pruned_through, through, "{going}");
    }
}

#[tokio::test]
async fn a_prune_that_was_not_signed_is_no_prune() {
    let signed = Signed::new().await;
    prune(&signed.place.url(), Timestamp::now(), None).await.unwrap();
    signed.verify(&Evidence::default()).await.unwrap();
    assert!(matches!(signed.verify(&signed.evidence()).await, Err(Fault::Forged { .. })));
}

#[tokio::test]
async fn calls_under_way_and_what_came_after_them_are_kept() {
    let place = Place::new();
    let trail = place.open().await;
    let (done, open, later) = (id(), id(), id());
    for entry in [intent(done), outcome(done), intent(open), intent(later), outcome(later)] {
        trail.commit(entry).await.unwrap();
    }
    let pruned = prune(&place.url(), Timestamp::now(), None).await.unwrap();
    assert_eq!(pruned.through, 3, "start, and the first call");
    assert_eq!(
        place.rows("SELECT id FROM calls ORDER BY seq").await,
        [open, later].map(|call| call.to_string())
    );
}

#[tokio::test]
async fn what_a_clock_dated_too_late_keeps_what_came_after_it() {
    let place = Place::new();
    let trail = place.open().await;
    let day = 24 * 3_600_000_000;
    let late = jiff::Timestamp::now().as_microsecond() + day;
    trail.commit(refusal(id())).await.unwrap();
    trail.commit(warrener::audit::entry::Entry { at: late, ..refusal(id()) }).await.unwrap();
    trail.commit(refusal(id())).await.unwrap();
    let pruned = prune(&place.url(), Timestamp::now(), None).await.unwrap();
    assert_eq!(pruned.through, 2, "start, and the first refusal");
    trail.close().await.unwrap();
    assert!(place.verify().status.success());
}

#[tokio::test]
async fn pruning_gives_the_disk_back() {
    let place = Place::new();
    let trail = place.open().await;
    for _ in 0..3000 {
        trail.submit(refusal(id())).await.unwrap();
    }
    trail.close().await.unwrap();
    let before = place.path().metadata().unwrap().len();
    let pruned = prune(&place.url(), Timestamp::now(), None).await.unwrap();
    assert!(pruned.entries >= 3000, "{pruned:?}");
    let after = place.path().metadata().unwrap().len();
    assert!(after * 5 < before, "{before} bytes before, {after} after");
    assert!(place.verify().status.success());
}

#[tokio::test]
async fn erased_arguments_are_gone_from_the_file_and_the_chain_verifies() {
    for by_call in [true, false] {
        let signed = Signed::new().await;
        let trail = signed.open().await;
        let calls = signed.place.rows("SELECT id FROM calls ORDER BY seq").await;
        let what = if by_call { Erase::Call(calls[0].clone()) } else { Erase::Principal("desk".to_owned()) };
        let erased = erase(&signed.place.url(), &what, Some(&signed.key)).await.unwrap();
        assert_eq!(erased, if by_call { 1 } else { 5 });
        // The gateway goes on with the same client, which has a new pseudonym if its name was erased.
        trail.commit(refusal(id())).await.unwrap();
        trail.close().await.unwrap();
        let found = signed.verify(&signed.evidence()).await.unwrap();
        assert_eq!(found.erased, erased);
        assert!(signed.place.verify().status.success());
        let names = signed.place.rows("SELECT DISTINCT principal FROM calls ORDER BY seq").await;
        let file = std::fs::read(signed.place.path()).unwrap();
        let holds = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
        if by_call {
            assert_eq!(names, ["desk"]);
        } else {
            assert_eq!((names.len(), names[0].len(), names[1].as_str()), (2, 32, "desk"));
            assert_eq!(
                signed.place.rows("SELECT arguments FROM calls WHERE arguments IS NOT NULL").await.len(),
                1
            );
        }
        assert!(holds("warrener") || holds("checkpoint"), "the file is looked at");
    }
}

#[tokio::test]
async fn what_was_erased_stands_nowhere_in_the_file() {
    let place = Place::new();
    let trail = place.open().await;
    let mut secret = intent(id());
    let arguments = r#"{"data":{"note":"Mrs Miller of 12 Elm Street"}}"#;
    secret.subject.as_mut().unwrap().arguments = Some(arguments.to_owned());
    secret.subject.as_mut().unwrap().principal = "miller-desk".to_owned();
    trail.commit(secret).await.unwrap();
    trail.commit(intent(id())).await.unwrap();
    erase(&place.url(), &Erase::Principal("miller-desk".to_owned()), None).await.unwrap();
    trail.close().await.unwrap();
    for file in std::fs::read_dir(place.path().parent().unwrap()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds("Elm Street") && !holds("miller-desk"));
    }
    let error = erase(&place.url(), &Erase::Principal("miller-desk".to_owned()), None).await.unwrap_err();
    assert!(error.to_string().contains("no client in the trail has the name `miller-desk`"), "{error}");
}

#[tokio::test]
async fn only_the_digest_is_kept_where_the_settings_say_so() {
    let place = Place::new();
    let trail = place.open().await;
    let mut entry = intent(id());
    entry.subject.as_mut().unwrap().digest_only = true;
    trail.commit(entry).await.unwrap();
    trail.close().await.unwrap();
    let kept = "SELECT json_array(arguments IS NULL, length(arguments_digest)) FROM calls";
    assert_eq!(place.rows(kept).await, ["[1,64]"]);
    assert!(place.verify().status.success());
    let verdict = verify(&place.url(), &Evidence::default(), &mut |_, _| {}).await.unwrap();
    assert!(matches!(verdict, Verdict::Whole(_)), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verifying_pruning_and_erasing_do_not_stop_a_busy_gateway() {
    let signed = Signed::new().await;
    let trail = signed.open().await;
    let writer = tokio::spawn({
        let trail = trail.clone();
        async move {
            for _ in 0..300 {
                let call = id();
                trail.commit(intent(call)).await.unwrap();
                trail.submit(outcome(call)).await.unwrap();
            }
        }
    });
    while !writer.is_finished() {
        prune(&signed.place.url(), Timestamp::now() - jiff::SignedDuration::from_hours(1), Some(&signed.key))
            .await
            .unwrap();
        signed.verify(&signed.evidence()).await.unwrap();
        let call = signed.place.rows("SELECT id FROM calls WHERE arguments IS NOT NULL LIMIT 1").await;
        if let Some(call) = call.first() {
            erase(&signed.place.url(), &Erase::Call(call.clone()), Some(&signed.key)).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    writer.await.unwrap();
    trail.close().await.unwrap();
    signed.verify(&signed.evidence()).await.unwrap();
}

//! `serve` follows its folder of policies: what is valid is live within a second, and nothing else ever decides.

use super::{DELETED, Files, PATIENCE, Traffic, Workshop, delete, read, swap_link};
use crate::support::process::{checkout, eventually};
use crate::support::trail;
use serde_json::{Value, json};
use sqlx::Row as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

/// A role that may delete, under guardrails that forbid it; the forbidding rule is the last of its file.
const LOOSE: &str = "version: 1\nrole: reader\npermissions:\n  - {id: all, collections: [\"*\", \"!directus_*\"], actions: [read, update, delete], max_items: 100}\n";
const STRICT: &str = "version: 1\nrole: reader\npermissions:\n  - {id: all, collections: [\"*\", \"!directus_*\"], actions: [read], max_items: 100}\n";
const FORBIDDING: &str = "version: 1\nforbid:\n  - {id: no-users, collections: [directus_users], actions: [update]}\n  - {id: no-deletes, collections: [\"*\"], actions: [delete]}\n";
const ALLOWING: &str =
    "version: 1\nforbid:\n  - {id: no-users, collections: [directus_users], actions: [update]}\n";

/// Two revisions of which neither permits a delete; the role of the first with the guardrails of the second does.
const FIRST: Files<'static> = &[("guardrails.yaml", FORBIDDING), ("reader.yaml", LOOSE)];
const SECOND: Files<'static> = &[("guardrails.yaml", ALLOWING), ("reader.yaml", STRICT)];

const BY_GUARDRAILS: &str = "POLICY_DENIED guardrails/no-deletes";
const BY_ROLE: &str = "POLICY_DENIED reader/-";

fn put(folder: &Path, files: Files<'_>) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// Writes a file beside, and renames it over.
fn rename_over(folder: &Path, name: &str, text: &str) {
    let beside = folder.join(format!(".{name}.new"));
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, folder.join(name)).unwrap();
}

/// Puts a file into the place of another in one of the ways in which programs do that.
type Way = fn(&Path, &str, &str);

const WAYS: [(&str, Way); 4] = [
    ("written in its place", |folder, name, text| std::fs::write(folder.join(name), text).unwrap()),
    ("renamed over", rename_over),
    ("removed and made anew", |folder, name, text| {
        std::fs::remove_file(folder.join(name)).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    }),
    ("made a link", |folder, name, text| {
        let target = folder.with_file_name(format!("{name}.{}", text.len()));
        std::fs::write(&target, text).unwrap();
        swap_link(&folder.join(name), &target);
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_change_is_live_within_a_second() {
    let workshop = Workshop::start(SECOND).await;
    let mut times = Vec::new();
    for (name, way) in WAYS {
        for (text, expect) in [(LOOSE, "ok"), (STRICT, BY_ROLE)] {
            let began = Instant::now();
            way(&workshop.path("policies"), "reader.yaml", text);
            eventually(PATIENCE, name, async || workshop.call(&delete()).await == expect).await;
            times.push(began.elapsed());
        }
    }
    times.sort();
    // Each of them, on a machine that does nothing else.
    let median = times[times.len() / 2];
    assert!(median < Duration::from_secs(1), "{times:?}");
}

/// Both the guardrails and the role deny a delete of the first revision under guardrails that permit it, so the rule tells which decided.
#[tokio::test(flavor = "multi_thread")]
async fn no_mixture_of_two_revisions_decides_a_call() {
    let workshop = Workshop::start(FIRST).await;
    let policies = workshop.path("policies");
    let traffic = Traffic::of(&workshop.client, &[read(), delete(), delete()]);

    // Both files anew, one after the other, in either order, with time between them, and at any moment between two looks.
    for round in 0..10 {
        for (files, expect) in [(SECOND, BY_ROLE), (FIRST, BY_GUARDRAILS)] {
            let mut files = files.to_vec();
            if round % 2 == 1 {
                files.reverse();
            }
            tokio::time::sleep(Duration::from_millis(round * 67 % 200)).await;
            for (name, text) in files {
                WAYS[usize::try_from(round / 2).unwrap() % WAYS.len()].1(&policies, name, text);
                tokio::time::sleep(Duration::from_millis([0, 20, 100][usize::try_from(round).unwrap() % 3]))
                    .await;
            }
            workshop.answers(&delete(), expect).await;
        }
    }
    // Whole folders behind a link, as releases and Kubernetes do it.
    put(&workshop.path("one"), FIRST);
    put(&workshop.path("two"), SECOND);
    std::fs::rename(&policies, workshop.path("old")).unwrap();
    swap_link(&policies, Path::new("one"));
    for (name, expect) in [("two", BY_ROLE), ("one", BY_GUARDRAILS), ("two", BY_ROLE)] {
        swap_link(&policies, Path::new(name));
        workshop.answers(&delete(), expect).await;
    }
    // Faster than anything can be read.
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        for name in ["one", "two"] {
            swap_link(&policies, Path::new(name));
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
    workshop.answers(&delete(), BY_ROLE).await;
    traffic.flows(20).await;

    let answers = traffic.end().await;
    assert!(workshop.upstream.seen().iter().all(|seen| seen.key != DELETED), "{answers:#?}");
    assert_eq!(answers.keys().collect::<Vec<_>>(), [BY_GUARDRAILS, BY_ROLE, "ok"], "{answers:#?}");
    every_call_can_be_explained(&workshop).await;

    // The mixture does permit it, so that it would have been seen.
    put(&workshop.path("three"), &[("guardrails.yaml", ALLOWING), ("reader.yaml", LOOSE)]);
    swap_link(&policies, Path::new("three"));
    workshop.answers(&delete(), "ok").await;
}

/// Whatever decided a call was in the trail before it, with its text.
async fn every_call_can_be_explained(workshop: &Workshop) {
    let mut connection = trail::open(&workshop.site.trail()).await;
    let statement = "SELECT count(*), sum(EXISTS (SELECT 1 FROM entries r
            WHERE r.kind = 'revision' AND r.seq < c.seq AND json_extract(r.note, '$.revision') = c.policy_revision)
          AND EXISTS (SELECT 1 FROM texts t WHERE t.kind = 'policy' AND t.digest = c.policy_revision))
        FROM calls c";
    let row = sqlx::query(statement).fetch_one(&mut connection).await.unwrap();
    let (all, explained): (i64, i64) = (row.get(0), row.get(1));
    assert!(all > 50, "{all}");
    assert_eq!(all, explained);
}

/// What is done to the folder.
type Break = fn(&Path);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_valid_is_refused_and_the_last_good_revision_stays() {
    let workshop = Workshop::start(FIRST).await;
    let policies = workshop.path("policies");
    let traffic = Traffic::of(&workshop.client, &[read(), delete()]);
    let breaks: [(&str, Break, &str); 9] = [
        (
            "half-written",
            |at| std::fs::write(at.join("guardrails.yaml"), FORBIDDING.get(..60).unwrap()).unwrap(),
            "guardrails.yaml",
        ),
        (
            "without its last rule",
            |at| std::fs::write(at.join("guardrails.yaml"), ALLOWING.trim_end()).unwrap(),
            "the last line has no end",
        ),
        ("emptied", |at| std::fs::write(at.join("guardrails.yaml"), "").unwrap(), "guardrails.yaml"),
        (
            "renamed over",
            |at| rename_over(at, "reader.yaml", "version: 1\nrole: reader\npermisions: []\n"),
            "permisions",
        ),
        (
            "guardrails deleted",
            |at| std::fs::remove_file(at.join("guardrails.yaml")).unwrap(),
            "the guardrails are gone",
        ),
        (
            "a link to nowhere",
            |at| {
                std::fs::remove_file(at.join("reader.yaml")).unwrap();
                symlink("nowhere", at.join("reader.yaml")).unwrap();
            },
            "No such file",
        ),
        (
            "a link to itself",
            |at| {
                std::fs::remove_file(at.join("guardrails.yaml")).unwrap();
                symlink("guardrails.yaml", at.join("guardrails.yaml")).unwrap();
            },
            "symbolic links",
        ),
        ("no text", |at| std::fs::write(at.join("reader.yaml"), b"\xff\xfe\n").unwrap(), "UTF-8"),
        (
            "the folder moved away",
            |at| std::fs::rename(at, at.with_extension("away")).unwrap(),
            "No such file",
        ),
    ];
    for (number, (name, break_it, expect)) in breaks.into_iter().enumerate() {
        break_it(&policies);
        eventually(PATIENCE, name, async || refusals(&workshop).await.len() > number).await;
        traffic.flows(6).await;
        // `/readyz` looks once a second.
        eventually(PATIENCE, name, async || workshop.readiness().await == "last good").await;
        let refused = refusals(&workshop).await;
        assert_eq!(refused.len(), number + 1, "{name}: {refused:#?}");
        assert!(refused[number].to_string().contains(expect), "{name}: {}", refused[number]);

        let away = policies.with_extension("away");
        if away.exists() {
            std::fs::rename(&away, &policies).unwrap();
        }
        for (file, text) in FIRST {
            rename_over(&policies, file, text);
        }
        eventually(PATIENCE, name, async || workshop.readiness().await == "ok").await;
    }
    let answers = traffic.end().await;
    assert_eq!(answers.keys().collect::<Vec<_>>(), [BY_GUARDRAILS, "ok"], "{answers:#?}");
    assert_eq!(workshop.notes("revision").await.len(), 1, "nothing else became active");
    assert_eq!(workshop.logs("those in the folder are refused").await, 9, "each is said once");
    assert_eq!(workshop.logs("active again").await, 9);
}

async fn refusals(workshop: &Workshop) -> Vec<Value> {
    let markers = workshop.notes("marker").await;
    markers.into_iter().filter(|note| note["event"] == "policies_refused").collect()
}

/// A role that has no file any more is a valid change, and permits nothing to whoever has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_taken_away_permits_nothing() {
    let other = ("other.yaml", "version: 1\nrole: other\npermissions: []\n");
    let workshop = Workshop::start(&[FIRST[0], FIRST[1], other]).await;
    assert_eq!(workshop.call(&read()).await, "ok");
    std::fs::remove_file(workshop.path("policies").join("reader.yaml")).unwrap();
    workshop.answers(&read(), BY_ROLE).await;
    workshop.logs("nothing is permitted to them").await;
    assert_eq!(workshop.readiness().await, "ok");
    workshop.write("reader.yaml", LOOSE);
    workshop.answers(&read(), "ok").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_has_the_folder_looked_at_at_once() {
    let workshop = Workshop::start(FIRST).await;
    workshop.gateway.process.signal("HUP");
    workshop.logs("the policies are those that are active already").await;
    workshop.write("reader.yaml", "version: 1\n");
    assert_eq!(workshop.logs("those in the folder are refused").await, 1);
    workshop.gateway.process.signal("HUP");
    let said = async || workshop.logs("those in the folder are refused").await == 2;
    eventually(PATIENCE, "it is said again", said).await;
    workshop.write("reader.yaml", STRICT);
    workshop.gateway.process.signal("HUP");
    workshop.answers(&delete(), BY_GUARDRAILS).await;
    workshop.write("guardrails.yaml", ALLOWING);
    workshop.gateway.process.signal("HUP");
    workshop.answers(&delete(), BY_ROLE).await;
    assert_eq!(workshop.call(&read()).await, "ok");
}

/// What decided a call once is in the trail, whatever has become of the files.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_revision_explains_a_call_as_it_decided_it() {
    let workshop = Workshop::start(FIRST).await;
    assert_eq!(workshop.call(&delete()).await, BY_GUARDRAILS);
    put(&workshop.path("policies"), &[("guardrails.yaml", ALLOWING), ("reader.yaml", LOOSE)]);
    workshop.answers(&delete(), "ok").await;
    std::fs::remove_dir_all(workshop.path("policies")).unwrap();

    let (schema, audit) = (checkout("tests/fixtures/schema").display().to_string(), workshop.site.audit());
    let call = json!({"tool": "items", "arguments": delete()["arguments"]}).to_string();
    let explain = |revision: &str| {
        let words = [
            "explain",
            "--role",
            "reader",
            "--schema",
            &schema,
            "--audit",
            &audit,
            "--revision",
            revision,
            &call,
        ];
        workshop.site.try_run(words)
    };
    let notes = workshop.notes("revision").await;
    let [old, new] = &notes[..] else { panic!("{notes:#?}") };
    let [old, new] = [old, new].map(|note| note["revision"].as_str().unwrap());
    // Digests may begin alike; ten digits of them do not.
    for (revision, code, expect) in [
        (old, 2, "guardrails/no-deletes"),
        (old.get(..10).unwrap(), 2, "guardrails/no-deletes"),
        (&old.to_uppercase(), 2, "guardrails/no-deletes"),
        (new, 0, "permit, by reader/all"),
        (
            "0123456789",
            1,
            "the trail has no policy revision `0123456789`: `warrener audit show` names that of a call",
        ),
        ("", 1, "several policy revisions begin with ``"),
        ("%", 1, "the trail has no policy revision `%`"),
    ] {
        let (ended, said) = explain(revision);
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(expect), "{said}");
    }
    let shown = workshop.site.run([
        "audit",
        "query",
        "--audit",
        &audit,
        "--rule",
        "guardrails/no-deletes",
        "--format",
        "json",
    ]);
    let id = serde_json::from_str::<Value>(shown.lines().next().unwrap()).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = workshop.site.run(["audit", "show", &id, "--audit", &audit]);
    assert!(shown.contains(old) && shown.contains("no-deletes"), "{shown}");
}

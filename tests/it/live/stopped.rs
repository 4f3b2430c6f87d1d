//! `warrener stop` and `warrener resume`, beside a gateway that is at work.

use super::{PATIENCE, Traffic, Workshop, read};
use crate::support::process::eventually;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const POLICIES: super::Files<'static> = &[
    ("guardrails.yaml", "version: 1\n"),
    (
        "reader.yaml",
        "version: 1\nrole: reader\npermissions:\n  - {id: read, collections: [articles], actions: [read], max_items: 100}\n",
    ),
];

const STOPPED: &str = "STOPPED -";

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_stopped_and_resumed_within_a_second_and_over_a_restart() {
    let mut workshop = Workshop::start(POLICIES).await;
    let mut times = Vec::new();
    for (round, whom) in [&[][..], &["--role", "reader"], &["--client", "desk"]].into_iter().enumerate() {
        let traffic = Traffic::of(&workshop.client, &[read(), read()]);
        traffic.flows(4).await;
        for (command, expect) in [("stop", STOPPED), ("resume", "ok")] {
            let mut words = vec![command];
            words.extend(whom);
            if command == "stop" {
                words.extend(["--reason", "Articles are being moved"]);
            }
            workshop.site.run(words);
            let began = Instant::now();
            workshop.answers(&read(), expect).await;
            times.push(began.elapsed());
        }
        let answers = traffic.end().await;
        assert_eq!(answers.keys().collect::<Vec<_>>(), [STOPPED, "ok"], "{answers:#?}");

        let mut words = vec!["stop", "--reason", "Still"];
        words.extend(whom);
        workshop.site.run(words);
        workshop.answers(&read(), STOPPED).await;
        // A stop holds before it is recorded, and this gateway is killed.
        let is_recorded = async || recorded(&workshop).await.len() == round * 5 + 3;
        eventually(PATIENCE, "the stop is recorded", is_recorded).await;
        workshop.start_again();
        assert_eq!(workshop.call(&read()).await, STOPPED, "from the first call on");
        let mut words = vec!["resume"];
        words.extend(whom);
        workshop.site.run(words);
        workshop.answers(&read(), "ok").await;
    }
    times.sort();
    let median = times[times.len() / 2];
    assert!(median < Duration::from_secs(1), "{times:?}");

    let whom = recorded(&workshop).await;
    let (all, role, client) = (r#""all""#, r#"{"role":"reader"}"#, r#""client""#);
    let of = |whom| [whom, "", whom, whom, ""];
    assert_eq!(whom, [of(all), of(role), of(client)].concat(), "each change, and what a start begins with");
}

/// Whom each recorded change of the stops stops.
async fn recorded(workshop: &Workshop) -> Vec<String> {
    let events = workshop.notes("marker").await.into_iter().filter(|note| note["event"] == "stops");
    let whom = |note: Value| {
        note["stops"].as_array().unwrap().iter().map(|stop| stop["whom"].to_string()).collect::<String>()
    };
    events.map(whom).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_stops_that_cannot_be_read_stops_everything() {
    let workshop = Workshop::start(POLICIES).await;
    let file = workshop.site.trail().with_file_name("warrener.stop.yaml");
    assert_eq!(workshop.call(&read()).await, "ok");
    // Half-written, and anything else that is none.
    for text in ["version: 1\nstops:\n", "version: 1\nstops:\n  - whom: all\n    since", "", "\u{feff}{"] {
        std::fs::write(&file, text).unwrap();
        workshop.answers(&read(), STOPPED).await;
        let ping = workshop.client.rpc("ping", json!({})).await;
        assert!(ping.json().get("error").is_none(), "{}", ping.text());
        std::fs::remove_file(&file).unwrap();
        workshop.answers(&read(), "ok").await;
    }
    std::fs::create_dir(&file).unwrap();
    workshop.answers(&read(), STOPPED).await;
    workshop.logs("it is not a file").await;
}

/// A file that is removed resumes nothing as long as the gateway runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_stops_that_is_gone_resumes_nothing() {
    let workshop = Workshop::start(POLICIES).await;
    workshop.site.run(["stop", "--reason", "x"]);
    workshop.answers(&read(), STOPPED).await;
    std::fs::remove_file(workshop.site.trail().with_file_name("warrener.stop.yaml")).unwrap();
    workshop.logs("the file of stops is gone").await;
    assert_eq!(workshop.call(&read()).await, STOPPED);
    workshop.site.run(["resume"]);
    eventually(PATIENCE, "calls go on", async || workshop.call(&read()).await == "ok").await;
}

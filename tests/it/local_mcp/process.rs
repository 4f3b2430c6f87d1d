//! One process and its calls, without the rest of the path.

use crate::support::process::{checkout, eventually};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tower::ServiceExt as _;
use warrener::upstream::{LocalMcp, LocalMcpOptions, UpstreamError, Variable};

/// What waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// For an answer, where a test waits for none to come.
const SHORT: Duration = Duration::from_millis(1500);

struct Fake {
    local: LocalMcp,
    folder: TempDir,
}

impl Fake {
    fn new() -> Self {
        Self::with(PATIENCE, &[])
    }

    fn with(reply_timeout: Duration, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log").display().to_string();
        let variables = environment.iter().copied().chain([("FAKE_LOG", log.as_str())]);
        let environment = variables.map(|(name, value)| Variable {
            name: name.to_owned(),
            value: value.into(),
            is_secret: false,
        });
        let options = LocalMcpOptions {
            command: PathBuf::from("python3"),
            args: vec![checkout("tests/local_mcp/fake.py").display().to_string()],
            url: "http://cms.example.com/".parse().unwrap(),
            environment: environment.collect(),
            secrets: Vec::new(),
            reply_timeout,
        };
        Self { local: LocalMcp::new(options), folder }
    }

    /// Calls a tool under an id that many clients like.
    async fn tool(&self, name: &str, arguments: Value) -> Result<Value, UpstreamError> {
        self.tool_as("token-one", name, arguments).await
    }

    async fn tool_as(&self, token: &str, name: &str, arguments: Value) -> Result<Value, UpstreamError> {
        let answer = self.send(token, "tools/call", json!({"name": name, "arguments": arguments})).await?;
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_default();
        Ok(serde_json::from_str(text).unwrap_or(answer.clone()))
    }

    async fn send(&self, token: &str, method: &str, params: Value) -> Result<Value, UpstreamError> {
        let message = json!({"jsonrpc": "2.0", "id": "the client's", "method": method, "params": params});
        let request = Request::post("/mcp")
            .header("authorization", format!("Bearer {token}"))
            .body(Full::new(Bytes::from(message.to_string())))
            .unwrap();
        let reply = self.local.clone().oneshot(request).await?;
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["id"], "the client's");
        Ok(answer)
    }

    /// What has reached the process.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// Whether such a process is there; one that has ended and that nobody has asked about is none.
fn is_there(pid: &Value) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}

#[tokio::test]
async fn calls_at_once_are_answered_each_its_own() {
    let fake = Fake::new();
    let calls = (0..20_u8).map(|number| {
        let seconds = f64::from(20 - number) / 100.0;
        fake.tool("slow", json!({"seconds": seconds, "said": number}))
    });
    for (number, said) in futures_util::future::join_all(calls).await.into_iter().enumerate() {
        assert_eq!(said.unwrap(), json!(number));
    }
    let log = fake.log();
    assert!(!log.contains("the client's"), "{log}");
    assert_eq!(log.matches("\"initialize\"").count(), 1, "it is greeted once");
}

#[tokio::test]
async fn what_ends_in_the_middle_fails_its_calls_and_is_started_again() {
    let fake = Fake::new();
    let first = fake.tool("pid", json!({})).await.unwrap();
    let (waiting, dying) = tokio::join!(fake.tool("silence", json!({})), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        fake.tool("die", json!({})).await
    });
    for error in [waiting.unwrap_err(), dying.unwrap_err()] {
        assert!(matches!(error, UpstreamError::Ended) && error.may_have_acted(), "{error}");
    }
    let error = fake.tool("pid", json!({})).await.unwrap_err();
    assert!(matches!(error, UpstreamError::NotRunning(_)) && !error.may_have_acted(), "{error}");
    let mut second = Value::Null;
    eventually(PATIENCE, "it is started again", async || match fake.tool("pid", json!({})).await {
        Ok(pid) => {
            second = pid;
            true
        }
        Err(_) => false,
    })
    .await;
    assert_ne!(first, second);
    assert!(!is_there(&first) && is_there(&second));
}

/// Each time that it ends young, it is left alone for longer.
#[tokio::test]
async fn what_keeps_ending_is_not_started_at_once() {
    let fake = Fake::new();
    let begun = Instant::now();
    let mut deaths = 0;
    while deaths < 3 {
        match fake.tool("die", json!({})).await {
            Err(UpstreamError::Ended) => deaths += 1,
            Err(UpstreamError::NotRunning(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            other => panic!("{other:?}"),
        }
    }
    assert!(begun.elapsed() >= Duration::from_millis(250 + 500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_answer_that_was_written_before_the_end_counts() {
    assert_eq!(Fake::new().tool("last-words", json!({})).await.unwrap(), "last");
}

#[tokio::test]
async fn garbage_is_passed_over() {
    let fake = Fake::new();
    assert_eq!(fake.tool("garbage", json!({})).await.unwrap(), "after it");
    assert_eq!(fake.tool("slow", json!({"seconds": 0, "said": 1})).await.unwrap(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_it() {
    let fake = Fake::new();
    let error = fake.tool("huge", json!({})).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Protocol(_)), "{error:?}");
    assert_eq!(
        fake.tool("slow", json!({"seconds": 0, "said": 1})).await.unwrap(),
        1,
        "the next call is answered"
    );
}

#[tokio::test]
async fn an_answer_to_another_question_is_no_answer() {
    let fake = Fake::with(SHORT, &[]);
    for name in ["silence", "other-id", "text-id"] {
        let error = fake.tool(name, json!({})).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Timeout { .. }) && error.may_have_acted(), "{name}: {error}");
    }
    eventually(PATIENCE, "it is told that they are no longer waited for", async || {
        fake.log().matches("notifications/cancelled").count() == 3
    })
    .await;
    assert_eq!(fake.tool("twice", json!({})).await.unwrap(), "first");
    assert_eq!(fake.tool("slow", json!({"seconds": 0.1, "said": 1})).await.unwrap(), 1);
}

#[tokio::test]
async fn a_late_answer_is_nobody_s() {
    let fake = Fake::with(SHORT, &[]);
    assert!(fake.tool("late", json!({"seconds": 2.0})).await.is_err());
    assert_eq!(fake.tool("slow", json!({"seconds": 1.0, "said": "own"})).await.unwrap(), "own");
}

#[tokio::test]
async fn what_it_asks_in_turn_is_answered_by_the_gateway() {
    let told = Fake::new().tool("asks", json!({})).await.unwrap();
    assert_eq!(told[0], json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
    assert_eq!((&told[1]["id"], &told[1]["error"]["code"]), (&json!(1), &json!(-32601)));
}

#[tokio::test]
async fn its_environment_is_what_was_given() {
    let told = Fake::with(PATIENCE, &[("HOME", "/nowhere")]).tool("environment", json!({})).await.unwrap();
    // Python adds the one that says how it reads text, where there is no locale.
    let names: Vec<&str> = told["env"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let own: Vec<&str> = names.into_iter().filter(|name| *name != "LC_CTYPE").collect();
    assert_eq!(own, ["DIRECTUS_TOKEN", "DIRECTUS_URL", "FAKE_LOG", "HOME", "PATH"]);
    assert_eq!(told["folder"], "/", "a `.env` where the gateway was started is not its business");
}

#[tokio::test]
async fn each_token_has_a_process_of_its_own() {
    let fake = Fake::new();
    let one = fake.tool_as("token-one", "environment", json!({})).await.unwrap();
    let two = fake.tool_as("token-two", "environment", json!({})).await.unwrap();
    assert_eq!((&one["token"], &two["token"]), (&json!("token-one"), &json!("token-two")));
    let pids = [
        fake.tool_as("token-one", "pid", json!({})).await,
        fake.tool_as("token-two", "pid", json!({})).await,
    ];
    let [one, two] = pids.map(Result::unwrap);
    assert_ne!(one, two);
    assert_eq!(fake.tool_as("token-one", "pid", json!({})).await.unwrap(), one, "and keeps it");
}

#[tokio::test]
async fn there_are_no_more_than_sixteen() {
    let fake = Fake::new();
    let mut pids = Vec::new();
    for number in 0..17 {
        pids.push(fake.tool_as(&format!("token-{number}"), "pid", json!({})).await.unwrap());
    }
    eventually(PATIENCE, "the first has made room", async || !is_there(&pids[0])).await;
    assert!(pids[1..].iter().all(is_there));
    fake.local.close().await;
    assert!(!pids.iter().any(is_there));
}

#[tokio::test]
async fn a_client_is_greeted_by_what_the_process_has_said() {
    let fake = Fake::new();
    for (asked, spoken) in
        [("2025-03-26", "2025-03-26"), ("2024-11-05", "2024-11-05"), ("1999", "2025-06-18")]
    {
        let answer = fake.send("token-one", "initialize", json!({"protocolVersion": asked})).await.unwrap();
        assert_eq!(answer["result"]["protocolVersion"], spoken);
        assert_eq!(answer["result"]["serverInfo"]["name"], "fake");
    }
    assert_eq!(fake.log().matches("\"initialize\"").count(), 1);
}

#[tokio::test]
async fn what_does_not_start_says_why() {
    for (start, expected) in [
        ("exit", "it ended before it could be asked"),
        ("silent", "it was not ready within 1.5 s"),
        ("garbage", "it does not answer as an MCP server does"),
        ("revision", "the revision `1999-01-01` of MCP"),
    ] {
        let fake = Fake::with(SHORT, &[("FAKE_START", start)]);
        let error = fake.local.ready(&"token-one".into()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{start}: {error}");
        let again = fake.local.ready(&"token-one".into()).await.unwrap_err();
        assert!(again.to_string().contains("is started again in"), "{start}: {again}");
    }
    let error = Fake::with(SHORT, &[("PATH", "/nowhere")]).local.ready(&"t".into()).await.unwrap_err();
    assert_eq!(error.to_string(), "`python3` cannot be run");
}

#[tokio::test]
async fn nothing_is_left_when_the_gateway_ends() {
    let fake = Fake::new();
    let pids = fake.tool("stubborn", json!({})).await.unwrap();
    let [process, child] = [pids[0].clone(), pids[1].clone()];
    assert!(is_there(&process) && is_there(&child));
    let closing = Instant::now();
    fake.local.close().await;
    assert!(closing.elapsed() >= Duration::from_secs(4), "it is waited for first");
    assert!(!is_there(&process));
    eventually(PATIENCE, "what it started is gone too", async || !is_there(&child)).await;
    let error = fake.tool("pid", json!({})).await.unwrap_err();
    assert!(matches!(error, UpstreamError::NotRunning(_)), "{error}");
}

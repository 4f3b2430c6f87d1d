//! Answers of an upstream that is not what it should be: whatever it says beside a result, after one or instead of one, the client
//! does not get it, and the outcome says so.

use super::site::{Plan, Recorded, beginning, ending, read, reply};
use bytes::Bytes;
use futures_util::stream;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Value, json};
use std::sync::Mutex;
use warrener::accept::Body;
use warrener::upstream::Reply;

/// An answer in pieces of that size, whose length nobody knows before.
pub(super) fn pieces(answer: &[u8], size: usize) -> Reply {
    let pieces: Vec<_> =
        answer.chunks(size).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let body = StreamBody::new(stream::iter(pieces)).boxed_unsync();
    Response::builder().header("content-type", "application/json").body(body).unwrap()
}

/// An answer, and the size of the pieces in which it comes; `None` is all at once.
type Sent = (Vec<u8>, Option<usize>);

/// What comes of each answer: what the client got, whether it saw the end, and the outcome.
async fn answered(plan: Plan, answers: &[Sent]) -> Vec<(String, bool, Recorded)> {
    let waiting = Mutex::new(Vec::from(answers).into_iter());
    let plan = plan.answering(move |_| {
        let (answer, size) = waiting.lock().unwrap().next().expect("an answer for each request");
        let reply = match size {
            Some(size) => pieces(&answer, size),
            None => reply(StatusCode::OK, "application/json", answer),
        };
        Box::pin(async move { Ok(reply) })
    });
    let site = plan.start().await;
    let mut came = Vec::new();
    for _ in answers {
        let body = site.head(site.tool("items", &read())).await.into_body();
        came.push(read_out(body).await);
    }
    let rows = site.end().await;
    assert_eq!(rows.len(), answers.len());
    came.into_iter().zip(rows).map(|((text, ended), row)| (text, ended, row)).collect()
}

/// All that comes of a body, and whether its end does.
async fn read_out(mut body: Body) -> (String, bool) {
    let mut came = Vec::new();
    loop {
        match body.frame().await {
            Some(Ok(frame)) => came.extend_from_slice(&frame.into_data().unwrap()),
            Some(Err(_)) => return (String::from_utf8_lossy(&came).into_owned(), false),
            None => return (String::from_utf8_lossy(&came).into_owned(), true),
        }
    }
}

const PART: &str = r#"{"type":"text","text":"{\"raw\":[{\"id\":1}]}"}"#;

fn with(result: &str) -> String {
    format!(r#"{{"result":{result},"jsonrpc":"2.0","id":1}}"#)
}

/// Results, as Directus and others may write them.
pub(super) fn results() -> Vec<String> {
    vec![
        with(&format!(r#"{{"content":[{PART}]}}"#)),
        with(&format!(r#"{{"content":[{PART}],"structuredContent":{{"data":[{{"id":1,"é":"😀"}}]}}}}"#)),
        with(&format!(r#"{{"isError":false,"content":[{PART}]}}"#)),
        with(r#"{"content":[]}"#),
        with(
            r#"{"content":[{"type":"text","text":"{\"raw\":[{\"n\":1e999,\"deep\":[[[[[[[[]]]]]]]]}],\"url\":\"http://cms/admin/x\"}"}]}"#,
        ),
        with(r#"{"content":[{"type":"image","data":"aGk=","mimeType":"image/png"}]}"#),
        format!(" {{\"id\":1,\n\"jsonrpc\":\"2.0\",\"r\\u0065sult\":{{\"content\":[{PART}]}}}} "),
    ]
}

#[tokio::test]
async fn a_result_passes_as_it_is_in_pieces_of_any_size() {
    let sizes = [None, Some(1), Some(2), Some(7), Some(10_000)];
    let sent: Vec<Sent> =
        results().iter().flat_map(|answer| sizes.map(|size| (answer.clone().into_bytes(), size))).collect();
    for ((answer, size), (came, ended, row)) in sent.iter().zip(answered(Plan::new(), &sent).await) {
        assert_eq!((came.as_bytes(), ended), (&answer[..], true), "{size:?}: {came}");
        assert_eq!((row.outcome.as_deref(), row.error_code), (Some("ok"), None), "{came}");
    }
}

/// Answers that are no results. Each says `SECRET` where no result says anything.
fn others() -> Vec<Vec<u8>> {
    let result = format!(r#""result":{{"content":[{PART}]}}"#);
    let end = r#""jsonrpc":"2.0","id":1"#;
    let mut others: Vec<Vec<u8>> = [
        with(&format!(r#"{{"content":[{PART}],"isError":"SECRET"}}"#)),
        with(&format!(r#"{{"content":[{PART}],"_meta":{{"x":"SECRET"}}}}"#)),
        with(&format!(r#"{{"content":[{PART}],"result":{{"x":"SECRET"}}}}"#)),
        with(&format!(r#"{{"content":[{PART},{{"type":"text","text":"SECRET"}}]}}"#)),
        with(&format!(r#"{{"content":[{PART}],"content":["SECRET"]}}"#)),
        with(&format!(r#"{{"content":[{PART}],"structuredContent":"SECRET"}}"#)),
        with(&format!(r#"{{"content":[{PART}],"structuredContent":{{"data":1,"x":"SECRET"}}}}"#)),
        with(r#"{"content":[{"type":"text","text":"{\"raw\":1,\"error\":\"SECRET\"}"}]}"#),
        with(r#"{"content":[{"type":"text","text":"{\"raw\":1,\"raw\":\"SECRET\"}"}]}"#),
        with(r#"{"content":[{"type":"text","text":"{\"raw\":1} SECRET"}]}"#),
        with(r#"{"content":[{"type":"text","text":"{\"raw\":1}","text":"SECRET"}]}"#),
        with(r#"{"content":[{"type":"text","text":"SECRET"}]}"#),
        with(r#"{"content":[{"type":"resource","resource":{"uri":"x","text":"SECRET"}}]}"#),
        format!(r#"{{{result},{end},"error":{{"code":1,"message":"SECRET"}}}}"#),
        format!(r#"{{{result},{result},{end},"x":"SECRET"}}"#),
        format!(r#"{{{result},"jsonrpc":"2.0","id":"SECRET"}}"#),
        format!("{{{result},{end}}}SECRET"),
        format!("{{{result},{end}}}\n{{\"result\":\"SECRET\"}}"),
        format!("\u{feff}{{{result},{end},\"x\":\"SECRET\"}}"),
        format!("data: {{{result},{end}}}\n\ndata: SECRET"),
        r#"{"errors":[{"message":"SECRET"}]}"#.to_owned(),
        r#"["SECRET"]"#.to_owned(),
        "SECRET".to_owned(),
        with(&format!(r#"{{"content":[{PART}],"x":{}"SECRET""#, "[".repeat(1000))),
    ]
    .map(String::into_bytes)
    .into();
    others.push([with(r#"{"content":[]"#).as_bytes(), b"\xff\"SECRET\""].concat());
    others
}

#[tokio::test]
async fn what_is_no_result_is_refused_or_breaks_off() {
    let sizes = [None, Some(1), Some(3), Some(50)];
    let sent: Vec<Sent> =
        others().iter().flat_map(|answer| sizes.map(|size| (answer.clone(), size))).collect();
    for ((answer, size), (came, ended, row)) in sent.iter().zip(answered(Plan::new(), &sent).await) {
        let shown = String::from_utf8_lossy(answer).chars().take(200).collect::<String>();
        let refused = serde_json::from_str::<Value>(&came).is_ok_and(|came| came["error"]["code"] == -32603);
        // A short answer is looked at whole before anything of it goes on; of a long one some has gone on when it turns out.
        assert!(refused == ended, "{shown} in {size:?}: it looks complete: {came}");
        assert!(size.is_some() || refused, "{shown}: {came}");
        assert!(!ended || !came.contains("SECRET"), "{shown} in {size:?}: {came}");
        assert_eq!(row.http_status, Some(if refused { 502 } else { 200 }), "{shown} in {size:?}");
        let failed = (Some("failed"), Some("not_understood"));
        assert_eq!((row.outcome.as_deref(), row.error_code.as_deref()), failed, "{shown} in {size:?}");
    }
}

/// The piece in which an answer stops being a result does not go on.
#[tokio::test]
async fn a_long_answer_breaks_off_where_it_stops_being_a_result() {
    let filling = Bytes::from(vec![b'x'; 200_000]);
    let with =
        |end: &'static str| [&beginning(), &filling, &Bytes::from_static(end.as_bytes())].map(Bytes::clone);
    for (end, why) in [
        (r#"\"]}"}],"isError":true},"jsonrpc":"2.0","id":1}"#, "an error after all"),
        (r#"\"]}"}],"isErr\u006fr":true},"jsonrpc":"2.0","id":1}"#, "an error in disguise"),
        (r#"\"]}"},{"type":"text","text":"SECRET"}]},"jsonrpc":"2.0","id":1}"#, "a second part"),
        (r#"\"]}"}]},"result":{"x":"SECRET"},"jsonrpc":"2.0","id":1}"#, "a second result"),
        (r#"\"]}"}]},"error":{"message":"SECRET"},"jsonrpc":"2.0","id":1}"#, "an error beside it"),
        (r#"\"]}"}]},"jsonrpc":"2.0","id":2}"#, "another id"),
        (r#"\"]}"}]},"jsonrpc":"2.0","id":1}{"SECRET":1}"#, "something behind it"),
        (r#"\"]} SECRET"}]},"jsonrpc":"2.0","id":1}"#, "something behind the text"),
        (r#"\"]}"}]},"jsonrpc":"2.0","id":1"#, "no end"),
        (r#"\"]}"}]}"#, "no end of the message"),
        ("", "no end of the text"),
    ] {
        let pieces = with(end);
        let plan = Plan::new().answering(move |_| {
            let pieces = stream::iter(pieces.clone().map(|bytes| Ok(Frame::data(bytes))));
            let reply = Response::builder().header("content-type", "application/json");
            let reply = reply.body(StreamBody::new(pieces).boxed_unsync()).unwrap();
            Box::pin(async move { Ok(reply) })
        });
        let site = plan.start().await;
        let (came, ended) = read_out(site.head(site.tool("items", &read())).await.into_body()).await;
        assert!(!ended, "{why}: it looks complete");
        assert!(came.len() >= filling.len(), "{why}: it streams");
        assert!(!came.contains("SECRET"), "{why}");
        let row = site.end().await.remove(0);
        let outcome = (row.outcome.as_deref(), row.error_code.as_deref());
        assert_eq!(outcome, (Some("failed"), Some("not_understood")), "{why}");
    }
    // The same, as it should be.
    let pieces = with(std::str::from_utf8(&ending()).unwrap().to_owned().leak());
    let (_, ended, row) = answered(Plan::new(), &[(pieces.concat(), Some(10_000))]).await.remove(0);
    assert_eq!((ended, row.outcome.as_deref()), (true, Some("ok")));
}

/// Errors are made anew, however they come and whatever else is in them.
#[tokio::test]
async fn of_an_error_only_what_is_known_stays() {
    let entry =
        json!({"error": "No such item.", "code": "FORBIDDEN", "recoverable": false, "extensions": "SECRET"});
    let next = json!({"tool": "search", "input": {"query": "x", "more": "SECRET"}, "more": "SECRET"});
    let mut with_next = entry.clone();
    with_next["next"] = next;
    let text = Value::from(json!([entry, with_next, "SECRET", {"code": "not a code: SECRET"}]).to_string());
    let untold = "Directus could not carry out this call. What it says about it names things that this role may not read.";
    let kept = json!({"error": "No such item.", "code": "FORBIDDEN", "recoverable": false});
    let mut kept_next = kept.clone();
    kept_next["next"] = json!({"tool": "search", "input": {"query": "x"}});
    let entries = json!([kept, kept_next, {"error": untold}, {"error": untold}]).to_string();
    let tool = json!({"content": [{"type": "text", "text": entries}], "isError": true});
    let plain = json!({"content": [{"type": "text", "text": untold}], "isError": true});
    let message = |members: &str| format!(r#"{{"jsonrpc":"2.0","id":1,{members}}}"#);
    let protocol = |code: i64, text: &str| json!({"code": code, "message": text});
    for (answer, member, expected) in [
        (
            message(&format!(
                r#""result":{{"isError":true,"_meta":"SECRET","content":[{{"type":"text","text":{text},"annotations":"SECRET"}}],"structuredContent":{{"data":"SECRET"}}}}"#
            )),
            "result",
            &tool,
        ),
        (
            message(&format!(
                r#""result":{{"content":[{{"type":"text","text":{text}}},{{"type":"image","data":"SECRET"}}],"isErr\u006fr":true}}"#
            )),
            "result",
            &tool,
        ),
        (
            message(
                r#""result":{"content":[{"type":"text","text":"{\"s\\u0065cret_note\":\"SECRET\"}"}],"isError":true}"#,
            ),
            "result",
            &plain,
        ),
        (
            message(
                r#""result":{"content":[{"type":"text","text":"SECRET of secret_note"}],"isError":true}"#,
            ),
            "result",
            &plain,
        ),
        (message(r#""result":{"isError":true}"#), "result", &json!({"content": [], "isError": true})),
        (
            message(r#""error":{"code":-32602,"message":"No.","data":"SECRET","more":"SECRET"}"#),
            "error",
            &protocol(-32602, "No."),
        ),
        (
            message(r#""error":{"code":-32602,"message":"secret_note is SECRET"}"#),
            "error",
            &protocol(-32602, untold),
        ),
        (
            message(r#""error":{"code":"SECRET","message":{"x":"SECRET"}}"#),
            "error",
            &protocol(-32603, untold),
        ),
        (message(r#""error":"SECRET""#), "error", &protocol(-32603, untold)),
    ] {
        let sent = [None, Some(1), Some(100)].map(|size| (answer.clone().into_bytes(), size));
        for (came, ended, row) in answered(Plan::new(), &sent).await {
            let came: Value = serde_json::from_str(&came).unwrap();
            assert_eq!((&came[member], ended), (expected, true), "{answer}");
            assert_eq!(came.as_object().unwrap().len(), 3, "{came}");
            assert_eq!(row.outcome.as_deref(), Some("error"), "{answer}");
        }
    }
}

/// Without a schema nobody can tell what a text names, so that only the code stays; and every method's errors are cut.
#[tokio::test]
async fn errors_of_every_method_are_cut_without_a_schema_too() {
    let error = json!({"code": -32603, "message": "secret_note is SECRET", "data": "SECRET"});
    let entries = json!([{"error": "secret_note is SECRET", "code": "FORBIDDEN"}]).to_string();
    let tool = json!({"content": [{"type": "text", "text": entries}], "isError": true});
    let calls = [
        ("initialize", json!({"protocolVersion": "2025-06-18", "capabilities": {}})),
        ("tools/list", json!({})),
        ("prompts/list", json!({})),
        ("prompts/get", json!({"name": "public-a"})),
        ("tools/call", json!({"name": "system-prompt", "arguments": {}})),
        ("tools/call", json!({"name": "weather", "arguments": {}})),
        ("tools/call", json!({"name": "items", "arguments": read()})),
        ("tools/call", json!({"name": "schema", "arguments": {}})),
    ];
    for with_schema in [true, false] {
        for (method, params) in &calls {
            for (member, value) in [("error", &error), ("result", &tool)] {
                let value = value.clone();
                let plan = Plan::new().answering(move |seen| {
                    let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], member: value});
                    Box::pin(
                        async move { Ok(reply(StatusCode::OK, "application/json", message.to_string())) },
                    )
                });
                let schema = if with_schema { None } else { Some(super::schema::nowhere()) };
                let site = Plan { schema, ..plan }.start().await;
                let came = site.send(site.message(method, params)).await;
                assert!(!came.text.contains("SECRET"), "{method} {params}: {}", came.text);
                let message = came.json();
                if with_schema || !site.seen().is_empty() {
                    let code = &message["error"]["code"];
                    let told = came.text.contains("FORBIDDEN") || *code == json!(-32603);
                    assert!(told, "{method} {params}: the code stays: {message}");
                }
                let row = site.end().await.remove(0);
                assert!(row.outcome.as_deref() != Some("ok"), "{method} {params}: {row:?}");
            }
        }
    }
}

/// What `initialize` and `prompts/get` answer is made anew from what MCP knows.
#[tokio::test]
async fn what_is_not_known_of_other_answers_is_left_out_or_refused() {
    let initialize = ("initialize", json!({"protocolVersion": "2025-06-18", "capabilities": {}}));
    let prompt = ("prompts/get", json!({"name": "public-a"}));
    let text = json!({"type": "text", "text": "Hello", "more": "SECRET"});
    for ((method, params), result, passes) in [
        (
            &initialize,
            json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}, "x": "SECRET"},
            "serverInfo": {"name": "d", "x": "SECRET"}, "instructions": "SECRET", "_meta": "SECRET"}),
            true,
        ),
        (&initialize, json!({"protocolVersion": {"x": "SECRET"}}), false),
        (&initialize, json!({"protocolVersion": "2025-06-18", "capabilities": "SECRET"}), false),
        (
            &prompt,
            json!({"messages": [{"role": "user", "content": text, "more": "SECRET"}], "more": "SECRET"}),
            true,
        ),
        (
            &prompt,
            json!({"messages": [{"role": "user", "content": {"type": "resource", "text": "SECRET"}}]}),
            false,
        ),
        (&prompt, json!({"messages": ["SECRET"]}), false),
        (&prompt, json!({"content": [{"type": "text", "text": "SECRET"}]}), false),
    ] {
        let site = Plan::new().with_result(&result).start().await;
        let came = site.send(site.message(method, params)).await;
        assert_eq!(came.json().get("result").is_some(), passes, "{method}: {}", came.text);
        assert!(!came.text.contains("SECRET"), "{method}: {}", came.text);
    }
}

/// An answer that has to be changed is read whole, and so is one of which nobody can tell what it is: both have an end.
#[tokio::test]
async fn an_answer_without_end_is_not_read_for_ever() {
    let plan = Plan::new().answering(|_| {
        let space = Bytes::from(vec![b' '; 1024 * 1024]);
        let pieces = stream::repeat_with(move || Ok(Frame::data(space.clone())));
        let reply = Response::builder().header("content-type", "application/json");
        let reply = reply.body(StreamBody::new(pieces).boxed_unsync()).unwrap();
        Box::pin(async move { Ok(reply) })
    });
    let site = plan.start().await;
    let came = site.send(site.tool("items", &read())).await;
    assert_eq!(came.status, StatusCode::BAD_GATEWAY, "{}", came.text);
    let row = site.end().await.remove(0);
    assert_eq!((row.outcome.as_deref(), row.error_code.as_deref()), (Some("failed"), Some("unavailable")));
}

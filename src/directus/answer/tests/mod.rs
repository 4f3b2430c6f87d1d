//! What is a result and what is not, in a table; and by chance, against another reader.

mod chance;

use super::ResultShape;
use crate::mcp::Id;
use serde_json::Value;

fn verdict(answer: &[u8]) -> Result<(), &'static str> {
    ResultShape::of(answer, &Id::Number(1)).map_err(|misshapen| misshapen.0)
}

/// A message with that result.
fn with(result: &str) -> String {
    format!(r#"{{"result":{result},"jsonrpc":"2.0","id":1}}"#)
}

/// A message with that text.
fn text(inner: &str) -> String {
    with(&format!(r#"{{"content":[{{"type":"text","text":{}}}]}}"#, Value::from(inner)))
}

fn refused(table: &[(String, &str)]) {
    for (answer, why) in table {
        let said = verdict(answer.as_bytes());
        assert!(said.is_err_and(|said| said.contains(why)), "{answer}: {said:?}");
    }
}

const PART: &str = r#"{"type":"text","text":"{\"raw\":1}"}"#;

#[test]
fn results_of_directus_are_results() {
    let deep = "[".repeat(126) + &"]".repeat(126);
    for answer in [
        text(r#"{"raw":[{"id":1}],"url":"http://cms/admin/content/articles/1"}"#),
        text(r#"{"data":null}"#),
        text(r#"{"url":"x","raw":{"isError":true,"error":"x","result":{}}}"#),
        text(r#" { "raw" : [ -0.5e+10 , 1e999 , 12345678901234567890123 ] } "#),
        text(r#"{"raw":{"raw":1,"raw":2,"url":3}}"#),
        // A database may hold half a character.
        text(r#"{"raw":"\ud800"}"#),
        text(&format!(r#"{{"raw":{deep}}}"#)),
        with(r#"{"content":[]}"#),
        with(r#"{"content":[],"structuredContent":{"data":null}}"#),
        with(&format!(
            r#"{{"structuredContent":{{"data":[{{"\ud83d":1}}]}},"isError":false,"content":[{PART}]}}"#
        )),
        with(r#"{"content":[{"type":"image","data":"aGk=","mimeType":"image/png"}]}"#),
        with(r#"{"content":[{"mimeType":"audio/ogg","data":"","type":"audio"}]}"#),
        format!(
            " \r\n\t{{\"\\u006asonrpc\":\"2\\u002e0\",\"id\":1,\"r\\u0065sult\":{{\"content\":[{PART}]}}}}\n"
        ),
        text(r#"{"raw":"é😀"}"#),
        text("{\"raw\":\"\\u00e9\\ud83d\\ude00\"}"),
    ] {
        assert_eq!(verdict(answer.as_bytes()), Ok(()), "{answer}");
    }
}

#[test]
fn errors_and_members_that_are_not_known_or_come_twice_are_none() {
    let message = |members: &str| format!("{{{members}}}");
    let result = format!(r#""result":{{"content":[{PART}]}}"#);
    refused(&[
        (with(&format!(r#"{{"content":[{PART}],"isError":true}}"#)), "not what it should be"),
        (with(&format!(r#"{{"content":[{PART}],"isErr\u006fr":true}}"#)), "not what it should be"),
        (with(&format!(r#"{{"content":[{PART}],"isError":"false"}}"#)), "not what it should be"),
        (with(&format!(r#"{{"content":[{PART}],"isError":null}}"#)), "not what it should be"),
        (with(&format!(r#"{{"content":[{PART}],"isError":false,"isError":true}}"#)), "twice"),
        (message(r#""jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}"#), "not known"),
        (message(&format!(r#"{result},"jsonrpc":"2.0","id":1,"error":null"#)), "not known"),
        (message(&format!(r#"{result},"jsonrpc":"2.0","id":1,"\u0065rror":{{}}"#)), "not known"),
        (text(r#"[{"error":"x"}]"#), "not what it should be"),
        (r#"{"errors":[{"message":"SELECT"}]}"#.to_owned(), "not known"),
        // Something twice.
        (message(&format!(r#"{result},{result},"jsonrpc":"2.0","id":1"#)), "twice"),
        (message(&format!(r#"{result},"r\u0065sult":{{}},"jsonrpc":"2.0","id":1"#)), "twice"),
        (with(&format!(r#"{{"content":[{PART}],"content":[]}}"#)), "twice"),
        (with(&format!(r#"{{"content":[{PART},{PART}]}}"#)), "more than one part"),
        (with(r#"{"content":[{"type":"text","text":"{\"raw\":1}","text":"SECRET"}]}"#), "twice"),
        (text(r#"{"raw":1,"raw":2}"#), "twice"),
        (text(r#"{"raw":1,"data":2}"#), "twice"),
        (text(r#"{"raw":1,"\u0075rl":"x","url":"y"}"#), "twice"),
        (with(r#"{"content":[],"structuredContent":{"data":1,"data":2}}"#), "twice"),
        // Something more.
        (with(&format!(r#"{{"content":[{PART}],"_meta":{{"x":"SECRET"}}}}"#)), "not known"),
        (with(&format!(r#"{{"content":[{PART}],"result":{{}}}}"#)), "not known"),
        (message(&format!(r#"{result},"jsonrpc":"2.0","id":1,"method":"x""#)), "not known"),
        (with(r#"{"content":[{"type":"text","text":"{\"raw\":1}","annotations":{}}]}"#), "not known"),
        (with(r#"{"content":[{"type":"text","text":"{\"raw\":1}","data":"x"}]}"#), "not known"),
        (with(r#"{"content":[{"type":"image","data":"","mimeType":"","text":"{\"raw\":1}"}]}"#), "not known"),
        (with(r#"{"content":[{"type":"resource","resource":{"text":"SECRET"}}]}"#), "not what it should be"),
        (with(r#"{"content":[{"type":"resource_link","uri":"x"}]}"#), "not what it should be"),
        (text(r#"{"raw":1,"error":"SECRET"}"#), "not known"),
        (with(r#"{"content":[],"structuredContent":{"data":1,"more":2}}"#), "not known"),
        (text(&format!(r#"{{"{}":1}}"#, "x".repeat(10_000))), "not what it should be"),
    ]);
}

#[test]
fn what_is_missing_or_another_thing_makes_none() {
    let message = |members: &str| format!("{{{members}}}");
    let result = format!(r#""result":{{"content":[{PART}]}}"#);
    let deep = "[".repeat(127) + &"]".repeat(127);
    refused(&[
        // Something less.
        (with("{}"), "missing"),
        (with(r#"{"structuredContent":{"data":1}}"#), "missing"),
        (with(r#"{"content":[],"structuredContent":{}}"#), "missing"),
        (with(r#"{"content":[{}]}"#), "missing"),
        (with(r#"{"content":[{"text":"{\"raw\":1}"}]}"#), "missing"),
        (with(r#"{"content":[{"type":"text"}]}"#), "missing"),
        (with(r#"{"content":[{"type":"image","data":""}]}"#), "missing"),
        (message(&format!(r#"{result},"id":1"#)), "missing"),
        (message(&format!(r#"{result},"jsonrpc":"2.0""#)), "missing"),
        (text(r#"{"url":"x"}"#), "missing"),
        (text(r#"{"raw":"#), "missing"),
        (text(""), "missing"),
        ("{}".to_owned(), "missing"),
        (String::new(), "too early"),
        // Something else.
        (message(&format!(r#"{result},"jsonrpc":"2.0","id":2"#)), "not what it should be"),
        (message(&format!(r#"{result},"jsonrpc":"2.0","id":"1""#)), "not what it should be"),
        (message(&format!(r#"{result},"jsonrpc":"2.0","id":1.0"#)), "not what it should be"),
        (message(&format!(r#"{result},"jsonrpc":2.0,"id":1"#)), "not what it should be"),
        (message(&format!(r#"{result},"jsonrpc":"1.0","id":1"#)), "not what it should be"),
        (with("[]"), "not what it should be"),
        (with("null"), "not what it should be"),
        (with(r#"{"content":{}}"#), "not what it should be"),
        (with(r#"{"content":["SECRET"]}"#), "not what it should be"),
        (with(r#"{"content":[[]]}"#), "not what it should be"),
        (with(r#"{"content":[{"type":"text","text":{"raw":1}}]}"#), "not what it should be"),
        (with(r#"{"content":[],"structuredContent":[1]}"#), "not what it should be"),
        (text("SECRET"), "not JSON"),
        (text(r#""{\"raw\":1}""#), "not what it should be"),
        (text(r#"{"raw":1,"url":["SECRET"]}"#), "not what it should be"),
        (text(r#"{"raw":1,"url":null}"#), "not what it should be"),
        (text("{\"raw\":1} SECRET"), "not JSON"),
        (text("\u{feff}{\"raw\":1}"), "not JSON"),
        (text(&format!(r#"{{"raw":{deep}}}"#)), "too deep"),
        (format!("[{}]", with(r#"{"content":[]}"#)), "not what it should be"),
        ("\"result\"".to_owned(), "not what it should be"),
        ("<html>".to_owned(), "not JSON"),
        (format!("\u{feff}{}", text(r#"{"raw":1}"#)), "not JSON"),
        (format!("{}SECRET", text(r#"{"raw":1}"#)), "not JSON"),
        (format!("{0}{0}", text(r#"{"raw":1}"#)), "not JSON"),
        (format!("event: message\ndata: {}", text(r#"{"raw":1}"#)), "not JSON"),
        ("[".repeat(100_000), "not what it should be"),
        (with(r#"{"content":[{"type":"text","text":"\ud800"}]}"#), "half a character"),
        (with(r#"{"content":[{"type":"text","text":"{\"raw\":\"\udc00\"}"}]}"#), "half a character"),
        (with("{\"content\":[{\"type\":\"te\nxt\"}]}"), "control character"),
        (with(r#"{"content":[],}"#), "not JSON"),
        (with(r#"{"content":[01]}"#), "not"),
        (with("{'content':[]}"), "not JSON"),
    ]);
    for bytes in [&b"\xff"[..], b"{\"result\":{\"content\":[\xc1\xb4", b"\xef\xbb\xbf{}", b"\x1f\x8b\x08\x00"]
    {
        assert!(verdict(bytes).is_err());
    }
}

#[test]
fn an_answer_that_ends_anywhere_is_not_whole() {
    let answer = with(&format!(r#"{{"structuredContent":{{"data":["é"]}},"content":[{PART}]}}"#));
    for length in 0..answer.len() {
        assert!(verdict(&answer.as_bytes()[..length]).is_err(), "{length}");
    }
}

#[test]
fn no_beginning_of_an_error_is_certain() {
    let entries = Value::from(r#"[{"error":"SECRET","code":"FORBIDDEN"}]"#);
    for answer in [
        with(&format!(r#"{{"isError":true,"content":[{{"type":"text","text":{entries}}}]}}"#)),
        with(&format!(r#"{{"content":[{{"type":"text","text":{entries}}}],"isError":true}}"#)),
        with(&format!(r#"{{"content":[{{"text":{entries},"type":"text"}}],"isError":true}}"#)),
        with(r#"{"content":[],"structuredContent":{"data":"SECRET"},"isError":true}"#),
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"SECRET"}}"#.to_owned(),
    ] {
        let mut shape = ResultShape::to(&Id::Number(1));
        for byte in answer.as_bytes() {
            let fits = shape.take(&[*byte]).is_ok();
            assert!(!shape.is_certain(), "{answer}");
            if !fits {
                break;
            }
        }
    }
}

#[test]
fn an_id_is_that_of_the_request() {
    for (id, written, same) in [
        (Id::Text("a\"é".to_owned()), r#""a\"\u00e9""#, true),
        (Id::Text("1".to_owned()), "1", false),
        (Id::Text("x".repeat(256)), &Value::from("x".repeat(256)).to_string(), true),
        (Id::Text("x".repeat(256)), &Value::from("x".repeat(257)).to_string(), false),
        (Id::Number(-7), "-7", true),
        (Id::Number(0), "-0", false),
    ] {
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{written},"result":{{"content":[]}}}}"#);
        assert_eq!(ResultShape::of(answer.as_bytes(), &id).is_ok(), same, "{written}");
    }
}

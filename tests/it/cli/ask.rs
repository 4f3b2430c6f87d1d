//! `explain`, `key` and `audit`: what is asked of policies, keys and the trail.

use super::Desk;
use crate::trail::{intent, outcome, refusal};
use uuid::Uuid;
use warrener::audit::trail::{Trail, TrailOptions};

const READ: &str = r#"{"tool":"items","arguments":{"action":"read","collection":"authors"}}"#;
const DELETE: &str = r#"{"tool":"items","arguments":{"action":"delete","collection":"articles","keys":[1]}}"#;

const EXPLAIN: &str = "explain --policies POLICIES --schema SCHEMA --role";

#[tokio::test]
async fn explain_tells_what_a_call_would_do() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run(&format!("{EXPLAIN} reader {READ}")).await, @r#"
    exit code 0
    --- output
    permit, by reader/read-content

    read authors [*] {"query":100}, asked
      reader/read-content (reader.yaml:8:9) covers it

    read articles [id] {"query":100} through `articles`, asked by wildcard
      reader/read-content (reader.yaml:8:9) covers it

    to do: {"project":["articles","email","id","name"]}

    to do: {"limit":100}

    forwarded: {"action":"read","collection":"authors","query":{"fields":["articles","email","id","name"],"limit":100}}
    "#);
    insta::assert_snapshot!(desk.run(&format!("{EXPLAIN} content-editor {DELETE}")).await, @r#"
    exit code 2
    --- output
    deny, forbidden (content-editor/no-content-deletes): Deleting from articles is forbidden. AI clients may not delete content. Ask an editor.
      also no_permission (content-editor/-): Deleting from articles is not permitted to this role. On articles it may: read, create, update.

    delete articles [] {"keys":[1]}, asked
      content-editor/no-content-deletes (content-editor.yaml:57:9) forbids it
      content-editor/read-content (content-editor.yaml:10:9) speaks of other collections or actions
      content-editor/write-content (content-editor.yaml:15:9) speaks of other collections or actions
      content-editor/link (content-editor.yaml:21:9) speaks of other collections or actions
      content-editor/media (content-editor.yaml:26:9) speaks of other collections or actions
      content-editor/write-media (content-editor.yaml:35:9) speaks of other collections or actions
      content-editor/read-model (content-editor.yaml:42:9) speaks of other collections or actions
      content-editor/read-system (content-editor.yaml:46:9) speaks of other collections or actions

    update comments [article] {"children":1} through `comments.article`, implied

    update reviews [article] {"children":1} through `reviews.article`, implied

    update articles_tags [articles_id] {"children":1} through `articles_tags.articles_id`, implied

    update articles_blocks [articles_id] {"children":1} through `articles_blocks.articles_id`, implied
    "#);
}

/// The name of an alias is part of a path: it begins no line of its own, and writes nothing to a terminal.
#[tokio::test]
async fn explain_shows_what_a_call_says_and_does_not_obey_it() {
    let desk = Desk::new();
    let call = r#"{"tool":"items","arguments":{"action":"read","collection":"articles","query":{"alias":{"a\u001b\u009b\u202e\npermit":"author"},"fields":["a\u001b\u009b\u202e\npermit.email"]}}}"#;
    for format in ["", "--json "] {
        let told = desk.run(&format!("{EXPLAIN} reader {format}{call}")).await;
        assert!(!told.contains(|one: char| one.is_control() && one != '\n' || one == '\u{202e}'), "{told:?}");
        assert!(
            !told.contains("\npermit\"")
                && told.contains(if format.is_empty() { "`a\\u{1b}" } else { "a\\u001b" }),
            "{told}"
        );
    }
}

#[tokio::test]
async fn explain_tells_it_to_programs() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run(&format!("{EXPLAIN} reader --json {READ}")).await, @r#"
    exit code 0
    --- output
    {
      "id": null,
      "decision": "permit",
      "reason": null,
      "accesses": [
        {
          "action": "read",
          "collection": "authors",
          "fields": [
            "articles",
            "email",
            "id",
            "name"
          ],
          "extent": {
            "query": 100
          },
          "via": "",
          "asked": true
        },
        {
          "action": "read",
          "collection": "articles",
          "fields": [
            "id"
          ],
          "extent": {
            "query": 100
          },
          "via": "articles",
          "asked": true
        }
      ],
      "obligations": [
        {
          "project": [
            "articles",
            "email",
            "id",
            "name"
          ]
        },
        {
          "limit": 100
        }
      ],
      "forward": {
        "query_string": "",
        "body": {
          "jsonrpc": "2.0",
          "id": 1,
          "method": "tools/call",
          "params": {
            "name": "items",
            "arguments": {
              "action": "read",
              "collection": "authors",
              "query": {
                "fields": [
                  "articles",
                  "email",
                  "id",
                  "name"
                ],
                "limit": 100
              }
            }
          }
        }
      }
    }
    "#);
}

#[tokio::test]
async fn explain_says_that_it_needs_a_schema() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run(&format!("explain --role reader {READ}")).await, @r#"
    exit code 2
    --- output
    deny, not_understood (-): no schema is given, so it cannot be told what this call would do: name one
    "#);
}

#[tokio::test]
async fn keys_are_issued_listed_and_revoked() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run("key new claude --role reader").await, @r#"
    exit code 0
    --- output
    wr_[KEY]
    --- messages
    The key of `claude`, role `reader`. It is shown this once and kept nowhere:
    "#);
    insta::assert_snapshot!(desk.run("key list").await, @r#"
    exit code 0
    --- output
     name    role    created               expires  valid  place   token
     claude  reader  [TIME]           yes    header  default
    "#);
    insta::assert_snapshot!(desk.run("key list --format json").await, @r#"
    exit code 0
    --- output
    [
      {
        "name": "claude",
        "role": "reader",
        "created": "[TIME]",
        "expires": null,
        "valid": true,
        "place": "header",
        "token": "default"
      }
    ]
    "#);
    insta::assert_snapshot!(desk.run("key new claude --role reader").await, @r#"
    exit code 1
    --- messages
    error: there is a key of the name `claude` already; revoke it first, or take another name
    "#);
    insta::assert_snapshot!(desk.run("key revoke claude").await, @r#"
    exit code 0
    --- messages
    The key of `claude` is revoked.
    "#);
    insta::assert_snapshot!(desk.run("key revoke claude").await, @r#"
    exit code 1
    --- messages
    error: there is no key of the name `claude`; `warrener key list` shows them
    "#);
}

/// An update that was permitted and a delete that was denied.
async fn trail(desk: &Desk) {
    let url = format!("sqlite://{}", desk.path("warrener.db").display());
    let trail = Trail::open(&TrailOptions::new(url)).await.unwrap();
    let call = |n: u128| Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + n);
    for entry in [intent(call(1)), outcome(call(1)), refusal(call(2))] {
        trail.commit(entry).await.unwrap();
    }
    trail.close().await.unwrap();
}

#[tokio::test]
async fn the_trail_is_listed() {
    let desk = Desk::new();
    trail(&desk).await;
    insta::assert_snapshot!(desk.run("audit query").await, @r#"
    exit code 0
    --- output
    TIME (UTC)               DECISION  OUTCOME  PRINCIPAL     ROLE            TOOL      ACCESS                    RULE                   MS        ID
    2026-11-22T12:00:00.000  deny      refused  desk          editor          items     delete reviews            guardrails/no-deletes       0.5  01930000-0000-7000-8000-000000000002
    2026-11-22T12:00:00.000  permit    ok       desk          editor          items     update articles +1        editor/write               12.3  01930000-0000-7000-8000-000000000001
    "#);
    insta::assert_snapshot!(desk.run("audit query --decision deny --format json").await, @r#"
    exit code 0
    --- output
    {"id":"01930000-0000-7000-8000-000000000002","started_at":"2026-11-22T12:00:00.000000Z","finished_at":"2026-11-22T12:00:00.000500Z","duration_ms":0.5,"principal":"desk","role":"editor","client_name":"a client 🐇","client_version":null,"client_address":null,"method":"tools/call","tool":"items","decision":"deny","rule":"guardrails/no-deletes","reason":"forbidden","enforced":true,"outcome":"refused","http_status":null,"error_code":"POLICY_DENIED","items":null,"request_bytes":321,"response_bytes":null,"arguments":{"action":"update","note":"é\u0000"},"arguments_digest":"[DIGEST]","policy_revision":"r1","trace_id":null,"principal_id":"[PSEUDONYM]","seq":4,"count":1,"accesses":[{"action":"delete","collection":"reviews","fields":[],"extent":"all","via":"","asked":true}]}
    "#);
    insta::assert_snapshot!(desk.run("audit query --action update --format csv").await, @r#"
    exit code 0
    --- output
    id,started_at,finished_at,duration_ms,principal,role,client_name,client_version,client_address,method,tool,decision,rule,reason,enforced,outcome,http_status,error_code,items,request_bytes,response_bytes,arguments,arguments_digest,policy_revision,trace_id,principal_id,seq,count,accesses
    01930000-0000-7000-8000-000000000001,2026-11-22T12:00:00.000000Z,2026-11-22T12:00:00.012345Z,12.345,desk,editor,a client 🐇,,,tools/call,items,permit,editor/write,,true,ok,200,,2,321,512,"{""action"":""update"",""note"":""é\u0000""}",[DIGEST],r1,,[PSEUDONYM],2,1,"[{""action"":""update"",""collection"":""articles"",""fields"":[""body"",""title""],""extent"":{""keys"":[1,""a""]},""via"":"""",""asked"":true},{""action"":""update"",""collection"":""articles"",""fields"":[""body"",""title""],""extent"":{""keys"":[1,""a""]},""via"":""reviews"",""asked"":false}]"
    "#);
    insta::assert_snapshot!(desk.run("audit query --principal nobody").await, @r#"
    exit code 0
    --- messages
    no such calls
    "#);
    insta::assert_snapshot!(desk.run("audit tail -n 1").await, @r#"
    exit code 0
    --- output
    TIME (UTC)               DECISION  OUTCOME  PRINCIPAL     ROLE            TOOL      ACCESS                    RULE                   MS        ID
    2026-11-22T12:00:00.000  deny      refused  desk          editor          items     delete reviews            guardrails/no-deletes       0.5  01930000-0000-7000-8000-000000000002
    "#);
}

#[tokio::test]
async fn a_call_of_the_trail_is_shown() {
    let desk = Desk::new();
    trail(&desk).await;
    insta::assert_snapshot!(desk.run("audit show 01930000-0000-7000-8000-000000000002").await, @r#"
    exit code 0
    --- output
    id                01930000-0000-7000-8000-000000000002
    started_at        2026-11-22T12:00:00.000000Z
    finished_at       2026-11-22T12:00:00.000500Z
    duration_ms       0.5
    principal         desk
    role              editor
    client_name       a client 🐇
    method            tools/call
    tool              items
    decision          deny
    rule              guardrails/no-deletes
    reason            forbidden
    enforced          true
    outcome           refused
    error_code        POLICY_DENIED
    request_bytes     321
    arguments_digest  [DIGEST]
    policy_revision   r1
    principal_id      [PSEUDONYM]
    seq               4
    count             1

    accesses
      delete reviews [] "all"

    arguments
    {
      "action": "update",
      "note": "é\u0000"
    }

    entries
      4 refusal  2026-11-22T12:00:00.000000Z [DIGEST]
        received  [DIGEST]
    "#);
    insta::assert_snapshot!(desk.run("audit show 7fff").await, @r#"
    exit code 1
    --- messages
    error: no call in the trail has the id `7fff`: `warrener audit query` lists ids
    "#);
}

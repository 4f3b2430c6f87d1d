//! `warrener test`: expectations, fixtures, tables, coverage, and the answers for people, programs and build servers.

use super::Desk;
use crate::support::process::checkout;
use roxmltree::{Document, Node};
use warrener::audit::escape::escape;

/// Policies of which the tests fail once.
const EDITOR: &str = r#"version: 1
role: editor
permissions:
  - {id: read, collections: [articles, authors], actions: [read], max_items: 100}
  - {id: write, collections: [articles], actions: [create, update], validation: {status: {_in: [draft, review]}}, max_items: 50}
forbid:
  - {id: no-deletes, collections: ["*"], actions: [delete]}
"#;

const TESTS: &str = r#"version: 1
schema: schema/snapshot.yaml
fixtures:
  draft: {title: x, status: draft}
tests:
  - name: reads <all> & "more"
    call: {tool: items, arguments: {action: read, collection: articles, query: {fields: [title, author.name]}}}
    expect: {permit: {rule: editor/write, forward: {query: {limit: 5}}, obligations: [], fields: {author: [id]}}}
  - name: saves
    call: {tool: items, arguments: {action: create, collection: articles, data: {$each: data}, query: {fields: [id]}}}
    each:
      - {data: {$fixture: draft}, expect: {permit: {forward: {data: {$fixture: draft}}}}}
      - {data: {title: x, status: review}}
      - {data: {title: x, status: published}, expect: {deny: invalid_value}}
    expect: {permit: {rule: editor/write, obligations: [], fields: [id]}}
"#;

fn desk(tests: &str) -> Desk {
    let desk = Desk::new();
    desk.write("warrener.yaml", "version: 1\npolicies: policies\n");
    desk.write("policies/editor.yaml", EDITOR);
    desk.write("policies/guardrails.yaml", "version: 1\n");
    desk.write("policies/editor.test.yaml", tests);
    let schema = std::fs::read_to_string(checkout("policies/schema/snapshot.yaml")).unwrap();
    desk.write("policies/schema/snapshot.yaml", &schema);
    desk
}

#[tokio::test]
async fn every_row_is_a_test_and_what_came_is_told_in_the_parts_that_are_expected() {
    let desk = desk(TESTS);
    insta::assert_snapshot!(desk.run("test --coverage").await, @r#"
    exit code 1
    --- output
    policies/editor.test.yaml:6: reads <all> & "more"
      expected  permit, by editor/write, forwarding {"query":{"limit":5}}, without obligations, asking for author.id at `author`
      came      permit, by editor/read, forwarding {"action":"read","collection":"articles","query":{"fields":["title","author.name"],"limit":100}}, with the obligations [{"limit":100}], asking for author.name, title

    3 passed, 1 failed
    coverage: 2 of 3 rules (66 %)
      not touched: editor/no-deletes (policies/editor.yaml:7)
    "#);
    insta::assert_snapshot!(desk.run("test --format json").await, @r#"
    exit code 1
    --- output
    {
      "passed": 3,
      "failed": 1,
      "failures": [
        {
          "file": "policies/editor.test.yaml",
          "line": 6,
          "name": "reads <all> & \"more\"",
          "expected": "permit, by editor/write, forwarding {\"query\":{\"limit\":5}}, without obligations, asking for author.id at `author`",
          "came": "permit, by editor/read, forwarding {\"action\":\"read\",\"collection\":\"articles\",\"query\":{\"fields\":[\"title\",\"author.name\"],\"limit\":100}}, with the obligations [{\"limit\":100}], asking for author.name, title"
        }
      ],
      "coverage": {
        "rules": 3,
        "touched": 2,
        "percent": 66,
        "min_percent": null,
        "not_touched": [
          {
            "rule": "editor/no-deletes",
            "file": "policies/editor.yaml",
            "line": 7
          }
        ]
      }
    }
    "#);
}

/// Each part alone decides whether a test passes.
#[tokio::test]
async fn a_permit_is_held_against_every_part_that_is_expected() {
    for (part, holds) in [
        ("", true),
        ("rule: editor/read", true),
        ("rule: editor/write", false),
        ("forward: {query: {limit: 100}}", true),
        ("forward: {query: {limit: 5}}", false),
        ("obligations: [{limit: 100}]", true),
        ("obligations: []", false),
        ("obligations: [{limit: 100}, {redact: result}]", false),
        ("fields: [author.name, title]", true),
        ("fields: [title]", false),
        ("fields: {author: [name]}", true),
        ("fields: {author: [id]}", false),
    ] {
        let desk = desk(&format!(
            "version: 1\nschema: schema/snapshot.yaml\ntests:\n  - name: a\n    call: {{tool: items, arguments: {{action: \
             read, collection: articles, query: {{fields: [title, author.name]}}}}}}\n    expect: {{permit: {{{part}}}}}\n"
        ));
        let told = desk.run("test").await;
        assert_eq!(told.starts_with("exit code 0"), holds, "{part}: {told}");
        assert_eq!(told.contains("1 passed, 0 failed"), holds, "{part}: {told}");
    }
}

#[tokio::test]
async fn a_share_that_is_asked_for_is_held() {
    // One test passes and touches one rule of three.
    let desk = desk(concat!(
        "version: 1\nschema: schema/snapshot.yaml\ntests:\n",
        "  - {name: a, call: {tool: items, arguments: {action: delete, collection: articles, keys: [1]}}, ",
        "expect: {deny: forbidden}}\n",
    ));
    for (least, is_enough) in [(0, true), (33, true), (34, false), (100, false)] {
        let told = desk.run(&format!("test --min-coverage {least}")).await;
        assert_eq!(told.starts_with("exit code 0"), is_enough, "{told}");
    }
    insta::assert_snapshot!(desk.run("test --min-coverage 34").await, @r#"
    exit code 1
    --- output
    1 passed, 0 failed
    coverage: 1 of 3 rules (33 %), less than the 34 % that are asked for
      not touched: editor/read (policies/editor.yaml:4)
      not touched: editor/write (policies/editor.yaml:5)
    "#);
    insta::assert_snapshot!(desk.run("test --min-coverage 101").await, @r#"
    exit code 1
    --- messages
    error: invalid value '101' for '--min-coverage <PERCENT>': 101 is not in 0..=100

    For more information, try '--help'.
    "#);
}

#[tokio::test]
async fn files_that_are_named_are_held_against_their_own_roles() {
    let desk = desk(TESTS);
    desk.write(
        "policies/reader.yaml",
        "version: 1\nrole: reader\npermissions: []\nforbid: [{id: all, collections: [\"*\"]}]\n",
    );
    let all = desk.run("test").await;
    assert!(all.contains("coverage: 2 of 4 rules (50 %)"), "{all}");
    let named = desk.run("test policies/editor.test.yaml").await;
    assert!(named.contains("coverage: 2 of 3 rules (66 %)"), "{named}");
}

#[tokio::test]
async fn build_servers_get_xml() {
    let desk = desk(TESTS);
    insta::assert_snapshot!(desk.run("test --format junit --min-coverage 70").await, @r#"
    exit code 1
    --- output
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="warrener test" tests="5" failures="2" errors="0" time="0">
      <testsuite name="policies/editor.test.yaml" tests="4" failures="1" errors="0" time="0" skipped="0">
        <testcase classname="editor" name="reads &lt;all&gt; &amp; &quot;more&quot;" time="0">
          <failure type="expectation" message="expected permit, by editor/write, forwarding {&quot;query&quot;:{&quot;limit&quot;:5}}, without obligations, asking for author.id at `author`">
    policies/editor.test.yaml:6
    expected  permit, by editor/write, forwarding {&quot;query&quot;:{&quot;limit&quot;:5}}, without obligations, asking for author.id at `author`
    came      permit, by editor/read, forwarding {&quot;action&quot;:&quot;read&quot;,&quot;collection&quot;:&quot;articles&quot;,&quot;query&quot;:{&quot;fields&quot;:[&quot;title&quot;,&quot;author.name&quot;],&quot;limit&quot;:100}}, with the obligations [{&quot;limit&quot;:100}], asking for author.name, title
          </failure>
        </testcase>
        <testcase classname="editor" name="saves [data: draft]" time="0"/>
        <testcase classname="editor" name="saves [data: {&quot;title&quot;:&quot;x&quot;,&quot;status&quot;:&quot;review&quot;}]" time="0"/>
        <testcase classname="editor" name="saves [data: {&quot;title&quot;:&quot;x&quot;,&quot;status&quot;:&quot;published&quot;}]" time="0"/>
      </testsuite>
      <testsuite name="coverage" tests="1" failures="1" errors="0" time="0" skipped="0">
        <testcase classname="coverage" name="at least 70 %" time="0">
          <failure type="coverage" message="coverage: 2 of 3 rules (66 %), less than the 70 % that are asked for">
    not touched: editor/no-deletes (policies/editor.yaml:7)
          </failure>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

/// What an element of the XML may have: its attributes, those that it must have first, and the elements in it. These are the names
/// that the schema of the Jenkins project has for it, `junit-10.xsd`.
const SHAPE: [(&str, &[&str], usize, &[&str]); 4] = [
    ("testsuites", &["name", "tests", "failures", "errors", "time", "disabled"], 0, &["testsuite"]),
    (
        "testsuite",
        &["name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package"],
        2,
        &["properties", "testcase", "system-out", "system-err"],
    ),
    (
        "testcase",
        &["name", "classname", "time"],
        2,
        &["skipped", "error", "failure", "system-out", "system-err"],
    ),
    ("failure", &["type", "message"], 0, &[]),
];

fn assert_shape(node: Node<'_, '_>) {
    let name = node.tag_name().name();
    let (_, attributes, needed, inside) =
        SHAPE.iter().find(|(one, ..)| *one == name).unwrap_or_else(|| panic!("`{name}` is no element of it"));
    for attribute in node.attributes() {
        assert!(attributes.contains(&attribute.name()), "`{name}` has `{}`", attribute.name());
    }
    for attribute in &attributes[..*needed] {
        assert!(node.has_attribute(*attribute), "`{name}` has no `{attribute}`");
    }
    for number in ["tests", "failures", "errors", "skipped", "time"] {
        let value = node.attribute(number).unwrap_or("0");
        assert!(value.parse::<u32>().is_ok(), "{number}=\"{value}\"");
    }
    for below in node.children().filter(Node::is_element) {
        assert!(inside.contains(&below.tag_name().name()), "`{}` in `{name}`", below.tag_name().name());
        assert_shape(below);
    }
    for (of, element) in [("tests", "testcase"), ("failures", "failure")] {
        if let Some(count) = node.attribute(of) {
            let found = node.descendants().filter(|below| below.has_tag_name(element)).count();
            assert_eq!(count, found.to_string(), "{of} of `{name}`");
        }
    }
}

#[tokio::test]
async fn the_xml_is_that_of_junit_whatever_stands_in_names() {
    for name in ["plain", "]]><a b='c'>&amp;\\\"", "\\u0000\\u001b[2J\\u202e\\ufffe\\uffff.", "🐇 é\\n\\t."]
    {
        let tests = format!(
            "version: 1\ntests:\n  - {{name: \"{name}\", raw: \"{name}x\", expect: {{deny: forbidden, rule: \"{name}r\"}}}}\n"
        );
        let desk = desk(&tests);
        let told = desk.run("test --format junit --min-coverage 100").await;
        let (_, xml) = told.split_once("--- output\n").unwrap_or_else(|| panic!("{told}"));
        let document = Document::parse(xml).unwrap_or_else(|error| panic!("{error}\n{xml}"));
        assert!(document.root_element().has_tag_name("testsuites"));
        assert_shape(document.root_element());
        let case = document.descendants().find(|node| node.has_tag_name("testcase")).unwrap();
        let read: String = serde_json::from_str(&format!("\"{name}\"")).unwrap();
        let shown = escape(&read).replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}");
        assert_eq!(case.attribute("name"), Some(shown.as_str()), "{xml}");
    }
    let desk = Desk::new();
    let told = desk.run("test --format junit").await;
    let (_, xml) = told.split_once("--- output\n").unwrap();
    assert_shape(Document::parse(xml).unwrap().root_element());
}

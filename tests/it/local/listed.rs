//! Which of the Local MCP's tools a role sees, and the dialect in tests of policies and on the command line.

use crate::support::process::checkout;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use warrener::administer;
use warrener::directus::{Dialect, LocalTool};
use warrener::policy::diagnostic::Source;
use warrener::policy::set::GuardrailsFile;
use warrener::policy::{PolicySet, Principal, Proof};

/// The tools that a role with these permissions sees.
fn seen(more: &str) -> Vec<&'static str> {
    let text = format!("version: 1\nrole: tester\ndescription: x\n{more}");
    let set = PolicySet::load(&[Source::new("tester.yaml", text)], GuardrailsFile::Optional).unwrap().0;
    seen_by(&set, "tester")
}

fn seen_by(set: &PolicySet, role: &str) -> Vec<&'static str> {
    let schema = administer::schema(&checkout("tests/fixtures/schema")).unwrap();
    let principal = Principal { name: "t".into(), role: role.into(), proof: Proof::Key };
    let sees = set.visibility(&principal, &schema).unwrap().of(Dialect::Local);
    // What the other dialect has is not there.
    for name in Dialect::BuiltIn.tools() {
        assert!(LocalTool::named(name).is_some() || !sees.sees(name), "{name}");
    }
    Dialect::Local.tools().into_iter().chain(["markdown-tool"]).filter(|name| sees.sees(name)).collect()
}

#[test]
fn a_tool_is_seen_where_some_call_of_it_could_be_permitted() {
    let permission = |collections: &str, actions: &str| {
        format!(
            "permissions:\n  - {{id: p, collections: [{collections}], actions: [{actions}], max_items: 9}}\n"
        )
    };
    for (more, tools) in [
        ("permissions: []\n".to_owned(), "system-prompt"),
        ("permissions: []\nsystem_prompt: hide\n".to_owned(), ""),
        ("permissions: []\ntools: {opaque: [markdown-tool]}\n".to_owned(), "system-prompt markdown-tool"),
        (permission("articles", "read"), "read-items system-prompt"),
        (
            permission("articles", "create, update, delete"),
            "create-item update-item delete-item system-prompt",
        ),
        (permission("articles", "update") + "tools: {deny: [update-item, system-prompt]}\n", ""),
        (permission("directus_users", "read"), "users-me read-users system-prompt"),
        (permission("directus_files", "read, update"), "read-files update-files system-prompt"),
        (
            permission("directus_files", "import, update") + "import_from: ['https://images.example.com/']\n",
            "import-file update-files system-prompt",
        ),
        // An import without the update that it is here.
        (
            permission("directus_files", "import") + "import_from: ['https://images.example.com/']\n",
            "system-prompt",
        ),
        (permission("directus_folders", "read"), "read-folders system-prompt"),
        (permission("directus_flows", "read"), "read-flows system-prompt"),
        (permission("directus_flows, articles", "execute"), "trigger-flow system-prompt"),
        (permission("directus_fields", "read"), "read-fields read-field system-prompt"),
        (
            permission("directus_collections, directus_fields, directus_relations", "read"),
            "read-collections read-fields read-field system-prompt",
        ),
        (
            permission("directus_fields, tags", "read, create, update"),
            "read-items create-item update-item read-fields read-field create-field update-field system-prompt",
        ),
        (permission("directus_comments", "read"), "read-comments system-prompt"),
        (
            permission("directus_comments, tags", "read, create"),
            "read-items create-item read-comments upsert-comment system-prompt",
        ),
    ] {
        assert_eq!(seen(&more).join(" "), tools, "{more}");
    }
}

#[test]
fn the_shipped_roles_see_what_they_may_use() {
    let set = PolicySet::built_in().unwrap();
    let reader = seen_by(&set, "reader");
    assert!(reader.contains(&"read-items"), "{reader:?}");
    for writing in
        ["create-item", "update-item", "delete-item", "import-file", "update-files", "create-field"]
    {
        assert!(!reader.contains(&writing), "{writing}");
    }
    let editor = seen_by(&set, "content-editor");
    assert!(editor.contains(&"update-item") && !editor.contains(&"update-field"), "{editor:?}");
}

/// No policy can let a tool through by name that is decoded, in whichever dialect.
#[test]
fn no_tool_of_the_local_mcp_is_opaque() {
    for pattern in LocalTool::ALL.into_iter().map(LocalTool::as_str).chain(["read-*", "*"]) {
        let text = format!(
            "version: 1\nrole: tester\ndescription: x\npermissions: []\ntools: {{opaque: [\"{pattern}\"]}}\n"
        );
        let loaded = PolicySet::load(&[Source::new("tester.yaml", text)], GuardrailsFile::Optional);
        assert!(loaded.unwrap_err().to_string().contains("lets"), "{pattern}");
    }
}

#[test]
fn a_file_of_tests_says_its_dialect() {
    let folder = tempfile::tempdir().unwrap();
    let tests = |dialect: &str| {
        format!(
            "version: 1\nschema: {}\n{dialect}tests:
  - name: reads
    call: {{tool: read-items, arguments: {{collection: articles, query: {{fields: [id]}}}}}}
    expect: {{permit: {{forward: {{collection: articles, query: {{limit: 9}}}}}}}}
  - name: leads nowhere else
    call: {{tool: read-items, arguments: {{collection: ../users, query: {{fields: [id]}}}}}}
    expect: {{deny: not_understood}}
  - {{name: sees, list: tools, expect: [read-items, system-prompt]}}
",
            checkout("tests/fixtures/schema").display()
        )
    };
    fs::write(
        folder.path().join("tester.yaml"),
        "version: 1\nrole: tester\ndescription: x\npermissions:\n  - {id: p, collections: [articles], actions: [read], max_items: 9}\n",
    )
    .unwrap();
    fs::write(folder.path().join("guardrails.yaml"), "version: 1\ndescription: x\nforbid: []\n").unwrap();
    for (dialect, code, told) in [
        ("dialect: local\n", 0, "3 passed, 0 failed"),
        ("dialect: built-in\n", 1, "1 passed, 2 failed"),
        ("", 1, "1 passed, 2 failed"),
        ("dialect: Local\n", 3, ""),
    ] {
        fs::write(folder.path().join("tester.test.yaml"), tests(dialect)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
        let output = command.args(["test", "--policies"]).arg(folder.path()).output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{dialect}: {out}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(out.contains(told), "{dialect}: {out}");
    }
}

#[test]
fn explain_speaks_both() {
    let explain = |dialect: &[&str], call: &Value| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
        command.args(["explain", "--json", "--role", "reader", "--policies"]).arg(checkout("policies"));
        command.arg("--schema").arg(checkout("tests/fixtures/schema")).args(dialect).arg(call.to_string());
        let output = command.output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let call =
        json!({"tool": "read-items", "arguments": {"collection": "tags", "query": {"fields": ["id"]}}});
    let local = explain(&["--dialect", "local"], &call);
    assert_eq!(local["decision"], "permit", "{local}");
    assert_eq!(local["forward"]["body"]["params"]["name"], "read-items");
    assert_eq!(local["forward"]["body"]["params"]["arguments"]["collection"], "tags");
    for dialect in [vec![], vec!["--dialect", "built-in"]] {
        let built_in = explain(&dialect, &call);
        assert_eq!(built_in["reason"]["code"], "not_understood", "{built_in}");
    }
}

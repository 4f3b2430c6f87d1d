//! One clear error and the right exit code for each thing that can be wrong.

use super::Desk;
use sqlx::ConnectOptions as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use warrener::audit::trail::{Trail, TrailOptions};

/// A gateway that would start, if nothing else were wrong.
const SERVE: &str = "serve --listen 127.0.0.1:0 --upstream http://127.0.0.1:9";

async fn serve(desk: &Desk, more: &str) -> String {
    desk.run_with(&format!("{SERVE} {more}"), "DIRECTUS_TOKEN=directus-token").await
}

#[tokio::test]
async fn config() {
    let desk = Desk::new();
    desk.write("key.yaml", "version: 1\nupstraem: {url: http://127.0.0.1:9}\n");
    insta::assert_snapshot!(serve(&desk, "--config key.yaml").await, @r#"
    exit code 3
    --- messages
    error[unknown-key]: `upstraem` is not a key of the configuration
     --> key.yaml:2:1
      |
    2 | upstraem: {url: http://127.0.0.1:9}
      | ^^^^^^^^
      |
      = help: did you mean `upstream`?
    "#);
    desk.write("time.yaml", "version: 1\nupstream:\n  timeout: soon\n");
    insta::assert_snapshot!(serve(&desk, "--config time.yaml").await, @r#"
    exit code 3
    --- messages
    error[duration]: `soon` is not a duration
     --> time.yaml:3:12
      |
    3 |   timeout: soon
      |            ^^^^
      |
      = help: write a number and `ms`, `s`, `m` or `h`, at most a day: `10s`
    "#);
    desk.write("open.yaml", "version: 1\nlisten: 0.0.0.0:0\n");
    insta::assert_snapshot!(serve(&desk, "--config open.yaml").await, @r#"
    exit code 3
    --- messages
    error[insecure]: listening on `0.0.0.0:0` would send keys and content over the network in cleartext
     --> open.yaml:2:9
      |
    2 | listen: 0.0.0.0:0
      |         ^^^^^^^^^
      |
      = help: give it a certificate with `tls`, listen on 127.0.0.1 behind a TLS proxy, or add `insecure: true`
    "#);
    insta::assert_snapshot!(serve(&desk, "--config gone.yaml").await, @r#"
    exit code 1
    --- messages
    error: cannot read `gone.yaml`: No such file or directory (os error 2)
    "#);
}

#[tokio::test]
async fn identity() {
    let desk = Desk::new();
    let same = |role: &str| {
        format!(
            "version: 1\nidentity:\n  same_resource: {{public_url: \"https://cms.example.com\", roles: {{Editors: {role}}}}}\n"
        )
    };
    desk.write("role.yaml", &same("no-such-role"));
    insta::assert_snapshot!(serve(&desk, "--config role.yaml").await, @r#"
    exit code 3
    --- messages
    error: `identity` gives somebody the role `no-such-role`, for which there is no policy file
    "#);
    desk.write("own.yaml", &same("reader"));
    insta::assert_snapshot!(desk.run(&format!("{SERVE} --config own.yaml")).await, @"
    exit code 3
    --- messages
    error: `identity` takes Directus' own tokens, and the gateway has no token to read users and roles with: set `upstream.schema_token_env`
    ");
}

#[tokio::test]
async fn policies() {
    let desk = Desk::new();
    insta::assert_snapshot!(serve(&desk, "--policies gone").await, @r#"
    exit code 1
    --- messages
    error: cannot read `gone`: No such file or directory (os error 2)
    "#);
    std::fs::create_dir(desk.path("empty")).unwrap();
    insta::assert_snapshot!(serve(&desk, "--policies empty").await, @r#"
    exit code 3
    --- messages
    error: the folder `empty` has no policy files in it: `warrener init` writes some to start from
    "#);
    desk.write("open/reader.yaml", "version: 1\nrole: reader\npermissions: []\n");
    insta::assert_snapshot!(serve(&desk, "--policies open").await, @r#"
    exit code 3
    --- messages
    error[no-guardrails]: the guardrails are missing
    --> guardrails.yaml
     = help: add the file, or write `guardrails: none` into warrener.yaml
    "#);
    desk.write(
        "broken/reader.yaml",
        "version: 1\nrole: reader\npermissions:\n  - {id: all, collections: [*], actions: [read]}\n",
    );
    desk.write("broken/guardrails.yaml", "version: 1\n");
    insta::assert_snapshot!(serve(&desk, "--policies broken").await, @r#"
    exit code 3
    --- messages
    error[yaml-syntax]: this is not YAML: while scanning an anchor or alias, did not find expected alphabetic or numeric character
     --> reader.yaml:4:29
      |
    4 |   - {id: all, collections: [*], actions: [read]}
      |                             ^
      |
      = help: quote it: `"*"`
    "#);
    insta::assert_snapshot!(serve(&desk, "--schema gone").await, @r#"
    exit code 1
    --- messages
    error: cannot read `gone`: No such file or directory (os error 2)
    "#);
}

#[tokio::test]
async fn keys() {
    let desk = Desk::new();
    desk.write("broken.yaml", "version: 1\nkeys: 7\n");
    std::fs::set_permissions(desk.path("broken.yaml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    insta::assert_snapshot!(serve(&desk, "--keys broken.yaml").await, @r#"
    exit code 3
    --- messages
    error: the key file `broken.yaml` is not valid: error: line 2 column 7: expected sequence start
     --> <input>:2:7
      |
    1 | version: 1
    2 | keys: 7
      |       ^ expected sequence start
    "#);
    desk.run("key new claude --role poet --keys role.yaml").await;
    insta::assert_snapshot!(serve(&desk, "--keys role.yaml").await, @r#"
    exit code 3
    --- messages
    error: a key in `role.yaml` names the role `poet`, for which there is no policy file
    "#);
    desk.run("key new claude --role reader --token-env CLAUDE_TOKEN --keys token.yaml").await;
    insta::assert_snapshot!(serve(&desk, "--keys token.yaml").await, @r#"
    exit code 3
    --- messages
    error: the Directus token of the key `claude`: the environment variable `CLAUDE_TOKEN` is not set
    "#);
    desk.run("key new claude --role reader --keys fine.yaml").await;
    insta::assert_snapshot!(serve(&desk, "--keys fine.yaml --token-env GONE").await, @r#"
    exit code 3
    --- messages
    error: the Directus token cannot be had: the environment variable `GONE` is not set
    "#);
    insta::assert_snapshot!(desk.run(&format!("{SERVE} --keys fine.yaml")).await, @r#"
    exit code 3
    --- messages
    error: the key `claude` names no Directus token and there is no default: set `upstream.token_env`, or issue it with `--token-env`
    "#);
}

#[tokio::test]
async fn address() {
    let desk = Desk::new();
    desk.run("key new claude --role reader").await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = format!("serve --upstream http://127.0.0.1:9 --listen {}", taken.local_addr().unwrap());
    insta::assert_snapshot!(desk.run_with(&line, "DIRECTUS_TOKEN=t").await, @r#"
    exit code 1
    --- messages
    error: `127.0.0.1:[PORT]` is in use by another program; stop that one, or give another address with `--listen`
    "#);
    insta::assert_snapshot!(desk.run("serve --listen nonsense").await, @r#"
    exit code 1
    --- messages
    error: invalid value 'nonsense' for '--listen <ADDRESS>': invalid socket address syntax

    For more information, try '--help'.
    "#);
    let open = "serve --upstream http://127.0.0.1:9 --listen 0.0.0.0:0";
    insta::assert_snapshot!(desk.run_with(open, "DIRECTUS_TOKEN=t").await, @r#"
    exit code 3
    --- messages
    error: listening on `0.0.0.0:0` would send keys and content over the network in cleartext; give it a certificate with `listen.tls`, listen on 127.0.0.1 behind a TLS proxy, or say `insecure: true`
    "#);
}

#[tokio::test]
async fn upstream() {
    let desk = Desk::new();
    desk.run("key new claude --role reader").await;
    for (line, expected) in [
        ("serve --listen 127.0.0.1:0", "no upstream is set"),
        ("serve --listen 127.0.0.1:0 --upstream ftp://cms.example.com", "ftp://cms.example.com"),
        ("serve --listen 127.0.0.1:0 --upstream http://cms.example.com/?a=b", "http://cms.example.com/?a=b"),
        ("serve --listen 127.0.0.1:0 --upstream http://me@cms.example.com/", "cms.example.com"),
    ] {
        let said = desk.run_with(line, "DIRECTUS_TOKEN=t").await;
        assert!(said.starts_with("exit code 3\n") && said.contains(expected), "{line}: {said}");
    }
    let odd = "serve --listen 127.0.0.1:0 --upstream ftp://cms.example.com";
    insta::assert_snapshot!(desk.run_with(odd, "DIRECTUS_TOKEN=t").await, @r#"
    exit code 3
    --- messages
    error: the upstream address `ftp://cms.example.com/` must be `http://HOST` or `https://HOST`, without user, query or fragment
    "#);
    let query = "serve --listen 127.0.0.1:0 --upstream http://cms.example.com/?a=b";
    insta::assert_snapshot!(desk.run_with(query, "DIRECTUS_TOKEN=t").await, @r#"
    exit code 3
    --- messages
    error: the upstream address `http://cms.example.com/?a=b` must be `http://HOST` or `https://HOST`, without user, query or fragment
    "#);
    insta::assert_snapshot!(desk.run_with("serve --listen 127.0.0.1:0", "DIRECTUS_TOKEN=t").await, @r#"
    exit code 3
    --- messages
    error: no upstream is set: say where Directus is, with `--upstream https://cms.example.com` or `upstream.url`
    "#);
}

#[tokio::test]
async fn database() {
    let desk = Desk::new();
    desk.run("key new claude --role reader").await;
    insta::assert_snapshot!(serve(&desk, "--audit sqlite://no/such/folder.db").await, @r#"
    exit code 1
    --- messages
    error: cannot create the audit trail `no/such/folder.db`: its folder does not exist
    "#);
    insta::assert_snapshot!(serve(&desk, "--audit sqlite://.").await, @r#"
    exit code 1
    --- messages
    error: cannot open `.`: Is a directory (os error 21)
    "#);
    insta::assert_snapshot!(serve(&desk, "--audit postgres://localhost/trail").await, @r#"
    exit code 1
    --- messages
    error: `postgres://localhost/trail` is not an audit trail: use `sqlite://FILE`, such as `sqlite://warrener.db`
    "#);
    let other =
        sqlx::sqlite::SqliteConnectOptions::new().filename(desk.path("other.db")).create_if_missing(true);
    let mut other = other.connect().await.unwrap();
    sqlx::query("CREATE TABLE articles (id)").execute(&mut other).await.unwrap();
    sqlx::Connection::close(other).await.unwrap();
    insta::assert_snapshot!(serve(&desk, "--audit sqlite://other.db").await, @r#"
    exit code 1
    --- messages
    error: `other.db` is not an audit trail of Warrener
    "#);
    desk.write("locked.db", "");
    std::fs::set_permissions(desk.path("locked.db"), std::fs::Permissions::from_mode(0o444)).unwrap();
    insta::assert_snapshot!(serve(&desk, "--audit sqlite://locked.db").await, @r#"
    exit code 1
    --- messages
    error: cannot write the audit trail `locked.db`: the file is read-only
    "#);
    let url = format!("sqlite://{}", desk.path("used.db").display());
    let _first = Trail::open(&TrailOptions::new(url)).await.unwrap();
    insta::assert_snapshot!(serve(&desk, "--audit sqlite://used.db").await, @r#"
    exit code 1
    --- messages
    error: the audit trail `used.db` is in use by another gateway: stop that one, or give this one a file of its own
    "#);
}

#[tokio::test]
async fn questions() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run("explain --role poet {}").await, @r#"
    exit code 1
    --- messages
    error: there is no role `poet`; the policies have content-editor, developer, reader
    "#);
    desk.write("calls.jsonl", "{\"id\":\"one\",\"raw_body\":\"{}\"}\n{\"id\":\n");
    insta::assert_snapshot!(desk.run("explain --role reader --jsonl calls.jsonl").await, @r#"
    exit code 1
    --- output
    {"id":"one","decision":"deny","reason":{"code":"not_understood","rule":"-","message":"`jsonrpc` is not \"2.0\""},"accesses":[],"obligations":[],"forward":null}
    --- messages
    error: `calls.jsonl`, line 2: not a JSON object: EOF while parsing a value at line 1 column 6
    "#);
    insta::assert_snapshot!(desk.run("explain --role reader --jsonl gone.jsonl").await, @r#"
    exit code 1
    --- messages
    error: cannot read `gone.jsonl`: No such file or directory (os error 2)
    "#);
    insta::assert_snapshot!(desk.run("audit query").await, @r#"
    exit code 1
    --- messages
    error: there is no audit trail at `warrener.db`: name another with `--audit sqlite://FILE`
    "#);
    let url = format!("sqlite://{}", desk.path("warrener.db").display());
    Trail::open(&TrailOptions::new(url)).await.unwrap().close().await.unwrap();
    insta::assert_snapshot!(desk.run("audit query --since whenever").await, @r#"
    exit code 1
    --- messages
    error: `whenever` is not a time: write how long ago (`30m`, `2h`, `7d`), `today`, `yesterday`, a date (`2026-11-22`) or a time (`[TIME]`), all in UTC
    "#);
}

/// `serve` would not start with them, so `check` does not call them valid.
#[tokio::test]
async fn roles_of_the_settings_without_a_policy() {
    let desk = Desk::new();
    let jwt = "issuer: 'https://a', audience: a, role_claim: r, roles: {a: reader, b: one}";
    let listen = "listen: {address: '127.0.0.1:0', tls: {certificate: c.pem, key: k.pem, client_ca: a.pem}}";
    let settings = format!(
        "version: 1\n{listen}\nidentity:\n  jwt: {{{jwt}}}\n  same_resource: {{public_url: 'https://cms.example.com', roles: {{a: two}}}}\n  passthrough: {{roles: {{a: three, b: three}}}}\n  certificates: [{{san: a, name: a, role: four}}]\n"
    );
    desk.write("mine.yaml", &settings);
    insta::assert_snapshot!(desk.run("check --config mine.yaml").await, @r#"
    exit code 3
    --- output
    error[unknown-role]: `identity.certificates` names the role `four`, for which there is no policy file
    --> mine.yaml
     = help: name one of content-editor, developer, reader in `role`

    error[unknown-role]: `identity.jwt.roles` names the role `one`, for which there is no policy file
    --> mine.yaml
     = help: name one of content-editor, developer, reader in `role`

    error[unknown-role]: `identity.passthrough.roles` names the role `three`, for which there is no policy file
    --> mine.yaml
     = help: name one of content-editor, developer, reader in `role`

    error[unknown-role]: `identity.same_resource.roles` names the role `two`, for which there is no policy file
    --> mine.yaml
     = help: name one of content-editor, developer, reader in `role`

    not valid: 4 errors, no warnings
    "#);
    desk.write("mine.yaml", "version: 1\nidentity: {passthrough: {roles: {a: reader}}}\n");
    let said = desk.run("check --config mine.yaml").await;
    assert!(said.contains("exit code 0"), "{said}");
}

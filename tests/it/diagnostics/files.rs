//! The guardrails, the configuration and files of tests.

use super::{cases, config, guardrails};
use insta::assert_snapshot;

#[test]
fn guardrails_permit_nothing() {
    let text = r"version: 1
description: For all.
permissions: []
mode: observe
";
    assert_snapshot!(guardrails(text), @r"
    error[unknown-key]: `permissions` is not a key of the guardrails
     --> guardrails.yaml:3:1
      |
    3 | permissions: []
      | ^^^^^^^^^^^
      |
      = help: guardrails permit nothing; put permissions into the file of a role

    error[unknown-key]: `mode` is not a key of the guardrails
     --> guardrails.yaml:4:1
      |
    4 | mode: observe
      | ^^^^
      |
      = help: guardrails are always enforced; use `observe: true` on a rule under `forbid`
    ");
}

#[test]
fn an_exception_for_an_unknown_role() {
    let text = r"version: 1
description: For all.
forbid:
  - {id: a, collections: [tags], except: [editr]}
";
    assert_snapshot!(guardrails(text), @r"
    error[unknown-role]: there is no role `editr`
     --> guardrails.yaml:4:43
      |
    4 |   - {id: a, collections: [tags], except: [editr]}
      |                                           ^^^^^
      |
      = help: did you mean `editor`?
    ");
}

#[test]
fn guardrails_say_what_is_wrong_with_a_rule() {
    let text = r#"version: 1
description: For all.
forbid:
  - {id: a, collections: ["!tags"], actions: [all], observe: "true"}
"#;
    assert_snapshot!(guardrails(text), @r#"
    error[only-exclusions]: this list only excludes, so nothing is in it
     --> guardrails.yaml:4:26
      |
    4 |   - {id: a, collections: ["!tags"], actions: [all], observe: "true"}
      |                          ^^^^^^^^^
      |
      = help: put `"*"` first to start from everything

    error[unknown-action]: `all` is not an action
     --> guardrails.yaml:4:47
      |
    4 |   - {id: a, collections: ["!tags"], actions: [all], observe: "true"}
      |                                               ^^^
      |
      = help: write them out: `[read, create, update, delete, execute, import]`

    error[type]: expected `true` or `false`, found text
     --> guardrails.yaml:4:62
      |
    4 |   - {id: a, collections: ["!tags"], actions: [all], observe: "true"}
      |                                                              ^^^^^^
      |
      = help: write `true`
    "#);
}

#[test]
fn a_config_with_a_secret_in_it() {
    let text = r"version: 1
upstream: {url: https://cms.example.com/mcp, token: abc}
";
    assert_snapshot!(config(text), @r"
    error[url]: `https://cms.example.com/mcp` is the MCP endpoint, not the address of Directus
     --> warrener.yaml:2:17
      |
    2 | upstream: {url: https://cms.example.com/mcp, token: abc}
      |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: leave out `/mcp`, which is put behind the address

    error[unknown-key]: `token` is not a key of `upstream`
     --> warrener.yaml:2:46
      |
    2 | upstream: {url: https://cms.example.com/mcp, token: abc}
      |                                              ^^^^^
      |
      = help: a secret does not stand in this file: use `token_env` or `token_file`
    ");
}

#[test]
fn a_config_with_two_secrets() {
    let text = r"version: 1
upstream: {token_env: A, token_file: b}
";
    assert_snapshot!(config(text), @r"
    error[secret]: `token_env` and `token_file` cannot both be given
     --> warrener.yaml:2:38
      |
    2 | upstream: {token_env: A, token_file: b}
      |                                      ^
      |
      = help: keep one of them
    ");
}

#[test]
fn listening_in_cleartext() {
    let text = r"version: 1
listen: 0.0.0.0:8080
";
    assert_snapshot!(config(text), @r"
    error[insecure]: listening on `0.0.0.0:8080` would send keys and content over the network in cleartext
     --> warrener.yaml:2:9
      |
    2 | listen: 0.0.0.0:8080
      |         ^^^^^^^^^^^^
      |
      = help: give it a certificate with `tls`, listen on 127.0.0.1 behind a TLS proxy, or add `insecure: true`
    ");
}

#[test]
fn listening_nowhere() {
    let text = r"version: 1
listen: {address: 8080, insecure: maybe, allowed_origins: [https://a.example/path]}
";
    assert_snapshot!(config(text), @r#"
    error[type]: expected text, found a number
     --> warrener.yaml:2:19
      |
    2 | listen: {address: 8080, insecure: maybe, allowed_origins: [https://a.example/path]}
      |                   ^^^^
      |
      = help: quote it: `"8080"`

    error[type]: expected `true` or `false`, found text
     --> warrener.yaml:2:35
      |
    2 | listen: {address: 8080, insecure: maybe, allowed_origins: [https://a.example/path]}
      |                                   ^^^^^
      |
      = help: write `true` or `false`

    error[origin]: `https://a.example/path` is not an origin
     --> warrener.yaml:2:60
      |
    2 | listen: {address: 8080, insecure: maybe, allowed_origins: [https://a.example/path]}
      |                                                            ^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write scheme, host and port, as a browser does: `https://chat.example.com`
    "#);
}

#[test]
fn units_and_numbers() {
    let text = r"version: 1
upstream: {timeout: 10, connect_timeout: 3 weeks}
limits: {body_bytes: 1GB, connections: 0, body_timeout: 0s}
";
    assert_snapshot!(config(text), @r"
    error[duration]: `10` is not a duration
     --> warrener.yaml:2:21
      |
    2 | upstream: {timeout: 10, connect_timeout: 3 weeks}
      |                     ^^
      |
      = help: write a number and `ms`, `s`, `m` or `h`, at most a day: `10s`

    error[duration]: `3 weeks` is not a duration
     --> warrener.yaml:2:42
      |
    2 | upstream: {timeout: 10, connect_timeout: 3 weeks}
      |                                          ^^^^^^^
      |
      = help: write a number and `ms`, `s`, `m` or `h`, at most a day: `10s`

    error[size]: `1GB` is not a size
     --> warrener.yaml:3:22
      |
    3 | limits: {body_bytes: 1GB, connections: 0, body_timeout: 0s}
      |                      ^^^
      |
      = help: write a number and `KiB` or `MiB`, at most 1024 MiB: `1MiB`

    error[number]: `0` is not a number that can stand here
     --> warrener.yaml:3:40
      |
    3 | limits: {body_bytes: 1GB, connections: 0, body_timeout: 0s}
      |                                        ^
      |
      = help: write a whole number from 1 to 1000000

    error[duration]: `0s` is not a duration
     --> warrener.yaml:3:57
      |
    3 | limits: {body_bytes: 1GB, connections: 0, body_timeout: 0s}
      |                                                         ^^
      |
      = help: write a number and `ms`, `s`, `m` or `h`, at most a day: `10s`
    ");
}

#[test]
fn other_words_of_a_config() {
    let text = r"version: 1
port: 80
audit: {url: postgres://x, arguments: some}
identity: {deny: [a]}
guardrails: off
";
    assert_snapshot!(config(text), @r"
    error[unknown-key]: `port` is not a key of the configuration
     --> warrener.yaml:2:1
      |
    2 | port: 80
      | ^^^^
      |
      = help: write `listen: 127.0.0.1:8080`

    error[audit-url]: `postgres://x` is not a database for the trail
     --> warrener.yaml:3:14
      |
    3 | audit: {url: postgres://x, arguments: some}
      |              ^^^^^^^^^^^^
      |
      = help: write `sqlite://warrener.db`

    error[unknown-word]: `some` is not `full`, `masked` or `digest`
     --> warrener.yaml:3:39
      |
    3 | audit: {url: postgres://x, arguments: some}
      |                                       ^^^^
      |
      = help: write `full`, `masked` or `digest`

    error[unknown-key]: `deny` is not a key of `identity`
     --> warrener.yaml:4:12
      |
    4 | identity: {deny: [a]}
      |            ^^^^
      |
      = help: `deny` is called `refuse` here

    error[unknown-word]: `off` is not `required` or `none`
     --> warrener.yaml:5:13
      |
    5 | guardrails: off
      |             ^^^
      |
      = help: write `required` or `none`
    ");
}

#[test]
fn tests_that_ask_nothing() {
    let text = r"version: 1
role: editor
tests:
  - {name: a, expect: permit}
  - {name: a, list: tools, expect: permit}
  - {name: b, call: {name: items}, expect: {deny: nope}}
";
    assert_snapshot!(cases(text), @r"
    error[missing-key]: a test needs `call`
     --> editor.test.yaml:4:6
      |
    4 |   - {name: a, expect: permit}
      |      ^^^^
      |
      = help: write `call: {tool: items, arguments: {…}}`

    error[duplicate-name]: two tests have this name
     --> editor.test.yaml:5:12
      |
    5 |   - {name: a, list: tools, expect: permit}
      |            ^
      |
      = help: the first one stands at line 4

    error[test]: a list comes to names
     --> editor.test.yaml:5:36
      |
    5 |   - {name: a, list: tools, expect: permit}
      |                                    ^^^^^^
      |
      = help: write `expect: [items, schema]`

    error[unknown-key]: `name` is not a key of a call
     --> editor.test.yaml:6:22
      |
    6 |   - {name: b, call: {name: items}, expect: {deny: nope}}
      |                      ^^^^
      |
      = help: `name` is called `tool` here

    error[unknown-word]: `nope` is not the code of a denial
     --> editor.test.yaml:6:51
      |
    6 |   - {name: b, call: {name: items}, expect: {deny: nope}}
      |                                                   ^^^^
      |
      = help: write `no_permission`, `forbidden`, `invalid_value`, `over_limit`, `rate_limited`, `not_understood`, `too_large` or `unavailable`
    ");
}

#[test]
fn tests_that_expect_both() {
    let text = r"version: 1
role: editor
tests:
  - {name: a, call: {tool: items}, list: tools, expect: {permit: {forward: {}}, deny: forbidden}}
";
    assert_snapshot!(cases(text), @r"
    error[test]: a test asks one thing
     --> editor.test.yaml:4:6
      |
    4 |   - {name: a, call: {tool: items}, list: tools, expect: {permit: {forward: {}}, deny: forbidden}}
      |      ^^^^
      |
      = help: write one of `call`, `list` and `raw`; make two tests of it

    error[test]: a call is permitted or denied
     --> editor.test.yaml:4:58
      |
    4 |   - {name: a, call: {tool: items}, list: tools, expect: {permit: {forward: {}}, deny: forbidden}}
      |                                                          ^^^^^^
      |
      = help: write `expect: permit` or `expect: {deny: forbidden}`
    ");
}

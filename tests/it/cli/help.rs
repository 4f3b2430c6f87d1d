//! The help of every command.

use super::Desk;

async fn help(command: &str) -> String {
    Desk::new().run(&format!("{command} --help")).await
}

#[tokio::test]
async fn help_of_all() {
    insta::assert_snapshot!(help("").await, @r#"
    exit code 0
    --- output
    A policy-enforcing security gateway and audit proxy between AI clients and a Directus MCP endpoint

    Usage: warrener <COMMAND>

    Commands:
      serve        Runs the gateway in front of a Directus
      demo         Runs the gateway in front of a built-in stand-in for Directus, to see it at work
      init         Writes settings and policies to start from
      check        Says what is wrong with the settings and the policies
      config       Prints the settings that `serve` would take, with where each comes from, and no
                   secret
      test         Runs the tests of the policies
      explain      Tells what one call would do, and what the policies say of it
      matrix       Shows what every role may do, as one table to review
      replay       Decides the calls of a trail again, to see what other policies would have changed
      suggest      Writes the least policy that the calls of a trail need, for one role
      schema       Prints the JSON Schemas by which editors check policies, tests and settings
      who-can      Says which roles can do something, by which rule, with a call that shows it
      can          Says whether one role can do something
      prove        Proves what the policies can never let happen
      diff         Tells what other policies would change, in words or as a table
      doctor       Says how the gateway and the Directus behind it stand, and what to do about it
      key          Issues, lists and revokes client keys
      stop         Refuses calls until they are resumed: all, or those of a role or a client
      resume       Lets calls through again that were stopped
      connect      Says how a client is connected, in the client's own format, or writes it into the
                   client's file
      stdio        Serves one client over standard input and output, by a gateway elsewhere or by itself
      audit        Asks the audit trail what was called, by whom, and what came of it
      health       Asks a gateway whether it can do its work
      completions  Prints what a shell completes this command line with
      man          Prints the manual page, or writes those of all commands
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version
    "#);
}

#[tokio::test]
async fn help_of_serve() {
    insta::assert_snapshot!(help("serve").await, @r#"
    exit code 0
    --- output
    Runs the gateway in front of a Directus

    Usage: warrener serve [OPTIONS]

    Options:
          --config <FILE>                The settings; `warrener.yaml` in the working folder where there
                                         is one [env: WARRENER_CONFIG=]
          --listen <ADDRESS>             Where clients connect [env: WARRENER_LISTEN=]
          --insecure                     Listen in cleartext on an address that others can reach
          --upstream <URL>               The Directus behind the gateway, such as
                                         `https://cms.example.com` [env: WARRENER_UPSTREAM=]
          --token-env <VARIABLE>         The environment variable with the Directus token that calls go
                                         upstream with; `DIRECTUS_TOKEN` [env: WARRENER_TOKEN_ENV=]
          --token-file <PATH>            The file with that token [env: WARRENER_TOKEN_FILE=]
          --schema-token-env <VARIABLE>  The environment variable with the gateway's own token, for
                                         reading the schema; the upstream token if left out [env:
                                         WARRENER_SCHEMA_TOKEN_ENV=]
          --policies <DIR>               The folder of policy files; the built-in policies if left out
                                         [env: WARRENER_POLICIES=]
          --schema <PATH>                A folder or file with the schema, instead of reading it from
                                         Directus [env: WARRENER_SCHEMA=]
          --audit <URL>                  The audit trail [env: WARRENER_AUDIT=]
          --feed <FILE>                  Where each call goes as a line of JSON once it has ended: a
                                         file, or `stdout` [env: WARRENER_FEED=]
          --keys <FILE>                  The file of client keys [env: WARRENER_KEYS=]
          --stops <FILE>                 The file of stops, which `warrener stop` writes;
                                         `warrener.stop.yaml` beside the keys if left out [env:
                                         WARRENER_STOPS=]
          --role <ROLE>                  The role of the key that is made where there is no key file yet
                                         [default: reader]
      -h, --help                         Print help
      -V, --version                      Print version
    "#);
}

#[tokio::test]
async fn help_of_demo() {
    insta::assert_snapshot!(help("demo").await, @r#"
    exit code 0
    --- output
    Runs the gateway in front of a built-in stand-in for Directus, to see it at work

    Usage: warrener demo [OPTIONS]

    Options:
          --listen <ADDRESS>  Where the demo listens; port 0 takes any free one [default:
                              127.0.0.1:8080]
          --dir <DIR>         The folder that the demo's trail, `warrener-demo.db`, is written to
                              [default: .]
      -h, --help              Print help
      -V, --version           Print version
    "#);
}

#[tokio::test]
async fn help_of_init() {
    insta::assert_snapshot!(help("init").await, @r#"
    exit code 0
    --- output
    Writes settings and policies to start from

    Usage: warrener init [DIR]

    Arguments:
      [DIR]  The folder that they are written into, made where it is not there; the working folder where
             it is left out

    Options:
      -h, --help     Print help
      -V, --version  Print version
    "#);
}

#[tokio::test]
async fn help_of_check() {
    insta::assert_snapshot!(help("check").await, @r"
    exit code 0
    --- output
    Says what is wrong with the settings and the policies

    Usage: warrener check [OPTIONS]

    Options:
          --policies <DIR>
              The folder of policy files; that of the settings, or the built-in policies, where it is
              left out

              [env: WARRENER_POLICIES=]

          --config <FILE>
              The settings; `warrener.yaml` in the working folder where there is one

              [env: WARRENER_CONFIG=]

          --schema <PATH>
              A folder with what `GET /collections`, `/fields` and `/relations` answer, or a `directus
              schema snapshot` file

              [env: WARRENER_SCHEMA=]

          --format <FORMAT>
              How the answer looks

              Possible values:
              - human:  With line and caret, for people
              - json:   One array with an object for each
              - sarif:  SARIF 2.1.0, for code scanning and editors
              - github: Workflow commands, which GitHub shows beside the changed lines

              [default: human]

          --deny-warnings
              Take warnings for errors, as a pipeline wants

          --list-lints
              Only show what there are warnings of, by the names that `silence` in a policy file knows
              them by

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
}

#[tokio::test]
async fn help_of_schema() {
    insta::assert_snapshot!(help("schema").await, @r#"
    exit code 0
    --- output
    Prints the JSON Schemas by which editors check policies, tests and settings

    Usage: warrener schema [OPTIONS] [KIND]

    Arguments:
      [KIND]
              Of which file; without one, all of them in one object, by the names of their files

              Possible values:
              - policy:     The file of a role
              - guardrails: guardrails.yaml
              - test:       The tests of a role
              - proof:      Assertions about the policies
              - config:     warrener.yaml

    Options:
          --out <DIR>
              Write them into that folder, each into its file, which is written over

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_test() {
    insta::assert_snapshot!(help("test").await, @r#"
    exit code 0
    --- output
    Runs the tests of the policies

    Usage: warrener test [OPTIONS] [FILE]...

    Arguments:
      [FILE]...  Files of tests; those beside the policies where none is named

    Options:
          --policies <DIR>          The folder of policy files; that of the settings, or the built-in
                                    policies, where it is left out [env: WARRENER_POLICIES=]
          --config <FILE>           The settings; `warrener.yaml` in the working folder where there is
                                    one [env: WARRENER_CONFIG=]
          --schema <PATH>           A folder with what `GET /collections`, `/fields` and `/relations`
                                    answer, or a `directus schema snapshot` file [env: WARRENER_SCHEMA=]
          --format <FORMAT>         How the answer looks [default: human] [possible values: human,
                                    junit, json]
          --coverage                Name the rules that no test touches
          --min-coverage <PERCENT>  Fail where the tests touch less than this share of the rules
      -h, --help                    Print help
      -V, --version                 Print version
    "#);
}

#[tokio::test]
async fn help_of_explain() {
    insta::assert_snapshot!(help("explain").await, @r#"
    exit code 0
    --- output
    Tells what one call would do, and what the policies say of it

    Usage: warrener explain [OPTIONS] --role <ROLE> [CALL]

    Arguments:
      [CALL]  A JSON-RPC message, or `{"tool": …, "arguments": {…}}`; read from standard input where it
              is left out

    Options:
          --role <ROLE>           The role that calls
          --policies <DIR>        The folder of policy files; that of the settings, or the built-in
                                  policies, where it is left out
          --revision <DIGEST>     The policies of a revision that the trail keeps, in place of a folder:
                                  its digest, or enough of its beginning
          --audit <URL>           The trail that the revision is in; that of the settings where it is
                                  left out [env: WARRENER_AUDIT=]
          --schema <PATH>         A folder with what `GET /collections`, `/fields` and `/relations`
                                  answer, or a `directus schema snapshot` file
          --dialect <DIALECT>     Whose tools are called: those of Directus' own MCP endpoint, or those
                                  of the Local MCP [default: built-in] [possible values: built-in,
                                  local]
          --jsonl <CALLS>         A file of calls, one JSON object a line; each is answered with one
                                  line
          --json                  Answer with JSON
          --query-string <QUERY>  The query string of the call's address, such as `?tool_mode=registry`
                                  [default: ""]
      -h, --help                  Print help
      -V, --version               Print version
    "#);
}

#[tokio::test]
async fn help_of_stop() {
    insta::assert_snapshot!(help("stop").await, @r#"
    exit code 0
    --- output
    Refuses calls until they are resumed: all, or those of a role or a client

    A running gateway does so within a second, tells the client's model the reason, and records what it
    refuses. Calls under way are finished. It holds over a restart.

    Usage: warrener stop [OPTIONS] --reason <TEXT>

    Options:
          --reason <TEXT>
              Why, for the client's model and for the trail

          --role <ROLE>
              Only the calls of that role

          --client <NAME>
              Only the calls of that client

          --stops <FILE>
              The file of stops, as `serve` names it when it starts; that of the settings, or
              `warrener.stop.yaml` beside the keys, where it is left out

              [env: WARRENER_STOPS=]

          --keys <FILE>
              The file of client keys; that of the settings where it is left out

              [env: WARRENER_KEYS=]

          --config <FILE>
              The settings; `warrener.yaml` in the working folder where there is one

              [env: WARRENER_CONFIG=]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_resume() {
    insta::assert_snapshot!(help("resume").await, @r#"
    exit code 0
    --- output
    Lets calls through again that were stopped

    What was stopped by itself is resumed by itself: all calls, a role, or a client.

    Usage: warrener resume [OPTIONS]

    Options:
          --role <ROLE>
              Only the calls of that role

          --client <NAME>
              Only the calls of that client

          --stops <FILE>
              The file of stops, as `serve` names it when it starts; that of the settings, or
              `warrener.stop.yaml` beside the keys, where it is left out

              [env: WARRENER_STOPS=]

          --keys <FILE>
              The file of client keys; that of the settings where it is left out

              [env: WARRENER_KEYS=]

          --config <FILE>
              The settings; `warrener.yaml` in the working folder where there is one

              [env: WARRENER_CONFIG=]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_connect() {
    insta::assert_snapshot!(help("connect").await, @r#"
    exit code 0
    --- output
    Says how a client is connected, in the client's own format, or writes it into the client's file

    Usage: warrener connect [OPTIONS] <CLIENT>

    Arguments:
      <CLIENT>
              The client

              Possible values:
              - chatgpt:        ChatGPT, with a connector
              - claude-desktop: Claude Desktop
              - cursor:         Cursor
              - claude-code:    Claude Code
              - vscode:         VS Code with GitHub Copilot
              - raycast:        Raycast

    Options:
          --server <URL>
              The gateway, such as `https://gateway.example.com/mcp`; the address that the settings
              listen on if left out

              [env: WARRENER_SERVER=]

          --auth <WAY>
              How the client shows who it is; what suits the client best if left out

              Possible values:
              - key:     A key in a header
              - oauth:   Directus' own sign-in, where the gateway is at Directus' public address
              - stdio:   A bridge that the client starts, which has the key
              - url-key: A key in the address, for clients that can do nothing else

          --name <NAME>
              What the client calls the server; what it had under that name is replaced

              [default: directus]

          --key-env <VARIABLE>
              The environment variable that the client finds the key in

              [default: WARRENER_KEY]

          --key-file <PATH>
              The file that the bridge finds the key in, for clients that pass no environment on; one in
              the user's settings if left out

          --command <COMMAND>
              The command that the client starts as a bridge; an absolute path where the client does not
              look for it where a shell does

              [default: warrener]

          --insecure
              Take a gateway that is not on this machine in cleartext

          --write
              Put it into the client's file, keep what is in there, and leave a backup beside it

          --print
              Only print it, as is done where nothing else is said

          --file <PATH>
              The client's file, if it is another one than usual

          --format <FORMAT>
              How the answer looks

              [default: text]
              [possible values: text, json]

          --config <FILE>
              The settings; `warrener.yaml` in the working folder where there is one

              [env: WARRENER_CONFIG=]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_stdio() {
    insta::assert_snapshot!(help("stdio").await, @r#"
    exit code 0
    --- output
    Serves one client over standard input and output, by a gateway elsewhere or by itself

    For clients that start a command instead of opening an address. With `--server` it is a bridge to a
    gateway, which it shows the key in `WARRENER_KEY` (or `DIRECTUS_TOKEN`, or `--key-file`). With
    `--upstream` it is a gateway for this one client: policies, trail and stops are those of `serve`,
    and nothing listens.

    Usage: warrener stdio [OPTIONS]

    Options:
          --config <FILE>
              The settings; `warrener.yaml` in the working folder where there is one. Keys and stops are
              looked for beside them

              [env: WARRENER_CONFIG=]

          --server <URL>
              The gateway that messages are sent to, such as `https://gateway.example.com/mcp`; without
              one the path runs here

              [env: WARRENER_SERVER=]

          --key-file <PATH>
              The file with the key for that gateway; the one in `WARRENER_KEY` or `DIRECTUS_TOKEN` if
              left out

              [env: WARRENER_KEY_FILE=]

          --insecure
              Send the key in cleartext to a gateway that is not on this machine

          --upstream <URL>
              The Directus behind the gateway, such as `https://cms.example.com`

              [env: WARRENER_UPSTREAM=]

          --token-env <VARIABLE>
              The environment variable with the Directus token that calls go upstream with;
              `DIRECTUS_TOKEN`

              [env: WARRENER_TOKEN_ENV=]

          --token-file <PATH>
              The file with that token

              [env: WARRENER_TOKEN_FILE=]

          --schema-token-env <VARIABLE>
              The environment variable with the gateway's own token, for reading the schema; the
              upstream token if left out

              [env: WARRENER_SCHEMA_TOKEN_ENV=]

          --policies <DIR>
              The folder of policy files; the built-in policies if left out

              [env: WARRENER_POLICIES=]

          --schema <PATH>
              A folder or file with the schema, instead of reading it from Directus

              [env: WARRENER_SCHEMA=]

          --audit <URL>
              The audit trail

              [env: WARRENER_AUDIT=]

          --stops <FILE>
              The file of stops, which `warrener stop` writes; `warrener.stop.yaml` beside the keys if
              left out

              [env: WARRENER_STOPS=]

          --role <ROLE>
              The role that speaks for the client, where the path runs here

              [default: reader]

          --name <NAME>
              What the trail calls the client, where the path runs here

              [default: stdio]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_key() {
    insta::assert_snapshot!(help("key").await, @r#"
    exit code 0
    --- output
    Issues, lists and revokes client keys

    Usage: warrener key [OPTIONS] <COMMAND>

    Commands:
      new      Issues a key and prints it once
      list     Lists the keys, without the keys themselves
      signing  Makes the key that checkpoints of the audit trail are signed with
      revoke   Takes a key away; a running gateway refuses it within a second
      help     Print this message or the help of the given subcommand(s)

    Options:
          --keys <FILE>  The key file [env: WARRENER_KEYS=] [default: warrener.keys.yaml]
      -h, --help         Print help
      -V, --version      Print version
    "#);
}

#[tokio::test]
async fn help_of_key_new() {
    insta::assert_snapshot!(help("key new").await, @r#"
    exit code 0
    --- output
    Issues a key and prints it once

    Usage: warrener key new [OPTIONS] --role <ROLE> <NAME>

    Arguments:
      <NAME>  The client's name

    Options:
          --role <ROLE>           The policy role that speaks for the client
          --expires <TIME>        For how long the key is taken, such as `90d` or `12h`; for ever where
                                  it is left out
          --in-url                The key works only in the address, as `?access_token=KEY`, where it
                                  may be logged, so it has to expire
          --token-env <VARIABLE>  The environment variable with the Directus token that the client's
                                  calls go upstream with
          --keys <FILE>           The key file [env: WARRENER_KEYS=] [default: warrener.keys.yaml]
          --token-file <PATH>     The file with that token
      -h, --help                  Print help
      -V, --version               Print version
    "#);
}

#[tokio::test]
async fn help_of_key_list() {
    insta::assert_snapshot!(help("key list").await, @r#"
    exit code 0
    --- output
    Lists the keys, without the keys themselves

    Usage: warrener key list [OPTIONS]

    Options:
          --format <FORMAT>  How the list looks [default: table] [possible values: table, json, csv]
          --keys <FILE>      The key file [env: WARRENER_KEYS=] [default: warrener.keys.yaml]
      -h, --help             Print help
      -V, --version          Print version
    "#);
}

#[tokio::test]
async fn help_of_key_revoke() {
    insta::assert_snapshot!(help("key revoke").await, @r#"
    exit code 0
    --- output
    Takes a key away; a running gateway refuses it within a second

    Usage: warrener key revoke [OPTIONS] <NAME>

    Arguments:
      <NAME>  The client's name

    Options:
          --keys <FILE>  The key file [env: WARRENER_KEYS=] [default: warrener.keys.yaml]
      -h, --help         Print help
      -V, --version      Print version
    "#);
}

#[tokio::test]
async fn help_of_audit() {
    insta::assert_snapshot!(help("audit").await, @r#"
    exit code 0
    --- output
    Asks the audit trail what was called, by whom, and what came of it

    Usage: warrener audit [OPTIONS] <COMMAND>

    Commands:
      query   List calls, the latest first
      show    Show everything about one call
      tail    List the latest calls, and with -f each further one when it has ended
      stats   Count calls, denials, errors and durations
      export  Write calls out for other programs, one a line, in the order in which they ended
      verify  Check that no entry was changed, removed, inserted or reordered
      backup  Copy the trail to a new file, while the gateway goes on, and verify the copy
      prune   Delete old entries, while the gateway goes on
      erase   Erase arguments, and the name behind a pseudonym, while the gateway goes on
      help    Print this message or the help of the given subcommand(s)

    Options:
          --audit <URL>  The trail to read [env: WARRENER_AUDIT=] [default: sqlite://warrener.db]
      -h, --help         Print help
      -V, --version      Print version
    "#);
}

#[tokio::test]
async fn help_of_audit_query() {
    insta::assert_snapshot!(help("audit query").await, @r#"
    exit code 0
    --- output
    List calls, the latest first

    A call must fit all that is given. `*` stands for any run of characters in names and rules.

    Usage: warrener audit query [OPTIONS]

    Options:
          --limit <N>
              At most so many; a table has 100 where this is not given, the other formats all

          --oldest-first
              The earliest first

          --format <FORMAT>
              How to write the answer

              Possible values:
              - table: Columns, for people; not all of them
              - json:  One JSON object per line
              - csv:   Comma-separated with a header line (RFC 4180)

              [default: table]

          --audit <URL>
              The trail to read

              [env: WARRENER_AUDIT=]
              [default: sqlite://warrener.db]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Which calls:
          --since <TIME>
              Started then or later: `30m`, `2h`, `7d`, `today`, `yesterday`, `2026-11-22`,
              `2026-11-22T10:00:00Z` (UTC)

          --until <TIME>
              Started before then

          --principal <NAME>
              Called by that client

          --role <ROLE>
              Decided by that role's policy

          --client-name <NAME>
              From a client that calls itself so

          --client-version <VERSION>
              From a client of that version

          --client-address <ADDRESS>
              From that network address: `10.0.0.*`

          --method <METHOD>
              Of that JSON-RPC method: `tools/call`

          --tool <TOOL>
              Calls of that Directus tool

          --action <ACTION>
              With an access that does so: read, create, update, delete, execute, import

          --collection <COLLECTION>
              With an access to that collection; with other flags on accesses, all of the same access

          --field <FIELD>
              With an access that names that field

          --via <PATH>
              With an access that arises through that path: `reviews.*`

          --text <TEXT>
              With that text somewhere in the arguments, in upper or lower case

          --decision <DECISION>
              Permitted or denied; observed denials are denials

              [possible values: permit, deny]

          --observed
              Denied by a role or rule that is only observed, so that the call went through

          --enforced
              With a decision that took effect

          --rule <RULE>
              Decided by that rule: `editor/no-deletes`, `guardrails/*`

          --reason <REASON>
              Denied for that reason: `forbidden`, `no_permission`, `rate_limited`

          --outcome <OUTCOME>
              Ended like that; `open` has not ended

              [possible values: ok, error, refused, failed, unknown, open]

          --error-code <CODE>
              With that error code, of Directus or of the refusal

          --http-status <STATUS>
              Answered with that HTTP status: `200`, `5xx`

          --slower-than <DURATION>
              Took longer: `500ms`, `2s`

          --larger-than <BYTES>
              With a reply of more bytes

          --more-items-than <N>
              With a result of more items

          --policy-revision <DIGEST>
              Decided by the policies with that digest

          --trace-id <ID>
              Of that trace

          --id <ID>
              With that id
    "#);
}

#[tokio::test]
async fn help_of_audit_show() {
    insta::assert_snapshot!(help("audit show").await, @r#"
    exit code 0
    --- output
    Show everything about one call

    Usage: warrener audit show [OPTIONS] <ID>

    Arguments:
      <ID>
              The call's id, or enough of its beginning

    Options:
          --policies <DIR>
              The folder of policy files that the rule is looked for in; that of the settings, or the
              built-in policies, where it is left out

              [env: WARRENER_POLICIES=]

          --format <FORMAT>
              How to write the answer

              Possible values:
              - table: Columns, for people; not all of them
              - json:  One JSON object per line
              - csv:   Comma-separated with a header line (RFC 4180)

              [default: table]

          --audit <URL>
              The trail to read

              [env: WARRENER_AUDIT=]
              [default: sqlite://warrener.db]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_audit_tail() {
    insta::assert_snapshot!(help("audit tail").await, @r#"
    exit code 0
    --- output
    List the latest calls, and with -f each further one when it has ended

    Usage: warrener audit tail [OPTIONS]

    Options:
      -f, --follow
              Wait for further calls, until interrupted

      -n, --lines <N>
              Begin with so many of the latest calls

              [default: 10]

          --format <FORMAT>
              How to write the answer

              Possible values:
              - table: Columns, for people; not all of them
              - json:  One JSON object per line
              - csv:   Comma-separated with a header line (RFC 4180)

              [default: table]

          --audit <URL>
              The trail to read

              [env: WARRENER_AUDIT=]
              [default: sqlite://warrener.db]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_a_failure_and_no_denial() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run("serv").await, @r#"
    exit code 1
    --- messages
    error: unrecognized subcommand 'serv'

      tip: a similar subcommand exists: 'serve'

    Usage: warrener <COMMAND>

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(desk.run("explain --rôle reader").await, @r#"
    exit code 1
    --- messages
    error: unexpected argument '--rôle' found

      tip: a similar argument exists: '--role'

    Usage: warrener explain --role <ROLE> [CALL]

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(desk.run("key").await, @r#"
    exit code 1
    --- messages
    Issues, lists and revokes client keys

    Usage: warrener key [OPTIONS] <COMMAND>

    Commands:
      new      Issues a key and prints it once
      list     Lists the keys, without the keys themselves
      signing  Makes the key that checkpoints of the audit trail are signed with
      revoke   Takes a key away; a running gateway refuses it within a second
      help     Print this message or the help of the given subcommand(s)

    Options:
          --keys <FILE>  The key file [env: WARRENER_KEYS=] [default: warrener.keys.yaml]
      -h, --help         Print help
      -V, --version      Print version
    "#);
}

#[tokio::test]
async fn help_of_audit_stats() {
    let whole = help("audit stats").await;
    let (own, filters) = whole.split_once("Which calls:").unwrap();
    insta::assert_snapshot!(own, @r#"
    exit code 0
    --- output
    Count calls, denials, errors and durations

    Counted are the calls that fit all that is given. `*` stands for any run of characters in names and
    rules. Hours that are over are taken from the tallies that the gateway makes of them, unless the
    question is about clients, accesses, arguments, sizes or slow calls.

    Usage: warrener audit stats [OPTIONS]

    Options:
          --by <COLUMNS>
              What calls are told apart by, such as `role,tool,decision`; `action` and `collection`
              count a call for each that it has an access of

              Possible values:
              - principal
              - role
              - client_name
              - client_version
              - client_address
              - method
              - tool
              - decision
              - enforced
              - rule
              - reason
              - outcome
              - error_code
              - http_status
              - policy_revision
              - action:          What an access does; a call counts once for each action of it
              - collection:      The collection of an access; a call counts once for each
              - hour:            The hour in which it started, UTC
              - day:             The day on which it started, UTC

          --every <DURATION>
              A row for each such interval of time: `1h`, `15m`, `1d`; they begin on the hour, at
              midnight, on Monday (UTC)

          --limit <N>
              At most so many groups, those with most calls first; with --every, so many of each
              interval

          --format <FORMAT>
              How to write the answer

              Possible values:
              - table: Columns, for people; not all of them
              - json:  One JSON object per line
              - csv:   Comma-separated with a header line (RFC 4180)

              [default: table]

          --audit <URL>
              The trail to read

              [env: WARRENER_AUDIT=]
              [default: sqlite://warrener.db]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
    let query = help("audit query").await;
    assert_eq!(filters, query.split_once("Which calls:").unwrap().1);
}

#[tokio::test]
async fn help_of_audit_export() {
    insta::assert_snapshot!(help("audit export").await, @r#"
    exit code 0
    --- output
    Write calls out for other programs, one a line, in the order in which they ended

    A call is written once it has ended. The order is that in which the trail learnt of the ends:
    `--after` with the id of the last line goes on without a call left out or written twice, also while
    the gateway is at work.

    Usage: warrener audit export [OPTIONS] --format <FORMAT>

    Options:
          --format <FORMAT>
              How a call is written

              Possible values:
              - jsonl: One JSON object per line, with the columns of the view `calls` and the accesses
              - csv:   The same, comma-separated with a header line (RFC 4180)
              - ocsf:  One event of the OCSF class API Activity (6003) per line

          --since <TIME>
              Ended then or later: `2h`, `yesterday`, `2026-11-22`, `2026-11-22T10:00:00Z` (UTC)

          --after <ID>
              Behind that call, which is the last one that was written the time before

          --until <TIME>
              Stop at the first call that ended then or later; by default at the last one that has ended
              now

          --output <FILE>
              Write to that file, which must not be there yet, for its owner alone; to standard output
              where this is left out

          --audit <URL>
              The trail to read

              [env: WARRENER_AUDIT=]
              [default: sqlite://warrener.db]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_key_signing() {
    insta::assert_snapshot!(help("key signing").await, @r#"
    exit code 0
    --- output
    Makes the key that checkpoints of the audit trail are signed with

    The private key is for the gateway alone, the public key for whoever runs `warrener audit verify`.

    Usage: warrener key signing [OPTIONS]

    Options:
          --out <FILE>
              The file for the private key; the public key goes beside it, with `.pub` behind its name

              [default: warrener.signing.pem]

          --keys <FILE>
              The key file

              [env: WARRENER_KEYS=]
              [default: warrener.keys.yaml]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_audit_verify() {
    insta::assert_snapshot!(help("audit verify").await, @r#"
    exit code 0
    --- output
    Check that no entry was changed, removed, inserted or reordered

    The chain is recomputed from its first entry to its last. With the public key the signatures of
    checkpoints count too, and with the checkpoints of the second place a trail that was cut short
    shows. The tallies that `audit stats` counts with are compared with the entries. Exit code 1 where
    something is wrong.

    Usage: warrener audit verify [OPTIONS]

    Options:
          --public-key <FILE>
              The public key whose signatures count; of the settings' `signing_key` if left out

          --checkpoints <FILE>
              The checkpoints of the second place, a JSON line each; the file that the settings name if
              left out

          --format <FORMAT>
              How to write the answer

              Possible values:
              - table: Columns, for people; not all of them
              - json:  One JSON object per line
              - csv:   Comma-separated with a header line (RFC 4180)

              [default: table]

          --audit <URL>
              The trail to read

              [env: WARRENER_AUDIT=]
              [default: sqlite://warrener.db]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_audit_prune() {
    insta::assert_snapshot!(help("audit prune").await, @r#"
    exit code 0
    --- output
    Delete old entries, while the gateway goes on

    A marker keeps what the rest is checked with; it is signed where the settings name a `signing_key`.

    Usage: warrener audit prune [OPTIONS] --older-than <TIME>

    Options:
          --older-than <TIME>
              Older than that: `90d`, `2026-01-01`

          --audit <URL>
              The trail to read

              [env: WARRENER_AUDIT=]
              [default: sqlite://warrener.db]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_audit_erase() {
    insta::assert_snapshot!(help("audit erase").await, @r#"
    exit code 0
    --- output
    Erase arguments, and the name behind a pseudonym, while the gateway goes on

    The entries stay, and the chain still verifies; a marker tells of it. What is erased cannot be had
    back.

    Usage: warrener audit erase [OPTIONS] <--call <ID>|--principal <NAME>>

    Options:
          --call <ID>
              The arguments of one call, by its id or enough of its beginning

          --principal <NAME>
              The arguments of all calls of a client so far, and its name

          --audit <URL>
              The trail to read

              [env: WARRENER_AUDIT=]
              [default: sqlite://warrener.db]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_matrix() {
    insta::assert_snapshot!(help("matrix").await, @r#"
    exit code 0
    --- output
    Shows what every role may do, as one table to review

    Usage: warrener matrix [OPTIONS]

    Options:
          --policies <DIR>   The folder of policy files; that of the settings, or the built-in policies,
                             where it is left out [env: WARRENER_POLICIES=]
          --config <FILE>    The settings; `warrener.yaml` in the working folder where there is one
                             [env: WARRENER_CONFIG=]
          --schema <PATH>    A folder with what `GET /collections`, `/fields` and `/relations` answer,
                             or a `directus schema snapshot` file [env: WARRENER_SCHEMA=]
          --role <ROLE>      Only this role
          --format <FORMAT>  How the answer looks [default: human] [possible values: human, json]
      -h, --help             Print help
      -V, --version          Print version
    "#);
}

#[tokio::test]
async fn help_of_who_can() {
    insta::assert_snapshot!(help("who-can").await, @r#"
    exit code 0
    --- output
    Says which roles can do something, by which rule, with a call that shows it

    Usage: warrener who-can [OPTIONS] <ACTIONS> <COLLECTIONS[.FIELDS]>...

    Arguments:
      <ACTIONS>                  What is done: `read`, `create`, `update`, `delete`, `execute`,
                                 `import`, or several with commas between them
      <COLLECTIONS[.FIELDS]>...  To what: patterns of collections as in a policy, with commas between
                                 them, and behind a dot patterns of fields, such as `articles`,
                                 `'*,!directus_*'` or `customers.ssn`

    Options:
          --policies <DIR>   The folder of policy files; that of the settings, or the built-in policies,
                             where it is left out [env: WARRENER_POLICIES=]
          --config <FILE>    The settings; `warrener.yaml` in the working folder where there is one
                             [env: WARRENER_CONFIG=]
          --schema <PATH>    A folder with what `GET /collections`, `/fields` and `/relations` answer,
                             or a `directus schema snapshot` file [env: WARRENER_SCHEMA=]
          --format <FORMAT>  How the answer looks [default: human] [possible values: human, json]
      -h, --help             Print help
      -V, --version          Print version

    The exit code is 0 where no role can, 2 where one can, and 1 where that could not be told.
    "#);
}

#[tokio::test]
async fn help_of_can() {
    insta::assert_snapshot!(help("can").await, @r#"
    exit code 0
    --- output
    Says whether one role can do something

    Usage: warrener can [OPTIONS] <ROLE> <ACTIONS> <COLLECTIONS[.FIELDS]>...

    Arguments:
      <ROLE>                     The role
      <ACTIONS>                  What is done: `read`, `create`, `update`, `delete`, `execute`,
                                 `import`, or several with commas between them
      <COLLECTIONS[.FIELDS]>...  To what: patterns of collections as in a policy, with commas between
                                 them, and behind a dot patterns of fields, such as `articles`,
                                 `'*,!directus_*'` or `customers.ssn`

    Options:
          --policies <DIR>   The folder of policy files; that of the settings, or the built-in policies,
                             where it is left out [env: WARRENER_POLICIES=]
          --config <FILE>    The settings; `warrener.yaml` in the working folder where there is one
                             [env: WARRENER_CONFIG=]
          --schema <PATH>    A folder with what `GET /collections`, `/fields` and `/relations` answer,
                             or a `directus schema snapshot` file [env: WARRENER_SCHEMA=]
          --format <FORMAT>  How the answer looks [default: human] [possible values: human, json]
      -h, --help             Print help
      -V, --version          Print version

    The exit code is 0 where it can do any of it, 2 where it can do none, and 1 where that could not be
    told.
    "#);
}

#[tokio::test]
async fn help_of_prove() {
    insta::assert_snapshot!(help("prove").await, @r#"
    exit code 0
    --- output
    Proves what the policies can never let happen

    Usage: warrener prove [OPTIONS] [FILE]...

    Arguments:
      [FILE]...  Files of assertions; those beside the policies where none is named

    Options:
          --policies <DIR>   The folder of policy files; that of the settings, or the built-in policies,
                             where it is left out [env: WARRENER_POLICIES=]
          --config <FILE>    The settings; `warrener.yaml` in the working folder where there is one
                             [env: WARRENER_CONFIG=]
          --schema <PATH>    A folder with what `GET /collections`, `/fields` and `/relations` answer,
                             or a `directus schema snapshot` file [env: WARRENER_SCHEMA=]
          --format <FORMAT>  How the answer looks [default: human] [possible values: human, json]
      -h, --help             Print help
      -V, --version          Print version

    The exit code is 0 where every assertion is proved, 2 where a call shows that one does not hold, 1
    where one could not be proved, and 3 where policies or assertions are not valid.
    "#);
}

#[tokio::test]
async fn help_of_diff() {
    insta::assert_snapshot!(help("diff").await, @r#"
    exit code 0
    --- output
    Tells what other policies would change, in words or as a table

    Usage: warrener diff [OPTIONS] <OLD> <NEW>

    Arguments:
      <OLD>  The policies as they were: a folder, or a folder in a revision of git, such as
             `HEAD~1:policies`
      <NEW>  The policies as they are to be, likewise

    Options:
          --config <FILE>    The settings; `warrener.yaml` in the working folder where there is one
                             [env: WARRENER_CONFIG=]
          --schema <PATH>    A folder with what `GET /collections`, `/fields` and `/relations` answer,
                             or a `directus schema snapshot` file [env: WARRENER_SCHEMA=]
          --format <FORMAT>  How the answer looks [default: human] [possible values: human, table, json]
      -h, --help             Print help
      -V, --version          Print version

    The exit code is 0 where nothing changes, 1 where something does, and 3 where that cannot be told: a
    folder that is not there, policies that are not valid.
    "#);
}

#[tokio::test]
async fn help_of_suggest() {
    insta::assert_snapshot!(help("suggest").await, @r#"
    exit code 0
    --- output
    Writes the least policy that the calls of a trail need, for one role

    What the trail keeps of each call is decided by the policies that are given, and these are narrowed
    to what was used: the file on standard output permits nothing that they do not permit. Nothing is
    changed by it; review it, and put it in their place.

    Usage: warrener suggest [OPTIONS] --role <ROLE>

    Options:
          --policies <DIR>
              The folder of policy files; that of the settings, or the built-in policies, where it is
              left out

              [env: WARRENER_POLICIES=]

          --config <FILE>
              The settings; `warrener.yaml` in the working folder where there is one

              [env: WARRENER_CONFIG=]

          --audit <URL>
              The trail to read; that of the settings where it is left out

              [env: WARRENER_AUDIT=]

          --role <ROLE>
              The role

          --since <TIME>
              Calls that started at that time or later: `30d`, `2h`, `yesterday`, `2026-11-22`

              [default: 30d]

          --include-denied
              Adds permissions for what was denied for want of one, each marked with a comment

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_replay() {
    insta::assert_snapshot!(help("replay").await, @r#"
    exit code 0
    --- output
    Decides the calls of a trail again, to see what other policies would have changed

    What the trail keeps of each call is decided by the policies that are given, offline. The text of a
    request is not needed, and none is made.

    Usage: warrener replay [OPTIONS]

    Options:
          --policies <DIR>
              The folder of policy files; that of the settings, or the built-in policies, where it is
              left out

              [env: WARRENER_POLICIES=]

          --config <FILE>
              The settings; `warrener.yaml` in the working folder where there is one

              [env: WARRENER_CONFIG=]

          --audit <URL>
              The trail to read; that of the settings where it is left out

              [env: WARRENER_AUDIT=]

          --since <TIME>
              Calls that started at that time or later: `30d`, `2h`, `yesterday`, `2026-11-22`

              [default: 30d]

          --role <ROLE>
              Only the calls of this role

          --strict
              Exit code 1 where a call cannot be decided again

          --format <FORMAT>
              How the answer looks

              [default: human]
              [possible values: human, json]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[tokio::test]
async fn help_of_doctor() {
    insta::assert_snapshot!(help("doctor").await, @r#"
    exit code 0
    --- output
    Says how the gateway and the Directus behind it stand, and what to do about it

    It looks with the settings that `serve` would have, and only reads: nothing is changed at Directus,
    and nothing is written to the trail.

    Usage: warrener doctor [OPTIONS]

    Options:
          --config <FILE>
              The settings; `warrener.yaml` in the working folder where there is one

              [env: WARRENER_CONFIG=]

          --listen <ADDRESS>
              Where clients connect

              [env: WARRENER_LISTEN=]

          --insecure
              Listen in cleartext on an address that others can reach

          --upstream <URL>
              The Directus behind the gateway, such as `https://cms.example.com`

              [env: WARRENER_UPSTREAM=]

          --token-env <VARIABLE>
              The environment variable with the Directus token that calls go upstream with;
              `DIRECTUS_TOKEN`

              [env: WARRENER_TOKEN_ENV=]

          --token-file <PATH>
              The file with that token

              [env: WARRENER_TOKEN_FILE=]

          --schema-token-env <VARIABLE>
              The environment variable with the gateway's own token, for reading the schema; the
              upstream token if left out

              [env: WARRENER_SCHEMA_TOKEN_ENV=]

          --policies <DIR>
              The folder of policy files; the built-in policies if left out

              [env: WARRENER_POLICIES=]

          --schema <PATH>
              A folder or file with the schema, instead of reading it from Directus

              [env: WARRENER_SCHEMA=]

          --audit <URL>
              The audit trail

              [env: WARRENER_AUDIT=]

          --feed <FILE>
              Where each call goes as a line of JSON once it has ended: a file, or `stdout`

              [env: WARRENER_FEED=]

          --keys <FILE>
              The file of client keys

              [env: WARRENER_KEYS=]

          --stops <FILE>
              The file of stops, which `warrener stop` writes; `warrener.stop.yaml` beside the keys if
              left out

              [env: WARRENER_STOPS=]

          --role <ROLE>
              The role of the key that is made where there is no key file yet

              [default: reader]

          --format <FORMAT>
              How the answer looks

              [default: human]
              [possible values: human, json]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    The exit code is 0 where nothing fails, 1 where something does, and 3 where settings or policies are
    not valid.
    "#);
}

//! `stop` and `resume`: what they write, and what they say.

use super::Desk;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn what_is_stopped_is_said() {
    let desk = Desk::new();
    desk.run("key new claude --role reader").await;
    insta::assert_snapshot!(desk.run("stop --reason moving").await, @r#"
    exit code 0
    --- messages
    stopped: all calls (moving)
    A gateway that reads `[DIR]/warrener.stop.yaml` goes by it within a second.
    "#);
    insta::assert_snapshot!(desk.run("stop --role reader --reason reading").await, @r#"
    exit code 0
    --- messages
    stopped: all calls (moving)
    stopped: calls of the role `reader` (reading)
    A gateway that reads `[DIR]/warrener.stop.yaml` goes by it within a second.
    "#);
    insta::assert_snapshot!(desk.run("stop --client claude --reason deleting").await, @r#"
    exit code 0
    --- messages
    stopped: all calls (moving)
    stopped: calls of the role `reader` (reading)
    stopped: calls of the client `claude` (deleting)
    A gateway that reads `[DIR]/warrener.stop.yaml` goes by it within a second.
    "#);
    let file = desk.path("warrener.stop.yaml");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    insta::assert_snapshot!(std::fs::read_to_string(file).unwrap(), @r#"
    # What Warrener has stopped: `warrener stop` adds to it, `warrener resume` takes away.
    # Where this file cannot be read, every call is refused.
    version: 1
    stops:
      - whom: all
        since: "[TIME]"
        reason: "moving"
      - whom: {role: "reader"}
        since: "[TIME]"
        reason: "reading"
      - whom: {client: "claude"}
        since: "[TIME]"
        reason: "deleting"
    "#);
    insta::assert_snapshot!(desk.run("resume").await, @r#"
    exit code 0
    --- messages
    stopped: calls of the role `reader` (reading)
    stopped: calls of the client `claude` (deleting)
    A gateway that reads `[DIR]/warrener.stop.yaml` goes by it within a second.
    "#);
    insta::assert_snapshot!(desk.run("resume").await, @r#"
    exit code 1
    --- messages
    error: all calls are not stopped; stopped are calls of the role `reader` (reading), calls of the client `claude` (deleting)
    "#);
    insta::assert_snapshot!(desk.run("resume --client claude").await, @r#"
    exit code 0
    --- messages
    stopped: calls of the role `reader` (reading)
    A gateway that reads `[DIR]/warrener.stop.yaml` goes by it within a second.
    "#);
    insta::assert_snapshot!(desk.run("resume --role reader").await, @r#"
    exit code 0
    --- messages
    Nothing is stopped.
    A gateway that reads `[DIR]/warrener.stop.yaml` goes by it within a second.
    "#);
}

#[tokio::test]
async fn a_name_that_nobody_has_is_said() {
    let desk = Desk::new();
    desk.run("key new claude --role reader").await;
    insta::assert_snapshot!(desk.run("stop --client cloude --reason x").await, @r#"
    exit code 0
    --- messages
    stopped: calls of the client `cloude` (x)
    A gateway that reads `[DIR]/warrener.stop.yaml` goes by it within a second.
    No key in `warrener.keys.yaml` is of the client `cloude`: this stops nobody now.
    "#);
    insta::assert_snapshot!(desk.run("stop --role raeder --reason x").await, @r#"
    exit code 0
    --- messages
    stopped: calls of the client `cloude` (x)
    stopped: calls of the role `raeder` (x)
    A gateway that reads `[DIR]/warrener.stop.yaml` goes by it within a second.
    No key in `warrener.keys.yaml` is of the role `raeder`: this stops nobody now.
    "#);
}

#[tokio::test]
async fn what_cannot_be_stopped_is_said() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run("stop").await, @r#"
    exit code 1
    --- messages
    error: the following required arguments were not provided:
      --reason <TEXT>

    Usage: warrener stop --reason <TEXT>

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(desk.run("stop --role reader --client claude --reason x").await, @r#"
    exit code 1
    --- messages
    error: the argument '--role <ROLE>' cannot be used with '--client <NAME>'

    Usage: warrener stop --reason <TEXT> --role <ROLE>

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(desk.run("stop --role ../reader --reason x").await, @r#"
    exit code 1
    --- messages
    error: `../reader` is not a name of a client or a role
    "#);
    insta::assert_snapshot!(desk.run("stop --reason=").await, @r#"
    exit code 1
    --- messages
    error: a reason has 1 to 300 characters in one line
    "#);
    insta::assert_snapshot!(desk.run("stop --reason x --stops no/such/folder/stop.yaml").await, @r#"
    exit code 1
    --- messages
    error: the file of stops `no/such/folder/stop.yaml` cannot be written: No such file or directory (os error 2)
    "#);
    desk.write("warrener.stop.yaml", "version: 1\nstops:\n");
    insta::assert_snapshot!(desk.run("stop --reason x").await, @r#"
    exit code 1
    --- messages
    error: the file of stops `[DIR]/warrener.stop.yaml` is not valid, so every call is refused: repair it, or remove it and stop again what is to be stopped: `stops` is missing: write `stops: []` for none
    "#);
    insta::assert_snapshot!(desk.run("resume").await, @r#"
    exit code 1
    --- messages
    error: the file of stops `[DIR]/warrener.stop.yaml` is not valid, so every call is refused: repair it, or remove it and stop again what is to be stopped: `stops` is missing: write `stops: []` for none
    "#);
}

/// They write what `serve` reads, wherever the settings or the environment say that it is.
#[tokio::test]
async fn the_file_is_the_one_that_serve_reads() {
    for (settings, variables, expect) in [
        ("", "", "warrener.stop.yaml"),
        ("keys: own/keys.yaml", "", "own/warrener.stop.yaml"),
        ("keys: own/keys.yaml\nstops: said.yaml", "", "said.yaml"),
        ("stops: said.yaml", "WARRENER_STOPS=other.yaml", "other.yaml"),
        ("", "WARRENER_KEYS=own/keys.yaml", "own/warrener.stop.yaml"),
    ] {
        let desk = Desk::new();
        desk.write("own/README", "");
        desk.write("warrener.yaml", &format!("version: 1\n{settings}\n"));
        let said = desk.run_with("stop --reason x", variables).await;
        assert!(desk.path(expect).exists(), "{expect}: {said}");
        assert!(said.contains(desk.path(expect).to_str().unwrap()), "{said}");
    }
}

//! MCP's official conformance suite through the gateway, in both eras: what it says about the protocol itself, and what it says about a
//! server of the official SDK with the gateway in front of it.

use crate::support::process::checkout;
use std::process::{Command, Stdio};

#[test]
#[ignore = "needs Node 22, which comes with a real Directus: tests/directus/install"]
fn the_official_suite_holds_but_for_what_is_refused_by_design() {
    let said = run(&[]);
    assert!(said.ends_with("4 do not by design\n"), "{said}");
}

#[test]
#[ignore = "needs Node 22, which comes with a real Directus: tests/directus/install"]
fn what_a_reference_server_passes_holds_through_the_gateway_but_for_what_is_refused_by_design() {
    let said = run(&["reference"]);
    assert_eq!(said, "152 checks hold, 56 do not by design\n");
}

/// What the suite comes to; a check that ends in another way than it should fails the test.
fn run(words: &[&str]) -> String {
    let mut command = Command::new(checkout("tests/conformance/run"));
    let output =
        command.arg(env!("CARGO_BIN_EXE_warrener")).args(words).stdin(Stdio::null()).output().unwrap();
    let [said, errors] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{said}{errors}");
    said
}

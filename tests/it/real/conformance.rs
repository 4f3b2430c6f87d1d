//! MCP's official conformance suite through the gateway: what it says about the protocol itself, in both eras.

use crate::support::process::checkout;
use std::process::{Command, Stdio};

#[test]
#[ignore = "needs Node 22, which comes with a real Directus: tests/directus/install"]
fn the_official_suite_holds_but_for_what_is_refused_by_design() {
    let mut run = Command::new(checkout("tests/conformance/run"));
    let output = run.arg(env!("CARGO_BIN_EXE_warrener")).stdin(Stdio::null()).output().unwrap();
    let [said, errors] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.ends_with("4 do not by design\n"), "{said}");
}

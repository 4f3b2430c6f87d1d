//! The gateway and its tools on the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    warrener::cli::main()
}

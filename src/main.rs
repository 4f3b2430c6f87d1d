//! The gateway and its tools on the command line.

fn main() {}

//! One integration binary, a module per subject.

// Each module says `cfg(test)`, although all is a test here: that is how clippy knows that it may unwrap.
#[cfg(test)]
mod accept;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod attacks;
#[cfg(test)]
mod audit_command;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod diagnostics;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod jwt;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod likeness;
#[cfg(test)]
mod live;
#[cfg(test)]
mod local;
#[cfg(test)]
mod local_mcp;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod measured;
#[cfg(test)]
mod ocsf;
#[cfg(test)]
mod path;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod public;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod real;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod seen;
#[cfg(test)]
mod service;
#[cfg(test)]
mod stdio;
#[cfg(test)]
mod suggest;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tallies;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod trail;
#[cfg(test)]
mod walk;

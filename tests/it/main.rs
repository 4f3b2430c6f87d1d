//! One integration binary, a module per subject.
//!
//! `#[cfg(test)]` tells clippy that helpers between the tests may unwrap too.

#[cfg(test)]
mod trail;

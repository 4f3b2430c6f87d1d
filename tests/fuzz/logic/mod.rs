//! What is fuzzed, as plain functions of bytes that panic where something does not hold.
//!
//! `cargo fuzz` calls them with what it makes up (`../targets`), and `cargo test` with every file of `../corpus`. They see no more
//! of the gateway than its users do. What each promises stands above it.

pub mod accesses;
pub mod engine;
pub mod fields;
pub mod json;
pub mod query;
pub mod told;
pub mod validation;
pub mod yaml;

/// A function of what a fuzzer makes up.
pub type Function = fn(&[u8]);

/// Every function, by the name of its target and of its folder in the corpus.
pub const ALL: [(&str, Function); 6] = [
    ("accesses", accesses::accesses),
    ("fields", fields::fields),
    ("json", json::json),
    ("query", query::query),
    ("validation", validation::validation),
    ("yaml", yaml::yaml),
];

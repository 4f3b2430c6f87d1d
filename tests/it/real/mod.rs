//! Against a real Directus 12.4.0 with *Allow Deletes* on and an administrator's token: the worst that can be behind the
//! gateway. Each test has a Directus of its own, and each claim that something is stopped stands beside a test which
//! shows that Directus itself does not stop it.

mod aged;
mod browser;
mod bypass;
mod clients;
mod conformance;
mod corpus;
pub(crate) mod directus;
mod doctor;
mod dump;
mod itself;
mod joined;
mod local;
mod narrowed;
mod nginx;
mod ordinary;
mod programs;
mod sdk;
mod stdio;
mod tokens;
mod writes;

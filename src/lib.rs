//! Warrener: a policy-enforcing security gateway and audit proxy between AI clients and a Directus MCP endpoint.
//!
//! This page is the map. The README says what the gateway is for and how to run it.
//!
//! # Bird's eye
//!
//! A tool call is decoded into its *accesses*, which is what it would really do to the data, whatever it is called. The
//! policies of the caller's role decide on the accesses, and on nothing else. What is permitted is written to the audit trail
//! before it is forwarded, in a form that is built anew from what was judged.
//!
//! The modules below stand in the order of reading. The first three are pure: `cargo build --no-default-features` builds them
//! alone, without tokio, tower, http or sqlx.
//!
//! # Architecture invariants
//!
//! - The core ([`mcp`], [`directus`], [`policy`]) does no I/O, has no async, no clock and no randomness.
//! - Nothing but [`path::record`] makes a [`Permitted`](path::record::Permitted), and nothing but a `Permitted` is forwarded.
//! - Between [`path::identify`] and [`path::record`] no stage answers: what is refused there goes on, to be recorded.
//! - An intent that cannot be written is a refusal, never a warning.
//! - Every obligation that cannot be discharged is a denial, found before the intent is written.
//! - There is no second path: whatever serves or embeds the gateway uses [`path::stack`].
//! - Deliberately absent: a way to permit by default, a way to switch the trail off, a way to forward what was not understood.
//!
//! # In a program of your own
//!
//! [`administer::Gateway::embedded`] sets everything up but a listener, and hands the route to whatever listens. With axum
//! (`examples/axum.rs`, whole):
//!
//! ```ignore
//! let gateway = Gateway::embedded(&config).await?;
//! gateway.serve_in(async |route, drain| {
//!     let enforced = ServiceBuilder::new()
//!         .map_request(move |request| adopted(request, peer, body_timeout))
//!         .service(route);
//!     let app = Router::new().route("/mcp", any_service(enforced)); // and where clients are told of an OpenID provider
//!     axum::serve(listener, app).with_graceful_shutdown(drain.stop().cancelled_owned()).await
//! }).await?;
//! ```
//!
//! # Types of other crates
//!
//! These stand in the public interface on purpose; a test holds this list against the code. What is in the commands ([`cli`]) is a program,
//! and nothing to build on.
//!
//! - `http`, `http_body`, `http_body_util`, `bytes`: requests and answers.
//! - `tower`: layers, and the service that [`path::stack`] makes of them.
//! - `tokio`, `tokio_util`, `futures_util`: what is listened on, read from and waited for, and how work is ended.
//! - `serde_json`: arguments, filters and facts are JSON.
//! - `regex_lite`: the pattern of a `_regex` in a policy.
//! - `arc_swap`: the active policies, which a reload replaces under calls that go on.
//! - `jiff`, `uuid`, `url`: times, ids of calls, and addresses.
//! - `secrecy`: whatever must not be shown by mistake.
//! - `prometheus_client`: the registry that the metrics are put into.
//!
//! Errors of others (SQLite's, TLS's, the operating system's) are sources of this crate's own, behind `dyn Error`.
//!
//! # A permitted read, step by step
//!
//! 1. [`accept`] takes `POST /mcp` from a socket on which every wait has an end.
//! 2. [`path::identify`] finds the client key in the key file: a principal with a role, and the Directus token that goes upstream.
//! 3. [`path::decode`] reads the body into one JSON-RPC message, strictly: what two readers could read differently is refused.
//! 4. [`path::normalise`] unwraps the call, and [`directus::accesses`] tells by the schema snapshot that it reads `articles`.
//! 5. [`path::decide`] asks [`policy::PolicySet::decide`]: the permission `read-content` covers the access, and its `max_items`
//!    sets a limit. The call in that form is decoded and decided again, and needs no further change.
//! 6. [`path::shed`] gives it a place among the calls under way.
//! 7. [`path::limit`] takes it out of the role's quotas.
//! 8. [`path::record`] commits the intent to the [`audit`] trail, together with whatever else is waiting.
//! 9. [`path::inspect`] has no check to make, and [`path::forward`] writes the request anew, with the Directus token.
//! 10. The answer streams back through `inspect`, which [holds](directus::answer) every byte against the shape of a result, and
//!     the outcome is recorded when its last byte has come.
//!
//! # A denied write, step by step
//!
//! `items update {articles, 1, {"reviews": []}}` is called an update, and on a real Directus it deletes rows. The steps are the same
//! up to 4, where the empty list under a one-to-many relation is followed: reviews that are not listed go, so the call deletes from
//! `reviews`, through `reviews.delete`. Step 5 finds that forbidden by `no-content-deletes`, step 8 records the denial with its
//! arguments, masked, and the client's model reads in the tool result what was refused and why. Directus never sees it.

// --- what a request means, and who may do what: pure, no I/O, no async ---

pub mod mcp;

pub mod directus;

pub mod policy;

// --- the path that a request takes ---

#[cfg(feature = "gateway")]
pub mod path;

// --- the two ends of the path, and who comes in ---

#[cfg(feature = "gateway")]
pub mod accept;

#[cfg(feature = "gateway")]
pub mod identity;

#[cfg(feature = "gateway")]
pub mod audit;

#[cfg(feature = "gateway")]
pub mod upstream;

// --- around it ---

#[cfg(feature = "gateway")]
pub mod administer;

#[cfg(feature = "gateway")]
pub mod telemetry;

#[cfg(feature = "gateway")]
pub mod config;

#[cfg(feature = "gateway")]
pub mod demo;

#[cfg(feature = "gateway")]
pub mod cli;

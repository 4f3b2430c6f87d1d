//! Every metric that there is: the closed list. `docs/metrics.md` is made from it.

use std::fmt::Write as _;

/// A metric, as it is documented.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// Its name, without what its kind puts behind it.
    pub name: &'static str,
    /// What kind it is of.
    pub kind: Kind,
    /// Its labels, in order; `le` of a histogram is not one of them.
    pub labels: &'static [&'static str],
    /// What it is, without a period.
    pub help: &'static str,
}

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from 0 at the start; `_total` stands behind its name.
    Counter,
    /// It goes up and down.
    Gauge,
    /// `_bucket`, `_sum` and `_count` stand behind its name.
    Histogram,
    /// Always 1: what matters are its labels; `_info` stands behind its name.
    Info,
}

macro_rules! catalogue {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: Described =
            Described { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*

        /// All of them, in the order of the documentation.
        pub const ALL: &[Described] = &[$($constant),*];
    };
}

catalogue! {
    CALLS: Counter "warrener_calls" ["role", "tool", "action", "decision", "outcome"]
        "Calls that have ended. Role: one of the policies, or other. Tool: one that is known, other, or none for a protocol request. Action: the gravest that is asked for, or none. Decision: permit, deny, or observed for a denial that was not enforced. Outcome: ok, error, refused or failed";
    CALL_SECONDS: Histogram "warrener_call_seconds" []
        "From a request's arrival to the end of its answer";
    UNDER_WAY: Gauge "warrener_calls_under_way" []
        "Permitted calls that need Directus and have not ended; at most `limits.max_in_flight`";
    BREAKER_OPEN: Gauge "warrener_breaker_open" []
        "1 where Directus cannot be reached, so that calls are refused at once; 0 otherwise";
    REFUSALS: Counter "warrener_refusals" ["reason"]
        "Refused calls, by the code that the trail has too";
    STRANGERS: Counter "warrener_strangers" ["reason"]
        "Requests without a valid credential, by the word that the trail has too";
    DECISION_SECONDS: Histogram "warrener_decision_seconds" []
        "What the decision took, for each request that was decided";
    UPSTREAM_SECONDS: Histogram "warrener_upstream_seconds" []
        "From a request to Directus to the head of its reply, or to its failure";
    COMMIT_SECONDS: Histogram "warrener_trail_commit_seconds" []
        "What a transaction of the trail took until it was on the disk";
    BATCH_ENTRIES: Histogram "warrener_trail_batch_entries" []
        "Entries that one transaction has written together";
    WAITING_ENTRIES: Gauge "warrener_trail_waiting_entries" []
        "Entries that wait to be written";
    ENTRIES: Counter "warrener_trail_entries" []
        "Entries written since the start";
    LAST_ENTRY: Gauge "warrener_trail_last_entry" []
        "The place in the chain of the newest entry; 0 before the first of this run";
    TRAIL_BYTES: Gauge "warrener_trail_size_bytes" []
        "The trail's file with its write-ahead log";
    TRAIL_FAILING: Gauge "warrener_trail_failing" []
        "1 where the trail cannot be written, so that calls are refused; 0 otherwise";
    POLICY: Info "warrener_policy" ["revision"]
        "The revision of the policies that decide";
    RELOADS: Counter "warrener_policy_reloads" ["result"]
        "States of the policy folder that were taken or refused since the start";
    POLICY_BEHIND: Gauge "warrener_policy_behind" []
        "1 where what is in the folder is refused, so that the last good revision decides; 0 otherwise";
    SCHEMA_AGE: Gauge "warrener_schema_age_seconds" []
        "The age of the schema snapshot; left out before the first, and where it comes from a file";
    STOPS: Gauge "warrener_stops" []
        "Stops that are in force";
    STOPS_UNKNOWN: Gauge "warrener_stops_unknown" []
        "1 where the file of stops cannot be read, so that every call is refused; 0 otherwise";
    CONNECTIONS_OPEN: Gauge "warrener_connections_open" []
        "Connections of clients";
    CONNECTIONS_TURNED_AWAY: Counter "warrener_connections_turned_away" []
        "Connections that there was no room for";
    BUILD: Info "warrener_build" ["version"]
        "The version that runs";
    START: Gauge "process_start_time_seconds" []
        "When the gateway was set up, in seconds since 1970";
}

impl Described {
    /// The name of its series, or the first of them: what stands in a query.
    pub fn series(&self) -> Vec<String> {
        let behind: &[&str] = match self.kind {
            Kind::Counter => &["_total"],
            Kind::Gauge => &[""],
            Kind::Histogram => &["_bucket", "_sum", "_count"],
            Kind::Info => &["_info"],
        };
        behind.iter().map(|behind| format!("{}{behind}", self.name)).collect()
    }

    /// The unit of its values: what its name ends with.
    pub fn unit(&self) -> &'static str {
        ["seconds", "bytes", "entries"].into_iter().find(|unit| self.name.ends_with(unit)).unwrap_or("")
    }
}

impl Kind {
    /// The word for it in the documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// The text of `docs/metrics.md`.
pub fn document() -> String {
    let mut text = String::from(
        "# Metrics\n\nThis page is made from `src/telemetry/metrics/catalogue.rs`. `metrics: {listen: 127.0.0.1:9090}` in `warrener.yaml` serves these, \
         and nothing else, at `/metrics` of that address, in the OpenMetrics text format.\n\nNo label holds anything that a client could make up, and no principal and no \
         collection: the number of series is bounded by the policies.\n\n| name | kind | unit | labels | what it is |\n|---|---|---|---|---|\n",
    );
    for described in ALL {
        let series = described.series();
        let (first, kind) = (series.first().map_or(described.name, String::as_str), described.kind.as_str());
        let name = if described.kind == Kind::Histogram { described.name } else { first };
        let labels: Vec<String> = described.labels.iter().map(|label| format!("`{label}`")).collect();
        let (unit, labels) = (described.unit(), labels.join(" "));
        // Writing to a text does not fail.
        let _ = writeln!(text, "| `{name}` | {kind} | {unit} | {labels} | {}. |", described.help);
    }
    text
}

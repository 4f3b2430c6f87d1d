//! A call as the trail's views show it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

/// One row of the view `calls`, with its rows of `call_accesses`. The columns are documented in the migration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "the names are those of the view's columns, which are documented in the migration"
)]
pub struct Call {
    pub id: String,
    pub started_at: String,
    pub finished_at: Option<String>,
    pub duration_ms: Option<f64>,
    pub principal: String,
    pub role: String,
    pub client_name: Option<String>,
    pub client_version: Option<String>,
    pub client_address: Option<String>,
    pub method: String,
    pub tool: Option<String>,
    pub decision: String,
    pub rule: Option<String>,
    pub reason: Option<String>,
    pub enforced: bool,
    pub outcome: Option<String>,
    pub http_status: Option<i64>,
    pub error_code: Option<String>,
    pub items: Option<i64>,
    pub request_bytes: i64,
    pub response_bytes: Option<i64>,
    pub arguments: Option<Value>,
    pub arguments_digest: Option<String>,
    pub policy_revision: String,
    pub trace_id: Option<String>,
    pub principal_id: String,
    pub seq: i64,
    pub count: i64,
    pub accesses: Vec<CallAccess>,
}

/// One row of the view `call_accesses`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallAccess {
    /// `read`, `create`, `update`, `delete`, `execute` or `import`.
    pub action: String,
    /// The Directus collection.
    pub collection: String,
    /// Sorted names, `["*"]` for all, `[]` for none.
    pub fields: Vec<String>,
    /// `{"keys": […]}`, `{"children": n}`, `{"query": limit}` or `"all"`.
    pub extent: Value,
    /// The path through which it arises; empty at the root.
    pub via: String,
    /// Whether the request says it, or Directus does it in turn.
    pub asked: bool,
}

/// One of the entries that a call is made of, with what the view leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its place in the chain.
    pub seq: i64,
    /// `intent`, `outcome` or `refusal`.
    pub kind: String,
    /// When it was made, UTC.
    pub at: String,
    /// The whole reason of a decision, for people.
    pub detail: Option<String>,
    /// How many requests it stands for.
    pub count: Option<i64>,
    /// SHA-256 of the body that came, in hexadecimal.
    pub received: Option<String>,
    /// SHA-256 of the body that went to Directus.
    pub forwarded: Option<String>,
    /// Digest of the schema snapshot that the accesses depend on.
    pub schema_digest: Option<String>,
    /// SHA-256 that seals the entry.
    pub digest: String,
}

impl Call {
    /// The columns of the view, in its order; the same as the fields up to `accesses`.
    pub const COLUMNS: [&str; 28] = [
        "id",
        "started_at",
        "finished_at",
        "duration_ms",
        "principal",
        "role",
        "client_name",
        "client_version",
        "client_address",
        "method",
        "tool",
        "decision",
        "rule",
        "reason",
        "enforced",
        "outcome",
        "http_status",
        "error_code",
        "items",
        "request_bytes",
        "response_bytes",
        "arguments",
        "arguments_digest",
        "policy_revision",
        "trace_id",
        "principal_id",
        "seq",
        "count",
    ];

    /// What to select from `calls` for [`FromRow`]: the columns, and the accesses as one JSON array.
    pub(super) fn select() -> String {
        Self::select_with("NULL", "calls")
    }

    /// The same with another expression, from tables that `calls` is joined with.
    pub(super) fn select_with(more: &str, from: &str) -> String {
        format!(
            "SELECT calls.{}, (SELECT json_group_array(json_object(
                'action', a.action, 'collection', a.collection, 'fields', json(a.fields), 'extent', json(a.extent),
                'via', a.via, 'asked', json(iif(a.asked, 'true', 'false'))))
             FROM call_accesses a WHERE a.id = calls.id) AS accesses, {more} FROM {from}",
            Self::COLUMNS.join(", calls.")
        )
    }
}

impl FromRow<'_, SqliteRow> for Call {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            duration_ms: row.try_get("duration_ms")?,
            principal: row.try_get("principal")?,
            role: row.try_get("role")?,
            client_name: row.try_get("client_name")?,
            client_version: row.try_get("client_version")?,
            client_address: row.try_get("client_address")?,
            method: row.try_get("method")?,
            tool: row.try_get("tool")?,
            decision: row.try_get("decision")?,
            rule: row.try_get("rule")?,
            reason: row.try_get("reason")?,
            enforced: row.try_get("enforced")?,
            outcome: row.try_get("outcome")?,
            http_status: row.try_get("http_status")?,
            error_code: row.try_get("error_code")?,
            items: row.try_get("items")?,
            request_bytes: row.try_get("request_bytes")?,
            response_bytes: row.try_get("response_bytes")?,
            arguments: row.try_get::<Option<String>, _>("arguments")?.map(json),
            arguments_digest: row.try_get("arguments_digest")?,
            policy_revision: row.try_get("policy_revision")?,
            trace_id: row.try_get("trace_id")?,
            principal_id: row.try_get("principal_id")?,
            seq: row.try_get("seq")?,
            count: row.try_get("count")?,
            accesses: accesses(row.try_get("accesses")?)?,
        })
    }
}

impl FromRow<'_, SqliteRow> for Part {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: row.try_get("seq")?,
            kind: row.try_get("kind")?,
            at: row.try_get("at")?,
            detail: row.try_get("detail")?,
            count: row.try_get("count")?,
            received: row.try_get("received")?,
            forwarded: row.try_get("forwarded")?,
            schema_digest: row.try_get("schema_digest")?,
            digest: row.try_get("digest")?,
        })
    }
}

/// Arguments are JSON; should they not be, they are shown as text rather than not at all.
fn json(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn accesses(text: &str) -> Result<Vec<CallAccess>, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

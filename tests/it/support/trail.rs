//! Reads a trail as an auditor would: with SQLite and nothing of the gateway's.

use serde::Deserialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Row as _};
use std::collections::BTreeSet;
use std::path::Path;

/// The columns of the public view `calls` that the tests look at.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call {
    pub(crate) principal: String,
    pub(crate) role: String,
    pub(crate) method: String,
    pub(crate) tool: Option<String>,
    pub(crate) decision: String,
    pub(crate) reason: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) arguments: Option<String>,
}

impl Call {
    /// The first of the keys that the call named.
    pub(crate) fn key(&self) -> Option<i64> {
        let arguments: serde_json::Value = serde_json::from_str(self.arguments.as_deref()?).ok()?;
        arguments.get("keys")?.get(0)?.as_i64()
    }

    /// The action that the call named.
    pub(crate) fn action(&self) -> Option<String> {
        let arguments: serde_json::Value = serde_json::from_str(self.arguments.as_deref()?).ok()?;
        Some(arguments.get("action")?.as_str()?.to_owned())
    }
}

/// Every call of the trail, oldest first.
pub(crate) async fn calls(trail: &Path) -> Vec<Call> {
    let mut connection = open(trail).await;
    let columns = "json_object('principal', principal, 'role', role, 'method', method, 'tool', tool, \
        'decision', decision, 'reason', reason, 'outcome', outcome, 'arguments', arguments)";
    let statement = sqlx::AssertSqlSafe(format!("SELECT {columns} FROM calls ORDER BY started_at"));
    let rows = sqlx::query(statement).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.get::<String, _>(0)).unwrap()).collect()
}

/// The digest of each body that an intent says is forwarded.
pub(crate) async fn forwarded(trail: &Path) -> BTreeSet<Vec<u8>> {
    let mut connection = open(trail).await;
    let statement = "SELECT forwarded FROM entries WHERE kind = 'intent'";
    let rows = sqlx::query(statement).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// A connection that can change nothing.
pub(crate) async fn open(database: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(database).read_only(true);
    SqliteConnection::connect_with(&options).await.unwrap_or_else(|error| panic!("{database:?}: {error}"))
}

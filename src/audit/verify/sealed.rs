//! An entry as it stands in the file, with all that its digest covers.

use super::Fault;
use crate::audit::chain::{self, Digest, Value};
use crate::audit::row::COLUMNS;
use serde_json::Map;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, TypeInfo as _, ValueRef as _};

/// A row of `entries` with its accesses and its payload.
#[derive(Debug)]
pub(super) struct SealedRow {
    pub(super) seq: i64,
    pub(super) prev: Digest,
    pub(super) digest: Digest,
    cells: Vec<Cell>,
    accesses: Vec<Vec<Cell>>,
    payload: Option<Payload>,
}

/// What stands in a column.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row of `payloads`.
#[derive(Debug)]
struct Payload {
    arguments: Option<String>,
    facts: Option<String>,
    salt: Vec<u8>,
}

type PayloadRow = (i64, Option<String>, Option<String>, Vec<u8>);

/// The next entries behind `after`, at most so many.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<SealedRow>, sqlx::Error> {
    let columns = COLUMNS.join(", ");
    let select = format!("SELECT {columns}, prev, digest FROM entries WHERE seq > ? ORDER BY seq LIMIT ?");
    let rows = sqlx::query(AssertSqlSafe(select)).bind(after).bind(limit).fetch_all(&mut *connection).await?;
    let mut entries = rows.iter().map(SealedRow::read).collect::<Result<Vec<_>, _>>()?;
    let Some(last) = entries.last().map(|entry| entry.seq) else { return Ok(entries) };
    let accesses = sqlx::query(
        "SELECT seq, action, collection, fields, extent, via, asked FROM accesses
         WHERE seq > ? AND seq <= ? ORDER BY seq, n",
    );
    let accesses = accesses.bind(after).bind(last).fetch_all(&mut *connection).await?;
    for row in &accesses {
        let seq: i64 = row.try_get(0)?;
        let cells = (1..=6).map(|column| Cell::read(row, column)).collect::<Result<_, _>>()?;
        if let Some(entry) = entry(&mut entries, seq) {
            entry.accesses.push(cells);
        }
    }
    let payloads =
        sqlx::query_as("SELECT seq, arguments, facts, salt FROM payloads WHERE seq > ? AND seq <= ?");
    let payloads: Vec<PayloadRow> = payloads.bind(after).bind(last).fetch_all(connection).await?;
    for (seq, arguments, facts, salt) in payloads {
        if let Some(entry) = entry(&mut entries, seq) {
            entry.payload = Some(Payload { arguments, facts, salt });
        }
    }
    Ok(entries)
}

fn entry(entries: &mut [SealedRow], seq: i64) -> Option<&mut SealedRow> {
    let at = entries.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
    entries.get_mut(at)
}

impl SealedRow {
    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let cells =
            (0..COLUMNS.len()).map(|column| Cell::read(row, column)).collect::<Result<Vec<_>, _>>()?;
        // A digest of another length equals none.
        let digest = |name: &str| -> Result<Digest, sqlx::Error> {
            Ok(row.try_get::<Vec<u8>, _>(name)?.try_into().unwrap_or_default())
        };
        let (seq, prev, digest) = (row.try_get("seq")?, digest("prev")?, digest("digest")?);
        Ok(Self { seq, prev, digest, cells, accesses: Vec::new(), payload: None })
    }

    /// Whether this is what was sealed as the entry of that number, behind the entry that it names.
    pub(super) fn is_sealed_as(&self, seq: i64) -> bool {
        let own = self.cells.iter().skip(1).map(Cell::value);
        let count = Value::Integer(i64::try_from(self.accesses.len()).unwrap_or(i64::MAX));
        let accesses = self.accesses.iter().flatten().map(Cell::value);
        let values = [Value::Integer(seq)].into_iter().chain(own).chain([count]).chain(accesses);
        chain::digest(&self.prev, values) == self.digest
    }

    /// What is wrong with arguments and facts, or with their absence.
    pub(super) fn payload_fault(&self) -> Option<Fault> {
        let seq = self.seq;
        let covered = |name: &str| match self.cell(name) {
            Some(Cell::Bytes(digest)) => Some(digest.as_slice()),
            Some(Cell::Null | Cell::Integer(_) | Cell::Text(_)) | None => None,
        };
        let (arguments, facts) = (covered("arguments_digest"), covered("facts_digest"));
        let Some(payload) = &self.payload else {
            return (arguments.is_some() || facts.is_some()).then_some(Fault::PayloadRemoved { seq });
        };
        let same = |text: &Option<String>, digest: Option<&[u8]>| {
            text.as_ref().map(|text| chain::salted_digest(&payload.salt, text)).as_ref().map(Digest::as_slice)
                == digest
        };
        // Only the digest was kept of arguments where the settings said so, and the entry does.
        let kept = self.cell("arguments_kept") != Some(&Cell::Integer(0));
        let arguments = arguments.filter(|_| kept);
        if !same(&payload.arguments, arguments) {
            return Some(Fault::Payload { seq, what: "arguments" });
        }
        (!same(&payload.facts, facts)).then_some(Fault::Payload { seq, what: "facts" })
    }

    /// The pseudonym of whoever called.
    pub(super) fn principal(&self) -> Option<&str> {
        self.text("principal")
    }

    /// The id of the call.
    pub(super) fn call(&self) -> Option<&str> {
        self.text("call_id")
    }

    /// The note of a marker.
    pub(super) fn note(&self) -> Option<Map<String, serde_json::Value>> {
        if self.text("kind") != Some("marker") {
            return None;
        }
        serde_json::from_str(self.text("note")?).ok()
    }

    /// What stands in a column, where it is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.cell(name)? {
            Cell::Text(text) => Some(text),
            Cell::Null | Cell::Integer(_) | Cell::Bytes(_) => None,
        }
    }

    fn cell(&self, name: &str) -> Option<&Cell> {
        self.cells.get(COLUMNS.iter().position(|column| *column == name)?)
    }
}

impl Cell {
    fn read(row: &SqliteRow, column: usize) -> Result<Self, sqlx::Error> {
        let raw = row.try_get_raw(column)?;
        if raw.is_null() {
            return Ok(Self::Null);
        }
        let kind = raw.type_info().name().to_owned();
        Ok(match kind.as_str() {
            "INTEGER" => Self::Integer(row.try_get(column)?),
            "TEXT" => Self::Text(row.try_get(column)?),
            _ => Self::Bytes(row.try_get_unchecked(column)?),
        })
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}

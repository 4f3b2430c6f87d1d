//! The whole state of a Directus, to be compared: every row of every table, and every uploaded file.

use super::directus::Directus;
use crate::support::trail::open;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What Directus notes about requests themselves, whatever they do.
const OWN_NOTES: [&str; 3] = ["directus_activity", "directus_revisions", "directus_sessions"];

/// By table (or `uploads`, or `tables`), its rows as text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dump(BTreeMap<String, BTreeSet<String>>);

impl Dump {
    pub(crate) async fn of(directus: &Directus) -> Self {
        Self::without(&OWN_NOTES, directus).await
    }

    /// With what Directus notes about requests.
    pub(crate) async fn with_notes(directus: &Directus) -> Self {
        Self::without(&[], directus).await
    }

    async fn without(left_out: &[&str], directus: &Directus) -> Self {
        let mut connection = open(&directus.database()).await;
        let list = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let mut dump = BTreeMap::new();
        for table in texts(&mut connection, list.to_owned()).await {
            if !left_out.contains(&table.as_str()) {
                let rows = rows(&mut connection, &table).await;
                dump.insert(table, rows);
            }
        }
        let tables = "SELECT coalesce(sql, name) FROM sqlite_schema".to_owned();
        dump.insert("tables".to_owned(), texts(&mut connection, tables).await);
        dump.insert("uploads".to_owned(), uploads(directus));
        Self(dump)
    }

    /// The rows that `later` no longer has, by table: what begins with another key than any row that is there then.
    pub(crate) fn deleted(&self, later: &Self) -> Vec<String> {
        let none = BTreeSet::new();
        let key = |row: &str| row.split(", ").next().unwrap_or_default().to_owned();
        let of = |(table, rows): (&String, &BTreeSet<String>)| {
            let left: BTreeSet<String> =
                later.0.get(table).unwrap_or(&none).iter().map(|row| key(row)).collect();
            let gone = rows.iter().filter(|row| !left.contains(&key(row)));
            gone.map(|row| format!("{table}: {row}")).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// The tables of which `later` is another, `tables` and `uploads` among them.
    pub(crate) fn changed(&self, later: &Self) -> BTreeSet<String> {
        let names = self.0.keys().chain(later.0.keys());
        names.filter(|name| self.0.get(*name) != later.0.get(*name)).cloned().collect()
    }

    /// What `later` has lost and gained, one line each; empty where they are the same.
    pub(crate) fn changes(&self, later: &Self) -> String {
        let none = BTreeSet::new();
        let mut text = String::new();
        for table in self.0.keys().chain(later.0.keys()).collect::<BTreeSet<_>>() {
            let before = self.0.get(table).unwrap_or(&none);
            let after = later.0.get(table).unwrap_or(&none);
            for row in before.difference(after) {
                writeln!(text, "- {table}: {row}").unwrap();
            }
            for row in after.difference(before) {
                writeln!(text, "+ {table}: {row}").unwrap();
            }
        }
        text
    }
}

async fn rows(connection: &mut SqliteConnection, table: &str) -> BTreeSet<String> {
    // The key first, by which a row that changed is told from one that is gone.
    let columns = format!("SELECT (pk = 0) || 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')");
    let columns = texts(connection, columns).await;
    let columns: Vec<_> = columns.iter().filter_map(|column| column.get(1..)).collect();
    texts(connection, format!("SELECT {} FROM \"{table}\"", columns.join(" || ', ' || "))).await
}

async fn texts(connection: &mut SqliteConnection, statement: String) -> BTreeSet<String> {
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn uploads(directus: &Directus) -> BTreeSet<String> {
    let files = std::fs::read_dir(directus.uploads()).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            format!("{} {:?}", path.file_name().unwrap().display(), std::fs::read(&path).unwrap())
        })
        .collect()
}

//! Are the tables, views, triggers and indexes what the gateway made? A view that leaves calls out would hide what the chain has.

use super::Fault;
use crate::audit::migration::migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Row as _};
use std::collections::BTreeMap;

/// By name: what it is, and how it was made.
type Structure = BTreeMap<String, (String, String)>;

/// The first part that is missing or another one than the gateway makes. An index or a view more does no harm; a trigger does.
pub(super) async fn fault(connection: &mut SqliteConnection) -> Result<Option<Fault>, sqlx::Error> {
    let there = read(connection).await?;
    let mut fresh = SqliteConnectOptions::new().in_memory(true).connect().await?;
    migrator().run(&mut fresh).await.map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
    let made = read(&mut fresh).await?;
    let other = made.iter().find(|(name, part)| there.get(*name) != Some(part));
    let more = there.iter().find(|(name, (kind, _))| kind == "trigger" && !made.contains_key(*name));
    Ok(other.or(more).map(|(name, (kind, _))| Fault::Structure { kind: kind.clone(), name: name.clone() }))
}

async fn read(connection: &mut SqliteConnection) -> Result<Structure, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT name, type, coalesce(sql, '') FROM sqlite_schema
         WHERE name NOT GLOB 'sqlite_*' AND NOT (type = 'table' AND name = '_sqlx_migrations')",
    );
    let rows = rows.fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?)))).collect()
}

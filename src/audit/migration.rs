//! The trail's structure, embedded: `migrations/sqlite`, in order.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// What SQLite's `application_id` says of a trail: `WRNR`.
pub(super) const APPLICATION_ID: i64 = 0x5752_4e52;

/// Number, name and text of each migration; one that was released is never changed.
const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "trail", include_str!("../../migrations/sqlite/0001_trail.sql"))];

/// What brings a trail of any earlier version, or an empty file, to this version's structure.
pub(super) fn migrator() -> Migrator {
    Migrator::with_migrations(
        MIGRATIONS
            .iter()
            .map(|&(version, name, sql)| {
                Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
            })
            .collect(),
    )
}

//! Who is behind a pseudonym: entries name a client by one, so that its name can be erased and the chain still verifies.

use super::chain;
use sqlx::sqlite::SqliteConnection;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The pseudonyms that the writer has used so far; as many as there are clients.
#[derive(Debug, Default)]
pub(super) struct Pseudonyms {
    known: BTreeMap<String, Arc<str>>,
}

impl Pseudonyms {
    /// The pseudonym of a name, where it has been used since the last look.
    pub(super) fn known(&self, name: &str) -> Option<Arc<str>> {
        self.known.get(name).map(Arc::clone)
    }

    /// The pseudonym of a name; a new one is made where it has none, in the transaction of the entry that needs it.
    pub(super) async fn of(
        &mut self,
        name: &str,
        connection: &mut SqliteConnection,
    ) -> Result<Arc<str>, sqlx::Error> {
        if let Some(known) = self.known(name) {
            return Ok(known);
        }
        let there: Option<String> = sqlx::query_scalar("SELECT pseudonym FROM principals WHERE name = ?")
            .bind(name)
            .fetch_optional(&mut *connection)
            .await?;
        let pseudonym = match there {
            Some(pseudonym) => pseudonym,
            None => introduce(name, connection).await?,
        };
        let pseudonym = Arc::from(pseudonym);
        self.known.insert(name.to_owned(), Arc::clone(&pseudonym));
        Ok(pseudonym)
    }

    /// Forgets them, since they may have been erased.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}

async fn introduce(name: &str, connection: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    let salt = chain::salt().map_err(|error| sqlx::Error::Encode(error.to_string().into()))?;
    let pseudonym = chain::pseudonym(&salt, name);
    sqlx::query("INSERT INTO principals (pseudonym, name, salt) VALUES (?, ?, ?)")
        .bind(&pseudonym)
        .bind(name)
        .bind(salt.as_slice())
        .execute(connection)
        .await?;
    Ok(pseudonym)
}

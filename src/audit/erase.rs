//! Erasing for data protection: arguments, facts and names go, the entries stay, and a marker tells of it.

use super::location::TrailError;
use super::second::Second;
use super::session::Head;
use super::signing::{Erased, Said, SigningKey, Statement};
use jiff::Timestamp;

/// Whose arguments are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erase {
    /// Of one call, by its whole id.
    Call(String),
    /// Of all calls of a client so far, with its name.
    Principal(String),
}

/// Why nothing was erased.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EraseError {
    /// The trail cannot be read or written.
    #[error(transparent)]
    Trail(#[from] TrailError),
    /// There is no such client in the trail.
    #[error("no client in the trail has the name `{0}`: `warrener audit query` lists them")]
    Unknown(String),
}

/// Erases, while a gateway may be writing, and returns of how many entries. The marker is signed where there is a key.
///
/// What is deleted is overwritten in the file. A client that calls again gets a new pseudonym. What other entries say of the same
/// person, in the keys of the items that they touch, is not looked for.
///
/// # Errors
/// [`EraseError`].
pub async fn erase(url: &str, what: &Erase, key: Option<&SigningKey>) -> Result<u64, EraseError> {
    let mut second = Second::open(url).await?;
    let note = |erased: Erased| {
        move |head: Head| {
            let said = Said::new(Statement::Erasure(erased), head.seq, head.digest, Timestamp::now());
            if let Some(key) = key { key.sign(said).to_json() } else { said.to_json() }
        }
    };
    let erased = match what {
        Erase::Call(id) => second.mark(note(Erased::Call(id.clone())), ARGUMENTS_OF_CALL, id.clone()).await?,
        Erase::Principal(name) => {
            let Some(pseudonym) = pseudonym(&mut second, name).await? else {
                return Err(EraseError::Unknown(name.clone()));
            };
            let note = note(Erased::Principal(pseudonym.clone()));
            second.mark(note, "DELETE FROM principals WHERE pseudonym = ?", pseudonym.clone()).await?;
            second.delete(&[ARGUMENTS_OF_PRINCIPAL], Some(&pseudonym)).await?
        }
    };
    second.close().await?;
    Ok(erased)
}

const ARGUMENTS_OF_CALL: &str =
    "DELETE FROM payloads WHERE seq IN (SELECT seq FROM entries WHERE call_id = ?)";

/// What the client does from now on has another pseudonym.
const ARGUMENTS_OF_PRINCIPAL: &str = "DELETE FROM payloads WHERE seq IN (SELECT p.seq FROM entries e
    JOIN payloads p ON p.seq = e.seq WHERE e.principal = ?2 LIMIT ?1)";

async fn pseudonym(second: &mut Second, name: &str) -> Result<Option<String>, TrailError> {
    let found = sqlx::query_scalar("SELECT pseudonym FROM principals WHERE name = ?")
        .bind(name)
        .fetch_optional(second.connection())
        .await;
    found.map_err(|error| second.sql(error))
}

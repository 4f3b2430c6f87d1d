//! Walking the chain: is every entry what it was, where it was, and is none missing?
//!
//! The chain itself shows a change, a removal, an insertion and a swap. Signed checkpoints show that the end was not cut off, and
//! that the whole was not written anew, by whoever does not have the key.

mod classify;
mod fault;
mod sealed;

pub use fault::Fault;

use super::chain::{self, Digest, GENESIS};
use super::location::{Location, TrailError};
use super::signing::{PublicKey, Said, Statement};
use sealed::SealedRow;
use serde::Serialize;
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Entries that are read at once.
const PAGE: i64 = 500;

/// What an auditor brings along; all of it is optional, and each shows more.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Whose signatures count.
    pub key: Option<PublicKey>,
    /// The checkpoints of the second place.
    pub elsewhere: Vec<Said>,
}

/// What was found where nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many entries were looked at.
    pub entries: i64,
    /// The last one; 0 where there is none.
    pub last: i64,
    /// Its digest, in hexadecimal.
    pub digest: String,
    /// Entries up to this one were pruned; 0 where none were.
    pub pruned_through: i64,
    /// Checkpoints in the chain.
    pub checkpoints: u64,
    /// The last entry that one of them covers.
    pub signed_through: i64,
    /// Whether their signatures were checked.
    pub signatures_checked: bool,
    /// Checkpoints of the second place that agree.
    pub elsewhere: u64,
    /// Entries whose arguments were erased, as a marker says.
    pub erased: u64,
}

/// What verifying comes to.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing is wrong.
    Whole(Verified),
    /// The first thing that is wrong.
    Broken(Fault),
}

/// Verifies a trail while a gateway may be writing to it; `progress` is told how many of how many entries are done.
///
/// # Errors
/// [`TrailError`], where the file cannot be read.
pub async fn verify(
    url: &str,
    evidence: &Evidence,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verdict, TrailError> {
    let location = Location::parse(url)?;
    let mut connection = location.read().await?;
    let walked = Walk::new(&mut connection, evidence).await;
    let walked = match walked {
        Ok(walk) => walk.all(progress).await,
        Err(error) => Err(error),
    };
    match walked {
        Ok(verified) => Ok(Verdict::Whole(verified)),
        Err(Stopped::Fault(fault)) => Ok(Verdict::Broken(fault)),
        Err(Stopped::Sql(error)) => Err(location.sql(error)),
    }
}

/// Why a walk ended early.
enum Stopped {
    Fault(Fault),
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A walk along the chain.
struct Walk<'a> {
    connection: &'a mut SqliteConnection,
    evidence: &'a Evidence,
    /// The last entry that was found in order.
    seq: i64,
    /// Its digest.
    prev: Digest,
    /// The last entry of the trail when the walk began.
    end: i64,
    /// What the second place says of entries, by their number.
    elsewhere: BTreeMap<i64, Digest>,
    erased: Erasures,
    found: Verified,
}

/// What erasures may have taken away.
#[derive(Default)]
struct Erasures {
    calls: BTreeSet<String>,
    /// By pseudonym, up to which entry.
    principals: BTreeMap<String, i64>,
}

impl<'a> Walk<'a> {
    async fn new(connection: &'a mut SqliteConnection, evidence: &'a Evidence) -> Result<Self, Stopped> {
        let end: i64 = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM entries")
            .fetch_one(&mut *connection)
            .await?;
        let (mut seq, mut prev) = (0, GENESIS);
        let mut erased = Erasures::default();
        let notes: Vec<String> =
            sqlx::query_scalar("SELECT note FROM entries WHERE kind = 'marker' ORDER BY seq")
                .fetch_all(&mut *connection)
                .await?;
        for note in &notes {
            let Ok(Value::Object(note)) = serde_json::from_str(note) else { continue };
            erased.note(&note);
            if let Some(said) = Said::from_json(&note).filter(|said| said.statement == Statement::Prune) {
                (seq, prev) = (said.seq, said.digest);
            }
        }
        let elsewhere = evidence.elsewhere.iter().map(|said| (said.seq, said.digest)).collect();
        let found = Verified {
            entries: 0,
            last: seq,
            digest: String::new(),
            pruned_through: seq,
            checkpoints: 0,
            signed_through: 0,
            signatures_checked: evidence.key.is_some(),
            elsewhere: 0,
            erased: 0,
        };
        Ok(Self { connection, evidence, seq, prev, end, elsewhere, erased, found })
    }

    async fn all(mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, Stopped> {
        self.names().await?;
        self.forged_elsewhere()?;
        let first: Option<i64> = sqlx::query_scalar("SELECT min(seq) FROM entries WHERE seq > ?")
            .bind(self.seq)
            .fetch_one(&mut *self.connection)
            .await?;
        if first.is_some_and(|first| first > self.seq + 1) && self.seq == 0 {
            return Err(Fault::Beginning { first: first.unwrap_or_default() }.into());
        }
        let total = u64::try_from(self.end - self.seq).unwrap_or_default();
        while self.seq < self.end {
            let rows = sealed::page(self.connection, self.seq, PAGE.min(self.end - self.seq)).await?;
            if rows.is_empty() {
                return Err(Fault::Removed { seq: self.seq + 1 }.into());
            }
            for row in &rows {
                self.step(row).await?;
            }
            self.found.entries += i64::try_from(rows.len()).unwrap_or(i64::MAX);
            progress(u64::try_from(self.found.entries).unwrap_or_default(), total);
        }
        if let Some((&seq, _)) = self.elsewhere.range(self.seq + 1..).next() {
            return Err(Fault::CutOff { last: self.seq, signed: seq }.into());
        }
        self.found.last = self.seq;
        self.found.digest = chain::hex(&self.prev);
        Ok(self.found)
    }

    /// Looks at one entry; it has to be the next one.
    async fn step(&mut self, row: &SealedRow) -> Result<(), Stopped> {
        let in_order = row.seq == self.seq + 1 && row.prev == self.prev && row.is_sealed_as(row.seq);
        if !in_order {
            return Err(classify::fault(self.connection, self.seq, row).await?.into());
        }
        if let Some(digest) = self.elsewhere.get(&row.seq) {
            if *digest != row.digest {
                return Err(Fault::Rewritten { seq: row.seq }.into());
            }
            self.found.elsewhere += 1;
        }
        self.payload(row)?;
        self.marker(row)?;
        (self.seq, self.prev) = (row.seq, row.digest);
        Ok(())
    }

    /// What stands outside the chain is what the entry says, or an erasure has taken it away.
    fn payload(&mut self, row: &SealedRow) -> Result<(), Fault> {
        match row.payload_fault() {
            Some(Fault::PayloadRemoved { .. }) if self.erased.covers(row) => {
                self.found.erased += 1;
                Ok(())
            }
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    /// A checkpoint speaks of the entry before it, and is signed; so is the word that something was pruned.
    fn marker(&mut self, row: &SealedRow) -> Result<(), Fault> {
        let Some(said) = row.note().and_then(|note| Said::from_json(&note)) else { return Ok(()) };
        let forged = Fault::Forged { seq: row.seq };
        if self.evidence.key.as_ref().is_some_and(|key| !key.has_signed(&said)) {
            return Err(forged);
        }
        if said.statement == Statement::Checkpoint {
            if (said.seq, said.digest) != (self.seq, self.prev) {
                return Err(forged);
            }
            self.found.checkpoints += 1;
            self.found.signed_through = said.seq;
        }
        Ok(())
    }

    /// Each name is the one that its pseudonym was made of.
    async fn names(&mut self) -> Result<(), Stopped> {
        let names: Vec<(String, String, Vec<u8>)> =
            sqlx::query_as("SELECT pseudonym, name, salt FROM principals")
                .fetch_all(&mut *self.connection)
                .await?;
        for (pseudonym, name, salt) in names {
            if chain::pseudonym(&salt, &name) != pseudonym {
                return Err(Fault::Name { pseudonym, name }.into());
            }
        }
        Ok(())
    }

    /// The second place is worth as much as its signatures.
    fn forged_elsewhere(&self) -> Result<(), Fault> {
        let Some(key) = &self.evidence.key else { return Ok(()) };
        match self.evidence.elsewhere.iter().find(|said| !key.has_signed(said)) {
            Some(said) => Err(Fault::ForgedElsewhere { seq: said.seq }),
            None => Ok(()),
        }
    }
}

impl Erasures {
    fn note(&mut self, note: &serde_json::Map<String, Value>) {
        let text = |name: &str| note.get(name).and_then(Value::as_str).map(str::to_owned);
        if text("event").as_deref() != Some("erasure") {
            return;
        }
        self.calls.extend(text("call"));
        if let (Some(principal), Some(through)) =
            (text("principal"), note.get("through").and_then(Value::as_i64))
        {
            let known = self.principals.entry(principal).or_default();
            *known = (*known).max(through);
        }
    }

    fn covers(&self, row: &SealedRow) -> bool {
        let principal = row.principal().and_then(|principal| self.principals.get(principal));
        row.call().is_some_and(|call| self.calls.contains(call))
            || principal.is_some_and(|&through| row.seq <= through)
    }
}

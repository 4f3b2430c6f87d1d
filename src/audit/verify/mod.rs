//! Walking the chain: is every entry what it was, where it was, and is none missing?
//!
//! The chain itself shows a change, a removal, an insertion and a swap. Signed checkpoints show that the end was not cut off, and
//! that the whole was not written anew, by whoever does not have the key.

mod classify;
mod fault;
mod markers;
mod sealed;
mod structure;
mod tallies;
mod texts;

pub use fault::Fault;

use super::chain::{self, Digest, GENESIS};
use super::location::{Location, TrailError};
use super::signing::{PublicKey, Said, Statement};
use markers::Erasures;
use sealed::SealedRow;
use serde::Serialize;
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};
use texts::Named;

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
    /// Policy texts and schema snapshots that entries name and the trail does not have. A gateway keeps each before its first entry.
    pub texts_missing: u64,
    /// Hours whose tallies, which statistics are taken from, are what their entries come to.
    pub tallied_hours: u64,
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
        Ok(verified) => {
            pages_are_in_order(&location, &mut connection).await?;
            Ok(Verdict::Whole(verified))
        }
        Err(Stopped::Fault(fault)) => Ok(Verdict::Broken(fault)),
        Err(Stopped::Sql(error)) => Err(location.sql(error)),
    }
}

/// Whether SQLite finds every page in order, those of indexes too, of which the chain says nothing: a copy that lacks one would only
/// fail the gateway that goes on with it.
async fn pages_are_in_order(
    location: &Location,
    connection: &mut SqliteConnection,
) -> Result<(), TrailError> {
    let said = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await;
    let said: String = said.map_err(|error| location.sql(error))?;
    if said == "ok" { Ok(()) } else { Err(TrailError::Page { path: location.path().to_owned(), said }) }
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

/// The last entry that was pruned, as a marker says, with its digest.
async fn cut(connection: &mut SqliteConnection, evidence: &Evidence) -> Result<(i64, Digest), Stopped> {
    let mut cut = (0, GENESIS);
    for (seq, said) in markers::read(connection, 0).await? {
        if said.statement == Statement::Prune && said.seq > cut.0 {
            // One that speaks of itself or of what came later would never be looked at.
            let signed = evidence.key.as_ref().is_none_or(|key| key.has_signed(&said));
            if said.seq >= seq || !signed {
                return Err(Fault::Forged { seq }.into());
            }
            cut = (said.seq, said.digest);
        }
    }
    Ok(cut)
}

/// A walk along the chain.
struct Walk<'a> {
    connection: &'a mut SqliteConnection,
    evidence: &'a Evidence,
    /// The last entry that was found in order.
    seq: i64,
    /// Its digest.
    prev: Digest,
    /// Where the chain begins behind the last prune; what is left before it is on its way out.
    cut: (i64, Digest),
    /// The last entry of the trail when the walk began.
    end: i64,
    /// What the second place says of entries, by their number.
    elsewhere: BTreeMap<i64, Digest>,
    /// Pseudonyms that have a name.
    named: BTreeSet<String>,
    erased: Erasures,
    texts: Named,
    found: Verified,
}

impl<'a> Walk<'a> {
    async fn new(connection: &'a mut SqliteConnection, evidence: &'a Evidence) -> Result<Self, Stopped> {
        let end: i64 = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM entries")
            .fetch_one(&mut *connection)
            .await?;
        let cut = cut(connection, evidence).await?;
        let mut elsewhere = BTreeMap::new();
        for said in &evidence.elsewhere {
            if elsewhere.insert(said.seq, said.digest).is_some_and(|digest| digest != said.digest) {
                return Err(Fault::Rewritten { seq: said.seq }.into());
            }
        }
        let erased = Erasures::behind(connection, cut.0).await?;
        let found = Verified {
            entries: 0,
            last: cut.0,
            digest: String::new(),
            pruned_through: cut.0,
            checkpoints: 0,
            signed_through: 0,
            signatures_checked: evidence.key.is_some(),
            elsewhere: 0,
            erased: 0,
            texts_missing: 0,
            tallied_hours: 0,
        };
        let (seq, prev) = cut;
        let named = BTreeSet::new();
        let texts = Named::default();
        Ok(Self { connection, evidence, seq, prev, cut, end, elsewhere, named, erased, texts, found })
    }

    async fn all(mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, Stopped> {
        self.names().await?;
        self.forged_elsewhere()?;
        self.beginning().await?;
        let total = u64::try_from(self.end.saturating_sub(self.seq)).unwrap_or_default();
        while self.seq < self.end {
            let rows = sealed::page(self.connection, self.seq, PAGE.min(self.end - self.seq)).await?;
            if rows.is_empty() && !self.has_been_pruned(self.seq + 1).await? {
                return Err(Fault::Removed { seq: self.seq + 1 }.into());
            }
            for row in &rows {
                if row.seq > self.seq {
                    self.pass(row).await?;
                }
            }
            self.found.entries += i64::try_from(rows.len()).unwrap_or(i64::MAX);
            progress(u64::try_from(self.found.entries).unwrap_or_default(), total);
        }
        if let Some((&seq, _)) = self.elsewhere.range(self.seq.saturating_add(1)..).next() {
            return Err(Fault::CutOff { last: self.seq, signed: seq }.into());
        }
        if let Some(fault) = texts::fault(self.connection).await? {
            return Err(fault.into());
        }
        if let Some(fault) = structure::fault(self.connection).await? {
            return Err(fault.into());
        }
        self.found.texts_missing = self.texts.missing(self.connection).await?;
        self.found.tallied_hours = tallies::fault(self.connection).await??;
        self.found.last = self.seq;
        self.found.digest = chain::hex(&self.prev);
        Ok(self.found)
    }

    /// Where to begin: behind the last prune, or with what one that was broken off has left, which is as good as its neighbours.
    async fn beginning(&mut self) -> Result<(), Stopped> {
        let through: i64 =
            sqlx::query_scalar("SELECT max(through) FROM pruned").fetch_one(&mut *self.connection).await?;
        if through > self.cut.0 {
            // A prune may have come since the markers were read; it writes both at once.
            self.cut = cut(self.connection, self.evidence).await?;
            self.erased = Erasures::behind(self.connection, self.cut.0).await?;
            (self.seq, self.prev) = self.cut;
            (self.found.pruned_through, self.found.last) = (self.cut.0, self.cut.0);
            if through > self.cut.0 {
                return Err(Fault::Pruned { through, pruned: self.cut.0 }.into());
            }
        } else if through < self.cut.0 {
            return Err(Fault::Pruned { through, pruned: self.cut.0 }.into());
        }
        let (first, prev): (Option<i64>, Option<Vec<u8>>) =
            sqlx::query_as("SELECT min(seq), prev FROM entries").fetch_one(&mut *self.connection).await?;
        let Some(first) = first else { return Ok(()) };
        if first < 1 {
            return Err(Fault::Inserted { seq: first }.into());
        }
        if self.cut.0 == 0 && first > 1 {
            return Err(Fault::Beginning { first }.into());
        }
        if first <= self.cut.0 {
            (self.seq, self.prev) =
                (first - 1, prev.and_then(|prev| prev.try_into().ok()).unwrap_or_default());
        }
        Ok(())
    }

    /// Looks at one entry, unless a prune that began after the walk has taken it, or what belongs to it, away.
    async fn pass(&mut self, row: &SealedRow) -> Result<(), Stopped> {
        let before = self.seq;
        match self.step(row).await {
            Err(Stopped::Fault(fault)) => {
                if !self.has_been_pruned(before + 1).await? {
                    return Err(fault.into());
                }
                // What the cut has passed over is as good as gone; the first entry behind it is looked at as any other.
                if row.seq > self.seq { self.step(row).await } else { Ok(()) }
            }
            stepped => stepped,
        }
    }

    /// Whether a prune has come since the walk began, and took the entry along; then the walk goes on behind it.
    async fn has_been_pruned(&mut self, seq: i64) -> Result<bool, Stopped> {
        let cut = cut(self.connection, self.evidence).await?;
        if cut.0 <= self.cut.0 || seq > cut.0 {
            return Ok(false);
        }
        self.cut = cut;
        self.erased = Erasures::behind(self.connection, cut.0).await?;
        (self.seq, self.prev) = cut;
        self.found.pruned_through = cut.0;
        Ok(true)
    }

    /// Looks at one entry; it has to be the next one.
    async fn step(&mut self, row: &SealedRow) -> Result<(), Stopped> {
        let (cut, digest) = self.cut;
        if self.seq < cut && row.seq > self.seq + 1 && row.seq <= cut + 1 {
            // A prune goes on meanwhile.
            (self.seq, self.prev) = if row.seq > cut { (cut, digest) } else { (row.seq - 1, row.prev) };
        }
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
        if row.seq == cut && row.digest != digest {
            return Err(Fault::Changed { seq: row.seq }.into());
        }
        self.texts.note(row);
        if row.seq > cut {
            self.outside(row).await?;
            self.marker(row)?;
        }
        (self.seq, self.prev) = (row.seq, row.digest);
        Ok(())
    }

    /// What stands outside of the chain is what the entry says, or an erasure has taken it away.
    async fn outside(&mut self, row: &SealedRow) -> Result<(), Stopped> {
        let found = self.payload(row).and_then(|()| self.name(row));
        let Err(Fault::PayloadRemoved { .. } | Fault::NameRemoved { .. }) = found else {
            return Ok(found?);
        };
        // It may have been erased since the walk began.
        self.erased = Erasures::behind(self.connection, self.cut.0).await?;
        self.payload(row)?;
        Ok(self.name(row)?)
    }

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

    fn name(&self, row: &SealedRow) -> Result<(), Fault> {
        let Some(pseudonym) = row.principal().filter(|pseudonym| !pseudonym.is_empty()) else {
            return Ok(());
        };
        if self.named.contains(pseudonym) || self.erased.names(pseudonym, row.seq) {
            return Ok(());
        }
        Err(Fault::NameRemoved { pseudonym: pseudonym.to_owned() })
    }

    /// A checkpoint speaks of the entry before it, and is signed; so is the word that something was pruned or erased.
    fn marker(&mut self, row: &SealedRow) -> Result<(), Fault> {
        let Some(said) = row.note().and_then(|note| Said::from_json(&note)) else { return Ok(()) };
        let forged = Fault::Forged { seq: row.seq };
        if self.evidence.key.as_ref().is_some_and(|key| !key.has_signed(&said)) {
            return Err(forged);
        }
        let of_the_end = (said.seq, said.digest) == (self.seq, self.prev);
        match said.statement {
            Statement::Checkpoint if of_the_end => {
                self.found.checkpoints += 1;
                self.found.signed_through = said.seq;
                Ok(())
            }
            Statement::Erasure(_) if of_the_end => Ok(()),
            Statement::Prune if said.seq < row.seq => Ok(()),
            Statement::Checkpoint | Statement::Erasure(_) | Statement::Prune => Err(forged),
        }
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
            self.named.insert(pseudonym);
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

//! What can be wrong with a trail.

use serde::Serialize;

/// The first thing that is wrong with a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// An entry is not what it was.
    #[error("entry {seq} was changed")]
    Changed {
        /// Its number.
        seq: i64,
    },
    /// An entry, or several in a row, is gone.
    #[error("entry {seq} was removed")]
    Removed {
        /// The number of the first one that is gone.
        seq: i64,
    },
    /// An entry was put in that was not there.
    #[error("entry {seq} was inserted")]
    Inserted {
        /// Its number.
        seq: i64,
    },
    /// An entry stands in another place than it was written in.
    #[error("entry {seq} was reordered: it was written as entry {was}")]
    Reordered {
        /// Where it stands.
        seq: i64,
        /// Where it belongs.
        was: i64,
    },
    /// The beginning is gone, and nothing says that it was pruned.
    #[error("the entries before entry {first} were removed, and no marker says that they were pruned")]
    Beginning {
        /// The first one that is there.
        first: i64,
    },
    /// The end is gone.
    #[error(
        "the trail ends with entry {last}, and a checkpoint was signed for entry {signed}: its end was cut off"
    )]
    CutOff {
        /// The last one that is there.
        last: i64,
        /// The one that was there.
        signed: i64,
    },
    /// An entry is another one than the checkpoint of the second place was signed for.
    #[error("entry {seq} is not the one that a checkpoint was signed for: the trail was written anew")]
    Rewritten {
        /// Its number.
        seq: i64,
    },
    /// Arguments or facts are not what they were.
    #[error("the {what} of entry {seq} were changed")]
    Payload {
        /// The entry's number.
        seq: i64,
        /// `arguments` or `facts`.
        what: &'static str,
    },
    /// Arguments and facts are gone, and nothing says that they were erased.
    #[error("the arguments of entry {seq} were removed, and no marker says that they were erased")]
    PayloadRemoved {
        /// The entry's number.
        seq: i64,
    },
    /// A name is not the one that its pseudonym was made of.
    #[error("the name behind the pseudonym {pseudonym} was changed, to `{name}`")]
    Name {
        /// The pseudonym.
        pseudonym: String,
        /// What stands there now.
        name: String,
    },
    /// The name behind a pseudonym is gone, and nothing says that it was erased.
    #[error("the name behind the pseudonym {pseudonym} was removed, and no marker says that it was erased")]
    NameRemoved {
        /// The pseudonym.
        pseudonym: String,
    },
    /// More may be deleted than the last prune says.
    #[error(
        "the trail lets entries up to {through} be deleted, and the last marker of a prune says {pruned}"
    )]
    Pruned {
        /// What the table says.
        through: i64,
        /// What the marker says.
        pruned: i64,
    },
    /// A policy text or a schema snapshot is not the one that entries name.
    #[error("the {kind} text {digest} was changed")]
    Text {
        /// `policy` or `schema`.
        kind: String,
        /// What entries name it by.
        digest: String,
    },
    /// The tally of an hour, which statistics are taken from, is not what its calls come to.
    #[error("the tally of the hour {hour} (UTC) is not what its entries come to")]
    Tally {
        /// The hour, as `2026-11-22T21`.
        hour: String,
    },
    /// A table, view, trigger or index is missing, or not what the gateway makes.
    #[error("the {kind} `{name}` is not the one that the gateway made")]
    Structure {
        /// `table`, `view`, `trigger` or `index`.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A checkpoint, or the word that something was pruned or erased, is not what the key signed.
    #[error("entry {seq} was not signed with this key, or says something else than what was signed")]
    Forged {
        /// The entry's number.
        seq: i64,
    },
    /// The same of a checkpoint in the second place.
    #[error("the checkpoint of the second place for entry {seq} was not signed with this key")]
    ForgedElsewhere {
        /// The entry that it speaks of.
        seq: i64,
    },
}

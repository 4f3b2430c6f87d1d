//! Where policies are read from that are compared: a folder, or a folder in a revision of git.

use crate::administer::{self, LoadError};
use crate::cli::CommandError;
use crate::policy::diagnostic::Source;
use crate::policy::set::is_listed;
use std::path::Path;
use std::process::{Command, Stdio};

/// The policy files at a place: a folder where there is one of that name, else `REVISION:FOLDER`.
pub(super) fn sources(place: &str) -> Result<Vec<Source>, CommandError> {
    let path = Path::new(place);
    if path.exists() || !place.contains(':') {
        return Ok(administer::sources(path)?);
    }
    // A revision never begins so, and git would take it for an option.
    if place.starts_with('-') {
        return Err(CommandError::Input(format!("`{place}` is no revision of git")));
    }
    let listed = git(&["ls-tree", "--full-tree", "-z", place])?;
    let mut sources = Vec::new();
    for entry in listed.split('\0').filter(|entry| !entry.is_empty()) {
        let Some(Entry { mode, object, name }) = Entry::read(entry) else {
            return Err(CommandError::Input(format!(
                "git lists what is not understood in `{place}`: `{entry}`"
            )));
        };
        if !is_listed(name) {
            continue;
        }
        match mode {
            "100644" | "100755" => sources.push(Source::new(name, git(&["cat-file", "blob", object])?)),
            // A folder of that name is no file of policies; a link leads out of the revision.
            "040000" => {}
            _ => {
                let text = format!("`{name}` in `{place}` is a link, which cannot be followed in a revision");
                return Err(CommandError::Input(text));
            }
        }
    }
    if sources.is_empty() { Err(LoadError::Empty(path.to_owned()).into()) } else { Ok(sources) }
}

/// A line of `git ls-tree -z`: mode, type, object, tab, name.
struct Entry<'e> {
    mode: &'e str,
    object: &'e str,
    name: &'e str,
}

impl<'e> Entry<'e> {
    fn read(line: &'e str) -> Option<Self> {
        let (head, name) = line.split_once('\t')?;
        let mut words = head.split(' ');
        let (mode, _kind, object) = (words.next()?, words.next()?, words.next()?);
        Some(Self { mode, object, name })
    }
}

/// What git answers, or what it says is wrong.
fn git(words: &[&str]) -> Result<String, CommandError> {
    let asked = Command::new("git").args(words).stdin(Stdio::null()).output();
    let answer = asked.map_err(|cause| {
        CommandError::Input(format!("git cannot be run, and a revision is read with it: {cause}"))
    })?;
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        let said = said.lines().next().unwrap_or("it says nothing");
        return Err(CommandError::Input(format!(
            "git cannot read `{}`: {said}",
            words.last().unwrap_or(&"")
        )));
    }
    String::from_utf8(answer.stdout)
        .map_err(|_| CommandError::Input("what git answers is not UTF-8".to_owned()))
}

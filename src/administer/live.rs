//! The policies follow their folder while the gateway runs: what is valid is live within a second, what is not is refused, and the last
//! good revision stays.

use super::note::{self, Problem};
use super::reading::Reading;
use crate::audit::trail::Trail;
use crate::identity::Ways;
use crate::policy::PolicySet;
use crate::policy::diagnostic::{Diagnostic, Diagnostics, Source, Sources};
use crate::policy::set::{GUARDRAILS_FILE, GuardrailsFile};
use crate::telemetry::Clock;
use arc_swap::ArcSwap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often the folder is looked at. A change is taken when two looks in a row have found the same, so it has to have rested for so
/// long, and is live within two of them and a little.
const LOOK: Duration = Duration::from_millis(200);

/// The folder that the policies follow, and what is done with what is found there.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) folder: PathBuf,
    pub(super) guardrails: GuardrailsFile,
    /// Swapped whole: a call is decided by one revision from its decision to the last byte of its answer.
    pub(super) active: Arc<ArcSwap<PolicySet>>,
    pub(super) ways: Arc<Ways>,
    pub(super) trail: Trail,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) reloads: Arc<Reloads>,
}

/// How often the policies were taken anew, and whether those in the folder are those that decide.
#[derive(Debug, Default)]
pub struct Reloads {
    taken: AtomicU64,
    refused: AtomicU64,
    behind: AtomicBool,
    /// The folder is to be looked at now.
    at_once: Notify,
    /// It was, as it was told.
    looked: Notify,
}

impl Reloads {
    /// How many revisions became active since the start.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many states of the folder were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether what is in the folder is refused, so that the last good revision decides.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    /// Has the folder looked at now, whether it seems to have changed or not, and waits until that is done.
    pub async fn at_once(&self) {
        let looked = self.looked.notified();
        self.at_once.notify_one();
        looked.await;
    }
}

/// What earlier looks have found.
#[derive(Debug, Default)]
struct Seen {
    last: Option<Reading>,
    /// The files that were taken or refused last: each state of them is spoken of once.
    judged: Option<Result<Vec<Source>, String>>,
    /// The trail could not take a revision, and it was said.
    waits: bool,
}

impl Live {
    /// Looks after the policies until it is told to stop.
    pub(super) async fn watch(self, stop: CancellationToken) {
        let mut seen = Seen::default();
        let looking = async {
            loop {
                let told = tokio::select! {
                    () = sleep(LOOK) => false,
                    () = self.reloads.at_once.notified() => true,
                };
                self.look(&mut seen, told).await;
                if told {
                    self.reloads.looked.notify_waiters();
                }
            }
        };
        stop.run_until_cancelled(looking).await;
    }

    async fn look(&self, seen: &mut Seen, told: bool) {
        let folder = self.folder.clone();
        let read = move || if told { Reading::settled(&folder) } else { Reading::of(&folder) };
        let reading = match tokio::task::spawn_blocking(read).await {
            Ok(reading) => reading,
            Err(error) => return tracing::error!(%error, "the reading of the policies broke off"),
        };
        let rests = told || seen.last.as_ref() == Some(&reading);
        if rests
            && (told || seen.judged.as_ref() != Some(&reading.found))
            && self.judge(seen, &reading, told).await
        {
            seen.judged = Some(reading.found.clone());
        }
        seen.last = Some(reading);
    }

    /// Takes what was found, or refuses it. False where it has to be tried again.
    async fn judge(&self, seen: &mut Seen, reading: &Reading, told: bool) -> bool {
        let (found, active, rule) = (reading.found.clone(), self.active.load_full(), self.guardrails);
        match tokio::task::spawn_blocking(move || next(found, &active, rule)).await {
            Ok(Ok(Next::Same)) => self.same(told),
            Ok(Ok(Next::Other(policies, warnings))) => return self.take(seen, *policies, &warnings).await,
            Ok(Err(problem)) => self.refuse(&problem).await,
            Err(error) => tracing::error!(%error, "the reading of the policies broke off"),
        }
        true
    }

    fn same(&self, told: bool) {
        let was_behind = self.reloads.behind.swap(false, Ordering::Relaxed);
        let revision = self.active.load().revision().to_owned();
        if was_behind {
            tracing::info!(%revision, "the policies in the folder are those that are active again");
        } else if told {
            tracing::info!(%revision, "the policies are those that are active already");
        }
    }

    async fn take(&self, seen: &mut Seen, policies: PolicySet, warnings: &Diagnostics) -> bool {
        // Nothing is decided by what could not be explained afterwards.
        if let Err(error) = note::revision(&self.trail, &policies, self.clock.micros()).await {
            if !std::mem::replace(&mut seen.waits, true) {
                tracing::error!(%error, "the policies stay as they were until the audit trail can be written");
            }
            return false;
        }
        seen.waits = false;
        let revision = policies.revision().to_owned();
        let orphans: Vec<String> =
            self.ways.roles().into_iter().filter(|role| policies.role(role).is_none()).collect();
        self.active.store(Arc::new(policies));
        self.reloads.taken.fetch_add(1, Ordering::Relaxed);
        self.reloads.behind.store(false, Ordering::Relaxed);
        tracing::info!(%revision, "the policies were reloaded");
        if !warnings.list.is_empty() {
            tracing::warn!("{warnings}");
        }
        if !orphans.is_empty() {
            let roles = orphans.join(", ");
            tracing::warn!(%roles, "somebody can come in with roles that have no policy: nothing is permitted to them");
        }
        true
    }

    async fn refuse(&self, problem: &Problem) {
        self.reloads.refused.fetch_add(1, Ordering::Relaxed);
        self.reloads.behind.store(true, Ordering::Relaxed);
        let active = self.active.load().revision().to_owned();
        tracing::error!(%active, "the policies stay as they were, since those in the folder are refused: {}", problem.text());
        let entry = note::refused(problem, &active, self.clock.micros());
        if let Err(error) = self.trail.submit(entry).await {
            tracing::error!(%error, "that policies were refused is not recorded");
        }
    }
}

/// What is to become of the files that were found.
enum Next {
    /// They are those that are active.
    Same,
    /// They are others, with warnings about them.
    Other(Box<PolicySet>, Diagnostics),
}

fn next(
    found: Result<Vec<Source>, String>,
    active: &PolicySet,
    rule: GuardrailsFile,
) -> Result<Next, Problem> {
    let sources = found.map_err(Problem::Unreadable)?;
    let held = Diagnostics::new(suspicious(&sources, active), Sources::new(&sources));
    match PolicySet::load(&sources, rule) {
        Err(found) => Err(Problem::Invalid(found.and(held))),
        Ok(_) if held.has_errors() => Err(Problem::Invalid(held)),
        Ok((policies, _)) if policies.revision() == active.revision() => Ok(Next::Same),
        Ok((policies, warnings)) => {
            let warnings = Diagnostics::new(warnings, policies.sources().clone());
            Ok(Next::Other(Box::new(policies), warnings))
        }
    }
}

/// What is valid by itself, and yet not taken while calls are running: the beginning of a file can be a policy that forbids less.
fn suspicious(sources: &[Source], active: &PolicySet) -> Vec<Diagnostic> {
    let before = |name: &str| active.sources().text(name);
    let unfinished = sources.iter().filter(|source| {
        let ended = before(&source.name).is_none_or(|text| text.ends_with('\n'));
        ended && !source.text.is_empty() && !source.text.ends_with('\n')
    });
    let mut found: Vec<Diagnostic> = unfinished
        .map(|source| {
            let message = "the last line has no end, as if the file were still being written";
            Diagnostic::file_error("unfinished", &source.name, message).help("end the file with a newline")
        })
        .collect();
    if before(GUARDRAILS_FILE).is_some() && !sources.iter().any(|source| source.name == GUARDRAILS_FILE) {
        let problem = Diagnostic::file_error("guardrails-gone", GUARDRAILS_FILE, "the guardrails are gone");
        found.push(
            problem
                .help("put the file back; a gateway that is to run without it has to be started without it"),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "version: 1\nrole: reader\npermissions:\n  - {id: read, collections: [articles], actions: [read, delete]}\nforbid:\n  - {id: no, collections: [articles], actions: [delete]}\n";
    const GUARDRAILS: &str =
        "version: 1\nforbid:\n  - {id: no-users, collections: [directus_users], actions: [update]}\n";

    fn sources(files: &[(&str, &str)]) -> Vec<Source> {
        files.iter().map(|(name, text)| Source::new(*name, *text)).collect()
    }

    /// What becomes of these files beside a guardrails.yaml that was there before, and beside one that was not.
    fn said(files: &[(&str, &str)]) -> [String; 2] {
        let before =
            [vec![("guardrails.yaml", GUARDRAILS), ("reader.yaml", ROLE)], vec![("reader.yaml", ROLE)]];
        before.map(|before| {
            let (active, _) = PolicySet::load(&sources(&before), GuardrailsFile::Optional).unwrap();
            match next(Ok(sources(files)), &active, GuardrailsFile::Optional) {
                Ok(Next::Same) => "same".to_owned(),
                Ok(Next::Other(policies, _)) => format!("other, {} roles", policies.roles().count()),
                Err(Problem::Unreadable(text)) => text,
                Err(Problem::Invalid(found)) => {
                    found.list.iter().map(|one| one.code).collect::<Vec<_>>().join(" ")
                }
            }
        })
    }

    #[test]
    fn what_is_taken_and_what_is_not() {
        let forbidding_less = ROLE.split("forbid").next().unwrap();
        let cut_off = ROLE.split("\nforbid").next().unwrap();
        for (files, with, without) in [
            (&[("guardrails.yaml", GUARDRAILS), ("reader.yaml", ROLE)][..], "same", "other, 1 roles"),
            (&[("reader.yaml", ROLE)], "guardrails-gone", "same"),
            // On purpose or not: it cannot be told where it ends at a line's end.
            (
                &[("guardrails.yaml", GUARDRAILS), ("reader.yaml", forbidding_less)],
                "other, 1 roles",
                "other, 1 roles",
            ),
            (&[("guardrails.yaml", GUARDRAILS), ("reader.yaml", cut_off)], "unfinished", "unfinished"),
            (&[("guardrails.yaml", GUARDRAILS), ("reader.yaml", "")], "type", "type"),
            (&[("guardrails.yaml", GUARDRAILS)], "no-roles", "no-roles"),
            (
                &[("guardrails.yaml", GUARDRAILS.trim_end()), ("reader.yaml", ROLE)],
                "unfinished",
                "unfinished",
            ),
            (
                &[
                    ("guardrails.yaml", GUARDRAILS),
                    ("reader.yaml", ROLE),
                    ("new.yaml", "version: 1\nrole: new\npermissions: []"),
                ],
                "unfinished",
                "unfinished",
            ),
        ] {
            assert_eq!(said(files), [with, without], "{files:?}");
        }
    }

    /// What a writer leaves that stops, or is looked at, in the middle: wherever it stops within a line, nothing is taken.
    #[test]
    fn the_beginning_of_a_file_is_not_taken() {
        let whole = sources(&[("guardrails.yaml", GUARDRAILS), ("reader.yaml", ROLE)]);
        let (active, _) = PolicySet::load(&whole, GuardrailsFile::Required).unwrap();
        let mut taken = 0;
        for (name, text) in [("guardrails.yaml", GUARDRAILS), ("reader.yaml", ROLE)] {
            for beginning in (0..text.len()).map(|end| text.get(..end).unwrap()) {
                let cut = |one: &Source| {
                    Source::new(&one.name, if one.name == name { beginning } else { &one.text })
                };
                let next = next(Ok(whole.iter().map(cut).collect()), &active, GuardrailsFile::Optional);
                assert!(next.is_err() || beginning.ends_with('\n'), "{beginning:?}");
                taken += usize::from(next.is_ok());
            }
        }
        assert!(taken <= 4, "{taken}");
    }

    #[test]
    fn whoever_never_ends_the_last_line_need_not_begin_to() {
        let bare = [("reader.yaml", ROLE.trim_end())];
        let (active, _) = PolicySet::load(&sources(&bare), GuardrailsFile::Optional).unwrap();
        let changed = ROLE.trim_end().replace("no,", "not,");
        let taken = next(Ok(sources(&[("reader.yaml", &changed)])), &active, GuardrailsFile::Optional);
        assert!(matches!(taken, Ok(Next::Other(..))));
    }
}

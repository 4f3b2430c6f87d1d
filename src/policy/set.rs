//! The active policy as a whole: every role, the guardrails, and the revision that names them.

use super::check;
use super::decode;
use super::diagnostic::{Diagnostic, Diagnostics, Source, Sources};
use super::document::{Guardrails, Role};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The name of the file that applies to every role.
pub const GUARDRAILS_FILE: &str = "guardrails.yaml";

/// What ends the name of a file of policy tests.
pub const TESTS: &str = ".test.yaml";

/// What ends the name of a file of assertions.
pub const PROOFS: &str = ".proof.yaml";

/// Every role and the guardrails, loaded whole or not at all.
#[derive(Clone, Debug)]
pub struct PolicySet {
    roles: BTreeMap<String, Role>,
    guardrails: Guardrails,
    revision: String,
    sources: Sources,
}

/// Whether a folder of policies may be without `guardrails.yaml`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GuardrailsFile {
    /// It has to be there.
    #[default]
    Required,
    /// It may be missing, said on purpose; where it is there it applies all the same.
    Optional,
}

impl PolicySet {
    /// Loads the files of a folder: `guardrails.yaml` and one file for each role. Files of tests and of assertions, and what
    /// is no YAML, are left aside.
    ///
    /// With the set come the warnings that are worth a word whenever it is loaded; [`check`](check::check) has all of them.
    ///
    /// # Errors
    /// All that is wrong in any of the files, warnings included.
    pub fn load(
        sources: &[Source],
        guardrails: GuardrailsFile,
    ) -> Result<(Self, Vec<Diagnostic>), Diagnostics> {
        let files: BTreeMap<&str, &Source> = sources
            .iter()
            .filter(|source| is_policy(&source.name))
            .map(|source| (source.name.as_str(), source))
            .collect();
        let mut problems = Vec::new();
        let roles = load_roles(&files, &mut problems);
        let guardrails = load_guardrails(&files, guardrails, &mut problems);
        let texts = Sources::new(files.values().copied());
        let found = Diagnostics::new(problems, texts);
        if found.has_errors() {
            return Err(found);
        }
        let revision = revision_of(files.values().map(|file| (file.name.as_str(), file.text.as_str())));
        let set = Self { roles, guardrails, revision, sources: found.sources };
        let warnings = found.list.into_iter().chain(check::at_start(&set)).collect();
        Ok((set, warnings))
    }

    /// The policies that are built in, which are those of the folder `policies` of the source.
    ///
    /// # Errors
    /// Never, as a test makes sure; the files are read the same way as others.
    pub fn built_in() -> Result<Self, Diagnostics> {
        Self::load(&built_in_sources(), GuardrailsFile::Required).map(|(set, _)| set)
    }

    /// The role of that name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }

    /// Every role, by name.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    /// What applies to every role.
    pub fn guardrails(&self) -> &Guardrails {
        &self.guardrails
    }

    /// SHA-256, in hexadecimal, of every file that the set was loaded from: equal revisions decide equally.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The texts that the set was loaded from.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

/// The files that are built in, with their tests and proofs.
pub fn built_in_sources() -> Vec<Source> {
    [
        (GUARDRAILS_FILE, include_str!("../../policies/guardrails.yaml")),
        ("guardrails.proof.yaml", include_str!("../../policies/guardrails.proof.yaml")),
        ("reader.yaml", include_str!("../../policies/reader.yaml")),
        ("content-editor.yaml", include_str!("../../policies/content-editor.yaml")),
        ("developer.yaml", include_str!("../../policies/developer.yaml")),
        ("reader.test.yaml", include_str!("../../policies/reader.test.yaml")),
        ("content-editor.test.yaml", include_str!("../../policies/content-editor.test.yaml")),
        ("developer.test.yaml", include_str!("../../policies/developer.test.yaml")),
    ]
    .into_iter()
    .map(|(name, text)| Source::new(name, text))
    .collect()
}

/// Where [`BUILT_IN_SCHEMA`] stands beside the built-in files.
pub const BUILT_IN_SCHEMA_FILE: &str = "schema/snapshot.yaml";

/// The schema that the built-in tests name.
pub const BUILT_IN_SCHEMA: &str = include_str!("../../policies/schema/snapshot.yaml");

/// Whether a file of that name is one of a folder of policies, its tests and assertions included. Hidden files are none.
pub fn is_listed(name: &str) -> bool {
    !name.starts_with('.') && is_yaml(name)
}

/// Whether a file of that name holds a policy: neither tests nor assertions.
pub fn is_policy(name: &str) -> bool {
    is_yaml(name) && ![TESTS, PROOFS].iter().any(|end| name.ends_with(end))
}

fn is_yaml(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|one| one.eq_ignore_ascii_case("yaml") || one.eq_ignore_ascii_case("yml"))
}

/// The names of the roles, going by the files.
fn role_names(files: &BTreeMap<&str, &Source>) -> BTreeSet<String> {
    let stems = files.keys().filter_map(|name| name.strip_suffix(".yaml"));
    stems.filter(|stem| format!("{stem}.yaml") != GUARDRAILS_FILE).map(str::to_owned).collect()
}

fn load_roles(files: &BTreeMap<&str, &Source>, problems: &mut Vec<Diagnostic>) -> BTreeMap<String, Role> {
    for name in files.keys().filter(|name| name.strip_suffix(".yaml").is_none()) {
        let message = "the file would be left aside: policy files end in `.yaml`";
        problems.push(Diagnostic::file_error("file-name", name, message).help("rename it"));
    }
    let names = role_names(files);
    if names.is_empty() {
        let problem = Diagnostic::file_error("no-roles", "policies", "there is no file of a role");
        problems.push(problem.help("add one, such as `reader.yaml`"));
    }
    let files = names.iter().filter_map(|name| files.get(format!("{name}.yaml").as_str()));
    let roles = files.filter_map(|source| decode::role(source, problems));
    roles.map(|role| (role.name.clone(), role)).collect()
}

fn load_guardrails(
    files: &BTreeMap<&str, &Source>,
    rule: GuardrailsFile,
    problems: &mut Vec<Diagnostic>,
) -> Guardrails {
    match (files.get(GUARDRAILS_FILE), rule) {
        (Some(source), _) => decode::guardrails(source, &role_names(files), problems).unwrap_or_default(),
        (None, GuardrailsFile::Optional) => Guardrails::default(),
        (None, GuardrailsFile::Required) => {
            let message = "the guardrails are missing";
            let problem = Diagnostic::file_error("no-guardrails", GUARDRAILS_FILE, message);
            problems.push(problem.help("add the file, or write `guardrails: none` into warrener.yaml"));
            Guardrails::default()
        }
    }
}

/// The revision that files make, given each one's name and text in the order of names: SHA-256 over both with their lengths, so that
/// no two folders look the same.
pub fn revision_of<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut digest = Sha256::new();
    for (name, text) in files {
        for part in [name, text] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
    }
    digest.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_policies_load_without_a_word() {
        let (set, warnings) = PolicySet::load(&built_in_sources(), GuardrailsFile::Required)
            .unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(warnings, Vec::new());
        let names: Vec<&str> = set.roles().map(|role| role.name.as_str()).collect();
        assert_eq!(names, ["content-editor", "developer", "reader"]);
        assert_eq!(set.revision().len(), 64);
    }
}

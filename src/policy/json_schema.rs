//! JSON Schemas of the policy files, by which editors complete and check them while they are written.
//!
//! What a file may have is decided by the decoder alone, which tells more and better. The types here describe the same files once
//! more, key by key, for programs that know nothing of Warrener; tests hold the two against each other. A schema never refuses
//! what the decoder takes, and takes some of what it refuses: an id that is used twice, a role that is called otherwise than its file.

pub(crate) mod case;
pub(crate) mod part;
pub(crate) mod proof;
pub(crate) mod role;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// The schema of a role's file.
pub fn policy() -> Value {
    of::<role::RoleFile>()
}

/// The schema of `guardrails.yaml`.
pub fn guardrails() -> Value {
    of::<role::GuardrailsFile>()
}

/// The schema of a file of tests.
pub fn test() -> Value {
    of::<case::TestFile>()
}

/// The schema of a file of assertions.
pub fn proof() -> Value {
    of::<proof::ProofFile>()
}

/// The schema of a described file. It is of draft 7, which every editor knows.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with_transform(LeftOut);
    let Value::Object(mut schema) = settings.into_generator().into_root_schema_for::<T>().to_value() else {
        return Value::Bool(true);
    };
    // What it is comes first.
    let first = ["$schema", "title", "description"];
    let first = first.into_iter().filter_map(|key| Some((key.to_owned(), schema.shift_remove(key)?)));
    let first: Map<String, Value> = first.collect();
    Value::Object(first.into_iter().chain(schema).collect())
}

/// A key that may be left out may not be null: nothing is meant by `limits:` without a value.
#[derive(Clone, Debug)]
struct LeftOut;

impl Transform for LeftOut {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let is_null = |part: &Value| part.get("type").is_some_and(|name| name == "null");
        let Some(object) = schema.as_object_mut() else { return };
        if let Some(Value::Array(names)) = object.get_mut("type") {
            names.retain(|name| name != "null");
            if let [one] = names.as_slice() {
                let one = one.clone();
                object.insert("type".to_owned(), one);
            }
        }
        if let Some(Value::Array(words)) = object.get_mut("enum") {
            words.retain(|word| !word.is_null());
        }
        if let Some(Value::Array(parts)) = object.get("anyOf")
            && parts.iter().any(is_null)
        {
            let left: Vec<Value> = parts.iter().filter(|part| !is_null(part)).cloned().collect();
            object.remove("anyOf");
            let word = if left.len() == 1 { "allOf" } else { "anyOf" };
            object.insert(word.to_owned(), Value::Array(left));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::policy::case::decode::{CALL, CASE, FILE};
    use crate::policy::case::expect::{EXPECT, PERMIT};
    use crate::policy::decode::Mapping;
    use crate::policy::decode::limit::LIMIT;
    use crate::policy::decode::role::{GUARDRAILS, ROLE, SYSTEM_PROMPT, TOOLS};
    use crate::policy::decode::rule::{FORBID, PERMISSION};
    use crate::policy::decode::silence::SILENCE;
    use crate::policy::proof::assertion::{ASSERTION, FILE as PROOF_FILE, NEVER};
    use std::collections::BTreeSet;

    /// The keys that a definition has; those of several together, `a+b`; those of the whole file where no name is given.
    fn described<'s>(schema: &'s Value, names: &str) -> BTreeSet<&'s str> {
        let object = |name: &str| if name.is_empty() { schema } else { &schema["definitions"][name] };
        let keys = |name: &str| {
            let object = object(name);
            assert_eq!(object["additionalProperties"], false, "`{name}` takes any key");
            object["properties"]
                .as_object()
                .unwrap_or_else(|| panic!("no `{name}`"))
                .keys()
                .map(String::as_str)
        };
        names.split('+').flat_map(keys).collect()
    }

    /// What the decoder takes and what is described are the same, and nothing is described that is not held against it.
    pub(crate) fn assert_same_keys(schema: &Value, pairs: &[(&Mapping, &str)]) {
        for (mapping, name) in pairs {
            let known: BTreeSet<&str> = mapping.keys.iter().copied().collect();
            assert_eq!(described(schema, name), known, "{} and `{name}`", mapping.name);
        }
        let compared: Vec<&str> = pairs.iter().flat_map(|(_, name)| name.split('+')).collect();
        for (name, definition) in schema["definitions"].as_object().unwrap() {
            let is_fixed = definition["additionalProperties"] == false;
            assert!(!is_fixed || compared.contains(&name.as_str()), "`{name}` is held against nothing");
        }
    }

    #[test]
    fn every_key_is_described_and_no_other() {
        let without = |mapping: &Mapping, key: &str| -> &'static [&'static str] {
            mapping.keys.iter().copied().filter(|one| *one != key).collect::<Vec<_>>().leak()
        };
        // Only the guardrails make exceptions.
        let own = Mapping { name: "a rule of a role", keys: without(&FORBID, "except"), words: &[] };
        let shared = [(&LIMIT, "Limit"), (&SILENCE, "Silence")];
        let mut role =
            vec![(&ROLE, ""), (&PERMISSION, "Permission"), (&own, "Forbid"), (&TOOLS, "ToolNames")];
        role.push((&SYSTEM_PROMPT, "PromptText"));
        assert_same_keys(&policy(), &[role, shared.to_vec()].concat());
        let guardrails = vec![(&GUARDRAILS, ""), (&FORBID, "SharedForbid")];
        assert_same_keys(&super::guardrails(), &[guardrails, shared.to_vec()].concat());
        let cases = [
            (&FILE, ""),
            (&CASE, "Test"),
            (&CALL, "Call"),
            (&EXPECT, "PermittedSo+Denied"),
            (&PERMIT, "Permit"),
        ];
        assert_same_keys(&test(), &cases);
        assert_same_keys(&super::proof(), &[(&PROOF_FILE, ""), (&ASSERTION, "Assertion"), (&NEVER, "Never")]);
    }
}

//! Which policy role speaks for whoever a token is of: exactly one, or none.

use super::rejected::TokenRejected;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Claims whose value is a list of words in one text (RFC 6749, section 3.3).
const WORDS: [&str; 2] = ["scope", "scp"];

/// How the roles of the provider become those of the policies.
#[derive(Clone, Debug)]
pub(super) struct Roles<T> {
    /// The names of the objects that lead to the claim, and its own.
    pub(super) claim: Vec<String>,
    /// What each of its values stands for.
    pub(super) grants: BTreeMap<String, T>,
}

impl<T: PartialEq> Roles<T> {
    /// What the roles of a token stand for, where that is one thing.
    ///
    /// Roles that mean nothing here are passed over: people have many. Two that mean two things are refused, since whichever was taken
    /// would be somebody's surprise.
    ///
    /// # Errors
    /// When it is nothing, when it is more than one thing, and when the claim is not a text or a list of texts.
    pub(super) fn of(
        &self,
        claims: &Map<String, Value>,
        name: &str,
        shown: impl Fn(&T) -> &str,
    ) -> Result<&T, TokenRejected> {
        let none = || TokenRejected::NoRole { name: name.to_owned() };
        let value = self.value(claims).ok_or_else(none)?;
        let mut found: Vec<&T> = Vec::new();
        for written in self.written(value)? {
            if let Some(grant) = self.grants.get(written)
                && !found.contains(&grant)
            {
                found.push(grant);
            }
        }
        match found.as_slice() {
            [] => Err(none()),
            [one] => Ok(one),
            [..] => {
                let mut roles: Vec<String> =
                    found.into_iter().map(|one| format!("`{}`", shown(one))).collect();
                roles.sort();
                roles.dedup();
                Err(TokenRejected::Roles { name: name.to_owned(), roles: roles.join(", ") })
            }
        }
    }

    fn value<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.claim.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))
    }

    fn written<'a>(&self, value: &'a Value) -> Result<Vec<&'a str>, TokenRejected> {
        match value {
            Value::String(text) if self.is_words() => Ok(text.split(' ').collect()),
            Value::String(text) => Ok(vec![text]),
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().ok_or(TokenRejected::RoleClaim)).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                Err(TokenRejected::RoleClaim)
            }
        }
    }

    fn is_words(&self) -> bool {
        matches!(self.claim.as_slice(), [one] if WORDS.contains(&one.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(claim: &[&str], claims: &Value, expect: &str) {
        let grants = [("cms-editors", "editor"), ("cms-authors", "editor"), ("cms-readers", "reader")];
        let roles = Roles {
            claim: claim.iter().map(|&name| name.to_owned()).collect(),
            grants: grants.map(|(value, role)| (value.to_owned(), role)).into(),
        };
        let found = roles.of(claims.as_object().unwrap(), "jwt:ada", |role| role);
        let word = found.copied().unwrap_or_else(|rejected| rejected.as_str());
        assert_eq!(word, expect, "{claim:?} {claims}");
    }

    #[test]
    fn one_role_or_none() {
        let roles = |value: Value| json!({ "roles": value });
        for (value, expect) in [
            (json!("cms-editors"), "editor"),
            (json!(["cms-editors"]), "editor"),
            (json!(["offline_access", "cms-readers", "uma"]), "reader"),
            (json!(["cms-editors", "cms-authors"]), "editor"),
            (json!(["cms-editors", "cms-editors"]), "editor"),
            (json!(["cms-editors", "cms-readers"]), "token-roles"),
            (json!(["cms-readers", "cms-editors"]), "token-roles"),
            (json!([]), "token-no-role"),
            (json!(["CMS-editors"]), "token-no-role"),
            (json!("cms-editors cms-readers"), "token-no-role"),
            (json!("editor"), "token-no-role"),
            (json!(["cms-editors", 1]), "token-claims"),
            (json!([["cms-editors"]]), "token-claims"),
            (json!({"cms-editors": true}), "token-claims"),
            (json!(true), "token-claims"),
            (json!(null), "token-claims"),
        ] {
            check(&["roles"], &roles(value), expect);
        }
        check(&["roles"], &json!({}), "token-no-role");
    }

    #[test]
    fn a_claim_may_lie_deeper_or_have_dots_in_its_name() {
        let nested =
            json!({"realm_access": {"roles": ["cms-editors"]}, "realm_access.roles": ["cms-readers"]});
        check(&["realm_access", "roles"], &nested, "editor");
        check(&["realm_access.roles"], &nested, "reader");
        check(&["realm_access", "roles", "0"], &nested, "token-no-role");
        check(&["realm_access"], &nested, "token-claims");
        check(&["scope"], &json!({"scope": "openid cms-readers"}), "reader");
        check(&["scope"], &json!({"scope": "cms-editors cms-readers"}), "token-roles");
        check(&["scp"], &json!({"scp": ["openid", "cms-readers"]}), "reader");
    }
}

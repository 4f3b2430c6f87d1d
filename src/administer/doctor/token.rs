//! The Directus tokens: whose they are, and what Directus lets them do.

use super::asking::{Asking, Came};
use super::{Doctor, Finding};
use crate::identity::{KeyFile, read_secret};
use crate::telemetry;
use http::StatusCode;
use secrecy::SecretString;
use serde_json::Value;

/// What is known of a token.
struct Holder {
    /// For a sentence.
    who: String,
    is_administrator: bool,
    /// Collections that it may read, write and delete from.
    may: Option<[usize; 3]>,
}

impl Doctor<'_> {
    pub(super) async fn look_at_token(&mut self, asking: &Asking, token: Option<&SecretString>) {
        let Some(token) = token else {
            if self.config.upstream.token.is_none() {
                let says = "no Directus token is named for keys that have none of their own";
                let help = "name it: `upstream.token_env`, or `upstream.token_file`";
                self.report.note(Finding::Token, says, help);
            }
            return;
        };
        let holder = match holder(asking, token).await {
            Ok(holder) => holder,
            Err(says) => {
                let help =
                    "make a new static token for a user of Directus, and have it where the settings name it";
                return self.report.fail(Finding::Token, format!("the upstream token: {says}"), help);
            }
        };
        self.report.ok(Finding::Token, format!("the upstream token is that of {}", holder.who));
        if holder.is_administrator {
            let says =
                "the upstream token is an administrator's: nothing but the policies holds clients back";
            let help = "give calls the token of a user who may no more than your roles, and the gateway one for the data model: \
                        `upstream.schema_token_env`";
            self.report.note(Finding::Administrator, says, help);
        } else {
            self.report.ok(Finding::Administrator, "the upstream token is not an administrator's");
        }
        if let Some([read, write, delete]) = holder.may.filter(|_| !holder.is_administrator) {
            let says = format!(
                "Directus lets it read {read} collections, write {write} of them, and delete from {delete}"
            );
            self.report.note(Finding::Rights, says, "what policies permit beyond that, Directus refuses");
        }
    }

    /// Keys may have Directus tokens of their own.
    pub(super) async fn look_at_key_tokens(&mut self, asking: &Asking) {
        // A file that cannot be read is told of with the keys.
        let file = KeyFile::read(&self.config.keys).unwrap_or_default();
        for key in file.keys() {
            let Some(source) = key.token.clone() else { continue };
            let name = &key.name;
            let token = match read_secret(&source.into()) {
                Ok(token) => token,
                Err(error) => {
                    let says =
                        format!("the Directus token of the key `{name}`: {}", telemetry::chain(&error));
                    let help = "set it, or issue the key anew: the gateway does not start without it";
                    self.report.fail(Finding::KeyToken, says, help);
                    continue;
                }
            };
            self.report.hide(&token);
            match holder(asking, &token).await {
                Ok(holder) if holder.is_administrator => {
                    let says =
                        format!("calls of the key `{name}` go to Directus as those of an administrator");
                    let help =
                        "nothing but the policies holds that client back; give it the token of a lesser user";
                    self.report.note(Finding::KeyToken, says, help);
                }
                Ok(holder) => {
                    let says = format!("calls of the key `{name}` go to Directus as those of {}", holder.who);
                    self.report.ok(Finding::KeyToken, says);
                }
                Err(says) => {
                    let help = "make a new static token in Directus, and have it where the key names it";
                    self.report.fail(
                        Finding::KeyToken,
                        format!("the Directus token of the key `{name}`: {says}"),
                        help,
                    );
                }
            }
        }
    }
}

async fn holder(asking: &Asking, token: &SecretString) -> Result<Holder, String> {
    let me = asking.get("/users/me?fields=id,email,role.name", Some(token)).await?;
    if me.status == StatusCode::UNAUTHORIZED {
        return Err("Directus does not take it".to_owned());
    }
    let Some(user) = me.data() else { return Err(format!("Directus answers {} to it", me.status)) };
    let text = |pointer: &str| user.pointer(pointer).and_then(Value::as_str);
    let who = match (text("/email"), text("/role/name"), text("/id")) {
        (Some(email), Some(role), _) => format!("{email}, with Directus' role {role}"),
        (Some(email), None, _) => email.to_owned(),
        (None, _, Some(id)) => format!("the user {id}"),
        (None, _, None) => "a user who may not know who it is".to_owned(),
    };
    let globals = asking.get("/policies/me/globals", Some(token)).await?;
    let is_administrator =
        globals.data().and_then(|data| data.get("admin_access")) == Some(&Value::Bool(true));
    let permissions = asking.get("/permissions/me", Some(token)).await.ok();
    Ok(Holder { who, is_administrator, may: permissions.as_ref().and_then(Came::data).and_then(counted) })
}

/// How many collections may be read, written and deleted from.
fn counted(permissions: &Value) -> Option<[usize; 3]> {
    let all = permissions.as_object()?;
    let may = |collection: &Value, action: &str| {
        let access = collection.get(action).and_then(|one| one.get("access")).and_then(Value::as_str);
        access.is_some_and(|access| access != "none")
    };
    let count =
        |actions: &[&str]| all.values().filter(|one| actions.iter().any(|action| may(one, action))).count();
    Some([count(&["read"]), count(&["create", "update"]), count(&["delete"])])
}

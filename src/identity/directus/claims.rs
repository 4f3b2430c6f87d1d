//! What an OAuth token of Directus' says of itself. Nothing of it is believed before Directus has taken the token.

use super::super::rejected::Rejected;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

/// The one scope of Directus' MCP endpoint.
pub(super) const SCOPE: &str = "mcp:access";

/// Who Directus says it is in a token.
const ISSUER: &str = "directus";

/// What a token of Directus' says of itself. Tokens of a login have no audience and no scope: they are taken at every door of Directus,
/// and are no OAuth tokens.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    iss: Option<serde_json::Value>,
    aud: Option<serde_json::Value>,
    scope: Option<serde_json::Value>,
    exp: Option<serde_json::Value>,
    id: Option<serde_json::Value>,
    #[serde(default)]
    role: serde_json::Value,
    session: Option<serde_json::Value>,
    share: Option<serde_json::Value>,
}

/// Claims that are in order, if they are true.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// The user, as Directus writes ids.
    pub(super) id: String,
    /// Its role when the token was made.
    pub(super) role: Option<String>,
}

impl Claims {
    /// Reads a token's claims; `None` where they are no JSON object, or one with a claim twice.
    pub(super) fn read(token: &str) -> Option<Self> {
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        serde_json::from_slice(&payload).ok()
    }

    /// Whether the token says that Directus has issued it.
    pub(super) fn is_directus(&self) -> bool {
        self.iss.as_ref().is_some_and(|iss| iss == ISSUER)
    }

    /// Holds the claims against what an OAuth token for that resource has.
    pub(super) fn checked(self, resource: &str, now: Timestamp) -> Result<Checked, Rejected> {
        let reject = |word, why| Err(Rejected::Token { word, why });
        if self.aud.as_ref().is_none_or(|aud| aud != resource) {
            return reject("audience", "it was not issued for this MCP endpoint");
        }
        if self.scope.as_ref().is_none_or(|scope| scope != SCOPE) {
            return reject("scope", "it has not the scope `mcp:access`, and no other");
        }
        let Some(exp) = self.exp.as_ref().and_then(serde_json::Value::as_i64) else {
            return reject("claims", "it does not say when it expires");
        };
        if exp <= now.as_second() {
            return reject("expired", "it has expired");
        }
        let is_session = self.session.as_ref().is_some_and(serde_json::Value::is_string);
        let id = self.id.as_ref().and_then(serde_json::Value::as_str).filter(|id| is_id(id));
        let role = match self.role.as_str() {
            Some(role) if is_id(role) => Some(Some(role.to_owned())),
            None if self.role.is_null() => Some(None),
            Some(_) | None => None,
        };
        match (id, role) {
            (Some(id), Some(role)) if is_session && self.share.is_none() => {
                Ok(Checked { id: id.to_owned(), role })
            }
            (_, _) => reject("claims", "its claims are not those of an OAuth token"),
        }
    }
}

/// Whether a text is a UUID as Directus writes it. Nothing else gets into the path of a question to Directus.
pub(super) fn is_id(text: &str) -> bool {
    let hyphens = [8, 13, 18, 23];
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match byte {
            b'-' => hyphens.contains(&place),
            b'0'..=b'9' | b'a'..=b'f' => !hyphens.contains(&place),
            _other => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const USER: &str = "0a1b2c3d-0000-4000-8000-000000000001";
    const ROLE: &str = "0a1b2c3d-0000-4000-8000-000000000002";
    const RESOURCE: &str = "https://cms.example.com/mcp";

    fn good() -> Value {
        json!({"id": USER, "role": ROLE, "app_access": true, "admin_access": false, "session": "s", "scope": "mcp:access",
            "aud": RESOURCE, "iat": 1_790_000_000, "exp": 1_790_000_900, "iss": "directus"})
    }

    fn token(payload: &str) -> String {
        format!("eyJh.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    fn judged(payload: &str) -> Result<Checked, &'static str> {
        let claims = Claims::read(&token(payload)).ok_or("unread")?;
        if !claims.is_directus() {
            return Err("issuer");
        }
        let now = Timestamp::from_second(1_790_000_100).unwrap();
        claims.checked(RESOURCE, now).map_err(|rejected| rejected.as_str())
    }

    #[test]
    fn only_an_oauth_token_for_this_endpoint_is_in_order() {
        assert_eq!(judged(&good().to_string()), Ok(Checked { id: USER.into(), role: Some(ROLE.into()) }));
        let with = |key: &str, value: Value| {
            let mut claims = good();
            claims[key] = value;
            claims
        };
        assert_eq!(
            judged(&with("role", Value::Null).to_string()),
            Ok(Checked { id: USER.into(), role: None })
        );
        for (key, value, expect) in [
            ("iss", json!("Directus"), "issuer"),
            ("iss", json!(["directus"]), "issuer"),
            ("iss", Value::Null, "issuer"),
            ("aud", json!("https://cms.example.com/mcp/"), "audience"),
            ("aud", json!("https://cms.example.com"), "audience"),
            ("aud", json!("https://CMS.example.com/mcp"), "audience"),
            ("aud", json!([RESOURCE]), "audience"),
            ("aud", json!([RESOURCE, "https://other.example.com"]), "audience"),
            ("aud", Value::Null, "audience"),
            ("scope", Value::Null, "scope"),
            ("scope", json!("mcp:access admin"), "scope"),
            ("scope", json!(" mcp:access"), "scope"),
            ("scope", json!(["mcp:access"]), "scope"),
            ("exp", json!(1_790_000_100), "expired"),
            ("exp", json!(-1), "expired"),
            ("exp", json!("1790000900"), "claims"),
            ("exp", json!(1_790_000_900.5), "claims"),
            ("exp", json!(1e300), "claims"),
            ("exp", Value::Null, "claims"),
            ("id", json!("me"), "claims"),
            ("id", json!(format!("{USER}/../me")), "claims"),
            ("id", json!(USER.to_uppercase()), "claims"),
            ("id", Value::Null, "claims"),
            ("role", json!(["x"]), "claims"),
            ("role", json!("administrator"), "claims"),
            ("session", Value::Null, "claims"),
            ("share", json!("x"), "claims"),
        ] {
            assert_eq!(judged(&with(key, value.clone()).to_string()), Err(expect), "{key}: {value}");
        }
    }

    #[test]
    fn what_two_readers_read_differently_is_no_token_of_directus() {
        let twice = good().to_string().replacen('{', r#"{"iss":"https://idp.example.com","#, 1);
        for payload in [twice.as_str(), "[]", "\"directus\"", "", "{", "nothing"] {
            assert_eq!(judged(payload), Err("unread"), "{payload}");
        }
    }
}

//! What has to be said in a token, for it to be one for this gateway, from this provider, and for now.

use super::rejected::TokenRejected;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::time::Duration;

/// Whom a token has to be from, and for.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// Exactly as it is written (RFC 7519, section 4.1.1).
    pub(super) issuer: String,
    /// One of those that it is for (RFC 7519, section 4.1.3; RFC 8707).
    pub(super) audience: String,
    /// How far the provider's clock may be off.
    pub(super) leeway: Duration,
}

/// Claims that stand in an ID or a logout token and in no access token.
///
/// An ID token says to a client who has signed in; whoever is shown one must not let it speak for that person elsewhere. The audience
/// tells them apart, since that of an ID token is the client, unless somebody has made the client the audience here; these are for
/// that case. `nonce` is not among them: some providers put it into access tokens too.
const NOT_ACCESS: [(&str, &str); 4] = [
    ("at_hash", "`at_hash` stands in ID tokens"),
    ("c_hash", "`c_hash` stands in ID tokens"),
    ("s_hash", "`s_hash` stands in ID tokens"),
    ("events", "`events` stands in logout tokens"),
];

impl Expected {
    /// Whether the token claims to be from there and for here, as long as nothing is proved: what does not is not worth a question to
    /// the provider.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn check_place(&self, claims: &Map<String, Value>) -> Result<(), TokenRejected> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(TokenRejected::Issuer);
        }
        let is_meant = match claims.get("aud") {
            Some(Value::String(audience)) => *audience == self.audience,
            Some(Value::Array(audiences)) => {
                audiences.iter().all(Value::is_string) && audiences.iter().any(|one| *one == *self.audience)
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
        };
        if !is_meant {
            return Err(TokenRejected::Audience);
        }
        is_access(claims)
    }

    /// Whether the time of the token of `name` has come and is not over. `exp` is required.
    ///
    /// # Errors
    /// When it is not, or when a time is not one.
    pub(super) fn check_time(
        &self,
        claims: &Map<String, Value>,
        name: &str,
        now: Timestamp,
    ) -> Result<(), TokenRejected> {
        let leeway = self.leeway.as_secs_f64();
        // Microseconds are exact here until long after this is of interest.
        #[expect(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
        let now = now.as_microsecond() as f64 / 1e6;
        let expires = time(claims, "exp")?.ok_or(TokenRejected::Claim("exp"))?;
        let begins = [time(claims, "nbf")?, time(claims, "iat")?];
        if expires + leeway <= now {
            return Err(TokenRejected::Expired { name: name.to_owned() });
        }
        if begins.into_iter().flatten().any(|begins| begins > now + leeway) {
            return Err(TokenRejected::Early { name: name.to_owned() });
        }
        Ok(())
    }
}

fn is_access(claims: &Map<String, Value>) -> Result<(), TokenRejected> {
    if let Some((_, why)) = NOT_ACCESS.iter().find(|(claim, _)| claims.contains_key(*claim)) {
        return Err(TokenRejected::NotAccess(why));
    }
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    // Cognito and Keycloak say of their tokens what they are; whoever says something says `access` or `Bearer`.
    if text("token_use").is_some_and(|kind| kind != "access") {
        return Err(TokenRejected::NotAccess("its `token_use` is not `access`"));
    }
    if text("typ").is_some_and(|kind| ["ID", "Refresh", "Offline", "Logout"].contains(&kind)) {
        return Err(TokenRejected::NotAccess("its claim `typ` says so"));
    }
    // Taken without the proof, it would be what its holder wanted it not to be: good for whoever has found it.
    if claims.contains_key("cnf") {
        return Err(TokenRejected::Bound);
    }
    Ok(())
}

/// Seconds since 1970, whole or not; `None` where it is left out.
fn time(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<f64>, TokenRejected> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => {
            let seconds = value.as_f64().filter(|seconds| *seconds > 0.0);
            seconds.map(Some).ok_or(TokenRejected::Claim(claim))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expected() -> Expected {
        Expected {
            issuer: "https://login.example.com/".to_owned(),
            audience: "https://gateway.example.com/mcp".to_owned(),
            leeway: Duration::from_secs(30),
        }
    }

    #[test]
    fn a_token_is_from_there_and_for_here_to_the_letter() {
        let (issuer, audience) = (expected().issuer, expected().audience);
        for (claims, expect) in [
            (json!({"iss": issuer, "aud": audience}), "taken"),
            (json!({"iss": issuer, "aud": [audience]}), "taken"),
            (json!({"iss": issuer, "aud": ["account", audience]}), "taken"),
            (json!({"aud": audience}), "token-issuer"),
            (json!({"iss": "https://login.example.com", "aud": audience}), "token-issuer"),
            (json!({"iss": "https://LOGIN.example.com/", "aud": audience}), "token-issuer"),
            (json!({"iss": [issuer], "aud": audience}), "token-issuer"),
            (json!({"iss": issuer}), "token-audience"),
            (json!({"iss": issuer, "aud": "account"}), "token-audience"),
            (json!({"iss": issuer, "aud": format!("{audience}/")}), "token-audience"),
            (json!({"iss": issuer, "aud": "https://gateway.example.com"}), "token-audience"),
            (json!({"iss": issuer, "aud": []}), "token-audience"),
            (json!({"iss": issuer, "aud": [audience, 1]}), "token-audience"),
            (json!({"iss": issuer, "aud": {audience.as_str(): true}}), "token-audience"),
            (json!({"iss": issuer, "aud": audience, "at_hash": "x"}), "token-type"),
            (json!({"iss": issuer, "aud": audience, "token_use": "id"}), "token-type"),
            (json!({"iss": issuer, "aud": audience, "token_use": "access"}), "taken"),
            (json!({"iss": issuer, "aud": audience, "typ": "Bearer"}), "taken"),
            (json!({"iss": issuer, "aud": audience, "typ": "Refresh"}), "token-type"),
            (json!({"iss": issuer, "aud": audience, "events": {}}), "token-type"),
            (json!({"iss": issuer, "aud": audience, "cnf": {"jkt": "x"}}), "token-bound"),
        ] {
            let checked = expected().check_place(claims.as_object().unwrap());
            let word = checked.map_or_else(|rejected| rejected.as_str(), |()| "taken");
            assert_eq!(word, expect, "{claims}");
        }
    }

    #[test]
    fn a_token_has_an_end_and_its_time_is_now() {
        let now = "2026-11-26T10:00:00Z".parse::<Timestamp>().unwrap();
        let at = now.as_second();
        for (claims, expect) in [
            (json!({"exp": at + 60}), "taken"),
            (json!({"exp": at + 60, "nbf": at, "iat": at}), "taken"),
            (json!({"exp": at}), "taken"),
            (json!({"exp": at - 29}), "taken"),
            (json!({"exp": at - 30}), "token-expired"),
            (json!({"exp": at - 3600}), "token-expired"),
            (json!({"exp": 60.5}), "token-expired"),
            (json!({"exp": at + 60, "nbf": at + 30}), "taken"),
            (json!({"exp": at + 60, "nbf": at + 31}), "token-early"),
            (json!({"exp": at + 60, "iat": at + 31}), "token-early"),
            (json!({}), "token-claims"),
            (json!({"exp": null}), "token-claims"),
            (json!({"exp": "2099-01-01"}), "token-claims"),
            (json!({"exp": (at + 60).to_string()}), "token-claims"),
            (json!({"exp": true}), "token-claims"),
            (json!({"exp": -1}), "token-claims"),
            (json!({"exp": at + 60, "nbf": "0"}), "token-claims"),
            (json!({"exp": at + 60, "iat": null}), "token-claims"),
            (json!({"exp": at + 60, "iat": [at]}), "token-claims"),
        ] {
            let checked = expected().check_time(claims.as_object().unwrap(), "jwt:ada", now);
            let word = checked.map_or_else(|rejected| rejected.as_str(), |()| "taken");
            assert_eq!(word, expect, "{claims}");
        }
    }
}

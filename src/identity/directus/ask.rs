//! The questions to Directus: whether it takes a token, whose that is, and which role the database gives to its user.

use super::super::rejected::Rejected;
use super::claims::is_id;
use crate::accept::whole;
use crate::telemetry;
use crate::upstream::{ReadError, Upstream};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The cheapest request that every valid token may make.
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// Longest answer to a ping, in bytes.
const LONGEST: u64 = 64 * 1024;

/// A token that Directus does not take.
const NOT_TAKEN: Rejected = Rejected::Token { word: "unknown", why: "Directus does not take it" };

/// Asks one Directus.
#[derive(Debug)]
pub(super) struct Ask {
    upstream: Upstream,
    /// The gateway's own token.
    own: SecretString,
}

/// A user as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) role: Option<Role>,
}

/// A role of Directus'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) id: String,
    /// Unknown where the gateway's own token may not read roles.
    pub(super) name: Option<String>,
}

impl User {
    /// The id of its role.
    pub(super) fn role(&self) -> Option<&str> {
        self.role.as_ref().map(|role| role.id.as_str())
    }

    /// Why it may have no policy role, for the trail.
    pub(super) fn without_role(&self) -> String {
        match &self.role {
            None => "it has no role in Directus".to_owned(),
            Some(Role { id, name: None }) => {
                format!(
                    "its Directus role `{id}` is not mapped, and the gateway's own token does not read its name"
                )
            }
            Some(Role { id, name: Some(_) }) => format!("its Directus role `{id}` is not mapped"),
        }
    }
}

impl Ask {
    pub(super) fn new(upstream: Upstream, own: SecretString) -> Self {
        Self { upstream, own }
    }

    /// Whether Directus takes a token at its MCP endpoint.
    pub(super) async fn takes(&self, token: &SecretString) -> Result<(), Rejected> {
        let request = self.ping(token).map_err(|_| NOT_TAKEN)?;
        let reply = match self.upstream.send(request).await {
            Ok(reply) => reply,
            Err(error) => return unavailable(telemetry::chain(&error)),
        };
        match reply.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(NOT_TAKEN),
            status => return unavailable(format!("Directus answered a ping with {status}")),
        }
        let bytes = whole(reply.into_body(), LONGEST).await.unwrap_or_default();
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if answer.get("result").is_some_and(Value::is_object) && answer.get("error").is_none() {
            Ok(())
        } else {
            unavailable("Directus answered a ping with something else".to_owned())
        }
    }

    fn ping(&self, token: &SecretString) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))?;
        bearer.set_sensitive(true);
        Request::post(self.upstream.uri("/mcp")?)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
            .header(AUTHORIZATION, bearer)
            .body(Full::from(PING))
    }

    /// The id of the user whose token it is.
    pub(super) async fn holder(&self, token: &SecretString) -> Result<String, Rejected> {
        #[derive(Deserialize)]
        struct Me {
            id: String,
        }
        let me: Me = self.of_client("/users/me?fields=id", token).await?;
        if is_id(&me.id) { Ok(me.id) } else { unavailable("Directus names a user by no id".to_owned()) }
    }

    /// The ids of the roles that are in effect for the holder of a token.
    pub(super) async fn roles(&self, token: &SecretString) -> Result<Vec<String>, Rejected> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Effective {
            Id(String),
            Row { id: String },
        }
        let roles: Vec<Effective> = self.of_client("/roles/me?fields=id", token).await?;
        let id = |role| match role {
            Effective::Id(id) | Effective::Row { id } => id,
        };
        Ok(roles.into_iter().map(id).collect())
    }

    /// A user as the database has it now, read with the gateway's own token.
    pub(super) async fn user(&self, id: &str) -> Result<User, Rejected> {
        #[derive(Deserialize)]
        struct Row {
            status: String,
            // Required, although it may be null: what the own token may not read is left out.
            #[serde(deserialize_with = "Option::deserialize")]
            role: Option<RowRole>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum RowRole {
            Id(String),
            Row { id: String, name: Option<String> },
        }
        if !is_id(id) {
            return unavailable("that is no id of a user".to_owned());
        }
        let path = format!("/users/{id}?fields=status,role.id,role.name");
        let row: Row = match self.upstream.get_json(&path, Some(&self.own)).await {
            Ok(bytes) => data(&bytes)?,
            Err(ReadError::Status { status, .. }) => {
                let why = format!(
                    "the gateway's own token (`upstream.schema_token_env`) does not read the user in Directus (HTTP {status})"
                );
                return unavailable(why);
            }
            Err(error) => return unavailable(telemetry::chain(&error)),
        };
        if row.status != "active" {
            return Err(NOT_TAKEN);
        }
        let role = row.role.map(|role| match role {
            RowRole::Id(id) => Role { id, name: None },
            RowRole::Row { id, name } => Role { id, name },
        });
        Ok(User { id: id.to_owned(), role })
    }

    async fn of_client<T: DeserializeOwned>(&self, path: &str, token: &SecretString) -> Result<T, Rejected> {
        match self.upstream.get_json(path, Some(token)).await {
            Ok(bytes) => data(&bytes),
            Err(ReadError::Status { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, .. }) => {
                Err(NOT_TAKEN)
            }
            Err(error) => unavailable(telemetry::chain(&error)),
        }
    }
}

/// What Directus' REST interface answers, out of its wrapping.
fn data<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rejected> {
    #[derive(Deserialize)]
    struct Wrapped<T> {
        data: T,
    }
    // What the reader says of it could repeat a part of it.
    let read = serde_json::from_slice::<Wrapped<T>>(bytes).map(|wrapped| wrapped.data);
    read.map_err(|_| Rejected::Unavailable {
        why: "Directus answered with something else than was asked".to_owned(),
    })
}

fn unavailable<T>(why: String) -> Result<T, Rejected> {
    tracing::warn!(%why, "a token cannot be checked");
    Err(Rejected::Unavailable { why })
}

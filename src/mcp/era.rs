//! The two eras of the protocol, and what a request of the newer one carries with it.
//!
//! Up to 2025-11-25 a client says once, in `initialize`, who it is and what it speaks. Since 2026-07-28 every request says so itself,
//! in its `_meta`: there is nothing to remember between requests (2026-07-28, *Statelessness* and *Versioning and Compatibility*, whose
//! words "legacy" and "modern" these are).

use super::message::MessageError;
use super::{Id, error, revision};
use serde_json::{Map, Value, json};

/// How long a client may keep a list or what was discovered, in milliseconds. Policies may change at any time, so not for long; what a list shows
/// permits nothing, since every call is decided by itself.
const TTL_MS: u64 = 60_000;

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const SERVER: &str = "io.modelcontextprotocol/serverInfo";

/// Which era of the protocol a message is of. It is read once, from the message's body; the headers have to agree with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Era {
    /// Up to 2025-11-25: with `initialize`. Directus speaks this one.
    #[default]
    Legacy,
    /// 2026-07-28: each request stands for itself.
    Modern,
}

/// What a result is, as far as clients may keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// What a tool or a prompt answers: it is not kept.
    Never,
    /// What `server/discover`, `tools/list` and `prompts/list` answer, for a while, and for this client only: it is cut to its role.
    Privately,
}

impl Era {
    /// Reads the era off a message's parameters: it is the modern one where `_meta` holds any of the members that only that era has.
    ///
    /// 2026-07-28, *Per-request protocol fields*: a request without a required one is malformed (-32602); a version that is not
    /// implemented is answered with -32022. A revision of the legacy era cannot be asked for in this form.
    ///
    /// # Errors
    /// When `_meta` has such a member, but not all that are required, or another version.
    pub(super) fn read(id: Option<&Id>, params: &Map<String, Value>) -> Result<Self, MessageError> {
        let Some(Value::Object(meta)) = params.get("_meta") else { return Ok(Self::Legacy) };
        if ![VERSION, CLIENT, CAPABILITIES].iter().any(|key| meta.contains_key(*key)) {
            return Ok(Self::Legacy);
        }
        let malformed = |what: String| MessageError::new(error::INVALID_PARAMS, id.cloned(), what);
        let Some(Value::String(version)) = meta.get(VERSION) else {
            return Err(malformed(format!("`{VERSION}` in `_meta` is missing or not a text")));
        };
        if version != revision::MODERN {
            return Err(MessageError::unsupported(id.cloned(), version));
        }
        if !meta.get(CAPABILITIES).is_some_and(Value::is_object) {
            return Err(malformed(format!("`{CAPABILITIES}` in `_meta` is missing or not an object")));
        }
        let is_client =
            |info: &Value| ["name", "version"].iter().all(|key| info.get(*key).is_some_and(Value::is_string));
        if !meta.get(CLIENT).is_none_or(is_client) {
            return Err(malformed(format!("`{CLIENT}` in `_meta` has no `name` and `version`")));
        }
        Ok(Self::Modern)
    }

    /// What is missing where only a header says that the era is the modern one.
    pub(super) fn without_meta(id: Option<&Id>) -> MessageError {
        let what = format!("{} needs `{VERSION}` and `{CAPABILITIES}` in `_meta`", revision::MODERN);
        MessageError::new(error::INVALID_PARAMS, id.cloned(), what)
    }

    /// Adds what a result of this era has beside its own members: nothing in the legacy one.
    ///
    /// 2026-07-28: every result has a `resultType` (*`ResultType`*), and should say in `_meta` who answers (*Per-response protocol
    /// fields*); lists say how long and by whom they may be kept (*Caching*).
    pub fn complete(self, result: &mut Map<String, Value>, kept: Kept) {
        match self {
            Self::Legacy => {}
            Self::Modern => result.extend(members(kept)),
        }
    }

    /// The members of [`Era::complete`] as they stand at the beginning of a result's object that has others: nothing in the
    /// legacy era.
    pub fn at_the_beginning(self) -> String {
        match self {
            Self::Legacy => String::new(),
            Self::Modern => {
                let text = Value::Object(members(Kept::Never)).to_string();
                let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
                format!("{},", inner.unwrap_or_default())
            }
        }
    }

    /// The code of an error that comes from Directus, as this era has it.
    ///
    /// 2026-07-28, *Error Codes*: -32002 has become -32602, -32042 is gone, and from -32020 to -32099 only the specification's own
    /// meanings are used, none of which is Directus' to give.
    pub fn error_code(self, code: i64) -> i64 {
        match self {
            Self::Legacy => code,
            Self::Modern => match code {
                -32002 => error::INVALID_PARAMS,
                -32099..=-32020 => error::INTERNAL_ERROR,
                other => other,
            },
        }
    }
}

/// What the client calls itself in this request, where the era is the modern one and it says so.
pub(super) fn client(params: &Map<String, Value>) -> Option<&Map<String, Value>> {
    params.get("_meta")?.get(CLIENT)?.as_object()
}

fn members(kept: Kept) -> Map<String, Value> {
    let server = json!({ "name": "warrener", "version": env!("CARGO_PKG_VERSION") });
    let mut members = Map::new();
    members.insert("resultType".to_owned(), Value::from("complete"));
    match kept {
        Kept::Never => {}
        Kept::Privately => {
            members.insert("ttlMs".to_owned(), Value::from(TTL_MS));
            members.insert("cacheScope".to_owned(), Value::from("private"));
        }
    }
    members.insert("_meta".to_owned(), json!({ SERVER: server }));
    members
}

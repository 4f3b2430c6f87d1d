//! What can be wrong with a gateway as a whole.

use super::load::LoadError;
use super::manager::HandOverError;
use crate::accept::{BindError, TlsError};
use crate::audit::TrailError;
use crate::audit::feed::FeedError;
use crate::audit::signing::SigningKeyError;
use crate::audit::trail::TrailUnavailable;
use crate::identity::{CertificateError, KeyError, ProviderError, SecretError};
use crate::telemetry::trace::CollectorError;
use crate::upstream::SetupError;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a gateway cannot be set up, or has not ended well.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Policies or schema.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is no Directus to stand in front of.
    #[error(
        "no upstream is set: say where Directus is, with `--upstream https://cms.example.com` or `upstream.url`"
    )]
    NoUpstream,
    /// The address must not be listened on.
    #[error("{0}")]
    Listen(String),
    /// The certificate that clients are to be shown.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The token of the upstream, or the gateway's own.
    #[error("the Directus token cannot be had: {0}")]
    Token(#[from] SecretError),
    /// The client keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A setting that is another program's to see to.
    #[error(
        "`{0}` does nothing inside another program, which listens itself: leave it out, and have that program see to it"
    )]
    Embedded(&'static str),
    /// The certificates that clients are known by.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
    /// A certificate speaks for a role that has no policy.
    #[error("`identity.certificates` names the role `{0}`, for which there is no policy file")]
    CertificateRole(String),
    /// A key speaks for a role that has no policy.
    #[error("a key in `{keys}` names the role `{role}`, for which there is no policy file", keys = keys.display())]
    Role {
        /// The key file.
        keys: PathBuf,
        /// The role.
        role: String,
    },
    /// A role of Directus' speaks for a role that has no policy.
    #[error("`identity` gives somebody the role `{role}`, for which there is no policy file")]
    MappedRole {
        /// The role.
        role: String,
    },
    /// Tokens of Directus' own are taken, and nothing can read its users.
    #[error(
        "`identity` takes Directus' own tokens, and the gateway has no token to read users and roles with: set `upstream.schema_token_env`"
    )]
    NoOwnToken,
    /// The machine has no randomness.
    #[error("the machine has no randomness")]
    Random(#[source] io::Error),
    /// The tokens of an OpenID provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The address of Directus, or what is needed to reach it.
    #[error(transparent)]
    Upstream(#[from] SetupError),
    /// The audit trail cannot be opened.
    #[error(transparent)]
    Trail(#[from] TrailError),
    /// The key that checkpoints are signed with.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// Checkpoints cannot go where the settings want them.
    #[error("checkpoints cannot be written to their second place: {0}")]
    SecondPlace(#[source] io::Error),
    /// The live feed.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The live feed has no thread to run on.
    #[error("the feed cannot be started")]
    FeedThread(#[source] io::Error),
    /// The audit trail cannot be written.
    #[error(transparent)]
    Unavailable(#[from] TrailUnavailable),
    /// The trail failed, and the settings say that the gateway is to end then.
    #[error("the gateway ended, since the audit trail could not be written")]
    Stopped,
    /// The address is taken, or not this machine's.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Metrics cannot be told where the settings want them.
    #[error("`metrics.listen`: `{address}` cannot be listened on")]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The collector of traces.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// What the service manager hands over cannot be listened on.
    #[error(transparent)]
    HandOver(#[from] HandOverError),
    /// Signals cannot be waited for.
    #[error("the process cannot wait for signals")]
    Signals(#[source] io::Error),
    /// The one client cannot be read from, or written to.
    #[error("the client cannot be read from, or written to")]
    Client(#[source] io::Error),
}

//! `warrener health`: asks a gateway how it is, for whatever has no other program to ask with.

use super::{CommandError, Ended};
use crate::upstream::{Upstream, UpstreamOptions};
use bytes::Bytes;
use clap::Args;
use http::Request;
use http_body_util::{BodyExt as _, Full, Limited};
use std::io::Write;
use std::time::Duration;
use url::Url;

/// For the whole answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// More than a gateway ever says of itself, in bytes.
const LONGEST: usize = 64 * 1024;

/// Who is asked what.
#[derive(Args, Debug)]
pub(super) struct HealthArguments {
    /// Where the gateway is
    #[arg(long, value_name = "URL", env = "WARRENER_HEALTH_URL", default_value = "http://127.0.0.1:8080")]
    url: Url,
    /// Ask whether it is alive only, and not whether trail, Directus and schema are there
    #[arg(long)]
    alive: bool,
}

pub(super) fn run(arguments: &HealthArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let asked = async { tokio::time::timeout(PATIENCE, ask(arguments)).await };
    match super::runtime()?.block_on(asked) {
        Ok(Ok((well, said))) => {
            writeln!(out, "{}", said.trim_end())?;
            Ok(if well { Ended::Well } else { Ended::Failed })
        }
        Ok(Err(error)) => {
            Err(CommandError::Input(format!("the gateway at {} does not answer: {error}", arguments.url)))
        }
        Err(_) => Err(CommandError::Input(format!("the gateway at {} does not answer", arguments.url))),
    }
}

async fn ask(
    arguments: &HealthArguments,
) -> Result<(bool, String), Box<dyn std::error::Error + Send + Sync>> {
    // The client that Directus is asked with: it checks certificates and waits for nothing without an end.
    let gateway = Upstream::new(&UpstreamOptions::new(arguments.url.clone()))?;
    let uri = gateway.uri(if arguments.alive { "/healthz" } else { "/readyz" })?;
    let reply = gateway.send(Request::get(uri).body(Full::<Bytes>::default())?).await?;
    let well = reply.status().is_success();
    let said = Limited::new(reply.into_body(), LONGEST).collect().await?.to_bytes();
    Ok((well, String::from_utf8_lossy(&said).into_owned()))
}

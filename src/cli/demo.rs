//! `warrener demo`: the gateway in front of the built-in stand-in, to see an allowed and a denied call in one minute.

use super::{CommandError, Ended};
use crate::accept::{self, Drain};
use crate::administer::{Gateway, GatewayError};
use crate::audit::call::Call;
use crate::audit::query::TrailReader;
use crate::config::{Audit, Config, Listen};
use crate::demo::{StandIn, StandInOptions};
use crate::identity::{ClientKey, KeyFile, KeyRing, NewKey, Stops};
use crate::telemetry::{Clock as _, LogFormat, SystemClock, start_log_at};
use clap::Args;
use secrecy::SecretString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::sleep;

/// The role whose policy the demo shows.
const ROLE: &str = "content-editor";

/// How often the trail is looked at for calls to show.
const LOOK: Duration = Duration::from_millis(100);

/// How the demo is run.
#[derive(Args, Debug)]
pub(super) struct DemoArguments {
    /// Where the demo listens; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The folder that the demo's trail, `warrener-demo.db`, is written to
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

pub(super) fn run(arguments: &DemoArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    // The calls are shown on standard output; the log would say them a second time.
    start_log_at(LogFormat::Text, "error").map_err(|error| CommandError::Input(error.to_string()))?;
    super::runtime()?.block_on(demo(arguments, out))
}

async fn demo(arguments: &DemoArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let ending = Drain::new();
    let (upstream, token) = stand_in(&ending).await?;
    let trail = arguments.dir.join("warrener-demo.db");
    let trail = trail.strip_prefix(".").unwrap_or(&trail).to_owned();
    let config = config(arguments, &upstream, &trail)?;
    let (key, keys) = key(token)?;
    let gateway = Gateway::with(&config, keys, Stops::none()).await?;
    let drain = gateway.drain();
    drain.on_signals().map_err(GatewayError::Signals)?;
    introduce(out, gateway.address()?, &key, &config.audit.url)?;
    let watched = watch(&config.audit.url, out, drain.clone());
    let (served, watched) = tokio::join!(gateway.serve(), watched);
    ending.begin();
    served?;
    watched.map(|()| Ended::Well)
}

/// A Directus in memory, on a free port, with *Allow Deletes* on and a token that only this process knows.
async fn stand_in(drain: &Drain) -> Result<(String, SecretString), CommandError> {
    let token =
        ClientKey::random().map_err(|_| CommandError::Input("the machine has no randomness".to_owned()))?;
    let listener = accept::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(GatewayError::Bind)?;
    let address = format!("http://{}", listener.local_addr()?);
    let options =
        StandInOptions { token: token.expose().to_owned(), allow_deletes: true, public_url: address.clone() };
    let stand_in = StandIn::new(options).map_err(|error| CommandError::Input(error.to_string()))?;
    let serving = stand_in.serve(listener, drain.clone());
    tokio::spawn(serving);
    Ok((address, SecretString::from(token.expose())))
}

fn config(
    arguments: &DemoArguments,
    upstream: &str,
    trail: &std::path::Path,
) -> Result<Config, CommandError> {
    let url = upstream.parse().map_err(|_| CommandError::Input(format!("`{upstream}` is not an address")))?;
    let mut config = Config {
        listen: Listen { address: arguments.listen, ..Listen::default() },
        audit: Audit { url: format!("sqlite://{}", trail.display()), ..Audit::default() },
        ..Config::default()
    };
    config.upstream.url = Some(url);
    Ok(config)
}

/// A key for the newcomer, which ends with the demo.
fn key(token: SecretString) -> Result<(ClientKey, KeyRing), CommandError> {
    let mut file = KeyFile::default();
    let new = NewKey {
        name: "demo".to_owned(),
        role: ROLE.to_owned(),
        created: SystemClock.now(),
        expires: None,
        in_url: false,
        token: None,
    };
    let key = file.issue(new).map_err(super::key::KeyCommandError::from)?;
    let keys = KeyRing::in_memory(&file, Some(token)).map_err(GatewayError::Keys)?;
    Ok((key, keys))
}

fn introduce(out: &mut dyn Write, address: SocketAddr, key: &ClientKey, trail: &str) -> io::Result<()> {
    let url = format!("http://{address}/mcp");
    let key = key.expose();
    let curl = |arguments: &str| {
        format!(
            "  curl -s {url} -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"items\",\"arguments\":{arguments}}}}}'"
        )
    };
    writeln!(
        out,
        "Warrener stands in front of a small Directus made up for this demo, with Allow Deletes on.\n\n\
         listening on {url}\n\
         key {key}\n\
         role {ROLE}\n\
         trail {trail}\n\n\
         An allowed call:\n{}\n\n\
         A denied call:\n{}\n\n\
         Ctrl-C ends it. What is called is shown here:\n",
        curl(r#"{"action":"read","collection":"articles","query":{"limit":1}}"#),
        curl(r#"{"action":"delete","collection":"articles","keys":[1]}"#),
    )?;
    out.flush()
}

/// Shows each call as it ends, from the trail that it is recorded in.
async fn watch(trail: &str, out: &mut dyn Write, drain: Drain) -> Result<(), CommandError> {
    let broken = |error: &dyn std::error::Error| CommandError::Input(crate::telemetry::chain(error));
    let mut reader = TrailReader::open(trail).await.map_err(|error| broken(&error))?;
    let mut seen = reader.head().await.map_err(|error| broken(&error))?;
    while !drain.has_begun() {
        let head = reader.head().await.map_err(|error| broken(&error))?;
        let (calls, reached) = reader.ended(seen, head).await.map_err(|error| broken(&error))?;
        for ended in calls {
            writeln!(out, "{}", line(&ended.call))?;
        }
        out.flush()?;
        if reached == head {
            sleep(LOOK).await;
        }
        seen = reached;
    }
    Ok(())
}

/// One call in one line: what was decided, what it would do, and by which rule.
fn line(call: &Call) -> String {
    let access = call.accesses.iter().find(|access| access.asked);
    let does = access
        .map_or_else(|| call.method.clone(), |access| format!("{} {}", access.action, access.collection));
    let tool = call.tool.as_deref().unwrap_or("-");
    let rule = call.rule.as_deref().unwrap_or("-");
    let time = call.duration_ms.map(|time| format!("{time:.1} ms")).unwrap_or_default();
    crate::audit::escape::escape(&format!("{:<6}  {tool:<12}  {does:<28}  {rule:<36}  {time}", call.decision))
        .into_owned()
}
